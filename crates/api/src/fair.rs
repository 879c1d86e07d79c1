//! Permits for work that is scarce, shared fairly: whose turn it is goes round, and nobody gets them
//! all.
//!
//! Decides who waits and who is served next. It must not know what the work is. Who stops waiting
//! (its connection was closed) costs nothing more: a permit is given to a waiter that still waits.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use uuid::Uuid;

/// A number of permits and those who want them, by whose work it is.
#[derive(Clone)]
pub struct FairPool {
    state: Arc<Mutex<State>>,
    each: usize,
    waiting_each: usize,
}

struct State {
    free: usize,
    held: HashMap<Uuid, usize>,
    waiting: HashMap<Uuid, VecDeque<oneshot::Sender<Permit>>>,
    /// Who has waiters, in the order of their turns.
    turns: VecDeque<Uuid>,
}

/// The right to work, given back when dropped.
pub struct Permit {
    /// `None` once it is given back.
    pool: Option<FairPool>,
    owner: Uuid,
}

/// Too much of one owner waits already.
#[derive(Debug, PartialEq, Eq)]
pub struct Crowded;

impl FairPool {
    /// So many permits; one owner holds at most `each` of them, and as many as `waiting_each` of its
    /// calls may wait.
    pub fn new(permits: usize, each: usize, waiting_each: usize) -> Self {
        Self {
            state: Arc::new(Mutex::new(State {
                free: permits.max(1),
                held: HashMap::new(),
                waiting: HashMap::new(),
                turns: VecDeque::new(),
            })),
            each: each.max(1),
            waiting_each,
        }
    }

    /// Waits for a permit.
    pub async fn take(&self, owner: Uuid) -> Result<Permit, Crowded> {
        let waiter = {
            let mut state = self.lock();
            let ahead = state.waiting.get_mut(&owner).map(|queue| {
                queue.retain(|waiter| !waiter.is_closed());
                queue.len()
            });
            if ahead.unwrap_or_default() == 0 && self.may_hold(&state, owner) {
                return Ok(self.grant(&mut state, owner));
            }
            if ahead.unwrap_or_default() >= self.waiting_each {
                return Err(Crowded);
            }
            let (sender, waiter) = oneshot::channel();
            state.waiting.entry(owner).or_default().push_back(sender);
            if ahead.is_none() {
                state.turns.push_back(owner);
            }
            waiter
        };
        // The sender lives in the pool until it is used; the pool outlives this call.
        waiter.await.map_err(|_| Crowded)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn may_hold(&self, state: &State, owner: Uuid) -> bool {
        let held = state.held.get(&owner).copied().unwrap_or_default();
        state.free > 0 && held < self.each
    }

    fn grant(&self, state: &mut State, owner: Uuid) -> Permit {
        state.free -= 1;
        *state.held.entry(owner).or_default() += 1;
        Permit {
            pool: Some(self.clone()),
            owner,
        }
    }

    /// Serves whoever may be served, one turn each.
    fn serve(&self, state: &mut State) {
        let mut passed = 0;
        while passed < state.turns.len() {
            let Some(owner) = state.turns.pop_front() else {
                return;
            };
            let waits = state.waiting.get_mut(&owner).is_some_and(|queue| {
                queue.retain(|waiter| !waiter.is_closed());
                !queue.is_empty()
            });
            if !waits {
                state.waiting.remove(&owner);
                continue;
            }
            state.turns.push_back(owner);
            if !self.may_hold(state, owner) {
                passed += 1;
                continue;
            }
            let next = state.waiting.get_mut(&owner).and_then(VecDeque::pop_front);
            if let Some(next) = next {
                let permit = self.grant(state, owner);
                if let Err(mut unwanted) = next.send(permit) {
                    // Gone this very moment. Taken back here, where the lock is held.
                    unwanted.pool = None;
                    Self::take_back(state, owner);
                }
            }
            passed = 0;
        }
    }

    fn take_back(state: &mut State, owner: Uuid) {
        state.free += 1;
        if let Some(held) = state.held.get_mut(&owner) {
            *held -= 1;
            if *held == 0 {
                state.held.remove(&owner);
            }
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some(pool) = self.pool.take() else {
            return;
        };
        let mut state = pool.lock();
        FairPool::take_back(&mut state, self.owner);
        pool.serve(&mut state);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    const A: Uuid = Uuid::from_u128(1);
    const B: Uuid = Uuid::from_u128(2);

    #[tokio::test]
    async fn one_owner_never_holds_them_all_and_turns_go_round() {
        let pool = FairPool::new(2, 1, 10);
        let first = pool.take(A).await.unwrap();
        let mut queued: Vec<_> = (0..5).map(|_| Box::pin(pool.take(A))).collect();
        for waiting in &mut queued {
            assert!(waiting.now_or_never().is_none());
        }
        // The second permit is there for everybody else, at once.
        let other = pool.take(B).now_or_never().unwrap().unwrap();
        drop(other);
        drop(first);
        assert!(queued.remove(0).await.is_ok());
    }

    #[tokio::test]
    async fn a_permit_goes_to_who_still_waits() {
        let pool = FairPool::new(1, 1, 10);
        let held = pool.take(A).await.unwrap();
        let mut gone = Box::pin(pool.take(A));
        assert!((&mut gone).now_or_never().is_none());
        let mut waits = Box::pin(pool.take(B));
        assert!((&mut waits).now_or_never().is_none());
        drop(gone);
        drop(held);
        let next = tokio::time::timeout(Duration::from_secs(1), waits).await;
        drop(next.unwrap().unwrap());
        assert!(pool.take(A).now_or_never().unwrap().is_ok());
        assert_eq!(pool.lock().free, 1);
    }

    #[tokio::test]
    async fn turns_alternate_however_long_one_queue_is() {
        let pool = FairPool::new(1, 1, 100);
        let held = pool.take(A).await.unwrap();
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for owner in [A, A, A, A, B, B] {
            let (pool, served) = (pool.clone(), Arc::clone(&served));
            tasks.push(tokio::spawn(async move {
                let _permit = pool.take(owner).await.unwrap();
                served.lock().unwrap().push(owner);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*served.lock().unwrap(), [A, B, A, B, A, A]);
    }

    #[tokio::test]
    async fn a_crowd_is_refused() {
        let pool = FairPool::new(1, 1, 1);
        let _held = pool.take(A).await.unwrap();
        let mut waits = Box::pin(pool.take(A));
        assert!((&mut waits).now_or_never().is_none());
        assert!(matches!(pool.take(A).await, Err(Crowded)));
    }
}
