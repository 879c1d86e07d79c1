//! An installation whose master key and environment the test decides, with two workspaces that
//! must not know of each other.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use promotion_tests::client::Api;
use promotion_tests::process::Process;
use promotion_tests::sim::Sim;
use promotion_tests::stack::{SOURCE, TARGET, free_port};
use reqwest::Method;
use serde_json::{Value, json};
use store::dev_cluster::TestDatabase;

use crate::PROCESS;

/// Database, simulator with the two synthetic tenants, one API process; a worker when asked for.
pub struct Installation {
    /// The first workspace's owner.
    pub owner: Api,
    /// The owner's user id.
    pub owner_id: String,
    /// Another workspace's owner.
    pub stranger: Api,
    /// The simulator.
    pub sim: Sim,
    /// The root of all keys.
    pub master_key: String,
    /// The database.
    pub database: TestDatabase,
    /// The processes; their logs are in `log`.
    pub processes: Vec<Process>,
    folder: tempfile::TempDir,
    env: Vec<(String, String)>,
}

impl Installation {
    /// Starts everything but the worker. `log` is the filter of every process; `prepare` runs
    /// against the empty database before any process connects.
    pub async fn start(
        log: &str,
        prepare: impl FnOnce(&TestDatabase) -> Result<()>,
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = tokio::task::spawn_blocking(TestDatabase::create).await??;
        prepare(&database)?;
        let key = base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 32]>());
        let (simulator, sim) = start_simulator(folder.path())?;
        let first = store::bootstrap::bootstrap(database.url(), &key, "Home", "owner@home.test")?;
        let other = store::bootstrap::bootstrap(database.url(), &key, "Other", "owner@other.test")?;
        let port = free_port()?;
        let url = format!("http://127.0.0.1:{port}");
        let env: Vec<(String, String)> = [
            ("DATABASE_URL", database.url()),
            ("PROMOTION_MASTER_KEY", &key),
            ("PROMOTION_LOG", log),
            ("PROMOTION_BIND", &format!("127.0.0.1:{port}")),
            ("PROMOTION_GRAPH_URL", &sim.url),
            ("PROMOTION_LOGIN_URL", &sim.url),
            ("PROMOTION_GRAPH_CONDITIONAL_ACCESS_PER_SECOND", "100"),
            ("PROMOTION_LEASE_SECONDS", "5"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
        let mut installation = Self {
            owner: Api::new(&url, &first.token, &first.workspace_id.to_string()),
            owner_id: first.user_id.to_string(),
            stranger: Api::new(&url, &other.token, &other.workspace_id.to_string()),
            sim,
            master_key: key,
            database,
            processes: vec![simulator],
            folder,
            env,
        };
        installation.add("api", &[])?;
        installation.wait_until_ready().await?;
        Ok(installation)
    }

    /// Starts a process, `api` or `worker`, with more environment.
    pub fn add(&mut self, process: &str, more: &[(&str, &str)]) -> Result<()> {
        let mut env = self.env.clone();
        let url = match process {
            "api" => self.database.api_url(),
            _ => self.database.worker_url(),
        };
        env.push(("DATABASE_URL".to_owned(), url));
        env.extend(
            more.iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
        );
        let log = self
            .folder
            .path()
            .join(format!("{process}-{}.log", self.processes.len()));
        self.processes
            .push(Process::start(Path::new(PROCESS), &[process], &env, &log)?);
        Ok(())
    }

    async fn wait_until_ready(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(30);
        let url = format!("{}/readyz", self.owner.url);
        loop {
            if let Ok(answer) = reqwest::get(&url).await
                && answer.status().is_success()
            {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("the API is not ready:\n{}", self.logs());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Everything every process logged.
    pub fn logs(&self) -> String {
        self.processes.iter().map(Process::log_text).collect()
    }

    /// Adds the simulator's two tenants to the first workspace: our ids of source and target.
    pub async fn add_tenants(&self) -> Result<(String, String)> {
        Ok((
            self.owner.add_tenant("Contoso Lab", SOURCE).await?,
            self.owner.add_tenant("Fabrikam", TARGET).await?,
        ))
    }
}

/// Adds a member; their user id and a token narrowed to `capabilities`, if given.
pub async fn member(
    owner: &Api,
    name: &str,
    role: &str,
    capabilities: Option<&[&str]>,
) -> Result<(String, String)> {
    let body = json!({"email": format!("{name}@{role}.test"), "role": role});
    let made = owner.post("/members", &body).await?.expect(201)?;
    let user = text(&made, "user_id")?;
    let token = token(owner, name, &user, capabilities).await?;
    Ok((user, token))
}

/// A token for a member.
pub async fn token(
    owner: &Api,
    name: &str,
    user: &str,
    capabilities: Option<&[&str]>,
) -> Result<String> {
    let mut body = json!({"name": name, "user_id": user});
    if let Some(capabilities) = capabilities {
        body["capabilities"] = json!(capabilities);
    }
    let made = owner.post("/api-tokens", &body).await?.expect(201)?;
    text(&made, "token")
}

/// Gives a member a role on a tenant.
pub async fn tenant_role(owner: &Api, tenant: &str, user: &str, role: &str) -> Result<()> {
    let path = format!("/tenants/{tenant}/members/{user}");
    owner
        .put(&path, &json!({"role": role}))
        .await?
        .expect(200)?;
    Ok(())
}

/// DELETE below the workspace.
pub async fn remove(owner: &Api, tail: &str) -> Result<()> {
    let reply = owner
        .send(Method::DELETE, &owner.path(tail), &[], None)
        .await?;
    reply.expect(204).map(|_| ())
}

/// A member of an answer as text.
pub fn text(value: &Value, name: &str) -> Result<String> {
    let found = value[name].as_str().map(str::to_owned);
    found.with_context(|| format!("{name} in {value}"))
}

fn start_simulator(folder: &Path) -> Result<(Process, Sim)> {
    let (source, target) = (
        format!("{SOURCE}=builtin:source"),
        format!("{TARGET}=builtin:target"),
    );
    let arguments = [
        "graph-sim",
        "--listen",
        "127.0.0.1:0",
        "--tenant",
        &source,
        "--tenant",
        &target,
    ];
    let log = folder.join("graph-sim.log");
    let mut process = Process::start(Path::new(PROCESS), &arguments, &[], &log)?;
    let sim = Sim::new(&process.first_line()?);
    Ok((process, sim))
}
