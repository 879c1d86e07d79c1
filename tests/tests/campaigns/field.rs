//! Where a round takes place: one installation with a captured source of some 200 policies, and
//! targets that are fresh or hold changed copies.

use std::time::Duration;

use anyhow::{Context, Result};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use promotion_tests::client::Api;
use promotion_tests::stack::{Plan, SOURCE, Stack};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::course::Course;
use crate::{PROCESS, witness};

/// Lease of the workers, in seconds.
pub const LEASE_SECONDS: u32 = 2;
/// Paths of what is promoted, for faults.
pub const POLICIES: &str = "deviceManagement|identity|deviceAppManagement";
/// How long a run may take at most.
pub const LONGEST: Duration = Duration::from_mins(6);

/// Copies of the source's policies under other names, by collection.
const COPIES: [(&str, usize); 4] = [
    ("deviceConfigurations", 70),
    ("configurationPolicies", 50),
    ("deviceCompliancePolicies", 40),
    ("notificationMessageTemplates", 8),
];

/// How an installation is set up.
#[derive(Clone, Debug)]
pub struct Setup {
    /// API processes.
    pub apis: usize,
    /// Worker processes.
    pub workers: usize,
    /// A database server of its own with so many connections.
    pub own_server: Option<u32>,
    /// More environment for the workers.
    pub env: Vec<(&'static str, &'static str)>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            apis: 1,
            workers: 1,
            own_server: None,
            env: Vec::new(),
        }
    }
}

/// A reviewed promotion into a target.
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

/// An installation with quick leases and looks, watched, and a captured source.
pub async fn start(setup: Setup) -> Result<Stack> {
    let mut worker_env: Vec<(String, String)> = [
        ("PROMOTION_LEASE_SECONDS", LEASE_SECONDS.to_string()),
        ("PROMOTION_GRAPH_TIMEOUT_SECONDS", "4".to_owned()),
        ("PROMOTION_GRAPH_WRITES_PER_20S", "50000".to_owned()),
        ("PROMOTION_GRAPH_READS_PER_20S", "100000".to_owned()),
        // Read by workers built for campaigns alone: the window of looks in 4.5 s instead of 30.
        ("PROMOTION_TEST_PATIENCE_PERCENT", "15".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for (name, value) in &setup.env {
        worker_env.push(((*name).to_owned(), (*value).to_owned()));
    }
    let plan = Plan {
        apis: setup.apis,
        workers: setup.workers,
        worker_env,
        own_server: setup.own_server,
        ..Plan::default()
    };
    let stack = Stack::start(PROCESS, plan).await?;
    witness::watch(&stack)?;
    enlarge_source(&stack).await?;
    let run = stack.api.sync(&stack.source).await?;
    anyhow::ensure!(
        run["outcome"] == "succeeded",
        "sync of the source: {run}\n{}",
        stack.logs()
    );
    Ok(stack)
}

/// Adds copies of the source's policies, so that runs of 200 subjects can be had.
async fn enlarge_source(stack: &Stack) -> Result<()> {
    for (collection, count) in COPIES {
        let originals: Vec<Value> = stack
            .sim
            .objects(SOURCE, collection)
            .await?
            .into_iter()
            .filter(|object| !object.to_string().contains("secretReferenceValueId"))
            .collect();
        anyhow::ensure!(!originals.is_empty(), "no {collection}");
        for number in 0..count {
            let mut copy = originals[number % originals.len()].clone();
            for property in ["displayName", "name"] {
                if let Some(name) = copy[property].as_str() {
                    copy[property] = json!(format!("{name} - edition {number:03}"));
                }
            }
            if let Some(members) = copy.as_object_mut() {
                members.remove("id");
                members.remove("isDefault");
            }
            stack.sim.put_object(SOURCE, collection, copy).await?;
        }
    }
    Ok(())
}

/// A fresh target of the simulator, captured and reviewed; at most `subjects` are promoted, picked
/// by the course. Nothing is started.
pub async fn review(stack: &Stack, course: &mut Course, subjects: usize) -> Result<Round> {
    let entra = Uuid::new_v4().to_string();
    stack
        .sim
        .add_tenant(json!({"id": entra, "builtin": "target"}))
        .await?;
    capture(stack, &entra, course, (subjects / 6, subjects)).await
}

/// A target that holds a changed copy of every policy it can hold, captured and reviewed.
pub async fn review_changed(stack: &Stack, course: &mut Course, subjects: usize) -> Result<Round> {
    let entra = Uuid::new_v4().to_string();
    stack.sim.add_tenant(json!({"id": entra})).await?;
    let kinds = [
        "groups",
        "users",
        "assignmentFilters",
        "roleScopeTags",
        "notificationMessageTemplates",
        "namedLocations",
    ];
    stack.sim.provision(&entra, SOURCE, &kinds).await?;
    let copy = json!({"from": SOURCE, "fraction": 0.8, "change": true});
    stack.sim.copy_objects(&entra, copy).await?;
    capture(stack, &entra, course, (subjects * 5 / 6, subjects)).await
}

async fn capture(
    stack: &Stack,
    entra: &str,
    course: &mut Course,
    most: (usize, usize),
) -> Result<Round> {
    let target = stack
        .api
        .add_tenant(&format!("Round {entra}"), entra)
        .await?;
    let run = stack.api.sync(&target).await?;
    anyhow::ensure!(
        run["outcome"] == "succeeded",
        "sync of a target: {run}\n{}",
        stack.logs()
    );
    let selection = json!({"source_tenant_id": stack.source, "target_tenant_id": target,
        "options": {"assignments": "map"}});
    let preflight = stack.api.preflight(&selection).await?;
    let mut round = Round {
        entra: entra.to_owned(),
        target,
        selection,
        preflight,
        run: String::new(),
    };
    narrow(stack, course, &mut round, most).await?;
    Ok(round)
}

/// Narrows a round to at most so many updates, and to so many subjects that are ready in all.
pub async fn narrow(
    stack: &Stack,
    course: &mut Course,
    round: &mut Round,
    (updates, subjects): (usize, usize),
) -> Result<()> {
    let key = |subject: &Value| subject["subject_key"].clone();
    let known: Vec<Value> = round.ready("update").iter().map(key).collect();
    let fresh: Vec<Value> = round.ready("create").iter().map(key).collect();
    if known.len() + fresh.len() <= subjects {
        return Ok(());
    }
    let mut keys = course.pick(&known, updates);
    keys.extend(course.pick(&fresh, subjects.saturating_sub(keys.len())));
    round.selection["scope"] = json!({"subject_keys": keys});
    round.preflight = stack.api.preflight(&round.selection).await?;
    Ok(())
}

/// Slows the calls of a method to a tenant down, so that a run lasts long enough to be disturbed.
pub async fn slow_down(stack: &Stack, entra: &str, method: &str, ms: u64) -> Result<()> {
    let slow = json!({"tenant": entra, "method": method, "times": 1_000_000, "kind": "slow",
        "path_regex": POLICIES, "ms": ms});
    stack.sim.fault(slow).await.map(drop)
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

/// Waits for the end of a run by asking the database: the API may be without one for a while.
/// `false` when there is no end in time.
pub async fn wait_for_end(stack: &Stack, run: &str, limit: Duration) -> bool {
    let begun = std::time::Instant::now();
    while begun.elapsed() < limit {
        if standing(stack, run).is_ok_and(|now| now.status == "completed") {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

/// A look into the database of an installation.
pub fn database(stack: &Stack) -> Result<PgConnection> {
    Ok(PgConnection::establish(&stack.database_url)?)
}

/// Waits until a tenant of the simulator saw this many writes.
pub async fn wait_for_writes(stack: &Stack, round: &Round, count: usize) -> Result<()> {
    for _ in 0..1_200 {
        if stack.sim.journal(&round.entra, true).await?.len() >= count {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    anyhow::bail!("nothing is written\n{}", stack.logs())
}

/// How a run stands.
#[derive(Clone, Debug, QueryableByName)]
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
