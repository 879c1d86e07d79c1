//! Where a round takes place: one installation with a captured source, and a fresh target per round.

use std::time::Duration;

use anyhow::{Context, Result};
use diesel::prelude::*;
use promotion_tests::client::Api;
use promotion_tests::stack::{Plan, Stack};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::PROCESS;

/// Lease of the workers, in seconds.
pub const LEASE_SECONDS: u32 = 2;

/// A reviewed promotion into a target of its own.
#[derive(Clone, Debug)]
pub struct Round {
    /// Entra tenant id of the target: its name in the simulator.
    pub entra: String,
    /// Our id of the target.
    pub target: String,
    /// What is promoted.
    pub selection: Value,
    /// The reviewed preflight.
    pub preflight: Value,
    /// The run, once started.
    pub run: String,
}

impl Round {
    /// Reviewed subjects that will be written by this action.
    pub fn ready(&self, action: &str) -> Vec<Value> {
        let subjects = self.preflight["subjects"].as_array().cloned();
        subjects
            .unwrap_or_default()
            .into_iter()
            .filter(|s| s["readiness"] == "ready" && s["action"] == action)
            .collect()
    }
}

/// An installation with quick leases and a captured source.
pub async fn start(workers: usize, more: &[(&str, String)]) -> Result<Stack> {
    let mut worker_env = vec![
        (
            "PROMOTION_LEASE_SECONDS".to_owned(),
            LEASE_SECONDS.to_string(),
        ),
        ("PROMOTION_GRAPH_TIMEOUT_SECONDS".to_owned(), "4".to_owned()),
        (
            "PROMOTION_GRAPH_WRITES_PER_20S".to_owned(),
            "5000".to_owned(),
        ),
        (
            "PROMOTION_GRAPH_READS_PER_20S".to_owned(),
            "50000".to_owned(),
        ),
    ];
    for (name, value) in more {
        worker_env.push(((*name).to_owned(), value.clone()));
    }
    let plan = Plan {
        workers,
        worker_env,
        ..Plan::default()
    };
    let stack = Stack::start(PROCESS, plan).await?;
    let run = stack.api.sync(&stack.source).await?;
    anyhow::ensure!(run["outcome"] == "succeeded", "sync of the source: {run}");
    Ok(stack)
}

/// A fresh target of the simulator, captured and reviewed; nothing is started.
pub async fn review(stack: &Stack) -> Result<Round> {
    let entra = Uuid::new_v4().to_string();
    stack
        .sim
        .add_tenant(json!({"id": entra, "builtin": "target"}))
        .await?;
    let target = stack
        .api
        .add_tenant(&format!("Round {entra}"), &entra)
        .await?;
    let run = stack.api.sync(&target).await?;
    anyhow::ensure!(
        run["outcome"] == "succeeded",
        "sync of a target: {run}\n{}",
        stack.logs()
    );
    let selection = json!({"source_tenant_id": stack.source, "target_tenant_id": target});
    let preflight = stack.api.preflight(&selection).await?;
    Ok(Round {
        entra,
        target,
        selection,
        preflight,
        run: String::new(),
    })
}

/// Starts the reviewed run as `api`.
pub async fn execute(api: &Api, round: &mut Round) -> Result<()> {
    let digest = round.preflight["plan_digest"]
        .as_str()
        .context("plan digest")?;
    let started = api.execute(&round.selection, digest).await?.expect(202)?;
    started["operation_run"]["id"]
        .as_str()
        .context("run id")?
        .clone_into(&mut round.run);
    Ok(())
}

/// A look into the database of an installation.
pub fn database(stack: &Stack) -> Result<PgConnection> {
    Ok(PgConnection::establish(&stack.database_url)?)
}

/// Waits until a tenant of the simulator saw this many writes.
pub async fn wait_for_writes(stack: &Stack, round: &Round, count: usize) -> Result<()> {
    for _ in 0..600 {
        if stack.sim.journal(&round.entra, true).await?.len() >= count {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("nothing is written\n{}", stack.logs())
}
