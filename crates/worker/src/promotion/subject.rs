//! Carries one subject from "reviewed" to "verified": look, intend, write, look again.
//!
//! Decides the order of looks and writes and what each answer means for the subject. It never
//! sends without a committed intent, never repeats a create without proof of absence and never
//! overwrites what differs from what was reviewed.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::model::CapturedPolicy;
use domain::plan::{Action, PinnedSubject, PlannedSubject};
use domain::policy_type::PolicyType;
use domain::run::Effect;
use domain::steps::{self, StepKind, WriteStep};
use domain::{capture, verify};

use super::Promotion;
use super::journal::{Entry, Journal, StepState};
use super::midway;
use super::send::Sending;
use crate::interrupt::Interrupt;
use crate::provider::ReadProblem;
use crate::read_policy;

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
        })
    }

    /// Carries the subject to its end.
    pub(crate) async fn carry(mut self) -> Result<Verdict, Interrupt> {
        match self.carry_inner().await {
            Ok(verdict) | Err(Exit::End(verdict)) => Ok(verdict),
            Err(Exit::Interrupt(interrupt)) => Err(interrupt),
        }
    }

    async fn carry_inner(&mut self) -> Result<Verdict, Exit> {
        let steps = self.steps.clone();
        for step in &steps {
            match step.kind {
                StepKind::CreateObject => {
                    let id = self.create_object(step).await?;
                    self.item = Some(id);
                }
                StepKind::CreateChild { .. }
                | StepKind::Replace
                | StepKind::ReplaceAction
                | StepKind::DeleteChild => self.write_step(step).await?,
            }
        }
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
        loop {
            match self.journal.state_of(&step.name) {
                StepState::Done => return Ok(()),
                StepState::InDoubt(intent) => {
                    if self.journal.unknowns(&step.name) > 3 {
                        return Err(Exit::unknown(
                            "write_outcome_unknown",
                            format!(
                                "Graph did not answer {} clearly in four attempts.",
                                step.name
                            ),
                        ));
                    }
                    if self.settle_step(step, &intent).await? {
                        return Ok(());
                    }
                }
                StepState::Open => {}
            }
            self.review(step).await?;
            match self.send(step, &[]).await? {
                Sending::Done { .. } => return Ok(()),
                Sending::Lost => self.run.job.pause(Duration::from_secs(1)).await?,
                Sending::Again => {}
                Sending::Gone => match not_yet.next() {
                    Some(wait) => self.run.job.pause(wait).await?,
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
    async fn settle_step(
        &mut self,
        step: &WriteStep,
        intent: &super::journal::Intent,
    ) -> Result<bool, Exit> {
        let landed = match &step.kind {
            StepKind::CreateChild {
                collection,
                key,
                value,
            } => self.child_exists(step, collection, key, value).await?,
            StepKind::CreateObject
            | StepKind::Replace
            | StepKind::ReplaceAction
            | StepKind::DeleteChild => {
                let observed = self.look().await?;
                self.matches_plan(&observed.policy).is_ok()
            }
        };
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

    /// A child with a natural key cannot be made twice: it is there or it is not.
    async fn child_exists(
        &mut self,
        step: &WriteStep,
        collection: &str,
        key: &str,
        value: &str,
    ) -> Result<bool, Exit> {
        let id = self.item.clone().unwrap_or_default();
        let path = format!("{}/{collection}", read_policy::item_path(self.row, &id));
        let mut waits = self
            .run
            .job
            .env
            .config
            .patience
            .lost_create
            .clone()
            .into_iter();
        loop {
            let children = loop {
                match read_policy::read_all(&self.run.reader, self.row, &path).await {
                    Ok(children) => break children,
                    Err(ReadProblem::NotFound) => break Vec::new(),
                    Err(problem) => self.sit_out(problem).await?,
                }
            };
            let there = children.iter().any(|child| {
                child
                    .get(key)
                    .and_then(serde_json::Value::as_str)
                    .is_some_and(|text| text.eq_ignore_ascii_case(value))
            });
            if there {
                return Ok(true);
            }
            match waits.next() {
                Some(wait) => self.run.job.pause(wait).await?,
                None => {
                    tracing::info!(step = %step.name, "a child whose create got no answer is absent");
                    return Ok(false);
                }
            }
        }
    }

    /// Reads the live object immediately before a write and refuses what nobody reviewed.
    pub(crate) async fn review(&mut self, step: &WriteStep) -> Result<(), Exit> {
        let first = !self.journal.may_have_written();
        let observed = match self.look_once().await? {
            Some(observed) => observed,
            None if self.creates() => self.look().await?,
            None => {
                return Err(Exit::failed(
                    "target_missing",
                    "The object that was reviewed does not exist any more.",
                ));
            }
        };
        let unchanged = if first && !self.creates() {
            let pinned = self.pinned.target.as_ref();
            let live = verify::reviewed_fingerprint(self.row, &observed.policy, self.run.options);
            pinned.is_some_and(|target| target.fingerprint == live)
        } else {
            let judged = midway::check(
                self.row,
                &self.reviewed,
                &self.expected,
                &observed.policy,
                &self.steps,
                &self.created,
                self.run.options,
                self.creates(),
            );
            if let Err(mismatches) = &judged {
                tracing::info!(
                    step = %step.name,
                    paths = ?mismatches.iter().map(|m| m.path.as_str()).take(5).collect::<Vec<_>>(),
                    "the object was changed between two steps"
                );
            }
            judged.is_ok()
        };
        if unchanged {
            return Ok(());
        }
        Err(Exit::End(Verdict::Failed {
            code: "target_changed",
            message: "The object in the target is not what was reviewed; it was not overwritten."
                .to_owned(),
            observed: (!first).then(|| Box::new(observed)),
        }))
    }

    /// Reads back until the plan shows, or says what does not.
    async fn read_back(&mut self) -> Result<Verdict, Exit> {
        let effect = if self.creates() {
            Effect::Created
        } else {
            Effect::Updated
        };
        let mut waits = self
            .run
            .job
            .env
            .config
            .patience
            .read_back
            .clone()
            .into_iter();
        loop {
            let mut last = None;
            let problem = match self.look_or_refuse().await? {
                Err(message) => message,
                Ok(None) => "Graph does not show the object that was written.".to_owned(),
                Ok(Some(observed)) => match self.matches_plan(&observed.policy) {
                    Ok(()) => {
                        return Ok(Verdict::Succeeded {
                            effect,
                            observed: Box::new(observed),
                        });
                    }
                    Err(paths) => {
                        last = Some(Box::new(observed));
                        format!("What Graph shows differs from the plan at {paths}.")
                    }
                },
            };
            let Some(wait) = waits.next() else {
                return Ok(Verdict::Failed {
                    code: "verification_failed",
                    message: problem,
                    observed: last,
                });
            };
            self.run.job.pause(wait).await?;
        }
    }

    /// Whether a live object is what the plan leads to; otherwise the paths that differ.
    pub(crate) fn matches_plan(&self, live: &CapturedPolicy) -> Result<(), String> {
        verify::check(
            self.row,
            &self.expected,
            live,
            &self.created,
            self.run.options,
            self.creates(),
        )
        .map_err(|mismatches| {
            let shown: Vec<String> = mismatches
                .iter()
                .take(5)
                .map(|m| format!("{} ({})", m.path, m.message))
                .collect();
            shown.join(", ")
        })
    }

    /// Reads the object; waits with patience while a fresh one does not show.
    async fn look(&mut self) -> Result<Observed, Exit> {
        let mut waits = self
            .run
            .job
            .env
            .config
            .patience
            .read_back
            .clone()
            .into_iter();
        loop {
            if let Some(observed) = self.look_once().await? {
                return Ok(observed);
            }
            match waits.next() {
                Some(wait) => self.run.job.pause(wait).await?,
                None => {
                    return Err(Exit::failed(
                        "target_missing",
                        "Graph does not show the object between two steps.",
                    ));
                }
            }
        }
    }

    /// One complete read; `None` when the object is not there.
    async fn look_once(&mut self) -> Result<Option<Observed>, Exit> {
        self.look_or_refuse()
            .await?
            .map_err(|message| Exit::failed("target_unreadable", message))
    }

    /// One complete read of the object. The inner error says why its content cannot be used.
    async fn look_or_refuse(&mut self) -> Result<Result<Option<Observed>, String>, Exit> {
        let id = self.item.clone().unwrap_or_default();
        self.observe(&id).await
    }

    /// One complete read of an object by id.
    pub(crate) async fn observe(
        &mut self,
        id: &str,
    ) -> Result<Result<Option<Observed>, String>, Exit> {
        loop {
            let observed_at = self.run.job.now();
            match read_policy::read_object(&self.run.reader, self.row, id).await {
                Ok(raw) => {
                    return Ok(
                        capture::capture(self.row, raw, &self.run.job.env.secret_key)
                            .map(|policy| {
                                Some(Observed {
                                    policy,
                                    observed_at,
                                })
                            })
                            .map_err(|error| format!("{}: {}", error.code, error.message)),
                    );
                }
                Err(ReadProblem::NotFound) => return Ok(Ok(None)),
                Err(problem) => self.sit_out(problem).await?,
            }
        }
    }

    /// Waits where a read may be tried again; ends the subject where it may not.
    pub(crate) async fn sit_out(&mut self, problem: ReadProblem) -> Result<(), Exit> {
        match problem {
            ReadProblem::Interrupted(interrupt) => Err(interrupt.into()),
            ReadProblem::Throttled { until } => Ok(self.run.job.wait_until(until).await?),
            ReadProblem::Unavailable { .. } if self.trouble < 6 => {
                self.trouble += 1;
                let wait = Duration::from_secs(1 << self.trouble.min(5));
                Ok(self.run.job.pause(wait).await?)
            }
            other => Err(self.unreadable(other)),
        }
    }

    /// What a target that cannot be read means, by what may have been written already.
    fn unreadable(&self, problem: ReadProblem) -> Exit {
        let (code, message) = problem.explain();
        let in_doubt =
            |step: &&WriteStep| matches!(self.journal.state_of(&step.name), StepState::InDoubt(_));
        if let Some(step) = self.steps.iter().find(in_doubt) {
            return Exit::unknown(
                "write_outcome_unknown",
                format!(
                    "Whether {} took effect cannot be read: {message}",
                    step.name
                ),
            );
        }
        if self.journal.may_have_written() {
            return Exit::failed(
                "verification_failed",
                format!("What was written cannot be read back: {message}"),
            );
        }
        Exit::failed(code, message)
    }

    /// The step with the object's own id and every created id in place.
    pub(crate) fn filled(&self, step: &WriteStep) -> Result<WriteStep, Exit> {
        steps::fill(step, self.item.as_deref(), &self.created).ok_or_else(|| {
            Exit::failed(
                "dependency_failed",
                "An object that this one needs has not been created.",
            )
        })
    }
}
