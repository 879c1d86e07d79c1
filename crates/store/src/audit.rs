//! The audit log: append, list, export. Decides the order of the chain; the part `chain` decides what
//! each link covers and whether a chain holds.

mod chain;

use chrono::{DateTime, SubsecRound, Utc};
use diesel::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

pub use chain::{Broken, ChainKeys, KeyedVerification, Verification, verify, verify_with_keys};

use crate::error::StoreError;
use crate::keys::{AuditKey, KeyError};
use crate::page::{Page, one_more};
use crate::schema::{audit_heads, audit_logs};

/// Something that happened, to be recorded in the transaction that makes it happen.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// The workspace whose chain it joins.
    pub workspace_id: Uuid,
    /// Stable action id, such as `promotion.execute.queued`.
    pub action: String,
    /// Who acted; `None` = the system.
    pub actor_user_id: Option<Uuid>,
    /// With which token.
    pub actor_token_id: Option<Uuid>,
    /// On which tenant.
    pub tenant_id: Option<Uuid>,
    /// In or about which run.
    pub operation_run_id: Option<Uuid>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// Facts in JSON, never secrets. NUL characters are replaced, as PostgreSQL cannot hold them.
    pub detail: Value,
    /// When; stored to the microsecond.
    pub recorded_at: DateTime<Utc>,
}

impl AuditEntry {
    /// An entry with nothing but what every entry has.
    pub fn new(workspace_id: Uuid, action: &str, recorded_at: DateTime<Utc>) -> Self {
        Self {
            workspace_id,
            action: action.to_owned(),
            actor_user_id: None,
            actor_token_id: None,
            tenant_id: None,
            operation_run_id: None,
            request_id: None,
            detail: json!({}),
            recorded_at,
        }
    }
}

/// An entry as it stands in the log.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_logs, check_for_backend(diesel::pg::Pg))]
pub struct AuditRow {
    /// Our id.
    pub id: Uuid,
    /// The workspace whose chain it is in.
    pub workspace_id: Uuid,
    /// 1, 2, 3 ... without a gap.
    pub sequence: i64,
    /// Stable action id.
    pub action: String,
    /// Who acted; `None` = the system.
    pub actor_user_id: Option<Uuid>,
    /// With which token.
    pub actor_token_id: Option<Uuid>,
    /// On which tenant.
    pub tenant_id: Option<Uuid>,
    /// In or about which run.
    pub operation_run_id: Option<Uuid>,
    /// The request that caused it.
    pub request_id: Option<String>,
    /// Facts.
    pub detail: Value,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// The MAC of the entry before.
    pub previous_mac: Vec<u8>,
    /// This entry's MAC.
    pub mac: Vec<u8>,
}

/// The end of a workspace's chain at some moment. An exported head shows later whether the chain
/// was cut behind it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = audit_heads, check_for_backend(diesel::pg::Pg))]
pub struct AuditHead {
    /// Sequence of the last entry; 0 = none.
    pub sequence: i64,
    /// Its MAC.
    pub mac: Vec<u8>,
}

/// Which entries to list.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// This action only.
    pub action: Option<String>,
    /// About this tenant only.
    pub tenant_id: Option<Uuid>,
    /// About this run only.
    pub operation_run_id: Option<Uuid>,
    /// By this user only.
    pub actor_user_id: Option<Uuid>,
    /// Entries before this sequence only (the cursor).
    pub before: Option<i64>,
}

/// Appends an entry to its workspace's chain.
///
/// Locks the chain's head until the transaction ends: call it last, so that the lock is short and
/// no other lock is taken under it.
pub fn append(
    conn: &mut PgConnection,
    key: &AuditKey,
    entry: &AuditEntry,
) -> Result<AuditHead, StoreError> {
    let head = lock_head(conn, key, entry.workspace_id)?;
    let mut row = AuditRow {
        id: Uuid::now_v7(),
        workspace_id: entry.workspace_id,
        sequence: head.sequence + 1,
        action: entry.action.clone(),
        actor_user_id: entry.actor_user_id,
        actor_token_id: entry.actor_token_id,
        tenant_id: entry.tenant_id,
        operation_run_id: entry.operation_run_id,
        request_id: entry.request_id.as_deref().map(without_nul),
        detail: storable(&entry.detail),
        recorded_at: entry.recorded_at.trunc_subsecs(6),
        previous_mac: head.mac,
        mac: Vec::new(),
    };
    row.mac = chain::mac(key, &row);
    diesel::insert_into(audit_logs::table)
        .values(&row)
        .execute(conn)?;
    diesel::update(audit_heads::table.find(entry.workspace_id))
        .set((
            audit_heads::sequence.eq(row.sequence),
            audit_heads::mac.eq(&row.mac),
        ))
        .execute(conn)?;
    Ok(AuditHead {
        sequence: row.sequence,
        mac: row.mac,
    })
}

/// [`append`] with the key that made the chain's last entry: while the master key is turned over, the
/// running services still write with the earlier one, and a chain must not change back and forth.
pub fn append_with_key_in_force(
    conn: &mut PgConnection,
    keys: &ChainKeys,
    entry: &AuditEntry,
) -> Result<AuditHead, StoreError> {
    let last: Option<AuditRow> = audit_logs::table
        .filter(audit_logs::workspace_id.eq(entry.workspace_id))
        .order(audit_logs::sequence.desc())
        .select(AuditRow::as_select())
        .first(conn)
        .optional()?;
    let key = match &last {
        Some(row) => keys.maker(row),
        None => keys.current(),
    };
    append(conn, key.ok_or(KeyError::UnknownKey)?, entry)
}

/// The end of a workspace's chain now; `None` before its first entry.
pub fn find_head(
    conn: &mut PgConnection,
    workspace_id: Uuid,
) -> Result<Option<AuditHead>, StoreError> {
    Ok(audit_heads::table
        .find(workspace_id)
        .select(AuditHead::as_select())
        .first(conn)
        .optional()?)
}

/// Entries of a workspace, newest first. The cursor is the last row's sequence.
pub fn list(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    filter: &AuditFilter,
    limit: u32,
) -> Result<Page<AuditRow>, StoreError> {
    let mut query = audit_logs::table
        .filter(audit_logs::workspace_id.eq(workspace_id))
        .select(AuditRow::as_select())
        .order(audit_logs::sequence.desc())
        .limit(one_more(limit))
        .into_boxed();
    if let Some(action) = &filter.action {
        query = query.filter(audit_logs::action.eq(action));
    }
    if let Some(tenant_id) = filter.tenant_id {
        query = query.filter(audit_logs::tenant_id.eq(tenant_id));
    }
    if let Some(run_id) = filter.operation_run_id {
        query = query.filter(audit_logs::operation_run_id.eq(run_id));
    }
    if let Some(actor) = filter.actor_user_id {
        query = query.filter(audit_logs::actor_user_id.eq(actor));
    }
    if let Some(before) = filter.before {
        query = query.filter(audit_logs::sequence.lt(before));
    }
    Ok(Page::cut(query.load(conn)?, limit))
}

/// Hands every entry of a workspace to `take`, oldest first, a few thousand in memory at a time.
/// Run it in a read view, so that the entries and [`find_head`] are of one moment.
pub fn export<E: From<StoreError>>(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    mut take: impl FnMut(&AuditRow) -> Result<(), E>,
) -> Result<(), E> {
    let mut after = i64::MIN;
    loop {
        let rows = list_after(conn, workspace_id, after)?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = last.sequence;
        for row in &rows {
            take(row)?;
        }
    }
}

const BATCH: i64 = 4000;

/// The next entries after a sequence, oldest first.
fn list_after(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    after: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    Ok(audit_logs::table
        .filter(audit_logs::workspace_id.eq(workspace_id))
        .filter(audit_logs::sequence.gt(after))
        .order(audit_logs::sequence)
        .limit(BATCH)
        .select(AuditRow::as_select())
        .load(conn)?)
}

fn lock_head(
    conn: &mut PgConnection,
    key: &AuditKey,
    workspace_id: Uuid,
) -> Result<AuditHead, StoreError> {
    let locked = |conn: &mut PgConnection| {
        audit_heads::table
            .find(workspace_id)
            .select(AuditHead::as_select())
            .for_update()
            .first(conn)
            .optional()
    };
    if let Some(head) = locked(conn)? {
        return Ok(head);
    }
    diesel::insert_into(audit_heads::table)
        .values((
            audit_heads::workspace_id.eq(workspace_id),
            audit_heads::sequence.eq(0),
            audit_heads::mac.eq(chain::genesis(key, workspace_id)),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    locked(conn)?.ok_or(StoreError::NotFound("audit head"))
}

/// JSON that PostgreSQL can hold and gives back with the same canonical form.
fn storable(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(items) => items.iter().map(storable).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (without_nul(name), storable(value)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
