//! Concurrent starts of one reviewed plan over two API processes: exactly one run comes of it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use futures::future::join_all;
use promotion_tests::stack::{Plan, Stack};

use crate::PROCESS;
use crate::course::rounds;
use crate::field;
use crate::judge::{Figures, judge};

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_starts() -> Result<()> {
    let mut figures = Figures::default();
    let plan = Plan {
        apis: 2,
        workers: 2,
        ..Plan::default()
    };
    let stack = Stack::start(PROCESS, plan).await?;
    let run = stack.api.sync(&stack.source).await?;
    anyhow::ensure!(run["outcome"] == "succeeded", "sync of the source: {run}");
    for _ in 0..rounds(2, 500) {
        let mut round = field::review(&stack).await?;
        let digest = round.preflight["plan_digest"]
            .as_str()
            .context("plan digest")?;
        let calls = (0..64_usize).map(|number| {
            let api = stack.api.at(&stack.api_urls[number % 2]);
            let selection = round.selection.clone();
            async move { api.execute(&selection, digest).await }
        });
        let (mut queued, mut runs) = (0, BTreeSet::new());
        for reply in join_all(calls).await {
            let reply = reply?;
            match reply.status {
                202 => queued += 1,
                200 => figures.land("deduped"),
                _ => figures
                    .wrong
                    .push(format!("{}: {}", reply.status, reply.body)),
            }
            let id = reply.body["operation_run"]["id"].as_str();
            runs.insert(id.unwrap_or_default().to_owned());
        }
        if (queued, runs.len()) != (1, 1) {
            figures
                .wrong
                .push(format!("{queued} queued, runs {runs:?}"));
        }
        round.run = runs.into_iter().next().context("a run")?;
        stack
            .api
            .wait_for_run(&round.run, Duration::from_mins(4))
            .await?;
        judge(&stack, &round, &mut figures).await?;
    }
    figures.close("concurrent starts", 0, "64 at once", &["deduped"])
}
