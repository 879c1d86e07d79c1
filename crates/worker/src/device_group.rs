//! Reads the group that devices join while they enrol, as a member of the policy's item.
//!
//! Graph answers it to an action of its own that changes nothing: to a POST, in some tenants to a GET. Decides what a refused question
//! means: the object is unreadable. It never counts as "no group", and never as "no such policy".

use domain::device_preparation::{self, TARGETS};
use domain::policy_type::PolicyType;
use graph::Question;
use serde_json::Value;

use crate::provider::Reader;
use crate::read_policy::item_path;
use crate::read_problem::ReadProblem;

/// Whether a refusal says that the action has another verb.
fn has_no_route(problem: &ReadProblem) -> bool {
    match problem {
        ReadProblem::NotFound => true,
        ReadProblem::Rejected { message } => {
            let message = message.to_ascii_lowercase();
            message.contains("no odata route") || message.contains("method is not allowed")
        }
        _ => false,
    }
}

/// Reads the groups of an object into its item.
pub(crate) async fn learn(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
    item: &mut Value,
) -> Result<(), ReadProblem> {
    if !device_preparation::has_device_group(row) {
        return Ok(());
    }
    let unreadable = || ReadProblem::Unusable {
        code: "device_group_unreadable",
        message: "Graph does not answer which device group the policy has.".to_owned(),
    };
    let path = item_path(row, external_id);
    let question = Question::EnrollmentTimeDeviceGroup;
    let mut answer = reader.ask(row, &path, question).await;
    if answer.as_ref().is_err_and(has_no_route) {
        // Some tenants serve it as a function: the same question by GET, once.
        let address = format!("{path}/{}", device_preparation::RETRIEVE);
        let version = reader.version_of(row);
        answer = reader.get(row.family, version, &address).await;
    }
    let answer = match answer {
        Err(ReadProblem::NotFound) => return Err(unreadable()),
        other => other?,
    };
    let groups = device_preparation::groups_of(&answer).ok_or_else(unreadable)?;
    if let Value::Object(members) = item {
        members.insert(TARGETS.to_owned(), groups);
    }
    Ok(())
}
