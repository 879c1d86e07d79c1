//! Workers that die, stand still or are told to stop: the run goes on, nothing twice, nothing lost.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Plan, Stack, TARGET, certificates};
use domain::plan::Action;
use domain::selection::Options;
use serde_json::{Value, json};
use store::controls::{self, NewControl};
use store::{StoreError, memberships, runs};
use uuid::Uuid;

/// A worker process. Killed when dropped.
struct Process(Child);

impl Process {
    fn start(stack: &Stack, more: &[(&str, &str)]) -> Self {
        let url = stack.config.database_url.as_str();
        let graph = stack.sim.base_url();
        let mut command = Command::new(env!("CARGO_BIN_EXE_promotion-worker"));
        command
            .env_clear()
            .env("DATABASE_URL", url)
            .env("PROMOTION_MASTER_KEY", &stack.master_key)
            .env("PROMOTION_GRAPH_URL", graph)
            .env("PROMOTION_LOGIN_URL", graph)
            .env("PROMOTION_LEASE_SECONDS", "3")
            .env("PROMOTION_GRAPH_TIMEOUT_SECONDS", "2")
            .env("PROMOTION_GRAPH_CONDITIONAL_ACCESS_PER_SECOND", "50")
            .env("PROMOTION_GRAPH_WRITES_PER_20S", "5000")
            .env("PROMOTION_GRAPH_READS_PER_20S", "5000")
            .envs(more.iter().copied())
            .stdout(Stdio::null());
        if std::env::var("TEST_LOG").is_err() {
            command.stderr(Stdio::null());
        }
        Self(command.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.0.id().to_string())
            .status()
            .unwrap();
        assert!(sent.success());
    }

    fn wait(&mut self, limit: Duration) -> Option<i32> {
        let deadline = Instant::now() + limit;
        while Instant::now() < deadline {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn synced() -> (Stack, Plan) {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    worker.stop().await;
    let plan = stack.plan(&[], Options::default()).await;
    assert!(plan.subjects.len() > 20);
    (stack, plan)
}

/// Slows every write down, so that a run lasts long enough to be disturbed.
async fn slow_writes(stack: &Stack, ms: u64) {
    stack
        .fault(
            json!({"kind": "slow", "ms": ms, "tenant": TARGET, "times": 100_000,
            "path_regex": "", "method": "POST"}),
        )
        .await;
}

/// A worker that dies between two links of one profile: the next one sets what is missing, and
/// nothing a second time.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_between_two_links_leaves_a_whole_profile() {
    let stack = Stack::start().await;
    certificates::bind_certificates(&stack).await;
    let options = format!("/tenants/{TARGET}/options");
    stack
        .control("PUT", &options, Some(json!({"no_binds": true})))
        .await;
    let worker = stack.worker();
    stack.sync_both().await;
    worker.stop().await;
    let plan = stack
        .plan(&["deviceConfigurations"], Options::default())
        .await;
    let links = "/\\$ref$";
    stack
        .fault(
            json!({"kind": "slow", "ms": 700, "tenant": TARGET, "times": 100,
            "path_regex": links}),
        )
        .await;
    let run = stack.promote(&plan).await;
    let mut first = Process::start(&stack, &[]);
    let deadline = Instant::now() + Duration::from_mins(1);
    let set = |writes: Vec<Value>| {
        let is_link = |write: &&Value| {
            let text = |name: &str| write.get(name).and_then(Value::as_str).unwrap_or_default();
            text("path").ends_with("/$ref") && text("effect") == "updated"
        };
        writes.iter().filter(is_link).count()
    };
    while set(stack.writes(TARGET).await) < 2 {
        assert!(Instant::now() < deadline, "no link was set");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    first.signal("KILL");
    first.wait(Duration::from_secs(5));
    let _second = Process::start(&stack, &[]);
    stack.finished(run).await;
    assert_exactly_once(&stack, &plan, run).await;
    assert_eq!(set(stack.writes(TARGET).await), certificates::LINKS);
    certificates::assert_bound(&stack, TARGET).await;
}

/// Every subject has an outcome, each create stands once in the target.
async fn assert_exactly_once(stack: &Stack, plan: &Plan, run: Uuid) {
    let items = stack.items(run).await;
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert!(bad.is_empty(), "{bad:#?}");
    let mut effects: BTreeMap<(String, String), u32> = BTreeMap::new();
    for write in stack.writes(TARGET).await {
        let text = |name: &str| write.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("effect") == "created" && text("method") == "POST" {
            let body = write.get("body").cloned().unwrap_or_default();
            let name = ["displayName", "name", "locale"]
                .iter()
                .find_map(|property| body.get(property)?.as_str())
                .unwrap_or_default();
            let parent = text("path")
                .rsplit_once('/')
                .map_or("", |(parent, _)| parent);
            let place = format!("{parent}|{}", text("path_template"));
            *effects.entry((place, name.to_owned())).or_default() += 1;
        }
    }
    let twice: Vec<_> = effects.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "{twice:#?}");
    let creates = plan
        .subjects
        .iter()
        .filter(|s| s.action == Action::Create)
        .count();
    assert!(effects.len() >= creates, "{} < {creates}", effects.len());
}

/// Waits until so many more subjects have begun than had at the call, or the run has ended. A database
/// that cannot be reached meanwhile is asked again.
async fn begun(stack: &Stack, run: Uuid, more: usize) {
    let look = move |conn: &mut _| {
        let items = store::run_items::load_items(conn, run)?;
        let ended = runs::load_run(conn, run)?.status == "completed";
        let begun = items.iter().filter(|item| item.attempts > 0).count();
        Ok::<_, StoreError>((begun, ended))
    };
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut first = None;
    loop {
        assert!(
            Instant::now() < deadline,
            "no {more} more subjects have begun"
        );
        if let Ok((count, ended)) = stack.db.run(look).await {
            let first = *first.get_or_insert(count);
            if ended || count >= first + more {
                return;
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_run_is_resumed_and_nothing_is_done_twice() {
    let (stack, plan) = synced().await;
    slow_writes(&stack, 40).await;
    let run = stack.promote(&plan).await;
    for round in 0..4 {
        let mut process = Process::start(&stack, &[]);
        stack
            .wait_for(run, 40, |row| {
                row.status == "completed" || row.lease_holder.is_some()
            })
            .await;
        begun(&stack, run, 2 + round).await;
        process.signal("KILL");
        process.wait(Duration::from_secs(5));
    }
    let _last = Process::start(&stack, &[]);
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "succeeded", "{row:#?}");
    assert_exactly_once(&stack, &plan, run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_that_wakes_up_late_records_nothing_more() {
    let (stack, plan) = synced().await;
    slow_writes(&stack, 60).await;
    let run = stack.promote(&plan).await;
    let sleeper = Process::start(&stack, &[]);
    stack
        .wait_for(run, 20, |row| row.lease_holder.is_some())
        .await;
    begun(&stack, run, 3).await;
    sleeper.signal("STOP");
    let stopped = Instant::now();
    let held = stack.run(run).await;
    let _successor = Process::start(&stack, &[]);
    stack
        .wait_for(run, 20, |row| {
            row.fence > held.fence && row.lease_holder.is_some()
        })
        .await;
    assert!(
        stopped.elapsed() < Duration::from_secs(13),
        "{:?}",
        stopped.elapsed()
    );
    sleeper.signal("CONT");
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "succeeded", "{row:#?}");
    assert_exactly_once(&stack, &plan, run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_releases_the_run_to_another_worker() {
    let (stack, plan) = synced().await;
    slow_writes(&stack, 60).await;
    let run = stack.promote(&plan).await;
    let mut first = Process::start(&stack, &[]);
    stack
        .wait_for(run, 20, |row| row.lease_holder.is_some())
        .await;
    begun(&stack, run, 3).await;
    let asked = Instant::now();
    first.signal("TERM");
    assert_eq!(first.wait(Duration::from_secs(29)), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(29));
    let released = stack.run(run).await;
    assert_eq!(released.status, "running");
    assert!(released.lease_holder.is_none(), "{released:#?}");
    let _second = Process::start(&stack, &[]);
    let row = stack.finished(run).await;
    assert_eq!((row.outcome.as_str(), row.rescues), ("succeeded", 0));
    assert_exactly_once(&stack, &plan, run).await;
}

/// Starts a run with slow writes, stops it by `stop`, checks that no subject begins a second later.
async fn stopped_by<F>(stop: F) -> (store::runs::RunRow, Vec<store::run_items::ItemRow>)
where
    F: AsyncFnOnce(&Stack, Uuid),
{
    let (stack, plan) = synced().await;
    slow_writes(&stack, 150).await;
    let worker = stack.worker();
    let run = stack.promote(&plan).await;
    stack
        .wait_for(run, 20, |row| {
            row.summary_counts.get("processed").and_then(Value::as_u64) > Some(3)
        })
        .await;
    stop(&stack, run).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = |items: &[store::run_items::ItemRow]| {
        let begun = items.iter().filter(|item| item.attempts > 0);
        begun.map(|item| item.position).collect::<Vec<_>>()
    };
    let before = begun(&stack.items(run).await);
    let row = stack.finished(run).await;
    // Its last task has ended by then, too.
    worker.stop().await;
    let items = stack.items(run).await;
    assert_eq!(begun(&items), before, "a subject began after the stop");
    assert!(
        items
            .iter()
            .all(|i| !matches!(i.outcome.as_str(), "pending" | "writing"))
    );
    assert!(items.iter().any(|i| i.outcome == "succeeded"));
    (row, items)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_stops_within_a_second() {
    let (row, items) = stopped_by(async |stack: &Stack, run| {
        let workspace = stack.workspace_id;
        stack
            .db
            .transaction(move |conn| runs::request_cancel(conn, workspace, run))
            .await
            .unwrap();
    })
    .await;
    assert_eq!(
        (row.outcome.as_str(), row.outcome_reason.as_deref()),
        ("cancelled", Some("cancelled"))
    );
    assert!(
        items
            .iter()
            .any(|i| i.outcome == "skipped" && i.reason_code.as_deref() == Some("cancelled"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_operation_stops_within_a_second() {
    let (row, items) = stopped_by(async |stack: &Stack, _run| {
        let new = NewControl {
            id: Uuid::now_v7(),
            operation_type: "promotion.execute".to_owned(),
            workspace_id: Some(stack.workspace_id),
            tenant_id: Some(stack.target_id),
            paused: true,
            reason: "test".to_owned(),
            changed_by: Some(stack.user_id),
        };
        stack
            .db
            .transaction(move |conn| controls::put_control(conn, &new).map(drop))
            .await
            .unwrap();
    })
    .await;
    assert_eq!(
        (row.outcome.as_str(), row.outcome_reason.as_deref()),
        ("partially_succeeded", Some("control_paused"))
    );
    assert!(
        items
            .iter()
            .any(|i| i.reason_code.as_deref() == Some("control_paused"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requester_without_the_right_stops_the_run() {
    let (row, items) = stopped_by(async |stack: &Stack, _run| {
        let (workspace, user) = (stack.workspace_id, stack.user_id);
        stack
            .db
            .transaction(move |conn| {
                let other =
                    store::users::find_or_insert_person(conn, Uuid::now_v7(), "other@example.com")?;
                memberships::insert_member(conn, workspace, other.id, "owner", "Other")?;
                memberships::change_member_role(conn, workspace, user, "readonly")?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    })
    .await;
    assert_eq!(row.outcome_reason.as_deref(), Some("requester_revoked"));
    assert!(
        items
            .iter()
            .any(|i| i.reason_code.as_deref() == Some("requester_revoked"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_survives_the_loss_of_every_database_connection() {
    if Command::new("psql").arg("--version").output().is_err() {
        eprintln!("skipped: psql is not on the PATH");
        return;
    }
    let (stack, plan) = synced().await;
    slow_writes(&stack, 40).await;
    let worker = stack.worker();
    let run = stack.promote(&plan).await;
    let mut killer = stack.admin_url.clone();
    killer.push_str(if killer.contains('?') {
        "&application_name=killer"
    } else {
        "?application_name=killer"
    });
    for _ in 0..3 {
        begun(&stack, run, 2).await;
        let cut = Command::new("psql")
            .arg(&killer)
            .args(["-qAtc", "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"])
            .output()
            .unwrap();
        assert!(cut.status.success(), "{cut:?}");
    }
    let row = loop {
        // The test's own connections were cut too.
        let id = run;
        match stack.db.run(move |conn| runs::load_run(conn, id)).await {
            Ok(row) if row.status == "completed" => break row,
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    assert_eq!(row.outcome, "succeeded", "{row:#?}");
    assert_exactly_once(&stack, &plan, run).await;
    worker.stop().await;
}

#[test]
fn a_missing_variable_ends_the_process_with_code_2_and_one_line() {
    for (name, value) in [
        ("DATABASE_URL", ""),
        ("PROMOTION_MASTER_KEY", ""),
        ("PROMOTION_LEASE_SECONDS", "soon"),
        ("PROMOTION_GRAPH_URL", "http://graph.example.com"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_promotion-worker"))
            .env_clear()
            .env("DATABASE_URL", "postgres://127.0.0.1:1/x")
            .env(
                "PROMOTION_MASTER_KEY",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
            )
            .env(name, value)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{name}");
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(name), "{text}");
    }
}
