//! Whether the process can serve: it reaches its database right now, and the schema is the one it
//! was built for.

use std::sync::atomic::Ordering;

use actix_web::{HttpResponse, get};

use super::get_healthz::HealthResponse;
use crate::call::Call;
use crate::problem::Problem;

#[utoipa::path(
    tag = "operations",
    operation_id = "get_readyz",
    summary = "Whether the process can serve",
    responses(
        (status = 200, description = "The database answers", body = HealthResponse),
        (status = 503, description = "The database is away")
    )
)]
#[get("/readyz")]
pub async fn get_readyz(call: Call) -> Result<HttpResponse, Problem> {
    call.no_parameters()?;
    call.state.db.ping().await.map_err(Problem::unavailable)?;
    if !call.state.migrated.load(Ordering::Relaxed) {
        if !call.run(store::migrate::is_current).await? {
            return Err(Problem::unavailable("migrations are not applied yet"));
        }
        call.state.migrated.store(true, Ordering::Relaxed);
    }
    Ok(HttpResponse::Ok().json(HealthResponse { status: "ready" }))
}
