//! How many runs this process works on at the same time, and whose turn a free slot is. Syncs never
//! take the last slot, no workspace holds every slot of a kind, and checks have slots of their own.
//!
//! The queue stays the only place where work waits: a wake-up that finds no slot here goes back to
//! it. What is remembered about one that went back is, for a moment, that its workspace waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::operation::OperationType;
use store::queue::QueueName;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

/// Wake-ups that may be in hand beyond the slots, so that the next workspace is seen behind one that
/// has its share.
const SPARE_HANDS: usize = 2;
/// Two, so that a workspace that holds one leaves one. A check is bounded by Graph's time-outs.
const FOR_CHECKS: usize = 2;
/// For so long a workspace counts as waiting after its wake-up was last seen without a slot: longer
/// than the way through the queue and back.
const WAITING: Duration = Duration::from_secs(2);

/// What a run needs a slot for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Promotions and restores.
    Promotion,
    /// Syncs and searches.
    Sync,
    /// Connection checks: short, and beside the others.
    Check,
}

impl Kind {
    /// The kind of an operation.
    pub(crate) fn of(operation: OperationType) -> Self {
        match operation {
            OperationType::PromotionExecute | OperationType::PolicyRestore => Self::Promotion,
            OperationType::InventorySync | OperationType::ReferenceSearch => Self::Sync,
            OperationType::ConnectionCheck => Self::Check,
        }
    }
}

/// The slots of the process.
#[derive(Clone, Debug)]
pub(crate) struct Slots(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    concurrency: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<(Kind, Uuid), usize>,
    /// When a workspace last took a slot of a kind, in takings.
    turns: HashMap<(Kind, Uuid), u64>,
    waiting: HashMap<(Kind, Uuid), Instant>,
    takings: u64,
}

/// A slot, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Slots,
    kind: Kind,
    workspace_id: Uuid,
}

impl Slots {
    /// Slots for this many runs (at least one).
    pub(crate) fn new(concurrency: usize) -> Self {
        Self(Arc::new(Shared {
            concurrency: concurrency.max(1),
            state: Mutex::default(),
            freed: Notify::new(),
        }))
    }

    /// How many jobs of a queue may be claimed at once.
    pub(crate) fn of(&self, queue: QueueName) -> usize {
        match queue {
            QueueName::Promotion => self.0.concurrency,
            QueueName::Inventory => self.0.for_syncs(),
        }
    }

    /// How many jobs of a queue may be in hand, with or without a slot.
    pub(crate) fn hands(&self, queue: QueueName) -> usize {
        let beside = match queue {
            QueueName::Promotion => 0,
            QueueName::Inventory => FOR_CHECKS,
        };
        self.of(queue) + beside + SPARE_HANDS
    }

    /// Waits for a slot. Whoever stops waiting is remembered for a moment.
    pub(crate) async fn take(&self, kind: Kind, workspace_id: Uuid) -> Slot {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            // Before the look, so that a slot freed in between is not missed.
            freed.as_mut().enable();
            if self.0.try_take(kind, workspace_id) {
                return Slot {
                    slots: self.clone(),
                    kind,
                    workspace_id,
                };
            }
            // Not only when a slot is freed: the one it was kept for may not have come for it.
            let _ = tokio::time::timeout(WAITING / 4, freed).await;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let key = (self.kind, self.workspace_id);
        {
            let mut state = self.slots.0.state();
            if let Some(held) = state.held.get_mut(&key) {
                *held -= 1;
            }
            state.held.retain(|_, held| *held > 0);
        }
        self.slots.0.freed.notify_waiters();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// With a single slot a sync has to take it, or there would never be one.
    fn for_syncs(&self) -> usize {
        self.concurrency.saturating_sub(1).max(1)
    }

    fn try_take(&self, kind: Kind, workspace_id: Uuid) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        state
            .waiting
            .retain(|_, seen| now.duration_since(*seen) < WAITING);
        let key = (kind, workspace_id);
        let rank = |id: Uuid| (state.of(kind, id), state.turns.get(&(kind, id)).copied());
        // The one with the fewest slots first, then the one whose last turn is longest ago.
        let mine = rank(workspace_id);
        let gives_way = state
            .waiting
            .keys()
            .filter(|(of, id)| *of == kind && *id != workspace_id)
            .any(|(_, id)| rank(*id) < mine && self.fits(&state, kind, *id));
        if gives_way || !self.fits(&state, kind, workspace_id) {
            state.waiting.insert(key, now);
            return false;
        }
        state.waiting.remove(&key);
        *state.held.entry(key).or_default() += 1;
        state.takings += 1;
        let taking = state.takings;
        state.turns.insert(key, taking);
        // What was long ago is as good as never; a provider may have thousands of customers.
        state.turns.retain(|_, turn| *turn + 1_000 > taking);
        true
    }

    /// Whether there is a slot of this kind for this workspace, whoever else waits.
    fn fits(&self, state: &State, kind: Kind, workspace_id: Uuid) -> bool {
        let (of_kind, own) = (state.all(kind), state.of(kind, workspace_id));
        let room = match kind {
            Kind::Check => return of_kind < FOR_CHECKS && own < share(FOR_CHECKS),
            Kind::Promotion => self.concurrency,
            Kind::Sync => self.for_syncs(),
        };
        let all = state.all(Kind::Promotion) + state.all(Kind::Sync);
        let own_of_all =
            state.of(Kind::Promotion, workspace_id) + state.of(Kind::Sync, workspace_id);
        // Of two slots a workspace may have both: a promotion must not wait for its own sync.
        let most = if self.concurrency > 2 {
            share(self.concurrency)
        } else {
            self.concurrency
        };
        all < self.concurrency && of_kind < room && own < share(room) && own_of_all < most
    }
}

impl State {
    fn of(&self, kind: Kind, workspace_id: Uuid) -> usize {
        self.held.get(&(kind, workspace_id)).copied().unwrap_or(0)
    }

    fn all(&self, kind: Kind) -> usize {
        let of_kind = self.held.iter().filter(|((of, _), _)| *of == kind);
        of_kind.map(|(_, held)| held).sum()
    }
}

/// All but one, where there is more than one.
fn share(slots: usize) -> usize {
    slots.saturating_sub(1).max(1)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop where it stands")]
mod tests {
    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);
    const C: Uuid = Uuid::from_u128(3);

    async fn soon(slots: &Slots, kind: Kind, workspace_id: Uuid) -> Option<Slot> {
        let wait = Duration::from_millis(20);
        tokio::time::timeout(wait, slots.take(kind, workspace_id))
            .await
            .ok()
    }

    #[tokio::test]
    async fn no_workspace_holds_every_slot_of_a_kind() {
        for concurrency in 2..6 {
            for kind in [Kind::Promotion, Kind::Sync, Kind::Check] {
                let slots = Slots::new(concurrency);
                let mut held = Vec::new();
                while let Some(slot) = soon(&slots, kind, A).await {
                    held.push(slot);
                }
                assert!(!held.is_empty(), "{kind:?} of {concurrency}");
                // Of two slots one is for syncs, which one workspace may hold.
                if kind != Kind::Sync || concurrency > 2 {
                    let other = soon(&slots, kind, B).await;
                    assert!(other.is_some(), "{kind:?} of {concurrency}");
                }
            }
        }
    }

    #[tokio::test]
    async fn a_workspace_with_every_kind_of_work_leaves_a_slot() {
        for concurrency in 3..6 {
            for other in [Kind::Promotion, Kind::Sync, Kind::Check] {
                let slots = Slots::new(concurrency);
                let mut held = Vec::new();
                for kind in [Kind::Sync, Kind::Promotion, Kind::Check] {
                    while let Some(slot) = soon(&slots, kind, A).await {
                        held.push(slot);
                    }
                }
                assert!(soon(&slots, other, B).await.is_some(), "{other:?}");
            }
        }
    }

    #[tokio::test]
    async fn syncs_leave_one_slot_to_promotions() {
        for concurrency in 2..6 {
            let slots = Slots::new(concurrency);
            let mut held = Vec::new();
            for workspace in [A, B, C, Uuid::from_u128(4), Uuid::from_u128(5)] {
                held.extend(soon(&slots, Kind::Sync, workspace).await);
            }
            assert_eq!(held.len(), concurrency - 1);
            assert!(soon(&slots, Kind::Promotion, A).await.is_some());
        }
    }

    #[tokio::test]
    async fn a_single_slot_serves_all() {
        let slots = Slots::new(1);
        assert_eq!(slots.of(QueueName::Inventory), 1);
        drop(soon(&slots, Kind::Sync, A).await.unwrap());
        drop(soon(&slots, Kind::Promotion, A).await.unwrap());
    }

    #[tokio::test]
    async fn a_freed_slot_goes_to_whoever_had_none_for_longest() {
        let slots = Slots::new(2);
        let first = soon(&slots, Kind::Sync, A).await.unwrap();
        assert!(soon(&slots, Kind::Sync, B).await.is_none());
        drop(first);
        // B went back to the queue; its turn is kept for a moment, then the slot is not left idle.
        assert!(soon(&slots, Kind::Sync, A).await.is_none());
        let again = soon(&slots, Kind::Sync, B).await.unwrap();
        drop(again);
        assert!(soon(&slots, Kind::Sync, A).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_kept_for_nobody_is_taken() {
        let slots = Slots::new(2);
        let first = slots.take(Kind::Sync, A).await;
        assert!(soon(&slots, Kind::Sync, B).await.is_none());
        drop(first);
        drop(slots.take(Kind::Sync, A).await);
    }
}
