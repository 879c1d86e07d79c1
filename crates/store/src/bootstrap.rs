//! The first workspace, its owner and the owner's token, straight in the database. Decides that
//! bootstrapping never repeats for a name; writes the chain's first entry.

use chrono::Utc;
use diesel::prelude::*;
use serde_json::json;
use uuid::Uuid;

use crate::audit::{self, AuditEntry};
use crate::error::StoreError;
use crate::keys::MasterKey;
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
            name: "bootstrap".to_owned(),
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
