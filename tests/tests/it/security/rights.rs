//! Who may do what in a workspace, straight from the tables.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Nullable, Text};

/// Who, and what they have.
#[derive(QueryableByName, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    #[diesel(sql_type = Text)]
    pub subject: String,
    #[diesel(sql_type = Text)]
    pub role: String,
}

#[derive(QueryableByName, Clone, Debug, PartialEq, Eq)]
pub struct TokenFacts {
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Text)]
    pub user_id: String,
    #[diesel(sql_type = Nullable<Array<Text>>)]
    pub capabilities: Option<Vec<String>>,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    /// Not revoked.
    pub works: bool,
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = BigInt)]
    sequence: i64,
}

/// Everything that decides what somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    pub members: BTreeMap<String, String>,
    pub tenants: BTreeMap<String, String>,
    pub tokens: BTreeMap<String, TokenFacts>,
    pub controls: BTreeSet<Grant>,
}

impl Rights {
    /// As the tables say now.
    pub fn read(conn: &mut PgConnection, workspace: &str) -> Result<Self> {
        let mut grants = |statement: &str| -> Result<Vec<Grant>> {
            let statement = statement.replace("$ws", &format!("'{workspace}'"));
            Ok(diesel::sql_query(statement).load(conn)?)
        };
        let map = |grants: Vec<Grant>| grants.into_iter().map(|g| (g.subject, g.role)).collect();
        let members = map(grants(
            "SELECT user_id::text AS subject, role FROM workspace_memberships WHERE workspace_id = $ws",
        )?);
        let tenants = map(grants(
            "SELECT user_id || ' ' || tenant_id AS subject, role FROM tenant_memberships WHERE workspace_id = $ws",
        )?);
        let controls = grants(
            "SELECT operation_type || ' ' || coalesce(tenant_id::text, '') AS subject, \
             state || ' ' || reason AS role FROM operational_controls WHERE workspace_id = $ws",
        )?
        .into_iter()
        .collect();
        let statement = format!(
            "SELECT id::text, user_id::text, capabilities, revoked_at IS NULL AS works \
             FROM api_tokens WHERE workspace_id = '{workspace}'"
        );
        let tokens: Vec<TokenFacts> = diesel::sql_query(statement).load(conn)?;
        let tokens = tokens
            .into_iter()
            .map(|token| (token.id.clone(), token))
            .collect();
        Ok(Self {
            members,
            tenants,
            tokens,
            controls,
        })
    }

    /// Whether a token carries a workspace-scoped capability now.
    pub fn holds(&self, token: &str, capability: &str) -> bool {
        self.tokens.get(token).is_some_and(|token| {
            let narrowed = token.capabilities.as_ref();
            token.works
                && self
                    .members
                    .get(&token.user_id)
                    .is_some_and(|role| role == "owner")
                && narrowed.is_none_or(|set| set.iter().any(|held| held == capability))
        })
    }
}

/// The sequence of the last audit entry.
pub fn head(conn: &mut PgConnection, workspace: &str) -> Result<i64> {
    let statement = format!("SELECT sequence FROM audit_heads WHERE workspace_id = '{workspace}'");
    Ok(diesel::sql_query(statement)
        .get_result::<Head>(conn)?
        .sequence)
}
