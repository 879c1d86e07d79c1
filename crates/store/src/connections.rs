//! Provider connections: how a tenant is reached and whether that works. Holds credentials sealed
//! only; decides nothing about what they contain.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::keys::Sealed;
use crate::schema::provider_connections;

/// The column name that every sealed credential is bound to.
pub const CREDENTIAL_COLUMN: &str = "provider_connections.sealed_credential";

/// A tenant's connection, without its credential.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = provider_connections, check_for_backend(diesel::pg::Pg))]
pub struct ConnectionRow {
    /// The tenant; one connection each.
    pub tenant_id: Uuid,
    /// The workspace.
    pub workspace_id: Uuid,
    /// `global`, `us_gov`, `us_gov_dod` or `china`.
    pub cloud: String,
    /// The application's client id.
    pub client_id: Uuid,
    /// `client_secret`, `certificate` or `federated_token`.
    pub credential_kind: String,
    /// Which key the credential is sealed to.
    pub seal_key_id: String,
    /// When the credential ends, where known.
    pub credential_expires_at: Option<DateTime<Utc>>,
    /// `unknown`, `healthy` or `unhealthy`.
    pub health: String,
    /// Stable code of an unhealthy connection.
    pub health_code: Option<String>,
    /// For people.
    pub health_message: Option<String>,
    /// When it was last checked.
    pub checked_at: Option<DateTime<Utc>>,
    /// Application roles seen in the last token; `None` = never seen one.
    pub granted_roles: Option<Vec<String>>,
    /// When it was first set.
    pub created_at: DateTime<Utc>,
    /// When it was last set: with the tenant, what tells one credential from its successor.
    pub updated_at: DateTime<Utc>,
    /// Whether the plain text of encrypted values may be asked for.
    pub secret_reading: bool,
}

/// A connection as set by a caller.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// The tenant.
    pub tenant_id: Uuid,
    /// The workspace.
    pub workspace_id: Uuid,
    /// `global`, `us_gov`, `us_gov_dod` or `china`.
    pub cloud: String,
    /// The application's client id.
    pub client_id: Uuid,
    /// `client_secret`, `certificate` or `federated_token`.
    pub credential_kind: String,
    /// The credential, sealed for [`CREDENTIAL_COLUMN`] of this tenant.
    pub credential: Sealed,
    /// When it ends, where known.
    pub credential_expires_at: Option<DateTime<Utc>>,
}

/// What a check found.
#[derive(Clone, Debug)]
pub struct ConnectionHealth {
    /// Whether a token was issued and Graph answered.
    pub healthy: bool,
    /// Stable code when not.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// Application roles in the token; `None` = no token, the last known ones stay.
    pub granted_roles: Option<Vec<String>>,
    /// When it was found.
    pub checked_at: DateTime<Utc>,
}

/// Sets a tenant's connection, replacing the one before; its health is unknown until checked.
/// [`StoreError::Reference`] when the tenant is not in the workspace.
pub fn put_connection(
    conn: &mut PgConnection,
    new: &NewConnection,
) -> Result<ConnectionRow, StoreError> {
    use provider_connections as table;
    let values = || {
        (
            table::cloud.eq(&new.cloud),
            table::client_id.eq(new.client_id),
            table::credential_kind.eq(&new.credential_kind),
            table::sealed_credential.eq(&new.credential.bytes),
            table::seal_key_id.eq(&new.credential.key_id),
            table::credential_expires_at.eq(new.credential_expires_at),
            table::health.eq("unknown"),
            table::health_code.eq(None::<String>),
            table::health_message.eq(None::<String>),
            table::checked_at.eq(None::<DateTime<Utc>>),
            table::granted_roles.eq(None::<Vec<String>>),
            table::updated_at.eq(diesel::dsl::now),
        )
    };
    Ok(diesel::insert_into(table::table)
        .values((
            table::tenant_id.eq(new.tenant_id),
            table::workspace_id.eq(new.workspace_id),
            values(),
        ))
        .on_conflict(table::tenant_id)
        .do_update()
        .set((
            values(),
            // A permission given for one application is none for another.
            table::secret_reading.eq(table::secret_reading
                .and(table::client_id.eq(new.client_id))
                .and(table::cloud.eq(&new.cloud))),
        ))
        .returning(ConnectionRow::as_returning())
        .get_result(conn)?)
}

/// A tenant's connection.
pub fn find_connection(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
) -> Result<Option<ConnectionRow>, StoreError> {
    Ok(provider_connections::table
        .find(tenant_id)
        .filter(provider_connections::workspace_id.eq(workspace_id))
        .select(ConnectionRow::as_select())
        .first(conn)
        .optional()?)
}

/// Allows or forbids asking for plain secrets; `None` when there is no connection.
pub fn put_secret_reading(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    allowed: bool,
) -> Result<Option<ConnectionRow>, StoreError> {
    use provider_connections as table;
    let connection = table::table
        .find(tenant_id)
        .filter(table::workspace_id.eq(workspace_id));
    Ok(diesel::update(connection)
        .set(table::secret_reading.eq(allowed))
        .returning(ConnectionRow::as_returning())
        .get_result(conn)
        .optional()?)
}

/// Connections of several tenants of a workspace.
pub fn list_connections(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_ids: &[Uuid],
) -> Result<Vec<ConnectionRow>, StoreError> {
    Ok(provider_connections::table
        .filter(provider_connections::workspace_id.eq(workspace_id))
        .filter(provider_connections::tenant_id.eq_any(tenant_ids))
        .select(ConnectionRow::as_select())
        .load(conn)?)
}

/// A tenant's sealed credential, for the worker to open.
pub fn load_sealed_credential(
    conn: &mut PgConnection,
    tenant_id: Uuid,
) -> Result<Sealed, StoreError> {
    let (key_id, bytes) = provider_connections::table
        .find(tenant_id)
        .select((
            provider_connections::seal_key_id,
            provider_connections::sealed_credential,
        ))
        .first(conn)
        .optional()?
        .ok_or(StoreError::NotFound("connection"))?;
    Ok(Sealed { key_id, bytes })
}

/// Replaces a credential by itself sealed to another key (key rotation). `false` when somebody set
/// a new credential meanwhile: that one is sealed to the new key already, or listed again.
pub fn reseal_credential(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    before: &Sealed,
    after: &Sealed,
) -> Result<bool, StoreError> {
    let changed = diesel::update(
        provider_connections::table
            .find(tenant_id)
            .filter(provider_connections::sealed_credential.eq(&before.bytes)),
    )
    .set((
        provider_connections::sealed_credential.eq(&after.bytes),
        provider_connections::seal_key_id.eq(&after.key_id),
    ))
    .execute(conn)?;
    Ok(changed == 1)
}

/// Workspaces and tenants whose credential is not sealed to `key_id` yet.
pub fn list_sealed_to_other_keys(
    conn: &mut PgConnection,
    key_id: &str,
) -> Result<Vec<(Uuid, Uuid)>, StoreError> {
    Ok(provider_connections::table
        .filter(provider_connections::seal_key_id.ne(key_id))
        .order(provider_connections::tenant_id)
        .select((
            provider_connections::workspace_id,
            provider_connections::tenant_id,
        ))
        .load(conn)?)
}

/// How many credentials end when, over all workspaces: figures without names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialEnds {
    /// Ended already.
    pub expired: i64,
    /// Ending within a week, the ended ones left out.
    pub within_a_week: i64,
    /// Ending within 30 days, those of the week included.
    pub within_a_month: i64,
    /// The next end that is still to come.
    pub next: Option<DateTime<Utc>>,
}

/// Counts the credentials that end soon, by the database's clock.
pub fn count_credential_ends(conn: &mut PgConnection) -> Result<CredentialEnds, StoreError> {
    use chrono::TimeDelta;
    let now: DateTime<Utc> =
        diesel::select(diesel::dsl::now.into_sql::<diesel::sql_types::Timestamptz>())
            .get_result(conn)?;
    let ends: Vec<Option<DateTime<Utc>>> = provider_connections::table
        .filter(provider_connections::credential_expires_at.lt(now + TimeDelta::days(30)))
        .select(provider_connections::credential_expires_at)
        .load(conn)?;
    let mut found = CredentialEnds::default();
    for at in ends.into_iter().flatten() {
        if at <= now {
            found.expired += 1;
            continue;
        }
        found.within_a_month += 1;
        found.within_a_week += i64::from(at <= now + TimeDelta::days(7));
    }
    found.next = provider_connections::table
        .filter(provider_connections::credential_expires_at.gt(now))
        .select(diesel::dsl::min(
            provider_connections::credential_expires_at,
        ))
        .first(conn)?;
    Ok(found)
}

/// Takes a tenant's connection away, its credential with it. [`StoreError::NotFound`] when there is
/// none.
pub fn delete_connection(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
) -> Result<ConnectionRow, StoreError> {
    use provider_connections as table;
    let connection = table::table
        .find(tenant_id)
        .filter(table::workspace_id.eq(workspace_id));
    diesel::delete(connection)
        .returning(ConnectionRow::as_returning())
        .get_result(conn)
        .optional()?
        .ok_or(StoreError::NotFound("connection"))
}

/// Records what a check of the credential set at `set_at` found. `false`, and nothing is recorded,
/// when another credential was set since or none is there: what was found is not true of it. An
/// older finding never replaces a newer one.
pub fn mark_connection_health(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    set_at: DateTime<Utc>,
    found: &ConnectionHealth,
) -> Result<bool, StoreError> {
    use provider_connections as table;
    let newest = table::checked_at
        .is_null()
        .or(table::checked_at.le(found.checked_at));
    let target = table::table
        .find(tenant_id)
        .filter(table::updated_at.eq(set_at))
        .filter(newest);
    let health = if found.healthy {
        "healthy"
    } else {
        "unhealthy"
    };
    let changed = diesel::update(target)
        .set((
            table::health.eq(health),
            table::health_code.eq(&found.code),
            table::health_message.eq(&found.message),
            table::checked_at.eq(found.checked_at),
            found
                .granted_roles
                .as_ref()
                .map(|roles| table::granted_roles.eq(roles)),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}
