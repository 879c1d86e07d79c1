//! The operation catalog: every queued operation, its label, its right, its audit actions.

use actix_web::{HttpResponse, get};
use domain::operation::OperationType;
use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

/// One operation type.
#[derive(Debug, Serialize, ToSchema)]
pub struct OperationView {
    /// Its name on runs.
    r#type: &'static str,
    /// For people.
    label: &'static str,
    /// What its requester needs on the tenant it acts on.
    capability: &'static str,
    /// The key of its operational control.
    control_key: &'static str,
    /// Whether it writes to the tenant.
    mutates_target: bool,
    /// Every audit action it can leave.
    audit_actions: Vec<&'static str>,
}

#[utoipa::path(
    tag = "catalog",
    operation_id = "list_operations",
    summary = "Operation types",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<OperationView>))
)]
#[get("/v1/catalog/operations")]
pub async fn list_operations(call: Call) -> Result<HttpResponse, Problem> {
    call.authenticate().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let after = parameters.number_cursor("operations");
    parameters.finish()?;
    let skip = after.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let rows: Vec<(usize, OperationType)> = (1..).zip(OperationType::ALL).skip(skip).collect();
    let page = Page::of_all(
        rows,
        limit,
        |(position, _)| encode_cursor("operations", &[&position.to_string()]),
        |(_, operation)| OperationView {
            r#type: operation.as_str(),
            label: operation.label(),
            capability: operation.capability().as_str(),
            control_key: operation.as_str(),
            mutates_target: operation.mutates_target(),
            audit_actions: operation.audit_actions().to_vec(),
        },
    );
    Ok(HttpResponse::Ok().json(page))
}
