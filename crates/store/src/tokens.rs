//! API tokens. Decides what a token looks like and which ones still work; only hashes are stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use diesel::prelude::*;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::error::StoreError;
use crate::functions::clock_timestamp;
use crate::memberships::member_name;
use crate::page::{Before, Page, one_more};
use crate::schema::{api_tokens, users, workspace_memberships};

const PREFIX: &str = "pat_";
const TEXT_LENGTH: usize = 43;

/// A token's text: shown once, stored never. Debug does not show it.
#[derive(Clone)]
pub struct TokenText(Zeroizing<String>);

impl TokenText {
    /// `pat_` and 32 random bytes in base64url.
    pub fn generate() -> Self {
        let bytes: Zeroizing<[u8; 32]> = Zeroizing::new(rand::random());
        let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
        Self(Zeroizing::new(format!("{PREFIX}{}", encoded.as_str())))
    }

    /// The text, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for TokenText {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TokenText(..)")
    }
}

/// Whether a text has the form of an API token. Says nothing about whether it works.
pub fn is_token_text(text: &str) -> bool {
    text.strip_prefix(PREFIX).is_some_and(|rest| {
        rest.len() == TEXT_LENGTH
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

/// Who acts when a token is presented.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenActor {
    /// The token.
    pub token_id: Uuid,
    /// Its user.
    pub user_id: Uuid,
    /// The only workspace it works in.
    pub workspace_id: Uuid,
    /// The user's role there now.
    pub workspace_role: String,
    /// What the workspace calls the user.
    pub display_name: String,
    /// `None` = everything the roles grant; otherwise the subset.
    pub capabilities: Option<Vec<String>>,
    /// When the token ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A token without its text.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = api_tokens, check_for_backend(diesel::pg::Pg))]
pub struct TokenRow {
    /// Our id.
    pub id: Uuid,
    /// The only workspace it works in.
    pub workspace_id: Uuid,
    /// Its user.
    pub user_id: Uuid,
    /// For people.
    pub name: String,
    /// `None` = everything the user's roles grant.
    pub capabilities: Option<Vec<String>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// UUIDv7 made by the caller.
    pub id: Uuid,
    /// The workspace.
    pub workspace_id: Uuid,
    /// A member of it.
    pub user_id: Uuid,
    /// For people.
    pub name: String,
    /// `None` = everything the user's roles grant.
    pub capabilities: Option<Vec<String>>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Who presents this token: `None` for one that is malformed, unknown, revoked, expired, or whose
/// user is no longer a member. Notes the use, at most once a minute; so it is no call for a read
/// view. Always the same number of statements for a well-formed token that works.
pub fn find_actor_by_token(
    conn: &mut PgConnection,
    text: &str,
) -> Result<Option<TokenActor>, StoreError> {
    if !is_token_text(text) {
        return Ok(None);
    }
    let hash = hash(text);
    let found: Option<(TokenRow, Vec<u8>, String, String)> = api_tokens::table
        .inner_join(users::table.on(users::id.eq(api_tokens::user_id)))
        .inner_join(
            workspace_memberships::table.on(workspace_memberships::user_id
                .eq(api_tokens::user_id)
                .and(workspace_memberships::workspace_id.eq(api_tokens::workspace_id))),
        )
        .filter(api_tokens::token_hash.eq(hash.as_slice()))
        .filter(is_usable())
        .select((
            TokenRow::as_select(),
            api_tokens::token_hash,
            workspace_memberships::role,
            member_name(),
        ))
        .first(conn)
        .optional()?;
    let Some((token, stored, workspace_role, display_name)) = found else {
        return Ok(None);
    };
    if !bool::from(stored.as_slice().ct_eq(&hash)) {
        return Ok(None);
    }
    touch(conn, &token)?;
    Ok(Some(TokenActor {
        token_id: token.id,
        user_id: token.user_id,
        workspace_id: token.workspace_id,
        workspace_role,
        display_name,
        capabilities: token.capabilities,
        expires_at: token.expires_at,
    }))
}

/// Whether a token would still be accepted, and its narrowing: for the worker, which judges again
/// before it writes. `None` when revoked, expired or gone.
pub fn find_usable_token(
    conn: &mut PgConnection,
    token_id: Uuid,
) -> Result<Option<TokenRow>, StoreError> {
    Ok(api_tokens::table
        .find(token_id)
        .filter(is_usable())
        .select(TokenRow::as_select())
        .first(conn)
        .optional()?)
}

/// Makes a token for a member and returns its text, which nothing can show again.
/// [`StoreError::Reference`] when the user is not a member of the workspace.
pub fn insert_token(
    conn: &mut PgConnection,
    new: &NewToken,
) -> Result<(TokenRow, TokenText), StoreError> {
    let text = TokenText::generate();
    let row = diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::id.eq(new.id),
            api_tokens::workspace_id.eq(new.workspace_id),
            api_tokens::user_id.eq(new.user_id),
            api_tokens::name.eq(&new.name),
            api_tokens::token_hash.eq(hash(text.reveal()).as_slice()),
            api_tokens::capabilities.eq(&new.capabilities),
            api_tokens::expires_at.eq(new.expires_at),
        ))
        .returning(TokenRow::as_returning())
        .get_result(conn)?;
    // Every API process hears of it when this commits; see [`list_marks`].
    diesel::sql_query("SELECT pg_notify('promotion_tokens', $1)")
        .bind::<diesel::sql_types::Text, _>(format!(
            "{} {}",
            mark_of(text.reveal()),
            new.workspace_id
        ))
        .execute(conn)?;
    Ok((row, text))
}

/// A few bits of a token's hash: enough to tell, without asking the database, a token that may be
/// somebody's from one that is made up. Proves nothing: who matches is looked up.
pub fn mark_of(text: &str) -> i64 {
    let first = hash(text).first_chunk::<8>().copied();
    i64::from_be_bytes(first.unwrap_or_default())
}

/// The marks of all tokens that work, and the workspace of each.
pub fn list_marks(conn: &mut PgConnection) -> Result<Vec<(i64, Uuid)>, StoreError> {
    let hashes: Vec<(Vec<u8>, Uuid)> = api_tokens::table
        .filter(is_usable())
        .select((api_tokens::token_hash, api_tokens::workspace_id))
        .load(conn)?;
    Ok(hashes
        .iter()
        .filter_map(|(hash, workspace_id)| Some((hash.first_chunk::<8>().copied()?, *workspace_id)))
        .map(|(first, workspace_id)| (i64::from_be_bytes(first), workspace_id))
        .collect())
}

/// A token of a workspace, usable or not.
pub fn find_token(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    token_id: Uuid,
) -> Result<Option<TokenRow>, StoreError> {
    Ok(api_tokens::table
        .find(token_id)
        .filter(api_tokens::workspace_id.eq(workspace_id))
        .select(TokenRow::as_select())
        .first(conn)
        .optional()?)
}

/// Tokens of a workspace, newest first; with `user_id`, that user's.
pub fn list_tokens(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    user_id: Option<Uuid>,
    before: Option<Before>,
    limit: u32,
) -> Result<Page<TokenRow>, StoreError> {
    let mut query = api_tokens::table
        .filter(api_tokens::workspace_id.eq(workspace_id))
        .select(TokenRow::as_select())
        .order((api_tokens::created_at.desc(), api_tokens::id.desc()))
        .limit(one_more(limit))
        .into_boxed();
    if let Some(user_id) = user_id {
        query = query.filter(api_tokens::user_id.eq(user_id));
    }
    if let Some(before) = before {
        query = query.filter(
            api_tokens::created_at
                .lt(before.at)
                .or(api_tokens::created_at
                    .eq(before.at)
                    .and(api_tokens::id.lt(before.id))),
        );
    }
    Ok(Page::cut(query.load(conn)?, limit))
}

/// Revokes a token. `false` when it was revoked before: that is no error.
pub fn revoke_token(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    token_id: Uuid,
) -> Result<bool, StoreError> {
    let changed = diesel::update(
        api_tokens::table
            .find(token_id)
            .filter(api_tokens::workspace_id.eq(workspace_id))
            .filter(api_tokens::revoked_at.is_null()),
    )
    .set(api_tokens::revoked_at.eq(clock_timestamp().nullable()))
    .execute(conn)?;
    if changed == 0 && find_token(conn, workspace_id, token_id)?.is_none() {
        return Err(StoreError::NotFound("token"));
    }
    Ok(changed == 1)
}

/// Neither revoked nor expired, on the database's clock.
fn is_usable() -> diesel::expression::SqlLiteral<diesel::sql_types::Bool> {
    diesel::dsl::sql(
        "(api_tokens.revoked_at IS NULL \
         AND (api_tokens.expires_at IS NULL OR api_tokens.expires_at > clock_timestamp()))",
    )
}

fn touch(conn: &mut PgConnection, token: &TokenRow) -> Result<(), StoreError> {
    diesel::sql_query(
        "UPDATE api_tokens SET last_used_at = clock_timestamp() WHERE id = $1 \
         AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')",
    )
    .bind::<diesel::sql_types::Uuid, _>(token.id)
    .execute(conn)?;
    Ok(())
}

fn hash(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_prefix_and_256_bits() {
        let text = TokenText::generate();
        assert!(is_token_text(text.reveal()));
        assert_eq!(text.reveal().len(), 47);
        assert_ne!(text.reveal(), TokenText::generate().reveal());
        assert_eq!(format!("{text:?}"), "TokenText(..)");
    }

    #[test]
    fn other_texts_are_not_tokens() {
        for text in ["", "pat_", "pat_x", "PAT_", "Bearer pat_", "pat_é"] {
            assert!(!is_token_text(text));
        }
        assert!(!is_token_text(&format!("pat_{}", "=".repeat(43))));
    }
}
