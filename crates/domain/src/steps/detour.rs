//! The other way of a call, where Graph's refusal names it: the other version of Graph, or the other
//! verb of an action. Taken once, after a refusal, and never before one.

use super::{StepKind, WriteStep, device_preparation};
use crate::model::GraphVersion;

/// What the service says where an address has no such verb.
const NO_ROUTE: &str = "no odata route";

/// The same call by the way that a refusal names; `None` where it names none.
pub fn detour(step: &WriteStep, refusal: &str) -> Option<WriteStep> {
    let refusal = refusal.to_ascii_lowercase();
    if refusal.contains(NO_ROUTE) {
        return other_verb(step);
    }
    Some(WriteStep {
        version: other_version(step.version, &refusal)?,
        ..step.clone()
    })
}

/// The other version of Graph, where a refusal of this one names it.
pub fn other_version(version: GraphVersion, refusal: &str) -> Option<GraphVersion> {
    let refusal = refusal.to_ascii_lowercase();
    match version {
        GraphVersion::V1 if names_beta(&refusal) => Some(GraphVersion::Beta),
        GraphVersion::Beta if names_v1(&refusal) => Some(GraphVersion::V1),
        GraphVersion::V1 | GraphVersion::Beta => None,
    }
}

/// The service takes the clearing of a device group as DELETE in some tenants and as POST in others.
fn other_verb(step: &WriteStep) -> Option<WriteStep> {
    let action = step.path.rsplit('/').next().unwrap_or_default();
    let clears = step.kind == StepKind::ReplaceAction
        && step.method == "POST"
        && action == device_preparation::CLEAR;
    clears.then(|| WriteStep {
        method: "DELETE".to_owned(),
        ..step.clone()
    })
}

fn names_beta(refusal: &str) -> bool {
    refusal
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| word == "beta")
}

fn names_v1(refusal: &str) -> bool {
    ["use the v1.0", "use v1.0", "v1.0 endpoint", "v1.0 version"]
        .iter()
        .any(|words| refusal.contains(words))
}

#[cfg(test)]
mod detour_test;
