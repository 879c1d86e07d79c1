//! A database that fails in the middle of runs: restarts (in good order and by crash), killed
//! connections, no connection to be had, tables that stand still.

use std::time::Duration;

use anyhow::Result;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use promotion_tests::stack::Stack;

use crate::course::{Course, figure};
use crate::field::{self, LONGEST, Setup, standing};
use crate::judge::{Figures, judge};

/// Connections the server has: few enough to be used up.
const CONNECTIONS: u32 = 90;
/// What happens, in turn.
const EVENTS: [&str; 5] = [
    "restart",
    "connections killed",
    "no connection left",
    "crash",
    "pool held up",
];

/// Every other session ends.
const KILL: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// Takes every connection the server has, for a while.
async fn use_up(stack: &Stack, hold: Duration) -> Result<bool> {
    let mut taken = Vec::new();
    // Those that the product has open are taken as well: they end, and are not to be had again.
    field::database(stack)?.batch_execute(KILL)?;
    while taken.len() < CONNECTIONS as usize {
        match PgConnection::establish(&stack.database_url) {
            Ok(connection) => taken.push(connection),
            Err(_) => break,
        }
    }
    let full = PgConnection::establish(&stack.database_url).is_err();
    tokio::time::sleep(hold).await;
    Ok(full)
}

/// Every record of the workers waits, and with it all of their pool.
async fn hold_up(stack: &Stack, hold: Duration) -> Result<()> {
    let mut blocker = field::database(stack)?;
    blocker.batch_execute("BEGIN; LOCK TABLE operation_run_items IN ACCESS EXCLUSIVE MODE")?;
    tokio::time::sleep(hold).await;
    blocker.batch_execute("ROLLBACK")?;
    Ok(())
}

/// Lets it happen; whether it did.
async fn happen(stack: &mut Stack, event: &str, course: &mut Course) -> Result<bool> {
    let hold = Duration::from_millis(course.between(500, 3_500));
    match event {
        "restart" | "crash" => {
            tokio::task::block_in_place(|| stack.restart_database(event == "crash"))?;
            Ok(true)
        }
        "connections killed" => {
            field::database(stack)?.batch_execute(KILL)?;
            Ok(true)
        }
        "no connection left" => use_up(stack, hold).await,
        _ => hold_up(stack, hold).await.map(|()| true),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_database_fails() -> Result<()> {
    let mut course = Course::new(4_601);
    let mut figures = Figures::default();
    let wanted = figure(1, 5, 100);
    let setup = Setup {
        workers: 2,
        own_server: Some(CONNECTIONS),
        ..Setup::default()
    };
    let mut stack = field::start(setup).await?;
    while EVENTS.iter().any(|event| figures.landed_at(event) < wanted) {
        let mut round = field::review(&stack, &mut course, 60).await?;
        stack.sim.clear_faults().await?;
        field::slow_down(&stack, &round.entra, "POST", 250).await?;
        field::execute(&stack.api, &mut round).await?;
        field::wait_for_writes(&stack, &round, 2).await?;
        // At most three in one run, so that workers do not give it up.
        for _ in 0..3 {
            let rarest = EVENTS.iter().min_by_key(|event| figures.landed_at(event));
            let event = rarest.copied().unwrap_or("restart");
            let active = standing(&stack, &round.run)?.status == "running";
            if !active || figures.landed_at(event) >= wanted {
                break;
            }
            if happen(&mut stack, event, &mut course).await? {
                figures.land(event);
            }
            tokio::time::sleep(Duration::from_millis(course.between(500, 2_500))).await;
        }
        field::wait_for_end(&stack, &round.run, LONGEST).await;
        judge(&stack, &round, &mut figures).await?;
    }
    figures.close("the database fails", course.seed, "during runs", &EVENTS)
}
