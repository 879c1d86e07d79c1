//! How many runs this process works on at the same time. Syncs and checks never take the last slot.

use std::sync::Arc;

use store::queue::QueueName;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The slots of the process.
#[derive(Clone, Debug)]
pub(crate) struct Slots {
    all: Arc<Semaphore>,
    inventory: Arc<Semaphore>,
    concurrency: usize,
}

/// A slot, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    _all: OwnedSemaphorePermit,
    _inventory: Option<OwnedSemaphorePermit>,
}

impl Slots {
    /// Slots for this many runs (at least one).
    pub(crate) fn new(concurrency: usize) -> Self {
        let concurrency = concurrency.max(1);
        Self {
            all: Arc::new(Semaphore::new(concurrency)),
            inventory: Arc::new(Semaphore::new(Self::for_inventory(concurrency))),
            concurrency,
        }
    }

    /// How many jobs of a queue may be in hand.
    pub(crate) fn of(&self, queue: QueueName) -> usize {
        match queue {
            QueueName::Promotion => self.concurrency,
            QueueName::Inventory => Self::for_inventory(self.concurrency),
        }
    }

    /// With a single slot a sync has to take it, or there would never be one.
    fn for_inventory(concurrency: usize) -> usize {
        concurrency.saturating_sub(1).max(1)
    }

    /// Waits for a slot.
    pub(crate) async fn take(&self, queue: QueueName) -> Option<Slot> {
        let inventory = match queue {
            QueueName::Promotion => None,
            QueueName::Inventory => Some(Arc::clone(&self.inventory).acquire_owned().await.ok()?),
        };
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Slot {
            _all: all,
            _inventory: inventory,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn syncs_leave_one_slot_to_promotions() {
        let slots = Slots::new(2);
        let sync = slots.take(QueueName::Inventory).await;
        assert!(sync.is_some());
        let wait = Duration::from_millis(20);
        let second = tokio::time::timeout(wait, slots.take(QueueName::Inventory)).await;
        assert!(second.is_err());
        let promotion = tokio::time::timeout(wait, slots.take(QueueName::Promotion)).await;
        assert!(promotion.is_ok_and(|slot| slot.is_some()));
    }

    #[tokio::test]
    async fn a_single_slot_serves_both() {
        let slots = Slots::new(1);
        assert_eq!(slots.of(QueueName::Inventory), 1);
        drop(slots.take(QueueName::Inventory).await);
        assert!(slots.take(QueueName::Promotion).await.is_some());
    }
}
