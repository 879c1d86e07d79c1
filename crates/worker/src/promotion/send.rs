//! One write: leave to send, a last look, the intent on record, one request, its result on record.
//!
//! Decides what an answer means for the step. Never sends without a committed intent and never
//! sends twice by itself.

use std::time::{Duration, Instant};

use domain::device_preparation::refusal_of;
use domain::enrollment_notification::COLLECTION as TEMPLATE_COLLECTION;
use domain::model::ResourceFamily;
use domain::steps::{self, StepKind, WriteStep, detour};
use graph::{Admission, Answer, Approval, WriteKind, WriteOutcome, WriteRequest};
use serde_json::Value;
use store::lanes;
use uuid::Uuid;

use super::derive::Purpose;
use super::journal::{Ending, Entry, Intent, StepResult, StepState};
use super::record;
use super::subject::{Exit, Subject};

/// Approval requests lapse after about three days (Microsoft's Multi Admin Approval).
pub(super) const APPROVAL_DAYS: i64 = 3;
/// How often a create waits for what its links lead to before it is sent without them.
const LINKS_MAY_COME: usize = 3;
/// A look older than this is taken again before the write.
const LOOK_KEEPS: Duration = Duration::from_secs(1);

/// What a sending means for its step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// It took effect.
    Done {
        /// Id in the answer.
        object_id: Option<String>,
    },
    /// Nobody knows; it is in doubt.
    Lost,
    /// Not executed: send again.
    Again,
    /// Not executed: what it needs is not there (yet).
    Gone,
}

impl Subject<'_> {
    /// Sends a step once, after a look. `known` are list items that carry the identity already.
    pub(crate) async fn send(
        &mut self,
        step: &WriteStep,
        known: &[Value],
    ) -> Result<Sending, Exit> {
        let mut filled = self.with_links(self.filled(step)?)?;
        if self.journal.ended(&step.name, Ending::LinksRefused) > 0 {
            steps::unbind(self.row, &mut filled);
        }
        let filled = self.by_its_way(filled);
        let secret_body = self.secret_body(&filled).await?;
        let Some(admission) = self.admit(step).await? else {
            return Ok(Sending::Again);
        };
        self.may_write()?;
        let request = WriteRequest {
            secret_body,
            ..self.request(&filled)?
        };
        let intent = Intent {
            step: step.name.clone(),
            client_request_id: request.client_request_id,
            method: filled.method.clone(),
            path: filled.path.clone(),
            body_hash: request.body_hash(),
            known_ids: known
                .iter()
                .filter_map(|item| item.get("id")?.as_str())
                .map(str::to_owned)
                .collect(),
            at: self.run.job.now(),
            graph_time: self.run.reader.graph_time(),
        };
        broken_variant!("intent_after_write", {
            let answer = self.run.writer.client.send(admission, &request).await;
            fail_point!("after_send", &step.name);
            record::intent(self, intent.clone()).await?;
            let outcome = graph::judge_write(&answer, write_kind(&step.kind));
            return self
                .take_in(step, &intent, &request.approval, &answer, outcome)
                .await;
        });
        fail_point!("before_intent", &step.name);
        record::intent(self, intent.clone()).await?;
        fail_point!("after_intent", &step.name);
        let standing = self.run.job.stop.standing();
        if standing
            .is_some_and(|standing| standing.at_once.is_some() || !self.wrote_before(&intent))
        {
            self.not_sent(&intent).await?;
            self.may_write()?;
        }
        // The last word before the wire: a worker that was paused may have lost the run meanwhile.
        self.run.job.lease.check()?;
        let answer = self.run.writer.client.send(admission, &request).await;
        fail_point!("after_send", &step.name);
        let outcome = graph::judge_write(&answer, write_kind(&step.kind));
        let sending = self
            .take_in(step, &intent, &request.approval, &answer, outcome)
            .await;
        fail_point!("after_result", &step.name);
        sending
    }

    /// The step by the way that Graph named when it refused the first sending.
    fn by_its_way(&self, step: WriteStep) -> WriteStep {
        let said = self.journal.redirection(&step.name);
        said.and_then(|said| detour(&step, said)).unwrap_or(step)
    }

    /// Whether a refusal names another way to send the step, which was not taken yet.
    fn is_redirected(&self, step: &WriteStep, said: &str) -> bool {
        self.journal.redirection(&step.name).is_none() && detour(step, said).is_some()
    }

    /// Waits for leave to write. A look that became old while waiting is taken again; `None` when
    /// the step has to be judged anew.
    async fn admit(&mut self, step: &WriteStep) -> Result<Option<Admission>, Exit> {
        loop {
            let begun = Instant::now();
            self.keep_distance(step).await?;
            let client = &self.run.writer.client;
            match self.unless_stopped(client.admit(self.row.family)).await? {
                Ok(admission) => {
                    let serial = self.row.family == ResourceFamily::ConditionalAccess;
                    if !serial && begun.elapsed() > LOOK_KEEPS && !self.still_as_seen(step).await? {
                        return Ok(None);
                    }
                    return Ok(Some(admission));
                }
                Err(error) => {
                    let problem = self.run.reader.problem(error);
                    self.sit_out(problem).await?;
                }
            }
        }
    }

    /// Waits for this write's place where the service wants some seconds between two, over all
    /// processes.
    async fn keep_distance(&mut self, step: &WriteStep) -> Result<(), Exit> {
        let Some(seconds) = self.row.serial_spacing_seconds else {
            return Ok(());
        };
        // Templates are a collection of their own, without ranks.
        if step.path_template.starts_with(TEMPLATE_COLLECTION) {
            return Ok(());
        }
        // A second more than asked for: the last look before the write takes part of it.
        let interval = Duration::from_secs(u64::from(seconds) + 1);
        let job = &self.run.job;
        let tenant = self.run.writer.entra_tenant_id;
        let wait = job
            .read(move |conn| lanes::take_lane_slot(conn, tenant, lanes::ENROLLMENT, interval))
            .await?;
        self.pause(wait).await
    }

    /// The look before the write, once more.
    async fn still_as_seen(&mut self, step: &WriteStep) -> Result<bool, Exit> {
        if step.kind == StepKind::CreateObject {
            return Ok(self.objects_of_identity().await?.is_empty());
        }
        self.review(step).await?;
        Ok(true)
    }

    /// Whether anything but this fresh intent may have taken effect.
    fn wrote_before(&self, intent: &Intent) -> bool {
        self.steps.iter().any(|step| {
            step.name != intent.step && self.journal.state_of(&step.name) != StepState::Open
        })
    }

    fn request(&self, filled: &WriteStep) -> Result<WriteRequest, Exit> {
        let method = filled.method.parse().map_err(|_| {
            Exit::failed("plan_changed", "The plan has a verb that does not write.")
        })?;
        let what = match self.run.purpose {
            Purpose::Promotion { .. } => "Cross-tenant promotion",
            Purpose::Restore => "Restore of a captured version",
        };
        let justification = format!("{what}, run {}", self.run.job.run.id);
        let mut request = WriteRequest::new(
            Uuid::new_v4(),
            method,
            filled.version,
            filled.path.clone(),
            filled.body.as_ref(),
            Approval::Justification(justification),
        );
        request.path_template.clone_from(&filled.path_template);
        self.run
            .writer
            .client
            .check_request(&request)
            .map_err(|_| {
                Exit::failed("plan_changed", "The plan has an address that is not valid.")
            })?;
        let hash = request.body_hash();
        if let Some(code) = self.run.approvals.find(&filled.method, &filled.path, &hash) {
            request.approval = Approval::Code(code.to_owned());
        }
        Ok(request)
    }

    async fn not_sent(&mut self, intent: &Intent) -> Result<(), Exit> {
        let result = self.result(
            intent,
            &Answer::lost(graph::Lost::NeverSent),
            Ending::NotSent,
        );
        self.note(Entry::Result(result)).await?;
        Ok(())
    }

    /// Records the result and says what it means.
    async fn take_in(
        &mut self,
        step: &WriteStep,
        intent: &Intent,
        approval: &Approval,
        answer: &Answer,
        outcome: WriteOutcome,
    ) -> Result<Sending, Exit> {
        let mut result = self.result(intent, answer, Ending::Refused);
        let error_text = answer.error().map(|error| {
            let text = error.operator_text().to_owned();
            if error.code.is_empty() {
                text
            } else {
                format!("{}: {text}", error.code)
            }
        });
        result.error.clone_from(&error_text);
        let said = error_text.unwrap_or_else(|| "Graph gave no reason.".to_owned());
        let verdict: Result<Sending, Exit> = match outcome {
            WriteOutcome::Done { .. } if let Some(said) = refused_group(step, answer) => {
                result.error = Some(said.clone());
                Err(Exit::failed("device_group_refused", said))
            }
            WriteOutcome::Done { id } => {
                result.ending = Ending::Done;
                result.object_id.clone_from(&id);
                Ok(Sending::Done { object_id: id })
            }
            // A conflict says "exists already", which may be this very write, or "another operation
            // is under way", which may pass: both are settled by looking.
            WriteOutcome::Unknown | WriteOutcome::Conflict { .. } => {
                result.ending = Ending::Unknown;
                Ok(Sending::Lost)
            }
            WriteOutcome::NotSent => {
                result.ending = Ending::NotSent;
                Ok(Sending::Again)
            }
            WriteOutcome::Throttled { .. } => {
                result.ending = Ending::Throttled;
                Ok(Sending::Again)
            }
            // Nothing was made, and what it was to be bound to may be the reason.
            WriteOutcome::NotYet { .. } | WriteOutcome::Rejected { .. }
                if self.falls_back(step, &outcome) =>
            {
                result.ending = Ending::LinksRefused;
                Ok(Sending::Again)
            }
            WriteOutcome::NotYet { .. } => {
                result.ending = Ending::NotYet;
                Ok(Sending::Gone)
            }
            WriteOutcome::RenewToken => {
                result.ending = Ending::Unauthorized;
                if std::mem::replace(&mut self.renewed, true) {
                    Err(Exit::failed("graph_unauthorized", said))
                } else {
                    Ok(Sending::Again)
                }
            }
            WriteOutcome::ApprovalRequired { code } => {
                result.ending = Ending::ApprovalRequired;
                result.approval_code.clone_from(&code);
                result.approval_expires_at =
                    Some(intent.at + chrono::Duration::days(APPROVAL_DAYS));
                Err(Exit::failed(
                    "approval_required",
                    approval_message(code.as_deref()),
                ))
            }
            WriteOutcome::ApprovalJustificationMissing => {
                Err(Exit::failed("approval_required", said))
            }
            WriteOutcome::Forbidden { .. }
            | WriteOutcome::Rejected { .. }
            | WriteOutcome::PreconditionFailed { .. }
                if let Approval::Code(code) = approval =>
            {
                // Rejected, cancelled or lapsed in Intune: this code is spent.
                result.approval_code = Some(code.clone());
                Err(Exit::failed("approval_refused", said))
            }
            WriteOutcome::Forbidden { .. } => Err(Exit::failed("graph_forbidden", said)),
            WriteOutcome::Rejected { .. } if self.is_redirected(step, &said) => {
                result.ending = Ending::Redirected;
                Ok(Sending::Again)
            }
            WriteOutcome::Rejected {
                missing_reference: true,
                ..
            } if self.depends_on_fresh() => {
                result.ending = Ending::NotYet;
                Ok(Sending::Gone)
            }
            WriteOutcome::Rejected { .. } | WriteOutcome::PreconditionFailed { .. } => {
                Err(Exit::failed("graph_rejected", said))
            }
        };
        let throttled = result.ending == Ending::Throttled;
        let never_sent = result.ending == Ending::NotSent;
        if matches!(result.ending, Ending::Done | Ending::Unknown) {
            // What was seen before is not what stands there now.
            self.seen = None;
        }
        if result.ending == Ending::Unknown {
            self.run.job.env.metrics.count(
                "promotion_worker_unknown_outcomes_total",
                &[("step", step.name.split(':').next().unwrap_or_default())],
            );
        }
        self.note(Entry::Result(result)).await?;
        if throttled {
            // The family is held back by the client; the next leave to write waits, or parks.
            self.run
                .job
                .env
                .metrics
                .count("promotion_worker_throttled_waits_total", &[]);
        }
        if never_sent {
            self.trouble += 1;
            if self.trouble > 5 {
                return Err(Exit::failed(
                    "graph_unavailable",
                    "Graph cannot be reached.",
                ));
            }
            self.pause(Duration::from_secs(1 << self.trouble.min(4)))
                .await?;
        }
        verdict
    }

    /// Whether a refused create is sent once more without the links that it binds, which then have
    /// calls of their own. What is missing only because it was made a moment ago is waited for first.
    fn falls_back(&self, step: &WriteStep, outcome: &WriteOutcome) -> bool {
        let refused = self.journal.ended(&step.name, Ending::LinksRefused);
        if refused > 0 || !steps::is_bound(self.row, step) {
            return false;
        }
        let may_come = match outcome {
            WriteOutcome::NotYet { .. } => true,
            WriteOutcome::Rejected {
                missing_reference, ..
            } => *missing_reference && self.depends_on_fresh(),
            _ => false,
        };
        !may_come || self.journal.ended(&step.name, Ending::NotYet) >= LINKS_MAY_COME
    }

    /// Whether the plan writes ids that this run created a moment ago: then "not found" may be lag.
    fn depends_on_fresh(&self) -> bool {
        !self.pinned.depends_on().is_empty()
    }

    fn result(&self, intent: &Intent, answer: &Answer, ending: Ending) -> StepResult {
        StepResult {
            step: intent.step.clone(),
            client_request_id: intent.client_request_id,
            ending,
            status: answer.status,
            request_id: answer.headers.request_id.clone(),
            date: answer.headers.date.clone(),
            object_id: None,
            approval_code: None,
            approval_expires_at: None,
            error: None,
            at: self.run.job.now(),
        }
    }
}

/// Graph refuses a device group in an answer that is a success by its status. What follows is not
/// sent: a policy that is assigned without its group enrols devices into nothing.
fn refused_group(step: &WriteStep, answer: &Answer) -> Option<String> {
    let code = refusal_of(&step.path, &answer.json().ok()?)?;
    Some(format!(
        "Graph does not accept the device group ({code}). The group must be there, have assigned \
         members, and be owned by the Intune Provisioning Client; then start the same again."
    ))
}

fn approval_message(code: Option<&str>) -> String {
    let code = code.map_or(String::new(), |code| format!(" (approval code {code})"));
    format!(
        "The target requires an administrator's approval for this change{code}. Approve it in Intune, then start the same again."
    )
}

const fn write_kind(kind: &StepKind) -> WriteKind {
    match kind {
        StepKind::CreateObject | StepKind::CreateChild { .. } => WriteKind::Create,
        StepKind::Replace => WriteKind::Replace,
        StepKind::ReplaceAction | StepKind::ChangeChildren | StepKind::Link { .. } => {
            WriteKind::Action
        }
        StepKind::DeleteChild | StepKind::DeleteFound { .. } | StepKind::Unlink { .. } => {
            WriteKind::Delete
        }
    }
}
