//! `promotionctl audit list|verify|export`: reads the log over the API; on the database checks the hash chain of the audit log and takes it out as
//! JSON Lines, the chain's head last. An exported head kept elsewhere shows later whether the log
//! was cut.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};
use store::audit::{AuditHead, AuditRow, ChainKeys, Verification};
use store::keys::MasterKey;
use store::workspaces::WorkspaceRow;
use store::{Db, PgConnection, StoreError};
use uuid::Uuid;

use crate::arguments::AuditCommand;
use crate::commands::keys::{master_key, previous_master_keys};
use crate::commands::resources::audit_list;
use crate::ending::{Ending, Failure};
use crate::environment;
use crate::show;

/// Runs the command.
pub(crate) async fn audit(command: &AuditCommand) -> Result<Ending, Failure> {
    if let AuditCommand::List(arguments) = command {
        return audit_list(arguments).await;
    }
    let url = environment::database_url()?;
    let db = Db::connect(&url, 1)?;
    match command {
        // Over the API; see above.
        AuditCommand::List(_) => Ok(Ending::Error),
        AuditCommand::Verify {
            workspace,
            expected_head,
            head,
            overlap_entries,
        } => {
            let keys = chain_keys()?.with_overlap(*overlap_entries);
            let workspaces = chosen(&db, workspace.clone()).await?;
            let exported = match (head, expected_head) {
                (Some(file), _) => {
                    let all = workspace.is_none()
                        && environment::optional(environment::WORKSPACE)?.is_none();
                    exported_heads(file, &workspaces, all)?
                }
                (None, Some(head)) => one_head(&workspaces, parse_head(head)?)?,
                (None, None) => Exported::new(),
            };
            verify(&db, &keys, workspaces, &exported).await
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

/// Heads that were exported, by workspace.
type Exported = BTreeMap<Uuid, AuditHead>;

/// Reads the heads out of an export: of every line that has one. A file that holds a head alone
/// belongs to the one workspace that was named. `whole`: every workspace of the file must be there.
fn exported_heads(
    file: &Path,
    workspaces: &[WorkspaceRow],
    whole: bool,
) -> Result<Exported, Failure> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(file)?
    };
    let mut exported = Exported::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let Ok(value) = serde_json::from_str::<Value>(line) else {
            return one_head(workspaces, parse_head(text.trim())?);
        };
        let Some(head) = value.get("head") else {
            continue;
        };
        let id = value.get("workspace_id").and_then(Value::as_str);
        let id = id.and_then(|id| Uuid::parse_str(id).ok());
        match (id, head.as_str()) {
            (Some(id), Some(head)) => {
                exported.insert(id, parse_head(head)?);
            }
            (Some(_), None) if head.is_null() => {}
            _ => {
                return Err(Failure::Usage(
                    "--head: a line has no head as export prints it".to_owned(),
                ));
            }
        }
    }
    if exported.is_empty() {
        return Err(Failure::Usage("--head: the file holds no head".to_owned()));
    }
    let there = |id: &Uuid| workspaces.iter().any(|workspace| workspace.id == *id);
    if whole && let Some((id, head)) = exported.iter().find(|(id, _)| !there(id)) {
        return Err(Failure::AuditBroken {
            sequence: head.sequence,
            why: format!("workspace {id}, whose head was exported, is gone"),
        });
    }
    if !workspaces
        .iter()
        .any(|workspace| exported.contains_key(&workspace.id))
    {
        return Err(Failure::Usage(
            "--head: the file holds no head of this workspace".to_owned(),
        ));
    }
    Ok(exported)
}

/// A head without a workspace is that of the one that was named.
fn one_head(workspaces: &[WorkspaceRow], head: AuditHead) -> Result<Exported, Failure> {
    match workspaces {
        [only] => Ok(Exported::from([(only.id, head)])),
        _ => Err(Failure::Usage("a head alone needs --workspace".to_owned())),
    }
}

async fn verify(
    db: &Db,
    keys: &ChainKeys,
    workspaces: Vec<WorkspaceRow>,
    exported: &Exported,
) -> Result<Ending, Failure> {
    let mut broken = None;
    for workspace in workspaces {
        let (keys, expected) = (keys.clone(), exported.get(&workspace.id).cloned());
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
    let mut line =
        |value: &Value| writeln!(out, "{}", show::inert(&value.to_string())).map_err(Stopped::Io);
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
    let wrong = || Failure::Usage("this is not a head as export prints it".to_owned());
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
