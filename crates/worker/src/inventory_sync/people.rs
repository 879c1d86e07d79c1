//! Users: read one by one where policies name them, found where a person searched for them, and
//! forgotten when nothing names them any more. A tenant's users are never captured whole.

use chrono::Duration;
use domain::model::{GraphVersion, ResourceFamily};
use domain::references::USER;
use serde_json::{Map, Value};
use store::PgConnection;
use store::StoreError;
use store::references::{self as stored, ReferenceCapture};
use uuid::Uuid;

use super::outline;
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::provider::Reader;
use crate::read_policy::encode;
use crate::read_problem::ReadProblem;

/// What is kept of a person.
pub(crate) const MEMBERS: &str = "id,displayName,userPrincipalName,mail,employeeId";
/// For how long a person that no policy names is kept.
const KEEP: Duration = Duration::days(30);

/// A person as read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Person {
    pub(crate) capture: ReferenceCapture,
    pub(crate) facts: Value,
}

/// The person of an answer; `None` without a usable id.
pub(crate) fn person(user: &Value) -> Option<Person> {
    let text = |property: &str| {
        user.get(property)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
            .map(|text| outline::bounded(&text.replace('\0', "")))
    };
    let id = text("id").filter(|id| id.len() <= 400)?;
    // The principal name tells people apart; display names repeat.
    let name = text("userPrincipalName")
        .or_else(|| text("displayName"))
        .unwrap_or_else(|| id.clone());
    let known = [
        ("display_name", text("displayName")),
        ("mail", text("mail")),
        ("employee_id", text("employeeId")),
    ];
    let facts: Map<String, Value> = known
        .into_iter()
        .filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?))))
        .collect();
    Some(Person {
        capture: ReferenceCapture {
            external_id: id,
            name,
            discriminator: String::new(),
        },
        facts: Value::Object(facts),
    })
}

/// One user; `None` when the tenant does not have it.
pub(super) async fn read(
    job: &Job,
    reader: &Reader,
    id: &str,
) -> Result<Result<Option<Person>, (&'static str, String)>, Interrupt> {
    let path = format!("/users/{}?$select={MEMBERS}", encode(id));
    loop {
        let read = reader
            .get(ResourceFamily::Directory, GraphVersion::V1, &path)
            .await;
        match read {
            Ok(user) => return Ok(Ok(person(&user))),
            Err(ReadProblem::NotFound) => return Ok(Ok(None)),
            Err(ReadProblem::Interrupted(interrupt)) => return Err(interrupt),
            Err(ReadProblem::Throttled { until }) => job.wait_until(until).await?,
            Err(problem) => return Ok(Err(problem.explain())),
        }
    }
}

/// Stores people. Returns the ids of those that mean something else now.
pub(crate) fn store(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    people: &[Person],
    observed_at: chrono::DateTime<chrono::Utc>,
) -> Result<Vec<String>, StoreError> {
    let captures: Vec<ReferenceCapture> = people.iter().map(|one| one.capture.clone()).collect();
    let changed =
        stored::upsert_references(conn, workspace_id, tenant_id, USER, &captures, observed_at)?;
    let facts: Vec<(String, Value)> = people
        .iter()
        .map(|one| (one.capture.external_id.clone(), one.facts.clone()))
        .collect();
    stored::put_facts(conn, tenant_id, USER, &facts)?;
    Ok(changed)
}

/// Forgets who was not seen for long and is named by no live policy.
pub(crate) async fn forget_unused(job: &Job) -> Result<(), Interrupt> {
    let tenant_id = job.run.tenant_id;
    let seen_before = job.now() - KEEP;
    let forgotten = job
        .record(move |conn, holder| {
            let gone = stored::forget_unused_references(conn, tenant_id, USER, seen_before)?;
            store::leases::guard(conn, holder)?;
            Ok(gone)
        })
        .await?;
    if forgotten > 0 {
        tracing::info!(run.id = %job.run.id, forgotten, "people that nothing names were forgotten");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_is_known_by_the_principal_name() {
        let read = person(&json!({"id": "U", "displayName": "Emergency", "mail": null,
            "userPrincipalName": "emergency1@fabrikam.example", "employeeId": "7"}));
        let Some(read) = read else { unreachable!() };
        assert_eq!(read.capture.name, "emergency1@fabrikam.example");
        assert_eq!(
            read.facts,
            json!({"display_name": "Emergency", "employee_id": "7"})
        );
        assert_eq!(person(&json!({"displayName": "No id"})), None);
    }
}
