//! Reads the worker's settings from the environment. Decides what is malformed; starts nothing.
//!
//! This is the only file of the crate that knows the names of environment variables.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

/// A variable is missing or malformed. Display is one line that names it and never shows its value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct ConfigError {
    /// Name of the variable.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// How patiently the worker looks again for what Graph has not shown yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Waits between looks for an object whose create got no clear answer.
    pub lost_create: Vec<Duration>,
    /// Waits between reads until a write shows (replication).
    pub read_back: Vec<Duration>,
    /// Longest throttling wait that is sat out; longer ones park the run.
    pub sit_out: Duration,
    /// Doubled at every read in a row that fails.
    pub trouble: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let seconds = |list: &[u64]| list.iter().map(|s| Duration::from_secs(*s)).collect();
        Self {
            lost_create: seconds(&[1, 2, 4, 8, 15]),
            read_back: seconds(&[1, 2, 4, 8, 15, 30]),
            sit_out: Duration::from_secs(30),
            trouble: Duration::from_secs(1),
        }
    }
}

impl Patience {
    /// The waits between looks for a lost create; after the last one it repeats.
    pub(crate) fn lost_create_waits(&self) -> Waits {
        Waits {
            list: self.lost_create.clone(),
            taken: 0,
        }
    }

    /// The wait after an unclear answer to a call that is safe to repeat.
    pub(crate) fn first_wait(&self) -> Duration {
        let first = self.lost_create.first().copied();
        first.unwrap_or(Duration::from_secs(1))
    }

    /// The same looks in a part of the time, for campaigns with thousands of lost answers.
    #[cfg(feature = "fail-points")]
    fn scaled(mut self, percent: u32) -> Self {
        let lists = self.lost_create.iter_mut().chain(&mut self.read_back);
        for wait in lists.chain([&mut self.trouble]) {
            *wait = *wait * percent / 100;
        }
        self
    }

    /// The whole time a lost create is looked for after it can no longer be on the wire.
    pub fn lag_window(&self) -> Duration {
        self.lost_create.iter().sum()
    }
}

/// See [`Patience::lost_create_waits`].
#[derive(Debug)]
pub(crate) struct Waits {
    list: Vec<Duration>,
    taken: usize,
}

impl Waits {
    /// The next wait.
    pub(crate) fn next(&mut self) -> Duration {
        let wait = self.list.get(self.taken).or(self.list.last()).copied();
        self.taken += 1;
        wait.unwrap_or(Duration::from_secs(1))
    }
}

/// Everything the worker is told from outside. Debug shows no secret.
#[derive(Clone)]
pub struct Config {
    /// PostgreSQL URL.
    pub database_url: String,
    /// The root of all keys, base64.
    pub master_key: String,
    /// Replaces the global cloud's Graph base URL.
    pub graph_url: Option<String>,
    /// Replaces the global cloud's login base URL.
    pub login_url: Option<String>,
    /// Whether plain http is allowed beyond loopback.
    pub allow_insecure_graph: bool,
    /// How long a claim holds without a heartbeat, in seconds.
    pub lease_seconds: u32,
    /// Runs at the same time.
    pub concurrency: usize,
    /// Writes per tenant and family in any 20 s.
    pub writes_per_20s: u32,
    /// Reads per tenant and family in any 20 s.
    pub reads_per_20s: u32,
    /// Conditional Access requests per second per tenant over all processes.
    pub conditional_access_per_second: f64,
    /// Whole time of one Graph request.
    pub graph_timeout: Duration,
    /// Where health and metrics are served.
    pub bind: Option<SocketAddr>,
    /// Tracing filter.
    pub log: String,
    /// Federated token files by name, each bound to one registration.
    pub federated_token_files: BTreeMap<String, FederatedTokenFile>,
    /// See [`Patience`].
    pub patience: Patience,
    /// How long SIGTERM leaves to what is in flight before it is released.
    pub shutdown_grace: Duration,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Config")
            .field("lease_seconds", &self.lease_seconds)
            .field("concurrency", &self.concurrency)
            .field("writes_per_20s", &self.writes_per_20s)
            .field("reads_per_20s", &self.reads_per_20s)
            .field(
                "conditional_access_per_second",
                &self.conditional_access_per_second,
            )
            .field("bind", &self.bind)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// Variables of the process that look like ours and that nobody reads.
    pub(crate) fn unknown_variables() -> Vec<String> {
        let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
        store::settings::unknown(names)
    }

    /// Reads the settings through `lookup` (the environment, or a table in tests).
    pub fn read(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| {
            lookup(name)
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        let database_url = get("DATABASE_URL").ok_or(missing("DATABASE_URL"))?;
        if !database_url.starts_with("postgres://") && !database_url.starts_with("postgresql://") {
            return Err(malformed("DATABASE_URL", "is not a postgres:// URL"));
        }
        let master_key = get("PROMOTION_MASTER_KEY").ok_or(missing("PROMOTION_MASTER_KEY"))?;
        if store::keys::MasterKey::from_base64(&master_key).is_err() {
            return Err(malformed(
                "PROMOTION_MASTER_KEY",
                "is not 32 bytes in base64",
            ));
        }
        let concurrency = number(&get, "PROMOTION_WORKER_CONCURRENCY", 4, 1, 256)?;
        let allow_insecure_graph = flag(&get, "PROMOTION_ALLOW_INSECURE_GRAPH")?;
        let graph_url = base_url(&get, "PROMOTION_GRAPH_URL", |url| {
            graph::EndpointOverrides {
                graph: Some(url),
                allow_insecure: allow_insecure_graph,
                ..graph::EndpointOverrides::default()
            }
        })?;
        let login_url = base_url(&get, "PROMOTION_LOGIN_URL", |url| {
            graph::EndpointOverrides {
                login: Some(url),
                allow_insecure: allow_insecure_graph,
                ..graph::EndpointOverrides::default()
            }
        })?;
        let patience = Patience::default();
        #[cfg(feature = "fail-points")]
        let patience = patience.scaled(number(
            &get,
            "PROMOTION_TEST_PATIENCE_PERCENT",
            100,
            1,
            100,
        )?);
        Ok(Self {
            database_url,
            master_key,
            graph_url,
            login_url,
            allow_insecure_graph,
            lease_seconds: number(&get, "PROMOTION_LEASE_SECONDS", 20, 2, 3600)?,
            concurrency: concurrency as usize,
            writes_per_20s: number(&get, "PROMOTION_GRAPH_WRITES_PER_20S", 95, 1, 100_000)?,
            reads_per_20s: number(&get, "PROMOTION_GRAPH_READS_PER_20S", 950, 1, 100_000)?,
            conditional_access_per_second: rate(
                &get,
                "PROMOTION_GRAPH_CONDITIONAL_ACCESS_PER_SECOND",
                0.8,
            )?,
            graph_timeout: Duration::from_secs(u64::from(number(
                &get,
                "PROMOTION_GRAPH_TIMEOUT_SECONDS",
                100,
                1,
                600,
            )?)),
            bind: address(&get, "PROMOTION_WORKER_BIND")?,
            log: get("PROMOTION_LOG").unwrap_or_else(|| "info".to_owned()),
            federated_token_files: token_files(&get)?,
            patience,
            shutdown_grace: Duration::from_secs(20),
        })
    }
}

const fn missing(variable: &'static str) -> ConfigError {
    ConfigError {
        variable,
        problem: "is required and not set",
    }
}

const fn malformed(variable: &'static str, problem: &'static str) -> ConfigError {
    ConfigError { variable, problem }
}

fn number(
    get: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
    default: u32,
    least: u32,
    most: u32,
) -> Result<u32, ConfigError> {
    let Some(text) = get(variable) else {
        return Ok(default);
    };
    text.parse()
        .ok()
        .filter(|value| (least..=most).contains(value))
        .ok_or(malformed(
            variable,
            "is not a whole number in the allowed range",
        ))
}

fn rate(
    get: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
    default: f64,
) -> Result<f64, ConfigError> {
    let Some(text) = get(variable) else {
        return Ok(default);
    };
    text.parse::<f64>()
        .ok()
        .filter(|value| value.is_finite() && *value > 0.0 && *value <= 100_000.0)
        .ok_or(malformed(variable, "is not a positive number"))
}

fn flag(
    get: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
) -> Result<bool, ConfigError> {
    match get(variable).as_deref() {
        None | Some("false" | "0") => Ok(false),
        Some("true" | "1") => Ok(true),
        Some(_) => Err(malformed(variable, "is neither true nor false")),
    }
}

fn address(
    get: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
) -> Result<Option<SocketAddr>, ConfigError> {
    get(variable)
        .map(|text| {
            text.parse()
                .map_err(|_| malformed(variable, "is not an address such as 127.0.0.1:9090"))
        })
        .transpose()
}

/// A base URL the Graph seam accepts: https, or http on this machine, or anywhere with leave.
fn base_url(
    get: &impl Fn(&str) -> Option<String>,
    variable: &'static str,
    overrides: impl Fn(String) -> graph::EndpointOverrides,
) -> Result<Option<String>, ConfigError> {
    let Some(text) = get(variable) else {
        return Ok(None);
    };
    match graph::Endpoints::of(graph::Cloud::Global, &overrides(text.clone())) {
        Ok(_) => Ok(Some(text)),
        Err(graph::EndpointError::Insecure) => Err(malformed(
            variable,
            "is plain http beyond this machine, which needs PROMOTION_ALLOW_INSECURE_GRAPH=true",
        )),
        Err(_) => Err(malformed(variable, "is not an http(s) base URL")),
    }
}

/// Whose credential something is: an application of an Entra tenant, in one workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// The workspace.
    pub workspace_id: Uuid,
    /// Microsoft's id of the tenant.
    pub entra_tenant_id: Uuid,
    /// The application's client id.
    pub client_id: Uuid,
}

/// A token file that exactly one registration may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedTokenFile {
    /// Whose.
    pub registration: Registration,
    /// Where.
    pub path: PathBuf,
}

/// `name=workspace_id/entra_tenant_id/client_id=path,...`. A name without a binding is refused at
/// the start: it would be everybody's.
fn token_files(
    get: &impl Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, FederatedTokenFile>, ConfigError> {
    const VARIABLE: &str = "PROMOTION_FEDERATED_TOKEN_FILES";
    let mut files = BTreeMap::new();
    for entry in get(VARIABLE).unwrap_or_default().split(',') {
        let entry = entry.trim();
        if entry.is_empty() {
            continue;
        }
        let (name, file) = token_file(entry).ok_or(malformed(
            VARIABLE,
            "is not a list such as name=workspace_id/entra_tenant_id/client_id=/path,...",
        ))?;
        if files.insert(name, file).is_some() {
            return Err(malformed(VARIABLE, "has a name twice"));
        }
    }
    Ok(files)
}

fn token_file(entry: &str) -> Option<(String, FederatedTokenFile)> {
    let mut parts = entry.splitn(3, '=').map(str::trim);
    let (name, whose, path) = (parts.next()?, parts.next()?, parts.next()?);
    let mut ids = whose.split('/').map(|id| Uuid::parse_str(id.trim()).ok());
    let registration = Registration {
        workspace_id: ids.next()??,
        entra_tenant_id: ids.next()??,
        client_id: ids.next()??,
    };
    let complete = ids.next().is_none() && !name.is_empty() && !path.is_empty();
    complete.then(|| {
        let path = PathBuf::from(path);
        (name.to_owned(), FederatedTokenFile { registration, path })
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use super::*;

    const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    fn with(more: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let mut table = BTreeMap::from([
            (
                "DATABASE_URL".to_owned(),
                "postgres://localhost/x".to_owned(),
            ),
            ("PROMOTION_MASTER_KEY".to_owned(), KEY.to_owned()),
        ]);
        for (name, value) in more {
            table.insert((*name).to_owned(), (*value).to_owned());
        }
        Config::read(|name| table.get(name).cloned())
    }

    #[test]
    fn defaults_are_those_of_the_contract() {
        let config = with(&[]).unwrap();
        assert_eq!(config.lease_seconds, 20);
        assert_eq!(config.concurrency, 4);
        assert_eq!((config.writes_per_20s, config.reads_per_20s), (95, 950));
        assert!(config.bind.is_none());
    }

    #[test]
    fn each_bad_variable_is_named() {
        for (name, value) in [
            ("DATABASE_URL", ""),
            ("DATABASE_URL", "mysql://x"),
            ("PROMOTION_MASTER_KEY", "short"),
            ("PROMOTION_LEASE_SECONDS", "soon"),
            ("PROMOTION_WORKER_CONCURRENCY", "0"),
            ("PROMOTION_GRAPH_WRITES_PER_20S", "-1"),
            ("PROMOTION_GRAPH_CONDITIONAL_ACCESS_PER_SECOND", "NaN"),
            ("PROMOTION_WORKER_BIND", "here"),
            ("PROMOTION_GRAPH_URL", "ftp://x"),
            ("PROMOTION_GRAPH_URL", "http://graph.example.com"),
            ("PROMOTION_LOGIN_URL", "http://10.0.0.1:80"),
            ("PROMOTION_ALLOW_INSECURE_GRAPH", "perhaps"),
            ("PROMOTION_FEDERATED_TOKEN_FILES", "name"),
        ] {
            let error = with(&[(name, value)]).unwrap_err();
            assert_eq!(error.variable, name, "{value}");
            assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_or_with_leave() {
        assert!(with(&[("PROMOTION_GRAPH_URL", "http://127.0.0.1:9")]).is_ok());
        let far = ("PROMOTION_GRAPH_URL", "http://graph.example.com");
        assert!(with(&[far, ("PROMOTION_ALLOW_INSECURE_GRAPH", "true")]).is_ok());
    }

    #[test]
    fn a_token_file_is_bound_to_one_registration() {
        let list = |text: &str| with(&[("PROMOTION_FEDERATED_TOKEN_FILES", text)]);
        let whose = "11111111-0000-4000-8000-000000000001/22222222-0000-4000-8000-000000000002/\
                     33333333-0000-4000-8000-000000000003";
        let config = list(&format!("a={whose}=/x=y, b={whose}=/y")).unwrap();
        let file = config.federated_token_files.get("a").unwrap();
        assert_eq!(file.path, PathBuf::from("/x=y"));
        assert_eq!(file.registration.client_id.as_u128() >> 124, 3);
        for wrong in [
            "a=/x".to_owned(),
            format!("a={whose}"),
            format!("={whose}=/x"),
            format!("a={whose}/{whose}=/x"),
            format!("a={whose}="),
            format!("a={whose}=/x,a={whose}=/y"),
            "a=one/two/three=/x".to_owned(),
        ] {
            assert!(list(&wrong).is_err(), "{wrong}");
        }
    }
}
