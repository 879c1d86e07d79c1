//! Rate lanes that all processes share. Decides who may send when, on database time.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Double, Text, Uuid as SqlUuid};
use uuid::Uuid;

use crate::error::StoreError;

/// Conditional Access: Graph allows one request per second per tenant for all applications.
pub const CONDITIONAL_ACCESS: &str = "conditional_access";

/// Enrolment configurations: writes too close to each other have left ranks nobody could repair.
pub const ENROLLMENT: &str = "enrollment_configurations";

#[derive(QueryableByName)]
struct Wait {
    #[diesel(sql_type = Double)]
    seconds: f64,
}

/// Takes the next free slot of a lane and returns how long to wait for it. Slots lie `interval`
/// apart. A slot that is taken is spent even when nothing is sent.
pub fn take_lane_slot(
    conn: &mut PgConnection,
    entra_tenant_id: Uuid,
    lane: &str,
    interval: Duration,
) -> Result<Duration, StoreError> {
    let wait: Wait = diesel::sql_query(
        "INSERT INTO graph_lanes AS l (entra_tenant_id, lane, next_at) \
         VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) \
         ON CONFLICT (entra_tenant_id, lane) DO UPDATE \
         SET next_at = greatest(l.next_at, clock_timestamp()) + make_interval(secs => $3) \
         RETURNING extract(epoch FROM \
         next_at - make_interval(secs => $3) - clock_timestamp())::float8 AS seconds",
    )
    .bind::<SqlUuid, _>(entra_tenant_id)
    .bind::<Text, _>(lane)
    .bind::<Double, _>(interval.as_secs_f64())
    .get_result(conn)?;
    Ok(Duration::try_from_secs_f64(wait.seconds.max(0.0)).unwrap_or_default())
}

/// Closes a lane for a while (Graph answered 429 with Retry-After); never opens it earlier.
pub fn hold_lane(
    conn: &mut PgConnection,
    entra_tenant_id: Uuid,
    lane: &str,
    hold: Duration,
) -> Result<(), StoreError> {
    diesel::sql_query(
        "INSERT INTO graph_lanes AS l (entra_tenant_id, lane, next_at) \
         VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3)) \
         ON CONFLICT (entra_tenant_id, lane) DO UPDATE \
         SET next_at = greatest(l.next_at, clock_timestamp() + make_interval(secs => $3))",
    )
    .bind::<SqlUuid, _>(entra_tenant_id)
    .bind::<Text, _>(lane)
    .bind::<Double, _>(hold.as_secs_f64())
    .execute(conn)?;
    Ok(())
}
