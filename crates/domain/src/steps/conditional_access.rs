//! The body form of a Conditional Access policy.

use serde_json::{Map, Value};

use super::{StepError, refuse};
use crate::json::pattern;
use crate::model::GraphVersion;

/// What Graph shows and does not take, with the remedy: a policy that has it cannot be carried, since
/// it would apply to more, or demand less, without it. Device states were replaced by the device
/// filter; the others stand in answers and in no published description of Graph.
const NOT_WRITABLE: &[(&str, &str)] = &[
    (
        "conditions.deviceStates",
        "replace it by a device filter there",
    ),
    ("conditions.agentContext", BY_HAND),
    ("conditions.agents", BY_HAND),
    ("conditions.times", BY_HAND),
    ("partialEnablementStrategy", BY_HAND),
    ("sessionControls.blockSensitiveActions", BY_HAND),
];
const BY_HAND: &str = "make this policy in the Entra admin center of the target";

/// Refuses a condition or control that cannot be written, on either side.
pub(super) fn check(source: &Value, target: Option<&Value>) -> Result<(), StepError> {
    for (place, remedy) in NOT_WRITABLE {
        let says = |content: &Value| pattern::get(content, place).is_some_and(says_something);
        let whose = if says(source) {
            "the source"
        } else if target.is_some_and(says) {
            "the target"
        } else {
            continue;
        };
        return refuse(
            "condition_not_writable",
            format!(
                "/{} of {whose} is something that Graph shows and does not take; {remedy}.",
                place.replace('.', "/")
            ),
        );
    }
    Ok(())
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| !name.starts_with('@') && says_something(value)),
        _ => true,
    }
}

/// Leaves out what Graph refuses: what it does not take and that says nothing here, and a resilience
/// default that is not disabled.
pub(super) fn shape(body: &mut Value) {
    for (place, _) in NOT_WRITABLE {
        pattern::remove(body, place);
    }
    if pattern::get(body, "sessionControls.disableResilienceDefaults") == Some(&Value::Bool(false))
    {
        pattern::remove(body, "sessionControls.disableResilienceDefaults");
    }
}

/// Graph refuses some empty lists (error 1011), and an absent list means the same; an empty list is
/// sent only where it has to clear what the target has.
pub(super) fn drop_empty_lists(body: &mut Value, target: Option<&Value>) {
    for part in ["conditions", "grantControls", "sessionControls"] {
        if let Some(Value::Object(members)) = body.get_mut(part) {
            prune(members, target.and_then(|target| target.get(part)));
        }
    }
    if let Value::Object(members) = body {
        members.retain(|name, value| {
            let hollow = value.as_object().is_some_and(Map::is_empty);
            !(hollow && matches!(name.as_str(), "grantControls" | "sessionControls"))
        });
    }
}

fn prune(members: &mut Map<String, Value>, target: Option<&Value>) {
    members.retain(|name, value| {
        let there = target.and_then(|target| target.get(name));
        match value {
            Value::Array(items) if items.is_empty() => there
                .and_then(Value::as_array)
                .is_some_and(|standing| !standing.is_empty()),
            Value::Object(inner) => {
                prune(inner, there);
                !inner.is_empty()
            }
            _ => true,
        }
    });
}

/// Conditions and controls that v1.0 does not know.
const BETA_ONLY: &[&str] = &[
    "conditions.agentIdRiskLevels",
    "conditions.applications.globalSecureAccess",
    "conditions.applications.networkAccess",
    "conditions.clientApplications.agentIdServicePrincipalFilter",
    "conditions.clientApplications.excludeAgentIdServicePrincipals",
    "conditions.clientApplications.includeAgentIdServicePrincipals",
    "conditions.devices.excludeDeviceStates",
    "conditions.devices.excludeDevices",
    "conditions.devices.includeDeviceStates",
    "conditions.devices.includeDevices",
    "sessionControls.continuousAccessEvaluation",
    "sessionControls.globalSecureAccessFilteringProfile",
];

/// The version that knows everything in the body: v1.0 unless something in it exists in beta alone.
pub(super) fn version(body: &Value) -> GraphVersion {
    let beta = BETA_ONLY
        .iter()
        .any(|place| pattern::get(body, place).is_some_and(|value| !value.is_null()));
    // v1.0 documents the word and refuses it ("1038 ... Use the Beta endpoint").
    let every_time = pattern::get(body, "sessionControls.signInFrequency.frequencyInterval")
        .and_then(Value::as_str)
        .is_some_and(|interval| interval.eq_ignore_ascii_case("everyTime"));
    if beta || every_time {
        GraphVersion::Beta
    } else {
        GraphVersion::V1
    }
}
