//! The clients of one run: bound to its tenants, halted with it. Translates what the Graph seam
//! reports into what a run can do about it; sends nothing by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use domain::model::{GraphVersion, ResourceFamily};
use domain::policy_type::PolicyType;
use domain::secret::SecretKey;
use graph::{
    Answer, CallContext, CallError, Cloud, Credential, GatewaySettings, Pages, Question,
    ReadRequest, SecretText, TenantConnection, TenantReader, TenantWriter, WriteTarget,
};
use serde_json::Value;
use serde_json::value::RawValue;
use store::StoreError;
use store::connections::{self, CREDENTIAL_COLUMN, ConnectionRow};
use store::keys::Sealed;
use store::tenants::{self, TenantRow};
use uuid::Uuid;

use crate::config::Registration;
use crate::environment::Environment;
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::lease::Halt;
use crate::read_problem::ReadProblem;

/// Why there is no client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionProblem {
    /// When the credential it is about was set; `None` when it is about none.
    pub(crate) set_at: Option<DateTime<Utc>>,
    /// Stable code for connection health and run items.
    pub(crate) code: &'static str,
    /// For the operator. Never part of a secret.
    pub(crate) message: String,
}

/// A client that reads one tenant on behalf of one run.
#[derive(Clone)]
pub(crate) struct Reader {
    inner: TenantReader,
    halt: Halt,
    /// Whether the tenant does not serve the version that rows prefer to read in.
    narrow: Arc<AtomicBool>,
    /// The key for fingerprints of plain secrets, where the connection allows asking for them.
    secrets: Option<SecretKey>,
}

impl Reader {
    /// The version a row is read in.
    pub(crate) fn version_of(&self, row: &PolicyType) -> GraphVersion {
        match row.read_version {
            Some(version) if !self.narrow.load(Ordering::Relaxed) => version,
            _ => row.version,
        }
    }

    /// Whether a refused list is to be asked for in the row's own version; remembered.
    pub(crate) fn narrows(&self, row: &PolicyType, problem: &ReadProblem) -> bool {
        let refused = matches!(
            problem,
            ReadProblem::NotFound | ReadProblem::Rejected { .. }
        );
        if !refused || self.version_of(row) == row.version {
            return false;
        }
        self.narrow.store(true, Ordering::Relaxed);
        true
    }

    /// Reads one JSON document.
    pub(crate) async fn get(
        &self,
        family: ResourceFamily,
        version: GraphVersion,
        path: &str,
    ) -> Result<Value, ReadProblem> {
        let answer = self
            .answer(&ReadRequest::new(family, version, path))
            .await?;
        parsed(&answer, "Graph's answer cannot be parsed.")
    }

    /// Asks a question about one object.
    pub(crate) async fn ask(
        &self,
        row: &PolicyType,
        item: &str,
        question: Question,
    ) -> Result<Value, ReadProblem> {
        let version = self.version_of(row);
        let request = ReadRequest::question(row.family, version, item, question);
        parsed(&self.answer(&request).await?, PART)
    }

    async fn answer(&self, request: &ReadRequest) -> Result<Answer, ReadProblem> {
        self.halt.check().map_err(ReadProblem::Interrupted)?;
        let sent = self.inner.get(request).await;
        sent.map_err(|error| self.problem(error))
    }

    /// The key for fingerprints of plain secrets, where they may be asked for.
    pub(crate) const fn secrets(&self) -> Option<&SecretKey> {
        self.secrets.as_ref()
    }

    /// Reads one plain secret. Only where [`Self::secrets`] allows it.
    pub(crate) async fn get_secret(
        &self,
        row: &PolicyType,
        path: &str,
    ) -> Result<SecretText, ReadProblem> {
        self.halt.check().map_err(ReadProblem::Interrupted)?;
        if self.secrets.is_none() {
            return Err(ReadProblem::Forbidden {
                message: "Reading secrets is not allowed on this connection.".to_owned(),
            });
        }
        self.inner
            .get_secret(&ReadRequest::new(row.family, row.version, path))
            .await
            .map_err(|error| self.problem(error))
    }

    /// Reads one part of an object; null where it is empty.
    pub(crate) async fn get_part(
        &self,
        family: ResourceFamily,
        version: GraphVersion,
        path: &str,
    ) -> Result<Value, ReadProblem> {
        match self.get_optional(family, version, path).await {
            Err(ReadProblem::NotFound) => Ok(Value::Null),
            other => other,
        }
    }

    /// Reads what may be nothing: null where Graph says so with an empty answer.
    pub(crate) async fn get_optional(
        &self,
        family: ResourceFamily,
        version: GraphVersion,
        path: &str,
    ) -> Result<Value, ReadProblem> {
        let answer = self
            .answer(&ReadRequest::new(family, version, path))
            .await?;
        if answer.body == graph::Body::Empty {
            return Ok(Value::Null);
        }
        parsed(&answer, PART)
    }

    /// Begins a list.
    pub(crate) fn list(
        &self,
        family: ResourceFamily,
        version: GraphVersion,
        path: &str,
    ) -> PageReader<'_> {
        PageReader {
            pages: self.inner.pages(ReadRequest::new(family, version, path)),
            reader: self,
        }
    }

    /// Graph's own time, as its latest answer said.
    pub(crate) fn graph_time(&self) -> Option<DateTime<Utc>> {
        self.inner.graph_time()
    }

    /// The Graph client itself, for the connection check.
    pub(crate) const fn client(&self) -> &TenantReader {
        &self.inner
    }

    /// What a failed call means for the run.
    pub(crate) fn problem(&self, error: CallError) -> ReadProblem {
        ReadProblem::of(error, &self.halt)
    }
}

const PART: &str = "A part of an object cannot be parsed.";

fn parsed(answer: &Answer, message: &str) -> Result<Value, ReadProblem> {
    answer.json().map_err(|_| ReadProblem::Unusable {
        code: "unparsable_item",
        message: message.to_owned(),
    })
}

/// A list being read page by page.
pub(crate) struct PageReader<'r> {
    pages: Pages<'r>,
    reader: &'r Reader,
}

impl PageReader<'_> {
    /// The next page's items; `None` once the list is whole.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<Box<RawValue>>>, ReadProblem> {
        self.reader.halt.check().map_err(ReadProblem::Interrupted)?;
        self.pages
            .next()
            .await
            .map_err(|error| self.reader.problem(error))
    }
}

/// A client that writes to the target of one run.
pub(crate) struct Writer {
    pub(crate) client: TenantWriter,
    /// The tenant in Entra: lanes are kept by it.
    pub(crate) entra_tenant_id: Uuid,
}

/// A tenant with its opened connection.
pub(crate) struct Opened {
    pub(crate) tenant: TenantRow,
    connection: TenantConnection,
    /// When this credential was set: what is found out belongs to it and not to its successor.
    pub(crate) set_at: DateTime<Utc>,
    /// Whether plain secrets may be asked for.
    secret_reading: bool,
}

/// Opens the connection of the run's own tenant.
pub(crate) async fn open(job: &Job) -> Result<Result<Opened, ConnectionProblem>, Interrupt> {
    open_tenant(job, job.run.tenant_id).await
}

/// A reader of the plain secrets of a promotion's source, and of nothing a write could be made
/// with. Refused unless the source's connection allows it at this moment.
pub(crate) async fn open_secrets(
    job: &Job,
    source_id: Uuid,
) -> Result<Result<Reader, ConnectionProblem>, Interrupt> {
    Ok(open_tenant(job, source_id).await?.and_then(|opened| {
        if !opened.secret_reading {
            return Err(problem(
                "secret_value_required",
                "Reading secrets is not allowed on the source's connection any more.",
            ));
        }
        Ok(opened.reader(job))
    }))
}

async fn open_tenant(
    job: &Job,
    tenant_id: Uuid,
) -> Result<Result<Opened, ConnectionProblem>, Interrupt> {
    let workspace_id = job.run.workspace_id;
    let loaded = job
        .read(move |conn| {
            let tenant = tenants::find_tenant(conn, workspace_id, tenant_id)?
                .ok_or(StoreError::NotFound("tenant"))?;
            let connection = connections::find_connection(conn, workspace_id, tenant_id)?;
            let sealed = match connection {
                Some(_) => Some(connections::load_sealed_credential(conn, tenant_id)?),
                None => None,
            };
            Ok((tenant, connection, sealed))
        })
        .await?;
    let (tenant, Some(row), Some(sealed)) = loaded else {
        return Ok(Err(problem(
            "connection_missing",
            "The tenant has no connection.",
        )));
    };
    let set_at = row.updated_at;
    Ok(
        open_registration(&job.env, tenant, &row, &sealed).map_err(|problem| ConnectionProblem {
            set_at: Some(set_at),
            ..problem
        }),
    )
}

/// Everything that can be found out of a registration without asking anybody: nothing is sent here.
fn open_registration(
    env: &Environment,
    tenant: TenantRow,
    row: &ConnectionRow,
    sealed: &Sealed,
) -> Result<Opened, ConnectionProblem> {
    let plain = env
        .opening_keys
        .open(tenant.id, CREDENTIAL_COLUMN, sealed)
        .map_err(|_| {
            problem(
                "credential_sealed_to_other_key",
                "The stored credential does not open with this worker's key; set it again.",
            )
        })?;
    let cloud = Cloud::ALL
        .into_iter()
        .find(|cloud| cloud.as_str() == row.cloud)
        .ok_or_else(|| problem("cloud_unknown", "The cloud is not known."))?;
    let registration = Registration {
        workspace_id: tenant.workspace_id,
        entra_tenant_id: tenant.entra_tenant_id,
        client_id: row.client_id,
    };
    let credential = read_credential(env, &registration, &plain)?;
    credential
        .check()
        .map_err(|error| problem("credential_unusable", &error.to_string()))?;
    let connection = TenantConnection::new(
        cloud,
        env.gateway.overrides(),
        tenant.entra_tenant_id,
        row.client_id.to_string(),
        credential,
    )
    .map_err(|error| problem("endpoint_invalid", &error.to_string()))?
    .registered_as(tenant.id);
    Ok(Opened {
        tenant,
        connection,
        set_at: row.updated_at,
        secret_reading: row.secret_reading,
    })
}

/// A token older than this may lack roles that were granted since.
const ROLES_KEEP: std::time::Duration = std::time::Duration::from_mins(1);

impl Opened {
    /// A reader for the run, which begins with the roles granted by now.
    pub(crate) fn first_reader(&self, job: &Job) -> Reader {
        let reader = self.reader(job);
        reader.inner.renew_token_older_than(ROLES_KEEP);
        reader
    }

    /// A reader for the run.
    pub(crate) fn reader(&self, job: &Job) -> Reader {
        Reader {
            inner: job
                .env
                .gateway
                .reader(self.connection.clone(), context(&job.lease.halt())),
            halt: job.lease.halt(),
            narrow: Arc::default(),
            secrets: self.secret_reading.then(|| job.env.secret_key.clone()),
        }
    }

    /// A reader that asks for a token of its own: roles change only in new tokens, and a
    /// credential that stopped working still has old ones.
    pub(crate) fn fresh_reader(&self, job: &Job) -> Result<Reader, ConnectionProblem> {
        let gateway = job
            .env
            .fresh_gateway()
            .map_err(|error| problem("client_unavailable", &error.to_string()))?;
        Ok(Reader {
            inner: gateway.reader(self.connection.clone(), context(&job.lease.halt())),
            ..self.reader(job)
        })
    }

    /// A writer for the run: its own tenant is the only one it can ever be made for.
    pub(crate) fn writer(
        &self,
        job: &Job,
        only_read: &[Uuid],
    ) -> Result<Writer, ConnectionProblem> {
        let target = WriteTarget::of_run(self.tenant.entra_tenant_id, only_read)
            .map_err(|error| problem("target_is_source", &error.to_string()))?;
        let client = job
            .env
            .gateway
            .writer(&target, self.connection.clone(), context(&job.lease.halt()))
            .map_err(|error| problem("target_is_source", &error.to_string()))?;
        Ok(Writer {
            client,
            entra_tenant_id: self.tenant.entra_tenant_id,
        })
    }
}

fn context(halt: &Halt) -> CallContext {
    CallContext {
        deadline: None,
        stop: halt.token().clone(),
        on_wait: None,
    }
}

fn problem(code: &'static str, message: &str) -> ConnectionProblem {
    ConnectionProblem {
        set_at: None,
        code,
        message: message.to_owned(),
    }
}

/// The sealed text is the JSON of the connection request's `credential`.
fn read_credential(
    env: &Environment,
    registration: &Registration,
    plain: &[u8],
) -> Result<Credential, ConnectionProblem> {
    let unusable = || {
        problem(
            "credential_unusable",
            "The stored credential is not in a form this worker knows; set it again.",
        )
    };
    let value: Value = serde_json::from_slice(plain).map_err(|_| unusable())?;
    let text = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| value.get(name)?.as_str())
            .map(str::to_owned)
    };
    let secret = |names: &[&str]| text(names).map(SecretText::new).ok_or_else(unusable);
    match text(&["kind"]).as_deref() {
        Some("client_secret") => Ok(Credential::ClientSecret(secret(&["client_secret"])?)),
        Some("certificate") => Ok(Credential::Certificate {
            certificate_pem: text(&["certificate_pem", "certificate"]).ok_or_else(unusable)?,
            private_key_pem: secret(&["private_key_pem", "private_key"])?,
        }),
        Some("federated_token") => {
            let name = text(&["name", "federated_token", "token_file"]).ok_or_else(unusable)?;
            // One answer for a name that nobody has and for one that is another's: it says nothing of
            // what others have.
            let bound = env.config.federated_token_files.get(&name);
            let file = bound.filter(|file| file.registration == *registration);
            let file = file.ok_or_else(|| {
                problem(
                    "federated_token_unknown",
                    "This worker has no federated token file of that name for this workspace, \
                     tenant and application.",
                )
            })?;
            Ok(Credential::FederatedTokenFile(file.path.clone()))
        }
        _ => Err(unusable()),
    }
}

/// Settings of the process's gateway.
pub(crate) fn gateway_settings(
    config: &crate::config::Config,
    lane: graph::LaneGate,
    on_call: graph::OnCall,
) -> GatewaySettings {
    GatewaySettings {
        overrides: graph::EndpointOverrides {
            graph: config.graph_url.clone(),
            login: config.login_url.clone(),
            allow_insecure: config.allow_insecure_graph,
        },
        transport: graph::TransportLimits {
            request_timeout: config.graph_timeout,
            ..graph::TransportLimits::default()
        },
        budget: graph::BudgetLimits {
            reads_per_window: config.reads_per_20s,
            writes_per_window: config.writes_per_20s,
            conditional_access_per_second: config.conditional_access_per_second,
        },
        lane,
        on_call: Some(on_call),
    }
}
