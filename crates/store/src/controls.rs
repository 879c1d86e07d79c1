//! Operational controls: switches that pause an operation type. Decides which switches reach an
//! operation; what a pause does to a run is the worker's.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::error::StoreError;
use crate::schema::operational_controls;

/// A switch.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = operational_controls, check_for_backend(diesel::pg::Pg))]
pub struct ControlRow {
    /// Our id.
    pub id: Uuid,
    /// The operation type it is about.
    pub operation_type: String,
    /// `None` = the whole installation.
    pub workspace_id: Option<Uuid>,
    /// `None` = the whole workspace.
    pub tenant_id: Option<Uuid>,
    /// `paused` or `enabled`.
    pub state: String,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub changed_by: Option<Uuid>,
    /// When.
    pub changed_at: DateTime<Utc>,
}

/// A switch to be set.
#[derive(Clone, Debug)]
pub struct NewControl {
    /// Id for a new row; an existing one keeps its own.
    pub id: Uuid,
    /// The operation type.
    pub operation_type: String,
    /// `None` = the whole installation.
    pub workspace_id: Option<Uuid>,
    /// `None` = the whole workspace.
    pub tenant_id: Option<Uuid>,
    /// Whether the operation is held.
    pub paused: bool,
    /// Why; required.
    pub reason: String,
    /// Who.
    pub changed_by: Option<Uuid>,
}

/// Sets the switch of one scope.
pub fn put_control(conn: &mut PgConnection, new: &NewControl) -> Result<ControlRow, StoreError> {
    use operational_controls as table;
    let values = (
        table::state.eq(if new.paused { "paused" } else { "enabled" }),
        table::reason.eq(&new.reason),
        table::changed_by.eq(new.changed_by),
        table::changed_at.eq(diesel::dsl::now),
    );
    Ok(diesel::insert_into(table::table)
        .values((
            table::id.eq(new.id),
            table::operation_type.eq(&new.operation_type),
            table::workspace_id.eq(new.workspace_id),
            table::tenant_id.eq(new.tenant_id),
            values,
        ))
        .on_conflict((table::operation_type, table::workspace_id, table::tenant_id))
        .do_update()
        .set(values)
        .returning(ControlRow::as_returning())
        .get_result(conn)?)
}

/// Every switch of a workspace, and those of the installation.
pub fn list_controls(
    conn: &mut PgConnection,
    workspace_id: Uuid,
) -> Result<Vec<ControlRow>, StoreError> {
    use operational_controls as table;
    Ok(table::table
        .filter(
            table::workspace_id
                .eq(workspace_id)
                .or(table::workspace_id.is_null()),
        )
        .order((table::operation_type, table::changed_at.desc(), table::id))
        .select(ControlRow::as_select())
        .load(conn)?)
}

/// The pause that holds an operation on a tenant, the widest first: of the installation, of the
/// workspace, or of the tenant. `None` = it may run. An `enabled` switch lifts only its own scope.
pub fn find_pause(
    conn: &mut PgConnection,
    operation_type: &str,
    workspace_id: Uuid,
    tenant_id: Uuid,
) -> Result<Option<ControlRow>, StoreError> {
    use operational_controls as table;
    Ok(table::table
        .filter(table::operation_type.eq(operation_type))
        .filter(table::state.eq("paused"))
        .filter(
            table::workspace_id
                .is_null()
                .or(table::workspace_id.eq(workspace_id).and(
                    table::tenant_id
                        .is_null()
                        .or(table::tenant_id.eq(tenant_id)),
                )),
        )
        .order((
            table::workspace_id.asc().nulls_first(),
            table::tenant_id.asc().nulls_first(),
        ))
        .select(ControlRow::as_select())
        .first(conn)
        .optional()?)
}
