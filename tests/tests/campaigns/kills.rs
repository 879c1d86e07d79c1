//! Workers killed at random moments and at every fail point of the write path, in runs of 20 to 200
//! subjects: a successor goes on, nothing twice, nothing lost, within lease + 10 s.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use futures::future::try_join_all;
use promotion_tests::process::Process;
use promotion_tests::stack::Stack;

use crate::course::{Course, figure};
use crate::field::{self, LONGEST, Round, Setup, standing};
use crate::judge::{Figures, Item, items, judge};

/// Kills that a run is worth; a sixth would make workers give it up.
const KILLS_OF_A_RUN: usize = 5;
/// Subjects of the runs, in turn.
const SIZES: [usize; 6] = [20, 40, 200, 30, 60, 100];

/// Where a worker dies.
#[derive(Clone, Debug)]
pub enum Kill {
    /// At any moment.
    Random,
    /// When it passes this place for the nth time: `place[/step]`.
    Point(String, u64),
}

impl Kill {
    /// For the figures.
    fn name(&self) -> String {
        match self {
            Self::Random => "random moment".to_owned(),
            Self::Point(point, _) => point.clone(),
        }
    }

    /// The same, at the first passing.
    fn sooner(self) -> Self {
        match self {
            Self::Random => Self::Random,
            Self::Point(point, _) => Self::Point(point, 1),
        }
    }
}

/// Places around one write, and those after it.
#[cfg(feature = "campaigns")]
const PLACES: [&str; 4] = [
    "before_intent",
    "after_intent",
    "after_send",
    "after_result",
];
#[cfg(feature = "campaigns")]
const STEPS: [&str; 5] = ["create", "update", "assign", "message", "schedule_actions"];
#[cfg(feature = "campaigns")]
const LATER: [&str; 3] = ["before_verdict", "after_verdict", "before_completion"];

/// Every fail point. Workers without the feature have none.
#[cfg(feature = "campaigns")]
pub fn points(course: &mut Course) -> Vec<Kill> {
    let around = PLACES.iter().flat_map(|place| {
        let named = move |step: &&str| format!("{place}/{step}");
        STEPS.iter().map(named).collect::<Vec<_>>()
    });
    let later = LATER.iter().map(|place| (*place).to_owned());
    let mut kills = Vec::new();
    for point in around.chain(later) {
        let most = match point.split_once('/') {
            Some((_, "create")) => 12,
            Some((_, "assign" | "update")) => 4,
            _ if point.ends_with("_verdict") => 8,
            _ => 1,
        };
        kills.push(Kill::Point(point, course.between(1, most + 1)));
    }
    kills
}

#[cfg(not(feature = "campaigns"))]
pub fn points(_course: &mut Course) -> Vec<Kill> {
    Vec::new()
}

/// The kills that are still to be done, shared by the lanes.
pub type Todo = Arc<Mutex<VecDeque<Kill>>>;

fn take(todo: &Todo) -> Option<Kill> {
    let mut todo = todo.lock().unwrap_or_else(PoisonError::into_inner);
    todo.pop_front()
}

fn put_back(todo: &Todo, kill: Kill) {
    let mut todo = todo.lock().unwrap_or_else(PoisonError::into_inner);
    todo.push_back(kill);
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
        figures.land(format!("caught after {entry} of {step}"));
    }
}

/// Starts a worker that will die this way.
fn start_victim(stack: &mut Stack, kill: &Kill) -> Result<()> {
    match kill {
        Kill::Random => stack.add_worker(),
        Kill::Point(point, nth) => {
            let script = format!("{point}:abort:{nth}");
            stack.add_worker_with(&[("PROMOTION_FAIL_POINT", &script)])
        }
    }
}

/// Waits until the newest worker is dead; `false` when the run ended first.
async fn die(stack: &mut Stack, round: &Round, kill: &Kill, course: &mut Course) -> Result<bool> {
    let last = stack.workers.len() - 1;
    if matches!(kill, Kill::Random) {
        tokio::time::sleep(Duration::from_millis(course.between(300, 2_500))).await;
        if standing(stack, &round.run)?.status == "completed" {
            return Ok(false);
        }
        stack.workers[last].kill();
        return Ok(true);
    }
    let begun = Instant::now();
    loop {
        if stack.workers[last].wait(Duration::ZERO).is_ok() {
            return Ok(true);
        }
        if standing(stack, &round.run)?.status == "completed" || begun.elapsed() > LONGEST {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until a run that went on has a new holder.
async fn resumed(stack: &Stack, round: &Round, fence: i64, figures: &mut Figures) -> Result<()> {
    let killed = Instant::now();
    loop {
        let now = standing(stack, &round.run)?;
        if now.status == "completed" {
            return Ok(());
        }
        if now.fence > fence {
            figures.resumes.push(killed.elapsed().as_secs_f64());
            return Ok(());
        }
        anyhow::ensure!(
            killed.elapsed() < Duration::from_mins(1),
            "never resumed\n{}",
            stack.logs()
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Leaves one plain worker, for what comes before a run.
fn renew_worker(stack: &mut Stack) -> Result<()> {
    stack.workers.iter_mut().for_each(Process::kill);
    stack.add_worker()
}

/// One installation and run after run, until there is nothing left to do.
pub async fn lane(
    mut course: Course,
    todo: Todo,
    setup: Setup,
    sizes: &[usize],
) -> Result<Figures> {
    let mut figures = Figures::default();
    let mut stack = field::start(setup).await?;
    let mut misses = 0;
    while let Some(first) = take(&todo) {
        renew_worker(&mut stack)?;
        let size = course.pick(sizes, 1)[0];
        let mut round = field::review(&stack, &mut course, size).await?;
        stack.sim.clear_faults().await?;
        field::slow_down(&stack, &round.entra, "POST", 150).await?;
        stack.workers.iter_mut().for_each(Process::kill);
        field::execute(&stack.api, &mut round).await?;
        start_victim(&mut stack, &first)?;
        let mut victim = Some(first);
        let mut left = KILLS_OF_A_RUN;
        while let Some(kill) = victim.take() {
            if !die(&mut stack, &round, &kill, &mut course).await? {
                // The run ended without passing the place so often: another run will.
                misses += 1;
                anyhow::ensure!(misses < 60, "{kill:?} is never reached\n{}", stack.logs());
                put_back(&todo, kill.sooner());
                break;
            }
            left -= 1;
            figures.kills += 1;
            figures.land(kill.name());
            let fence = standing(&stack, &round.run)?.fence;
            caught(&mut figures, &items(&stack, &round.run)?);
            // The successor is the next victim, where this run may have one.
            victim = if left > 0 { take(&todo) } else { None };
            start_victim(&mut stack, victim.as_ref().unwrap_or(&Kill::Random))?;
            resumed(&stack, &round, fence, &mut figures).await?;
        }
        field::wait_for_end(&stack, &round.run, LONGEST).await;
        judge(&stack, &round, &mut figures).await?;
    }
    Ok(figures)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_and_at_every_fail_point() -> Result<()> {
    let mut course = Course::new(4_101);
    let count = figure(4, 60, 1_000);
    let mut kills = Vec::new();
    while count >= 60 && kills.len() * 2 < count {
        let round = points(&mut course);
        if round.is_empty() {
            break;
        }
        kills.extend(round);
    }
    kills.resize_with(kills.len().max(count), || Kill::Random);
    let kills = course.pick(&kills, kills.len());
    let places: Vec<String> = kills.iter().map(Kill::name).collect();
    let todo: Todo = Arc::new(Mutex::new(kills.into()));
    let sizes: &[usize] = if count < 60 { &SIZES[..2] } else { &SIZES };
    let lanes = (0..figure(1, 3, 4)).map(|number| {
        lane(
            course.lane(number),
            Arc::clone(&todo),
            Setup::default(),
            sizes,
        )
    });
    let mut figures = Figures::default();
    for lane in try_join_all(lanes).await? {
        figures.add(lane);
    }
    let mut steps: Vec<&str> = places.iter().map(String::as_str).collect();
    // A taste of four kills may find the worker at other steps alone.
    if count >= 60 {
        steps.push("caught after intent of create");
    }
    figures.close(
        "kills",
        course.seed,
        "random and at every fail point",
        &steps,
    )
}
