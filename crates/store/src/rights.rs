//! What an actor may do, as judged inside a transaction that changes something.
//!
//! Decides in which order a change and the removal of the right to make it happen: whoever takes
//! rights away holds the workspace's lock alone, whoever changes anything else shares it. So no
//! change commits after a removal that it did not see. What a role grants is decided elsewhere.

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use uuid::Uuid;

use crate::error::StoreError;
use crate::memberships::{TenantMembershipRow, list_tenant_memberships_of_user};
use crate::schema::workspace_memberships;
use crate::{identities, tokens};

/// How a transaction stands to the rights of its workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// They must not change under it.
    Shared,
    /// It changes them: members, roles, tokens, identities.
    Alone,
}

/// Sets these keys apart from other advisory locks of the database.
const ROOM: u64 = 0x7269_6768_7473_0001;

/// Takes the workspace's lock until the transaction ends. To be taken before any other lock, and
/// once: a shared one does not grow.
pub fn lock_rights(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    hold: Hold,
) -> Result<(), StoreError> {
    let (high, low) = workspace_id.as_u64_pair();
    let key = (high.rotate_left(17) ^ low ^ ROOM).cast_signed();
    let statement = match hold {
        Hold::Shared => "SELECT pg_advisory_xact_lock_shared($1)",
        Hold::Alone => "SELECT pg_advisory_xact_lock($1)",
    };
    diesel::sql_query(statement)
        .bind::<BigInt, _>(key)
        .execute(conn)?;
    Ok(())
}

/// What the rows say of an actor now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The role in the workspace.
    pub workspace_role: String,
    /// The token's subset, if it was narrowed.
    pub capabilities: Option<Vec<String>>,
    /// The roles on single tenants.
    pub tenant_roles: Vec<TenantMembershipRow>,
}

/// The standing of a member who acts through a token, or through an identity without one; `None`
/// when the membership, the token or the identity is gone.
pub fn load_standing(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Uuid,
    token_id: Option<Uuid>,
) -> Result<Option<Standing>, StoreError> {
    let capabilities = match token_id {
        Some(id) => {
            let token = tokens::find_usable_token(conn, id)?;
            let own = token.filter(|t| t.user_id == user_id && t.workspace_id == workspace_id);
            let Some(token) = own else {
                return Ok(None);
            };
            token.capabilities
        }
        None if identities::has_identity(conn, workspace_id, user_id)? => None,
        None => return Ok(None),
    };
    let workspace_role: Option<String> = workspace_memberships::table
        .find((workspace_id, user_id))
        .select(workspace_memberships::role)
        .first(conn)
        .optional()?;
    let Some(workspace_role) = workspace_role else {
        return Ok(None);
    };
    Ok(Some(Standing {
        workspace_role,
        capabilities,
        tenant_roles: list_tenant_memberships_of_user(conn, workspace_id, user_id)?,
    }))
}
