//! Whether the process can serve: it reaches its database right now, and the schema is the one it
//! was built for.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, get};
use serde_json::json;
use store::StoreError;

use super::get_healthz::HealthResponse;
use crate::call::Call;
use crate::problem::Problem;

#[utoipa::path(
    tag = "operations",
    operation_id = "get_readyz",
    summary = "Whether the process can serve",
    responses(
        (status = 200, description = "The database answers", body = HealthResponse),
        (status = 503, description = "`reason` is `database_away`, or `schema_behind`: migrate first")
    )
)]
#[get("/readyz")]
pub async fn get_readyz(call: Call) -> Result<HttpResponse, Problem> {
    call.no_parameters()?;
    let away =
        |cause: StoreError| Problem::unavailable(cause).with("reason", json!("database_away"));
    call.state.db.ping().await.map_err(away)?;
    if !call.state.migrated.load(Ordering::Relaxed) {
        let current = call.run(store::migrate::is_current).await;
        if !current.map_err(Problem::from)? {
            return Err(Problem::schema_behind());
        }
        call.state.migrated.store(true, Ordering::Relaxed);
    }
    Ok(HttpResponse::Ok().json(HealthResponse { status: "ready" }))
}
