//! Policy versions: immutable captures, each owned by the tenant it was read from. Every read
//! names that tenant, so a foreign version is never found by accident.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use crate::error::StoreError;
use crate::page::{Before, Page, one_more};
use crate::schema::policy_versions;

/// A version with its content.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = policy_versions, check_for_backend(diesel::pg::Pg))]
pub struct VersionRow {
    /// Our id.
    pub id: Uuid,
    /// The tenant it was read from.
    pub tenant_id: Uuid,
    /// The policy.
    pub policy_id: Uuid,
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
    /// The key of the secret fingerprints inside.
    pub fingerprint_key_id: Option<String>,
    /// When it was first read.
    pub observed_at: DateTime<Utc>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

/// A version without its content.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = policy_versions, check_for_backend(diesel::pg::Pg))]
pub struct VersionHeadRow {
    /// Our id.
    pub id: Uuid,
    /// The tenant it was read from.
    pub tenant_id: Uuid,
    /// The policy.
    pub policy_id: Uuid,
    /// Digest of content and assignments.
    pub content_hash: String,
    /// When it was first read.
    pub observed_at: DateTime<Utc>,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
}

/// Versions of a tenant by id, in the order of their ids; [`StoreError::NotFound`] when one is
/// missing or another tenant's.
pub fn load_versions(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: &[Uuid],
) -> Result<Vec<VersionRow>, StoreError> {
    let rows: Vec<VersionRow> = policy_versions::table
        .filter(policy_versions::tenant_id.eq(tenant_id))
        .filter(policy_versions::id.eq_any(ids))
        .order(policy_versions::id)
        .select(VersionRow::as_select())
        .load(conn)?;
    let every = ids
        .iter()
        .all(|id| rows.binary_search_by_key(id, |row| row.id).is_ok());
    if !every {
        return Err(StoreError::NotFound("policy version"));
    }
    Ok(rows)
}

/// A version of a policy of a tenant.
pub fn find_version(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    policy_id: Uuid,
    id: Uuid,
) -> Result<Option<VersionRow>, StoreError> {
    Ok(policy_versions::table
        .find(id)
        .filter(policy_versions::workspace_id.eq(workspace_id))
        .filter(policy_versions::tenant_id.eq(tenant_id))
        .filter(policy_versions::policy_id.eq(policy_id))
        .select(VersionRow::as_select())
        .first(conn)
        .optional()?)
}

/// The tenant and policy a version of a workspace belongs to: tells a foreign version from one
/// that does not exist.
pub fn find_version_owner(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Option<(Uuid, Uuid)>, StoreError> {
    Ok(policy_versions::table
        .find(id)
        .filter(policy_versions::workspace_id.eq(workspace_id))
        .select((policy_versions::tenant_id, policy_versions::policy_id))
        .first(conn)
        .optional()?)
}

/// Versions of a policy, newest first.
pub fn list_versions(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    policy_id: Uuid,
    before: Option<Before>,
    limit: u32,
) -> Result<Page<VersionHeadRow>, StoreError> {
    use policy_versions as table;
    let mut query = table::table
        .filter(table::workspace_id.eq(workspace_id))
        .filter(table::tenant_id.eq(tenant_id))
        .filter(table::policy_id.eq(policy_id))
        .select(VersionHeadRow::as_select())
        .order((table::created_at.desc(), table::id.desc()))
        .limit(one_more(limit))
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(
            table::created_at
                .lt(before.at)
                .or(table::created_at.eq(before.at).and(table::id.lt(before.id))),
        );
    }
    Ok(Page::cut(query.load(conn)?, limit))
}
