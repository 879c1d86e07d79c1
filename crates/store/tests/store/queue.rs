//! The queue: committed with the rows it is about, and a real worker takes it up.

use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{BoxDynError, Data, WorkerBuilder};
use serde_json::Value;
use store::queue::{self, QueueName, QueuePool, WakeUp};
use store::runs::{self, NewRun, RunInsert};
use store::{StoreError, db};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::support::{Fixture, count, execute, new_member, new_tenant, new_workspace};

fn wake_up(wake_seq: i32) -> WakeUp {
    WakeUp {
        run_id: Uuid::from_u128(7),
        wake_seq,
    }
}

#[test]
fn a_wake_up_is_enqueued_once_and_only_with_its_transaction() {
    let mut fixture = Fixture::new();
    let conn = &mut fixture.conn;
    let enqueue = |conn: &mut store::PgConnection, seq| {
        queue::enqueue(conn, QueueName::Promotion, wake_up(seq), Duration::ZERO)
    };
    let rolled_back: Result<(), StoreError> = db::transaction(conn, |conn| {
        enqueue(conn, 0)?;
        Err(StoreError::LastOwner)
    });
    assert!(rolled_back.is_err());
    assert_eq!(count(conn, "apalis.jobs"), 0);
    assert!(enqueue(conn, 0).unwrap());
    assert!(!enqueue(conn, 0).unwrap());
    assert!(enqueue(conn, 1).unwrap());
    assert_eq!(count(conn, "apalis.jobs"), 2);
}

#[test]
fn jobs_of_a_run_are_found_cancelled_and_purged() {
    let mut fixture = Fixture::new();
    let run_id = fixture.queue_run("i1", 0);
    let conn = &mut fixture.conn;
    let delay = Duration::from_mins(1);
    assert!(!queue::has_runnable_job(conn, run_id).unwrap());
    let wake_up = WakeUp {
        run_id,
        wake_seq: 0,
    };
    queue::enqueue(conn, QueueName::Promotion, wake_up, delay).unwrap();
    assert!(queue::has_runnable_job(conn, run_id).unwrap());
    let states = queue::list_queue_states(conn).unwrap();
    assert_eq!(states.len(), 2);
    assert!(states.iter().all(|state| state.waiting_jobs == 0));
    assert_eq!(queue::cancel_jobs(conn, run_id).unwrap(), 1);
    assert!(!queue::has_runnable_job(conn, run_id).unwrap());
    queue::enqueue(conn, QueueName::Promotion, wake_up, delay).unwrap();
    execute(
        conn,
        "UPDATE apalis.jobs SET status = 'Done', done_at = now() - interval '2 days'",
    );
    assert_eq!(queue::purge_terminal(conn, 3 * 24 * 60 * delay).unwrap(), 0);
    assert_eq!(queue::purge_terminal(conn, delay).unwrap(), 1);
}

#[test]
fn payloads_of_others_are_not_wake_ups() {
    let good = serde_json::to_value(wake_up(3)).unwrap();
    assert_eq!(WakeUp::read(&good), Some(wake_up(3)));
    for bad in ["null", "[]", "{\"run_id\": 1}", "\"x\""] {
        let bad: Value = serde_json::from_str(bad).unwrap();
        assert_eq!(WakeUp::read(&bad), None);
    }
    assert_eq!(
        QueueName::of_operation("policy.restore"),
        QueueName::Promotion
    );
    assert_eq!(
        QueueName::of_operation("inventory.sync"),
        QueueName::Inventory
    );
}

async fn handle(
    payload: Value,
    taken: Data<Arc<mpsc::UnboundedSender<WakeUp>>>,
) -> Result<(), BoxDynError> {
    if let Some(wake_up) = WakeUp::read(&payload) {
        taken.send(wake_up)?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_takes_up_its_own_queue_and_leaves_the_other() {
    let mut fixture = Fixture::new();
    let pool = QueuePool::connect(fixture.database.url(), 2);
    let (taken, mut wake_ups) = mpsc::unbounded_channel::<WakeUp>();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let backend = pool.backend(QueueName::Promotion);
    let releaser = backend.releaser();
    let worker = WorkerBuilder::new("test-worker")
        .backend(backend)
        .data(Arc::new(taken))
        .build(handle);
    let running = tokio::spawn(async move {
        let until = async move {
            let _ = stopped.await;
            Ok::<_, std::io::Error>(())
        };
        releaser
            .run_released("test-worker", worker.run_until(until))
            .await
    });
    // Payloads nobody can read stop neither the worker nor the jobs after them.
    execute(
        &mut fixture.conn,
        "INSERT INTO apalis.jobs (id, job_type, job, max_attempts, priority, run_at) \
         VALUES ('01HZZZZZZZZZZZZZZZZZZZZZZ1', 'promotion', convert_to('{\"x\":1}', 'UTF8'), 5, 0, now())",
    );
    for (queue, seq) in [
        (QueueName::Inventory, 9),
        (QueueName::Promotion, 1),
        (QueueName::Promotion, 2),
    ] {
        queue::enqueue(&mut fixture.conn, queue, wake_up(seq), Duration::ZERO).unwrap();
    }
    let mut seen = Vec::new();
    while seen.len() < 2 {
        let next = tokio::time::timeout(Duration::from_secs(20), wake_ups.recv());
        seen.push(next.await.unwrap().unwrap().wake_seq);
    }
    seen.sort_unstable();
    assert_eq!(seen, [1, 2]);
    let _ = stop.send(());
    let ended = running.await.unwrap();
    assert!(ended.outcome.is_ok());
    assert!(ended.released.is_ok());
    assert_eq!(
        count(
            &mut fixture.conn,
            "apalis.jobs WHERE job_type = 'inventory' AND status = 'Pending'"
        ),
        1
    );
}

/// A workspace of its own with so many tenants; each queues one run of this type.
fn queue_runs(fixture: &mut Fixture, name: &str, operation: &str, runs: usize) -> Uuid {
    let conn = &mut fixture.conn;
    let workspace = new_workspace(conn, name);
    let owner = new_member(conn, workspace, &format!("{name}@example.test"), "owner");
    for number in 0..runs {
        let tenant = new_tenant(conn, workspace, &format!("{name} {number}"));
        queue_one(conn, workspace, owner, tenant, operation);
    }
    workspace
}

fn queue_one(
    conn: &mut store::PgConnection,
    workspace: Uuid,
    owner: Uuid,
    tenant: Uuid,
    operation: &str,
) -> Uuid {
    let new = NewRun {
        id: Uuid::now_v7(),
        workspace_id: workspace,
        operation_type: operation.to_owned(),
        tenant_id: tenant,
        source_tenant_id: None,
        identity: Uuid::now_v7().to_string(),
        context: serde_json::json!({}),
        launch_context: None,
        summary_counts: runs::initial_counts(0),
        initiator_user_id: owner,
        initiator_token_id: None,
    };
    let RunInsert::Inserted(run) = runs::insert_run(conn, &new).unwrap() else {
        panic!("not inserted");
    };
    let wake_up = WakeUp {
        run_id: run.id,
        wake_seq: 0,
    };
    queue::enqueue(
        conn,
        QueueName::of_operation(operation),
        wake_up,
        Duration::ZERO,
    )
    .unwrap();
    run.id
}

/// Whose jobs would be claimed next, in the queue's own order.
fn next(conn: &mut store::PgConnection, jobs: i64) -> Vec<(Uuid, String)> {
    use diesel::prelude::*;
    #[derive(QueryableByName)]
    struct Next {
        #[diesel(sql_type = diesel::sql_types::Uuid)]
        workspace_id: Uuid,
        #[diesel(sql_type = diesel::sql_types::Text)]
        operation: String,
    }
    let rows: Vec<Next> = diesel::sql_query(
        "SELECT r.workspace_id, r.type AS operation FROM apalis.jobs j \
         JOIN operation_runs r ON r.id = split_part(j.idempotency_key, ':', 1)::uuid \
         WHERE j.status = 'Pending' ORDER BY j.priority DESC, j.run_at LIMIT $1",
    )
    .bind::<diesel::sql_types::BigInt, _>(jobs)
    .load(conn)
    .unwrap();
    rows.into_iter()
        .map(|row| (row.workspace_id, row.operation))
        .collect()
}

/// The queue's claim of the first job.
fn take_first(conn: &mut store::PgConnection) {
    execute(
        conn,
        "UPDATE apalis.jobs SET status = 'Done', done_at = now() WHERE id = ( \
         SELECT id FROM apalis.jobs WHERE status = 'Pending' ORDER BY priority DESC, run_at LIMIT 1)",
    );
}

#[test]
fn turns_go_round_the_workspaces_however_much_one_of_them_queues() {
    for operation in ["inventory.sync", "promotion.execute"] {
        let mut fixture = Fixture::new();
        let busy = queue_runs(&mut fixture, "busy", operation, 40);
        for _ in 0..5 {
            take_first(&mut fixture.conn);
        }
        let late = queue_runs(&mut fixture, "late", operation, 3);
        let other = queue_runs(&mut fixture, "other", operation, 2);
        let order: Vec<Uuid> = next(&mut fixture.conn, 9)
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        assert_eq!(
            order,
            [busy, late, other, busy, late, other, busy, late, busy]
        );
        // What was begun had its turn: it goes on in the round being claimed, not at the end.
        let conn = &mut fixture.conn;
        let owner = new_member(conn, busy, "again@example.test", "owner");
        let tenant = new_tenant(conn, busy, "again");
        let run = queue_one(conn, busy, owner, tenant, operation);
        execute(
            conn,
            &format!("UPDATE operation_runs SET fence = 1 WHERE id = '{run}'"),
        );
        let again = WakeUp {
            run_id: run,
            wake_seq: 1,
        };
        queue::enqueue(
            conn,
            QueueName::of_operation(operation),
            again,
            Duration::ZERO,
        )
        .unwrap();
        let order: Vec<Uuid> = next(conn, 4).into_iter().map(|(id, _)| id).collect();
        assert_eq!(order.iter().filter(|id| **id == busy).count(), 2);
    }
}

#[test]
fn checks_go_before_syncs_and_do_not_hold_up_another_workspace() {
    let mut fixture = Fixture::new();
    let busy = queue_runs(&mut fixture, "busy", "inventory.sync", 10);
    let conn = &mut fixture.conn;
    let owner = new_member(conn, busy, "checker@example.test", "owner");
    for number in 0..5 {
        let tenant = new_tenant(conn, busy, &format!("checked {number}"));
        queue_one(conn, busy, owner, tenant, "connection.check");
    }
    let late = queue_runs(&mut fixture, "late", "inventory.sync", 1);
    let order = next(&mut fixture.conn, 3);
    assert_eq!(order[0], (busy, "connection.check".to_owned()));
    assert!(order.contains(&(late, "inventory.sync".to_owned())));
}
