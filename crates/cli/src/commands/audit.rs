//! `promotionctl audit verify|export`: checks the hash chain of the audit log and takes it out as
//! JSON Lines, the chain's head last. An exported head kept elsewhere shows later whether the log
//! was cut.

use std::io::{BufWriter, Write};

use serde_json::{Value, json};
use store::audit::{AuditHead, AuditRow, ChainKeys, Verification};
use store::keys::MasterKey;
use store::workspaces::WorkspaceRow;
use store::{Db, PgConnection, StoreError};
use uuid::Uuid;

use crate::arguments::AuditCommand;
use crate::commands::keys::{master_key, previous_master_keys};
use crate::ending::{Ending, Failure};
use crate::environment;
use crate::show;

/// Runs the command.
pub(crate) async fn audit(command: &AuditCommand) -> Result<Ending, Failure> {
    let url = environment::database_url()?;
    let db = Db::connect(&url, 1)?;
    match command {
        AuditCommand::Verify {
            workspace,
            expected_head,
            overlap_entries,
        } => {
            let keys = chain_keys()?.with_overlap(*overlap_entries);
            verify(&db, &keys, workspace.clone(), expected_head.as_deref()).await
        }
        AuditCommand::Export { workspace } => export(&db, workspace.clone()).await,
    }
}

/// The audit keys of the current master key and of those before it.
fn chain_keys() -> Result<ChainKeys, Failure> {
    let current = master_key(environment::MASTER_KEY)?.audit_key();
    let earlier = previous_master_keys()?;
    let earlier = earlier.iter().map(MasterKey::audit_key).collect();
    Ok(ChainKeys::in_turn(earlier, current))
}

async fn verify(
    db: &Db,
    keys: &ChainKeys,
    workspace: Option<String>,
    expected_head: Option<&str>,
) -> Result<Ending, Failure> {
    let expected = expected_head.map(parse_head).transpose()?;
    let mut broken = None;
    for workspace in chosen(db, workspace).await? {
        let (keys, expected) = (keys.clone(), expected.clone());
        let found = db
            .read_view(move |conn: &mut PgConnection| {
                store::audit::verify_with_keys(conn, &keys, workspace.id, expected.as_ref())
            })
            .await?;
        let name = show::clean(&workspace.name);
        match found.verification {
            // Making a workspace is its first entry: a log without one was wiped.
            Verification::Whole { entries: 0, .. } => {
                let why = "the log has no entries, and every workspace begins with one";
                show::data(&format!(
                    "{} {name}: BROKEN at entry 1: {why}",
                    workspace.id
                ))?;
                broken = broken.or(Some((1, why.to_owned())));
            }
            Verification::Whole { entries, head } => show::data(&format!(
                "{} {name}: {} whole{}, head {}",
                workspace.id,
                show::count(entries, "entry", "entries"),
                print_changes(&found.changes),
                head.map_or_else(|| "none".to_owned(), |head| print_head(&head))
            ))?,
            Verification::Broken { sequence, why } => {
                show::data(&format!(
                    "{} {name}: BROKEN at entry {sequence}: {}",
                    workspace.id,
                    why.message()
                ))?;
                broken = broken.or(Some((sequence, why.message().to_owned())));
            }
        }
    }
    match broken {
        Some((sequence, why)) => Err(Failure::AuditBroken { sequence, why }),
        None => Ok(Ending::Done),
    }
}

/// What can stop an export half way.
enum Stopped {
    Store(StoreError),
    Io(std::io::Error),
}

impl From<StoreError> for Stopped {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn export(db: &Db, workspace: Option<String>) -> Result<Ending, Failure> {
    for workspace in chosen(db, workspace).await? {
        let written: std::io::Result<()> = db
            .read_view(
                move |conn: &mut PgConnection| match write_entries(conn, workspace.id) {
                    Ok(()) => Ok(Ok(())),
                    Err(Stopped::Io(error)) => Ok(Err(error)),
                    Err(Stopped::Store(error)) => Err(error),
                },
            )
            .await?;
        written?;
    }
    Ok(Ending::Done)
}

fn write_entries(conn: &mut PgConnection, workspace_id: Uuid) -> Result<(), Stopped> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut line = |value: &Value| writeln!(out, "{value}").map_err(Stopped::Io);
    store::audit::export(conn, workspace_id, |row| line(&entry(row)))?;
    let head = store::audit::find_head(conn, workspace_id)?;
    line(&json!({
        "workspace_id": workspace_id,
        "head": head.as_ref().map(print_head),
    }))?;
    out.flush().map_err(Stopped::Io)
}

fn entry(row: &AuditRow) -> Value {
    json!({
        "id": row.id,
        "workspace_id": row.workspace_id,
        "sequence": row.sequence,
        "action": row.action,
        "actor_user_id": row.actor_user_id,
        "actor_token_id": row.actor_token_id,
        "tenant_id": row.tenant_id,
        "operation_run_id": row.operation_run_id,
        "request_id": row.request_id,
        "detail": row.detail,
        "recorded_at": row.recorded_at,
        "previous_mac": hex(&row.previous_mac),
        "mac": hex(&row.mac),
    })
}

/// The workspace named by id or name, here or in the environment, or all of them.
async fn chosen(db: &Db, named: Option<String>) -> Result<Vec<WorkspaceRow>, Failure> {
    let named = match named {
        Some(named) => Some(named),
        None => environment::optional(environment::WORKSPACE)?,
    };
    let Some(named) = named else {
        return Ok(db.read_view(all).await?);
    };
    let wanted = named.clone();
    let found = db
        .read_view(
            move |conn: &mut PgConnection| match Uuid::parse_str(&wanted) {
                Ok(id) => store::workspaces::find_workspace(conn, id),
                Err(_) => store::workspaces::find_workspace_by_name(conn, &wanted),
            },
        )
        .await?;
    found
        .map(|workspace| vec![workspace])
        .ok_or_else(|| Failure::Usage(format!("no workspace is named {named:?}")))
}

fn all(conn: &mut PgConnection) -> Result<Vec<WorkspaceRow>, StoreError> {
    store::workspaces::list_workspaces(conn)
}

/// Where the chain went over to another key.
fn print_changes(changes: &[i64]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let places: Vec<String> = changes.iter().map(ToString::to_string).collect();
    format!(", another key since entry {}", places.join(", "))
}

/// `sequence:mac`, the form in which a head leaves the database.
fn print_head(head: &AuditHead) -> String {
    format!("{}:{}", head.sequence, hex(&head.mac))
}

fn parse_head(text: &str) -> Result<AuditHead, Failure> {
    let wrong = || Failure::Usage("--expected-head is not a head as export prints it".to_owned());
    let (sequence, mac) = text.split_once(':').ok_or_else(wrong)?;
    let digits: Option<Vec<u8>> = mac
        .as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2)?;
            u8::from_str_radix(pair, 16).ok()
        })
        .collect();
    Ok(AuditHead {
        sequence: sequence.parse().map_err(|_| wrong())?,
        mac: digits.filter(|mac| mac.len() == 32).ok_or_else(wrong)?,
    })
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_survives_printing_and_reading() {
        let head = AuditHead {
            sequence: 42,
            mac: (0..32).collect(),
        };
        assert_eq!(parse_head(&print_head(&head)).ok(), Some(head));
        for wrong in ["", "42", "42:zz", "42:00", "x:00", "42:é"] {
            assert!(parse_head(wrong).is_err(), "{wrong}");
        }
    }
}
