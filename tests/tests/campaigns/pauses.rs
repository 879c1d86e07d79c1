//! SIGSTOP past the lease, takeover, SIGCONT: the one that came back records nothing. And the
//! database dropping every connection in the middle of a run.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use promotion_tests::stack::Stack;
use serde_json::json;

use crate::course::{Course, rounds};
use crate::field::{self, Round, database};
use crate::judge::{Figures, judge};

/// Writes down which connection changed an item, and which process held its run then (a holder's
/// name is the process and a number of the claim).
const WITNESS: &str = "
CREATE TABLE campaign_witness (run uuid, pid int, fence bigint, holder text);
CREATE FUNCTION campaign_witness() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO campaign_witness SELECT id, pg_backend_pid(), fence,
        regexp_replace(lease_holder, '-[0-9a-f]{32}$', '')
    FROM operation_runs WHERE id = NEW.operation_run_id;
    RETURN NEW;
END $$;
CREATE TRIGGER campaign_witness AFTER UPDATE ON operation_run_items
FOR EACH ROW EXECUTE FUNCTION campaign_witness();";

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

fn number(stack: &Stack, query: &str, run: &str) -> Result<i64> {
    let found: Number = diesel::sql_query(query)
        .bind::<Text, _>(run)
        .get_result(&mut database(stack)?)?;
    Ok(found.number)
}

const FENCE: &str = "SELECT fence AS number FROM operation_runs WHERE id = $1::uuid";
/// A connection belongs to one process: one that recorded while two different processes held the
/// run recorded at least once for a run that was not its own.
const STALE: &str = "SELECT count(*) AS number FROM (SELECT pid FROM campaign_witness
    WHERE run = $1::uuid GROUP BY pid HAVING count(DISTINCT holder) > 1) AS torn";
/// Holders that recorded anything.
const HOLDERS: &str = "SELECT count(DISTINCT holder) AS number FROM campaign_witness
    WHERE run = $1::uuid";

async fn begin(stack: &Stack, course: &mut Course) -> Result<Round> {
    let mut round = field::review(stack).await?;
    stack.sim.clear_faults().await?;
    let slow = json!({"tenant": round.entra, "method": "POST", "times": 100_000, "kind": "slow",
        "path_regex": "deviceManagement|identity|deviceAppManagement", "ms": 300});
    stack.sim.fault(slow).await?;
    field::execute(&stack.api, &mut round).await?;
    let writes = usize::try_from(course.between(2, 20))?;
    field::wait_for_writes(stack, &round, writes).await?;
    Ok(round)
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_past_the_lease() -> Result<()> {
    let mut course = Course::new(4_301);
    let mut figures = Figures::default();
    let (mut takeovers, mut stale_records) = (0, 0);
    for _ in 0..rounds(2, 500) {
        let mut stack = field::start(1, &[]).await?;
        database(&stack)?.batch_execute(WITNESS)?;
        let round = begin(&stack, &mut course).await?;
        let fence = number(&stack, FENCE, &round.run)?;
        let paused = stack.workers.first().context("a worker")?;
        paused.signal("STOP")?;
        stack.add_worker()?;
        let begun = Instant::now();
        while number(&stack, FENCE, &round.run)? == fence {
            anyhow::ensure!(
                begun.elapsed() < Duration::from_mins(1),
                "no takeover\n{}",
                stack.logs()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        figures.land("taken over");
        tokio::time::sleep(Duration::from_millis(course.between(0, 1_500))).await;
        stack.workers.first().context("a worker")?.signal("CONT")?;
        stack
            .api
            .wait_for_run(&round.run, Duration::from_mins(5))
            .await?;
        judge(&stack, &round, &mut figures).await?;
        let stale = number(&stack, STALE, &round.run)?;
        let holders = number(&stack, HOLDERS, &round.run)?;
        stale_records += stale;
        takeovers += holders - 1;
        if stale > 0 {
            let what = format!(
                "{stale} connections of a stale holder recorded in {}",
                round.run
            );
            figures.wrong.push(what);
        }
        if holders < 2 {
            figures
                .wrong
                .push(format!("{holders} holders recorded: nothing was judged"));
        }
    }
    let more = format!("takeovers {takeovers}, stale records {stale_records}");
    figures.close("paused past the lease", course.seed, &more, &["taken over"])
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_dropped() -> Result<()> {
    let mut course = Course::new(4_601);
    let mut figures = Figures::default();
    let stack = field::start(1, &[]).await?;
    for _ in 0..rounds(2, 100) {
        let round = begin(&stack, &mut course).await?;
        for _ in 0..2 {
            let dropped = "SELECT count(pg_terminate_backend(pid)) AS number FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND $1 <> ''";
            let count = number(&stack, dropped, &round.run)?;
            if count > 0 {
                figures.land("connections");
            }
            tokio::time::sleep(Duration::from_millis(course.between(200, 2_000))).await;
        }
        let begun = Instant::now();
        // The API's own connections were dropped too: it may answer with an error for a moment.
        while stack
            .api
            .wait_for_run(&round.run, Duration::from_mins(4))
            .await
            .is_err()
        {
            anyhow::ensure!(
                begun.elapsed() < Duration::from_mins(5),
                "no end\n{}",
                stack.logs()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        judge(&stack, &round, &mut figures).await?;
    }
    figures.close(
        "connections dropped",
        course.seed,
        "drops of all",
        &["connections"],
    )
}
