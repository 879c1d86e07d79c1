//! `connection.check`: does the credential work, for this tenant, with which roles.
//!
//! Decides what counts as healthy and keeps that on record. Never says anything of a secret.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use graph::{CallError, ConnectionReport, TokenError};
use store::connections::{self, ConnectionHealth};
use store::leases;
use store::run_items::{self, ItemResult, NewItem};
use store::tenants;

use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::provider::{self, ConnectionProblem, Opened, Reader};
use crate::run_job::RunEnd;

/// The one item of a check.
const SUBJECT: &str = "connection";

/// What a look at the connection found.
pub(crate) struct Finding {
    /// When the credential that was looked at was set; `None` when there is none.
    set_at: Option<DateTime<Utc>>,
    /// `None` when healthy.
    pub(crate) problem: Option<(&'static str, String)>,
    message: String,
    roles: Option<Vec<String>>,
    verified_domains: Option<Vec<String>>,
}

/// Runs the check.
pub(crate) async fn execute(job: Arc<Job>) -> Result<RunEnd, Interrupt> {
    let item = NewItem {
        operation_run_id: job.run.id,
        position: 0,
        subject_key: SUBJECT.to_owned(),
        policy_type: SUBJECT.to_owned(),
        display_name: "Connection".to_owned(),
        action: "check".to_owned(),
        source_policy_id: None,
        source_version_id: None,
        target_policy_id: None,
        target_version_id: None,
        target_external_id: None,
    };
    job.record(move |conn, holder| {
        run_items::insert_items_held(conn, holder, std::slice::from_ref(&item))
    })
    .await?;
    if let Some(stop) = job.stop.current() {
        job.record(move |conn, holder| {
            let message = crate::promotion::stop_message(stop);
            run_items::mark_pending_skipped(conn, holder, stop.code(), message).map(drop)
        })
        .await?;
        return Ok(RunEnd { stop: Some(stop) });
    }
    let finding = match provider::open(&job).await? {
        Err(problem) => Finding {
            set_at: problem.set_at,
            ..unhealthy(problem.code, problem.message)
        },
        Ok(opened) => look(&job, &opened).await?,
    };
    let still = remember(&job, &finding).await?;
    let result = match &finding.problem {
        _ if !still => ItemResult {
            outcome: "failed".to_owned(),
            reason_code: Some("credential_replaced".to_owned()),
            message: Some(
                "The credential was replaced or taken away while it was checked; what was found \
                 is not true of the one there is now. Check again."
                    .to_owned(),
            ),
            ..ItemResult::default()
        },
        None => ItemResult {
            outcome: "succeeded".to_owned(),
            effect: Some("unchanged".to_owned()),
            message: Some(finding.message.clone()),
            ..ItemResult::default()
        },
        Some((code, message)) => ItemResult {
            outcome: "failed".to_owned(),
            reason_code: Some((*code).to_owned()),
            message: Some(message.clone()),
            ..ItemResult::default()
        },
    };
    let run_id = job.run.id;
    job.record(move |conn, holder| {
        leases::guard(conn, holder)?;
        let known = run_items::find_item(conn, run_id, SUBJECT)?;
        if known.is_some_and(|item| item.outcome != "pending") {
            return Ok(());
        }
        run_items::mark_item_done(conn, holder, SUBJECT, &result).map(drop)
    })
    .await?;
    Ok(RunEnd { stop: None })
}

/// Looks at the connection: token, roles, organisation.
pub(crate) async fn look(job: &Job, opened: &Opened) -> Result<Finding, Interrupt> {
    let finding = match opened.fresh_reader(job) {
        Err(problem) => unhealthy(problem.code, problem.message),
        Ok(reader) => match graph::check_connection(reader.client()).await {
            Err(error) => of_token(&error),
            Ok(report) => of_report(job, &reader, report)?,
        },
    };
    Ok(Finding {
        set_at: Some(opened.set_at),
        ..finding
    })
}

fn of_token(error: &TokenError) -> Finding {
    unhealthy(error.code(), format!("{error}"))
}

fn of_report(job: &Job, reader: &Reader, report: ConnectionReport) -> Result<Finding, Interrupt> {
    let roles = report.roles;
    let granted = roles.as_ref().map_or_else(
        || "its roles cannot be read from it".to_owned(),
        |roles| format!("{} application roles", roles.len()),
    );
    match report.organization {
        Ok(organization) => Ok(Finding {
            set_at: None,
            problem: None,
            message: format!("Connected to {}; {granted}.", organization.display_name),
            roles,
            verified_domains: Some(organization.verified_domains),
        }),
        Err(CallError::Stopped) => {
            job.lease.halt().check()?;
            Err(Interrupt::ShuttingDown)
        }
        Err(CallError::Token(error)) => Ok(of_token(&error)),
        // A token without the right to read the organisation still is of use.
        Err(CallError::Forbidden { .. } | CallError::NotFound { .. }) => Ok(Finding {
            set_at: None,
            problem: None,
            message: format!(
                "A token was issued ({granted}), but the organisation cannot be read with it."
            ),
            roles,
            verified_domains: None,
        }),
        Err(error) => {
            let (code, message) = reader.problem(error).explain();
            Ok(Finding {
                roles,
                ..unhealthy(code, message)
            })
        }
    }
}

fn unhealthy(code: &'static str, message: String) -> Finding {
    Finding {
        set_at: None,
        problem: Some((code, message.clone())),
        message,
        roles: None,
        verified_domains: None,
    }
}

/// Keeps a finding (health, roles, verified domains) of the credential that was looked at. `false`
/// when that is not the tenant's credential any more: then nothing is kept.
pub(crate) async fn remember(job: &Job, finding: &Finding) -> Result<bool, Interrupt> {
    let (workspace_id, tenant_id) = (job.run.workspace_id, job.run.tenant_id);
    let health = ConnectionHealth {
        healthy: finding.problem.is_none(),
        code: finding.problem.as_ref().map(|(code, _)| (*code).to_owned()),
        message: Some(finding.message.clone()),
        granted_roles: finding.roles.clone(),
        checked_at: job.now(),
    };
    let domains = finding.verified_domains.clone();
    let looked_at = finding.set_at;
    job.record(move |conn, holder| {
        leases::guard(conn, holder)?;
        if let Some(set_at) = looked_at
            && connections::mark_connection_health(conn, tenant_id, set_at, &health)?
            && let Some(domains) = &domains
        {
            tenants::set_verified_domains(conn, tenant_id, domains)?;
        }
        let now = connections::find_connection(conn, workspace_id, tenant_id)?;
        Ok(now.map(|connection| connection.updated_at) == looked_at)
    })
    .await
}

/// Records that the connection cannot be used.
pub(crate) async fn mark_unhealthy(
    job: &Job,
    problem: &ConnectionProblem,
) -> Result<(), Interrupt> {
    let finding = Finding {
        set_at: problem.set_at,
        ..unhealthy(problem.code, problem.message.clone())
    };
    remember(job, &finding).await.map(drop)
}
