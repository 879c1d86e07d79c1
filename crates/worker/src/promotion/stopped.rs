//! What a stop means for a subject under work: nothing begins any more, what was begun is finished.
//!
//! Decides how long a subject may go on waiting for Graph once a stop stands, and how it ends when
//! that is not enough. Which stop stands is [`crate::stop`]'s business.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use domain::run::Stop;
use domain::steps::{StepKind, WriteStep};

use super::journal::StepState;
use super::stop_message;
use super::subject::{Exit, Observed, Subject, Verdict};
use crate::interrupt::Interrupt;

/// How long after a stop a subject that has written something may go on waiting for Graph.
const FINISH_WITHIN: Duration = Duration::from_mins(1);
/// How long the last look at what stays behind may take.
const LAST_LOOK: Duration = Duration::from_secs(10);

impl Subject<'_> {
    /// Refuses to begin a write that a stop forbids: the first one of a subject after every stop,
    /// and any after the requester lost the right.
    pub(crate) fn may_write(&self) -> Result<(), Exit> {
        let job = &self.run.job;
        job.lease.check()?;
        let wrote = self.journal.may_have_written();
        if job
            .stop
            .standing()
            .is_some_and(|standing| standing.at_once.is_some() || !wrote)
        {
            return Err(self.stopped());
        }
        if job.env.is_shutting_down() && !wrote {
            return Err(Interrupt::ShuttingDown.into());
        }
        Ok(())
    }

    /// Does what sends no write: reads, and waits. Ends early where a stop leaves no more time.
    pub(crate) async fn unless_stopped<T>(
        &self,
        work: impl Future<Output = T> + Send,
    ) -> Result<T, Exit> {
        let stop = &self.run.job.stop;
        tokio::pin!(work);
        loop {
            let (standing, ends) = (stop.standing(), self.waits_until());
            if ends.is_some_and(|ends| Instant::now() >= ends) {
                return Err(self.stopped());
            }
            let over = async {
                match ends {
                    Some(ends) => tokio::time::sleep_until(ends.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                done = &mut work => return Ok(done),
                () = stop.differs_from(standing) => {}
                () = over => {}
            }
        }
    }

    /// Waits.
    pub(crate) async fn pause(&self, wait: Duration) -> Result<(), Exit> {
        Ok(self.unless_stopped(self.run.job.pause(wait)).await??)
    }

    /// Waits until Graph takes requests again; without a stop a long wait parks the run.
    pub(crate) async fn wait_until(&self, until: DateTime<Utc>) -> Result<(), Exit> {
        let Some(ends) = self.waits_until() else {
            return self
                .unless_stopped(self.run.job.wait_until(until))
                .await?
                .map_err(Exit::from);
        };
        let wait = (until - Utc::now()).to_std().unwrap_or_default();
        if Instant::now() + wait <= ends {
            return self.pause(wait).await;
        }
        // The target stays with this run until a create that got no answer can land no more.
        if let Some(conclude_at) = self.settled_at() {
            let left = conclude_at - self.run.job.now();
            self.run
                .job
                .pause(left.to_std().unwrap_or_default())
                .await?;
        }
        Err(self.stopped())
    }

    /// From when on this subject waits no more; `None` while no stop stands.
    fn waits_until(&self) -> Option<Instant> {
        let standing = self.run.job.stop.standing()?;
        if let Some(last) = self.last_word {
            return Some(last);
        }
        let begun = self
            .settled
            .map_or(standing.since, |settled| settled.max(standing.since));
        if let Some(conclude_at) = self.settled_at() {
            let left = conclude_at - self.run.job.now();
            let concluded = Instant::now() + left.to_std().unwrap_or_default();
            return Some(concluded.max(begun) + FINISH_WITHIN);
        }
        let rest = standing.at_once.is_some() && self.left().next().is_some();
        if rest || !self.journal.may_have_written() {
            return Some(standing.since);
        }
        Some(begun + FINISH_WITHIN)
    }

    /// When it will be known of a step in doubt that it did not land; `None` when none is in doubt.
    fn settled_at(&self) -> Option<DateTime<Utc>> {
        let doubts = self.steps.iter().filter_map(|step| {
            let StepState::InDoubt(intent) = self.journal.state_of(&step.name) else {
                return None;
            };
            Some(self.conclude_at(step, &intent))
        });
        doubts.max()
    }

    /// The steps that have not been done, from the one under work on.
    fn left(&self) -> impl Iterator<Item = &WriteStep> {
        let rest = self.steps.get(self.at..).unwrap_or_default();
        rest.iter()
            .filter(|step| self.journal.state_of(&step.name) != StepState::Done)
    }

    /// How a subject ends that a stop leaves no more time.
    pub(crate) fn stopped(&self) -> Exit {
        let standing = self.run.job.stop.standing();
        let stop = standing.map_or(Stop::Cancelled, super::super::stop::Standing::cause);
        let in_doubt =
            |step: &&WriteStep| matches!(self.journal.state_of(&step.name), StepState::InDoubt(_));
        if let Some(step) = self.steps.iter().find(in_doubt) {
            return Exit::unknown(
                "write_outcome_unknown",
                format!(
                    "{} Whether {} took effect could not be read.",
                    half_way(stop),
                    what(step)
                ),
            );
        }
        if !self.journal.may_have_written() {
            return Exit::End(Verdict::Skipped {
                code: stop.code(),
                message: stop_message(stop).to_owned(),
            });
        }
        let mut message = half_way(stop).to_owned();
        let missing: Vec<String> = self.left().map(what).collect();
        let _ = if missing.is_empty() {
            write!(
                message,
                " Everything was sent, and it was not read back: sync the target."
            )
        } else {
            write!(
                message,
                " Not sent: {}. The next preflight offers what is missing.",
                missing.join(", ")
            )
        };
        Exit::failed(stop.code(), message)
    }

    /// One look at what stays behind, which a stop does not forbid; after a stop what was seen last,
    /// where no write has landed since.
    pub(crate) async fn last_look(&mut self) -> Option<Box<Observed>> {
        let stopped = self.run.job.stop.standing().is_some();
        if let (true, Some(seen)) = (stopped, &self.seen) {
            return Some(Box::new(seen.clone()));
        }
        self.last_word = Some(Instant::now() + LAST_LOOK);
        let seen = self.look_once().await.ok().flatten();
        self.last_word = None;
        seen.or_else(|| self.seen.take()).map(Box::new)
    }

    /// Whether a create that Graph put off has made its object after all: asked once before a stop
    /// skips the subject, so that no object stays behind that nobody knows of.
    pub(crate) async fn came_late(&mut self, step: &WriteStep) -> bool {
        if !self.journal.was_put_off(&step.name) {
            return false;
        }
        self.last_word = Some(Instant::now() + LAST_LOOK);
        let came = self.take_late_comer(step).await.unwrap_or(false);
        self.last_word = None;
        came
    }
}

const fn half_way(stop: Stop) -> &'static str {
    match stop {
        Stop::Cancelled => "The run was cancelled while this subject was being written.",
        Stop::ControlPaused => "The operation was paused while this subject was being written.",
        Stop::RequesterRevoked => {
            "The requester lost the right while this subject was being written."
        }
        Stop::ConnectionRemoved => {
            "The tenant's connection was taken away while this subject was being written."
        }
        Stop::WorkerGaveUp => "Workers failed on this run too often.",
    }
}

/// A step in an operator's words.
fn what(step: &WriteStep) -> String {
    match &step.kind {
        StepKind::CreateObject => "the object".to_owned(),
        StepKind::Replace => "the settings".to_owned(),
        StepKind::ReplaceAction if step.name == "assign" => "the assignments".to_owned(),
        StepKind::CreateChild { collection, .. } | StepKind::DeleteFound { collection, .. }
            if collection == "assignments" =>
        {
            "assignments".to_owned()
        }
        StepKind::Link { property } | StepKind::Unlink { property, .. } => {
            format!("the link {property}")
        }
        _ => step.name.clone(),
    }
}
