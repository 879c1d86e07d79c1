//! Queues a restore: a captured version of a policy back into its own tenant.
//!
//! The order of evaluation is the contract's. A version of another tenant is refused here by name;
//! that it cannot be written either is `domain::restore`'s type.

use std::sync::Arc;

use actix_web::{HttpResponse, post};
use domain::operation::OperationType;
use domain::restore::Enforcement;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use super::get_policy::load_policy;
use crate::call::Call;
use crate::caller::{Caller, TenantAccess};
use crate::problem::{Code, FieldError, Problem};
use crate::restore_start::{RestoreDecision, RestoreStart};
use crate::rights::Need;
use crate::start::{self, AuditedStart, StartResponse, audit_start};
use crate::strict_json::{Members, ReadBody};
use crate::wire::selection::{LaunchContext, read_launch_context};

/// What to restore, and what it replaces.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartPolicyRestoreRequest {
    /// The captured version to write back.
    policy_version_id: Uuid,
    /// The policy's current version as reviewed.
    expected_current_version_id: Uuid,
    /// Must be true.
    #[schema(nullable)]
    confirm: Option<bool>,
    /// `keep` (the default): a Conditional Access policy that is not enforced now stays out of
    /// force. `as_captured`: it gets the captured state.
    #[schema(nullable, value_type = Option<String>)]
    conditional_access_state: Option<Enforcement>,
    /// Handed back with the run.
    #[schema(nullable)]
    launch_context: Option<LaunchContext>,
}

impl ReadBody for StartPolicyRestoreRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let version = members.uuid("policy_version_id");
        let expected = members.uuid("expected_current_version_id");
        Some(Self {
            confirm: members.optional_boolean("confirm"),
            conditional_access_state: members
                .optional_word("conditional_access_state", &["keep", "as_captured"]),
            launch_context: members
                .optional_object("launch_context", |inner| Some(read_launch_context(inner))),
            policy_version_id: version?,
            expected_current_version_id: expected?,
        })
    }
}

#[utoipa::path(
    tag = "inventory",
    operation_id = "start_policy_restore",
    summary = "Queue the restore of a captured version into its own tenant",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("policy_id" = Uuid, Path, description = "Policy"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters")
    ),
    request_body = StartPolicyRestoreRequest,
    responses(
        (status = 202, description = "Queued", body = StartResponse),
        (status = 200, description = "The same restore is active, or this key has started it", body = StartResponse),
        (status = 409, description = "`blocked` or `scope_busy`"),
        (status = 412, description = "`plan_stale`: the current version is not the expected one"),
        (status = 422, description = "`foreign_policy_version`, or a version that is not this policy's"),
        (status = 428, description = "`confirmation_required`")
    )
)]
#[post("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/policies/{policy_id}/restores")]
pub async fn start_policy_restore(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let key = call.idempotency_key()?;
    let body: StartPolicyRestoreRequest = call.body()?;
    let access = call.tenant(&caller).await?;
    let policy = load_policy(&call, &caller, &access).await?;
    let operation = OperationType::PolicyRestore;
    call.require_to_start(&access, operation)?;

    let auditor = call
        .audited_start(&caller, operation, access.tenant.id)
        .about(json!({
            "policy_id": policy.id,
            "policy_version_id": body.policy_version_id,
            "expected_current_version_id": body.expected_current_version_id,
        }));
    check_version(&call, &caller, &access, &auditor, policy.id, &body).await?;
    if body.confirm != Some(true) {
        let entry = json!({"code": Code::ConfirmationRequired.as_str()});
        call.transaction(move |conn| auditor.append(conn, "blocked", None, entry.clone()))
            .await?;
        return Err(Problem::new(
            Code::ConfirmationRequired,
            "Send \"confirm\": true with the version you reviewed.",
        )
        .with("result", json!("confirmation_required")));
    }
    let launch_context = body.launch_context.clone();
    let start = Arc::new(RestoreStart {
        tenant_id: access.tenant.id,
        policy_id: policy.id,
        policy_version_id: body.policy_version_id,
        expected_current_version_id: body.expected_current_version_id,
        enforcement: body.conditional_access_state.unwrap_or_default(),
        launch_context: body.launch_context,
        key,
    });
    let auditing = auditor.clone();
    let most_runs = call.state.active_runs;
    let needs = [Need::Tenant(access.tenant.id, operation.capability())];
    let decided = call
        .change(&caller, needs, move |conn, caller| {
            let auditor = &auditing;
            let decision = start.decide(conn, caller, most_runs)?;
            match &decision {
                RestoreDecision::Outcome(outcome) => audit_start(conn, auditor, outcome)?,
                RestoreDecision::Stale { current, .. } => {
                    let detail = json!({"current_version_id": current});
                    auditor.append(conn, "stale", None, detail)?;
                }
            }
            Ok(decision)
        })
        .await;
    match call.started(&auditor, decided).await?? {
        RestoreDecision::Outcome(outcome) => start::answer(&caller, outcome, launch_context),
        RestoreDecision::Stale {
            subject_key,
            expected,
            current,
        } => Err(Problem::new(
            Code::PlanStale,
            "The policy's current version is not the one you reviewed; look at it again.",
        )
        .with("result", json!("plan_stale"))
        .with("current_plan_digest", json!(null))
        .with("current_version_id", json!(current))
        .with(
            "drift",
            json!([{"subject_key": subject_key, "was": expected, "is": current}]),
        )),
    }
}

/// A version of another tenant has a name of its own, if the caller may know that tenant; one that
/// nobody may know of looks like one that does not exist.
async fn check_version(
    call: &Call,
    caller: &Caller,
    access: &TenantAccess,
    auditor: &AuditedStart,
    policy_id: Uuid,
    body: &StartPolicyRestoreRequest,
) -> Result<(), Problem> {
    let (workspace_id, version_id) = (caller.workspace_id, body.policy_version_id);
    let owner = call
        .run(move |conn| store::versions::find_version_owner(conn, workspace_id, version_id))
        .await?;
    let unusable = |code, detail| {
        Err(Problem::invalid(vec![FieldError::at(
            "/policy_version_id",
            code,
            detail,
        )]))
    };
    let tenant_id = access.tenant.id;
    match owner {
        Some((of, version_of)) if of == tenant_id && version_of == policy_id => Ok(()),
        Some((of, _)) if of == tenant_id => unusable(
            "version_of_another_policy",
            "The version belongs to another policy of this tenant.",
        ),
        Some((of, _)) if !caller.capabilities_on(of).is_empty() => {
            let auditor = auditor.clone();
            let entry = json!({"code": Code::ForeignPolicyVersion.as_str()});
            call.transaction(move |conn| auditor.append(conn, "blocked", None, entry.clone()))
                .await?;
            Err(Problem::new(
                Code::ForeignPolicyVersion,
                "A restore writes a tenant's own versions; promote this one instead.",
            ))
        }
        Some(_) | None => unusable(
            "unknown_policy_version",
            "The policy has no version of this id.",
        ),
    }
}
