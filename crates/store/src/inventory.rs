//! Reads the live inventory of a tenant, whole and in few statements. Decides nothing: what is
//! complete or comparable is the domain's.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Jsonb, Text, Uuid as SqlUuid};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::{inventory_coverage, policies};
use crate::tenants::{self, TenantRow};

/// A live policy without its content.
#[derive(Clone, Debug, PartialEq, Queryable, Selectable)]
#[diesel(table_name = policies, check_for_backend(diesel::pg::Pg))]
pub struct InventoryPolicyRow {
    /// Our id.
    pub id: Uuid,
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
    /// The current version; `None` when no version could ever be captured.
    pub current_version_id: Option<Uuid>,
    /// `ok` or `unreadable`.
    pub capture_state: String,
    /// Why it is unreadable.
    pub capture_reason: Option<String>,
    /// Facet fingerprints of the current version.
    pub fingerprints: Option<Value>,
    /// Fingerprint pairs that a verified write proved equal.
    pub verified_pairs: Option<Value>,
}

/// What is known of one policy type or reference kind.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = inventory_coverage, check_for_backend(diesel::pg::Pg))]
pub struct CoverageRow {
    /// A policy type, or `reference:` and a kind.
    pub subject: String,
    /// `complete` or `incomplete`.
    pub status: String,
    /// Stable code of why incomplete.
    pub reason_code: Option<String>,
    /// For people.
    pub message: Option<String>,
    /// When the last read began.
    pub read_started_at: DateTime<Utc>,
    /// When it ended.
    pub read_ended_at: DateTime<Utc>,
    /// When the last complete read ended.
    pub complete_at: Option<DateTime<Utc>>,
}

/// A tenant's live inventory.
#[derive(Clone, Debug)]
pub struct InventoryRows {
    /// The tenant, with its inventory generation and verified domains.
    pub tenant: TenantRow,
    /// Live policies, by type and external id.
    pub policies: Vec<InventoryPolicyRow>,
    /// What is known of each type and kind.
    pub coverage: Vec<CoverageRow>,
}

/// Loads a tenant's live inventory: three statements. Run it in a read view, so that they are of
/// one moment.
pub fn load_inventory(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
) -> Result<InventoryRows, StoreError> {
    let tenant = tenants::find_tenant(conn, workspace_id, tenant_id)?
        .ok_or(StoreError::NotFound("tenant"))?;
    let policies = policies::table
        .filter(policies::tenant_id.eq(tenant_id))
        .filter(policies::removed_at.is_null())
        .order((policies::policy_type, policies::external_id))
        .select(InventoryPolicyRow::as_select())
        .load(conn)?;
    Ok(InventoryRows {
        tenant,
        policies,
        coverage: list_coverage(conn, tenant_id)?,
    })
}

/// What is known of each type and kind of a tenant. Empty = never synced.
pub fn list_coverage(
    conn: &mut PgConnection,
    tenant_id: Uuid,
) -> Result<Vec<CoverageRow>, StoreError> {
    Ok(inventory_coverage::table
        .filter(inventory_coverage::tenant_id.eq(tenant_id))
        .order(inventory_coverage::subject)
        .select(CoverageRow::as_select())
        .load(conn)?)
}

/// A live policy and its current version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, QueryableByName)]
#[diesel(check_for_backend(diesel::pg::Pg))]
pub struct CurrentVersion {
    /// The policy.
    #[diesel(sql_type = SqlUuid)]
    pub policy_id: Uuid,
    /// Its current version.
    #[diesel(sql_type = SqlUuid)]
    pub version_id: Uuid,
}

/// Live policies whose current version points to one of these objects of one kind: those whose
/// fingerprints by meaning change when the objects are renamed. External ids in any letter case.
pub fn list_policies_using(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    kind: &str,
    external_ids: &[String],
) -> Result<Vec<CurrentVersion>, StoreError> {
    let wanted: Vec<String> = external_ids.iter().map(|id| id.to_lowercase()).collect();
    Ok(diesel::sql_query(
        "SELECT p.id AS policy_id, v.id AS version_id FROM policies p \
         JOIN policy_versions v ON v.id = p.current_version_id \
         WHERE p.tenant_id = $1 AND p.removed_at IS NULL AND v.references_used @> $2 \
         AND EXISTS (SELECT 1 FROM jsonb_array_elements(v.references_used) r \
           WHERE r ->> 'kind' = $3 AND lower(r ->> 'external_id') = ANY($4)) \
         ORDER BY p.id",
    )
    .bind::<SqlUuid, _>(tenant_id)
    .bind::<Jsonb, _>(json!([{"kind": kind}]))
    .bind::<Text, _>(kind)
    .bind::<Array<Text>, _>(wanted)
    .load(conn)?)
}
