//! Loads what a promotion needs: the pinned plan, its items, versions, catalogues, clients.
//!
//! Decides that a plan of another registry is not executed. Reads only; the source is never
//! contacted, its content comes from stored versions.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use domain::mapping;
use domain::model::CapturedPolicy;
use domain::plan::PinnedSubject;
use domain::policy_type::REGISTRY_VERSION;
use domain::references::{Overrides, ReferenceCatalog, ReferenceObject};
use domain::run::ItemOutcome;
use domain::selection::{Mapping, Selection};
use serde::Deserialize;
use serde_json::Value;
use store::{run_items, tenants};

use super::Promotion;
use super::approvals;
use super::subject::Exit;
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

impl Default for Item {
    fn default() -> Self {
        Self {
            outcome: ItemOutcome::Pending,
            journal: Value::Null,
            target_external_id: None,
        }
    }
}

/// The reference catalogues of both tenants. What the run creates is added to the target's.
pub(crate) struct Catalogs {
    pub(crate) source: Arc<ReferenceCatalog>,
    pub(crate) target: Arc<ReferenceCatalog>,
    target_objects: Vec<ReferenceObject>,
    target_complete: Vec<String>,
}

impl Catalogs {
    /// Makes an object that the run created resolvable.
    pub(crate) fn add_to_target(&mut self, object: ReferenceObject) {
        self.target_objects.retain(|known| {
            known.kind != object.kind
                || !known.external_id.eq_ignore_ascii_case(&object.external_id)
        });
        self.target_objects.push(object);
        self.target = Arc::new(ReferenceCatalog::new(
            self.target_objects.iter().cloned(),
            self.target_complete.iter().cloned(),
        ));
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
    selection: Selection,
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
        .map(|row| {
            let outcome = outcome_of(&row.outcome);
            let item = Item {
                outcome,
                journal: row.journal,
                target_external_id: row.target_external_id,
            };
            (row.subject_key, item)
        })
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
            connection_check::mark_unhealthy(job, problem.code, &problem.message).await?;
            return Ok(Err(refusal(problem.code, &problem.message)));
        }
    };
    let (workspace_id, source_id) = (job.run.workspace_id, context.selection.source_tenant_id);
    let source = job
        .read(move |conn| tenants::find_tenant(conn, workspace_id, source_id))
        .await?;
    let Some(source) = source else {
        return Ok(Err(refusal(
            "requester_revoked",
            "The source tenant does not exist any more.",
        )));
    };
    let writer = match opened.writer(job, &[source.entra_tenant_id]) {
        Ok(writer) => writer,
        Err(problem) => return Ok(Err(refusal(problem.code, &problem.message))),
    };
    let target_id = job.run.tenant_id;
    let (source_rows, target_rows) = job
        .read(move |conn| {
            Ok((
                inventory_rows::references(conn, source_id)?,
                inventory_rows::references(conn, target_id)?,
            ))
        })
        .await?;
    let source_catalog = ReferenceCatalog::new(source_rows.objects, source_rows.complete_kinds);
    let target_catalog = ReferenceCatalog::new(
        target_rows.objects.iter().cloned(),
        target_rows.complete_kinds.iter().cloned(),
    );
    let mut literals = source.verified_domains.clone();
    literals.push(source.entra_tenant_id.to_string());
    let overrides = overrides(
        &context.selection,
        &source_catalog,
        &target_catalog,
        &literals,
    );
    let approvals = approvals::load(job).await?;
    let created = created_before(&context.subjects, &items);
    let promotion = Promotion {
        reader: opened.reader(job),
        writer,
        job: Arc::clone(job),
        options: context.selection.options,
        overrides,
        approvals,
        catalogs: Mutex::new(Catalogs {
            source: Arc::new(source_catalog),
            target: Arc::new(target_catalog),
            target_objects: target_rows.objects,
            target_complete: target_rows.complete_kinds,
        }),
        created: Mutex::new(created),
    };
    Ok(Ok(Some((promotion, context.subjects, items))))
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

/// The reviewed versions of one subject.
pub(crate) struct SubjectVersions {
    pub(crate) source: CapturedPolicy,
    pub(crate) target: Option<CapturedPolicy>,
}

/// Loads them; a version that is gone cannot be executed.
pub(crate) async fn load_versions(
    job: &Job,
    pinned: &PinnedSubject,
) -> Result<Result<SubjectVersions, Exit>, Interrupt> {
    let source_tenant = job.run.source_tenant_id.unwrap_or(job.run.tenant_id);
    let (workspace_id, target_tenant) = (job.run.workspace_id, job.run.tenant_id);
    let source_version = pinned.source_version_id;
    let target_version = pinned.target.as_ref().map(|target| target.version_id);
    let (source, target) = job
        .read(move |conn| {
            let source =
                inventory_rows::captured(conn, workspace_id, source_tenant, source_version)?;
            let target = match target_version {
                Some(version) => {
                    inventory_rows::captured(conn, workspace_id, target_tenant, version)?
                }
                None => None,
            };
            Ok((source, target))
        })
        .await?;
    let gone = || {
        Exit::failed(
            "plan_changed",
            "A reviewed version does not exist any more.",
        )
    };
    let Some(source) = source else {
        return Ok(Err(gone()));
    };
    if target_version.is_some() && target.is_none() {
        return Ok(Err(gone()));
    }
    Ok(Ok(SubjectVersions { source, target }))
}
