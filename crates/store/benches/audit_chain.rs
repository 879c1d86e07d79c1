//! What the audit chain costs: appending with and without it, by eight writers in one workspace and
//! in eight; and how long a long chain takes to verify.
//!
//! `cargo bench -p store --bench audit_chain` (release profile). All figures come from one run on
//! one machine, so their ratios say something wherever it runs. `AUDIT_ENTRIES=n` changes the length
//! of the chain that is verified; that it takes under five seconds is checked.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Barrier;
use std::time::{Duration, Instant};

use chrono::Utc;
use diesel::prelude::*;
use serde_json::json;
use store::audit::{self, AuditEntry, Verification};
use store::dev_cluster::TestDatabase;
use store::keys::{AuditKey, MasterKey};
use store::{PgConnection, StoreError, db, workspaces};
use uuid::Uuid;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const WRITERS: usize = 8;
const EACH: usize = 400;
const LIMIT: Duration = Duration::from_secs(5);

fn main() -> Result<(), Failure> {
    let database = TestDatabase::create()?;
    let mut conn = db::establish(database.url())?;
    let key = MasterKey::generate().audit_key();
    diesel::sql_query("CREATE TABLE unchained (id uuid PRIMARY KEY, detail jsonb NOT NULL)")
        .execute(&mut conn)?;
    let spaces = (0..WRITERS)
        .map(|number| {
            let id = Uuid::now_v7();
            workspaces::insert_workspace(&mut conn, id, &format!("Workspace {number}"))?;
            Ok(id)
        })
        .collect::<Result<Vec<Uuid>, StoreError>>()?;
    let one: Vec<Uuid> = spaces
        .iter()
        .take(1)
        .copied()
        .cycle()
        .take(WRITERS)
        .collect();

    let plain = rate(&database, |conn, _| {
        diesel::sql_query("INSERT INTO unchained VALUES (gen_random_uuid(), '{\"plan\": 1}')")
            .execute(conn)?;
        Ok(())
    })?;
    let chained = |spaces: &[Uuid]| {
        rate(&database, |conn, writer| {
            let workspace = spaces.get(writer).copied().unwrap_or_default();
            append(conn, &key, workspace)
        })
    };
    let many = chained(&spaces)?;
    let single = chained(&one)?;
    println!("{WRITERS} writers, one transaction each: per second");
    println!("  a row without a chain         {plain:8.0}");
    println!(
        "  an entry, {WRITERS} workspaces       {many:8.0}   {:.2} of it",
        many / plain
    );
    println!(
        "  an entry, one workspace       {single:8.0}   {:.2} of it",
        single / plain
    );

    verify_long(&mut conn, &key)
}

fn append(conn: &mut PgConnection, key: &AuditKey, workspace: Uuid) -> Result<(), StoreError> {
    let entry = AuditEntry {
        detail: json!({"plan_digest": "sha256:00", "summary": {"ready": 12}}),
        ..AuditEntry::new(workspace, "promotion.execute.queued", Utc::now())
    };
    audit::append(conn, key, &entry).map(drop)
}

/// Transactions per second of all writers together.
fn rate(
    database: &TestDatabase,
    act: impl Fn(&mut PgConnection, usize) -> Result<(), StoreError> + Sync,
) -> Result<f64, Failure> {
    let start = Barrier::new(WRITERS);
    let times = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (start, act) = (&start, &act);
                scope.spawn(move || -> Result<(Instant, Instant), StoreError> {
                    let connected = db::establish(database.url());
                    start.wait();
                    let mut conn = connected?;
                    let began = Instant::now();
                    for _ in 0..EACH {
                        db::transaction(&mut conn, |conn| act(conn, writer))?;
                    }
                    Ok((began, Instant::now()))
                })
            })
            .collect();
        writers
            .into_iter()
            .map(|writer| {
                writer
                    .join()
                    .map_err(|_| "a writer panicked")?
                    .map_err(Failure::from)
            })
            .collect::<Result<Vec<_>, Failure>>()
    })?;
    let began = times.iter().map(|(began, _)| *began).min();
    let ended = times.iter().map(|(_, ended)| *ended).max();
    let took = began.zip(ended).map(|(began, ended)| ended - began);
    #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
    let done = (WRITERS * EACH) as f64;
    Ok(done / took.unwrap_or_default().as_secs_f64())
}

fn verify_long(conn: &mut PgConnection, key: &AuditKey) -> Result<(), Failure> {
    let entries: usize = std::env::var("AUDIT_ENTRIES").map_or(Ok(100_000), |n| n.parse())?;
    let workspace = Uuid::now_v7();
    workspaces::insert_workspace(conn, workspace, "Long")?;
    let began = Instant::now();
    for _ in 0..entries.div_ceil(500) {
        db::transaction(conn, |conn| {
            (0..500).try_for_each(|_| append(conn, key, workspace))
        })?;
    }
    let written = began.elapsed();
    let began = Instant::now();
    let found = audit::verify(conn, key, workspace, None)?;
    let took = began.elapsed();
    println!(
        "{entries} entries: appended in {:.1} s, verified in {:.2} s",
        written.as_secs_f64(),
        took.as_secs_f64()
    );
    if !matches!(found, Verification::Whole { .. }) {
        return Err(format!("the chain is not whole: {found:?}").into());
    }
    if took > LIMIT {
        return Err(format!("verifying took longer than {LIMIT:?}").into());
    }
    Ok(())
}
