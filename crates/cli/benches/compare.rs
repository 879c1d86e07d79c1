//! How long a warm compare of two captured tenants of 2,000 policies takes, and how much memory the
//! API needs for it. Everything is real: the policies come from the simulator over HTTP, the worker
//! captures them, the API is a process of its own.
//!
//! `cargo bench -p promotion-cli --bench compare` (release profile). `COMPARE_POLICIES=n` changes the
//! size. The figures that must hold: under 400 ms and under 200 MB resident.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use store::dev_cluster::DevCluster;
use store::keys::MasterKey;

const SOURCE: &str = "0c7a5f3e-4d1b-4a52-9f64-3e1d2c5b7a10";
const TARGET: &str = "8d2e6b94-71c3-4f0a-b5d8-6a9c0f4e2d35";
const ROUNDS: usize = 30;

struct Process(Child);

impl Process {
    fn start(name: &str, arguments: &[String], environment: &[(&str, String)]) -> Result<Self> {
        let child = Command::new(env!("CARGO_BIN_EXE_promotionctl"))
            .args(["__process", name])
            .args(arguments)
            .env_clear()
            .envs(environment.iter().map(|(name, value)| (*name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    /// A figure of `/proc/{pid}/status` in kilobytes.
    fn memory(&self, figure: &str) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status
            .lines()
            .find(|line| line.starts_with(figure))
            .context("no such figure")?;
        let number = line.split_whitespace().nth(1).context("no number")?;
        Ok(number.parse()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// One settings catalog policy with ten settings; every tenth differs in the target.
fn policy(number: usize, target: bool) -> Value {
    const PREFIX: &str = "#microsoft.graph.deviceManagementConfiguration";
    let changed = target && number.is_multiple_of(10);
    let settings: Vec<Value> = (0..10)
        .map(|setting| {
            let definition = format!("device_vendor_msft_policy_config_bench_{setting}");
            let value = number * 31 + setting + usize::from(changed && setting == 3);
            json!({
                "id": setting.to_string(),
                "settingInstance": {
                    "@odata.type": format!("{PREFIX}SimpleSettingInstance"),
                    "settingDefinitionId": definition,
                    "settingInstanceTemplateReference": null,
                    "simpleSettingValue": {
                        "@odata.type": format!("{PREFIX}IntegerSettingValue"),
                        "settingValueTemplateReference": null,
                        "value": value,
                    },
                },
            })
        })
        .collect();
    json!({
        "@odata.type": format!("{PREFIX}Policy"),
        "name": format!("Benchmark policy {number:05}"),
        "description": "A policy of the benchmark",
        "platforms": "windows10",
        "technologies": "mdm",
        "roleScopeTagIds": ["0"],
        "settingCount": 10,
        "templateReference": {"templateId": "", "templateFamily": "none"},
        "settings": settings,
    })
}

/// Writes the exports of one tenant; the target lacks every twentieth policy.
fn write_exports(folder: &Path, policies: usize, target: bool) -> Result<()> {
    let folder = folder.join("configurationPolicies");
    std::fs::create_dir_all(&folder)?;
    for number in 0..policies {
        if target && number % 20 == 7 {
            continue;
        }
        let file = folder.join(format!("{number:05}.json"));
        std::fs::write(file, policy(number, target).to_string())?;
    }
    Ok(())
}

struct Api {
    base: String,
    token: String,
    client: reqwest::Client,
}

impl Api {
    async fn send(&self, method: reqwest::Method, tail: &str, body: &Value) -> Result<Value> {
        let request = self
            .client
            .request(method, format!("{}{tail}", self.base))
            .bearer_auth(&self.token)
            .json(body);
        let answer = request.send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{tail}: {status} {text}");
        }
        Ok(serde_json::from_str(&text)?)
    }

    async fn post(&self, tail: &str, body: &Value) -> Result<Value> {
        self.send(reqwest::Method::POST, tail, body).await
    }

    async fn add_tenant(&self, name: &str, entra: &str) -> Result<String> {
        let body = json!({"display_name": name, "entra_tenant_id": entra});
        let tenant = self.post("/tenants", &body).await?;
        let id = tenant.get("id").and_then(Value::as_str).context("id")?;
        let connection = json!({"cloud": "global",
            "client_id": "4f6c1d0a-8b27-4e39-a5c1-0d9e7f3b2a64",
            "credential": {"kind": "client_secret", "client_secret": "benchmark"}});
        let tail = format!("/tenants/{id}/connection");
        self.send(reqwest::Method::PUT, &tail, &connection).await?;
        Ok(id.to_owned())
    }

    async fn capture(&self, tenant: &str) -> Result<()> {
        let tail = format!("/tenants/{tenant}/inventory-syncs");
        let body = json!({"policy_types": ["configurationPolicies"]});
        let started = self.post(&tail, &body).await?;
        let id = started.pointer("/operation_run/id").and_then(Value::as_str);
        let id = id.context("run id")?;
        loop {
            let url = format!("{}/operation-runs/{id}", self.base);
            let answer = self.client.get(url).bearer_auth(&self.token).send().await?;
            let run: Value = serde_json::from_str(&answer.text().await?)?;
            if run.get("status") == Some(&json!("completed")) {
                if run.get("outcome") != Some(&json!("succeeded")) {
                    bail!("the capture did not succeed: {run}");
                }
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

fn free_address() -> Result<String> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string())
}

#[tokio::main]
async fn main() -> Result<()> {
    let policies: usize = std::env::var("COMPARE_POLICIES").map_or(Ok(2_000), |n| n.parse())?;
    let folder = tempfile::tempdir()?;
    let mut words = vec!["--listen".to_owned(), "127.0.0.1:0".to_owned()];
    for (tenant, is_target) in [(SOURCE, false), (TARGET, true)] {
        let exports = folder.path().join(tenant);
        write_exports(&exports, policies, is_target)?;
        words.extend([
            "--tenant".to_owned(),
            format!("{tenant}={}", exports.display()),
        ]);
    }
    let mut simulator = Process::start("graph-sim", &words, &[])?;
    let mut graph = String::new();
    let stdout = simulator.0.stdout.take().context("stdout")?;
    BufReader::new(stdout).read_line(&mut graph)?;
    let graph = graph.trim().to_owned();

    let (cluster, made, key) = tokio::task::spawn_blocking(|| -> Result<_> {
        let cluster = DevCluster::start()?;
        store::migrate::migrate(&cluster.url())?;
        let key = MasterKey::generate().to_base64().to_string();
        let made =
            store::bootstrap::bootstrap(&cluster.url(), &key, "Benchmark", "bench@demo.example")?;
        Ok((cluster, made, key))
    })
    .await??;
    let address = free_address()?;
    let mut environment = vec![
        ("DATABASE_URL", cluster.url()),
        ("PROMOTION_MASTER_KEY", key),
        ("PROMOTION_BIND", address.clone()),
        ("PROMOTION_LOG", "warn".to_owned()),
    ];
    let api_process = Process::start("api", &[], &environment)?;
    environment.extend([
        ("PROMOTION_GRAPH_URL", graph.clone()),
        ("PROMOTION_LOGIN_URL", graph),
        ("PROMOTION_GRAPH_READS_PER_20S", "100000".to_owned()),
    ]);
    let _worker = Process::start("worker", &[], &environment)?;
    let api = Api {
        base: format!("http://{address}/v1/workspaces/{}", made.workspace_id),
        token: made.token,
        client: reqwest::Client::new(),
    };
    for _ in 0..200 {
        if std::net::TcpStream::connect(&address).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let source = api.add_tenant("Source", SOURCE).await?;
    let target = api.add_tenant("Target", TARGET).await?;
    let began = Instant::now();
    api.capture(&source).await?;
    api.capture(&target).await?;
    println!(
        "captured 2 x {policies} policies in {:.1} s",
        began.elapsed().as_secs_f64()
    );

    let selection = json!({"source_tenant_id": source, "target_tenant_id": target});
    let began = Instant::now();
    let first = api.post("/cross-tenant-compare", &selection).await?;
    println!(
        "first compare {:.0} ms: {}",
        milliseconds(began),
        first.get("summary").unwrap_or(&Value::Null)
    );
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        api.post("/cross-tenant-compare", &selection).await?;
        times.push(milliseconds(began));
    }
    times.sort_by(f64::total_cmp);
    let figure = |place: usize| times.get(place).copied().unwrap_or(f64::INFINITY);
    let (median, worst) = (figure(ROUNDS / 2), figure(ROUNDS - 1));
    let (resident, peak) = (api_process.memory("VmRSS")?, api_process.memory("VmHWM")?);
    println!(
        "warm compare of {policies} policies: median {median:.0} ms, worst of {ROUNDS} {worst:.0} ms; API resident {} MB, peak {} MB",
        resident / 1024,
        peak / 1024
    );
    if median > 400.0 || resident > 200 * 1024 {
        bail!("over the limit of 400 ms and 200 MB");
    }
    Ok(())
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}
