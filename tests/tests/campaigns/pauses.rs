//! SIGSTOP past the lease, takeover, SIGCONT: the one that came back records nothing, and what it
//! still had on the wire had been announced.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::try_join_all;
use promotion_tests::stack::Stack;

use crate::course::{Course, figure};
use crate::field::{self, LONGEST, Setup};
use crate::judge::{Figures, Wrong, judge};
use crate::witness::{number, seen};

const FENCE: &str = "SELECT fence AS number FROM operation_runs WHERE id = $1::uuid";

/// Waits until a fence rises; the new one.
async fn taken_over(stack: &Stack, run: &str, fence: i64) -> Result<i64> {
    let begun = Instant::now();
    loop {
        let now = number(stack, FENCE, run)?;
        if now > fence {
            return Ok(now);
        }
        anyhow::ensure!(
            begun.elapsed() < Duration::from_mins(1),
            "no takeover\n{}",
            stack.logs()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Rounds in one installation: the newest worker is paused, another one takes over.
pub async fn lane(
    mut course: Course,
    setup: Setup,
    rounds: usize,
    limit: Duration,
) -> Result<(Figures, i64)> {
    let mut figures = Figures::default();
    let mut takeovers = 0;
    let mut stack = field::start(setup).await?;
    for _ in 0..rounds {
        let mut round = field::review(&stack, &mut course, 40).await?;
        stack.sim.clear_faults().await?;
        field::slow_down(&stack, &round.entra, "POST", 300).await?;
        field::execute(&stack.api, &mut round).await?;
        let writes = usize::try_from(course.between(2, 20))?;
        field::wait_for_writes(&stack, &round, writes).await?;
        let fence = number(&stack, FENCE, &round.run)?;
        let paused = stack.workers.len() - 1;
        stack.workers[paused].signal("STOP")?;
        let begun = Instant::now();
        stack.add_worker()?;
        taken_over(&stack, &round.run, fence).await?;
        figures.resumes.push(begun.elapsed().as_secs_f64());
        figures.land("taken over");
        tokio::time::sleep(Duration::from_millis(course.between(0, 1_500))).await;
        let woken = stack.workers.get(paused).context("the paused worker")?;
        woken.signal("CONT")?;
        field::wait_for_end(&stack, &round.run, limit).await;
        judge(&stack, &round, &mut figures).await?;
        let holders = seen(&stack, &round.run)?.holders;
        takeovers += holders - 1;
        if holders < 2 {
            let what = format!("{holders} holders recorded: nothing was judged");
            figures.blame(Wrong::Other, what);
        }
        stack.workers[paused].kill();
    }
    Ok((figures, takeovers))
}

#[tokio::test(flavor = "multi_thread")]
async fn paused_past_the_lease() -> Result<()> {
    let course = Course::new(4_301);
    let (rounds, lanes) = (figure(2, 10, 500), figure(1, 2, 4));
    let lanes = (0..lanes).map(|number| {
        let rounds = rounds.div_ceil(lanes);
        lane(course.lane(number), Setup::default(), rounds, LONGEST)
    });
    let (mut figures, mut takeovers) = (Figures::default(), 0);
    for (lane, number) in try_join_all(lanes).await? {
        figures.add(lane);
        takeovers += number;
    }
    let more = format!("takeovers {takeovers}");
    figures.close("paused past the lease", course.seed, &more, &["taken over"])
}
