//! Takes a tenant out of a workspace for good: what it held is erased, what was done stays.
//!
//! Decides what is erased: its credential, memberships, controls, inventory with every captured
//! version, and references. Its row stays with id and name, so that runs and the audit log keep
//! their meaning; items of runs keep names and outcomes and lose what they pointed to.

use diesel::prelude::*;
use diesel::sql_types::Uuid as SqlUuid;
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::clock_timestamp;
use crate::schema::{
    inventory_coverage, managed_tenants, operation_runs, operational_controls, policies,
    provider_connections, tenant_memberships, tenant_references,
};
use crate::tenants::{self, TenantRow};

/// What became of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removal {
    /// Gone, with so many policies.
    Removed {
        /// As it was.
        tenant: Box<TenantRow>,
        /// How many policies were erased.
        policies: usize,
    },
    /// Runs that have it as target or source are queued or running; nothing was changed.
    ActiveRuns(Vec<Uuid>),
}

/// Items lose their pointers into the tenant's inventory: rows that are pointed to cannot go, and a
/// guard against losing them by accident is worth keeping for every other statement.
const FORGET: &str = "WITH held AS (SELECT id FROM policies WHERE tenant_id = $1), \
     captured AS (SELECT id FROM policy_versions WHERE tenant_id = $1) \
     UPDATE operation_run_items SET \
     source_policy_id = CASE WHEN source_policy_id IN (TABLE held) THEN NULL ELSE source_policy_id END, \
     target_policy_id = CASE WHEN target_policy_id IN (TABLE held) THEN NULL ELSE target_policy_id END, \
     source_version_id = CASE WHEN source_version_id IN (TABLE captured) THEN NULL ELSE source_version_id END, \
     target_version_id = CASE WHEN target_version_id IN (TABLE captured) THEN NULL ELSE target_version_id END, \
     result_version_id = CASE WHEN result_version_id IN (TABLE captured) THEN NULL ELSE result_version_id END \
     WHERE operation_run_id IN (SELECT id FROM operation_runs WHERE tenant_id = $1 OR source_tenant_id = $1)";

/// Removes a tenant. [`StoreError::NotFound`] when it is not in the workspace, or no more.
///
/// The lock on the tenant is the one every start takes on its target and its source, so no run
/// begins beside this, and none that begins later finds the tenant.
pub fn remove_tenant(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
) -> Result<Removal, StoreError> {
    tenants::lock_scope(conn, workspace_id, &[tenant_id])?;
    let tenant = tenants::find_tenant(conn, workspace_id, tenant_id)?
        .ok_or(StoreError::NotFound("tenant"))?;
    let active: Vec<Uuid> = operation_runs::table
        .filter(operation_runs::workspace_id.eq(workspace_id))
        .filter(
            operation_runs::tenant_id
                .eq(tenant_id)
                .or(operation_runs::source_tenant_id.eq(tenant_id)),
        )
        .filter(operation_runs::status.ne("completed"))
        .order(operation_runs::id)
        .select(operation_runs::id)
        .load(conn)?;
    if !active.is_empty() {
        return Ok(Removal::ActiveRuns(active));
    }
    diesel::delete(provider_connections::table.find(tenant_id)).execute(conn)?;
    diesel::sql_query(FORGET)
        .bind::<SqlUuid, _>(tenant_id)
        .execute(conn)?;
    // Versions go with their policies.
    let erased =
        diesel::delete(policies::table.filter(policies::tenant_id.eq(tenant_id))).execute(conn)?;
    diesel::delete(tenant_references::table.filter(tenant_references::tenant_id.eq(tenant_id)))
        .execute(conn)?;
    diesel::delete(inventory_coverage::table.filter(inventory_coverage::tenant_id.eq(tenant_id)))
        .execute(conn)?;
    diesel::delete(
        operational_controls::table.filter(operational_controls::tenant_id.eq(tenant_id)),
    )
    .execute(conn)?;
    diesel::delete(tenant_memberships::table.filter(tenant_memberships::tenant_id.eq(tenant_id)))
        .execute(conn)?;
    diesel::update(managed_tenants::table.find(tenant_id))
        .set((
            managed_tenants::verified_domains.eq(Vec::<String>::new()),
            // Whatever was derived from it before is of another generation.
            managed_tenants::inventory_generation.eq(managed_tenants::inventory_generation + 1),
            managed_tenants::removed_at.eq(clock_timestamp().nullable()),
        ))
        .execute(conn)?;
    Ok(Removal::Removed {
        tenant: Box::new(tenant),
        policies: erased,
    })
}
