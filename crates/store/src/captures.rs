//! Writes what was read of a tenant. Decides that an older observation never replaces a newer one,
//! that the same content is stored once, and what may be marked removed; what the content means
//! is the domain's.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::clock_timestamp;
use crate::schema::{inventory_coverage, policies, policy_versions};

/// One policy as captured.
#[derive(Clone, Debug)]
pub struct PolicyCapture {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The tenant it was read from.
    pub tenant_id: Uuid,
    /// Registry key.
    pub policy_type: String,
    /// Graph's id.
    pub external_id: String,
    /// Its name.
    pub display_name: String,
    /// Platform in Graph's words.
    pub platform: Option<String>,
    /// Identity across tenants.
    pub identity_key: String,
    /// Content without transport noise, server state and secrets.
    pub content: Value,
    /// Assignments in normal form.
    pub assignments: Value,
    /// `[{"path","facet","kind","external_id"}]`.
    pub references_used: Value,
    /// Digest of content and assignments.
    pub content_hash: String,
    /// Version of the registry that read it.
    pub registry_version: String,
    /// The key of the secret fingerprints inside, when there are any.
    pub fingerprint_key_id: Option<String>,
    /// Facet fingerprints by meaning.
    pub fingerprints: Value,
    /// When it was read (before the answer, not after): decides what is older.
    pub observed_at: DateTime<Utc>,
}

/// An object that was seen and could not be captured.
#[derive(Clone, Debug)]
pub struct UnreadableCapture {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The tenant it was read from.
    pub tenant_id: Uuid,
    /// Registry key.
    pub policy_type: String,
    /// Graph's id.
    pub external_id: String,
    /// Its name, or what stands for it.
    pub display_name: String,
    /// Identity across tenants, or what stands for it.
    pub identity_key: String,
    /// Stable code of why.
    pub reason: String,
    /// When it was read.
    pub observed_at: DateTime<Utc>,
}

/// What a capture did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Captured {
    /// The policy.
    pub policy_id: Uuid,
    /// Its current version now; the newer one when this observation was too old to count.
    pub version_id: Option<Uuid>,
    /// Whether this observation counts. `false`: a newer one is stored, nothing was changed.
    pub applied: bool,
    /// Whether anything that compare sees is different now (raise the generation).
    pub changed: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = policies, check_for_backend(diesel::pg::Pg))]
struct Known {
    id: Uuid,
    display_name: String,
    platform: Option<String>,
    identity_key: String,
    current_version_id: Option<Uuid>,
    capture_state: String,
    fingerprints: Option<Value>,
    observed_at: DateTime<Utc>,
    removed_at: Option<DateTime<Utc>>,
}

/// Stores a policy and its version, unless a newer observation of it is stored already. A policy
/// that was marked removed is live again. Needs a transaction: policy and version refer to each
/// other, which is checked at commit.
pub fn upsert_policy_capture(
    conn: &mut PgConnection,
    capture: &PolicyCapture,
) -> Result<Captured, StoreError> {
    let known = lock_policy(
        conn,
        capture.tenant_id,
        &capture.policy_type,
        &capture.external_id,
    )?;
    if let Some(known) = known {
        return replace(conn, &known, capture);
    }
    let (policy_id, version_id) = (Uuid::now_v7(), Uuid::now_v7());
    let inserted = diesel::insert_into(policies::table)
        .values((
            policies::id.eq(policy_id),
            policies::workspace_id.eq(capture.workspace_id),
            policies::tenant_id.eq(capture.tenant_id),
            policies::policy_type.eq(&capture.policy_type),
            policies::external_id.eq(&capture.external_id),
            policies::display_name.eq(&capture.display_name),
            policies::platform.eq(&capture.platform),
            policies::identity_key.eq(&capture.identity_key),
            // The version follows; the constraint between them is checked at commit.
            policies::current_version_id.eq(version_id),
            policies::fingerprints.eq(&capture.fingerprints),
            policies::observed_at.eq(capture.observed_at),
            policies::last_seen_at.eq(capture.observed_at),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    if inserted == 0 {
        // Another transaction was first, and the insert waited for it.
        let known = lock_policy(
            conn,
            capture.tenant_id,
            &capture.policy_type,
            &capture.external_id,
        )?
        .ok_or(StoreError::Conflict("policy"))?;
        return replace(conn, &known, capture);
    }
    insert_version(conn, policy_id, version_id, capture)?;
    Ok(Captured {
        policy_id,
        version_id: Some(version_id),
        applied: true,
        changed: true,
    })
}

fn replace(
    conn: &mut PgConnection,
    known: &Known,
    capture: &PolicyCapture,
) -> Result<Captured, StoreError> {
    if known.observed_at > capture.observed_at {
        return Ok(Captured {
            policy_id: known.id,
            version_id: known.current_version_id,
            applied: false,
            changed: false,
        });
    }
    let stored: Option<Uuid> = policy_versions::table
        .filter(policy_versions::policy_id.eq(known.id))
        .filter(policy_versions::content_hash.eq(&capture.content_hash))
        .select(policy_versions::id)
        .first(conn)
        .optional()?;
    let version_id = stored.unwrap_or_else(Uuid::now_v7);
    if stored.is_none() {
        insert_version(conn, known.id, version_id, capture)?;
    }
    let same_version = known.current_version_id == Some(version_id);
    let changed = !same_version
        || known.removed_at.is_some()
        || known.capture_state != "ok"
        || known.display_name != capture.display_name
        || known.platform != capture.platform
        || known.identity_key != capture.identity_key
        || known.fingerprints.as_ref() != Some(&capture.fingerprints);
    diesel::update(policies::table.find(known.id))
        .set((
            policies::display_name.eq(&capture.display_name),
            policies::platform.eq(&capture.platform),
            policies::identity_key.eq(&capture.identity_key),
            policies::current_version_id.eq(version_id),
            policies::capture_state.eq("ok"),
            policies::capture_reason.eq(None::<String>),
            policies::fingerprints.eq(&capture.fingerprints),
            policies::observed_at.eq(capture.observed_at),
            policies::last_seen_at.eq(capture.observed_at),
            policies::removed_at.eq(None::<DateTime<Utc>>),
            // What a verified write proved holds for the version it read back, not for another.
            (!same_version).then_some(policies::verified_pairs.eq(None::<Value>)),
        ))
        .execute(conn)?;
    Ok(Captured {
        policy_id: known.id,
        version_id: Some(version_id),
        applied: true,
        changed,
    })
}

/// Records that an object exists and could not be captured; an earlier version stays its current
/// one, but the policy counts as unreadable.
pub fn mark_policy_unreadable(
    conn: &mut PgConnection,
    capture: &UnreadableCapture,
) -> Result<Captured, StoreError> {
    let policy_id = Uuid::now_v7();
    let inserted = diesel::insert_into(policies::table)
        .values((
            policies::id.eq(policy_id),
            policies::workspace_id.eq(capture.workspace_id),
            policies::tenant_id.eq(capture.tenant_id),
            policies::policy_type.eq(&capture.policy_type),
            policies::external_id.eq(&capture.external_id),
            policies::display_name.eq(&capture.display_name),
            policies::identity_key.eq(&capture.identity_key),
            policies::capture_state.eq("unreadable"),
            policies::capture_reason.eq(&capture.reason),
            policies::observed_at.eq(capture.observed_at),
            policies::last_seen_at.eq(capture.observed_at),
        ))
        .on_conflict_do_nothing()
        .execute(conn)?;
    if inserted == 1 {
        return Ok(Captured {
            policy_id,
            version_id: None,
            applied: true,
            changed: true,
        });
    }
    let known = lock_policy(
        conn,
        capture.tenant_id,
        &capture.policy_type,
        &capture.external_id,
    )?
    .ok_or(StoreError::Conflict("policy"))?;
    let applied = known.observed_at <= capture.observed_at;
    if applied {
        diesel::update(policies::table.find(known.id))
            .set((
                policies::display_name.eq(&capture.display_name),
                policies::identity_key.eq(&capture.identity_key),
                policies::capture_state.eq("unreadable"),
                policies::capture_reason.eq(&capture.reason),
                policies::observed_at.eq(capture.observed_at),
                policies::last_seen_at.eq(capture.observed_at),
                policies::removed_at.eq(None::<DateTime<Utc>>),
            ))
            .execute(conn)?;
    }
    Ok(Captured {
        policy_id: known.id,
        version_id: known.current_version_id,
        applied,
        changed: applied
            && (known.capture_state == "ok"
                || known.removed_at.is_some()
                || known.display_name != capture.display_name),
    })
}

/// Marks policies of a type removed that a complete read did not meet. Only those last seen or
/// written before that read began: a promotion may have created others meanwhile. Returns how many.
pub fn mark_removed_unseen(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    policy_type: &str,
    seen_external_ids: &[String],
    read_started_at: DateTime<Utc>,
) -> Result<usize, StoreError> {
    use policies as table;
    Ok(diesel::update(
        table::table
            .filter(table::tenant_id.eq(tenant_id))
            .filter(table::policy_type.eq(policy_type))
            .filter(table::removed_at.is_null())
            .filter(table::last_seen_at.lt(read_started_at))
            .filter(table::observed_at.lt(read_started_at))
            .filter(table::external_id.ne_all(seen_external_ids)),
    )
    .set(table::removed_at.eq(clock_timestamp().nullable()))
    .execute(conn)?)
}

/// Marks one policy removed that a live look did not find, unless it was seen after that look.
/// `true` when it was live until now.
pub fn mark_policy_removed(
    conn: &mut PgConnection,
    policy_id: Uuid,
    looked_at: DateTime<Utc>,
) -> Result<bool, StoreError> {
    use policies as table;
    let changed = diesel::update(
        table::table
            .find(policy_id)
            .filter(table::removed_at.is_null())
            .filter(table::last_seen_at.lt(looked_at)),
    )
    .set(table::removed_at.eq(clock_timestamp().nullable()))
    .execute(conn)?;
    Ok(changed == 1)
}

/// Stores the fingerprints of a policy anew (a reference was renamed), unless its version changed
/// meanwhile. `true` when stored.
pub fn put_fingerprints(
    conn: &mut PgConnection,
    policy_id: Uuid,
    version_id: Uuid,
    fingerprints: &Value,
) -> Result<bool, StoreError> {
    let changed = diesel::update(
        policies::table
            .find(policy_id)
            .filter(policies::current_version_id.eq(version_id)),
    )
    .set(policies::fingerprints.eq(fingerprints))
    .execute(conn)?;
    Ok(changed == 1)
}

/// Stores the fingerprint pairs that a verified write proved equal for this version. `true` when
/// stored; `false` when the policy has another version by now.
pub fn put_verified_pairs(
    conn: &mut PgConnection,
    policy_id: Uuid,
    version_id: Uuid,
    verified_pairs: &Value,
) -> Result<bool, StoreError> {
    let changed = diesel::update(
        policies::table
            .find(policy_id)
            .filter(policies::current_version_id.eq(version_id)),
    )
    .set(policies::verified_pairs.eq(verified_pairs))
    .execute(conn)?;
    Ok(changed == 1)
}

/// What is known of one policy type or reference kind after a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCoverage {
    /// The workspace.
    pub workspace_id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// A policy type, or `reference:` and a kind.
    pub subject: String,
    /// Whether every page and sub-collection was read.
    pub complete: bool,
    /// Stable code of why not.
    pub reason_code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// When the read began.
    pub read_started_at: DateTime<Utc>,
    /// When it ended.
    pub read_ended_at: DateTime<Utc>,
}

/// Records a read; a read that began before the recorded one does not count. The time of the last
/// complete read survives an incomplete one.
pub fn put_coverage(conn: &mut PgConnection, new: &NewCoverage) -> Result<bool, StoreError> {
    use inventory_coverage as table;
    let complete_at = new.complete.then_some(new.read_ended_at);
    let values = (
        table::status.eq(if new.complete {
            "complete"
        } else {
            "incomplete"
        }),
        table::reason_code.eq(&new.reason_code),
        table::message.eq(&new.message),
        table::read_started_at.eq(new.read_started_at),
        table::read_ended_at.eq(new.read_ended_at),
    );
    let upsert = diesel::insert_into(table::table)
        .values((
            table::workspace_id.eq(new.workspace_id),
            table::tenant_id.eq(new.tenant_id),
            table::subject.eq(&new.subject),
            table::complete_at.eq(complete_at),
            values,
        ))
        .on_conflict((table::tenant_id, table::subject))
        .do_update()
        .set((
            values,
            complete_at.map(|at| table::complete_at.eq(Some(at))),
        ));
    let newer = diesel::query_dsl::methods::FilterDsl::filter(
        upsert,
        table::read_started_at.le(new.read_started_at),
    );
    Ok(newer.execute(conn)? == 1)
}

fn lock_policy(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    policy_type: &str,
    external_id: &str,
) -> Result<Option<Known>, StoreError> {
    Ok(policies::table
        .filter(policies::tenant_id.eq(tenant_id))
        .filter(policies::policy_type.eq(policy_type))
        .filter(policies::external_id.eq(external_id))
        .select(Known::as_select())
        .for_no_key_update()
        .first(conn)
        .optional()?)
}

fn insert_version(
    conn: &mut PgConnection,
    policy_id: Uuid,
    version_id: Uuid,
    capture: &PolicyCapture,
) -> Result<(), StoreError> {
    diesel::insert_into(policy_versions::table)
        .values((
            policy_versions::id.eq(version_id),
            policy_versions::workspace_id.eq(capture.workspace_id),
            policy_versions::tenant_id.eq(capture.tenant_id),
            policy_versions::policy_id.eq(policy_id),
            policy_versions::content.eq(&capture.content),
            policy_versions::assignments.eq(&capture.assignments),
            policy_versions::references_used.eq(&capture.references_used),
            policy_versions::content_hash.eq(&capture.content_hash),
            policy_versions::registry_version.eq(&capture.registry_version),
            policy_versions::fingerprint_key_id.eq(&capture.fingerprint_key_id),
            policy_versions::observed_at.eq(capture.observed_at),
        ))
        .execute(conn)?;
    Ok(())
}
