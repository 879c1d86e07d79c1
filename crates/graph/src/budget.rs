//! Decides when a request may be sent to a tenant.
//!
//! Microsoft documents 1,000 requests and 100 writes per 20 seconds, application, tenant and Intune
//! resource family; a burst may use the whole allowance, but no 20 s window may ever hold more. A
//! request counts from when it is sent until 20 s after its answer, so that the time on the way
//! cannot push two bursts into one of Graph's windows. Conditional Access has one request per
//! second per tenant for *all* applications and therefore its own lane, leased outside this
//! process when the caller says so. It must not know what a request does.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::model::ResourceFamily;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock;
use crate::lane::{LaneError, LaneGate};
use crate::retry_after::PARK_AFTER;
use crate::wait::{CallContext, Interrupted, WaitReason};

/// The sliding window Microsoft documents.
pub const WINDOW: Duration = Duration::from_secs(20);

/// What one process may use of a tenant's allowance, per resource family.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetLimits {
    /// Requests of any kind per window.
    pub reads_per_window: u32,
    /// Writes per window (they count as requests too).
    pub writes_per_window: u32,
    /// Requests per second in the Conditional Access lane.
    pub conditional_access_per_second: f64,
}

impl Default for BudgetLimits {
    fn default() -> Self {
        Self {
            reads_per_window: 950,
            writes_per_window: 95,
            conditional_access_per_second: 0.8,
        }
    }
}

impl BudgetLimits {
    /// Time between two requests of the Conditional Access lane.
    pub fn lane_interval(&self) -> Duration {
        let rate = self.conditional_access_per_second;
        if rate.is_finite() && rate > 0.001 {
            return Duration::from_secs_f64(rate.recip());
        }
        Duration::from_secs(1_000)
    }
}

/// Whether a request changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// GET.
    Read,
    /// Everything else.
    Write,
}

/// Whose allowance a request counts in: the registration's (another one's requests and its throttling
/// never hold it back here). The lane is the Entra tenant's, as Graph counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payer {
    /// See [`crate::TenantConnection::registered_as`].
    pub registration: Uuid,
    /// The Entra tenant.
    pub tenant_id: Uuid,
}

impl From<Uuid> for Payer {
    fn from(tenant_id: Uuid) -> Self {
        Self {
            registration: tenant_id,
            tenant_id,
        }
    }
}

/// Which part of a tenant's allowance is ours: `mine` of `active` pieces of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Share {
    mine: u32,
    active: u32,
}

/// The budgets of all registrations in this process.
pub struct Budget {
    limits: BudgetLimits,
    lane: LaneGate,
    families: Mutex<HashMap<(Uuid, ResourceFamily), Arc<Family>>>,
    shares: Mutex<HashMap<Uuid, Share>>,
}

/// Leave to send one request. Dropped unused it gives the place back.
#[derive(Debug)]
pub struct Permit {
    tickets: Vec<Ticket>,
}

impl Permit {
    /// Marks the request as sent: from here on it counts until a window after the drop.
    pub(crate) fn sent(&mut self) {
        for ticket in &mut self.tickets {
            ticket.used = true;
        }
    }
}

#[derive(Debug)]
struct Ticket {
    window: Arc<Window>,
    used: bool,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = lock(&self.window.state);
        state.in_flight = state.in_flight.saturating_sub(1);
        if self.used {
            state.finished.push_back(Instant::now());
        }
        drop(state);
        self.window.changed.notify_one();
    }
}

#[derive(Debug)]
struct Family {
    any: Arc<Window>,
    writes: Arc<Window>,
    /// Graph asked for patience until then.
    held_until: Mutex<Option<Instant>>,
}

/// One sliding window. Waiters pass a turnstile in order of arrival.
#[derive(Debug)]
struct Window {
    limit: u32,
    turnstile: tokio::sync::Mutex<()>,
    changed: Notify,
    state: Mutex<WindowState>,
}

#[derive(Debug, Default)]
struct WindowState {
    in_flight: usize,
    finished: VecDeque<Instant>,
}

impl Window {
    fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self {
            limit: limit.max(1),
            turnstile: tokio::sync::Mutex::new(()),
            changed: Notify::new(),
            state: Mutex::default(),
        })
    }

    /// A place now, or when to look again (`None`: when something changes).
    fn try_take(&self, share: Share) -> Result<(), Option<Instant>> {
        let allowed = u64::from(self.limit) * u64::from(share.mine) / u64::from(share.active);
        let allowed = usize::try_from(allowed.max(1)).unwrap_or(usize::MAX);
        let now = Instant::now();
        let mut state = lock(&self.state);
        while state
            .finished
            .front()
            .is_some_and(|finished| *finished + WINDOW <= now)
        {
            state.finished.pop_front();
        }
        let used = state.in_flight + state.finished.len();
        if used < allowed {
            state.in_flight += 1;
            return Ok(());
        }
        // The moment at which enough of the finished ones have left the window.
        let surplus = used - allowed;
        Err(state
            .finished
            .get(surplus)
            .map(|finished| *finished + WINDOW))
    }
}

impl Budget {
    /// Budgets with these limits; the lane spaces Conditional Access requests.
    pub fn new(limits: BudgetLimits, lane: LaneGate) -> Self {
        Self {
            limits,
            lane,
            families: Mutex::default(),
            shares: Mutex::default(),
        }
    }

    /// Sets this process's share for a registration: it works on `mine` of the `active` runs that all
    /// processes together have on it. Takes effect for the next request; zeros count as one.
    pub fn set_share(&self, registration: Uuid, mine: u32, active: u32) {
        let mine = mine.max(1);
        let share = Share {
            mine,
            active: active.max(mine),
        };
        let mut shares = lock(&self.shares);
        if share.mine == share.active {
            shares.remove(&registration);
        } else {
            shares.insert(registration, share);
        }
        drop(shares);
        for ((whose, _), family) in lock(&self.families).iter() {
            if *whose == registration {
                family.any.changed.notify_one();
                family.writes.changed.notify_one();
            }
        }
    }

    /// Holds a registration's family back, because Graph asked for patience. Never shortens a hold.
    pub(crate) fn hold(&self, registration: Uuid, family: ResourceFamily, until: Instant) {
        let family = self.family(registration, family);
        let mut held = lock(&family.held_until);
        *held = Some(held.map_or(until, |current| current.max(until)));
    }

    /// Waits for leave to send one request.
    pub(crate) async fn admit(
        &self,
        payer: impl Into<Payer>,
        family: ResourceFamily,
        direction: Direction,
        context: &CallContext,
    ) -> Result<Permit, AdmitError> {
        context.check()?;
        let payer = payer.into();
        let tenant_id = payer.tenant_id;
        let budgets = self.family(payer.registration, family);
        let mut tickets = Vec::with_capacity(2);
        if family == ResourceFamily::ConditionalAccess {
            self.pass_hold(&budgets, tenant_id, family, context).await?;
            self.pass_lane(tenant_id, context).await?;
            return Ok(Permit { tickets });
        }
        if direction == Direction::Write {
            tickets.push(self.take(&budgets.writes, payer, family, context).await?);
        }
        tickets.push(self.take(&budgets.any, payer, family, context).await?);
        self.pass_hold(&budgets, tenant_id, family, context).await?;
        Ok(Permit { tickets })
    }

    async fn take(
        &self,
        window: &Arc<Window>,
        payer: Payer,
        family: ResourceFamily,
        context: &CallContext,
    ) -> Result<Ticket, Interrupted> {
        let _turn = tokio::select! {
            biased;
            () = context.stop.cancelled() => return Err(Interrupted::Stopped),
            late = context.deadline_passed() => return Err(late),
            turn = window.turnstile.lock() => turn,
        };
        let mut announced = None;
        loop {
            let changed = window.changed.notified();
            let until = match window.try_take(self.share(payer.registration)) {
                Ok(()) => {
                    return Ok(Ticket {
                        window: Arc::clone(window),
                        used: false,
                    });
                }
                Err(until) => until.unwrap_or_else(|| Instant::now() + WINDOW),
            };
            if announced.is_none_or(|announced| until > announced + Duration::from_secs(1)) {
                context.announce(payer.tenant_id, family, WaitReason::Budget, until)?;
                announced = Some(until);
            }
            tokio::select! {
                () = changed => {}
                slept = context.sleep_until(until) => slept?,
            }
        }
    }

    async fn pass_hold(
        &self,
        budgets: &Family,
        tenant_id: Uuid,
        family: ResourceFamily,
        context: &CallContext,
    ) -> Result<(), Interrupted> {
        loop {
            let held = *lock(&budgets.held_until);
            let Some(until) = held.filter(|until| *until > Instant::now()) else {
                return Ok(());
            };
            if until > Instant::now() + PARK_AFTER {
                return Err(Interrupted::TooLong(clock::wall(until)));
            }
            context.announce(tenant_id, family, WaitReason::Throttled, until)?;
            context.sleep_until(until).await?;
        }
    }

    async fn pass_lane(&self, tenant_id: Uuid, context: &CallContext) -> Result<(), AdmitError> {
        let asked = (self.lane)(tenant_id, self.limits.lane_interval());
        let wait = tokio::select! {
            biased;
            () = context.stop.cancelled() => return Err(Interrupted::Stopped.into()),
            wait = asked => wait?,
        };
        if wait.is_zero() {
            return Ok(context.check()?);
        }
        let until = Instant::now() + wait;
        let family = ResourceFamily::ConditionalAccess;
        context.announce(tenant_id, family, WaitReason::Lane, until)?;
        Ok(context.sleep_until(until).await?)
    }

    fn share(&self, registration: Uuid) -> Share {
        lock(&self.shares)
            .get(&registration)
            .copied()
            .unwrap_or(Share { mine: 1, active: 1 })
    }

    fn family(&self, registration: Uuid, family: ResourceFamily) -> Arc<Family> {
        let mut families = lock(&self.families);
        let entry = families.entry((registration, family)).or_insert_with(|| {
            Arc::new(Family {
                any: Window::new(self.limits.reads_per_window),
                writes: Window::new(self.limits.writes_per_window),
                held_until: Mutex::new(None),
            })
        });
        Arc::clone(entry)
    }
}

/// Why no leave was given. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AdmitError {
    /// The wait was refused or ended.
    #[error("interrupted")]
    Interrupted(Interrupted),
    /// The lane could not be asked.
    #[error(transparent)]
    Lane(#[from] LaneError),
}

impl From<Interrupted> for AdmitError {
    fn from(interrupted: Interrupted) -> Self {
        Self::Interrupted(interrupted)
    }
}

/// Locks, whatever a panicking holder did: the state is a set of counters, valid at every point.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "budget_test.rs"]
mod tests;
