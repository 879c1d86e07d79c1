//! Items: journaled, counted, and only ever along the legal transitions.

use domain::run::ItemOutcome;
use serde_json::json;
use store::StoreError;
use store::run_items::{self, ItemResult};
use store::runs;

use crate::support::Fixture;

fn result(outcome: &str) -> ItemResult {
    ItemResult {
        outcome: outcome.to_owned(),
        effect: (outcome == "succeeded").then(|| "created".to_owned()),
        reason_code: (outcome != "succeeded").then(|| "graph_rejected".to_owned()),
        ..ItemResult::default()
    }
}

#[test]
fn the_journal_grows_in_order_and_readers_see_each_change() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 2);
    let holder = fixture.claim(run, "w");
    let conn = &mut fixture.conn;
    let before = runs::load_run(conn, run).unwrap().revision;
    run_items::mark_item_writing(conn, &holder, "s0", &json!({"step": "create"})).unwrap();
    let ids = ["r1".to_owned()];
    let answer = json!({"status": 201});
    run_items::record_step_result(conn, &holder, "s0", &answer, &ids, Some("ext")).unwrap();
    run_items::record_intent(conn, &holder, "s0", &json!({"step": "assign"})).unwrap();
    let mut done = result("succeeded");
    done.graph_request_ids = vec!["r2".to_owned()];
    done.journal_entry = Some(json!({"verified": true}));
    let counts = run_items::mark_item_done(conn, &holder, "s0", &done).unwrap();
    assert_eq!(
        counts,
        json!({"total": 2, "processed": 1, "succeeded": 1, "failed": 0, "skipped": 0,
               "created": 1, "updated": 0, "unchanged": 0})
    );
    let item = run_items::find_item(conn, run, "s0").unwrap().unwrap();
    assert_eq!(
        item.journal,
        json!([{"step": "create"}, {"status": 201}, {"step": "assign"}, {"verified": true}])
    );
    assert_eq!(item.graph_request_ids, ["r1", "r2"]);
    assert_eq!(item.target_external_id.as_deref(), Some("ext"));
    assert_eq!(item.attempts, 1);
    assert_eq!(runs::load_run(conn, run).unwrap().revision, before + 2);
    let pending = run_items::list_items(conn, run, Some("pending"), None, 50).unwrap();
    assert_eq!(pending.items.len(), 1);
    let after = run_items::list_items(conn, run, None, Some(0), 50).unwrap();
    assert_eq!(after.items[0].subject_key, "s1");
}

#[test]
fn the_table_allows_exactly_the_transitions_of_the_domain() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 24);
    let holder = fixture.claim(run, "w");
    let conn = &mut fixture.conn;
    let mut number = 0;
    for before in ItemOutcome::ALL {
        for after in ItemOutcome::ALL.into_iter().filter(|o| o.is_terminal()) {
            let (from, to) = (before.as_str(), after.as_str());
            let key = format!("s{number}");
            number += 1;
            if from == "writing" || from == "unknown" {
                run_items::mark_item_writing(conn, &holder, &key, &json!({})).unwrap();
            }
            if !matches!(from, "pending" | "writing") {
                run_items::mark_item_done(conn, &holder, &key, &result(from)).unwrap();
            }
            let moved = run_items::mark_item_done(conn, &holder, &key, &result(to));
            assert_eq!(moved.is_ok(), before.may_become(after), "{from} -> {to}");
            if let Err(error) = moved {
                assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
            }
        }
    }
    assert!(matches!(
        run_items::mark_item_writing(conn, &holder, "s8", &json!({})),
        Err(StoreError::Conflict(_))
    ));
    assert!(matches!(
        run_items::record_intent(conn, &holder, "s8", &json!({})),
        Err(StoreError::Conflict(_))
    ));
}

#[test]
fn a_success_without_its_effect_is_refused_by_the_table() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 1);
    let holder = fixture.claim(run, "w");
    let mut bad = result("succeeded");
    bad.effect = None;
    let refused = run_items::mark_item_done(&mut fixture.conn, &holder, "s0", &bad);
    assert!(matches!(refused, Err(StoreError::Check { .. })));
}

#[test]
fn a_stop_skips_what_is_pending_and_leaves_what_is_in_flight() {
    let mut fixture = Fixture::new();
    let run = fixture.queue_run("i1", 4);
    let holder = fixture.claim(run, "w");
    let conn = &mut fixture.conn;
    run_items::mark_item_writing(conn, &holder, "s0", &json!({})).unwrap();
    let keys = ["s0".to_owned(), "s1".to_owned()];
    assert_eq!(
        run_items::mark_items_skipped(conn, &holder, &keys, "dependency_failed", "x").unwrap(),
        1
    );
    assert_eq!(
        run_items::mark_pending_skipped(conn, &holder, "cancelled", "x").unwrap(),
        2
    );
    let item = run_items::find_item(conn, run, "s0").unwrap().unwrap();
    assert_eq!(item.outcome, "writing");
    run_items::mark_item_done(conn, &holder, "s0", &result("unknown")).unwrap();
    runs::complete_run(conn, &holder, "cancelled", Some("cancelled"), None).unwrap();
    let row = runs::load_run(conn, run).unwrap();
    assert_eq!(row.summary_counts["failed"], json!(1));
    assert_eq!(row.summary_counts["skipped"], json!(3));
    assert_eq!(row.summary_counts["processed"], json!(4));
}
