//! SIGKILL at random moments: a successor goes on, nothing twice, nothing
//! lost, and it goes on within lease + 10 s.

use std::time::{Duration, Instant};

use anyhow::Result;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use promotion_tests::stack::Stack;
use serde_json::json;

use crate::course::{Course, rounds};
use crate::field::{self, LEASE_SECONDS, Round, database};
use crate::judge::{Figures, Item, items, judge, p95};

/// How a run stands.
#[derive(QueryableByName)]
pub struct Standing {
    /// Fencing number.
    #[diesel(sql_type = BigInt)]
    pub fence: i64,
    /// Status.
    #[diesel(sql_type = Text)]
    pub status: String,
}

/// How a run stands now.
pub fn standing(stack: &Stack, run: &str) -> Result<Standing> {
    let query = "SELECT fence, status FROM operation_runs WHERE id = $1::uuid";
    Ok(diesel::sql_query(query)
        .bind::<Text, _>(run)
        .get_result(&mut database(stack)?)?)
}

/// Where in the write path a kill caught the items that were being written.
fn caught(figures: &mut Figures, items: &[Item]) {
    for item in items.iter().filter(|i| i.outcome == "writing") {
        let journal: serde_json::Value = serde_json::from_str(&item.journal).unwrap_or_default();
        let last = journal
            .as_array()
            .and_then(|entries| entries.last().cloned())
            .unwrap_or_default();
        let entry = last["entry"].as_str().unwrap_or("none").to_owned();
        let step = last["step"].as_str().unwrap_or_default();
        let step = step.split(':').next().unwrap_or_default();
        figures.land(format!("after {entry} of {step}"));
    }
}

/// Waits until every run that went on has a new holder; seconds since the kill.
async fn resumed(stack: &Stack, before: &[(String, i64)], killed: Instant) -> Result<Vec<f64>> {
    let mut seconds = Vec::new();
    for (run, fence) in before {
        loop {
            let now = standing(stack, run)?;
            if now.fence > *fence || now.status == "completed" {
                break;
            }
            anyhow::ensure!(
                killed.elapsed() < Duration::from_mins(1),
                "never resumed\n{}",
                stack.logs()
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        seconds.push(killed.elapsed().as_secs_f64());
    }
    Ok(seconds)
}

fn active(stack: &Stack, targets: &[Round]) -> Result<Vec<(String, i64)>> {
    let mut active = Vec::new();
    for round in targets {
        let now = standing(stack, &round.run)?;
        if now.status != "completed" {
            active.push((round.run.clone(), now.fence));
        }
    }
    Ok(active)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments() -> Result<()> {
    let mut course = Course::new(4_101);
    let (mut figures, mut waits, mut kills) = (Figures::default(), Vec::new(), 0);
    let mut stack = field::start(1, &[]).await?;
    for _ in 0..rounds(1, 250) {
        let mut targets = Vec::new();
        for _ in 0..2 {
            targets.push(field::review(&stack).await?);
        }
        stack.sim.clear_faults().await?;
        for (method, ms) in [("POST", 300), ("GET", 80)] {
            let slow = json!({"method": method, "times": 1_000_000, "kind": "slow", "ms": ms,
                "path_regex": "deviceManagement|identity|deviceAppManagement"});
            stack.sim.fault(slow).await?;
        }
        for round in &mut targets {
            field::execute(&stack.api, round).await?;
        }
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(course.between(400, 2_500))).await;
            let before = active(&stack, &targets)?;
            if before.is_empty() {
                break;
            }
            let last = stack.workers.len() - 1;
            stack.workers[last].kill();
            let killed = Instant::now();
            kills += 1;
            for (run, _) in &before {
                caught(&mut figures, &items(&stack, run)?);
            }
            stack.add_worker()?;
            waits.extend(resumed(&stack, &before, killed).await?);
        }
        for round in &targets {
            stack
                .api
                .wait_for_run(&round.run, Duration::from_mins(5))
                .await?;
            judge(&stack, round, &mut figures).await?;
        }
    }
    let slowest = p95(waits)?;
    let more = format!("kills {kills}, resume p95 {slowest:.1} s");
    figures.close(
        "random kills",
        course.seed,
        &more,
        &["after intent of create"],
    )?;
    anyhow::ensure!(
        slowest <= f64::from(LEASE_SECONDS) + 10.0,
        "resumed too late: {slowest}"
    );
    Ok(())
}
