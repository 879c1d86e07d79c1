//! Budgets: windows, shares, holds, the lane, and who waits for whom.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing test may panic"
)]

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::lane::in_process_lane;

fn budget(reads: u32, writes: u32) -> Arc<Budget> {
    let limits = BudgetLimits {
        reads_per_window: reads,
        writes_per_window: writes,
        ..BudgetLimits::default()
    };
    Arc::new(Budget::new(limits, in_process_lane()))
}

const FAMILY: ResourceFamily = ResourceFamily::DeviceConfiguration;

/// The most moments that any half-open window of 20 s holds.
fn densest(moments: &[Instant]) -> usize {
    moments
        .iter()
        .map(|start| {
            moments
                .iter()
                .filter(|moment| *moment >= start && **moment < *start + WINDOW)
                .count()
        })
        .max()
        .unwrap_or(0)
}

/// Sends `count` requests from concurrent tasks; each takes `latency` to be answered, and reaches
/// Graph somewhere in between. Returns the moments at which they reached it.
async fn send_all(
    budget: &Arc<Budget>,
    tenant: Uuid,
    direction: Direction,
    count: u32,
    latency: Duration,
) -> Vec<Instant> {
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..count {
        let budget = Arc::clone(budget);
        tasks.spawn(async move {
            let context = CallContext::default();
            let mut permit = budget
                .admit(tenant, FAMILY, direction, &context)
                .await
                .unwrap();
            permit.sent();
            let there = latency.mul_f64(f64::from(index % 10) / 10.0);
            tokio::time::sleep(there).await;
            let moment = Instant::now();
            tokio::time::sleep(latency.saturating_sub(there)).await;
            moment
        });
    }
    tasks.join_all().await
}

#[tokio::test(start_paused = true)]
async fn a_burst_uses_the_allowance_and_no_window_holds_more() {
    let budget = budget(950, 95);
    let tenant = Uuid::new_v4();
    let begun = Instant::now();
    let latency = Duration::from_millis(800);
    let moments = send_all(&budget, tenant, Direction::Write, 300, latency).await;
    assert_eq!(moments.len(), 300);
    assert_eq!(densest(&moments), 95);
    let burst = moments
        .iter()
        .filter(|moment| **moment < begun + Duration::from_secs(1))
        .count();
    assert_eq!(burst, 95, "the whole allowance at once");
    // Four windows: the last begins at three times (window + latency).
    assert!(begun.elapsed() < Duration::from_secs(64));
}

#[tokio::test(start_paused = true)]
async fn writes_count_as_requests_too() {
    let budget = budget(10, 8);
    let tenant = Uuid::new_v4();
    let zero = Duration::ZERO;
    let mut moments = send_all(&budget, tenant, Direction::Write, 8, zero).await;
    moments.extend(send_all(&budget, tenant, Direction::Read, 8, zero).await);
    assert_eq!(densest(&moments), 10);
}

#[tokio::test(start_paused = true)]
async fn tenants_and_families_do_not_share() {
    let budget = budget(1, 1);
    let begun = Instant::now();
    for tenant in [Uuid::new_v4(), Uuid::new_v4()] {
        for family in [ResourceFamily::Apps, ResourceFamily::Directory] {
            budget
                .admit(tenant, family, Direction::Write, &CallContext::default())
                .await
                .unwrap()
                .sent();
        }
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_share_can_change_while_running() {
    let budget = budget(100, 40);
    let tenant = Uuid::new_v4();
    budget.set_share(tenant, 1, 4);
    let moments = send_all(&budget, tenant, Direction::Write, 20, Duration::ZERO).await;
    assert_eq!(densest(&moments), 10);
    tokio::time::advance(WINDOW).await;
    budget.set_share(tenant, 1, 1);
    let moments = send_all(&budget, tenant, Direction::Write, 40, Duration::ZERO).await;
    assert_eq!(densest(&moments), 40);
    budget.set_share(tenant, 0, 0);
}

#[tokio::test(start_paused = true)]
async fn an_unused_permit_costs_nothing() {
    let budget = budget(1, 1);
    let tenant = Uuid::new_v4();
    let begun = Instant::now();
    for _ in 0..50 {
        let context = CallContext::default();
        let permit = budget
            .admit(tenant, FAMILY, Direction::Write, &context)
            .await;
        drop(permit.unwrap());
    }
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn waits_are_visible_and_end_at_the_stop_or_the_deadline() {
    let budget = budget(1, 1);
    let tenant = Uuid::new_v4();
    let seen = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&seen);
    let context = CallContext {
        on_wait: Some(Arc::new(move |wait| {
            assert_eq!(wait.reason, WaitReason::Budget);
            counter.fetch_add(1, Ordering::SeqCst);
        })),
        ..CallContext::default()
    };
    let first = budget
        .admit(tenant, FAMILY, Direction::Read, &context)
        .await;
    let mut first = first.unwrap();
    first.sent();
    drop(first);
    assert_eq!(seen.load(Ordering::SeqCst), 0);

    let hurried = CallContext {
        deadline: Some(Instant::now() + Duration::from_secs(5)),
        ..context.clone()
    };
    let late = budget
        .admit(tenant, FAMILY, Direction::Read, &hurried)
        .await;
    assert!(matches!(
        late,
        Err(AdmitError::Interrupted(Interrupted::Deadline(_)))
    ));

    let stop = context.stop.clone();
    let begun = Instant::now();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stop.cancel();
    });
    let stopped = budget
        .admit(tenant, FAMILY, Direction::Read, &context)
        .await;
    assert!(matches!(
        stopped,
        Err(AdmitError::Interrupted(Interrupted::Stopped))
    ));
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hold_delays_everybody_and_a_long_one_is_handed_back() {
    let budget = budget(100, 100);
    let tenant = Uuid::new_v4();
    let context = CallContext::default();
    let begun = Instant::now();
    budget.hold(tenant, FAMILY, begun + Duration::from_secs(7));
    budget.hold(tenant, FAMILY, begun + Duration::from_secs(3));
    let permit = budget
        .admit(tenant, FAMILY, Direction::Write, &context)
        .await;
    drop(permit.unwrap());
    assert!(begun.elapsed() >= Duration::from_secs(7));
    budget.hold(tenant, FAMILY, Instant::now() + Duration::from_secs(31));
    let parked = budget
        .admit(tenant, FAMILY, Direction::Write, &context)
        .await;
    assert!(matches!(
        parked,
        Err(AdmitError::Interrupted(Interrupted::TooLong(_)))
    ));
}

#[tokio::test(start_paused = true)]
async fn conditional_access_goes_one_by_one() {
    let budget = budget(950, 95);
    let tenant = Uuid::new_v4();
    let mut moments = Vec::new();
    for _ in 0..5 {
        let context = CallContext::default();
        budget
            .admit(
                tenant,
                ResourceFamily::ConditionalAccess,
                Direction::Read,
                &context,
            )
            .await
            .unwrap()
            .sent();
        moments.push(Instant::now());
    }
    for pair in moments.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(1_250));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_cannot_be_asked_sends_nothing() {
    let lane: LaneGate =
        Arc::new(|_, _| Box::pin(async { Err(LaneError("database away".to_owned())) }));
    let budget = Budget::new(BudgetLimits::default(), lane);
    let refused = budget
        .admit(
            Uuid::new_v4(),
            ResourceFamily::ConditionalAccess,
            Direction::Write,
            &CallContext::default(),
        )
        .await;
    assert!(matches!(refused, Err(AdmitError::Lane(_))));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(48))]

    /// Whatever the arrivals, latencies and share changes: no window of 20 s, as Graph sees it,
    /// holds more than the allowance, and everybody is served.
    #[test]
    fn no_window_ever_holds_more(
        allowance in 1_u32..12,
        calls in proptest::collection::vec((0_u64..50_000, 0_u64..6_000, 0_u64..100), 1..60),
        halved_at in proptest::option::of(0_u64..60_000),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let count = calls.len();
        let moments = runtime.block_on(async move {
            let budget = budget(1_000, allowance);
            let tenant = Uuid::new_v4();
            let mut tasks = tokio::task::JoinSet::new();
            for (arrival, latency, percent) in calls {
                let budget = Arc::clone(&budget);
                tasks.spawn(async move {
                    tokio::time::sleep(Duration::from_millis(arrival)).await;
                    let context = CallContext::default();
                    let mut permit = budget
                        .admit(tenant, FAMILY, Direction::Write, &context)
                        .await
                        .unwrap();
                    permit.sent();
                    let there = latency * percent / 100;
                    tokio::time::sleep(Duration::from_millis(there)).await;
                    let moment = Instant::now();
                    tokio::time::sleep(Duration::from_millis(latency - there)).await;
                    moment
                });
            }
            if let Some(halved_at) = halved_at {
                tokio::time::sleep(Duration::from_millis(halved_at)).await;
                budget.set_share(tenant, 1, 2);
            }
            tasks.join_all().await
        });
        proptest::prop_assert_eq!(moments.len(), count);
        proptest::prop_assert!(densest(&moments) <= allowance as usize);
    }
}
