//! A model of the run protocol, explored exhaustively: two workers, one subject of two steps, one
//! crash, one lost answer and two leases that run out, in every order; and with one lease fewer, a
//! create that Graph refuses for its links.
//!
//! A paused worker is one that takes no step for a while, so pauses are in every order already.
//! What a worker does next comes from [`next_move`], the code the real write path runs. Two things
//! are taken for granted, as the protocol takes them: a request that is on the wire when the window
//! of looks ends has landed or never will, and what landed shows by then; a worker checks its lease
//! immediately before it sends.

use domain::run::ItemOutcome;

use super::super::journal::Ending;
use super::super::next_move::{self, CreateMove, RepeatMove};
use super::marks::{Heard, Mark, Step, journal_of, number_of};

/// The protocol, or one of the ways to get it wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Sound,
    IntentAfterWrite,
    NoFence,
    BlindRetry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Object {
    /// The request that made it; also its id.
    by: u8,
    visible: bool,
    assigned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Request {
    n: u8,
    step: Step,
    object: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Place {
    /// Decides from its journal.
    Deciding,
    /// Looked, and may record an intent.
    Ready(Step),
    /// The intent is on record.
    Intended(u8, Step),
    /// The request is on the wire or has landed.
    Waiting(u8, Step),
    /// An answer came, clear or not.
    Answered(u8, Step, Heard),
    /// Ends the item this way.
    Ending(ItemOutcome),
    /// Ends the run.
    Completing,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Worker {
    Dead,
    Idle,
    Working {
        fence: u8,
        place: Place,
        journal: Vec<Mark>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Violation {
    Duplicate,
    StaleRecord,
    WriteWithoutIntent,
    LostSubject,
    FalseSuccess,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    fence: u8,
    holder: usize,
    live: bool,
    pub(super) completed: bool,
    outcome: ItemOutcome,
    journal: Vec<Mark>,
    objects: Vec<Object>,
    wire: Vec<Request>,
    workers: [Worker; 2],
    sent: u8,
    crashes: u8,
    losses: u8,
    refusals: u8,
    expiries: u8,
    pub(super) violation: Option<Violation>,
}

impl State {
    pub(super) fn start() -> Self {
        Self {
            fence: 0,
            holder: 0,
            live: false,
            completed: false,
            outcome: ItemOutcome::Pending,
            journal: Vec::new(),
            objects: Vec::new(),
            wire: Vec::new(),
            workers: [Worker::Idle, Worker::Idle],
            sent: 0,
            crashes: 1,
            losses: 1,
            refusals: 0,
            expiries: 2,
            violation: None,
        }
    }

    /// The same with a create that binds links, which Graph may refuse; one lease fewer runs out, so
    /// that it stays explorable.
    pub(super) fn start_with_links() -> Self {
        Self {
            refusals: 1,
            expiries: 1,
            ..Self::start()
        }
    }

    fn blame(&mut self, violation: Violation) {
        self.violation = self.violation.or(Some(violation));
    }

    fn holds(&self, me: usize, fence: u8) -> bool {
        self.live && self.holder == me && self.fence == fence && !self.completed
    }

    /// Every state that one step of anybody leads to.
    pub(super) fn next(&self, protocol: Protocol) -> Vec<Self> {
        let mut states = Vec::new();
        self.surroundings(&mut states);
        for me in 0..2 {
            self.worker(me, protocol, &mut states);
        }
        states
    }

    /// Leases, crashes, the network and Graph.
    fn surroundings(&self, states: &mut Vec<Self>) {
        if self.live && !self.completed {
            let dead = self.workers[self.holder] == Worker::Dead;
            if dead || self.expiries > 0 {
                let mut next = self.clone();
                next.live = false;
                next.expiries -= u8::from(!dead);
                states.push(next);
            }
        }
        for me in 0..2 {
            if self.crashes > 0 && matches!(self.workers[me], Worker::Working { .. }) {
                let mut next = self.clone();
                next.crashes -= 1;
                next.workers[me] = Worker::Dead;
                states.push(next);
            }
            // An answer is lost; its request may still land.
            if let Worker::Working {
                place: Place::Waiting(n, step),
                ..
            } = self.workers[me]
                && self.losses > 0
            {
                let mut next = self.clone();
                next.losses -= 1;
                next.arrive(me, Place::Answered(n, step, Heard::Lost));
                states.push(next.clone());
                // Or never reached Graph.
                next.wire.retain(|request| request.n != n);
                states.push(next);
            }
        }
        for me in 0..2 {
            if let Some(next) = self.refuse_links(me) {
                states.push(next);
            }
        }
        for (at, request) in self.wire.iter().enumerate() {
            let mut next = self.clone();
            next.wire.remove(at);
            match request.step {
                Step::Create => {
                    next.objects.push(Object {
                        by: request.n,
                        visible: false,
                        assigned: false,
                    });
                    if next.objects.len() > 1 {
                        next.blame(Violation::Duplicate);
                    }
                }
                Step::Assign => {
                    for object in next.objects.iter_mut().filter(|o| o.by == request.object) {
                        object.assigned = true;
                    }
                }
            }
            states.push(next);
        }
        for at in 0..self.objects.len() {
            if !self.objects[at].visible {
                let mut next = self.clone();
                next.objects[at].visible = true;
                states.push(next);
            }
        }
    }

    /// Graph refuses a create that binds links: nothing is made. The one without them it takes.
    fn refuse_links(&self, me: usize) -> Option<Self> {
        let Worker::Working {
            place: Place::Waiting(n, Step::Create),
            journal,
            ..
        } = &self.workers[me]
        else {
            return None;
        };
        let binds = journal_of(journal).ended(Step::Create.name(), Ending::LinksRefused) == 0;
        if self.refusals == 0 || !binds || !self.wire.iter().any(|request| request.n == *n) {
            return None;
        }
        let mut next = self.clone();
        next.refusals -= 1;
        next.wire.retain(|request| request.n != *n);
        next.arrive(me, Place::Answered(*n, Step::Create, Heard::LinksRefused));
        Some(next)
    }

    fn arrive(&mut self, me: usize, to: Place) {
        if let Worker::Working { place, .. } = &mut self.workers[me] {
            *place = to;
        }
    }

    /// A transaction of a worker: refused to who does not hold the run.
    fn record(&mut self, me: usize, protocol: Protocol, what: impl FnOnce(&mut Self)) -> bool {
        let Worker::Working { fence, .. } = self.workers[me] else {
            return false;
        };
        if !self.holds(me, fence) {
            if protocol != Protocol::NoFence || self.completed {
                self.workers[me] = Worker::Idle;
                return false;
            }
            self.blame(Violation::StaleRecord);
        }
        what(self);
        true
    }

    fn note(&mut self, me: usize, protocol: Protocol, mark: Mark, to: Place) {
        let done = self.record(me, protocol, |state| state.journal.push(mark));
        if done && let Worker::Working { place, journal, .. } = &mut self.workers[me] {
            journal.push(mark);
            *place = to;
        }
    }

    fn worker(&self, me: usize, protocol: Protocol, states: &mut Vec<Self>) {
        let mut next = self.clone();
        match self.workers[me].clone() {
            Worker::Dead => return,
            Worker::Idle => {
                if self.live || self.completed {
                    return;
                }
                next.fence += 1;
                (next.holder, next.live) = (me, true);
                let place = if self.outcome.is_terminal() {
                    Place::Completing
                } else {
                    Place::Deciding
                };
                let journal = self.journal.clone();
                next.workers[me] = Worker::Working {
                    fence: next.fence,
                    place,
                    journal,
                };
            }
            Worker::Working {
                fence,
                place,
                journal,
            } => match place {
                Place::Deciding => return self.decide(me, protocol, &journal, states),
                Place::Ready(step) if protocol == Protocol::IntentAfterWrite => {
                    next.send(me, step, self.sent, protocol, fence);
                }
                Place::Ready(step) => {
                    let n = self.sent;
                    next.sent += 1;
                    let mark = Mark::Intent { n, step };
                    next.note(me, protocol, mark, Place::Intended(n, step));
                    if next.outcome == ItemOutcome::Pending
                        && next.journal.len() > self.journal.len()
                    {
                        assert!(next.outcome.may_become(ItemOutcome::Writing));
                        next.outcome = ItemOutcome::Writing;
                    }
                }
                Place::Intended(n, step) => next.send(me, step, n, protocol, fence),
                Place::Waiting(n, step) => {
                    // A clear answer comes from Graph only after the effect.
                    if self.wire.iter().any(|request| request.n == n) {
                        return;
                    }
                    next.arrive(me, Place::Answered(n, step, Heard::Done));
                }
                Place::Answered(n, step, heard) => {
                    if protocol == Protocol::IntentAfterWrite {
                        next.note(me, protocol, Mark::Intent { n, step }, place);
                    }
                    next.note(
                        me,
                        protocol,
                        Mark::Answered { n, step, heard },
                        Place::Deciding,
                    );
                }
                Place::Ending(outcome) => {
                    next.record(me, protocol, |state| {
                        if state.outcome.may_become(outcome) {
                            state.outcome = outcome;
                        }
                    });
                    next.arrive(me, Place::Completing);
                }
                Place::Completing => {
                    if next.record(me, protocol, |state| state.completed = true) {
                        next.judge_end();
                        next.workers[me] = Worker::Idle;
                    }
                }
            },
        }
        states.push(next);
    }

    /// Puts a request on the wire, after the last look at the lease.
    fn send(&mut self, me: usize, step: Step, n: u8, protocol: Protocol, fence: u8) {
        if protocol != Protocol::NoFence && !self.holds(me, fence) {
            self.workers[me] = Worker::Idle;
            return;
        }
        if !self.journal.contains(&Mark::Intent { n, step }) {
            self.blame(Violation::WriteWithoutIntent);
        }
        self.sent = self.sent.max(n + 1);
        let object = self.objects.first().map_or(0, |object| object.by);
        self.wire.push(Request { n, step, object });
        self.arrive(me, Place::Waiting(n, step));
    }

    /// The worker reads its journal and looks at Graph.
    fn decide(&self, me: usize, protocol: Protocol, marks: &[Mark], states: &mut Vec<Self>) {
        let journal = journal_of(marks);
        let seen: Vec<Object> = self.objects.iter().copied().filter(|o| o.visible).collect();
        // The window of looks: nothing of it is on the wire, and all of it shows.
        let over = |n: u8| {
            !self.wire.iter().any(|request| request.n == n)
                && self.objects.iter().all(|o| o.visible)
        };
        let mut next = self.clone();
        match next_move::of_create(&journal, Step::Create.name()) {
            CreateMove::Created(_) => {}
            CreateMove::FindLost(_) | CreateMove::LookAndSend
                if protocol == Protocol::BlindRetry =>
            {
                next.arrive(me, Place::Ready(Step::Create));
                return states.push(next);
            }
            CreateMove::FindLost(intent) => {
                let n = number_of(&intent);
                let fresh: Vec<&Object> = seen
                    .iter()
                    .filter(|object| next_move::may_be_of(&intent, &object.by.to_string()))
                    .collect();
                match fresh[..] {
                    [only] => {
                        let mark = Mark::Adopted { n, object: only.by };
                        next.note(me, protocol, mark, Place::Deciding);
                    }
                    [] if over(n) => next.note(me, protocol, Mark::Absent { n }, Place::Deciding),
                    [] => return,
                    [..] => next.arrive(me, Place::Ending(ItemOutcome::Unknown)),
                }
                return states.push(next);
            }
            CreateMove::LookAndSend => {
                match (
                    next_move::late_comer(&journal, Step::Create.name()),
                    &seen[..],
                ) {
                    (_, []) => next.arrive(me, Place::Ready(Step::Create)),
                    (Some(intent), [only]) => {
                        let mark = Mark::Adopted {
                            n: number_of(intent),
                            object: only.by,
                        };
                        next.note(me, protocol, mark, Place::Deciding);
                    }
                    _ => next.arrive(me, Place::Ending(ItemOutcome::Failed)),
                }
                return states.push(next);
            }
            CreateMove::CreatedWithoutId => {
                next.arrive(me, Place::Ending(ItemOutcome::Unknown));
                return states.push(next);
            }
            CreateMove::GiveUp => {
                next.arrive(me, Place::Ending(ItemOutcome::Failed));
                return states.push(next);
            }
        }
        let Some(object) = seen.first() else {
            return; // Waits until the fresh object shows.
        };
        match next_move::of_repeatable(&journal, Step::Assign.name()) {
            RepeatMove::Done if object.assigned => {
                next.arrive(me, Place::Ending(ItemOutcome::Succeeded));
            }
            RepeatMove::Done | RepeatMove::GiveUp => {
                next.arrive(me, Place::Ending(ItemOutcome::Unknown));
            }
            RepeatMove::Settle(intent) if object.assigned => {
                let mark = Mark::SeenLanded {
                    n: number_of(&intent),
                };
                next.note(me, protocol, mark, Place::Deciding);
            }
            RepeatMove::Settle(_) | RepeatMove::ReviewAndSend => {
                next.arrive(me, Place::Ready(Step::Assign));
            }
        }
        states.push(next);
    }

    /// What must be true of a run that has ended.
    fn judge_end(&mut self) {
        let known = |by: u8| {
            self.journal
                .iter()
                .any(|mark| matches!(mark, Mark::Intent { n, .. } if *n == by))
        };
        let orphan = self.objects.iter().any(|object| !known(object.by));
        if !self.outcome.is_terminal() || orphan {
            self.blame(Violation::LostSubject);
        }
        let whole = self.objects.len() == 1 && self.objects[0].assigned;
        if self.outcome == ItemOutcome::Succeeded && !whole {
            self.blame(Violation::FalseSuccess);
        }
    }
}
