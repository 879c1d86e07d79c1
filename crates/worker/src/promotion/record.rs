//! Everything a promotion or a restore puts on record, each in one transaction that checks the fence.
//!
//! Decides what belongs together: an item's end, the captured version, the references it adds and
//! the raised generation are one commit.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::time::Instant;

use domain::canonical::{Reading, fingerprints};
use domain::compare::deciding_facets;
use domain::inventory::VerifiedPair;
use domain::model::{CapturedPolicy, Facet};
use domain::plan::PinnedSubject;
use domain::policy_type::{self, PolicyType, REGISTRY_VERSION};
use domain::references::ReferenceCatalog;
use domain::run::ItemOutcome;
use domain::steps::StepKind;
use serde_json::{Value, json};
use store::captures::{self, Captured, PolicyCapture};
use store::leases::Holder;
use store::references::ReferenceCapture;
use store::run_items::{self, ItemResult};
use store::{PgConnection, StoreError, references, tenants};
use uuid::Uuid;

use super::Promotion;
use super::derive::source_version;
use super::inputs::outcome_of;
use super::journal::{Entry, Intent};
use super::subject::{Observed, Subject, Verdict};
use crate::interrupt::Interrupt;
use crate::inventory_rows;
use crate::inventory_sync::kinds;
use crate::job::{Job, RunFacts};

/// Commits an intent. Nothing is sent before this returns.
pub(crate) async fn intent(subject: &mut Subject<'_>, intent: Intent) -> Result<(), Interrupt> {
    let key = subject.pinned.subject_key.clone();
    let entry = Entry::Intent(intent);
    let stored = serde_json::to_value(&entry).unwrap_or_default();
    let begun = subject.writing;
    subject
        .run
        .job
        .record(move |conn, holder| {
            if begun {
                run_items::record_intent(conn, holder, &key, &stored)
            } else {
                run_items::mark_item_writing(conn, holder, &key, &stored)
            }
        })
        .await?;
    subject.writing = true;
    subject.journal.push(entry);
    Ok(())
}

impl Subject<'_> {
    /// Records a journal entry and keeps it in mind.
    pub(crate) async fn note(&mut self, entry: Entry) -> Result<(), Interrupt> {
        // What is only evidence of a refusal before the first write goes into the item's message.
        if !self.writing {
            return Ok(());
        }
        if matches!(entry, Entry::Adopted { .. } | Entry::SeenLanded { .. }) {
            self.settled = Some(Instant::now());
        }
        let key = self.pinned.subject_key.clone();
        let stored = serde_json::to_value(&entry).unwrap_or_default();
        let object_id = self.object_id(&entry);
        let request_ids: Vec<String> = match &entry {
            Entry::Result(result) => result.request_id.iter().cloned().collect(),
            _ => Vec::new(),
        };
        self.run
            .job
            .record(move |conn, holder| {
                run_items::record_step_result(
                    conn,
                    holder,
                    &key,
                    &stored,
                    &request_ids,
                    object_id.as_deref(),
                )
            })
            .await?;
        self.journal.push(entry);
        Ok(())
    }

    /// The target object's id, where an entry tells it.
    fn object_id(&self, entry: &Entry) -> Option<String> {
        let makes_object = |name: &str| {
            self.steps
                .iter()
                .any(|step| step.name == name && step.kind == StepKind::CreateObject)
        };
        match entry {
            Entry::Result(result) if makes_object(&result.step) => result.object_id.clone(),
            Entry::Adopted {
                step, object_id, ..
            } if makes_object(step) => Some(object_id.clone()),
            _ => None,
        }
    }
}

/// What a verified or half-written object adds to the target's inventory.
struct Capture {
    policy: PolicyCapture,
    verified_pairs: Option<Value>,
    reference: Option<(&'static str, ReferenceCapture)>,
    observed_at: chrono::DateTime<chrono::Utc>,
}

/// Records how a subject ended. Returns the outcome that stands.
pub(crate) async fn end(
    promotion: &Promotion,
    pinned: &PinnedSubject,
    verdict: Verdict,
) -> Result<ItemOutcome, Interrupt> {
    let (outcome, mut result, observed, verified) = match verdict {
        Verdict::Succeeded { effect, observed } => (
            ItemOutcome::Succeeded,
            ItemResult {
                effect: Some(effect.as_str().to_owned()),
                ..ItemResult::default()
            },
            Some(observed),
            true,
        ),
        Verdict::Failed {
            code,
            message,
            observed,
        } => (ItemOutcome::Failed, reason(code, message), observed, false),
        Verdict::Unknown { code, message } => {
            (ItemOutcome::Unknown, reason(code, message), None, false)
        }
        Verdict::Skipped { code, message } => {
            (ItemOutcome::Skipped, reason(code, message), None, false)
        }
    };
    outcome.as_str().clone_into(&mut result.outcome);
    let capture = match &observed {
        Some(observed) => prepare(promotion, pinned, observed, verified).await?,
        None => None,
    };
    if let Some(observed) = &observed {
        result.target_external_id = Some(observed.policy.external_id.clone());
    }
    let stands = commit(promotion, pinned, result, capture).await?;
    let job = &promotion.job;
    job.env.metrics.count(
        "promotion_worker_items_total",
        &[
            ("type", job.run.operation.as_str()),
            ("outcome", stands.as_str()),
        ],
    );
    if stands == ItemOutcome::Succeeded
        && let Some(observed) = observed
    {
        promotion
            .created
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(
                pinned.subject_key.clone(),
                observed.policy.external_id.clone(),
            );
    }
    tracing::info!(
        run.id = %job.run.id,
        subject.key = %pinned.subject_key,
        subject.r#type = %pinned.policy_type,
        item.outcome = stands.as_str(),
        "subject ended"
    );
    Ok(stands)
}

/// What a subject has made so far becomes inventory before its run is put aside: a preflight after a
/// stop then offers exactly what is missing.
pub(crate) async fn half_made(
    promotion: &Promotion,
    pinned: &PinnedSubject,
    seen: &Observed,
) -> Result<(), Interrupt> {
    let Some(capture) = prepare(promotion, pinned, seen, false).await? else {
        return Ok(());
    };
    let run = promotion.job.run.clone();
    promotion
        .job
        .record(move |conn, holder| {
            store::leases::guard(conn, holder)?;
            put_capture(conn, &run, &capture)?;
            tenants::raise_inventory_generation(conn, run.tenant_id)
        })
        .await?;
    Ok(())
}

/// Puts an object into the target's inventory, and among its references where it is one.
fn put_capture(
    conn: &mut PgConnection,
    run: &RunFacts,
    capture: &Capture,
) -> Result<Captured, StoreError> {
    let stored = captures::upsert_policy_capture(conn, &capture.policy)?;
    if let (Some(pairs), Some(version_id), true) =
        (&capture.verified_pairs, stored.version_id, stored.applied)
    {
        captures::put_verified_pairs(conn, stored.policy_id, version_id, pairs)?;
    }
    if let Some((kind, reference)) = &capture.reference {
        references::upsert_references(
            conn,
            run.workspace_id,
            run.tenant_id,
            kind,
            std::slice::from_ref(reference),
            capture.observed_at,
        )?;
    }
    Ok(stored)
}

fn reason(code: &str, message: String) -> ItemResult {
    ItemResult {
        reason_code: Some(code.to_owned()),
        message: Some(message),
        ..ItemResult::default()
    }
}

async fn commit(
    promotion: &Promotion,
    pinned: &PinnedSubject,
    result: ItemResult,
    capture: Option<Capture>,
) -> Result<ItemOutcome, Interrupt> {
    let run = promotion.job.run.clone();
    let key = pinned.subject_key.clone();
    promotion
        .job
        .record(move |conn, holder| {
            let mut result = result.clone();
            let (id, tenant_id) = (run.id, run.tenant_id);
            store::leases::guard(conn, holder)?;
            if let Some(capture) = &capture {
                let stored = put_capture(conn, &run, capture)?;
                result.target_policy_id = Some(stored.policy_id);
                result.result_version_id = stored.version_id;
            }
            let stands = mark_done(conn, holder, id, &key, &result)?;
            if capture.is_some() {
                tenants::raise_inventory_generation(conn, tenant_id)?;
            }
            Ok(stands)
        })
        .await
}

/// Ends an item. One that has ended already (the answer to a commit was lost, or an effect that its
/// state does not allow) keeps its end.
fn mark_done(
    conn: &mut PgConnection,
    holder: &Holder,
    run_id: Uuid,
    key: &str,
    result: &ItemResult,
) -> Result<ItemOutcome, StoreError> {
    let known = run_items::find_item(conn, run_id, key)?
        .ok_or(StoreError::NotFound("operation run item"))?;
    let stands = outcome_of(&known.outcome);
    if stands.is_terminal() {
        return Ok(stands);
    }
    run_items::mark_item_done(conn, holder, key, result)?;
    Ok(outcome_of(&result.outcome))
}

/// Fingerprints and pairs of what was read back, by meaning in the target.
async fn prepare(
    promotion: &Promotion,
    pinned: &PinnedSubject,
    observed: &Observed,
    verified: bool,
) -> Result<Option<Capture>, Interrupt> {
    let Some(row) = policy_type::find(&pinned.policy_type) else {
        return Ok(None);
    };
    let policy = &observed.policy;
    let reference = reference_of(row, policy);
    let job = &promotion.job;
    let content_tenant = promotion.purpose.content_tenant(job.run.tenant_id);
    let source = if verified {
        source_version(job, content_tenant, pinned.source_version_id).await?
    } else {
        None
    };
    let (source_catalog, target_catalog) = {
        let (target_tenant, live, source) = (job.run.tenant_id, policy.clone(), source.clone());
        job.read(move |conn| {
            let of_source = match &source {
                Some(source) => inventory_rows::catalog_of(conn, content_tenant, source)?,
                None => ReferenceCatalog::default(),
            };
            let of_target = inventory_rows::catalog_of(conn, target_tenant, &live)?;
            Ok((of_source, of_target))
        })
        .await?
    };
    let own = fingerprints(row, policy, Reading::Meaning(&target_catalog));
    let verified_pairs = source.map(|source| {
        let reading = Reading::MeaningWith(&source_catalog, &promotion.overrides);
        let theirs = fingerprints(row, &source, reading);
        let mut pairs: BTreeMap<Facet, VerifiedPair> = BTreeMap::new();
        for facet in deciding_facets(promotion.options) {
            if let (Some(source), Some(own)) = (theirs.facets.get(&facet), own.facets.get(&facet))
                && source != own
            {
                pairs.insert(
                    facet,
                    VerifiedPair {
                        source: source.clone(),
                        own: own.clone(),
                    },
                );
            }
        }
        serde_json::to_value(pairs).unwrap_or_else(|_| json!({}))
    });
    Ok(Some(Capture {
        policy: policy_capture(job, policy, &own, observed.observed_at),
        verified_pairs,
        reference,
        observed_at: observed.observed_at,
    }))
}

/// A captured policy as a row.
pub(crate) fn policy_capture(
    job: &Job,
    policy: &CapturedPolicy,
    fingerprints: &domain::canonical::Fingerprints,
    observed_at: chrono::DateTime<chrono::Utc>,
) -> PolicyCapture {
    PolicyCapture {
        workspace_id: job.run.workspace_id,
        tenant_id: job.run.tenant_id,
        policy_type: policy.policy_type.clone(),
        external_id: policy.external_id.clone(),
        display_name: policy.display_name.clone(),
        platform: policy.platform.clone(),
        identity_key: policy.identity_key.clone(),
        content: policy.content.clone(),
        assignments: policy.assignments.clone(),
        references_used: serde_json::to_value(&policy.references).unwrap_or_else(|_| json!([])),
        content_hash: policy.content_hash.clone(),
        registry_version: REGISTRY_VERSION.to_owned(),
        fingerprint_key_id: policy
            .has_secrets
            .then(|| job.env.secret_key.key_id.clone()),
        fingerprints: serde_json::to_value(fingerprints).unwrap_or_else(|_| json!({})),
        observed_at,
    }
}

/// The reference that an object of this type is for other policies.
fn reference_of(
    row: &PolicyType,
    policy: &CapturedPolicy,
) -> Option<(&'static str, ReferenceCapture)> {
    let kind = row.reference_kind?;
    let mut item = policy.content.clone();
    item.as_object_mut()?
        .insert("id".to_owned(), Value::String(policy.external_id.clone()));
    let listed = kinds::list_of(kind)?
        .read(&item)
        .into_iter()
        .find(|listed| listed.kind == kind)?;
    Some((
        kind,
        ReferenceCapture {
            external_id: listed.external_id,
            name: listed.name,
            discriminator: listed.discriminator,
        },
    ))
}

/// Ends every item that has not ended: the run cannot be worked on at all.
pub(crate) async fn fail_all(job: &Job, code: &str, message: &str) -> Result<(), Interrupt> {
    let run_id = job.run.id;
    let (code, message) = (code.to_owned(), message.to_owned());
    job.record(move |conn, holder| {
        for item in run_items::load_items(conn, run_id)? {
            let outcome = outcome_of(&item.outcome);
            if outcome.is_terminal() {
                continue;
            }
            let end = if outcome == ItemOutcome::Writing {
                ItemOutcome::Unknown
            } else {
                ItemOutcome::Failed
            };
            let result = ItemResult {
                outcome: end.as_str().to_owned(),
                ..reason(&code, message.clone())
            };
            run_items::mark_item_done(conn, holder, &item.subject_key, &result)?;
        }
        Ok(())
    })
    .await
}
