//! What a successor reads out of a journal.

use chrono::{DateTime, Utc};
use serde_json::json;
use uuid::Uuid;

use super::*;

const STEP: &str = "create";

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default()
}

fn intent(n: u128) -> Entry {
    Entry::Intent(Intent {
        step: STEP.to_owned(),
        client_request_id: Uuid::from_u128(n),
        method: "POST".to_owned(),
        path: "/x".to_owned(),
        body_hash: "sha256:0".to_owned(),
        known_ids: Vec::new(),
        graph_time: None,
        at: now(),
    })
}

fn result(n: u128, ending: Ending, object_id: Option<&str>) -> Entry {
    Entry::Result(StepResult {
        step: STEP.to_owned(),
        client_request_id: Uuid::from_u128(n),
        ending,
        status: Some(201),
        request_id: Some(format!("r{n}")),
        date: None,
        object_id: object_id.map(str::to_owned),
        approval_code: None,
        approval_expires_at: None,
        error: None,
        at: now(),
    })
}

fn journal(entries: Vec<Entry>) -> Journal {
    let mut journal = Journal::default();
    for entry in entries {
        journal.push(entry);
    }
    journal
}

#[test]
fn an_intent_without_a_result_is_in_doubt() {
    let journal = journal(vec![intent(1)]);
    assert!(matches!(journal.state_of(STEP), StepState::InDoubt(_)));
    assert!(journal.may_have_written());
}

#[test]
fn a_lost_answer_stays_in_doubt() {
    let journal = journal(vec![intent(1), result(1, Ending::Unknown, None)]);
    assert!(matches!(journal.state_of(STEP), StepState::InDoubt(_)));
    assert_eq!(journal.unknowns(STEP), 1);
}

#[test]
fn what_was_not_executed_is_open_again() {
    for ending in [
        Ending::Throttled,
        Ending::NotYet,
        Ending::Unauthorized,
        Ending::Refused,
        Ending::Redirected,
        Ending::ApprovalRequired,
        Ending::NotSent,
    ] {
        let journal = journal(vec![intent(1), result(1, ending, None)]);
        assert_eq!(journal.state_of(STEP), StepState::Open, "{ending:?}");
        assert!(!journal.may_have_written());
    }
}

#[test]
fn done_keeps_its_object_and_its_request_ids() {
    let journal = journal(vec![
        intent(1),
        result(1, Ending::Throttled, None),
        intent(2),
        result(2, Ending::Done, Some("abc")),
    ]);
    assert_eq!(journal.state_of(STEP), StepState::Done);
    assert_eq!(journal.created_id(STEP), Some("abc"));
}

#[test]
fn a_proof_of_absence_opens_the_step_and_is_counted() {
    let journal = journal(vec![
        intent(1),
        result(1, Ending::Unknown, None),
        Entry::ProvedAbsent {
            step: STEP.to_owned(),
            client_request_id: Uuid::from_u128(1),
            at: now(),
        },
    ]);
    assert_eq!(journal.state_of(STEP), StepState::Open);
    assert_eq!(journal.proofs_of_absence(STEP), 1);
}

#[test]
fn an_adopted_object_settles_the_step() {
    let journal = journal(vec![
        intent(1),
        Entry::Adopted {
            step: STEP.to_owned(),
            client_request_id: Uuid::from_u128(1),
            object_id: "found".to_owned(),
            at: now(),
        },
    ]);
    assert_eq!(journal.state_of(STEP), StepState::Done);
    assert_eq!(journal.created_id(STEP), Some("found"));
}

#[test]
fn entries_survive_storage_and_unknown_ones_are_passed_over() {
    let stored = json!([
        serde_json::to_value(intent(1)).unwrap_or_default(),
        {"entry": "from_the_future", "x": 1},
        17,
        serde_json::to_value(result(1, Ending::Done, Some("abc"))).unwrap_or_default(),
    ]);
    let journal = Journal::read(&stored);
    assert_eq!(journal.state_of(STEP), StepState::Done);
    assert_eq!(Journal::read(&json!(null)), Journal::default());
}
