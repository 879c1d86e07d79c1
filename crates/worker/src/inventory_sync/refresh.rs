//! Makes fingerprints true again after references were renamed: those of the policies that this
//! sync did not read. Content stays what it was.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::canonical::{Fingerprints, Reading, fingerprints};
use domain::policy_type;
use domain::references::ReferenceCatalog;
use serde_json::{Value, json};
use store::captures;
use store::inventory::{self, InventoryPolicyRow};
use store::versions::{self, VersionRow};
use store::{StoreError, leases, tenants};
use uuid::Uuid;

use super::references::Known;
use crate::interrupt::Interrupt;
use crate::inventory_rows;
use crate::job::Job;

/// Policies per transaction.
const BATCH: usize = 200;

/// Recomputes the fingerprints of live policies whose type was not captured in this run.
pub(crate) async fn refresh(
    job: &Arc<Job>,
    known: &Known,
    captured: &BTreeSet<&'static str>,
) -> Result<(), Interrupt> {
    let (workspace_id, tenant_id) = (job.run.workspace_id, job.run.tenant_id);
    let rows = job
        .read(move |conn| inventory::load_inventory(conn, workspace_id, tenant_id))
        .await?;
    let others: Vec<InventoryPolicyRow> = rows
        .policies
        .into_iter()
        .filter(|policy| !captured.contains(policy.policy_type.as_str()))
        .filter(|policy| policy.current_version_id.is_some())
        .collect();
    for batch in others.chunks(BATCH) {
        let ids: Vec<Uuid> = batch.iter().filter_map(|p| p.current_version_id).collect();
        let loaded = job
            .read(move |conn| {
                match versions::load_versions(conn, tenant_id, &ids) {
                    // One was purged meanwhile: the next sync sees to the rest.
                    Err(StoreError::NotFound(_)) => Ok(Vec::new()),
                    other => other,
                }
            })
            .await?;
        let catalog = known.catalog();
        let changed: Vec<(Uuid, Uuid, Value)> = batch
            .iter()
            .filter_map(|policy| refreshed(policy, &loaded, &catalog))
            .collect();
        if changed.is_empty() {
            continue;
        }
        job.record(move |conn, holder| {
            for (policy_id, version_id, prints) in &changed {
                captures::put_fingerprints(conn, *policy_id, *version_id, prints)?;
            }
            leases::guard(conn, holder)?;
            tenants::raise_inventory_generation(conn, tenant_id).map(drop)
        })
        .await?;
    }
    Ok(())
}

/// The new fingerprints of a policy, when they differ.
fn refreshed(
    policy: &InventoryPolicyRow,
    loaded: &[VersionRow],
    catalog: &ReferenceCatalog,
) -> Option<(Uuid, Uuid, Value)> {
    let version_id = policy.current_version_id?;
    let row = policy_type::find(&policy.policy_type)?;
    let version = loaded.iter().find(|version| version.id == version_id)?;
    let captured = inventory_rows::rebuild(row, version.clone(), policy.external_id.clone());
    // The content is as old as it was.
    let stored: Option<Fingerprints> = policy
        .fingerprints
        .clone()
        .and_then(|stored| serde_json::from_value(stored).ok());
    let prints =
        fingerprints(row, &captured, Reading::Meaning(catalog)).captured_as(stored.as_ref());
    let prints = serde_json::to_value(prints).unwrap_or_else(|_| json!({}));
    (policy.fingerprints.as_ref() != Some(&prints)).then_some((policy.id, version_id, prints))
}
