//! `inventory.sync`: captures a tenant, reference kinds first, then type by type.
//!
//! Decides the order of reads and what a failed one means: an incomplete type or kind, never a
//! conclusion. One bad object stops nothing. Writes to no tenant.

pub(crate) mod kinds;
mod one_object;
mod outline;
pub(crate) mod people;
mod references;
pub(crate) mod refresh;
mod store_type;
mod types;

pub(crate) use outline::flat;
pub(crate) use references::Known;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::policy_type::{self, PolicyType};
use domain::run::Stop;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::Value;
use store::run_items::{self, NewItem};

use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::provider::{self, Reader};
use crate::run_job::RunEnd;
use crate::{connection_check, promotion};

/// Types read beside each other. Each holds one type's captures in memory until its commit.
const TYPES_AT_ONCE: usize = 3;

/// Runs the sync.
pub(crate) async fn execute(job: Arc<Job>) -> Result<RunEnd, Interrupt> {
    let rows = requested(&job.run.context);
    let pending = ensure_items(&job, &rows).await?;
    let rows: Vec<&'static PolicyType> = rows
        .into_iter()
        .filter(|row| pending.contains(row.key))
        .collect();
    if let Some(stop) = job.stop.current() {
        return skip_rest(&job, stop).await;
    }
    let opened = match provider::open(&job).await? {
        Ok(opened) => opened,
        Err(problem) => {
            connection_check::mark_unhealthy(&job, &problem).await?;
            promotion::fail_all(&job, problem.code, &problem.message).await?;
            return Ok(RunEnd { stop: None });
        }
    };
    let reader = opened.first_reader(&job);
    let finding = connection_check::look(&job, &opened).await?;
    connection_check::remember(&job, &finding).await?;
    if let Some((code, message)) = finding.problem {
        promotion::fail_all(&job, code, &message).await?;
        return Ok(RunEnd { stop: None });
    }
    let references_changed = references::read_all(&job, &reader).await?;
    let catalog = references::Known::load(&job).await?;
    let captured = read_types(&job, &reader, &catalog, rows).await?;
    if let Some(stop) = job.stop.current() {
        return skip_rest(&job, stop).await;
    }
    if references_changed {
        refresh::refresh(&job, &catalog, &captured).await?;
    }
    people::forget_unused(&job).await?;
    Ok(RunEnd { stop: None })
}

/// Reads the types, a few at a time. Returns those that were captured to their end.
async fn read_types(
    job: &Arc<Job>,
    reader: &Reader,
    catalog: &references::Known,
    rows: Vec<&'static PolicyType>,
) -> Result<BTreeSet<&'static str>, Interrupt> {
    let reads: Vec<BoxFuture<'_, Result<Option<&'static str>, Interrupt>>> = rows
        .into_iter()
        .map(|row| capture_type(job, reader, catalog, row).boxed())
        .collect();
    let mut reads = futures::stream::iter(reads).buffer_unordered(TYPES_AT_ONCE);
    let mut captured = BTreeSet::new();
    while let Some(read) = reads.next().await {
        captured.extend(read?);
    }
    Ok(captured)
}

/// Captures one type; its key when complete.
async fn capture_type(
    job: &Arc<Job>,
    reader: &Reader,
    catalog: &references::Known,
    row: &'static PolicyType,
) -> Result<Option<&'static str>, Interrupt> {
    if job.stop.current().is_some() {
        return Ok(None);
    }
    let read = types::read_type(job, reader, row).await?;
    let complete = store_type::store(job, reader, catalog, row, read).await?;
    Ok(complete.then_some(row.key))
}

/// The rows a run asks for: all, or those named.
fn requested(context: &Value) -> Vec<&'static PolicyType> {
    let named: Option<BTreeSet<&str>> = context
        .get("policy_types")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect());
    policy_type::all()
        .iter()
        .filter(|row| {
            named
                .as_ref()
                .is_none_or(|names| names.is_empty() || names.contains(row.key))
        })
        .collect()
}

/// One item per type; returns the keys of those that have not ended.
async fn ensure_items(
    job: &Job,
    rows: &[&'static PolicyType],
) -> Result<BTreeSet<String>, Interrupt> {
    let run_id = job.run.id;
    let items: Vec<NewItem> = rows
        .iter()
        .zip(0..)
        .map(|(row, position)| NewItem {
            operation_run_id: run_id,
            position,
            subject_key: row.key.to_owned(),
            policy_type: row.key.to_owned(),
            display_name: row.display_name.to_owned(),
            action: "capture".to_owned(),
            source_policy_id: None,
            source_version_id: None,
            target_policy_id: None,
            target_version_id: None,
            target_external_id: None,
        })
        .collect();
    job.record(move |conn, holder| {
        run_items::insert_items_held(conn, holder, &items)?;
        let stored = run_items::load_items(conn, run_id)?;
        Ok(stored
            .into_iter()
            .filter(|item| item.outcome == "pending")
            .map(|item| item.subject_key)
            .collect())
    })
    .await
}

async fn skip_rest(job: &Job, stop: Stop) -> Result<RunEnd, Interrupt> {
    job.record(move |conn, holder| {
        let message = promotion::stop_message(stop);
        run_items::mark_pending_skipped(conn, holder, stop.code(), message).map(drop)
    })
    .await?;
    Ok(RunEnd { stop: Some(stop) })
}
