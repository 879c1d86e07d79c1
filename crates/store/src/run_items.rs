//! The items of runs: one per subject, with its journal. Decides which item transitions are legal
//! in SQL (the same table as the domain's state machine); every record of a worker is guarded by
//! its lease.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Nullable, Text, Uuid as SqlUuid};
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::leases::{Holder, guard};
use crate::page::{Page, one_more};
use crate::schema::{operation_run_items, operation_runs};

/// An item as stored.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = operation_run_items, check_for_backend(diesel::pg::Pg))]
pub struct ItemRow {
    /// The run.
    pub operation_run_id: Uuid,
    /// Order of execution.
    pub position: i32,
    /// Names the subject; unique in the run.
    pub subject_key: String,
    /// Registry key.
    pub policy_type: String,
    /// For people.
    pub display_name: String,
    /// `create`, `update`, `capture`, `check` or `restore`.
    pub action: String,
    /// `pending`, `writing`, `succeeded`, `failed`, `skipped` or `unknown`.
    pub outcome: String,
    /// How a succeeded item counts: `created`, `updated` or `unchanged`.
    pub effect: Option<String>,
    /// Stable code of what went wrong.
    pub reason_code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// How often writing was begun.
    pub attempts: i32,
    /// Steps with intents and results: an array.
    pub journal: Value,
    /// The policy it writes.
    pub source_policy_id: Option<Uuid>,
    /// The version it writes.
    pub source_version_id: Option<Uuid>,
    /// The policy it writes to, once known.
    pub target_policy_id: Option<Uuid>,
    /// The version that was reviewed.
    pub target_version_id: Option<Uuid>,
    /// Graph's id of the target object, once known.
    pub target_external_id: Option<String>,
    /// The version captured after writing.
    pub result_version_id: Option<Uuid>,
    /// Graph's request ids.
    pub graph_request_ids: Vec<String>,
    /// When writing first began.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
}

/// An item to be inserted with its run.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = operation_run_items)]
pub struct NewItem {
    /// The run.
    pub operation_run_id: Uuid,
    /// Order of execution, from 0.
    pub position: i32,
    /// Names the subject.
    pub subject_key: String,
    /// Registry key.
    pub policy_type: String,
    /// For people.
    pub display_name: String,
    /// `create`, `update`, `capture`, `check` or `restore`.
    pub action: String,
    /// The policy it writes.
    pub source_policy_id: Option<Uuid>,
    /// The version it writes.
    pub source_version_id: Option<Uuid>,
    /// The policy it writes to.
    pub target_policy_id: Option<Uuid>,
    /// The version that was reviewed.
    pub target_version_id: Option<Uuid>,
    /// Graph's id of the target object.
    pub target_external_id: Option<String>,
}

/// How an item ends.
#[derive(Clone, Debug, Default)]
pub struct ItemResult {
    /// `succeeded`, `failed`, `skipped` or `unknown`.
    pub outcome: String,
    /// Required for `succeeded`: `created`, `updated` or `unchanged`.
    pub effect: Option<String>,
    /// Stable code of what went wrong.
    pub reason_code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// The target policy, where it is known now; otherwise the stored one stays.
    pub target_policy_id: Option<Uuid>,
    /// Graph's id of the target object, where it is known now.
    pub target_external_id: Option<String>,
    /// The version captured after writing.
    pub result_version_id: Option<Uuid>,
    /// Request ids to add.
    pub graph_request_ids: Vec<String>,
    /// A last journal entry.
    pub journal_entry: Option<Value>,
}

/// Rows per INSERT: PostgreSQL takes at most 65,535 parameters.
const INSERT_BATCH: usize = 1000;

/// Inserts the items of a run that is being queued.
pub fn insert_items(conn: &mut PgConnection, items: &[NewItem]) -> Result<(), StoreError> {
    for batch in items.chunks(INSERT_BATCH) {
        diesel::insert_into(operation_run_items::table)
            .values(batch)
            .execute(conn)?;
    }
    Ok(())
}

/// Inserts items of a held run that became known while it runs (a sync's), and counts them.
/// Those that exist already stay as they are.
pub fn insert_items_held(
    conn: &mut PgConnection,
    holder: &Holder,
    items: &[NewItem],
) -> Result<(), StoreError> {
    guard(conn, holder)?;
    if items
        .iter()
        .any(|item| item.operation_run_id != holder.run_id)
    {
        return Err(StoreError::StaleHolder);
    }
    for batch in items.chunks(INSERT_BATCH) {
        diesel::insert_into(operation_run_items::table)
            .values(batch)
            .on_conflict_do_nothing()
            .execute(conn)?;
    }
    refresh(conn, holder.run_id).map(drop)
}

/// Items of a run in order of execution, after a position; with `outcome`, only those.
pub fn list_items(
    conn: &mut PgConnection,
    run_id: Uuid,
    outcome: Option<&str>,
    after_position: Option<i32>,
    limit: u32,
) -> Result<Page<ItemRow>, StoreError> {
    let mut query = operation_run_items::table
        .filter(operation_run_items::operation_run_id.eq(run_id))
        .filter(operation_run_items::position.gt(after_position.unwrap_or(-1)))
        .select(ItemRow::as_select())
        .order(operation_run_items::position)
        .limit(one_more(limit))
        .into_boxed();
    if let Some(outcome) = outcome {
        query = query.filter(operation_run_items::outcome.eq(outcome));
    }
    Ok(Page::cut(query.load(conn)?, limit))
}

/// Every item of a run in order of execution, for the worker.
pub fn load_items(conn: &mut PgConnection, run_id: Uuid) -> Result<Vec<ItemRow>, StoreError> {
    Ok(operation_run_items::table
        .filter(operation_run_items::operation_run_id.eq(run_id))
        .order(operation_run_items::position)
        .select(ItemRow::as_select())
        .load(conn)?)
}

/// The journals of failed items with this reason, of runs on this tenant, that ended since; oldest
/// first.
pub fn list_journals_held_for(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    reason_codes: &[&str],
    since: DateTime<Utc>,
) -> Result<Vec<Value>, StoreError> {
    Ok(operation_run_items::table
        .inner_join(
            operation_runs::table.on(operation_runs::id.eq(operation_run_items::operation_run_id)),
        )
        .filter(operation_runs::tenant_id.eq(tenant_id))
        .filter(operation_run_items::outcome.eq("failed"))
        .filter(operation_run_items::reason_code.eq_any(reason_codes))
        .filter(operation_run_items::completed_at.gt(since))
        .order(operation_run_items::completed_at)
        .select(operation_run_items::journal)
        .load(conn)?)
}

/// One item of a run.
pub fn find_item(
    conn: &mut PgConnection,
    run_id: Uuid,
    subject_key: &str,
) -> Result<Option<ItemRow>, StoreError> {
    Ok(operation_run_items::table
        .find((run_id, subject_key))
        .select(ItemRow::as_select())
        .first(conn)
        .optional()?)
}

/// Begins writing an item (or begins again after a wait or a resume), with the intent of its first
/// step: pending or writing -> writing, one more attempt. Commit it before anything is sent. After a
/// wait that spends no attempt (throttling), go on with [`record_intent`] instead.
pub fn mark_item_writing(
    conn: &mut PgConnection,
    holder: &Holder,
    subject_key: &str,
    intent: &Value,
) -> Result<(), StoreError> {
    guard(conn, holder)?;
    let changed = diesel::sql_query(
        "UPDATE operation_run_items SET outcome = 'writing', attempts = attempts + 1, \
         journal = journal || jsonb_build_array($3), \
         started_at = coalesce(started_at, clock_timestamp()) \
         WHERE operation_run_id = $1 AND subject_key = $2 AND outcome IN ('pending', 'writing')",
    )
    .bind::<SqlUuid, _>(holder.run_id)
    .bind::<Text, _>(subject_key)
    .bind::<Jsonb, _>(intent)
    .execute(conn)?;
    changed_one(changed)?;
    refresh(conn, holder.run_id).map(drop)
}

/// Appends the intent of a further step to an item that is being written. Commit it before
/// anything is sent. Spends no attempt.
pub fn record_intent(
    conn: &mut PgConnection,
    holder: &Holder,
    subject_key: &str,
    intent: &Value,
) -> Result<(), StoreError> {
    record(conn, holder, subject_key, intent, &[], None)
}

/// Appends what came of a step, with Graph's request ids and, once known, the target object's id.
pub fn record_step_result(
    conn: &mut PgConnection,
    holder: &Holder,
    subject_key: &str,
    result: &Value,
    graph_request_ids: &[String],
    target_external_id: Option<&str>,
) -> Result<(), StoreError> {
    record(
        conn,
        holder,
        subject_key,
        result,
        graph_request_ids,
        target_external_id,
    )
}

fn record(
    conn: &mut PgConnection,
    holder: &Holder,
    subject_key: &str,
    entry: &Value,
    graph_request_ids: &[String],
    target_external_id: Option<&str>,
) -> Result<(), StoreError> {
    guard(conn, holder)?;
    let changed = diesel::sql_query(
        "UPDATE operation_run_items SET journal = journal || jsonb_build_array($3), \
         graph_request_ids = graph_request_ids || $4, \
         target_external_id = coalesce($5, target_external_id) \
         WHERE operation_run_id = $1 AND subject_key = $2 AND outcome = 'writing'",
    )
    .bind::<SqlUuid, _>(holder.run_id)
    .bind::<Text, _>(subject_key)
    .bind::<Jsonb, _>(entry)
    .bind::<Array<Text>, _>(graph_request_ids)
    .bind::<Nullable<Text>, _>(target_external_id)
    .execute(conn)?;
    changed_one(changed)
}

/// Ends an item: recounts the run, raises its revision, returns the counts.
///
/// Pending may become succeeded, failed or skipped; writing any end, skipped only where the caller
/// knows that none of its requests took effect. Anything else is [`StoreError::Conflict`].
pub fn mark_item_done(
    conn: &mut PgConnection,
    holder: &Holder,
    subject_key: &str,
    result: &ItemResult,
) -> Result<Value, StoreError> {
    guard(conn, holder)?;
    let changed = diesel::sql_query(
        "UPDATE operation_run_items SET outcome = $3, effect = $4, reason_code = $5, message = $6, \
         target_policy_id = coalesce($7, target_policy_id), \
         target_external_id = coalesce($8, target_external_id), \
         result_version_id = coalesce($9, result_version_id), \
         graph_request_ids = graph_request_ids || $10, \
         journal = CASE WHEN $11 IS NULL THEN journal ELSE journal || jsonb_build_array($11) END, \
         completed_at = clock_timestamp() \
         WHERE operation_run_id = $1 AND subject_key = $2 \
         AND (outcome = 'pending' AND $3 IN ('succeeded', 'failed', 'skipped') \
              OR outcome = 'writing' AND $3 IN ('succeeded', 'failed', 'skipped', 'unknown'))",
    )
    .bind::<SqlUuid, _>(holder.run_id)
    .bind::<Text, _>(subject_key)
    .bind::<Text, _>(&result.outcome)
    .bind::<Nullable<Text>, _>(&result.effect)
    .bind::<Nullable<Text>, _>(&result.reason_code)
    .bind::<Nullable<Text>, _>(&result.message)
    .bind::<Nullable<SqlUuid>, _>(result.target_policy_id)
    .bind::<Nullable<Text>, _>(&result.target_external_id)
    .bind::<Nullable<SqlUuid>, _>(result.result_version_id)
    .bind::<Array<Text>, _>(&result.graph_request_ids)
    .bind::<Nullable<Jsonb>, _>(&result.journal_entry)
    .execute(conn)?;
    changed_one(changed)?;
    // Rescues are counted since the last progress: a long run may outlive many workers.
    diesel::sql_query("UPDATE operation_runs SET rescues = 0 WHERE id = $1 AND rescues > 0")
        .bind::<SqlUuid, _>(holder.run_id)
        .execute(conn)?;
    refresh(conn, holder.run_id)
}

/// Skips pending items (dependants of a failed one); those that are not pending stay as they are.
/// Returns how many were skipped.
pub fn mark_items_skipped(
    conn: &mut PgConnection,
    holder: &Holder,
    subject_keys: &[String],
    reason_code: &str,
    message: &str,
) -> Result<usize, StoreError> {
    guard(conn, holder)?;
    let skipped = diesel::sql_query(
        "UPDATE operation_run_items SET outcome = 'skipped', reason_code = $3, message = $4, \
         completed_at = clock_timestamp() \
         WHERE operation_run_id = $1 AND subject_key = ANY($2) AND outcome = 'pending'",
    )
    .bind::<SqlUuid, _>(holder.run_id)
    .bind::<Array<Text>, _>(subject_keys)
    .bind::<Text, _>(reason_code)
    .bind::<Text, _>(message)
    .execute(conn)?;
    refresh(conn, holder.run_id)?;
    Ok(skipped)
}

/// Skips every pending item of a held run (a stop). Returns how many.
pub fn mark_pending_skipped(
    conn: &mut PgConnection,
    holder: &Holder,
    reason_code: &str,
    message: &str,
) -> Result<usize, StoreError> {
    guard(conn, holder)?;
    let skipped = skip_pending(conn, holder.run_id, reason_code, message)?;
    refresh(conn, holder.run_id)?;
    Ok(skipped)
}

pub(crate) fn skip_pending(
    conn: &mut PgConnection,
    run_id: Uuid,
    reason_code: &str,
    message: &str,
) -> Result<usize, StoreError> {
    end_all(conn, run_id, ("pending", "skipped"), reason_code, message)
}

pub(crate) fn give_up_writing(
    conn: &mut PgConnection,
    run_id: Uuid,
    reason_code: &str,
    message: &str,
) -> Result<usize, StoreError> {
    end_all(conn, run_id, ("writing", "unknown"), reason_code, message)
}

fn end_all(
    conn: &mut PgConnection,
    run_id: Uuid,
    (from, to): (&str, &str),
    reason_code: &str,
    message: &str,
) -> Result<usize, StoreError> {
    Ok(diesel::sql_query(
        "UPDATE operation_run_items SET outcome = $3, reason_code = $4, message = $5, \
         completed_at = clock_timestamp() WHERE operation_run_id = $1 AND outcome = $2",
    )
    .bind::<SqlUuid, _>(run_id)
    .bind::<Text, _>(from)
    .bind::<Text, _>(to)
    .bind::<Text, _>(reason_code)
    .bind::<Text, _>(message)
    .execute(conn)?)
}

const COUNTS: &str = "SELECT jsonb_build_object('total', count(*), \
     'processed', count(*) FILTER (WHERE outcome IN ('succeeded', 'failed', 'unknown', 'skipped')), \
     'succeeded', count(*) FILTER (WHERE outcome = 'succeeded'), \
     'failed', count(*) FILTER (WHERE outcome IN ('failed', 'unknown')), \
     'skipped', count(*) FILTER (WHERE outcome = 'skipped'), \
     'created', count(*) FILTER (WHERE effect = 'created'), \
     'updated', count(*) FILTER (WHERE effect = 'updated'), \
     'unchanged', count(*) FILTER (WHERE effect = 'unchanged')) AS counts \
     FROM operation_run_items WHERE operation_run_id = $1";

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = Jsonb)]
    counts: Value,
}

/// The canonical counts of a run's items.
pub fn count_items(conn: &mut PgConnection, run_id: Uuid) -> Result<Value, StoreError> {
    let row: Counts = diesel::sql_query(COUNTS)
        .bind::<SqlUuid, _>(run_id)
        .get_result(conn)?;
    Ok(row.counts)
}

/// Recounts a run's items and raises its revision, which announces it.
fn refresh(conn: &mut PgConnection, run_id: Uuid) -> Result<Value, StoreError> {
    let row: Counts = diesel::sql_query(format!(
        "UPDATE operation_runs SET summary_counts = ({COUNTS}), revision = revision + 1 \
         WHERE id = $1 RETURNING summary_counts AS counts"
    ))
    .bind::<SqlUuid, _>(run_id)
    .get_result(conn)?;
    Ok(row.counts)
}

fn changed_one(changed: usize) -> Result<(), StoreError> {
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::Conflict("operation run item"))
}

#[derive(QueryableByName)]
struct Promoted {
    #[diesel(sql_type = SqlUuid)]
    source_policy_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    target_policy_id: Uuid,
}

/// Which live policy of the target each source policy was last promoted to by an earlier run:
/// (source policy, target policy).
pub fn find_promoted_targets(
    conn: &mut PgConnection,
    target_tenant_id: Uuid,
    source_policy_ids: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    let rows: Vec<Promoted> = diesel::sql_query(
        "SELECT DISTINCT ON (i.source_policy_id) i.source_policy_id, i.target_policy_id \
         FROM operation_run_items i \
         JOIN operation_runs r ON r.id = i.operation_run_id AND r.type = 'promotion.execute' \
         JOIN policies p ON p.id = i.target_policy_id AND p.tenant_id = $1 AND p.removed_at IS NULL \
         WHERE r.tenant_id = $1 AND i.outcome = 'succeeded' AND i.source_policy_id = ANY($2) \
         ORDER BY i.source_policy_id, i.completed_at DESC, i.operation_run_id DESC",
    )
    .bind::<SqlUuid, _>(target_tenant_id)
    .bind::<Array<SqlUuid>, _>(source_policy_ids)
    .load(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| (row.source_policy_id, row.target_policy_id))
        .collect())
}

/// How many items of a run stand at each outcome: for printing a run's history.
pub fn count_by_outcome(
    conn: &mut PgConnection,
    run_id: Uuid,
) -> Result<Vec<(String, i64)>, StoreError> {
    Ok(operation_run_items::table
        .filter(operation_run_items::operation_run_id.eq(run_id))
        .group_by(operation_run_items::outcome)
        .select((operation_run_items::outcome, diesel::dsl::count_star()))
        .load(conn)?)
}
