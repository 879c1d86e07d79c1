//! Executes a reviewed plan, a promotion's or a restore's: waves in order, subjects beside each other, stops obeyed.
//!
//! Decides which subject is worked on when, and what a stop means for those that have not begun.
//! How one subject is written is [`subject`]'s business; the plan itself is the domain's.

mod approvals;
mod create;
mod derive;
mod doubt;
mod group_policy;
mod guard;
mod inputs;
pub(crate) mod journal;
mod link;
mod look;
mod midway;
mod next_move;
mod record;
mod schedule;
mod secrets;
mod send;
mod stopped;
mod subject;

pub(crate) use record::{fail_all, policy_capture};

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::plan::PinnedSubject;
use domain::policy_type;
use domain::references::Overrides;
use domain::run::{ItemOutcome, Stop};
use domain::selection::Options;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;

use self::approvals::Approvals;
use self::derive::Purpose;
use self::inputs::Item;
use self::journal::Journal;
use self::schedule::{Next, Slot};
use self::subject::{Exit, Subject, Verdict};
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::provider::{Reader, Writer};
use crate::run_job::RunEnd;

/// Everything the subjects of one run share.
pub(crate) struct Promotion {
    pub(crate) job: Arc<Job>,
    pub(crate) reader: Reader,
    pub(crate) writer: Writer,
    /// Whose content is written.
    pub(crate) purpose: Purpose,
    pub(crate) options: Options,
    /// The request's mappings: literals decide bodies, references decide source fingerprints.
    pub(crate) overrides: Overrides,
    /// Codes that earlier runs were given for identical requests.
    pub(crate) approvals: Approvals,
    /// Subject key -> Graph's id, for everything this run created and verified.
    pub(crate) created: Mutex<BTreeMap<String, String>>,
    /// Subject key -> until when the outcome of one of its writes may be unknown.
    pub(crate) doubts: Mutex<BTreeMap<String, DateTime<Utc>>>,
}

/// Executes the plan of a run.
pub(crate) async fn execute(job: Arc<Job>) -> Result<RunEnd, Interrupt> {
    let plan = match inputs::load(&job).await? {
        Ok(plan) => plan,
        Err(refusal) => {
            record::fail_all(&job, refusal.code, &refusal.message).await?;
            return Ok(RunEnd { stop: None });
        }
    };
    let Some(plan) = plan else {
        // Every item had ended already; only the run's own end was missing.
        return Ok(RunEnd {
            stop: job.stop.current(),
        });
    };
    let (promotion, subjects, items) = plan;
    promotion.work(&subjects, items).await
}

impl Promotion {
    async fn work(
        self,
        subjects: &[PinnedSubject],
        mut items: Vec<Item>,
    ) -> Result<RunEnd, Interrupt> {
        let mut slots = slots(subjects, &items);
        let mut running: FuturesUnordered<BoxFuture<'_, (usize, Result<Verdict, Interrupt>)>> =
            FuturesUnordered::new();
        let mut interrupt: Option<Interrupt> = None;
        loop {
            self.job.lease.check()?;
            if self.job.env.is_shutting_down() {
                interrupt = Some(stronger(interrupt, Interrupt::ShuttingDown));
            }
            let stop = self.job.stop.current();
            if stop.is_some() && matches!(interrupt, Some(Interrupt::Park { .. })) {
                // Nothing is put aside any more: what was begun comes to its end.
                interrupt = None;
            }
            if interrupt.is_none() {
                let next = match stop {
                    None => schedule::next(&slots),
                    Some(_) => schedule::next_begun(&slots),
                };
                match (next, stop) {
                    (Next::Finished, None) => return Ok(RunEnd { stop: None }),
                    (Next::DependencyFailed(position), _) => {
                        let verdict = Verdict::Skipped {
                            code: "dependency_failed",
                            message: "An object that this one needs was not created.".to_owned(),
                        };
                        self.end_item(subjects, &mut slots, position, verdict)
                            .await?;
                        continue;
                    }
                    (Next::Start(position), _) => {
                        let (Some(pinned), Some(item), Some(slot)) = (
                            subjects.get(position),
                            items.get_mut(position),
                            slots.get_mut(position),
                        ) else {
                            continue;
                        };
                        slot.running = true;
                        let item = std::mem::take(item);
                        running.push(Box::pin(self.carry(position, pinned, item)));
                        continue;
                    }
                    (Next::Wait, _) | (Next::Finished, Some(_)) => {}
                }
            }
            if running.is_empty() {
                return match (interrupt, stop) {
                    (Some(interrupt), _) => Err(interrupt),
                    (None, Some(stop)) => self.skip_rest(subjects, &mut slots, stop).await,
                    (None, None) => Ok(RunEnd { stop: None }),
                };
            }
            let ended = tokio::select! {
                ended = running.next() => ended,
                () = self.job.stop.changed(), if stop.is_none() => continue,
                () = self.job.lease.lost() => return Err(Interrupt::LeaseLost),
            };
            let Some((position, result)) = ended else {
                continue;
            };
            if let Some(slot) = slots.get_mut(position) {
                slot.running = false;
            }
            match result {
                Ok(verdict) => {
                    self.end_item(subjects, &mut slots, position, verdict)
                        .await?;
                }
                Err(Interrupt::LeaseLost) => return Err(Interrupt::LeaseLost),
                Err(other) => {
                    // Its row keeps what it has; only a stop makes this process go on with it.
                    self.remember(subjects, &mut slots, &mut items, position)
                        .await?;
                    interrupt = Some(stronger(interrupt, other));
                }
            }
        }
    }

    /// Works on one subject until it ends or is interrupted.
    async fn carry(
        &self,
        position: usize,
        pinned: &PinnedSubject,
        item: Item,
    ) -> (usize, Result<Verdict, Interrupt>) {
        let result = match self.prepare(pinned, item).await {
            Ok(subject) => subject.carry().await,
            Err(Exit::End(verdict)) => Ok(verdict),
            Err(Exit::Interrupt(interrupt)) => Err(interrupt),
        };
        (position, result)
    }

    async fn prepare<'r>(
        &'r self,
        pinned: &'r PinnedSubject,
        item: Item,
    ) -> Result<Subject<'r>, Exit> {
        let (planned, target) = derive::derive(self, pinned).await?;
        let created = self
            .created
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let writing = item.outcome == ItemOutcome::Writing;
        Subject::prepare(
            self,
            pinned,
            planned,
            target,
            Journal::read(&item.journal),
            created,
            writing,
        )
    }

    /// Records an end and makes what was created known to later subjects.
    async fn end_item(
        &self,
        subjects: &[PinnedSubject],
        slots: &mut [Slot],
        position: usize,
        verdict: Verdict,
    ) -> Result<(), Interrupt> {
        let (Some(pinned), Some(slot)) = (subjects.get(position), slots.get_mut(position)) else {
            return Ok(());
        };
        fail_point!("before_verdict");
        slot.outcome = record::end(self, pinned, verdict).await?;
        fail_point!("after_verdict");
        Ok(())
    }

    /// Takes up again how an interrupted subject stands, with its journal.
    async fn remember(
        &self,
        subjects: &[PinnedSubject],
        slots: &mut [Slot],
        items: &mut [Item],
        position: usize,
    ) -> Result<(), Interrupt> {
        let (Some(pinned), Some(slot), Some(item)) = (
            subjects.get(position),
            slots.get_mut(position),
            items.get_mut(position),
        ) else {
            return Ok(());
        };
        *item = inputs::item(&self.job, &pinned.subject_key).await?;
        slot.outcome = item.outcome;
        Ok(())
    }

    /// A stop: what was begun has come to its end, and the rest is skipped with the reason.
    async fn skip_rest(
        &self,
        subjects: &[PinnedSubject],
        slots: &mut [Slot],
        stop: Stop,
    ) -> Result<RunEnd, Interrupt> {
        for position in 0..slots.len() {
            let pending = |slot: &Slot| slot.outcome == ItemOutcome::Pending;
            if slots.get(position).is_some_and(pending) {
                let verdict = Verdict::Skipped {
                    code: stop.code(),
                    message: stop_message(stop).to_owned(),
                };
                self.end_item(subjects, slots, position, verdict).await?;
            }
        }
        Ok(RunEnd { stop: Some(stop) })
    }
}

/// In an operator's words.
pub(crate) fn stop_message(stop: Stop) -> &'static str {
    match stop {
        Stop::Cancelled => "The run was cancelled before anything of this subject was written.",
        Stop::ControlPaused => {
            "The operation was paused before anything of this subject was written."
        }
        Stop::ConnectionRemoved => {
            "The tenant's connection was taken away before anything of this subject was written."
        }
        Stop::RequesterRevoked => {
            "The requester lost the right before anything of this subject was written."
        }
        Stop::WorkerGaveUp => "Workers failed on this run too often.",
    }
}

/// Of two reasons to stop here the one that leaves sooner.
fn stronger(first: Option<Interrupt>, second: Interrupt) -> Interrupt {
    match (first, second) {
        (Some(Interrupt::ShuttingDown), _) | (_, Interrupt::ShuttingDown) => {
            Interrupt::ShuttingDown
        }
        (
            Some(Interrupt::Park { reason, until }),
            Interrupt::Park {
                until: other_until, ..
            },
        ) => Interrupt::Park {
            reason,
            until: until.max(other_until),
        },
        (_, second) => second,
    }
}

fn slots(subjects: &[PinnedSubject], items: &[Item]) -> Vec<Slot> {
    let positions: BTreeMap<&str, usize> = subjects
        .iter()
        .enumerate()
        .map(|(position, subject)| (subject.subject_key.as_str(), position))
        .collect();
    subjects
        .iter()
        .zip(items)
        .map(|(subject, item)| {
            let needs = subject.depends_on();
            Slot {
                wave: subject.wave,
                serial: policy_type::find(&subject.policy_type).is_some_and(|row| {
                    row.family == domain::model::ResourceFamily::ConditionalAccess
                        || row.serial_spacing_seconds.is_some()
                }),
                needs_stranger: needs.iter().any(|key| !positions.contains_key(key)),
                needs: needs
                    .iter()
                    .filter_map(|key| positions.get(key).copied())
                    .collect(),
                outcome: item.outcome,
                running: false,
            }
        })
        .collect()
}
