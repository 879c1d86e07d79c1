//! Last look at a body before it may be sent: nothing enables a Conditional Access policy unless
//! the request said so. The planner decides; this only refuses.

use domain::policy_type::{Adapter, PolicyType};
use domain::selection::{ConditionalAccessState, Options};
use domain::steps::WriteStep;
use serde_json::Value;

/// Refuses steps that would enable a Conditional Access policy without being told to.
pub(crate) fn check_states(
    row: &PolicyType,
    steps: &[WriteStep],
    options: Options,
) -> Result<(), String> {
    let governed = row.adapter == Adapter::ConditionalAccess;
    if !governed || options.conditional_access_state == ConditionalAccessState::AsSource {
        return Ok(());
    }
    for step in steps {
        let state = step.body.as_ref().and_then(|body| body.get("state"));
        match state.and_then(Value::as_str) {
            Some("disabled" | "enabledForReportingButNotEnforced") => {}
            None if step.method != "POST" && state.is_none() => {}
            _ => {
                return Err(format!(
                    "{} would set a state that the request did not ask for.",
                    step.name
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use domain::model::GraphVersion;
    use domain::steps::StepKind;
    use serde_json::json;

    use super::*;

    fn step(method: &str, body: Value) -> WriteStep {
        WriteStep {
            name: "create".to_owned(),
            kind: StepKind::CreateObject,
            method: method.to_owned(),
            version: GraphVersion::V1,
            path: "/identity/conditionalAccess/policies".to_owned(),
            path_template: "/identity/conditionalAccess/policies".to_owned(),
            body: Some(body),
        }
    }

    #[test]
    fn only_as_source_may_enable() {
        let Some(row) = domain::policy_type::find("conditionalAccessPolicies") else {
            return;
        };
        let enabled = [step("POST", json!({"state": "enabled"}))];
        assert!(check_states(row, &enabled, Options::default()).is_err());
        let missing = [step("POST", json!({}))];
        assert!(check_states(row, &missing, Options::default()).is_err());
        let odd = [step("PATCH", json!({"state": 7}))];
        assert!(check_states(row, &odd, Options::default()).is_err());
        let report = [step(
            "PATCH",
            json!({"state": "enabledForReportingButNotEnforced"}),
        )];
        assert!(check_states(row, &report, Options::default()).is_ok());
        let as_source = Options {
            conditional_access_state: ConditionalAccessState::AsSource,
            ..Options::default()
        };
        assert!(check_states(row, &enabled, as_source).is_ok());
    }
}
