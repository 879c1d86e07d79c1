//! The body form of a Conditional Access policy.

use serde_json::{Map, Value};

use super::{StepError, refuse};
use crate::json::pattern;
use crate::model::GraphVersion;

/// The condition that Graph shows and does not take any more (device states, replaced by the device
/// filter): a policy that has it cannot be carried, since it would apply to more without it.
const NOT_WRITABLE: &str = "conditions.deviceStates";

/// Refuses a condition that cannot be written, on either side.
pub(super) fn check(source: &Value, target: Option<&Value>) -> Result<(), StepError> {
    let says = |content: &Value| pattern::get(content, NOT_WRITABLE).is_some_and(says_something);
    let whose = if says(source) {
        "the source"
    } else if target.is_some_and(says) {
        "the target"
    } else {
        return Ok(());
    };
    refuse(
        "condition_not_writable",
        format!(
            "/conditions/deviceStates of {whose} is a condition that Graph does not take any more; \
             replace it by a device filter there."
        ),
    )
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => items.iter().any(says_something),
        Value::Object(members) => members
            .iter()
            .any(|(name, value)| !name.starts_with('@') && says_something(value)),
        _ => true,
    }
}

/// Leaves out what Graph refuses: a resilience default that is not disabled.
pub(super) fn shape(body: &mut Value) {
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
    "conditions.agentContext",
    "conditions.agentIdRiskLevels",
    "conditions.agents",
    "conditions.applications.globalSecureAccess",
    "conditions.applications.networkAccess",
    "conditions.clientApplications.agentIdServicePrincipalFilter",
    "conditions.clientApplications.excludeAgentIdServicePrincipals",
    "conditions.clientApplications.includeAgentIdServicePrincipals",
    "conditions.devices.excludeDeviceStates",
    "conditions.devices.excludeDevices",
    "conditions.devices.includeDeviceStates",
    "conditions.devices.includeDevices",
    "sessionControls.blockSensitiveActions",
    "sessionControls.continuousAccessEvaluation",
    "sessionControls.globalSecureAccessFilteringProfile",
];

/// The version that knows everything in the body: v1.0 unless something in it exists in beta alone.
pub(super) fn version(body: &Value) -> GraphVersion {
    let beta = BETA_ONLY
        .iter()
        .any(|place| pattern::get(body, place).is_some_and(|value| !value.is_null()));
    if beta {
        GraphVersion::Beta
    } else {
        GraphVersion::V1
    }
}
