//! Concurrent starts of one reviewed plan over two API processes: exactly one run comes of it.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use futures::future::join_all;
use serde_json::json;

use crate::course::{Course, figure};
use crate::field::{self, LONGEST, Setup};
use crate::judge::{Figures, Wrong, judge};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts() -> Result<()> {
    let mut course = Course::new(4_501);
    let mut figures = Figures::default();
    let setup = Setup {
        apis: 2,
        workers: 2,
        ..Setup::default()
    };
    let stack = field::start(setup).await?;
    let mut target: Option<field::Round> = None;
    for _ in 0..figure(2, 20, 500) {
        // A target serves for many rounds: every one promotes a few that it lacks still.
        let mut round = match target.take() {
            Some(mut used) => {
                used.selection["scope"] = json!({});
                used.preflight = stack.api.preflight(&used.selection).await?;
                field::narrow(&stack, &mut course, &mut used, (1, 4)).await?;
                used
            }
            None => field::review(&stack, &mut course, 4).await?,
        };
        stack.sim.clear_journal().await?;
        // The run must outlast the calls: of a plan that was carried out they are rightly refused.
        field::slow_down(&stack, &round.entra, "GET", 2_000).await?;
        field::slow_down(&stack, &round.entra, "POST", 2_000).await?;
        let digest = round.preflight["plan_digest"]
            .as_str()
            .context("plan digest")?
            .to_owned();
        let calls = (0..64_usize).map(|number| {
            let api = stack.api.at(&stack.api_urls[number % 2]);
            let (selection, digest) = (round.selection.clone(), digest.clone());
            async move { api.execute(&selection, &digest).await }
        });
        let (mut queued, mut runs) = (0, BTreeSet::new());
        for reply in join_all(calls).await {
            let reply = reply?;
            match reply.status {
                202 => queued += 1,
                200 => figures.land("deduped"),
                _ => figures.blame(Wrong::Other, format!("{}: {}", reply.status, reply.body)),
            }
            let id = reply.body["operation_run"]["id"].as_str();
            runs.insert(id.unwrap_or_default().to_owned());
        }
        if (queued, runs.len()) != (1, 1) {
            figures.blame(Wrong::Other, format!("{queued} queued, runs {runs:?}"));
        }
        stack.sim.clear_faults().await?;
        anyhow::ensure!(
            figures.wrong.is_empty(),
            "{:#?}\n{}",
            figures.wrong,
            stack.logs()
        );
        figures.land("started at once");
        round.run = runs.into_iter().next().context("a run")?;
        field::wait_for_end(&stack, &round.run, LONGEST).await;
        judge(&stack, &round, &mut figures).await?;
        let left = round.preflight["subjects"].as_array().map_or(0, Vec::len);
        if left >= 4 {
            target = Some(round);
        }
    }
    let steps = ["deduped", "started at once"];
    figures.close(
        "concurrent starts",
        course.seed,
        "64 at once over 2 processes",
        &steps,
    )
}
