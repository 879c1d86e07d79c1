//! Policies as readers browse them. No content here: that is a version's.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::{lower, strpos};
use crate::page::{AfterName, Page, one_more};
use crate::schema::policies;

/// A policy.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = policies, check_for_backend(diesel::pg::Pg))]
pub struct PolicyRow {
    /// Our id.
    pub id: Uuid,
    /// The workspace.
    pub workspace_id: Uuid,
    /// The tenant.
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
    /// The current version.
    pub current_version_id: Option<Uuid>,
    /// `ok` or `unreadable`.
    pub capture_state: String,
    /// Why it is unreadable.
    pub capture_reason: Option<String>,
    /// When the current state was read.
    pub observed_at: DateTime<Utc>,
    /// When it was last met.
    pub last_seen_at: DateTime<Utc>,
    /// When it was found missing.
    pub removed_at: Option<DateTime<Utc>>,
}

/// Which policies to list.
#[derive(Clone, Debug, Default)]
pub struct PolicyFilter {
    /// This type only.
    pub policy_type: Option<String>,
    /// Names that contain this text, in any letter case.
    pub q: Option<String>,
    /// Removed ones too.
    pub include_removed: bool,
    /// Strictly after this row.
    pub after: Option<AfterName>,
}

/// Policies of a tenant by name.
pub fn list_policies(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    filter: &PolicyFilter,
    limit: u32,
) -> Result<Page<PolicyRow>, StoreError> {
    use policies as table;
    let mut query = table::table
        .filter(table::workspace_id.eq(workspace_id))
        .filter(table::tenant_id.eq(tenant_id))
        .select(PolicyRow::as_select())
        .order((lower(table::display_name), table::id))
        .limit(one_more(limit))
        .into_boxed();
    if let Some(policy_type) = &filter.policy_type {
        query = query.filter(table::policy_type.eq(policy_type));
    }
    if let Some(q) = &filter.q {
        query = query.filter(strpos(lower(table::display_name), lower(q)).gt(0));
    }
    if !filter.include_removed {
        query = query.filter(table::removed_at.is_null());
    }
    if let Some(after) = &filter.after {
        let name = lower(&after.name);
        query = query.filter(
            lower(table::display_name)
                .gt(name)
                .or(lower(table::display_name)
                    .eq(name)
                    .and(table::id.gt(after.id))),
        );
    }
    Ok(Page::cut(query.load(conn)?, limit))
}

/// A policy of a tenant, removed or not.
pub fn find_policy(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    id: Uuid,
) -> Result<Option<PolicyRow>, StoreError> {
    Ok(policies::table
        .find(id)
        .filter(policies::workspace_id.eq(workspace_id))
        .filter(policies::tenant_id.eq(tenant_id))
        .select(PolicyRow::as_select())
        .first(conn)
        .optional()?)
}

/// A policy of a tenant by Graph's id, removed or not.
pub fn find_policy_by_external_id(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    policy_type: &str,
    external_id: &str,
) -> Result<Option<PolicyRow>, StoreError> {
    Ok(policies::table
        .filter(policies::tenant_id.eq(tenant_id))
        .filter(policies::policy_type.eq(policy_type))
        .filter(policies::external_id.eq(external_id))
        .select(PolicyRow::as_select())
        .first(conn)
        .optional()?)
}
