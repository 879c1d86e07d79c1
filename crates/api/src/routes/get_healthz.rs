//! Whether the process lives. Asks nothing of anybody.

use actix_web::{HttpResponse, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Call;
use crate::problem::Problem;

/// A sign of life.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthResponse {
    /// `ok`
    pub status: &'static str,
}

#[utoipa::path(
    tag = "operations",
    operation_id = "get_healthz",
    summary = "Whether the process lives",
    responses((status = 200, description = "It does", body = HealthResponse))
)]
#[get("/healthz")]
pub async fn get_healthz(call: Call) -> Result<HttpResponse, Problem> {
    call.no_parameters()?;
    Ok(HttpResponse::Ok().json(HealthResponse { status: "ok" }))
}
