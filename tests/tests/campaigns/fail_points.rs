//! Workers that die at every fail point of the write path, again and again. Needs the feature
//! `fail-points`, which what ships never has.

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::course::{Course, rounds};
use crate::field;
use crate::judge::{Figures, judge};
use crate::kills::standing;

/// Every worker of this installation dies whenever it passes the place for the nth time.
async fn killed_at(place: &str, nth: (u64, u64), seed: u64) -> Result<()> {
    let mut course = Course::new(seed);
    let mut figures = Figures::default();
    let mut kills = 0;
    for _ in 0..rounds(1, 50) {
        let script = format!("{place}:abort:{}", course.between(nth.0, nth.1));
        let mut stack = field::start(1, &[("PROMOTION_FAIL_POINT", script)]).await?;
        let mut round = field::review(&stack).await?;
        field::execute(&stack.api, &mut round).await?;
        let begun = Instant::now();
        while standing(&stack, &round.run)?.status != "completed" {
            anyhow::ensure!(
                begun.elapsed() < Duration::from_mins(5),
                "{place}: no end\n{}",
                stack.logs()
            );
            let last = stack.workers.len() - 1;
            if stack.workers[last].wait(Duration::ZERO).is_ok() {
                kills += 1;
                figures.land(place);
                stack.add_worker()?;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        judge(&stack, &round, &mut figures).await?;
    }
    let more = format!("kills {kills}");
    figures.close(&format!("killed at {place}"), course.seed, &more, &[place])
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_intent() -> Result<()> {
    killed_at("before_intent", (20, 30), 4_111).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_intent_and_request() -> Result<()> {
    killed_at("after_intent", (30, 40), 4_112).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_answer_and_record() -> Result<()> {
    killed_at("after_send", (20, 30), 4_113).await
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_record() -> Result<()> {
    killed_at("after_result", (20, 30), 4_114).await
}
