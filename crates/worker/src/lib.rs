//! The queue worker: the only process that talks to Microsoft Graph.
//!
//! A run walks through it like this: [`consumer`] takes a wake-up; [`run_job`] claims the run under
//! a [`lease`] with a fencing number, beats its heart and watches for a [`stop`]; the operation
//! ([`promotion`], [`inventory_sync`], [`connection_check`], [`reference_search`]) reads and writes through [`provider`]
//! and records through [`job`], whose every transaction checks the fence. [`sweeper`] wakes what
//! nobody works on. Nothing here knows a policy type; that is the domain's.

#[macro_use]
mod broken;
mod clock;
mod config;
mod connection_check;
mod consumer;
mod device_group;
mod environment;
#[macro_use]
mod fail_point;
mod health;
mod interrupt;
mod inventory_rows;
mod inventory_sync;
mod job;
mod lease;
mod links;
mod metrics;
mod notification_texts;
mod oma_secrets;
mod promotion;
mod provider;
mod read_policy;
mod read_problem;
mod reference_search;
mod run_job;
mod slots;
mod stop;
mod sweeper;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use store::queue::{QueueName, QueuePool};
use tracing_subscriber::EnvFilter;

pub use config::{Config, ConfigError, FederatedTokenFile, Patience, Registration};
use environment::Environment;
use health::Readiness;
use slots::Slots;

/// Exit code of a missing or malformed variable.
const MISCONFIGURED: u8 = 2;

/// The whole process: reads the environment, works until SIGTERM or SIGINT.
pub fn run() -> ExitCode {
    let config = match Config::read(|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(error) => {
            complain(&error.to_string());
            return ExitCode::from(MISCONFIGURED);
        }
    };
    if let Err(error) = start_logging(&config.log) {
        complain(&error.to_string());
        return ExitCode::from(MISCONFIGURED);
    }
    for variable in Config::unknown_variables() {
        tracing::warn!(
            variable,
            "an environment variable that nothing reads; is it misspelt?"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(4)
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("the runtime cannot be started: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(async {
        match Worker::start(config) {
            Ok(worker) => {
                wait_for_signal().await;
                tracing::info!("asked to end");
                worker.stop().await;
                ExitCode::SUCCESS
            }
            Err(error) => {
                tracing::error!(error = %error, "the worker cannot start");
                ExitCode::FAILURE
            }
        }
    });
    // Whatever still blocks must not hold up the exit.
    runtime.shutdown_timeout(Duration::from_secs(2));
    code
}

#[expect(
    clippy::print_stderr,
    reason = "before the log exists, one line is all an operator gets"
)]
fn complain(line: &str) {
    eprintln!("promotion-worker: {line}");
}

fn start_logging(filter: &str) -> Result<(), ConfigError> {
    let filter = EnvFilter::try_new(filter).map_err(|_| ConfigError {
        variable: "PROMOTION_LOG",
        problem: "is not a tracing filter",
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second subscriber (several services in one process) is no reason to stop.
    let _ = if std::io::stderr().is_terminal() {
        builder.try_init()
    } else {
        builder.json().try_init()
    };
    Ok(())
}

async fn wait_for_signal() {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = match signal(SignalKind::terminate()) {
        Ok(terminate) => terminate,
        Err(error) => {
            tracing::error!(error = %error, "SIGTERM cannot be watched");
            return;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}

/// A worker inside a running runtime.
pub struct Worker {
    env: Arc<Environment>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Worker").finish_non_exhaustive()
    }
}

impl Worker {
    /// Starts consuming. Must be called inside a tokio runtime. A database that is away is waited
    /// for, not an error.
    pub fn start(config: Config) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let concurrency = config.concurrency;
        let (url, bind) = (config.database_url.clone(), config.bind);
        if config.allow_insecure_graph {
            tracing::warn!("plain http to Graph is allowed beyond this machine");
        }
        let env = Arc::new(Environment::new(config)?);
        let slots = Slots::new(concurrency);
        let hands: usize = QueueName::ALL.map(|queue| slots.hands(queue)).iter().sum();
        let pool = QueuePool::connect(&url, u32::try_from(hands).unwrap_or(16));
        let readiness = Arc::new(Readiness::default());
        let mut tasks = vec![
            tokio::spawn(health::probe(Arc::clone(&env), Arc::clone(&readiness))),
            tokio::spawn(sweeper::sweep(Arc::clone(&env))),
        ];
        for queue in QueueName::ALL {
            tasks.push(tokio::spawn(consumer::consume(
                Arc::clone(&env),
                pool.clone(),
                slots.clone(),
                queue,
            )));
        }
        if let Some(bind) = bind {
            let served = health::listen(Arc::clone(&env), readiness, bind)?;
            tasks.push(tokio::spawn(async move {
                if let Err(error) = served.await {
                    tracing::error!(error = %error, "health and metrics are not served");
                }
            }));
        }
        tracing::info!(worker.process = %env.process, worker.concurrency = concurrency, "worker started");
        Ok(Self { env, tasks })
    }

    /// Claims nothing more, finishes or releases what is held, ends within the grace.
    pub async fn stop(self) {
        self.env.shutdown.cancel();
        let grace = self.env.config.shutdown_grace;
        let ended = async {
            for task in self.tasks {
                let _ = task.await;
            }
            while self.env.active_runs() > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(grace, ended).await.is_err() {
            tracing::warn!("some work was not released in time; its leases run out");
        }
    }

    /// Ends at once, as a killed process would: nothing is released.
    pub fn abort(self) {
        for task in self.tasks {
            task.abort();
        }
    }
}
