//! One whole installation per test: database, simulator with two tenants, API and worker processes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine;
use serde_json::{Value, json};

use crate::client::Api;
use crate::process::Process;
use crate::sim::Sim;

/// Entra tenant id of the source.
pub const SOURCE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
/// Entra tenant id of the target.
pub const TARGET: &str = "bbbbbbbb-0000-4000-8000-000000000002";

/// What a tenant of the simulator starts with.
#[derive(Clone, Debug)]
pub enum Content {
    /// Nothing.
    Empty,
    /// The committed synthetic corpus of this name.
    Builtin(&'static str),
    /// A folder of exports.
    Folder(PathBuf),
}

/// How to start a stack.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The source tenant.
    pub source: Content,
    /// The target tenant.
    pub target: Content,
    /// API processes.
    pub apis: usize,
    /// Worker processes.
    pub workers: usize,
    /// More environment for the workers.
    pub worker_env: Vec<(String, String)>,
    /// More arguments for the simulator.
    pub simulator: Vec<String>,
    /// A database server of its own with so many connections, which can be restarted.
    pub own_server: Option<u32>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            source: Content::Builtin("source"),
            target: Content::Builtin("target"),
            apis: 1,
            workers: 1,
            worker_env: Vec::new(),
            simulator: Vec::new(),
            own_server: None,
        }
    }
}

/// What keeps the database there.
#[derive(Debug)]
enum Database {
    Shared {
        _database: store::dev_cluster::TestDatabase,
    },
    Own(store::dev_cluster::DevCluster),
}

/// The database as its superuser, the API and a worker reach it.
#[derive(Debug)]
struct Urls {
    admin: String,
    api: String,
    worker: String,
}

/// The processes run as the roles they have in production, never as a superuser.
fn start_database(own_server: Option<u32>) -> Result<(Urls, Database)> {
    let Some(connections) = own_server else {
        let database = store::dev_cluster::TestDatabase::create()?;
        let urls = Urls {
            admin: database.url().to_owned(),
            api: database.api_url(),
            worker: database.worker_url(),
        };
        return Ok((
            urls,
            Database::Shared {
                _database: database,
            },
        ));
    };
    let server = store::dev_cluster::DevCluster::start_lasting(connections)?;
    store::dev_cluster::migrate_with_roles(&server.url())?;
    let urls = Urls {
        admin: server.url(),
        api: server.url_as(store::roles::API, "postgres"),
        worker: server.url_as(store::roles::WORKER, "postgres"),
    };
    Ok((urls, Database::Own(server)))
}

/// A running installation. Everything stops when it is dropped.
#[derive(Debug)]
pub struct Stack {
    /// Client of the first API process, as the workspace's owner.
    pub api: Api,
    /// Base URLs of all API processes.
    pub api_urls: Vec<String>,
    /// The simulator.
    pub sim: Sim,
    /// Our id of the source tenant.
    pub source: String,
    /// Our id of the target tenant.
    pub target: String,
    /// The database, as its superuser.
    pub database_url: String,
    worker_url: String,
    /// Worker processes, to be killed and paused.
    pub workers: Vec<Process>,
    /// API processes.
    pub apis: Vec<Process>,
    simulator: Process,
    worker_env: Vec<(String, String)>,
    binary: PathBuf,
    folder: tempfile::TempDir,
    database: Database,
}

impl Stack {
    /// Starts an installation; `binary` is `env!("CARGO_BIN_EXE_promotion-process")`.
    pub async fn start(binary: &str, plan: Plan) -> Result<Self> {
        let binary = PathBuf::from(binary);
        let folder = tempfile::tempdir()?;
        let own_server = plan.own_server;
        let (urls, database) =
            tokio::task::spawn_blocking(move || start_database(own_server)).await??;
        let database_url = urls.admin.clone();
        let master_key =
            base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 32]>());

        let (simulator, sim) = start_simulator(&binary, folder.path(), &plan)?;
        let mut env = vec![
            ("DATABASE_URL".to_owned(), database_url.clone()),
            ("PROMOTION_MASTER_KEY".to_owned(), master_key),
            ("PROMOTION_LOG".to_owned(), "info".to_owned()),
        ];
        let (workspace, token) = bootstrap(&env, "Test workspace")?;
        let mut apis = Vec::new();
        let mut api_urls = Vec::new();
        for number in 0..plan.apis {
            let port = free_port()?;
            let mut api_env = env.clone();
            api_env.push(("PROMOTION_BIND".to_owned(), format!("127.0.0.1:{port}")));
            api_env.push(("DATABASE_URL".to_owned(), urls.api.clone()));
            let log = folder.path().join(format!("api-{number}.log"));
            apis.push(Process::start(&binary, &["api"], &api_env, &log)?);
            api_urls.push(format!("http://127.0.0.1:{port}"));
        }
        env.extend([
            ("PROMOTION_GRAPH_URL".to_owned(), sim.url.clone()),
            ("PROMOTION_LOGIN_URL".to_owned(), sim.url.clone()),
            (
                "PROMOTION_GRAPH_CONDITIONAL_ACCESS_PER_SECOND".to_owned(),
                "100".to_owned(),
            ),
            ("PROMOTION_LEASE_SECONDS".to_owned(), "5".to_owned()),
        ]);
        env.extend(plan.worker_env.clone());
        let first = api_urls.first().context("at least one API process")?;
        let api = Api::new(first, &token, &workspace);
        for (process, url) in apis.iter().zip(&api_urls) {
            wait_until_ready(url, process).await?;
        }
        let source = api.add_tenant("Contoso Lab", SOURCE).await?;
        let target = api.add_tenant("Fabrikam", TARGET).await?;
        let mut stack = Self {
            api,
            api_urls,
            sim,
            source,
            target,
            database_url,
            worker_url: urls.worker,
            workers: Vec::new(),
            apis,
            simulator,
            worker_env: env,
            binary,
            folder,
            database,
        };
        for _ in 0..plan.workers {
            stack.add_worker()?;
        }
        Ok(stack)
    }

    /// Starts one more worker.
    pub fn add_worker(&mut self) -> Result<()> {
        self.add_worker_with(&[])
    }

    /// Starts one more worker with more environment. The database knows it as `worker-{number}`.
    pub fn add_worker_with(&mut self, more: &[(&str, &str)]) -> Result<()> {
        let name = format!("worker-{}", self.workers.len());
        let log = self.folder.path().join(format!("{name}.log"));
        let mut env = self.worker_env.clone();
        for (key, value) in more {
            env.push(((*key).to_owned(), (*value).to_owned()));
        }
        let url = format!("{}?application_name={name}", self.worker_url);
        env.push(("DATABASE_URL".to_owned(), url));
        self.workers
            .push(Process::start(&self.binary, &["worker"], &env, &log)?);
        Ok(())
    }

    /// Restarts the database server, in good order or as a crash would. Blocks.
    pub fn restart_database(&mut self, crash: bool) -> Result<()> {
        match &mut self.database {
            Database::Own(server) => Ok(server.restart(crash)?),
            Database::Shared { .. } => bail!("other tests use this server too"),
        }
    }

    /// Makes one more workspace; a client of the first API process as its owner.
    pub fn other_workspace(&self, name: &str) -> Result<Api> {
        let (workspace, token) = bootstrap(&self.worker_env, name)?;
        let url = self.api_urls.first().context("at least one API process")?;
        Ok(Api::new(url, &token, &workspace))
    }

    /// A selection of the two tenants and nothing else.
    pub fn selection(&self) -> Value {
        json!({"source_tenant_id": self.source, "target_tenant_id": self.target})
    }

    /// Captures both tenants; both runs must succeed.
    pub async fn sync_both(&self) -> Result<()> {
        for tenant in [&self.source, &self.target] {
            let run = self.api.sync(tenant).await?;
            if run["outcome"] != "succeeded" {
                let id = run["id"].as_str().unwrap_or_default();
                bail!(
                    "sync: {run}\nitems: {}\n{}",
                    json!(self.api.items(id).await?),
                    self.logs()
                );
            }
        }
        Ok(())
    }

    /// The end of every process's log, for failure messages.
    pub fn logs(&self) -> String {
        let mut text = String::new();
        for process in self
            .workers
            .iter()
            .chain(&self.apis)
            .chain([&self.simulator])
        {
            let log = process.log_text();
            let start = log.len().saturating_sub(4000);
            let tail = log.get(start..).unwrap_or(&log);
            let _ = writeln!(text, "--- {}\n{tail}", process.log.display());
        }
        text
    }
}

fn start_simulator(binary: &Path, folder: &Path, plan: &Plan) -> Result<(Process, Sim)> {
    let tenant = |id: &str, content: &Content| match content {
        Content::Empty => format!("{id}="),
        Content::Builtin(name) => format!("{id}=builtin:{name}"),
        Content::Folder(path) => format!("{id}={}", path.display()),
    };
    let (source, target) = (tenant(SOURCE, &plan.source), tenant(TARGET, &plan.target));
    let mut arguments = vec![
        "graph-sim",
        "--listen",
        "127.0.0.1:0",
        "--tenant",
        &source,
        "--tenant",
        &target,
    ];
    arguments.extend(plan.simulator.iter().map(String::as_str));
    let mut process = Process::start(binary, &arguments, &[], &folder.join("graph-sim.log"))?;
    let sim = Sim::new(&process.first_line()?);
    Ok((process, sim))
}

/// Makes a workspace straight in the database, as `promotionctl bootstrap` does.
fn bootstrap(env: &[(String, String)], workspace: &str) -> Result<(String, String)> {
    let value = |name: &str| {
        env.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.clone())
            .context(name.to_owned())
    };
    let made = store::bootstrap::bootstrap(
        &value("DATABASE_URL")?,
        &value("PROMOTION_MASTER_KEY")?,
        workspace,
        "owner@example.test",
    )?;
    Ok((made.workspace_id.to_string(), made.token))
}

/// A port of the loopback interface that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

async fn wait_until_ready(url: &str, process: &Process) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        if let Ok(answer) = reqwest::get(format!("{url}/readyz")).await
            && answer.status().is_success()
        {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{url} is not ready; its log:\n{}", process.log_text());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
