//! Stops in the middle of a run: what was begun comes to its verified end, what was not is skipped,
//! and no run waits for Graph with a stop standing.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::{Duration, Instant};

use crate::support::{Plan, Stack, TARGET};
use domain::plan::Action;
use domain::selection::{Carry, Options};
use domain::subject::SubjectState;
use serde_json::{Value, json};
use store::controls::{self, NewControl};
use store::run_items::ItemRow;
use store::{StoreError, memberships, runs};
use uuid::Uuid;

const CATALOG: &str = "configurationPolicies";
const CREATE: &str = "/configurationPolicies(\\?|$)";
const ASSIGN: &str = "/assign$";

fn mapped() -> Options {
    Options {
        assignments: Carry::Map,
        scope_tags: Carry::Map,
        ..Options::default()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Button {
    Cancel,
    Pause,
    Revoke,
}

impl Button {
    const fn code(self) -> &'static str {
        match self {
            Self::Cancel => "cancelled",
            Self::Pause => "control_paused",
            Self::Revoke => "requester_revoked",
        }
    }

    /// As the API presses it, but for waking a run: that is the worker's business, too.
    async fn press(self, stack: &Stack, run: Uuid) {
        let (workspace, user, target) = (stack.workspace_id, stack.user_id, stack.target_id);
        stack
            .db
            .transaction(move |conn| match self {
                Self::Cancel => runs::request_cancel(conn, workspace, run).map(drop),
                Self::Pause => put_control(conn, workspace, target, user, true),
                Self::Revoke => {
                    let other = store::users::find_or_insert_person(
                        conn,
                        Uuid::now_v7(),
                        "other@example.com",
                    )?;
                    memberships::insert_member(conn, workspace, other.id, "owner", "Other")?;
                    memberships::change_member_role(conn, workspace, user, "readonly")?;
                    Ok(())
                }
            })
            .await
            .unwrap();
    }
}

fn put_control(
    conn: &mut store::PgConnection,
    workspace: Uuid,
    target: Uuid,
    user: Uuid,
    paused: bool,
) -> Result<(), StoreError> {
    let new = NewControl {
        id: Uuid::now_v7(),
        operation_type: "promotion.execute".to_owned(),
        workspace_id: Some(workspace),
        tenant_id: Some(target),
        paused,
        reason: "test".to_owned(),
        changed_by: Some(user),
    };
    controls::put_control(conn, &new).map(drop)
}

async fn planned(types: &[&str], options: Options) -> (Stack, Plan) {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    worker.stop().await;
    let plan = stack.plan(types, options).await;
    assert!(plan.subjects.len() > 1);
    (stack, plan)
}

async fn throttle(stack: &Stack, path: &str, skip: u32, seconds: u32) {
    let fault = json!({"kind": "throttle", "retry_after": seconds, "tenant": TARGET,
        "method": "POST", "path_regex": path, "skip": skip, "times": 1});
    stack.fault(fault).await;
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Waits until a write to a path was refused for load.
async fn refused(stack: &Stack) {
    let deadline = Instant::now() + Duration::from_mins(1);
    let hit = |write: &Value| write.get("status").and_then(Value::as_u64) == Some(429);
    while !stack.writes(TARGET).await.iter().any(hit) {
        assert!(Instant::now() < deadline, "no write was refused");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn of(items: &[ItemRow], outcome: &str) -> Vec<ItemRow> {
    let so = items.iter().filter(|item| item.outcome == outcome);
    so.cloned().collect()
}

fn has_written(item: &ItemRow) -> bool {
    item.journal.to_string().contains("\"done\"")
}

async fn carries_what_was_begun(button: Button, skip: u32) {
    let (stack, plan) = planned(&[], mapped()).await;
    throttle(&stack, ASSIGN, skip, 3).await;
    let worker = stack.worker();
    let run = stack.promote(&plan).await;
    refused(&stack).await;
    button.press(&stack, run).await;
    let row = stack.finished(run).await;
    let items = stack.items(run).await;
    worker.stop().await;
    assert_eq!(
        row.outcome_reason.as_deref(),
        Some(button.code()),
        "{row:#?}"
    );
    let (done, skipped) = (of(&items, "succeeded"), of(&items, "skipped"));
    assert_eq!(done.len() + skipped.len(), items.len(), "{items:#?}");
    assert!(!done.is_empty() && !skipped.is_empty(), "{items:#?}");
    for item in &skipped {
        assert_eq!(
            item.reason_code.as_deref(),
            Some(button.code()),
            "{item:#?}"
        );
        assert!(item.target_external_id.is_none() || item.action == "update");
    }
    // Whatever was begun is whole: the same review finds nothing left to do about it.
    let again = stack.plan(&[], mapped()).await;
    for item in &done {
        let now = again
            .comparison
            .subjects
            .iter()
            .find(|one| one.subject_key == item.subject_key);
        assert_eq!(now.unwrap().state, SubjectState::Match, "{item:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_carries_what_was_begun_to_its_verified_end() {
    carries_what_was_begun(Button::Cancel, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_carries_what_was_begun_to_its_verified_end() {
    carries_what_was_begun(Button::Pause, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_requester_stops_before_the_next_write() {
    let (stack, plan) = planned(&[], mapped()).await;
    throttle(&stack, ASSIGN, 0, 25).await;
    let worker = stack.worker();
    let run = stack.promote(&plan).await;
    refused(&stack).await;
    let begun = Instant::now();
    Button::Revoke.press(&stack, run).await;
    let row = stack.finished(run).await;
    let items = stack.items(run).await;
    worker.stop().await;
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    assert_eq!(row.outcome_reason.as_deref(), Some("requester_revoked"));
    let half = of(&items, "failed");
    assert!(!half.is_empty(), "{items:#?}");
    for item in &half {
        assert_eq!(item.reason_code.as_deref(), Some("requester_revoked"));
        let message = item.message.as_deref().unwrap();
        assert!(message.contains("Not sent: "), "{message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_whose_first_write_was_put_off_is_skipped() {
    for button in [Button::Cancel, Button::Pause, Button::Revoke] {
        let (stack, plan) = planned(&[CATALOG], Options::default()).await;
        throttle(&stack, CREATE, 0, 5).await;
        let worker = stack.worker();
        let run = stack.promote(&plan).await;
        refused(&stack).await;
        button.press(&stack, run).await;
        stack.finished(run).await;
        let items = stack.items(run).await;
        worker.stop().await;
        let put_off: Vec<_> = items.iter().filter(|item| item.attempts > 0).collect();
        assert!(
            put_off.iter().any(|item| item.outcome == "skipped"),
            "{items:#?}"
        );
        for item in of(&items, "skipped") {
            assert_eq!(item.reason_code.as_deref(), Some(button.code()));
        }
        // Those beside it that had written are whole, but for a lost right.
        let half = of(&items, "failed");
        assert!(
            half.is_empty() || button == Button::Revoke,
            "{button:?} {items:#?}"
        );
        assert!(half.iter().all(has_written), "{button:?} {items:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_off_create_that_took_effect_is_found_before_it_is_skipped() {
    let (stack, plan) = planned(&[CATALOG], mapped()).await;
    let worker = stack.worker();
    // Refused for load with a date, and done all the same; then the family is held for a while.
    let fault = json!({"kind": "status_after_effect", "status": 429, "tenant": TARGET,
        "method": "POST", "path_regex": CREATE, "times": 1});
    stack.fault(fault).await;
    let run = stack.promote(&plan).await;
    refused(&stack).await;
    Button::Cancel.press(&stack, run).await;
    stack.finished(run).await;
    let items = stack.items(run).await;
    worker.stop().await;
    let made: Vec<Value> = stack
        .writes(TARGET)
        .await
        .into_iter()
        .filter(|write| text(write, "effect") == "created")
        .collect();
    // Every object that stands has an item that knows it and is not half-made.
    for write in &made {
        let id = text(write, "object_id");
        let owner = items
            .iter()
            .find(|item| item.target_external_id.as_deref() == Some(id));
        assert_eq!(
            owner.map(|item| item.outcome.as_str()),
            Some("succeeded"),
            "{items:#?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_put_aside_is_woken_by_a_stop_and_frees_its_target() {
    for button in [Button::Cancel, Button::Pause, Button::Revoke] {
        let (stack, plan) = planned(&[CATALOG], Options::default()).await;
        throttle(&stack, CREATE, 0, 600).await;
        let worker = stack.worker();
        let run = stack.promote(&plan).await;
        let parked = stack
            .wait_for(run, 60, |row| {
                row.waiting_reason.is_some() && row.lease_holder.is_none()
            })
            .await;
        assert_eq!(parked.waiting_reason.as_deref(), Some("throttled"));
        let pressed = Instant::now();
        button.press(&stack, run).await;
        let row = stack.finished(run).await;
        assert!(
            pressed.elapsed() < Duration::from_secs(10),
            "{button:?} {:?}",
            pressed.elapsed()
        );
        assert_eq!(
            row.outcome_reason.as_deref(),
            Some(button.code()),
            "{row:#?}"
        );
        assert_eq!(row.rescues, 0);
        let items = stack.items(run).await;
        // Those beside it that had written could not be read back in time.
        for item in of(&items, "failed") {
            assert!(has_written(&item), "{item:#?}");
            assert_eq!(
                item.reason_code.as_deref(),
                Some(button.code()),
                "{item:#?}"
            );
        }
        assert!(!of(&items, "skipped").is_empty(), "{items:#?}");
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_graph_holds_up_too_long_ends_with_the_stop_and_the_next_plan_is_the_rest() {
    let (stack, plan) = planned(&[], mapped()).await;
    throttle(&stack, ASSIGN, 0, 600).await;
    let worker = stack.worker();
    let run = stack.promote(&plan).await;
    stack
        .wait_for(run, 60, |row| {
            row.waiting_reason.is_some() && row.lease_holder.is_none()
        })
        .await;
    let pressed = Instant::now();
    Button::Cancel.press(&stack, run).await;
    stack.finished(run).await;
    assert!(
        pressed.elapsed() < Duration::from_secs(20),
        "{:?}",
        pressed.elapsed()
    );
    let items = stack.items(run).await;
    worker.stop().await;
    let half = of(&items, "failed");
    assert!(!half.is_empty(), "{items:#?}");
    for item in &half {
        assert_eq!(item.reason_code.as_deref(), Some("cancelled"), "{item:#?}");
    }
    let message = |item: &ItemRow| item.message.clone().unwrap_or_default();
    let unassigned = half
        .iter()
        .find(|item| message(item).contains("Not sent: the assignments."))
        .unwrap();

    // Without a sync: exactly the rest.
    let rest = stack.plan(&[], mapped()).await;
    let subject = rest
        .subjects
        .iter()
        .find(|one| one.subject_key == unassigned.subject_key)
        .unwrap();
    assert_eq!(subject.action, Action::Update);
    let before = stack.writes(TARGET).await.len();
    let worker = stack.worker();
    let run = stack.promote(&rest).await;
    let row = stack.finished(run).await;
    worker.stop().await;
    assert_eq!(row.outcome, "succeeded", "{:#?}", stack.items(run).await);
    let id = subject.target.as_ref().unwrap().external_id.clone();
    let about: Vec<Value> = stack
        .writes(TARGET)
        .await
        .split_off(before)
        .into_iter()
        .filter(|write| text(write, "path").contains(&id))
        .collect();
    assert_eq!(about.len(), 1, "{about:#?}");
    assert!(
        about
            .iter()
            .all(|write| text(write, "path").ends_with("/assign"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_does_not_know_an_outcome_says_so_and_until_when() {
    let (stack, plan) = planned(&[CATALOG], Options::default()).await;
    let fault = json!({"kind": "cut_before_effect", "tenant": TARGET, "method": "POST",
        "path_regex": CREATE, "times": 1});
    stack.fault(fault).await;
    let worker = stack.worker();
    let run = stack.promote(&plan).await;
    let waits = stack
        .wait_for(run, 60, |row| row.waiting_reason.is_some())
        .await;
    assert_eq!(waits.waiting_reason.as_deref(), Some("outcome_unknown"));
    assert!(
        waits.lease_holder.is_some(),
        "it looks for the object meanwhile"
    );
    let until = waits.waiting_until.unwrap();
    let settled = stack
        .wait_for(run, 60, |row| row.waiting_reason.is_none())
        .await;
    assert!(settled.waiting_until.is_none());
    let late = chrono::Utc::now() - until;
    assert!(late < chrono::Duration::seconds(1), "{late}");
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "succeeded", "{:#?}", stack.items(run).await);
    assert!(row.waiting_reason.is_none());
    worker.stop().await;
}
