//! A database, a simulator with two tenants and workers inside this process.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

pub mod certificates;
mod plan;

use std::time::{Duration, Instant};

use graph_sim::{Options as SimOptions, Running, Side, TenantSpec};
use serde_json::{Value, json};
use store::connections::{self, CREDENTIAL_COLUMN, NewConnection};
use store::dev_cluster::TestDatabase;
use store::keys::MasterKey;
use store::queue::{self, QueueName, WakeUp};
use store::run_items::{self, ItemRow};
use store::runs::{self, NewRun, RunInsert, RunRow};
use store::tenants::{self, NewTenant};
use store::{Db, StoreError};
use uuid::Uuid;
use worker::{Config, Worker};

pub use plan::Plan;

/// Entra tenant ids.
pub const SOURCE: &str = "11111111-1111-4111-8111-111111111111";
/// The other one.
pub const TARGET: &str = "22222222-2222-4222-8222-222222222222";

/// Everything a story needs.
pub struct Stack {
    pub db: Db,
    pub sim: Running,
    pub http: reqwest::Client,
    pub workspace_id: Uuid,
    pub user_id: Uuid,
    pub source_id: Uuid,
    pub target_id: Uuid,
    pub config: Config,
    pub master_key: String,
    /// The database as its superuser; the worker has its own role's.
    pub admin_url: String,
    _database: TestDatabase,
}

impl Stack {
    /// Both tenants with the synthetic corpus.
    pub async fn start() -> Self {
        Self::with(vec![
            TenantSpec::builtin(SOURCE, Side::Source),
            TenantSpec::builtin(TARGET, Side::Target),
        ])
        .await
    }

    /// With tenants of one's own; the first is the source.
    pub async fn with(specs: Vec<TenantSpec>) -> Self {
        let database = tokio::task::spawn_blocking(TestDatabase::create)
            .await
            .unwrap()
            .unwrap();
        let url = database.url().to_owned();
        let sim = tokio::task::spawn_blocking(move || {
            graph_sim::start(SimOptions {
                tenants: specs,
                ..SimOptions::default()
            })
        })
        .await
        .unwrap()
        .unwrap();
        let master = MasterKey::generate();
        let master_key = master.to_base64().to_string();
        let (at, key) = (url.clone(), master_key.clone());
        let made = tokio::task::spawn_blocking(move || {
            let made = store::bootstrap::bootstrap(&at, &key, "Test", "owner@example.com")?;
            // Runs of these tests are started without a token: by somebody who signed in.
            let identity = store::identities::Identity {
                issuer: "https://login.test".to_owned(),
                subject: "owner".to_owned(),
            };
            let mut conn = store::db::establish(&at)?;
            let (workspace, user) = (made.workspace_id, made.user_id);
            store::identities::put_identity(&mut conn, workspace, user, &identity)?;
            Ok::<_, StoreError>(made)
        })
        .await
        .unwrap()
        .unwrap();
        let db = Db::connect(&url, 4).unwrap();
        // As in production: never as the superuser.
        let config = config(&database.worker_url(), &master_key, sim.base_url());
        let mut stack = Self {
            db,
            http: reqwest::Client::new(),
            workspace_id: made.workspace_id,
            user_id: made.user_id,
            source_id: Uuid::nil(),
            target_id: Uuid::nil(),
            config,
            master_key,
            admin_url: url,
            sim,
            _database: database,
        };
        stack.source_id = stack.add_tenant("Contoso Lab", SOURCE, &master).await;
        stack.target_id = stack.add_tenant("Fabrikam", TARGET, &master).await;
        stack
    }

    /// A tenant with its connection.
    pub async fn add_tenant(&self, name: &str, entra: &str, master: &MasterKey) -> Uuid {
        let id = Uuid::now_v7();
        let sealed = master
            .sealing_key()
            .seal(
                id,
                CREDENTIAL_COLUMN,
                json!({"kind": "client_secret", "client_secret": "s3cret"})
                    .to_string()
                    .as_bytes(),
            )
            .unwrap();
        let (workspace_id, name) = (self.workspace_id, name.to_owned());
        let entra: Uuid = entra.parse().unwrap();
        self.db
            .transaction(move |conn| {
                tenants::insert_tenant(
                    conn,
                    &NewTenant {
                        id,
                        workspace_id,
                        display_name: name.clone(),
                        entra_tenant_id: entra,
                    },
                )?;
                connections::put_connection(
                    conn,
                    &NewConnection {
                        tenant_id: id,
                        workspace_id,
                        cloud: "global".to_owned(),
                        client_id: Uuid::from_u128(7),
                        credential_kind: "client_secret".to_owned(),
                        credential: sealed.clone(),
                        credential_expires_at: None,
                    },
                )?;
                Ok::<_, StoreError>(id)
            })
            .await
            .unwrap()
    }

    /// A worker in this process.
    pub fn worker(&self) -> Worker {
        Worker::start(self.config.clone()).unwrap()
    }

    /// Queues a run without items.
    pub async fn queue(&self, operation: &str, tenant_id: Uuid, context: Value) -> Uuid {
        self.queue_with(operation, tenant_id, None, context, Vec::new())
            .await
    }

    /// Queues a run with its items and its job.
    pub async fn queue_with(
        &self,
        operation: &str,
        tenant_id: Uuid,
        source_tenant_id: Option<Uuid>,
        context: Value,
        items: Vec<run_items::NewItem>,
    ) -> Uuid {
        let id = Uuid::now_v7();
        let new = NewRun {
            id,
            workspace_id: self.workspace_id,
            operation_type: operation.to_owned(),
            tenant_id,
            source_tenant_id,
            identity: format!("test:{id}"),
            context,
            launch_context: None,
            summary_counts: runs::initial_counts(items.len()),
            initiator_user_id: self.user_id,
            initiator_token_id: None,
        };
        self.db
            .transaction(move |conn| {
                let RunInsert::Inserted(row) = runs::insert_run(conn, &new)? else {
                    return Err(StoreError::Conflict("operation run"));
                };
                let items: Vec<_> = items
                    .iter()
                    .cloned()
                    .map(|item| run_items::NewItem {
                        operation_run_id: id,
                        ..item
                    })
                    .collect();
                run_items::insert_items(conn, &items)?;
                let wake_up = WakeUp {
                    run_id: id,
                    wake_seq: row.wake_seq,
                };
                let queue = QueueName::of_operation(&new.operation_type);
                queue::enqueue(conn, queue, wake_up, Duration::ZERO)?;
                Ok(id)
            })
            .await
            .unwrap()
    }

    /// Syncs both tenants to their end.
    pub async fn sync_both(&self) {
        for tenant in [self.source_id, self.target_id] {
            let run = self
                .queue("inventory.sync", tenant, json!({"policy_types": null}))
                .await;
            let row = self.finished(run).await;
            let items = self.items(run).await;
            assert_eq!(row.outcome, "succeeded", "{row:?} {items:#?}");
        }
    }

    /// Queues a promotion of everything ready.
    pub async fn promote(&self, plan: &Plan) -> Uuid {
        self.queue_with(
            "promotion.execute",
            self.target_id,
            Some(self.source_id),
            plan.context.clone(),
            plan.items.clone(),
        )
        .await
    }

    /// A run's row.
    pub async fn run(&self, id: Uuid) -> RunRow {
        self.db
            .run(move |conn| runs::load_run(conn, id))
            .await
            .unwrap()
    }

    /// A run's items.
    pub async fn items(&self, id: Uuid) -> Vec<ItemRow> {
        self.db
            .run(move |conn| run_items::load_items(conn, id))
            .await
            .unwrap()
    }

    /// Waits until a run is over.
    pub async fn finished(&self, id: Uuid) -> RunRow {
        self.wait_for(id, 120, |row| row.status == "completed")
            .await
    }

    /// Waits for a state; prints the run's history on time-out.
    pub async fn wait_for(&self, id: Uuid, seconds: u64, done: impl Fn(&RunRow) -> bool) -> RunRow {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            let row = self.run(id).await;
            if done(&row) {
                return row;
            }
            assert!(
                Instant::now() < deadline,
                "{row:#?}\n{:#?}",
                self.items(id).await
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The simulator's control endpoints.
    pub async fn control(&self, method: &str, path: &str, body: Option<Value>) -> Value {
        let url = format!("{}/__sim{path}", self.sim.base_url());
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or(Value::Null)
    }

    /// Adds a fault.
    pub async fn fault(&self, fault: Value) {
        self.control("POST", "/faults", Some(fault)).await;
    }

    /// Writes of a tenant, in order.
    pub async fn writes(&self, tenant: &str) -> Vec<Value> {
        let path = format!("/journal?tenant={tenant}&writes_only=true");
        let answer = self.control("GET", &path, None).await;
        answer
            .get("items")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }

    /// Objects of a collection.
    pub async fn objects(&self, tenant: &str, collection: &str) -> Vec<Value> {
        let path = format!("/tenants/{tenant}/objects?collection={collection}");
        let answer = self.control("GET", &path, None).await;
        let list = answer.get("items").or_else(|| answer.get("value"));
        list.or(Some(&answer))
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    }
}

fn config(url: &str, master_key: &str, graph: &str) -> Config {
    let mut config = Config::read(|name| {
        Some(
            match name {
                "DATABASE_URL" => url,
                "PROMOTION_MASTER_KEY" => master_key,
                "PROMOTION_GRAPH_URL" | "PROMOTION_LOGIN_URL" => graph,
                "PROMOTION_LEASE_SECONDS" => "4",
                "PROMOTION_GRAPH_CONDITIONAL_ACCESS_PER_SECOND" => "50",
                "PROMOTION_GRAPH_WRITES_PER_20S" | "PROMOTION_GRAPH_READS_PER_20S" => "5000",
                "PROMOTION_GRAPH_TIMEOUT_SECONDS" => "3",
                _ => return None,
            }
            .to_owned(),
        )
    })
    .unwrap();
    config.patience.lost_create = [100, 200, 400, 800, 1500]
        .map(Duration::from_millis)
        .to_vec();
    config.patience.read_back = [50, 100, 200, 400, 800].map(Duration::from_millis).to_vec();
    if std::env::var("TEST_LOG").is_ok() {
        let _ = tracing_subscriber::fmt()
            .with_env_filter("info,worker=debug")
            .with_test_writer()
            .try_init();
    }
    config
}
