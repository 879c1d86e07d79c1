//! The looks of a subject: before a write, between two, after the last, and one object at a time.
//!
//! Decides what a live object means (as reviewed, as planned, neither) and how long a fresh one is
//! waited for. Sends nothing but reads.

use domain::capture;
use domain::model::CapturedPolicy;
use domain::oma;
use domain::run::Effect;
use domain::steps::WriteStep;
use domain::verify;

use super::journal::StepState;
use super::midway;
use super::subject::{Exit, Observed, Subject, Verdict};
use crate::read_policy;
use crate::read_problem::ReadProblem;

impl Subject<'_> {
    /// Reads the live object immediately before a write and refuses what nobody reviewed.
    /// Answers what it saw.
    pub(crate) async fn review(&mut self, step: &WriteStep) -> Result<Observed, Exit> {
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
        if self.creates() {
            return self.review_fresh(step, observed).await;
        }
        let unchanged = if first {
            let pinned = self.pinned.target.as_ref();
            let live = verify::reviewed_fingerprint(self.row, &observed.policy, self.run.options);
            pinned.is_some_and(|target| target.fingerprint == live)
        } else {
            self.is_midway(step, &observed).is_ok()
        };
        if unchanged {
            return Ok(observed);
        }
        Err(Exit::End(Verdict::Failed {
            code: "target_changed",
            message: "The object in the target is not what was reviewed; it was not overwritten."
                .to_owned(),
            observed: (!first).then(|| Box::new(observed)),
        }))
    }

    /// The object that this very run made: its parts may show later than itself, so it is looked at
    /// again for as long as a read-back would be, before anything more is written or given up.
    async fn review_fresh(
        &mut self,
        step: &WriteStep,
        mut observed: Observed,
    ) -> Result<Observed, Exit> {
        let patience = self.run.job.env.config.patience.read_back.clone();
        let mut waits = patience.into_iter();
        loop {
            let Err(paths) = self.is_midway(step, &observed) else {
                return Ok(observed);
            };
            let Some(wait) = waits.next() else {
                return Err(Exit::End(Verdict::Failed {
                    code: "verification_failed",
                    message: format!(
                        "What Graph shows of the new object differs from the plan at {paths}; nothing more was written."
                    ),
                    observed: Some(Box::new(observed)),
                }));
            };
            self.pause(wait).await?;
            observed = self.look().await?;
        }
    }

    /// Whether a live object is what the steps so far lead to; otherwise the paths that differ.
    fn is_midway(&self, step: &WriteStep, observed: &Observed) -> Result<(), String> {
        midway::check(
            self.row,
            &self.reviewed,
            &self.expected,
            &observed.policy,
            &self.steps,
            &self.created,
            self.run.options,
            self.creates(),
        )
        .map_err(|mismatches| {
            let paths: Vec<&str> = mismatches.iter().map(|m| m.path.as_str()).take(5).collect();
            tracing::info!(step = %step.name, ?paths, "the object differs between two steps");
            paths.join(", ")
        })
    }

    /// Reads back until the plan shows, or says what does not.
    pub(crate) async fn read_back(&mut self) -> Result<Verdict, Exit> {
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
            self.pause(wait).await?;
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
    pub(crate) async fn look(&mut self) -> Result<Observed, Exit> {
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
                Some(wait) => self.pause(wait).await?,
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
    ///
    /// Right after a write of this run, what an object says of its parts and the parts themselves may
    /// show at different times: then it is looked at again, for as long as a read-back would be.
    pub(crate) async fn look_once(&mut self) -> Result<Option<Observed>, Exit> {
        let patience = self.run.job.env.config.patience.read_back.clone();
        let wrote = self.journal.may_have_written();
        let mut waits = patience.into_iter().filter(|_| wrote);
        loop {
            let message = match self.look_or_refuse().await? {
                Ok(observed) => return Ok(observed),
                Err(message) => message,
            };
            match waits.next() {
                Some(wait) => self.run.job.pause(wait).await?,
                None => return Err(Exit::failed("target_unreadable", message)),
            }
        }
    }

    /// One complete read of the object. The inner error says why its content cannot be used.
    async fn look_or_refuse(&mut self) -> Result<Result<Option<Observed>, String>, Exit> {
        let id = self.item.clone().unwrap_or_default();
        let observed = self.observe(&id).await?;
        if let (Ok(Some(observed)), true) = (&observed, self.journal.may_have_written()) {
            self.seen = Some(observed.clone());
        }
        Ok(observed)
    }

    /// One complete read of an object by id.
    pub(crate) async fn observe(
        &mut self,
        id: &str,
    ) -> Result<Result<Option<Observed>, String>, Exit> {
        loop {
            let observed_at = self.run.job.now();
            let read = read_policy::read_object(&self.run.reader, self.row, id);
            match self.unless_stopped(read).await? {
                Ok(mut raw) => {
                    oma::conceal(
                        &mut raw.item,
                        &self.expected.content,
                        &self.run.job.env.secret_key,
                    );
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
            ReadProblem::Throttled { until } => self.wait_until(until).await,
            ReadProblem::Unavailable { .. } if self.trouble < 6 => self.back_off().await,
            // An answer that was cut short may be whole the next time, and what was begun is not to
            // be left half made for it. Before a write there is nothing to lose by ending here.
            ReadProblem::Unusable {
                code: "list_incomplete" | "answer_incomplete",
                ..
            } if self.trouble < 6 && self.journal.may_have_written() => self.back_off().await,
            other => Err(self.unreadable(other)),
        }
    }

    async fn back_off(&mut self) -> Result<(), Exit> {
        self.trouble += 1;
        let unit = self.run.job.env.config.patience.trouble;
        self.pause(unit * (1 << self.trouble.min(5))).await
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
}
