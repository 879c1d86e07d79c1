//! Refuses a name that looks like another one of the workspace: whoever reads it decides by it what a
//! run may touch. Called in the transaction that gives the name, before it does.

use domain::label::look_alike;
use store::names::{self, LOOKS_ALIKE};
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::problem::Problem;

/// A name for a tenant; `own` is the tenant that is renamed.
pub fn refuse_tenant_look_alike(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    own: Option<Uuid>,
    name: &str,
) -> Result<(), StoreError> {
    names::lock(conn, workspace_id)?;
    let others = names::of_tenants(conn, workspace_id)?;
    let mut others = others.iter().filter(|(id, _)| Some(*id) != own);
    refuse_if(others.any(|(_, other)| look_alike(other, name)))
}

/// A name and an address for a member. Two people may have one name, and two plain addresses that
/// read alike (`bam@`, `barn@`) may be two people: an address is refused when it passes for another
/// by letters of another script.
pub fn refuse_member_look_alike(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    name: Option<&str>,
    email: Option<&str>,
) -> Result<(), StoreError> {
    names::lock(conn, workspace_id)?;
    let others = names::of_members(conn, workspace_id)?;
    refuse_if(others.iter().any(|(other, other_email)| {
        let names = name.is_some_and(|name| look_alike(other, name));
        let emails = email
            .zip(other_email.as_deref())
            .is_some_and(|(one, other)| {
                !(one.is_ascii() && other.is_ascii()) && look_alike(one, other)
            });
        names || emails
    }))
}

fn refuse_if(looks_alike: bool) -> Result<(), StoreError> {
    if looks_alike {
        return Err(StoreError::AlreadyExists {
            constraint: LOOKS_ALIKE.to_owned(),
        });
    }
    Ok(())
}

/// The refusal, if this is the error of a look-alike.
pub fn look_alike_problem(error: &StoreError) -> Option<Problem> {
    error
        .is_unique_violation(LOOKS_ALIKE)
        .then(|| Problem::already_exists("A name that looks the same as this one"))
}
