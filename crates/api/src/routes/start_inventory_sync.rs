//! Queues a capture of a tenant.

use std::collections::BTreeSet;

use actix_web::{HttpResponse, post};
use domain::operation::OperationType;
use domain::policy_type;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::call::Call;
use crate::problem::Problem;
use crate::start::{IdempotencyClaim, PlainStart, StartResponse};
use crate::strict_json::{Members, ReadBody};

/// What to capture.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartInventorySyncRequest {
    /// Registry keys; absent or empty: every type.
    #[schema(value_type = Option<Vec<String>>)]
    policy_types: Option<BTreeSet<String>>,
}

impl ReadBody for StartInventorySyncRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let keys = members.optional_texts("policy_types", 1_000, 100);
        for (index, key) in keys.iter().flatten().enumerate() {
            if policy_type::find(key).is_none() {
                members.refuse_at(
                    &format!("policy_types/{index}"),
                    "unknown_policy_type",
                    "No policy type has this key; see /v1/catalog/policy-types.",
                );
            }
        }
        Some(Self {
            policy_types: keys
                .map(|keys| keys.into_iter().collect::<BTreeSet<_>>())
                .filter(|keys| !keys.is_empty()),
        })
    }
}

/// Whether an active sync reads all that another one would.
fn covers(active: &Value, asked: &Value) -> bool {
    let types = |context: &Value| -> Option<BTreeSet<String>> {
        let list = context.get("policy_types")?.as_array()?;
        Some(
            list.iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        )
    };
    match (types(active), types(asked)) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(active), Some(asked)) => asked.is_subset(&active),
    }
}

#[utoipa::path(
    tag = "inventory",
    operation_id = "start_inventory_sync",
    summary = "Queue a capture of a tenant",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters")
    ),
    request_body = Option<StartInventorySyncRequest>,
    responses(
        (status = 202, description = "Queued", body = StartResponse),
        (status = 200, description = "A running sync covers it", body = StartResponse),
        (status = 409, description = "`blocked` or `scope_busy`")
    )
)]
#[post("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/inventory-syncs")]
pub async fn start_inventory_sync(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let key = call.idempotency_key()?;
    let body: StartInventorySyncRequest = call.optional_body()?;
    let access = call.tenant(&caller).await?;
    let operation = OperationType::InventorySync;
    call.require_to_start(&access, operation)?;

    let tenant_id = access.tenant.id;
    let context = json!({"policy_types": body.policy_types});
    let claim = IdempotencyClaim::of(key, &json!([operation.as_str(), tenant_id, context]));
    let start = PlainStart {
        operation,
        tenant_id,
        context,
        launch_context: None,
        claim,
    };
    call.start_plainly(&caller, start, covers).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_covers_what_it_reads() {
        let all = json!({"policy_types": null});
        let one = json!({"policy_types": ["a"]});
        let two = json!({"policy_types": ["a", "b"]});
        assert!(covers(&all, &one) && covers(&all, &all) && covers(&two, &one));
        assert!(!covers(&one, &two) && !covers(&one, &all));
    }
}
