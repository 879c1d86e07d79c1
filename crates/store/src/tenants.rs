//! Managed tenants. Decides the lock order of scopes; decides nothing about who sees a tenant.
//! A removed tenant (see [`crate::offboarding`]) does not exist for any function here.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::lower;
use crate::page::{AfterName, Page, one_more};
use crate::schema::managed_tenants;

/// A managed Microsoft Entra tenant of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = managed_tenants, check_for_backend(diesel::pg::Pg))]
pub struct TenantRow {
    /// Our id.
    pub id: Uuid,
    /// The workspace it belongs to.
    pub workspace_id: Uuid,
    /// Unique in the workspace, without regard to letter case.
    pub display_name: String,
    /// Microsoft's id; unique in the workspace.
    pub entra_tenant_id: Uuid,
    /// Raised in the transaction of every inventory change.
    pub inventory_generation: i64,
    /// Verified domains as last read.
    pub verified_domains: Vec<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
}

/// A tenant to be added.
#[derive(Clone, Debug, Insertable)]
#[diesel(table_name = managed_tenants)]
pub struct NewTenant {
    /// UUIDv7 made by the caller.
    pub id: Uuid,
    /// The workspace.
    pub workspace_id: Uuid,
    /// Name in the workspace.
    pub display_name: String,
    /// Microsoft's id.
    pub entra_tenant_id: Uuid,
}

/// Adds a tenant. [`StoreError::AlreadyExists`] names
/// `managed_tenants_workspace_id_entra_tenant_id_key` or `managed_tenants_name_key`.
pub fn insert_tenant(conn: &mut PgConnection, tenant: &NewTenant) -> Result<TenantRow, StoreError> {
    Ok(diesel::insert_into(managed_tenants::table)
        .values(tenant)
        .returning(TenantRow::as_returning())
        .get_result(conn)?)
}

/// The tenant of this id in this workspace.
pub fn find_tenant(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    id: Uuid,
) -> Result<Option<TenantRow>, StoreError> {
    Ok(managed_tenants::table
        .filter(managed_tenants::workspace_id.eq(workspace_id))
        .filter(managed_tenants::id.eq(id))
        .filter(managed_tenants::removed_at.is_null())
        .select(TenantRow::as_select())
        .first(conn)
        .optional()?)
}

/// The tenant of this id in this workspace, if it is one of these (`None` = any). What its reader
/// may not see costs the database what an unknown id does.
pub fn find_visible_tenant(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    id: Uuid,
    visible: Option<&[Uuid]>,
) -> Result<Option<TenantRow>, StoreError> {
    let mut query = managed_tenants::table
        .filter(managed_tenants::workspace_id.eq(workspace_id))
        .filter(managed_tenants::id.eq(id))
        .filter(managed_tenants::removed_at.is_null())
        .select(TenantRow::as_select())
        .into_boxed();
    if let Some(visible) = visible {
        query = query.filter(managed_tenants::id.eq_any(visible));
    }
    Ok(query.first(conn).optional()?)
}

/// Tenants of a workspace by name; with `visible`, only those.
pub fn list_tenants(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    visible: Option<&[Uuid]>,
    after: Option<&AfterName>,
    limit: u32,
) -> Result<Page<TenantRow>, StoreError> {
    let mut query = managed_tenants::table
        .filter(managed_tenants::workspace_id.eq(workspace_id))
        .filter(managed_tenants::removed_at.is_null())
        .select(TenantRow::as_select())
        .order((lower(managed_tenants::display_name), managed_tenants::id))
        .limit(one_more(limit))
        .into_boxed();
    if let Some(visible) = visible {
        query = query.filter(managed_tenants::id.eq_any(visible));
    }
    if let Some(after) = after {
        let name = lower(after.name.as_str());
        query = query.filter(
            lower(managed_tenants::display_name)
                .gt(name)
                .or(lower(managed_tenants::display_name)
                    .eq(name)
                    .and(managed_tenants::id.gt(after.id))),
        );
    }
    Ok(Page::cut(query.load(conn)?, limit))
}

/// Renames a tenant.
pub fn rename_tenant(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    id: Uuid,
    display_name: &str,
) -> Result<TenantRow, StoreError> {
    diesel::update(
        managed_tenants::table
            .filter(managed_tenants::workspace_id.eq(workspace_id))
            .filter(managed_tenants::id.eq(id))
            .filter(managed_tenants::removed_at.is_null()),
    )
    .set(managed_tenants::display_name.eq(display_name))
    .returning(TenantRow::as_returning())
    .get_result(conn)
    .optional()?
    .ok_or(StoreError::NotFound("tenant"))
}

/// Records the verified domains a sync read.
pub fn set_verified_domains(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    domains: &[String],
) -> Result<(), StoreError> {
    let changed = diesel::update(managed_tenants::table.find(tenant_id))
        .set(managed_tenants::verified_domains.eq(domains))
        .execute(conn)?;
    if changed == 0 {
        return Err(StoreError::NotFound("tenant"));
    }
    Ok(())
}

/// Locks tenants of a workspace until the transaction ends, always in the order of their ids, and
/// returns each one's inventory generation.
///
/// Holding the lock means: no other run can be started on these tenants and their inventories
/// cannot change (both take the same row lock). Reading them, and inserting rows that point to
/// them, goes on. [`StoreError::NotFound`] when one of them is not in the workspace.
pub fn lock_scope(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_ids: &[Uuid],
) -> Result<Vec<(Uuid, i64)>, StoreError> {
    let locked: Vec<(Uuid, i64)> = managed_tenants::table
        .filter(managed_tenants::workspace_id.eq(workspace_id))
        .filter(managed_tenants::id.eq_any(tenant_ids))
        .filter(managed_tenants::removed_at.is_null())
        .order(managed_tenants::id)
        .select((managed_tenants::id, managed_tenants::inventory_generation))
        .for_no_key_update()
        .load(conn)?;
    let every = tenant_ids
        .iter()
        .all(|wanted| locked.iter().any(|(id, _)| id == wanted));
    if !every {
        return Err(StoreError::NotFound("tenant"));
    }
    Ok(locked)
}

/// Keeps a tenant from being removed until the transaction ends: in every one that gives it something
/// new. [`StoreError::NotFound`] when it is not in the workspace, or no more.
pub fn keep_tenant(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
) -> Result<(), StoreError> {
    managed_tenants::table
        .filter(managed_tenants::workspace_id.eq(workspace_id))
        .filter(managed_tenants::id.eq(tenant_id))
        .filter(managed_tenants::removed_at.is_null())
        .select(managed_tenants::id)
        .for_share()
        .first::<Uuid>(conn)
        .optional()?
        .map(drop)
        .ok_or(StoreError::NotFound("tenant"))
}

/// Raises a tenant's inventory generation: in the transaction of every inventory change, last.
pub fn raise_inventory_generation(
    conn: &mut PgConnection,
    tenant_id: Uuid,
) -> Result<i64, StoreError> {
    diesel::update(managed_tenants::table.find(tenant_id))
        .set(managed_tenants::inventory_generation.eq(managed_tenants::inventory_generation + 1))
        .returning(managed_tenants::inventory_generation)
        .get_result(conn)
        .optional()?
        .ok_or(StoreError::NotFound("tenant"))
}
