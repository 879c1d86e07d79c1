//! Starting, finding and cancelling runs: one per identity, one writer per target.

use std::time::Duration;

use serde_json::json;
use store::idempotency::{self, IdempotencyRow};
use store::page::Before;
use store::queue::{self, QueueName, WakeUp};
use store::runs::{self, CancelResult, RunFilter, RunInsert};
use store::{StoreError, captures, db, notifications, run_items, tenants};
use uuid::Uuid;

use crate::support::{Fixture, capture, count, execute, new_item, new_workspace, store_capture};

#[test]
fn an_identity_runs_once_and_a_target_has_one_writer() {
    let mut fixture = Fixture::new();
    let first = fixture.queue_run("i1", 0);
    let same = fixture.new_run("promotion.execute", "i1");
    let other = fixture.new_run("promotion.execute", "i2");
    let restore = fixture.new_run("policy.restore", "i3");
    let sync = fixture.new_run("inventory.sync", "i4");
    let sync_again = fixture.new_run("inventory.sync", "i5");
    let conn = &mut fixture.conn;
    assert!(matches!(
        runs::insert_run(conn, &same).unwrap(),
        RunInsert::SameIdentity(id) if id == first
    ));
    for busy in [&other, &restore] {
        assert!(matches!(
            runs::insert_run(conn, busy).unwrap(),
            RunInsert::ScopeBusy(id) if id == first
        ));
    }
    assert!(matches!(
        runs::insert_run(conn, &sync).unwrap(),
        RunInsert::Inserted(_)
    ));
    assert!(matches!(
        runs::insert_run(conn, &sync_again).unwrap(),
        RunInsert::ScopeBusy(id) if id == sync.id
    ));
    let holder = fixture.claim(first, "w");
    runs::complete_run(&mut fixture.conn, &holder, "succeeded", None, None).unwrap();
    assert!(matches!(
        runs::insert_run(&mut fixture.conn, &same).unwrap(),
        RunInsert::Inserted(_)
    ));
}

#[test]
fn sixty_four_starts_at_once_give_one_run_and_one_job() {
    let mut fixture = Fixture::new();
    let ws = fixture.workspace;
    let tenants = [fixture.source, fixture.target];
    let results: Vec<bool> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..64)
            .map(|_| {
                let new = fixture.new_run("promotion.execute", "i1");
                let mut conn = fixture.connect();
                scope.spawn(move || {
                    db::transaction(&mut conn, |conn| -> Result<bool, StoreError> {
                        tenants::lock_scope(conn, ws, &tenants)?;
                        let RunInsert::Inserted(run) = runs::insert_run(conn, &new)? else {
                            return Ok(false);
                        };
                        run_items::insert_items(conn, &[new_item(run.id, 0)])?;
                        let wake_up = WakeUp {
                            run_id: run.id,
                            wake_seq: 0,
                        };
                        queue::enqueue(conn, QueueName::Promotion, wake_up, Duration::ZERO)
                    })
                    .unwrap()
                })
            })
            .collect();
        starts.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(results.iter().filter(|queued| **queued).count(), 1);
    assert_eq!(count(&mut fixture.conn, "operation_runs"), 1);
    assert_eq!(count(&mut fixture.conn, "operation_run_items"), 1);
    assert_eq!(count(&mut fixture.conn, "apalis.jobs"), 1);
}

#[test]
fn a_reader_gets_the_context_without_its_subjects() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 0);
    let (ws, conn) = (fixture.workspace, &mut fixture.conn);
    let row = runs::find_run(conn, ws, run).unwrap().unwrap();
    assert_eq!(row.context, json!({"plan_digest": "sha256:x"}));
    assert_eq!(row.initiator_name, "owner@example.test");
    assert_eq!(
        runs::load_run_context(conn, run).unwrap()["subjects"][0]["heavy"],
        json!(true)
    );
    let other = new_workspace(conn, "Other");
    assert!(runs::find_run(conn, other, run).unwrap().is_none());
}

#[test]
fn lists_are_filtered_paged_and_blind_to_hidden_tenants() {
    let mut fixture = Fixture::new();
    for number in 0..5 {
        let run = fixture.queue_run(&format!("i{number}"), 0);
        let holder = fixture.claim(run, "w");
        runs::complete_run(&mut fixture.conn, &holder, "succeeded", None, None).unwrap();
    }
    fixture.queue_run("last", 0);
    execute(
        &mut fixture.conn,
        "UPDATE operation_runs SET created_at = now()",
    );
    let (ws, conn) = (fixture.workspace, &mut fixture.conn);
    let mut ids = Vec::new();
    let mut filter = RunFilter::default();
    loop {
        let page = runs::list_runs(conn, ws, &filter, 4).unwrap();
        ids.extend(page.items.iter().map(|run| run.id));
        if !page.has_more {
            break;
        }
        filter.before = page.items.last().map(|run| Before {
            at: run.created_at,
            id: run.id,
        });
    }
    ids.dedup();
    assert_eq!(ids.len(), 6);
    let mut seen = |filter: RunFilter| runs::list_runs(conn, ws, &filter, 50).unwrap().items.len();
    assert_eq!(
        seen(RunFilter {
            status: Some("completed".to_owned()),
            ..RunFilter::default()
        }),
        5
    );
    assert_eq!(
        seen(RunFilter {
            visible_tenants: Some(vec![fixture.source]),
            ..RunFilter::default()
        }),
        0
    );
    assert_eq!(
        seen(RunFilter {
            operation_type: Some("inventory.sync".to_owned()),
            ..RunFilter::default()
        }),
        0
    );
    assert_eq!(
        runs::count_active_runs(&mut fixture.conn).unwrap(),
        [("promotion.execute".to_owned(), "queued".to_owned(), 1)]
    );
}

#[test]
fn an_unclaimed_run_is_cancelled_at_once_and_frees_its_scope() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 3);
    let (ws, conn) = (fixture.workspace, &mut fixture.conn);
    assert_eq!(
        runs::request_cancel(conn, ws, run).unwrap(),
        CancelResult::CompletedAtOnce
    );
    let row = runs::load_run(conn, run).unwrap();
    assert_eq!(
        (row.status.as_str(), row.outcome.as_str()),
        ("completed", "cancelled")
    );
    assert_eq!(row.summary_counts["skipped"], json!(3));
    assert_eq!(
        runs::request_cancel(conn, ws, run).unwrap(),
        CancelResult::AlreadyCompleted
    );
    assert_eq!(
        runs::request_cancel(conn, Uuid::now_v7(), run).unwrap(),
        CancelResult::Missing
    );
    fixture.queue_run("i1", 0);
}

#[test]
fn a_claimed_run_is_asked_to_stop_and_asking_twice_is_harmless() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 1);
    let holder = fixture.claim(run, "w");
    let (ws, conn) = (fixture.workspace, &mut fixture.conn);
    let first = runs::request_cancel(conn, ws, run).unwrap();
    assert_eq!(
        first,
        CancelResult::Requested {
            held: true,
            first: true
        }
    );
    let revision = runs::load_run(conn, run).unwrap().revision;
    store::leases::release_lease(conn, &holder).unwrap();
    assert_eq!(
        runs::request_cancel(conn, ws, run).unwrap(),
        CancelResult::Requested {
            held: false,
            first: false
        }
    );
    assert_eq!(runs::load_run(conn, run).unwrap().revision, revision);
}

#[test]
fn an_idempotency_key_is_bound_once_per_actor() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 0);
    let row = |hash: &str| IdempotencyRow {
        workspace_id: fixture.workspace,
        user_id: fixture.owner,
        key: "k".to_owned(),
        request_hash: hash.to_owned(),
        operation_run_id: run,
        created_at: chrono::Utc::now(),
    };
    let (first, second) = (row("h1"), row("h2"));
    let conn = &mut fixture.conn;
    assert!(idempotency::insert_idempotency_key(conn, &first).unwrap());
    assert!(!idempotency::insert_idempotency_key(conn, &second).unwrap());
    let found =
        idempotency::find_idempotency_key(conn, fixture.workspace, fixture.owner, "k").unwrap();
    assert_eq!(found.unwrap().request_hash, "h1");
    assert_eq!(
        idempotency::purge_idempotency_keys(conn, Duration::from_mins(1)).unwrap(),
        0
    );
    assert_eq!(
        idempotency::purge_idempotency_keys(conn, Duration::ZERO).unwrap(),
        1
    );
}

#[test]
fn a_run_notifies_its_initiator_once() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 0);
    let (ws, user, conn) = (fixture.workspace, fixture.owner, &mut fixture.conn);
    for title in ["done", "done again"] {
        notifications::insert_notification(conn, Uuid::now_v7(), ws, user, run, title).unwrap();
    }
    let page = notifications::list_notifications(conn, ws, user, None, None, 50).unwrap();
    assert_eq!(page.items.len(), 1);
    let id = page.items[0].id;
    let read = notifications::mark_notification_read(conn, ws, user, None, id).unwrap();
    let again = notifications::mark_notification_read(conn, ws, user, None, id).unwrap();
    assert_eq!(read.read_at, again.read_at);
    assert!(matches!(
        notifications::mark_notification_read(conn, ws, Uuid::now_v7(), None, id),
        Err(StoreError::NotFound("notification"))
    ));
}

#[test]
fn an_earlier_promotion_is_remembered_while_its_target_lives() {
    let mut fixture = Fixture::new();
    let (ws, source, target) = (fixture.workspace, fixture.source, fixture.target);
    let now = chrono::Utc::now();
    let from = capture(ws, source, "a", "h", now);
    let to = capture(ws, target, "b", "h", now);
    let from = store_capture(&mut fixture.conn, &from);
    let to = store_capture(&mut fixture.conn, &to);
    let run = fixture.queue_run("i1", 0);
    let mut item = new_item(run, 0);
    item.source_policy_id = Some(from.policy_id);
    run_items::insert_items(&mut fixture.conn, &[item]).unwrap();
    let holder = fixture.claim(run, "w");
    let done = run_items::ItemResult {
        outcome: "succeeded".to_owned(),
        effect: Some("created".to_owned()),
        target_policy_id: Some(to.policy_id),
        result_version_id: to.version_id,
        ..run_items::ItemResult::default()
    };
    let conn = &mut fixture.conn;
    run_items::mark_item_done(conn, &holder, "s0", &done).unwrap();
    let sources = [from.policy_id, Uuid::now_v7()];
    assert_eq!(
        run_items::find_promoted_targets(conn, target, &sources).unwrap(),
        [(from.policy_id, to.policy_id)]
    );
    let later = now + chrono::Duration::seconds(1);
    assert!(captures::mark_policy_removed(conn, to.policy_id, later).unwrap());
    assert_eq!(
        run_items::find_promoted_targets(conn, target, &sources).unwrap(),
        []
    );
}
