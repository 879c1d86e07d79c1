//! The bridge: transactions, lost races, read views, outages, live events.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use diesel::prelude::*;
use store::dev_cluster::DevCluster;
use store::events::{RunEvent, RunEvents};
use store::{Db, PgConnection, StoreError, runs};

use crate::support::{Fixture, count, execute, new_workspace};

fn run(conn: &mut PgConnection, statement: &str) -> Result<usize, StoreError> {
    Ok(diesel::sql_query(statement).execute(conn)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_rolls_back_and_ok_commits() {
    let mut fixture = Fixture::new();
    let db = Db::connect(fixture.database.url(), 2).unwrap();
    let failed: Result<(), StoreError> = db
        .transaction(|conn| {
            new_workspace(conn, "Lost");
            Err(StoreError::LastOwner)
        })
        .await;
    assert!(matches!(failed, Err(StoreError::LastOwner)));
    assert_eq!(count(&mut fixture.conn, "workspaces"), 1);
    db.transaction(|conn| {
        new_workspace(conn, "Kept");
        Ok::<_, StoreError>(())
    })
    .await
    .unwrap();
    assert_eq!(count(&mut fixture.conn, "workspaces"), 2);
    assert!(db.statement_count() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_run_again_and_both_finish() {
    let mut fixture = Fixture::new();
    execute(
        &mut fixture.conn,
        "CREATE TABLE pairs AS SELECT 1 AS id, 0 AS n UNION ALL SELECT 2, 0",
    );
    let db = Db::connect(fixture.database.url(), 2).unwrap();
    let attempts = Arc::new(AtomicU32::new(0));
    let both = [(1, 2), (2, 1)].map(|(first, second)| {
        let (db, attempts) = (db.clone(), Arc::clone(&attempts));
        tokio::spawn(async move {
            db.transaction(move |conn| {
                attempts.fetch_add(1, Ordering::Relaxed);
                run(
                    conn,
                    &format!("UPDATE pairs SET n = n + 1 WHERE id = {first}"),
                )?;
                std::thread::sleep(Duration::from_millis(300));
                run(
                    conn,
                    &format!("UPDATE pairs SET n = n + 1 WHERE id = {second}"),
                )
            })
            .await
        })
    });
    for one in both {
        one.await.unwrap().unwrap();
    }
    assert!(attempts.load(Ordering::Relaxed) > 2, "no deadlock happened");
    assert_eq!(count(&mut fixture.conn, "pairs WHERE n = 2"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_view_sees_one_moment_and_writes_nothing() {
    let fixture = Fixture::new();
    let db = Db::connect(fixture.database.url(), 2).unwrap();
    let url = fixture.database.url().to_owned();
    let (before, after) = db
        .read_view(move |conn| {
            let before = count(conn, "workspaces");
            let mut other = store::db::establish(&url)?;
            new_workspace(&mut other, "Meanwhile");
            Ok::<_, StoreError>((before, count(conn, "workspaces")))
        })
        .await
        .unwrap();
    assert_eq!(before, after);
    let refused = db
        .read_view(|conn| run(conn, "DELETE FROM workspaces"))
        .await;
    assert!(matches!(refused, Err(StoreError::Database(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_shows_within_five_seconds_and_its_return_too() {
    // No server at all.
    let begun = Instant::now();
    let db = Db::connect("postgres://postgres@127.0.0.1:1/none", 2).unwrap();
    assert!(db.ping().await.unwrap_err().is_unavailable());
    let failed = db.run(|conn| run(conn, "SELECT 1")).await;
    assert!(failed.unwrap_err().is_unavailable());
    assert!(begun.elapsed() < Duration::from_secs(6));

    // A server that dies under a pool that is in use.
    let cluster = tokio::task::spawn_blocking(DevCluster::start)
        .await
        .unwrap()
        .unwrap();
    let db = Db::connect(&cluster.url(), 2).unwrap();
    db.ping().await.unwrap();
    db.run(|conn| run(conn, "SELECT 1")).await.unwrap();
    // Every session cut: the pool replaces its connections without an error to the caller.
    let mut admin = store::db::establish(&cluster.url()).unwrap();
    execute(
        &mut admin,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()",
    );
    db.run(|conn| run(conn, "SELECT 1")).await.unwrap();
    db.ping().await.unwrap();
    // A session cut in the middle of a transaction is an outage, not a defect.
    let cut = db
        .transaction(|conn| run(conn, "SELECT pg_terminate_backend(pg_backend_pid())"))
        .await;
    assert!(cut.unwrap_err().is_unavailable());
    drop(cluster);
    let begun = Instant::now();
    assert!(db.ping().await.unwrap_err().is_unavailable());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_pool_is_an_outage_and_the_probe_still_answers() {
    let fixture = Fixture::new();
    let db = Db::connect(fixture.database.url(), 1).unwrap();
    let busy = {
        let db = db.clone();
        tokio::spawn(async move { db.run(|conn| run(conn, "SELECT pg_sleep(5)")).await })
    };
    tokio::time::sleep(Duration::from_millis(300)).await;
    let refused = db.run(|conn| run(conn, "SELECT 1")).await;
    assert!(refused.unwrap_err().is_unavailable());
    db.ping().await.unwrap();
    assert_eq!(db.pool_state().in_use, 1);
    busy.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_a_run_is_announced_when_it_commits() {
    let mut fixture = Fixture::new();
    let events = RunEvents::start(fixture.database.url());
    let mut news = events.subscribe();
    let deadline = Duration::from_secs(10);
    let first = tokio::time::timeout(deadline, news.recv()).await.unwrap();
    assert_eq!(first.unwrap(), RunEvent::Resync);
    let run_id = fixture.queue_run("i1", 0);
    let holder = fixture.claim(run_id, "w");
    runs::complete_run(&mut fixture.conn, &holder, "succeeded", None, None).unwrap();
    let mut seen = Vec::new();
    while seen.len() < 3 {
        match tokio::time::timeout(deadline, news.recv()).await.unwrap() {
            Ok(RunEvent::Changed(change)) => {
                assert_eq!(change.run_id, run_id);
                assert_eq!(change.workspace_id, fixture.workspace);
                seen.push((change.revision, change.status));
            }
            other => panic!("{other:?}"),
        }
    }
    let expected = [(1, "queued"), (2, "running"), (3, "completed")];
    assert_eq!(seen, expected.map(|(n, status)| (n, status.to_owned())));
}
