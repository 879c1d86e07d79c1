//! Pauses or resumes an operation type in the workspace or on one tenant.

use std::str::FromStr;

use actix_web::{HttpResponse, put};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use domain::operation::OperationType;
use serde::Serialize;
use serde_json::json;
use store::controls::{ControlRow, NewControl};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::call::Call;
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};
use crate::wire::words::ControlStateWord;

/// The state to set.
#[derive(Debug, Serialize, ToSchema)]
pub struct PutOperationalControlRequest {
    /// `paused` or `enabled`.
    #[schema(value_type = ControlStateWord)]
    state: String,
    /// One tenant; absent: the whole workspace.
    tenant_id: Option<Uuid>,
    /// Why; required.
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

struct State(bool);

impl FromStr for State {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "paused" => Ok(Self(true)),
            "enabled" => Ok(Self(false)),
            _ => Err(()),
        }
    }
}

impl ReadBody for PutOperationalControlRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let state = members.word::<State>("state", &["paused", "enabled"]);
        let tenant_id = members.optional_uuid("tenant_id");
        let reason = members.label("reason", 1_000);
        Some(Self {
            state: if state?.0 { "paused" } else { "enabled" }.to_owned(),
            tenant_id,
            reason: reason?,
        })
    }
}

/// A switch.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationalControlView {
    id: Uuid,
    operation_type: String,
    /// `installation`, `workspace` or `tenant`.
    scope: &'static str,
    tenant_id: Option<Uuid>,
    /// `paused` or `enabled`.
    state: String,
    reason: String,
    changed_by: Option<Uuid>,
    changed_at: DateTime<Utc>,
}

impl From<ControlRow> for OperationalControlView {
    fn from(row: ControlRow) -> Self {
        let scope = match (row.workspace_id, row.tenant_id) {
            (None, _) => "installation",
            (Some(_), None) => "workspace",
            (Some(_), Some(_)) => "tenant",
        };
        Self {
            id: row.id,
            operation_type: row.operation_type,
            scope,
            tenant_id: row.tenant_id,
            state: row.state,
            reason: row.reason,
            changed_by: row.changed_by,
            changed_at: row.changed_at,
        }
    }
}

#[utoipa::path(
    tag = "workspaces",
    operation_id = "put_operational_control",
    summary = "Pause or resume an operation type",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("operation_type" = String, Path, description = "An operation type of the catalog")
    ),
    request_body = PutOperationalControlRequest,
    responses((status = 200, description = "The control", body = OperationalControlView))
)]
#[put("/v1/workspaces/{workspace_id}/operational-controls/{operation_type}")]
pub async fn put_operational_control(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let operation = call
        .path_text("operation_type")
        .and_then(|text| OperationType::from_str(text).ok())
        .ok_or_else(Problem::not_found)?;
    let body: PutOperationalControlRequest = call.body()?;
    if let Some(tenant_id) = body.tenant_id {
        call.tenant_of(&caller, tenant_id).await?;
    }
    caller.require(Capability::OperationalControlsManage)?;

    let key = call.state.audit_key.clone();
    let mut needs = vec![Need::Workspace(Capability::OperationalControlsManage)];
    needs.extend(body.tenant_id.map(Need::Visible));
    let control = call
        .change(&caller, needs, move |conn, caller| {
            if let Some(tenant_id) = body.tenant_id {
                store::tenants::keep_tenant(conn, caller.workspace_id, tenant_id)?;
            }
            let control = store::controls::put_control(
                conn,
                &NewControl {
                    id: Uuid::now_v7(),
                    operation_type: operation.as_str().to_owned(),
                    workspace_id: Some(caller.workspace_id),
                    tenant_id: body.tenant_id,
                    paused: body.state == "paused",
                    reason: body.reason.clone(),
                    changed_by: Some(caller.user_id),
                },
            )?;
            let detail = json!({"operation_type": operation.as_str(), "reason": body.reason});
            let action = format!("operational_control.{}", body.state);
            let mut entry = caller.audit(&action, detail);
            entry.tenant_id = body.tenant_id;
            store::audit::append(conn, &key, &entry)?;
            Ok(control)
        })
        .await??;
    Ok(HttpResponse::Ok().json(OperationalControlView::from(control)))
}
