//! Starts the one queued run of a confirmed plan.
//!
//! The order of evaluation is the contract's. A refusal is a value that commits its audit entry;
//! whatever any number of concurrent calls do, one run comes out.

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::{HttpResponse, post};
use chrono::Utc;
use domain::capability::Capability;
use domain::operation::OperationType;
use domain::plan::{self, Drift};
use serde::Serialize;
use serde_json::{Value, json};
use store::{PgConnection, StoreError};
use utoipa::ToSchema;
use uuid::Uuid;

use super::compare_tenants::both_tenants;
use crate::call::Call;
use crate::caller::{Caller, TenantAccess};
use crate::derivation::{self, Preflighted};
use crate::fair::Permit;
use crate::problem::{Code, Problem};
use crate::promotion_start::{Decision, PromotionStart};
use crate::start::{self, AuditedStart, IdempotencyClaim, StartResponse, audit_start};
use crate::strict_json::{Members, ReadBody};
use crate::wire::preflight::RunLevel;
use crate::wire::selection::{SelectionBody, SelectionRequest};

/// How often the plan is derived again when an inventory moves under it.
const DERIVATIONS: usize = 6;

/// A selection, the plan that was reviewed, and the confirmation.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExecutePromotionRequest {
    /// The selection.
    #[serde(flatten)]
    selection: SelectionRequest,
    /// Of the preflight that was reviewed.
    plan_digest: Option<String>,
    /// Must be true.
    confirm: Option<bool>,
    /// The ready subjects' revisions as reviewed; a refusal then tells what drifted.
    reviewed: Option<Vec<ReviewedShape>>,
}

/// A reviewed subject.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReviewedShape {
    /// Subject key.
    subject_key: String,
    /// Revision of the preflight.
    revision: String,
}

struct ExecuteBody {
    selection: SelectionBody,
    plan_digest: Option<String>,
    confirm: bool,
    reviewed: Option<BTreeMap<String, String>>,
}

impl ReadBody for ExecuteBody {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let plan_digest = members.optional_text("plan_digest", 200);
        let confirm = members.optional_boolean("confirm").unwrap_or(false);
        let sent = members.has("reviewed");
        let reviewed = members.objects("reviewed", 20_000, |inner| {
            let key = inner.text("subject_key", 200);
            let revision = inner.text("revision", 200);
            Some((key?, revision?))
        });
        Some(Self {
            selection: SelectionBody::read(members)?,
            plan_digest,
            confirm,
            reviewed: sent.then(|| reviewed.into_iter().collect()),
        })
    }
}

#[utoipa::path(
    tag = "promotion",
    operation_id = "execute_promotion",
    summary = "Start the promotion of a reviewed plan",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters")
    ),
    request_body = ExecutePromotionRequest,
    responses(
        (status = 202, description = "Queued", body = StartResponse),
        (status = 200, description = "The same run is active, or this key has started it", body = StartResponse),
        (status = 409, description = "`blocked` or `scope_busy`"),
        (status = 412, description = "`plan_stale`"),
        (status = 428, description = "`confirmation_required`")
    )
)]
#[post("/v1/workspaces/{workspace_id}/cross-tenant-compare/execute")]
pub async fn execute_promotion(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let key = call.idempotency_key()?;
    let body: ExecuteBody = call.body()?;
    let (source, target) = both_tenants(&call, &caller, &body.selection).await?;
    let operation = OperationType::PromotionExecute;
    call.require_to_start(&target, operation)?;
    let auditor = call.audited_start(&caller, operation, target.tenant.id);
    require_source(&call, &source, target.tenant.id)?;
    check_ids(&call, &caller, &body.selection).await?;

    let Some(plan_digest) = body.plan_digest.clone().filter(|_| body.confirm) else {
        let entry = json!({"code": Code::ConfirmationRequired.as_str()});
        call.transaction(move |conn| auditor.append(conn, "blocked", None, entry.clone()))
            .await?;
        return Err(Problem::new(
            Code::ConfirmationRequired,
            "Send the plan_digest you reviewed and \"confirm\": true.",
        )
        .with("result", json!("confirmation_required")));
    };
    let launch_context = body.selection.launch_context.clone();
    let claim = key.map(|key| IdempotencyClaim {
        key,
        request_hash: request_hash(&body, &plan_digest),
    });
    let start = Arc::new(PromotionStart::new(
        &caller,
        body.selection.clone(),
        plan_digest,
        claim,
    ));

    for _ in 0..DERIVATIONS {
        // What needs no plan is answered before one is derived.
        let early = {
            let (start, auditing) = (Arc::clone(&start), auditor.clone());
            let found = call.change(&caller, start.needs(), move |conn, caller| {
                let outcome = start.without_plan(conn, caller)?;
                if let Some(outcome) = &outcome {
                    audit_start(conn, &auditing, outcome)?;
                }
                Ok(outcome)
            });
            let found = found.await;
            call.started(&auditor, found).await??
        };
        if let Some(outcome) = early {
            return start::answer(&caller, outcome, launch_context);
        }
        // Its permit stands for the memory of the derivation, which is needed until it is decided.
        let (derived, _permit) = derive(&call, &start).await?;
        let Some(derived) = derived else { continue };
        let most_runs = call.state.active_runs;
        let (start, auditing) = (Arc::clone(&start), auditor.clone());
        let reviewed = body.reviewed.clone();
        let decided = call
            .change(&caller, start.needs(), move |conn, caller| {
                let decision = start.decide(conn, caller, (&derived.0, &derived.1), most_runs)?;
                let reviewed = reviewed.as_ref();
                record(conn, decision, &start, &auditing, &derived, reviewed)
            })
            .await;
        let decision = call.started(&auditor, decided).await??;
        match decision {
            Verdict::Answer(outcome) => return start::answer(&caller, outcome, launch_context),
            Verdict::Stale { digest, drift } => return Err(stale(&digest, &drift)),
            Verdict::Moved => {}
        }
    }
    Err(Problem::unavailable(
        "the inventories kept moving while the plan was derived",
    ))
}

type Derivation = Arc<(Preflighted, RunLevel)>;

enum Verdict {
    Answer(start::StartOutcome),
    Stale { digest: String, drift: Vec<Drift> },
    Moved,
}

/// Records what was decided, in the transaction that decided it.
fn record(
    conn: &mut PgConnection,
    decision: Decision,
    start: &PromotionStart,
    auditor: &AuditedStart,
    derived: &Derivation,
    reviewed: Option<&BTreeMap<String, String>>,
) -> Result<Verdict, StoreError> {
    let (preflighted, _) = derived.as_ref();
    match decision {
        Decision::Outcome(outcome) => {
            audit_start(conn, auditor, &outcome)?;
            Ok(Verdict::Answer(outcome))
        }
        Decision::Moved => Ok(Verdict::Moved),
        Decision::Stale => {
            let digest = preflighted.preflight.plan.plan_digest.clone();
            let detail = json!({
                "plan_digest": start.plan_digest(),
                "current_plan_digest": digest,
            });
            auditor.append(conn, "stale", None, detail)?;
            let drift = reviewed
                .map(|reviewed| plan::drift(reviewed, &preflighted.preflight.plan))
                .unwrap_or_default();
            Ok(Verdict::Stale { digest, drift })
        }
    }
}

/// `None` when a run took the target while this start waited for its turn: that run may be what was
/// asked for, and what it wrote by the end of a derivation would make the reviewed plan look stale.
async fn derive(
    call: &Call,
    start: &Arc<PromotionStart>,
) -> Result<(Option<Derivation>, Arc<Permit>), Problem> {
    let start = Arc::clone(start);
    call.derive(move |conn, watch| {
        let workspace_id = start.workspace_id();
        if store::runs::find_active_mutating_run(conn, start.target_id())?.is_some() {
            return Ok(Ok(None));
        }
        let found = match derivation::preflight(conn, workspace_id, start.body(), watch)? {
            Ok(found) => found,
            Err(problem) => return Ok(Err(problem)),
        };
        let level = derivation::run_level(conn, &found, Utc::now())?;
        Ok(Ok(Some(Arc::new((found, level)))))
    })
    .await
}

/// The source needs `compare.view`; the entry of a denial is about the target, like any of a start.
fn require_source(call: &Call, source: &TenantAccess, target_id: Uuid) -> Result<(), Problem> {
    call.about(target_id, json!({"source_tenant_id": source.tenant.id}));
    source.require(Capability::CompareView)
}

/// Unknown or unusable ids are refused before anything about the plan is said.
async fn check_ids(call: &Call, caller: &Caller, body: &SelectionBody) -> Result<(), Problem> {
    let selection = &body.selection;
    if selection.pairings.is_empty()
        && selection.mappings.is_empty()
        && selection.scope.subject_keys.is_empty()
    {
        return Ok(());
    }
    let (workspace_id, body) = (caller.workspace_id, body.clone());
    let checked = call.derive(move |conn, watch| {
        let found = derivation::compare(conn, workspace_id, &body, watch)?;
        Ok(found.map(|_| ()))
    });
    checked.await.map(|_| ())
}

fn request_hash(body: &ExecuteBody, plan_digest: &str) -> String {
    let request: Value = json!({
        "type": OperationType::PromotionExecute.as_str(),
        "selection": body.selection.selection,
        "plan_digest": plan_digest,
        "reviewed": body.reviewed,
    });
    domain::json::digest(&request)
}

fn stale(current: &str, drift: &[Drift]) -> Problem {
    Problem::new(
        Code::PlanStale,
        "What would be written now differs from what was reviewed; run preflight again.",
    )
    .with("result", json!("plan_stale"))
    .with("current_plan_digest", json!(current))
    .with("drift", json!(drift))
}
