//! Leases and fences: no record by a stale holder, no run without somebody to take it up.

use std::time::Duration;

use chrono::Utc;
use serde_json::json;
use store::leases::{self, Claim};
use store::queue::{self, QueueName, WakeUp};
use store::run_items::{self, ItemResult};
use store::{StoreError, lanes, runs, tenants};
use uuid::Uuid;

use crate::support::{Fixture, LEASE, execute};

#[test]
fn a_live_lease_keeps_others_out_and_an_expired_one_does_not() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 1);
    let first = fixture.claim(run, "w1");
    let conn = &mut fixture.conn;
    for worker in ["w2", "w1"] {
        let held = leases::claim_run(conn, run, worker, LEASE).unwrap();
        assert!(matches!(held, Claim::Held { until } if until > Utc::now()));
    }
    fixture.expire(run);
    let second = fixture.claim(run, "w2");
    assert_eq!(second.fence, first.fence + 1);
    let conn = &mut fixture.conn;
    runs::complete_run(conn, &second, "succeeded", None, None).unwrap();
    assert_eq!(
        leases::claim_run(conn, run, "w3", LEASE).unwrap(),
        Claim::Terminal
    );
    assert_eq!(
        leases::claim_run(conn, Uuid::now_v7(), "w3", LEASE).unwrap(),
        Claim::Missing
    );
}

#[test]
fn whoever_lost_the_lease_records_nothing() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 3);
    let stale = fixture.claim(run, "w1");
    run_items::mark_item_writing(&mut fixture.conn, &stale, "s1", &json!({})).unwrap();
    let refused = |fixture: &mut Fixture, when: &str| {
        let conn = &mut fixture.conn;
        let done = ItemResult {
            outcome: "failed".to_owned(),
            ..ItemResult::default()
        };
        let keys = ["s0".to_owned()];
        let results = [
            run_items::mark_item_writing(conn, &stale, "s0", &json!({})),
            run_items::record_intent(conn, &stale, "s1", &json!({})),
            run_items::record_step_result(conn, &stale, "s1", &json!({}), &[], None),
            run_items::mark_item_done(conn, &stale, "s1", &done).map(drop),
            run_items::mark_items_skipped(conn, &stale, &keys, "x", "x").map(drop),
            run_items::mark_pending_skipped(conn, &stale, "x", "x").map(drop),
            run_items::insert_items_held(conn, &stale, &[]),
            leases::renew_lease(conn, &stale, LEASE).map(drop),
            leases::release_lease(conn, &stale),
            leases::set_waiting(conn, &stale, None),
            runs::complete_run(conn, &stale, "failed", None, None),
        ];
        for (number, result) in results.into_iter().enumerate() {
            assert!(
                matches!(result, Err(StoreError::StaleHolder)),
                "{when}: record {number} gave {result:?}"
            );
        }
    };
    fixture.expire(run);
    refused(&mut fixture, "the lease is over and nobody took the run");
    let next = fixture.claim(run, "w2");
    refused(&mut fixture, "another worker took it");
    leases::release_lease(&mut fixture.conn, &next).unwrap();
    let again = fixture.claim(run, "w1");
    refused(&mut fixture, "the same worker took it under a new fence");
    runs::complete_run(&mut fixture.conn, &again, "failed", None, None).unwrap();
    refused(&mut fixture, "the run is over");
}

#[test]
fn fifty_workers_who_claim_at_once_give_one_holder() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 0);
    let claimed: usize = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..50)
            .map(|number| {
                let mut conn = fixture.connect();
                scope.spawn(move || {
                    let name = format!("w{number}");
                    let claim = leases::claim_run(&mut conn, run, &name, LEASE).unwrap();
                    usize::from(matches!(claim, Claim::Claimed(_)))
                })
            })
            .collect();
        claims.into_iter().map(|one| one.join().unwrap()).sum()
    });
    assert_eq!(claimed, 1);
    assert_eq!(runs::load_run(&mut fixture.conn, run).unwrap().fence, 1);
}

#[test]
fn a_renewal_tells_of_a_cancel_and_of_sharers() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 0);
    let sync = fixture.new_run("inventory.sync", "i2");
    runs::insert_run(&mut fixture.conn, &sync).unwrap();
    let holder = fixture.claim(run, "w1");
    let renewed = leases::renew_lease(&mut fixture.conn, &holder, LEASE).unwrap();
    assert!(!renewed.cancel_requested);
    assert_eq!(renewed.sharers, 1);
    fixture.claim(sync.id, "w2");
    runs::request_cancel(&mut fixture.conn, fixture.workspace, run).unwrap();
    let renewed = leases::renew_lease(&mut fixture.conn, &holder, LEASE).unwrap();
    assert!(renewed.cancel_requested);
    assert_eq!(renewed.sharers, 2);
    let target = tenants::find_tenant(&mut fixture.conn, fixture.workspace, fixture.target)
        .unwrap()
        .unwrap();
    assert_eq!(
        leases::count_active_runs_on_tenant(&mut fixture.conn, target.entra_tenant_id).unwrap(),
        2
    );
}

#[test]
fn waiting_is_shown_and_a_claim_ends_it() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 0);
    let holder = fixture.claim(run, "w1");
    let until = Utc::now() + chrono::Duration::seconds(90);
    let conn = &mut fixture.conn;
    leases::set_waiting(conn, &holder, Some(("throttled", until))).unwrap();
    leases::release_lease(conn, &holder).unwrap();
    let row = runs::load_run(conn, run).unwrap();
    assert_eq!(row.waiting_reason.as_deref(), Some("throttled"));
    assert_eq!(leases::bump_wake(conn, run).unwrap(), 1);
    fixture.claim(run, "w2");
    let row = runs::load_run(&mut fixture.conn, run).unwrap();
    assert_eq!(row.waiting_reason, None);
}

fn rescuable(fixture: &mut Fixture) -> usize {
    leases::list_rescuable(&mut fixture.conn, Duration::from_secs(10))
        .unwrap()
        .len()
}

fn wake(fixture: &mut Fixture, run_id: Uuid, wake_seq: i32) {
    let wake_up = WakeUp { run_id, wake_seq };
    queue::enqueue(
        &mut fixture.conn,
        QueueName::Promotion,
        wake_up,
        Duration::from_mins(1),
    )
    .unwrap();
}

#[test]
fn a_run_is_rescued_exactly_when_nothing_else_would_wake_it() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 1);
    assert_eq!(rescuable(&mut fixture), 0, "just queued");
    execute(
        &mut fixture.conn,
        "UPDATE operation_runs SET created_at = now() - interval '1 minute'",
    );
    assert_eq!(rescuable(&mut fixture), 1, "queued long ago without a job");
    wake(&mut fixture, run, 0);
    assert_eq!(rescuable(&mut fixture), 0, "its job waits");
    let holder = fixture.claim(run, "w1");
    execute(
        &mut fixture.conn,
        "UPDATE apalis.jobs SET status = 'Done', done_at = now()",
    );
    assert_eq!(rescuable(&mut fixture), 0, "held");
    fixture.expire(run);
    assert_eq!(rescuable(&mut fixture), 1, "its worker is gone");
    let wake_seq = leases::mark_rescued(&mut fixture.conn, run)
        .unwrap()
        .unwrap();
    wake(&mut fixture, run, wake_seq);
    assert_eq!(rescuable(&mut fixture), 0, "rescued");
    // Its worker was only slow: it cannot come back, but the run can be claimed.
    assert!(leases::renew_lease(&mut fixture.conn, &holder, LEASE).is_err());
    let next = fixture.claim(run, "w2");
    assert_eq!(leases::mark_rescued(&mut fixture.conn, run).unwrap(), None);
    runs::complete_run(&mut fixture.conn, &next, "failed", None, None).unwrap();
    assert_eq!(rescuable(&mut fixture), 0, "over");
    assert_eq!(leases::mark_rescued(&mut fixture.conn, run).unwrap(), None);
}

#[test]
fn a_job_in_dead_hands_does_not_count() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 1);
    wake(&mut fixture, run, 0);
    execute(
        &mut fixture.conn,
        "INSERT INTO apalis.workers (id, worker_type, storage_name) VALUES ('w1', 'promotion', 'x')",
    );
    for status in ["Queued", "Running"] {
        execute(
            &mut fixture.conn,
            &format!("UPDATE apalis.jobs SET status = '{status}', lock_by = 'w1', lock_at = now()"),
        );
        execute(
            &mut fixture.conn,
            "UPDATE apalis.workers SET last_seen = now()",
        );
        execute(
            &mut fixture.conn,
            "UPDATE operation_runs SET created_at = now() - interval '1 minute'",
        );
        assert_eq!(rescuable(&mut fixture), 0, "{status} in living hands");
        execute(
            &mut fixture.conn,
            "UPDATE apalis.workers SET last_seen = now() - interval '1 minute'",
        );
        assert_eq!(rescuable(&mut fixture), 1, "{status} in dead hands");
    }
    // Running by a living worker that lost the run's lease: somebody else must look.
    execute(
        &mut fixture.conn,
        "UPDATE apalis.workers SET last_seen = now()",
    );
    fixture.claim(run, "w1");
    fixture.expire(run);
    assert_eq!(rescuable(&mut fixture), 1);
}

#[test]
fn a_run_that_kills_its_workers_is_given_up() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 3);
    let holder = fixture.claim(run, "w1");
    let conn = &mut fixture.conn;
    run_items::mark_item_writing(conn, &holder, "s0", &json!({})).unwrap();
    assert!(!runs::mark_run_given_up(conn, run, "worker_gave_up", "x").unwrap());
    fixture.expire(run);
    let conn = &mut fixture.conn;
    assert!(runs::mark_run_given_up(conn, run, "worker_gave_up", "x").unwrap());
    let row = runs::load_run(conn, run).unwrap();
    assert_eq!(row.outcome, "failed");
    assert_eq!(row.outcome_reason.as_deref(), Some("worker_gave_up"));
    assert_eq!(row.summary_counts["skipped"], json!(2));
    assert_eq!(row.summary_counts["failed"], json!(1));
}

#[test]
fn a_subject_that_ended_makes_up_for_the_rescues_before_it() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 2);
    for worker in ["w1", "w2", "w3"] {
        fixture.claim(run, worker);
        fixture.expire(run);
        leases::mark_rescued(&mut fixture.conn, run)
            .unwrap()
            .unwrap();
    }
    assert_eq!(runs::load_run(&mut fixture.conn, run).unwrap().rescues, 3);
    let holder = fixture.claim(run, "w4");
    let conn = &mut fixture.conn;
    run_items::mark_item_writing(conn, &holder, "s0", &json!({})).unwrap();
    assert_eq!(runs::load_run(conn, run).unwrap().rescues, 3, "no end yet");
    let failed = ItemResult {
        outcome: "failed".to_owned(),
        ..ItemResult::default()
    };
    run_items::mark_item_done(conn, &holder, "s0", &failed).unwrap();
    assert_eq!(runs::load_run(conn, run).unwrap().rescues, 0);
}

#[test]
fn lane_slots_lie_an_interval_apart_for_everybody() {
    let mut fixture = Fixture::new();
    let tenant = Uuid::now_v7();
    let take = |fixture: &mut Fixture| {
        lanes::take_lane_slot(
            &mut fixture.conn,
            tenant,
            lanes::CONDITIONAL_ACCESS,
            Duration::from_secs(2),
        )
        .unwrap()
    };
    assert_eq!(take(&mut fixture), Duration::ZERO);
    let second = take(&mut fixture);
    assert!(second > Duration::from_millis(1500) && second <= Duration::from_secs(2));
    let third = take(&mut fixture);
    assert!(third > Duration::from_millis(3500) && third <= Duration::from_secs(4));
    lanes::hold_lane(
        &mut fixture.conn,
        tenant,
        lanes::CONDITIONAL_ACCESS,
        Duration::from_mins(1),
    )
    .unwrap();
    assert!(take(&mut fixture) > Duration::from_secs(55));
}
