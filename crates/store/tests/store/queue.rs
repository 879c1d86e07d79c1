//! The queue: committed with the rows it is about, and a real worker takes it up.

use std::sync::Arc;
use std::time::Duration;

use apalis::prelude::{BoxDynError, Data, WorkerBuilder};
use serde_json::Value;
use store::queue::{self, QueueName, QueuePool, WakeUp};
use store::{StoreError, db};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::support::{Fixture, count, execute};

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
    let backend = pool.backend(QueueName::Promotion, 2);
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
