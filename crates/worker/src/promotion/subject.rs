//! Carries one subject from "reviewed" to "verified": look, intend, write, look again.
//!
//! Decides the order of looks and writes and what each answer means for the subject. It never
//! sends without a committed intent, never repeats a create without proof of absence and never
//! overwrites what differs from what was reviewed.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, Utc};
use domain::enrollment_notification::{goes_to_template, has_message, with_template};
use domain::model::CapturedPolicy;
use domain::plan::{Action, PinnedSubject, PlannedSubject};
use domain::policy_type::PolicyType;
use domain::run::Effect;
use domain::steps::{self, StepKind, WriteStep};

use super::Promotion;
use super::journal::{Entry, Intent, Journal};
use super::midway;
use super::next_move::{self, RepeatMove};
use super::record;
use super::send::Sending;
use crate::interrupt::Interrupt;
use crate::read_policy;
use crate::read_problem::ReadProblem;

/// How often a link that the create bound is waited for before it is set by a call of its own.
const BOUND_SHOWS: u32 = 3;

/// An object of the target as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// What it is.
    pub(crate) policy: CapturedPolicy,
    /// When its read began, on database time.
    pub(crate) observed_at: DateTime<Utc>,
}

/// How a subject ended.
#[derive(Clone, Debug)]
pub(crate) enum Verdict {
    /// Written and verified.
    Succeeded {
        /// How it counts.
        effect: Effect,
        /// The verified read-back.
        observed: Box<Observed>,
    },
    /// Refused or broken.
    Failed {
        /// Stable reason code.
        code: &'static str,
        /// For the operator.
        message: String,
        /// The target as last read, when something may have been written.
        observed: Option<Box<Observed>>,
    },
    /// Nobody can tell whether a write landed.
    Unknown {
        /// Stable reason code.
        code: &'static str,
        /// For the operator.
        message: String,
    },
    /// Never started.
    Skipped {
        /// Stable reason code.
        code: &'static str,
        /// For the operator.
        message: String,
    },
}

/// Why the work on a subject stops here.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The subject has ended.
    End(Verdict),
    /// The run goes on elsewhere or later; nothing is decided.
    Interrupt(Interrupt),
}

impl From<Interrupt> for Exit {
    fn from(interrupt: Interrupt) -> Self {
        Self::Interrupt(interrupt)
    }
}

impl Exit {
    pub(crate) fn failed(code: &'static str, message: impl Into<String>) -> Self {
        Self::End(Verdict::Failed {
            code,
            message: message.into(),
            observed: None,
        })
    }

    pub(crate) fn unknown(code: &'static str, message: impl Into<String>) -> Self {
        Self::End(Verdict::Unknown {
            code,
            message: message.into(),
        })
    }
}

/// One subject under work.
pub(crate) struct Subject<'r> {
    pub(crate) run: &'r Promotion,
    pub(crate) pinned: &'r PinnedSubject,
    pub(crate) row: &'static PolicyType,
    pub(crate) journal: Journal,
    /// The steps with every placeholder of other subjects filled, and what they lead to.
    pub(crate) steps: Vec<WriteStep>,
    pub(crate) expected: CapturedPolicy,
    /// The reviewed target, or what a fresh object looks like.
    pub(crate) reviewed: CapturedPolicy,
    /// Ids made by this run, by subject key.
    pub(crate) created: BTreeMap<String, String>,
    /// The object's id, once known.
    pub(crate) item: Option<String>,
    /// Whether the item row says `writing` already.
    pub(crate) writing: bool,
    /// Whether the token was renewed once already.
    pub(crate) renewed: bool,
    /// Passing failures in a row.
    pub(crate) trouble: u32,
    /// Position of the step under work.
    pub(crate) at: usize,
    /// The object as it was seen last, where no write has landed since.
    pub(crate) seen: Option<Observed>,
    /// When a look settled what nobody had an answer to.
    pub(crate) settled: Option<Instant>,
    /// Until when a last look may take, whatever stop stands.
    pub(crate) last_word: Option<Instant>,
}

impl<'r> Subject<'r> {
    /// Prepares the calls of a reviewed subject; refuses what is not the reviewed plan any more.
    pub(crate) fn prepare(
        run: &'r Promotion,
        pinned: &'r PinnedSubject,
        planned: PlannedSubject,
        reviewed_target: Option<CapturedPolicy>,
        journal: Journal,
        created: BTreeMap<String, String>,
        writing: bool,
    ) -> Result<Self, Exit> {
        let row = domain::policy_type::find(&pinned.policy_type).ok_or_else(|| {
            Exit::failed(
                "registry_changed",
                "This worker does not know the policy type.",
            )
        })?;
        let item = pinned.target.as_ref().map(|t| t.external_id.clone());
        let expected = planned.written.expected;
        let steps = planned.written.steps;
        super::guard::check_states(row, &steps, run.options)
            .map_err(|message| Exit::failed("unsafe_state", message))?;
        let reviewed =
            reviewed_target.unwrap_or_else(|| midway::after_create(row, &expected, &steps));
        Ok(Self {
            run,
            pinned,
            row,
            journal,
            steps,
            expected,
            reviewed,
            created,
            item,
            writing,
            renewed: false,
            trouble: 0,
            at: 0,
            seen: None,
            settled: None,
            last_word: None,
        })
    }

    /// Carries the subject to its end.
    pub(crate) async fn carry(mut self) -> Result<Verdict, Interrupt> {
        match self.carry_inner().await {
            // What was made before a later step failed is inventory at once: the next run goes on
            // from there.
            Err(Exit::End(Verdict::Failed {
                code,
                message,
                observed: None,
            })) if self.item.is_some() && self.journal.may_have_written() => {
                let observed = self.last_look().await;
                Ok(Verdict::Failed {
                    code,
                    message,
                    observed,
                })
            }
            Ok(verdict) | Err(Exit::End(verdict)) => Ok(verdict),
            Err(Exit::Interrupt(interrupt)) => {
                if let (Interrupt::Park { .. }, Some(seen)) = (&interrupt, &self.seen) {
                    // Graph may still show nothing when the wait is over, or a stop ends it.
                    record::half_made(self.run, self.pinned, seen).await?;
                }
                Err(interrupt)
            }
        }
    }

    async fn carry_inner(&mut self) -> Result<Verdict, Exit> {
        self.find_presentations().await?;
        let steps = self.steps.clone();
        for (at, step) in steps.iter().enumerate() {
            self.at = at;
            match step.kind {
                StepKind::CreateObject => {
                    let id = self.create_object(step).await?;
                    self.item = Some(id);
                }
                StepKind::CreateChild { .. }
                | StepKind::Replace
                | StepKind::ReplaceAction
                | StepKind::ChangeChildren
                | StepKind::DeleteChild
                | StepKind::DeleteFound { .. }
                | StepKind::Link { .. }
                | StepKind::Unlink { .. } => self.write_step(step).await?,
            }
        }
        self.at = steps.len();
        self.read_back().await
    }

    /// Whether the item existed before this run.
    pub(crate) fn creates(&self) -> bool {
        self.pinned.action == Action::Create
    }

    /// Sends a step that is safe to repeat, until it is done.
    async fn write_step(&mut self, step: &WriteStep) -> Result<(), Exit> {
        let mut not_yet = self
            .run
            .job
            .env
            .config
            .patience
            .read_back
            .clone()
            .into_iter();
        let mut bound_shows = 0;
        loop {
            match next_move::of_repeatable(&self.journal, &step.name) {
                RepeatMove::Done => return Ok(()),
                RepeatMove::GiveUp => {
                    if let Some(said) = self.journal.conflict(&step.name) {
                        return Err(Exit::failed("graph_rejected", said.to_owned()));
                    }
                    return Err(Exit::unknown(
                        "write_outcome_unknown",
                        format!(
                            "Graph did not answer {} clearly in four attempts.",
                            step.name
                        ),
                    ));
                }
                RepeatMove::Settle(intent) => {
                    if self.settle_step(step, &intent).await? {
                        return Ok(());
                    }
                }
                RepeatMove::ReviewAndSend => {}
            }
            let seen = self.review(step).await?;
            if steps::is_ranked(step, &seen.policy.content) || self.is_linked(step, &seen) {
                return Ok(());
            }
            if self.was_bound(step) && bound_shows < BOUND_SHOWS {
                // The create bound it, and Graph may show that later than the object.
                bound_shows += 1;
                if let Some(wait) = not_yet.next() {
                    self.pause(wait).await?;
                    continue;
                }
            }
            if steps::waits_for_publishing(self.row, step, &seen.policy.content) {
                let Some(wait) = not_yet.next() else {
                    return Err(Exit::failed(
                        "app_not_published",
                        "The service has not published the app yet; it was made and not assigned. Promote it again later.",
                    ));
                };
                self.pause(wait).await?;
                continue;
            }
            // What was to be removed may be gone already.
            let Some(step) = self.with_child(step).await? else {
                return Ok(());
            };
            let Some(step) = self.left_of(&step, &seen)? else {
                return Ok(());
            };
            let Some(step) = with_template(&step, &seen.policy.content) else {
                return Err(Exit::failed(
                    "target_changed",
                    "The notification does not name its message template any more.",
                ));
            };
            let step = &step;
            match self.send(step, &[]).await? {
                Sending::Done { .. } => return Ok(()),
                Sending::Lost => {
                    let wait = self.run.job.env.config.patience.first_wait();
                    self.pause(wait).await?;
                }
                Sending::Again => {}
                Sending::Gone => match not_yet.next() {
                    Some(wait) => self.pause(wait).await?,
                    None => {
                        return Err(Exit::failed(
                            "target_missing",
                            "Graph does not find the object to write.",
                        ));
                    }
                },
            }
        }
    }

    /// Whether a step whose outcome nobody knows has landed. `false` means: send it again.
    async fn settle_step(&mut self, step: &WriteStep, intent: &Intent) -> Result<bool, Exit> {
        let landed = self.has_landed(step, intent).await;
        self.doubt_is_over().await?;
        let landed = landed?;
        if landed {
            let entry = Entry::SeenLanded {
                step: step.name.clone(),
                client_request_id: intent.client_request_id,
                at: self.run.job.now(),
            };
            self.note(entry).await?;
        }
        Ok(landed)
    }

    async fn has_landed(&mut self, step: &WriteStep, intent: &Intent) -> Result<bool, Exit> {
        Ok(match &step.kind {
            StepKind::CreateChild { .. } if goes_to_template(step) => {
                let done = |_: &Self, seen: &Observed| Ok(has_message(step, &seen.policy.content));
                self.shows_in_time(step, intent, done).await?
            }
            StepKind::CreateChild {
                collection,
                key,
                value,
            } => {
                self.child_exists(step, intent, (collection, key, value))
                    .await?
            }
            StepKind::ChangeChildren => {
                let done = |subject: &Self, seen: &_| Ok(subject.left_of(step, seen)?.is_none());
                self.shows_in_time(step, intent, done).await?
            }
            StepKind::DeleteFound { .. } => self.with_child(step).await?.is_none(),
            StepKind::Link { .. } | StepKind::Unlink { .. } => {
                let done = |subject: &Self, seen: &_| Ok(subject.is_linked(step, seen));
                self.shows_in_time(step, intent, done).await?
            }
            StepKind::ReplaceAction => {
                let observed = self.look().await?;
                steps::is_ranked(step, &observed.policy.content)
                    || self.matches_plan(&observed.policy).is_ok()
            }
            StepKind::CreateObject | StepKind::Replace | StepKind::DeleteChild => {
                let observed = self.look().await?;
                self.matches_plan(&observed.policy).is_ok()
            }
        })
    }

    /// Whether a call that got no answer shows to have done its work within the window in which a
    /// late effect could still show. `false`: what is missing now is safe to send.
    async fn shows_in_time(
        &mut self,
        step: &WriteStep,
        intent: &Intent,
        done: impl Fn(&Self, &Observed) -> Result<bool, Exit> + Send,
    ) -> Result<bool, Exit> {
        let mut window = self.window(step, intent);
        loop {
            window.look_begins(self.run.job.now());
            let seen = self.look().await?;
            if done(self, &seen)? {
                return Ok(true);
            }
            if window.is_over() {
                tracing::info!(step = %step.name, "a call that got no answer has left something to do");
                return Ok(false);
            }
            self.wait_in(&mut window).await?;
        }
    }

    /// A child with a natural key cannot be made twice: it is there, or the whole window proves
    /// that it is not.
    async fn child_exists(
        &mut self,
        step: &WriteStep,
        intent: &Intent,
        (collection, key, value): (&str, &str, &str),
    ) -> Result<bool, Exit> {
        let id = self.item.clone().unwrap_or_default();
        let path = format!("{}/{collection}", read_policy::item_path(self.row, &id));
        let mut window = self.window(step, intent);
        loop {
            window.look_begins(self.run.job.now());
            let read = read_policy::read_all(&self.run.reader, self.row, &path);
            let children = match self.unless_stopped(read).await? {
                Ok(children) => children,
                Err(ReadProblem::NotFound) => Vec::new(),
                Err(problem) => {
                    self.sit_out(problem).await?;
                    continue;
                }
            };
            let there = children
                .iter()
                .any(|child| steps::is_child(child, key, value));
            if there {
                return Ok(true);
            }
            if window.is_over() {
                tracing::info!(step = %step.name, "a child whose create got no answer is absent");
                return Ok(false);
            }
            self.wait_in(&mut window).await?;
        }
    }

    /// The step with the id of the child that it removes; `None` when there is no such child.
    async fn with_child(&mut self, step: &WriteStep) -> Result<Option<WriteStep>, Exit> {
        let StepKind::DeleteFound {
            collection,
            key,
            value,
        } = &step.kind
        else {
            return Ok(Some(step.clone()));
        };
        let id = self.item.clone().unwrap_or_default();
        let path = format!("{}/{collection}", read_policy::item_path(self.row, &id));
        loop {
            let read = read_policy::read_all(&self.run.reader, self.row, &path);
            match self.unless_stopped(read).await? {
                Ok(children) => {
                    let child = children
                        .iter()
                        .find(|child| steps::is_child(child, key, value));
                    let Some(child) = child else {
                        return Ok(None);
                    };
                    let child = child.get("id").and_then(serde_json::Value::as_str);
                    let Some(child) = child.filter(|id| !id.is_empty()) else {
                        return Err(Exit::failed(
                            "target_unreadable",
                            "Graph shows an assignment without an id.",
                        ));
                    };
                    let mut step = step.clone();
                    step.path = step.path.replace("{child}", &read_policy::encode(child));
                    return Ok(Some(step));
                }
                Err(problem) => self.sit_out(problem).await?,
            }
        }
    }

    /// The step with the object's own id and every created id in place.
    pub(crate) fn filled(&self, step: &WriteStep) -> Result<WriteStep, Exit> {
        let filled = steps::fill(step, self.item.as_deref(), &self.created);
        let mut filled = filled.ok_or_else(|| {
            Exit::failed(
                "dependency_failed",
                "An object that this one needs has not been created.",
            )
        })?;
        steps::address(self.row, &mut filled, self.run.writer.client.graph_base());
        Ok(filled)
    }
}
