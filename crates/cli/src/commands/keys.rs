//! `promotionctl keys`: what the API needs of the master key, a new master key, and the re-sealing
//! of credentials from an old master key to a new one, while everything runs.

use chrono::Utc;
use serde_json::json;
use store::audit::{AuditEntry, ChainKeys};
use store::keys::{KeyError, MasterKey, OpeningKeys, Sealed};
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::arguments::KeysCommand;
use crate::ending::{Ending, Failure};
use crate::environment;
use crate::show;

/// Runs the command.
pub(crate) fn keys(command: &KeysCommand) -> Result<Ending, Failure> {
    match command {
        KeysCommand::Api => api(),
        KeysCommand::Generate => {
            let key = MasterKey::generate().to_base64();
            show::data(&format!("{}={}", environment::MASTER_KEY, key.as_str()))?;
            Ok(Ending::Done)
        }
        KeysCommand::Rotate => rotate(),
    }
}

/// A master key of the environment.
pub(crate) fn master_key(name: &'static str) -> Result<MasterKey, Failure> {
    let text = environment::required(name)?;
    MasterKey::from_base64(&text).map_err(|error| Failure::Environment {
        name,
        why: error.to_string(),
    })
}

/// The master keys before the current one: one, or several separated by commas, oldest first.
pub(crate) fn previous_master_keys() -> Result<Vec<MasterKey>, Failure> {
    let name = environment::PREVIOUS_MASTER_KEY;
    let Some(text) = environment::optional(name)? else {
        return Ok(Vec::new());
    };
    text.split(',')
        .map(|key| {
            MasterKey::from_base64(key).map_err(|error| Failure::Environment {
                name,
                why: error.to_string(),
            })
        })
        .collect()
}

/// Prints the two halves the API may hold: it seals credentials and can never open them.
fn api() -> Result<Ending, Failure> {
    let key = master_key(environment::MASTER_KEY)?;
    show::data(&format!(
        "PROMOTION_SEALING_KEY={}\nPROMOTION_AUDIT_KEY={}",
        key.sealing_key().to_base64(),
        key.audit_key().to_base64().as_str()
    ))?;
    Ok(Ending::Done)
}

/// Re-seals every credential that is not sealed to the current key. Each is replaced only if it is
/// still the one that was read, so a credential set meanwhile is never lost.
fn rotate() -> Result<Ending, Failure> {
    let url = environment::database_url()?;
    let current = master_key(environment::MASTER_KEY)?;
    let previous = previous_master_keys()?;
    if previous.is_empty() {
        environment::required(environment::PREVIOUS_MASTER_KEY)?;
    }
    let opening = OpeningKeys::new(
        std::iter::once(&current)
            .chain(&previous)
            .map(MasterKey::opening_key)
            .collect(),
    );
    let sealing = current.sealing_key();
    let chain = ChainKeys::in_turn(
        previous.iter().map(MasterKey::audit_key).collect(),
        current.audit_key(),
    );
    let mut conn = store::db::establish(&url)?;
    let column = store::connections::CREDENTIAL_COLUMN;
    let (mut resealed, mut unopened) = (0_u64, 0_u64);
    for (workspace, tenant) in
        store::connections::list_sealed_to_other_keys(&mut conn, sealing.id())?
    {
        let before = store::connections::load_sealed_credential(&mut conn, tenant)?;
        let plain = match opening.open(tenant, column, &before) {
            Ok(plain) => plain,
            Err(error) => {
                show::note(&format!("tenant {tenant}: {error}"));
                unopened += 1;
                continue;
            }
        };
        let after = sealing.seal(tenant, column, &plain)?;
        let replaced = replace(&mut conn, &chain, workspace, tenant, &before, &after);
        resealed += u64::from(replaced.map_err(|failure| older_chain(failure, workspace))?);
    }
    show::note(&format!(
        "{} sealed to key {}",
        show::count(resealed, "credential", "credentials"),
        sealing.id()
    ));
    if unopened > 0 {
        return Err(Failure::Usage(format!(
            "{} could not be opened with either key",
            show::count(unopened, "credential", "credentials")
        )));
    }
    Ok(Ending::Done)
}

/// A workspace in which nothing was audited since the last rotation still has its chain under the
/// key before that one.
fn older_chain(failure: Failure, workspace: Uuid) -> Failure {
    match failure {
        Failure::Store(StoreError::Key(KeyError::UnknownKey)) => Failure::Usage(format!(
            "the last audit entry of workspace {workspace} was made with a master key that is not \
             given; name every earlier key in {}, oldest first, separated by commas",
            environment::PREVIOUS_MASTER_KEY
        )),
        other => other,
    }
}

/// One credential and the entry that tells of it, in one transaction.
fn replace(
    conn: &mut PgConnection,
    chain: &ChainKeys,
    workspace: Uuid,
    tenant: Uuid,
    before: &Sealed,
    after: &Sealed,
) -> Result<bool, Failure> {
    let entry = AuditEntry {
        tenant_id: Some(tenant),
        detail: json!({"from_key": before.key_id, "to_key": after.key_id}),
        ..AuditEntry::new(workspace, "connection.resealed", Utc::now())
    };
    Ok(store::db::transaction(conn, |conn: &mut PgConnection| {
        let replaced = store::connections::reseal_credential(conn, tenant, before, after)?;
        if replaced {
            store::audit::append_with_key_in_force(conn, chain, &entry)?;
        }
        Ok::<_, StoreError>(replaced)
    })?)
}
