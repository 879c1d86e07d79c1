//! Puts one read type on record, atomically: policies, versions, removals, coverage, item.
//!
//! Decides that only a complete read may mark anything removed.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::canonical::{Reading, fingerprints};
use domain::policy_type::{self, PolicyType};
use domain::references::{ReferenceCatalog, is_constant};
use store::captures::{self, NewCoverage, PolicyCapture, UnreadableCapture};
use store::inventory::{self, CoverageRow};
use store::run_items::{self, ItemResult};
use store::{leases, references as stored, tenants};

use super::references::Known;
use super::types::{NOT_SERVED, Seen, TypeRead};
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::promotion::policy_capture;
use crate::provider::Reader;

struct Prepared {
    captures: Vec<PolicyCapture>,
    unreadable: Vec<UnreadableCapture>,
    seen_ids: Vec<String>,
    dangling: Vec<(String, String)>,
    coverage: NewCoverage,
    problem: Option<(&'static str, String)>,
}

/// Stores a read; `true` when the type is complete.
pub(crate) async fn store(
    job: &Arc<Job>,
    reader: &Reader,
    known: &Known,
    row: &'static PolicyType,
    read: TypeRead,
) -> Result<bool, Interrupt> {
    let read = settle_not_served(job, row, read).await?;
    let used = used_references(&read);
    known.learn_users(job, reader, &used).await?;
    let catalog = known.catalog();
    let complete = read.problem.is_none();
    let working = Arc::clone(job);
    // Fingerprints of thousands of policies would hold up everything else on this thread.
    let prepared =
        tokio::task::spawn_blocking(move || prepare(&working, row, read, &used, &catalog))
            .await
            .map_err(|error| Interrupt::Broken {
                what: format!("fingerprints were not made: {error}"),
            })?;
    commit(job, row, prepared).await?;
    Ok(complete)
}

/// A collection that was read to its end before is not one that the tenant does not offer: that it
/// is gone is trouble like any other.
async fn settle_not_served(
    job: &Job,
    row: &'static PolicyType,
    mut read: TypeRead,
) -> Result<TypeRead, Interrupt> {
    let Some(problem) = read
        .problem
        .as_mut()
        .filter(|(code, _)| *code == NOT_SERVED)
    else {
        return Ok(read);
    };
    let tenant_id = job.run.tenant_id;
    let coverage = job
        .read(move |conn| inventory::list_coverage(conn, tenant_id))
        .await?;
    let was_read = |known: &CoverageRow| known.subject == row.key && known.complete_at.is_some();
    if coverage.iter().any(was_read) {
        let text = format!("Graph does not find {}, which it had before.", row.path);
        *problem = ("graph_not_found", text);
    }
    Ok(read)
}

fn used_references(read: &TypeRead) -> BTreeSet<(String, String)> {
    read.seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Captured { policy, .. } => Some(&policy.references),
            Seen::Unreadable { .. } => None,
        })
        .flatten()
        .filter(|used| can_be_named(&used.kind, &used.external_id))
        // What is longer than any id is none, and would fit no row.
        .filter(|used| (1..=400).contains(&used.external_id.len()))
        .map(|used| (used.kind.clone(), used.external_id.clone()))
        .collect()
}

/// Whether a mapping may have to name it: all but what means the same in every tenant. Even one of
/// Microsoft's own applications may be missing in a tenant.
fn can_be_named(kind: &str, id: &str) -> bool {
    let application =
        kind == "application" && !policy_type::is_application_word(&id.to_ascii_lowercase());
    application || !is_constant(kind, id)
}

fn prepare(
    job: &Job,
    row: &'static PolicyType,
    read: TypeRead,
    used: &BTreeSet<(String, String)>,
    catalog: &ReferenceCatalog,
) -> Prepared {
    let (workspace_id, tenant_id) = (job.run.workspace_id, job.run.tenant_id);
    let mut captures = Vec::new();
    let mut unreadable = Vec::new();
    let mut seen_ids = Vec::with_capacity(read.seen.len());
    for seen in read.seen {
        match seen {
            Seen::Captured {
                policy,
                observed_at,
            } => {
                seen_ids.push(policy.external_id.clone());
                let prints = fingerprints(row, &policy, Reading::Meaning(catalog));
                captures.push(policy_capture(job, &policy, &prints, observed_at));
            }
            Seen::Unreadable {
                external_id,
                display_name,
                identity_key,
                reason,
                observed_at,
            } => {
                seen_ids.push(external_id.clone());
                unreadable.push(UnreadableCapture {
                    workspace_id,
                    tenant_id,
                    policy_type: row.key.to_owned(),
                    external_id,
                    display_name,
                    identity_key,
                    reason,
                    observed_at,
                });
            }
        }
    }
    let dangling = used
        .iter()
        .filter(|(kind, id)| catalog.by_external_id(kind, id).is_none())
        .cloned()
        .collect();
    let coverage = NewCoverage {
        workspace_id,
        tenant_id,
        subject: row.key.to_owned(),
        complete: read.problem.is_none(),
        reason_code: read.problem.as_ref().map(|(code, _)| (*code).to_owned()),
        message: read.problem.as_ref().map(|(_, message)| message.clone()),
        read_started_at: read.started_at,
        read_ended_at: read.ended_at,
    };
    Prepared {
        captures,
        unreadable,
        seen_ids,
        dangling,
        coverage,
        problem: read.problem,
    }
}

async fn commit(job: &Job, row: &'static PolicyType, prepared: Prepared) -> Result<(), Interrupt> {
    let run = job.run.clone();
    let (captured, bad) = (prepared.captures.len(), prepared.unreadable.len());
    let now = job.now();
    let changed = job
        .record(move |conn, holder| {
            let tenant_id = run.tenant_id;
            let mut changed = 0_usize;
            stored::insert_dangling_references(
                conn,
                run.workspace_id,
                tenant_id,
                &prepared.dangling,
                now,
            )?;
            for capture in &prepared.captures {
                changed += usize::from(captures::upsert_policy_capture(conn, capture)?.changed);
            }
            for unreadable in &prepared.unreadable {
                changed += usize::from(captures::mark_policy_unreadable(conn, unreadable)?.changed);
            }
            if prepared.problem.is_none() {
                changed += captures::mark_removed_unseen(
                    conn,
                    tenant_id,
                    row.key,
                    &prepared.seen_ids,
                    prepared.coverage.read_started_at,
                )?;
            }
            captures::put_coverage(conn, &prepared.coverage)?;
            // The run's row is locked last: the heartbeat must not wait for a long transaction.
            leases::guard(conn, holder)?;
            let known = run_items::find_item(conn, run.id, row.key)?;
            if known.is_some_and(|item| item.outcome == "pending") {
                let result = item_result(&prepared, changed);
                run_items::mark_item_done(conn, holder, row.key, &result)?;
            }
            tenants::raise_inventory_generation(conn, tenant_id)?;
            Ok(changed)
        })
        .await?;
    tracing::info!(
        run.id = %job.run.id,
        policy.r#type = row.key,
        captured,
        unreadable = bad,
        changed,
        "type captured"
    );
    Ok(())
}

fn item_result(prepared: &Prepared, changed: usize) -> ItemResult {
    if let Some((code, message)) = &prepared.problem {
        // That there is no such collection is all there is to know of it.
        if *code == NOT_SERVED {
            return ItemResult {
                outcome: "succeeded".to_owned(),
                effect: Some("unchanged".to_owned()),
                reason_code: Some((*code).to_owned()),
                message: Some(message.clone()),
                ..ItemResult::default()
            };
        }
        return ItemResult {
            outcome: "failed".to_owned(),
            reason_code: Some((*code).to_owned()),
            message: Some(message.clone()),
            ..ItemResult::default()
        };
    }
    let bad = prepared.unreadable.len();
    let note = if bad > 0 {
        format!(", {bad} of them unreadable")
    } else {
        String::new()
    };
    let total = prepared.captures.len() + bad;
    ItemResult {
        outcome: "succeeded".to_owned(),
        effect: Some(if changed > 0 { "updated" } else { "unchanged" }.to_owned()),
        message: Some(format!("{total} read{note}, {changed} changed.")),
        ..ItemResult::default()
    }
}
