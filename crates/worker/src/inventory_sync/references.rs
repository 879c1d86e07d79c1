//! Reads what policies can point to: lists per kind, and of users those that policies name.
//!
//! Decides that a kind whose read fails is incomplete and nothing more: it concerns only the
//! policies that use it. Reads no policy.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::references::{DIRECTORY_OBJECT, ReferenceCatalog, USER};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use store::captures::{self, NewCoverage};
use store::references::{self as stored, ReferenceCapture};
use store::{inventory, leases, tenants};

use super::kinds::{LISTS, ReferenceList};
use super::outline;
use super::people::{self, Person};
use crate::interrupt::Interrupt;
use crate::inventory_rows::{self, KIND_PREFIX};
use crate::job::Job;
use crate::provider::Reader;
use crate::read_problem::ReadProblem;

/// Lists read beside each other.
const LISTS_AT_ONCE: usize = 4;

type Problem = (&'static str, String);

/// The references of the tenant as known so far in this run.
pub(crate) struct Known {
    catalog: Mutex<Arc<ReferenceCatalog>>,
}

impl Known {
    pub(crate) async fn load(job: &Job) -> Result<Self, Interrupt> {
        Ok(Self {
            catalog: Mutex::new(load_catalog(job).await?),
        })
    }

    pub(crate) fn catalog(&self) -> Arc<ReferenceCatalog> {
        Arc::clone(&self.catalog.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads the users that policies name and stores them.
    pub(crate) async fn learn_users(
        &self,
        job: &Job,
        reader: &Reader,
        used: &BTreeSet<(String, String)>,
    ) -> Result<(), Interrupt> {
        let catalog = self.catalog();
        // A security identifier that is no group's and no role's may be a user's.
        let may_be_user = |kind: &str, id: &str| {
            let known = catalog.kind_of(kind, id);
            kind == USER || (kind == DIRECTORY_OBJECT && matches!(known, USER | DIRECTORY_OBJECT))
        };
        let ids: Vec<&str> = used
            .iter()
            .filter(|(kind, id)| may_be_user(kind, id))
            .map(|(_, id)| id.as_str())
            .collect();
        if ids.is_empty() {
            return Ok(());
        }
        let started_at = job.now();
        let (mut found, mut gone) = (Vec::new(), Vec::new());
        let mut problem = None;
        for id in ids {
            match people::read(job, reader, id).await? {
                Ok(Some(person)) => found.push(person),
                Ok(None) => gone.push(id.to_owned()),
                // An id that Graph refuses is no user's, and stops no other.
                Err(trouble @ ("graph_rejected", _)) => problem = Some(trouble),
                Err(trouble) => {
                    problem = Some(trouble);
                    break;
                }
            }
        }
        store_people(job, found, gone, started_at, problem).await?;
        *self.catalog.lock().unwrap_or_else(PoisonError::into_inner) = load_catalog(job).await?;
        Ok(())
    }
}

async fn load_catalog(job: &Job) -> Result<Arc<ReferenceCatalog>, Interrupt> {
    let tenant_id = job.run.tenant_id;
    let rows = job
        .read(move |conn| inventory_rows::references(conn, tenant_id))
        .await?;
    Ok(Arc::new(rows.catalog()))
}

/// Reads every list and stores it. `true` when what some id means may have changed.
pub(crate) async fn read_all(job: &Arc<Job>, reader: &Reader) -> Result<bool, Interrupt> {
    let reads: Vec<BoxFuture<'_, Result<bool, Interrupt>>> = LISTS
        .iter()
        .map(|list| read_unless_stopped(job, reader, list).boxed())
        .collect();
    let mut reads = futures::stream::iter(reads).buffer_unordered(LISTS_AT_ONCE);
    let mut changed = false;
    while let Some(read) = reads.next().await {
        changed |= read?;
    }
    Ok(changed)
}

async fn read_unless_stopped(
    job: &Job,
    reader: &Reader,
    list: &'static ReferenceList,
) -> Result<bool, Interrupt> {
    if job.stop.current().is_some() {
        return Ok(false);
    }
    read_list(job, reader, list).await
}

async fn read_list(
    job: &Job,
    reader: &Reader,
    list: &'static ReferenceList,
) -> Result<bool, Interrupt> {
    let started_at = job.now();
    let mut found: Vec<Vec<ReferenceCapture>> = vec![Vec::new(); list.kinds.len()];
    let mut pages = reader.list(list.family, list.version, list.path);
    let mut nameless = false;
    let problem = loop {
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break None,
            Err(ReadProblem::Interrupted(interrupt)) => return Err(interrupt),
            Err(ReadProblem::Throttled { until }) => {
                job.wait_until(until).await?;
                continue;
            }
            Err(problem) => break Some(problem.explain()),
        };
        for raw in page {
            // Names and ids are flat; what lies deeper does not matter here.
            let of_item = list.read(&outline::flat(&raw));
            nameless |= of_item.is_empty();
            for listed in of_item {
                let place = list.kinds.iter().position(|(kind, _)| *kind == listed.kind);
                if let Some(of_kind) = place.and_then(|place| found.get_mut(place)) {
                    of_kind.push(ReferenceCapture {
                        external_id: listed.external_id,
                        name: listed.name,
                        discriminator: listed.discriminator,
                    });
                }
            }
        }
    };
    let problem = problem.or_else(|| {
        nameless.then(|| {
            (
                "id_missing",
                "An object of the list has no usable id; what is absent cannot be told.".to_owned(),
            )
        })
    });
    if let Some((code, message)) = &problem {
        tracing::info!(run.id = %job.run.id, reference.path = list.path, code, message, "kind is incomplete");
    }
    let mut changed = false;
    for ((kind, _), references) in list.kinds.iter().zip(found) {
        changed |= store_kind(job, kind, references, started_at, problem.as_ref()).await?;
    }
    Ok(changed)
}

/// Stores the users that policies name: those the tenant has, and those it was asked for in vain.
async fn store_people(
    job: &Job,
    found: Vec<Person>,
    gone: Vec<String>,
    started_at: DateTime<Utc>,
    problem: Option<Problem>,
) -> Result<(), Interrupt> {
    let run = job.run.clone();
    let coverage = coverage_of(job, USER, started_at, problem.as_ref());
    job.record(move |conn, holder| {
        let (workspace_id, tenant_id) = (run.workspace_id, run.tenant_id);
        let mut changed =
            !people::store(conn, workspace_id, tenant_id, &found, started_at)?.is_empty();
        let lost = stored::mark_references_gone(conn, tenant_id, USER, &gone, started_at)?;
        changed |= !lost.is_empty();
        let before = inventory::list_coverage(conn, tenant_id)?;
        changed |= coverage.complete
            != before
                .iter()
                .any(|row| row.subject == coverage.subject && row.status == "complete");
        captures::put_coverage(conn, &coverage)?;
        leases::guard(conn, holder)?;
        if changed {
            tenants::raise_inventory_generation(conn, tenant_id)?;
        }
        Ok(())
    })
    .await
}

fn coverage_of(
    job: &Job,
    kind: &str,
    started_at: DateTime<Utc>,
    problem: Option<&Problem>,
) -> NewCoverage {
    NewCoverage {
        workspace_id: job.run.workspace_id,
        tenant_id: job.run.tenant_id,
        subject: format!("{KIND_PREFIX}{kind}"),
        complete: problem.is_none(),
        reason_code: problem.map(|(code, _)| (*code).to_owned()),
        message: problem.map(|(_, message)| message.clone()),
        read_started_at: started_at,
        read_ended_at: job.now(),
    }
}

/// Stores what was read of a kind; a complete list also tells what is gone.
async fn store_kind(
    job: &Job,
    kind: &'static str,
    references: Vec<ReferenceCapture>,
    started_at: DateTime<Utc>,
    problem: Option<&Problem>,
) -> Result<bool, Interrupt> {
    let run = job.run.clone();
    let coverage = coverage_of(job, kind, started_at, problem);
    let subject = coverage.subject.clone();
    job.record(move |conn, holder| {
        let before = inventory::list_coverage(conn, run.tenant_id)?;
        let was_complete = before
            .iter()
            .any(|row| row.subject == subject && row.status == "complete");
        let renamed = stored::upsert_references(
            conn,
            run.workspace_id,
            run.tenant_id,
            kind,
            &references,
            started_at,
        )?;
        let mut changed = !renamed.is_empty() || was_complete != coverage.complete;
        if coverage.complete {
            let gone = stored::mark_references_removed(conn, run.tenant_id, kind, started_at)?;
            changed |= !gone.is_empty();
        }
        captures::put_coverage(conn, &coverage)?;
        leases::guard(conn, holder)?;
        if changed {
            tenants::raise_inventory_generation(conn, run.tenant_id)?;
        }
        Ok(changed)
    })
    .await
}
