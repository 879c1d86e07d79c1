//! Who belongs to a workspace and to its tenants, in which role. Decides that a workspace keeps an
//! owner; what a role grants is decided elsewhere.

use chrono::{DateTime, Utc};
use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use uuid::Uuid;

use crate::error::StoreError;
use crate::functions::lower;
use crate::page::{Before, Page, one_more};
use crate::schema::{member_identities, tenant_memberships, users, workspace_memberships};

/// A member of a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct MemberRow {
    /// The user.
    pub user_id: Uuid,
    /// `person` or `service`.
    pub kind: String,
    /// People have one, in lower case.
    pub email: Option<String>,
    /// What this workspace calls the member.
    pub display_name: String,
    /// `readonly`, `operator`, `manager` or `owner`.
    pub role: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Issuer of the identity that signs in as this member.
    pub issuer: Option<String>,
    /// Subject at that issuer.
    pub subject: Option<String>,
}

/// A user's role on a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = tenant_memberships, check_for_backend(diesel::pg::Pg))]
pub struct TenantMembershipRow {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The user.
    pub user_id: Uuid,
    /// `readonly`, `operator`, `manager` or `owner`.
    pub role: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

type MemberColumns = (
    workspace_memberships::user_id,
    users::kind,
    lower<Nullable<Text>, users::email>,
    SqlLiteral<Text>,
    workspace_memberships::role,
    workspace_memberships::created_at,
    diesel::dsl::Nullable<member_identities::issuer>,
    diesel::dsl::Nullable<member_identities::subject>,
);

fn member_columns() -> MemberColumns {
    (
        workspace_memberships::user_id,
        users::kind,
        lower(users::email),
        member_name(),
        workspace_memberships::role,
        workspace_memberships::created_at,
        member_identities::issuer.nullable(),
        member_identities::subject.nullable(),
    )
}

/// What the workspace calls a member.
pub(crate) fn member_name() -> SqlLiteral<Text> {
    sql("coalesce(workspace_memberships.display_name, users.display_name)")
}

/// Adds a member. [`StoreError::AlreadyExists`] (`workspace_memberships_pkey`) for one who is.
pub fn insert_member(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    role: &str,
    display_name: &str,
) -> Result<(), StoreError> {
    diesel::insert_into(workspace_memberships::table)
        .values((
            workspace_memberships::workspace_id.eq(workspace_id),
            workspace_memberships::user_id.eq(user_id),
            workspace_memberships::role.eq(role),
            workspace_memberships::display_name.eq(display_name),
        ))
        .execute(conn)?;
    Ok(())
}

/// A member of a workspace.
pub fn find_member(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
) -> Result<Option<MemberRow>, StoreError> {
    Ok(workspace_memberships::table
        .inner_join(users::table.on(users::id.eq(workspace_memberships::user_id)))
        .left_join(
            member_identities::table.on(member_identities::workspace_id
                .eq(workspace_memberships::workspace_id)
                .and(member_identities::user_id.eq(workspace_memberships::user_id))),
        )
        .filter(workspace_memberships::workspace_id.eq(workspace_id))
        .filter(workspace_memberships::user_id.eq(user_id))
        .select(member_columns())
        .first(conn)
        .optional()?)
}

/// Members of a workspace, newest first.
pub fn list_members(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    before: Option<Before>,
    limit: u32,
) -> Result<Page<MemberRow>, StoreError> {
    use workspace_memberships as table;
    let mut query = table::table
        .inner_join(users::table.on(users::id.eq(table::user_id)))
        .left_join(
            member_identities::table.on(member_identities::workspace_id
                .eq(table::workspace_id)
                .and(member_identities::user_id.eq(table::user_id))),
        )
        .filter(table::workspace_id.eq(workspace_id))
        .select(member_columns())
        .order((table::created_at.desc(), table::user_id.desc()))
        .limit(one_more(limit))
        .into_boxed();
    if let Some(before) = before {
        query = query.filter(
            table::created_at.lt(before.at).or(table::created_at
                .eq(before.at)
                .and(table::user_id.lt(before.id))),
        );
    }
    Ok(Page::cut(query.load(conn)?, limit))
}

/// Changes a member's role. [`StoreError::LastOwner`] when nobody would own the workspace.
pub fn change_member_role(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    role: &str,
) -> Result<(), StoreError> {
    if role != "owner" {
        keep_an_owner(conn, workspace_id, user_id)?;
    }
    let changed = diesel::update(workspace_memberships::table.find((workspace_id, user_id)))
        .set(workspace_memberships::role.eq(role))
        .execute(conn)?;
    if changed == 0 {
        return Err(StoreError::NotFound("member"));
    }
    Ok(())
}

/// Removes a member with tenant memberships and tokens. [`StoreError::LastOwner`] when nobody
/// would own the workspace.
pub fn delete_member(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
) -> Result<(), StoreError> {
    keep_an_owner(conn, workspace_id, user_id)?;
    let changed =
        diesel::delete(workspace_memberships::table.find((workspace_id, user_id))).execute(conn)?;
    if changed == 0 {
        return Err(StoreError::NotFound("member"));
    }
    Ok(())
}

/// Locks the owners of a workspace, so that two removals of the last two owners wait for each
/// other, and refuses when `leaving` is the only one.
fn keep_an_owner(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    leaving: Uuid,
) -> Result<(), StoreError> {
    let owners: Vec<Uuid> = workspace_memberships::table
        .filter(workspace_memberships::workspace_id.eq(workspace_id))
        .filter(workspace_memberships::role.eq("owner"))
        .order(workspace_memberships::user_id)
        .select(workspace_memberships::user_id)
        .for_update()
        .load(conn)?;
    if owners == [leaving] {
        return Err(StoreError::LastOwner);
    }
    Ok(())
}

/// The owners of a workspace with their addresses.
pub fn list_owners(
    conn: &mut PgConnection,
    workspace_id: Uuid,
) -> Result<Vec<(Uuid, Option<String>)>, StoreError> {
    Ok(workspace_memberships::table
        .inner_join(users::table.on(users::id.eq(workspace_memberships::user_id)))
        .filter(workspace_memberships::workspace_id.eq(workspace_id))
        .filter(workspace_memberships::role.eq("owner"))
        .order(workspace_memberships::user_id)
        .select((workspace_memberships::user_id, users::email))
        .load(conn)?)
}

/// Sets a member's role on a tenant. `false` when it was that already.
/// [`StoreError::Reference`] when user or tenant are not in the workspace.
pub fn put_tenant_member(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    user_id: Uuid,
    role: &str,
) -> Result<bool, StoreError> {
    use tenant_memberships as table;
    let upsert = diesel::insert_into(table::table)
        .values((
            table::workspace_id.eq(workspace_id),
            table::tenant_id.eq(tenant_id),
            table::user_id.eq(user_id),
            table::role.eq(role),
        ))
        .on_conflict((table::tenant_id, table::user_id))
        .do_update()
        .set(table::role.eq(role));
    let different = diesel::query_dsl::methods::FilterDsl::filter(upsert, table::role.ne(role));
    Ok(different.execute(conn)? == 1)
}

/// Removes a member from a tenant.
pub fn delete_tenant_member(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    user_id: Uuid,
) -> Result<(), StoreError> {
    let changed = diesel::delete(
        tenant_memberships::table
            .find((tenant_id, user_id))
            .filter(tenant_memberships::workspace_id.eq(workspace_id)),
    )
    .execute(conn)?;
    if changed == 0 {
        return Err(StoreError::NotFound("tenant member"));
    }
    Ok(())
}

/// A user's memberships of tenants of a workspace. (An owner of the workspace reaches every tenant
/// without one.)
pub fn list_tenant_memberships_of_user(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
) -> Result<Vec<TenantMembershipRow>, StoreError> {
    Ok(tenant_memberships::table
        .filter(tenant_memberships::workspace_id.eq(workspace_id))
        .filter(tenant_memberships::user_id.eq(user_id))
        .order(tenant_memberships::tenant_id)
        .select(TenantMembershipRow::as_select())
        .load(conn)?)
}

/// The memberships of one tenant.
pub fn list_tenant_members(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
) -> Result<Vec<TenantMembershipRow>, StoreError> {
    Ok(tenant_memberships::table
        .filter(tenant_memberships::workspace_id.eq(workspace_id))
        .filter(tenant_memberships::tenant_id.eq(tenant_id))
        .order((tenant_memberships::created_at, tenant_memberships::user_id))
        .select(TenantMembershipRow::as_select())
        .load(conn)?)
}

/// A user's role in a workspace and on one of its tenants, now: what the worker judges again
/// before it writes. `None` in place of a role that is not held.
pub fn find_roles(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    user_id: Uuid,
) -> Result<(Option<String>, Option<String>), StoreError> {
    let workspace_role = workspace_memberships::table
        .find((workspace_id, user_id))
        .select(workspace_memberships::role)
        .first(conn)
        .optional()?;
    let tenant_role = tenant_memberships::table
        .find((tenant_id, user_id))
        .filter(tenant_memberships::workspace_id.eq(workspace_id))
        .select(tenant_memberships::role)
        .first(conn)
        .optional()?;
    Ok((workspace_role, tenant_role))
}
