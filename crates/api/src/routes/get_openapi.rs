//! The OpenAPI document, byte for byte the one that is checked in.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};

use crate::call::Call;
use crate::problem::Problem;

#[utoipa::path(
    tag = "catalog",
    operation_id = "get_openapi",
    summary = "This document",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
#[get("/openapi.json")]
pub async fn get_openapi(call: Call, document: Data<str>) -> Result<HttpResponse, Problem> {
    call.no_parameters()?;
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(document.to_string()))
}
