//! The first workspace, its owner and the owner's token, straight in the database; and a new token
//! for an owner who lost theirs. Decides that bootstrapping never repeats for a name, and that a
//! recovery makes nobody an owner; writes the chain's first entry.

use chrono::Utc;
use diesel::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::audit::{self, AuditEntry};
use crate::error::StoreError;
use crate::functions::clock_timestamp;
use crate::keys::MasterKey;
use crate::schema::api_tokens;
use crate::tokens::{NewToken, TokenText};
use crate::{db, memberships, tokens, users, workspaces};

/// What was made.
#[derive(Clone, Debug)]
pub struct Bootstrapped {
    /// The workspace.
    pub workspace_id: Uuid,
    /// Its owner.
    pub user_id: Uuid,
    /// The owner's token, shown once.
    pub token: String,
}

/// The names of the tokens that are made here; a recovery revokes the owner's.
const MADE_HERE: [&str; 2] = ["bootstrap", "recovered"];

/// Gives an owner of a workspace a new token and revokes the ones that were made for them here before:
/// whoever finds a lost token must not be an owner. Tokens that the owner made over the API stay. It
/// grants nothing to anybody who is no owner: [`StoreError::NotFound`] names what there is not, the
/// workspace or the owner. Without an address the workspace must have one owner, else
/// [`StoreError::Conflict`]. Blocks the thread.
pub fn recover(
    url: &str,
    master_key: &str,
    workspace: &str,
    owner_email: Option<&str>,
) -> Result<Bootstrapped, StoreError> {
    let key = MasterKey::from_base64(master_key)?.audit_key();
    let mut conn = db::establish(url)?;
    db::transaction(&mut conn, |conn: &mut PgConnection| {
        let workspace = workspaces::find_workspace_by_name(conn, workspace)?
            .ok_or(StoreError::NotFound("workspace"))?;
        let owners = memberships::list_owners(conn, workspace.id)?;
        let wanted = owner_email.map(str::to_lowercase);
        let mut fitting = owners.into_iter().filter(|(_, email)| {
            wanted.is_none() || email.as_deref().map(str::to_lowercase) == wanted
        });
        let (user_id, _) = fitting.next().ok_or(StoreError::NotFound("owner"))?;
        if fitting.next().is_some() {
            return Err(StoreError::Conflict("choice of the owner"));
        }
        let revoked: Vec<Uuid> = diesel::update(
            api_tokens::table
                .filter(api_tokens::workspace_id.eq(workspace.id))
                .filter(api_tokens::user_id.eq(user_id))
                .filter(api_tokens::name.eq_any(MADE_HERE))
                .filter(api_tokens::revoked_at.is_null()),
        )
        .set(api_tokens::revoked_at.eq(clock_timestamp().nullable()))
        .returning(api_tokens::id)
        .get_results(conn)?;
        let new = NewToken {
            id: Uuid::now_v7(),
            workspace_id: workspace.id,
            user_id,
            name: MADE_HERE[1].to_owned(),
            capabilities: None,
            expires_at: None,
        };
        let (token, text): (_, TokenText) = tokens::insert_token(conn, &new)?;
        // By the system: whoever holds database and master key did it, which may not be the owner.
        let entry = AuditEntry {
            detail: json!({"user_id": user_id, "token_id": token.id, "revoked_token_ids": revoked}),
            ..AuditEntry::new(workspace.id, "workspace.owner_token_recovered", Utc::now())
        };
        audit::append(conn, &key, &entry)?;
        Ok(Bootstrapped {
            workspace_id: workspace.id,
            user_id,
            token: text.reveal().to_owned(),
        })
    })
}

/// Makes a workspace with one owner and a token for them, in one transaction.
/// [`StoreError::AlreadyExists`] when the workspace's name is taken. The database must be migrated.
/// Blocks the thread.
pub fn bootstrap(
    url: &str,
    master_key: &str,
    workspace: &str,
    owner_email: &str,
) -> Result<Bootstrapped, StoreError> {
    let key = MasterKey::from_base64(master_key)?.audit_key();
    let mut conn = db::establish(url)?;
    db::transaction(&mut conn, |conn: &mut PgConnection| {
        let workspace_id = Uuid::now_v7();
        workspaces::insert_workspace(conn, workspace_id, workspace)?;
        let user = users::find_or_insert_person(conn, users::new_user_id(), owner_email)?;
        let name = users::name_of_address(owner_email);
        memberships::insert_member(conn, workspace_id, user.id, "owner", &name)?;
        let new = NewToken {
            id: Uuid::now_v7(),
            workspace_id,
            user_id: user.id,
            name: MADE_HERE[0].to_owned(),
            capabilities: None,
            expires_at: None,
        };
        let (token, text): (_, TokenText) = tokens::insert_token(conn, &new)?;
        let entry = AuditEntry {
            detail: json!({"workspace": workspace, "token_id": token.id}),
            actor_user_id: Some(user.id),
            ..AuditEntry::new(workspace_id, "workspace.bootstrapped", Utc::now())
        };
        audit::append(conn, &key, &entry)?;
        Ok(Bootstrapped {
            workspace_id,
            user_id: user.id,
            token: text.reveal().to_owned(),
        })
    })
}
