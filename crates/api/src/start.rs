//! Starting an operation: the one shape of every start's answer and refusal, and the start of
//! operations that derive nothing (sync, check).
//!
//! Decides how dedupe, a busy scope and gates become answers. It must not decide what a promotion
//! would write; that start is in [`crate::routes`].

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderName};
use chrono::Utc;
use domain::operation::OperationType;
use serde::Serialize;
use serde_json::{Value, json};
use store::idempotency::IdempotencyRow;
use store::runs::{NewRun, RunInsert, RunRow};
use store::{PgConnection, StoreError};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::caller::{Caller, TenantAccess};
use crate::problem::{Code, Problem};
use crate::promotion_start::enqueue_first;
use crate::rights::Need;
use crate::wire::compare::ReasonView;
use crate::wire::run::{OperationRunView, run_href, run_view};
use crate::wire::selection::LaunchContext;

/// Answer of a start.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartResponse {
    /// `queued` or `deduped`.
    result: &'static str,
    /// For people.
    message: &'static str,
    /// The caller's own.
    launch_context: Option<LaunchContext>,
    /// The run.
    operation_run: OperationRunView,
}

/// What became of a start. Every variant is a value that commits its audit entry.
#[derive(Debug)]
pub enum StartOutcome {
    /// A new run waits for a worker.
    Queued(Box<RunRow>),
    /// A run of this identity is active.
    Deduped(Box<RunRow>),
    /// The key has answered with this run before.
    Replayed(Box<RunRow>),
    /// The key came with another request before.
    KeyReused,
    /// Another run holds the tenant.
    ScopeBusy(Uuid),
    /// Gates stand.
    Blocked(Vec<ReasonView>),
}

/// An `Idempotency-Key` and the digest of the request it came with.
#[derive(Clone, Debug)]
pub struct IdempotencyClaim {
    /// The header's value.
    pub key: String,
    /// Digest of everything that makes the request what it is.
    pub request_hash: String,
}

impl IdempotencyClaim {
    /// The claim of a request that sent a key; `request` is everything that makes it what it is.
    pub fn of(key: Option<String>, request: &Value) -> Option<Self> {
        Some(Self {
            key: key?,
            request_hash: domain::json::digest(request),
        })
    }

    /// Looks the key up: replayed, reused for another request, or free (`None`).
    pub fn replay(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
    ) -> Result<Option<StartOutcome>, StoreError> {
        let bound = store::idempotency::find_idempotency_key(
            conn,
            caller.workspace_id,
            caller.user_id,
            &self.key,
        )?;
        let Some(bound) = bound else {
            return Ok(None);
        };
        if bound.request_hash != self.request_hash {
            return Ok(Some(StartOutcome::KeyReused));
        }
        let run = store::runs::find_run(conn, caller.workspace_id, bound.operation_run_id)?
            .ok_or(StoreError::NotFound("operation run"))?;
        Ok(Some(StartOutcome::Replayed(Box::new(run))))
    }

    /// Binds the key to a run. When a concurrent call bound it to another request, nothing of this
    /// transaction may stand: [`KEY_TAKEN`].
    pub fn bind(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        run_id: Uuid,
    ) -> Result<(), StoreError> {
        let row = IdempotencyRow {
            workspace_id: caller.workspace_id,
            user_id: caller.user_id,
            key: self.key.clone(),
            request_hash: self.request_hash.clone(),
            operation_run_id: run_id,
            created_at: Utc::now(),
        };
        if store::idempotency::insert_idempotency_key(conn, &row)? {
            return Ok(());
        }
        match self.replay(conn, caller)? {
            Some(StartOutcome::Replayed(run)) if run.id == run_id => Ok(()),
            _ => Err(StoreError::Conflict(KEY_TAKEN)),
        }
    }
}

/// What the conflict of a key bound by a concurrent call is about.
pub const KEY_TAKEN: &str = "idempotency key";

/// A start that derives nothing.
#[derive(Clone, Debug)]
pub struct PlainStart {
    /// What to start.
    pub operation: OperationType,
    /// On which tenant.
    pub tenant_id: Uuid,
    /// The run's immutable inputs.
    pub context: Value,
    /// Where it was launched from.
    pub launch_context: Option<LaunchContext>,
    /// The key, if one was sent.
    pub claim: Option<IdempotencyClaim>,
}

impl PlainStart {
    /// Starts it in the caller's transaction: dedupe, scope, gates, then run, job, audit, key.
    /// `covers` says whether an active run's context does all that is asked for.
    pub fn start(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        most_runs: u32,
        covers: fn(&Value, &Value) -> bool,
    ) -> Result<StartOutcome, StoreError> {
        let workspace_id = caller.workspace_id;
        store::tenants::lock_scope(conn, workspace_id, &[self.tenant_id])?;
        if let Some(claim) = &self.claim
            && let Some(outcome) = claim.replay(conn, caller)?
        {
            return Ok(outcome);
        }
        let operation = self.operation.as_str();
        if let Some(id) = store::runs::find_active_in_scope(conn, operation, self.tenant_id)? {
            let active = store::runs::find_run(conn, workspace_id, id)?
                .ok_or(StoreError::NotFound("operation run"))?;
            if !covers(&active.context, &self.context) {
                return Ok(StartOutcome::ScopeBusy(id));
            }
            if let Some(claim) = &self.claim {
                claim.bind(conn, caller, id)?;
            }
            return Ok(StartOutcome::Deduped(Box::new(active)));
        }
        let mut gates = self.gates(conn, workspace_id)?;
        gates.extend(crowd_gate(conn, workspace_id, most_runs)?);
        if !gates.is_empty() {
            return Ok(StartOutcome::Blocked(gates));
        }
        let identity = domain::json::digest(&json!({
            "workspace_id": workspace_id,
            "type": operation,
            "tenant_id": self.tenant_id,
            "context": self.context,
        }));
        let new = NewRun {
            id: Uuid::now_v7(),
            workspace_id,
            operation_type: operation.to_owned(),
            tenant_id: self.tenant_id,
            source_tenant_id: None,
            identity,
            context: self.context.clone(),
            launch_context: launch_json(self.launch_context.as_ref()),
            summary_counts: store::runs::initial_counts(0),
            initiator_user_id: caller.user_id,
            initiator_token_id: caller.token_id,
        };
        match store::runs::insert_run(conn, &new)? {
            RunInsert::Inserted(run) => {
                enqueue_first(conn, &run)?;
                if let Some(claim) = &self.claim {
                    claim.bind(conn, caller, run.id)?;
                }
                Ok(StartOutcome::Queued(run))
            }
            RunInsert::SameIdentity(id) => {
                let run = store::runs::find_run(conn, workspace_id, id)?
                    .ok_or(StoreError::NotFound("operation run"))?;
                if let Some(claim) = &self.claim {
                    claim.bind(conn, caller, id)?;
                }
                Ok(StartOutcome::Deduped(Box::new(run)))
            }
            RunInsert::ScopeBusy(id) => Ok(StartOutcome::ScopeBusy(id)),
        }
    }

    fn gates(
        &self,
        conn: &mut PgConnection,
        workspace_id: Uuid,
    ) -> Result<Vec<ReasonView>, StoreError> {
        let mut gates = Vec::new();
        let operation = self.operation.as_str();
        gates.extend(pause_gate(conn, operation, workspace_id, self.tenant_id)?);
        if store::connections::find_connection(conn, workspace_id, self.tenant_id)?.is_none() {
            gates.push(no_connection());
        }
        Ok(gates)
    }
}

/// The gate of a paused operation.
pub fn pause_gate(
    conn: &mut PgConnection,
    operation: &str,
    workspace_id: Uuid,
    tenant_id: Uuid,
) -> Result<Option<ReasonView>, StoreError> {
    let pause = store::controls::find_pause(conn, operation, workspace_id, tenant_id)?;
    Ok(pause.map(|control| ReasonView {
        code: "operational_control_paused".to_owned(),
        message: format!("{operation} is paused: {}", control.reason),
    }))
}

/// The gate of a workspace that has as many runs queued and running as it may. Starts of the
/// workspace that come to this point wait for each other from here on.
pub fn crowd_gate(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    most_runs: u32,
) -> Result<Option<ReasonView>, StoreError> {
    let active = store::runs::count_active_runs_of_workspace(conn, workspace_id)?;
    Ok((active >= i64::from(most_runs)).then(|| ReasonView {
        code: "too_many_active_runs".to_owned(),
        message: format!(
            "The workspace has {active} runs queued or running, and may have {most_runs}; wait for one to end or cancel it."
        ),
    }))
}

/// The gate of a tenant that nobody said how to reach.
pub fn no_connection() -> ReasonView {
    ReasonView {
        code: "connection_unhealthy".to_owned(),
        message: "The tenant has no connection; set one first.".to_owned(),
    }
}

/// A launch context as stored with a run.
pub fn launch_json(context: Option<&LaunchContext>) -> Option<Value> {
    context.and_then(|context| serde_json::to_value(context).ok())
}

/// The audit entry of a start, whatever became of it.
pub fn audit_start(
    conn: &mut PgConnection,
    call: &AuditedStart,
    outcome: &StartOutcome,
) -> Result<(), StoreError> {
    let (suffix, run_id, detail) = match outcome {
        StartOutcome::Queued(run) => ("queued", Some(run.id), json!({})),
        StartOutcome::Deduped(run) => ("deduped", Some(run.id), json!({})),
        StartOutcome::Replayed(run) => ("deduped", Some(run.id), json!({"replayed": true})),
        StartOutcome::ScopeBusy(id) => ("scope_busy", Some(*id), json!({})),
        StartOutcome::Blocked(reasons) => ("blocked", None, json!({"reasons": reasons})),
        StartOutcome::KeyReused => ("idempotency_key_reused", None, json!({})),
    };
    call.append(conn, suffix, run_id, detail)
}

/// Whose start is audited, and as what.
#[derive(Clone)]
pub struct AuditedStart {
    /// The actor.
    pub caller: Caller,
    /// The operation.
    pub operation: OperationType,
    /// The tenant it would act on.
    pub tenant_id: Uuid,
    /// Chains the entry.
    pub key: store::keys::AuditKey,
    /// What every entry of this start says besides.
    about: Value,
}

impl AuditedStart {
    /// The same, saying in every entry what the start is about.
    #[must_use]
    pub fn about(self, about: Value) -> Self {
        Self { about, ..self }
    }

    /// Appends one entry of the operation.
    pub fn append(
        &self,
        conn: &mut PgConnection,
        suffix: &str,
        run_id: Option<Uuid>,
        detail: Value,
    ) -> Result<(), StoreError> {
        let action = format!("{}.{suffix}", self.operation.as_str());
        let detail = match (self.about.clone(), detail) {
            (Value::Object(mut about), Value::Object(more)) => {
                about.extend(more);
                Value::Object(about)
            }
            (_, detail) => detail,
        };
        let mut entry = self.caller.audit_on(self.tenant_id, &action, detail);
        entry.operation_run_id = run_id;
        store::audit::append(conn, &self.key, &entry).map(|_| ())
    }
}

impl Call {
    /// A start's auditor.
    pub fn audited_start(
        &self,
        caller: &Caller,
        operation: OperationType,
        tenant_id: Uuid,
    ) -> AuditedStart {
        AuditedStart {
            caller: caller.clone(),
            operation,
            tenant_id,
            key: self.state.audit_key.clone(),
            about: Value::Null,
        }
    }

    /// Insists on the operation's capability; the entry of a denial says on which tenant.
    pub fn require_to_start(
        &self,
        access: &TenantAccess,
        operation: OperationType,
    ) -> Result<(), Problem> {
        self.about(access.tenant.id, json!({}));
        access.require(operation.capability())
    }

    /// The result of a start's transaction. A key that a concurrent call bound to another request
    /// took everything back, the audit entry too: it is written now.
    pub async fn started<T>(
        &self,
        auditor: &AuditedStart,
        result: Result<T, StoreError>,
    ) -> Result<T, Problem> {
        if let Err(StoreError::Conflict(KEY_TAKEN)) = &result {
            let auditor = auditor.clone();
            self.transaction(move |conn| audit_start(conn, &auditor, &StartOutcome::KeyReused))
                .await?;
        }
        Ok(result?)
    }

    /// Runs a plain start and answers.
    pub async fn start_plainly(
        &self,
        caller: &Caller,
        start: PlainStart,
        covers: fn(&Value, &Value) -> bool,
    ) -> Result<HttpResponse, Problem> {
        let auditor = self.audited_start(caller, start.operation, start.tenant_id);
        let launch_context = start.launch_context.clone();
        let most_runs = self.state.active_runs;
        let needs = [Need::Tenant(start.tenant_id, start.operation.capability())];
        let transaction = {
            let auditor = auditor.clone();
            self.change(caller, needs, move |conn, caller| {
                let outcome = start.start(conn, caller, most_runs, covers)?;
                audit_start(conn, &auditor, &outcome)?;
                Ok(outcome)
            })
            .await
        };
        let outcome = self.started(&auditor, transaction).await??;
        answer(caller, outcome, launch_context)
    }
}

/// The answer of a start.
pub fn answer(
    caller: &Caller,
    outcome: StartOutcome,
    launch_context: Option<LaunchContext>,
) -> Result<HttpResponse, Problem> {
    let (row, result, message, replayed) = match outcome {
        StartOutcome::Queued(row) => (row, "queued", "The run is queued.", false),
        StartOutcome::Deduped(row) => (
            row,
            "deduped",
            "The same run is queued or running already.",
            false,
        ),
        StartOutcome::Replayed(row) => (
            row,
            "deduped",
            "This Idempotency-Key has started this run before.",
            true,
        ),
        StartOutcome::KeyReused => {
            return Err(Problem::idempotency_key_reused());
        }
        StartOutcome::ScopeBusy(run_id) => return Err(scope_busy(caller, run_id)),
        StartOutcome::Blocked(reasons) => return Err(blocked(&reasons)),
    };
    let href = run_href(row.workspace_id, row.id);
    let mut response = if result == "queued" {
        let mut response = HttpResponse::Accepted();
        response.insert_header((HeaderName::from_static("operation-location"), href.clone()));
        response.insert_header((header::RETRY_AFTER, "2"));
        response
    } else {
        HttpResponse::Ok()
    };
    response.insert_header((header::LOCATION, href));
    if replayed {
        response.insert_header((HeaderName::from_static("idempotency-replayed"), "true"));
    }
    Ok(response.json(StartResponse {
        result,
        message,
        launch_context,
        operation_run: run_view(*row, caller),
    }))
}

/// Another run holds the tenant.
pub fn scope_busy(caller: &Caller, run_id: Uuid) -> Problem {
    let href = run_href(caller.workspace_id, run_id);
    Problem::new(
        Code::ScopeBusy,
        "Another run holds this tenant; wait for it or cancel it.",
    )
    .with("result", json!("scope_busy"))
    .with("operation_run_id", json!(run_id))
    .with("links", json!({"operation_run": href}))
}

/// Gates stand.
pub fn blocked(reasons: &[ReasonView]) -> Problem {
    let detail = reasons
        .first()
        .map_or_else(String::new, |reason| reason.message.clone());
    Problem::new(Code::Blocked, detail)
        .with("result", json!("blocked"))
        .with("reasons", json!(reasons))
}
