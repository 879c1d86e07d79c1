//! `reference.search`: looks in a tenant for objects of a kind that no capture reads whole, by what
//! their names begin with, and keeps what it found as references.
//!
//! Decides how many are kept. That something is not found says nothing: nothing is ever marked
//! removed by a search. Writes to no tenant.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::model::{GraphVersion, ResourceFamily};
use domain::references::USER;
use serde_json::Value;
use store::run_items::{self, ItemResult, NewItem};
use store::{inventory, leases, tenants};

use crate::interrupt::Interrupt;
use crate::inventory_sync::people::{self, Person};
use crate::inventory_sync::{Known, flat, refresh};
use crate::job::Job;
use crate::provider::{self, Reader};
use crate::read_policy::encode;
use crate::read_problem::ReadProblem;
use crate::run_job::RunEnd;
use crate::{connection_check, promotion};

/// The one item of a search.
const SUBJECT: &str = "search";
/// What one search keeps. Whoever has more is to be looked for by more letters.
const MOST: usize = 500;

/// What a search gave.
struct Found {
    people: Vec<Person>,
    /// Whether the tenant has more than are kept.
    truncated: bool,
}

/// Runs the search.
pub(crate) async fn execute(job: Arc<Job>) -> Result<RunEnd, Interrupt> {
    let text = |name: &str| {
        let value = job.run.context.get(name).and_then(Value::as_str);
        value.unwrap_or_default().to_owned()
    };
    let (kind, q) = (text("kind"), text("q"));
    if ensure_item(&job, &kind, &q).await? {
        return Ok(RunEnd { stop: None });
    }
    if let Some(stop) = job.stop.current() {
        job.record(move |conn, holder| {
            let message = promotion::stop_message(stop);
            run_items::mark_pending_skipped(conn, holder, stop.code(), message).map(drop)
        })
        .await?;
        return Ok(RunEnd { stop: Some(stop) });
    }
    if kind != USER {
        let text = "This worker does not know how to search for this kind.";
        promotion::fail_all(&job, "registry_changed", text).await?;
        return Ok(RunEnd { stop: None });
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
    let begun_at = job.now();
    match find(&job, &reader, &q).await? {
        Ok(found) => keep(&job, found, begun_at).await?,
        Err((code, message)) => promotion::fail_all(&job, code, &message).await?,
    }
    people::forget_unused(&job).await?;
    Ok(RunEnd { stop: None })
}

/// Makes the item; `true` when it has ended already.
async fn ensure_item(job: &Job, kind: &str, q: &str) -> Result<bool, Interrupt> {
    let run_id = job.run.id;
    let item = NewItem {
        operation_run_id: run_id,
        position: 0,
        subject_key: SUBJECT.to_owned(),
        policy_type: kind.to_owned(),
        display_name: format!("{kind} {q:?}"),
        action: "search".to_owned(),
        source_policy_id: None,
        source_version_id: None,
        target_policy_id: None,
        target_version_id: None,
        target_external_id: None,
    };
    job.record(move |conn, holder| {
        run_items::insert_items_held(conn, holder, std::slice::from_ref(&item))?;
        let known = run_items::find_item(conn, run_id, SUBJECT)?;
        Ok(known.is_some_and(|item| item.outcome != "pending"))
    })
    .await
}

/// The address of the search: one literal, in which a quote is written twice.
fn path(q: &str) -> String {
    let literal = q.replace('\'', "''");
    let parts: Vec<String> = ["displayName", "userPrincipalName", "mail"]
        .iter()
        .map(|property| format!("startswith({property},'{literal}')"))
        .collect();
    format!(
        "/users?$filter={}&$select={}&$top=100",
        encode(&parts.join(" or ")),
        people::MEMBERS
    )
}

async fn find(
    job: &Job,
    reader: &Reader,
    q: &str,
) -> Result<Result<Found, (&'static str, String)>, Interrupt> {
    let mut pages = reader.list(ResourceFamily::Directory, GraphVersion::V1, &path(q));
    let mut people = Vec::new();
    while people.len() <= MOST {
        match pages.next().await {
            Ok(Some(page)) => {
                // What is kept of a person is flat, whatever else Graph sends.
                people.extend(page.iter().filter_map(|raw| people::person(&flat(raw))));
            }
            Ok(None) => break,
            Err(ReadProblem::Interrupted(interrupt)) => return Err(interrupt),
            Err(ReadProblem::Throttled { until }) => job.wait_until(until).await?,
            Err(problem) => return Ok(Err(problem.explain())),
        }
    }
    let truncated = people.len() > MOST;
    people.truncate(MOST);
    Ok(Ok(Found { people, truncated }))
}

/// Puts what was found on record, with the item, in one transaction.
async fn keep(
    job: &Arc<Job>,
    found: Found,
    begun_at: chrono::DateTime<chrono::Utc>,
) -> Result<(), Interrupt> {
    let run = job.run.clone();
    let renames_policies = job
        .record(move |conn, holder| {
            let (workspace_id, tenant_id) = (run.workspace_id, run.tenant_id);
            let changed = people::store(conn, workspace_id, tenant_id, &found.people, begun_at)?;
            leases::guard(conn, holder)?;
            if !changed.is_empty() {
                tenants::raise_inventory_generation(conn, tenant_id)?;
            }
            let known = run_items::find_item(conn, run.id, SUBJECT)?;
            if known.is_some_and(|item| item.outcome == "pending") {
                let result = item_result(&found, changed.len());
                run_items::mark_item_done(conn, holder, SUBJECT, &result)?;
            }
            let used = inventory::list_policies_using(conn, tenant_id, USER, &changed)?;
            Ok(!used.is_empty())
        })
        .await?;
    if renames_policies {
        let known = Known::load(job).await?;
        refresh::refresh(job, &known, &BTreeSet::new()).await?;
    }
    Ok(())
}

fn item_result(found: &Found, changed: usize) -> ItemResult {
    let number = found.people.len();
    let (reason_code, message) = if found.truncated {
        let text = format!(
            "The first {number} were kept, and there are more; search for a longer beginning."
        );
        (Some("search_truncated".to_owned()), text)
    } else {
        (None, format!("{number} found."))
    };
    ItemResult {
        outcome: "succeeded".to_owned(),
        effect: Some(if changed > 0 { "updated" } else { "unchanged" }.to_owned()),
        reason_code,
        message: Some(message),
        ..ItemResult::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_holds_one_literal_whatever_is_searched_for() {
        let found = path("o'ne') or startswith(mail,'x&$top=1#+%");
        let (_, query) = found.split_once('?').unwrap_or_default();
        assert_eq!(query.matches('&').count(), 2, "{found}");
        assert!(!found.contains(['#', '+', ' ', '\'']), "{found}");
        assert!(found.contains("o%27%27ne%27%27%29"), "{found}");
    }
}
