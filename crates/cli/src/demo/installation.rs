//! What the demo stands on: a database, the simulator, API and worker, each a real process, with a
//! fresh master key. Everything is gone when it is dropped.

use std::fmt::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use store::keys::MasterKey;
use tempfile::TempDir;

use crate::arguments::{DemoArguments, ProcessName};
use crate::client::http::Http;
use crate::client::workspace::Workspace;
use crate::demo::graph::Graph;
use crate::demo::narrator::Narrator;
use crate::demo::processes::Process;
use crate::ending::Failure;
use crate::environment;
use crate::show;

/// Entra id of the source tenant.
pub(crate) const SOURCE: &str = "0c7a5f3e-4d1b-4a52-9f64-3e1d2c5b7a10";
/// Entra id of the target tenant.
pub(crate) const TARGET: &str = "8d2e6b94-71c3-4f0a-b5d8-6a9c0f4e2d35";
/// Conditional Access calls per second in the demo. The real service takes one.
const CONDITIONAL_ACCESS_PER_SECOND: &str = "50";

/// Where to look.
#[derive(Clone, Debug)]
pub(crate) struct Urls {
    /// The API.
    pub(crate) api: String,
    /// The simulator.
    pub(crate) graph: String,
}

/// A running installation. The order of the members is the order in which they stop.
pub(crate) struct Installation {
    worker: Process,
    api: Process,
    simulator: Process,
    /// Kept for its end: dropping it stops the private database server.
    _database: Database,
    folder: Option<TempDir>,
    folder_path: PathBuf,
    /// A client of the API as the workspace's owner.
    pub(crate) workspace: Workspace,
    /// The simulator's control endpoints.
    pub(crate) graph: Graph,
    /// Where to look.
    pub(crate) urls: Urls,
    /// The owner's token.
    pub(crate) token: String,
    /// The workspace.
    pub(crate) workspace_id: String,
}

/// The database: the caller's, or a private server.
enum Database {
    Given(String),
    Private(store::dev_cluster::DevCluster),
}

impl Database {
    fn url(&self) -> String {
        match self {
            Self::Given(url) => url.clone(),
            Self::Private(cluster) => cluster.url(),
        }
    }
}

impl Installation {
    /// Starts everything, telling what it does. Blocking.
    pub(crate) fn prepare(arguments: &DemoArguments, narrator: Narrator) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new()
            .prefix("promotion-demo-")
            .tempdir()?;
        let started = Self::start(arguments, narrator, folder.path());
        match started {
            Ok(mut installation) => {
                installation.folder = Some(folder);
                Ok(installation)
            }
            Err(failure) => {
                show::note(&format!("logs: {}", folder.keep().display()));
                Err(failure)
            }
        }
    }

    fn start(
        arguments: &DemoArguments,
        narrator: Narrator,
        folder: &Path,
    ) -> Result<Self, Failure> {
        narrator.step("Database");
        let database = database(narrator)?;
        let database_url = database.url();
        store::migrate::migrate(&database_url)?;
        let master_key = MasterKey::generate().to_base64().to_string();
        let name = format!(
            "Demo {}",
            chrono::Utc::now().format("%Y-%m-%d %H:%M:%S%.3f")
        );
        let made =
            store::bootstrap::bootstrap(&database_url, &master_key, &name, "owner@demo.example")?;
        narrator.line(&format!("   schema is current; workspace \"{name}\" made"));

        narrator.step("Simulated Microsoft Graph, API and worker");
        let (simulator, graph) = start_simulator(arguments, folder)?;
        narrator.line(&format!("   graph-sim  {}", graph.url));
        let mut variables = vec![
            (environment::DATABASE_URL, database_url),
            (environment::MASTER_KEY, master_key),
            ("PROMOTION_LOG", "info".to_owned()),
        ];
        let (api, api_url) = start_api(&variables, folder)?;
        narrator.line(&format!("   api        {api_url}"));
        variables.extend([
            ("PROMOTION_GRAPH_URL", graph.url.clone()),
            ("PROMOTION_LOGIN_URL", graph.url.clone()),
            (
                "PROMOTION_GRAPH_CONDITIONAL_ACCESS_PER_SECOND",
                CONDITIONAL_ACCESS_PER_SECOND.to_owned(),
            ),
        ]);
        let worker = start_worker(variables, folder)?;
        narrator.line(&format!(
            "   worker     started; Conditional Access may be called {CONDITIONAL_ACCESS_PER_SECOND} times a second, since this is not Microsoft (whose limit is 1)"
        ));
        let workspace_id = made.workspace_id.to_string();
        Ok(Self {
            worker,
            api,
            simulator,
            _database: database,
            folder_path: folder.to_owned(),
            folder: None,
            workspace: Workspace::with_id(Http::new(&api_url, &made.token)?, &workspace_id),
            urls: Urls {
                api: api_url,
                graph: graph.url.clone(),
            },
            graph,
            token: made.token,
            workspace_id,
        })
    }

    /// The end of every log, for a demo that failed.
    pub(crate) fn last_words(&self) -> String {
        let mut text = String::new();
        for process in [&self.worker, &self.api, &self.simulator] {
            let _ = writeln!(text, "{}", process.log_end());
        }
        text
    }

    /// Leaves the logs behind and says where.
    pub(crate) fn keep_logs(&mut self) {
        if let Some(folder) = self.folder.take() {
            let _kept = folder.keep();
        }
        self.say_logs();
    }

    /// Says where the logs are.
    pub(crate) fn say_logs(&self) {
        show::note(&format!("logs: {}", self.folder_path.display()));
    }
}

fn database(narrator: Narrator) -> Result<Database, Failure> {
    if let Some(url) = environment::optional_database_url()? {
        narrator.line("   DATABASE_URL is set: using that database, adding one workspace to it");
        return Ok(Database::Given(url));
    }
    let cluster = store::dev_cluster::DevCluster::start()?;
    narrator.line("   private PostgreSQL server on a loopback port, stopped at the end");
    Ok(Database::Private(cluster))
}

fn start_simulator(arguments: &DemoArguments, folder: &Path) -> Result<(Process, Graph), Failure> {
    let real = arguments.source_export.is_some() || arguments.target_export.is_some();
    let tenant = |id: &str, export: Option<&PathBuf>, builtin: &str| match export {
        Some(export) => format!("{id}={}", export.display()),
        None if builtin.is_empty() => id.to_owned(),
        None => format!("{id}=builtin:{builtin}"),
    };
    for export in [&arguments.source_export, &arguments.target_export] {
        if let Some(export) = export
            && !export.is_dir()
        {
            return Err(Failure::Usage(format!(
                "{} is not a folder",
                export.display()
            )));
        }
    }
    let target = if real { "" } else { "target" };
    let words = [
        "--listen".to_owned(),
        "127.0.0.1:0".to_owned(),
        "--tenant".to_owned(),
        tenant(SOURCE, arguments.source_export.as_ref(), "source"),
        "--tenant".to_owned(),
        tenant(TARGET, arguments.target_export.as_ref(), target),
    ];
    let mut process = Process::start(ProcessName::GraphSim, &words, &[], folder)?;
    let url = process.first_line()?;
    Ok((process, Graph::new(url)))
}

fn start_api(variables: &[(&str, String)], folder: &Path) -> Result<(Process, String), Failure> {
    let address = free_address()?;
    let mut variables = variables.to_vec();
    variables.push(("PROMOTION_BIND", address.clone()));
    let mut process = Process::start(ProcessName::Api, &[], &variables, folder)?;
    process.wait_until(|| is_ready(&address))?;
    Ok((process, format!("http://{address}")))
}

fn start_worker(mut variables: Vec<(&str, String)>, folder: &Path) -> Result<Process, Failure> {
    let address = free_address()?;
    variables.push(("PROMOTION_WORKER_BIND", address.clone()));
    let mut process = Process::start(ProcessName::Worker, &[], &variables, folder)?;
    process.wait_until(|| is_ready(&address))?;
    Ok(process)
}

/// A loopback address that was free a moment ago.
fn free_address() -> Result<String, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

/// Whether `/readyz` answers 200; by hand, since this runs outside the asynchronous world.
fn is_ready(address: &str) -> bool {
    use std::io::{Read, Write};
    use std::time::Duration;
    let ask = || -> std::io::Result<String> {
        let mut stream = std::net::TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        write!(
            stream,
            "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
        )?;
        let mut start = [0_u8; 12];
        stream.read_exact(&mut start)?;
        Ok(String::from_utf8_lossy(&start).into_owned())
    };
    ask().is_ok_and(|status| status.ends_with(" 200"))
}
