//! Loads what a promotion or a restore needs: the pinned plan, its items, its overrides, clients.
//!
//! Decides that a plan of another registry is not executed. Reads only; the source is never
//! contacted, its content comes from stored versions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use domain::mapping;
use domain::operation::OperationType;
use domain::plan::PinnedSubject;
use domain::policy_type::REGISTRY_VERSION;
use domain::references::{Overrides, ReferenceCatalog};
use domain::run::ItemOutcome;
use domain::selection::{Mapping, Options, Selection};
use serde::Deserialize;
use serde_json::Value;
use store::run_items::ItemRow;
use store::{run_items, tenants};
use uuid::Uuid;

use super::Promotion;
use super::approvals;
use super::derive::Purpose;
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::{connection_check, inventory_rows, provider};

/// One item as far as carrying it on needs.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) outcome: ItemOutcome,
    pub(crate) journal: Value,
    pub(crate) target_external_id: Option<String>,
}

impl Item {
    fn of(row: ItemRow) -> Self {
        Self {
            outcome: outcome_of(&row.outcome),
            journal: row.journal,
            target_external_id: row.target_external_id,
        }
    }
}

impl Default for Item {
    fn default() -> Self {
        Self {
            outcome: ItemOutcome::Pending,
            journal: Value::Null,
            target_external_id: None,
        }
    }
}

/// Why no subject can be worked on.
pub(crate) struct Refusal {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

/// What a run stored when it was queued.
#[derive(Deserialize)]
struct Context {
    /// Of a promotion.
    selection: Option<Selection>,
    /// Of a restore; a promotion's are in its selection.
    options: Option<Options>,
    registry_version: String,
    subjects: Vec<PinnedSubject>,
}

type Loaded = (Promotion, Vec<PinnedSubject>, Vec<Item>);

/// Loads the run. `None`: every item has ended already.
pub(crate) async fn load(job: &Arc<Job>) -> Result<Result<Option<Loaded>, Refusal>, Interrupt> {
    let Ok(context) = Context::deserialize(job.run.context.as_ref()) else {
        return Ok(Err(refusal(
            "registry_changed",
            "The stored plan is not in a form this worker knows; run a new preflight.",
        )));
    };
    let run_id = job.run.id;
    let rows = job
        .read(move |conn| run_items::load_items(conn, run_id))
        .await?;
    let mut by_key: HashMap<String, Item> = rows
        .into_iter()
        .map(|row| (row.subject_key.clone(), Item::of(row)))
        .collect();
    let items: Vec<Item> = context
        .subjects
        .iter()
        .map(|subject| by_key.remove(&subject.subject_key).unwrap_or_default())
        .collect();
    if items.iter().all(|item| item.outcome.is_terminal()) {
        return Ok(Ok(None));
    }
    if context.registry_version != REGISTRY_VERSION {
        return Ok(Err(refusal(
            "registry_changed",
            "The plan was made with another version of the registry; run a new preflight.",
        )));
    }
    let opened = match provider::open(job).await? {
        Ok(opened) => opened,
        Err(problem) => {
            connection_check::mark_unhealthy(job, &problem).await?;
            return Ok(Err(refusal(problem.code, &problem.message)));
        }
    };
    let prepared = match (job.run.operation, &context.selection, context.options) {
        (OperationType::PolicyRestore, None, Some(options)) => Prepared {
            purpose: Purpose::Restore,
            options,
            overrides: Overrides::default(),
            only_read: Vec::new(),
        },
        (OperationType::PromotionExecute, Some(selection), _) => {
            match prepare_promotion(job, selection).await? {
                Ok(prepared) => prepared,
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        _ => {
            return Ok(Err(refusal(
                "registry_changed",
                "The stored plan is not in a form this worker knows; review it again.",
            )));
        }
    };
    let writer = match opened.writer(job, &prepared.only_read) {
        Ok(writer) => writer,
        Err(problem) => return Ok(Err(refusal(problem.code, &problem.message))),
    };
    let approvals = approvals::load(job).await?;
    let created = created_before(&context.subjects, &items);
    let promotion = Promotion {
        reader: opened.first_reader(job),
        writer,
        job: Arc::clone(job),
        purpose: prepared.purpose,
        options: prepared.options,
        overrides: prepared.overrides,
        approvals,
        created: Mutex::new(created),
        doubts: Mutex::default(),
    };
    Ok(Ok(Some((promotion, context.subjects, items))))
}

/// One item as it is stored now.
pub(crate) async fn item(job: &Job, subject_key: &str) -> Result<Item, Interrupt> {
    let (run_id, key) = (job.run.id, subject_key.to_owned());
    let row = job
        .read(move |conn| run_items::find_item(conn, run_id, &key))
        .await?;
    Ok(row.map(Item::of).unwrap_or_default())
}

/// What the operations of the write path differ in.
struct Prepared {
    purpose: Purpose,
    options: Options,
    overrides: Overrides,
    /// Entra tenants that must never be written.
    only_read: Vec<Uuid>,
}

async fn prepare_promotion(
    job: &Job,
    selection: &Selection,
) -> Result<Result<Prepared, Refusal>, Interrupt> {
    let (workspace_id, target_id) = (job.run.workspace_id, job.run.tenant_id);
    let source_id = selection.source_tenant_id;
    let source = job
        .read(move |conn| tenants::find_tenant(conn, workspace_id, source_id))
        .await?;
    let Some(source) = source else {
        return Ok(Err(refusal(
            "requester_revoked",
            "The source tenant does not exist any more.",
        )));
    };
    let (source_ids, target_ids): (Vec<Uuid>, Vec<Uuid>) = selection
        .mappings
        .iter()
        .filter_map(|mapping| match mapping {
            Mapping::Reference {
                source_id,
                target_id,
                ..
            } => Some((*source_id, *target_id)),
            Mapping::Literal { .. } => None,
        })
        .unzip();
    let (source_catalog, target_catalog) = job
        .read(move |conn| {
            Ok((
                inventory_rows::catalog_of_ids(conn, source_id, source_ids.clone())?,
                inventory_rows::catalog_of_ids(conn, target_id, target_ids.clone())?,
            ))
        })
        .await?;
    let mut literals = source.verified_domains.clone();
    literals.push(source.entra_tenant_id.to_string());
    Ok(Ok(Prepared {
        purpose: Purpose::Promotion {
            source_tenant_id: source_id,
        },
        options: selection.options,
        overrides: overrides(selection, &source_catalog, &target_catalog, &literals),
        only_read: vec![source.entra_tenant_id],
    }))
}

fn refusal(code: &'static str, message: &str) -> Refusal {
    Refusal {
        code,
        message: message.to_owned(),
    }
}

/// The request's overrides. A mapping that has become unusable since the plan was made changes
/// nothing that is written (the plan pins where references land), so the literals are kept.
fn overrides(
    selection: &Selection,
    source: &ReferenceCatalog,
    target: &ReferenceCatalog,
    source_literals: &[String],
) -> Overrides {
    mapping::overrides(selection, source, target, source_literals).unwrap_or_else(|_| {
        let literals = selection
            .mappings
            .iter()
            .filter_map(|mapping| match mapping {
                Mapping::Literal {
                    source_value,
                    target_value,
                    ..
                } => Some((source_value.to_ascii_lowercase(), target_value.clone())),
                Mapping::Reference { .. } => None,
            });
        Overrides {
            literals: literals.collect(),
            ..Overrides::default()
        }
    })
}

/// What this run has created and verified before it was interrupted.
fn created_before(subjects: &[PinnedSubject], items: &[Item]) -> BTreeMap<String, String> {
    subjects
        .iter()
        .zip(items)
        .filter(|(_, item)| item.outcome == ItemOutcome::Succeeded)
        .filter_map(|(subject, item)| {
            Some((
                subject.subject_key.clone(),
                item.target_external_id.clone()?,
            ))
        })
        .collect()
}

/// The word of the database as a type; an unknown one is treated as ended.
pub(crate) fn outcome_of(text: &str) -> ItemOutcome {
    ItemOutcome::ALL
        .into_iter()
        .find(|outcome| outcome.as_str() == text)
        .unwrap_or(ItemOutcome::Unknown)
}
