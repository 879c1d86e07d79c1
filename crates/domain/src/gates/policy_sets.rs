//! Policies that reach devices through a policy set of the source. The set is not promoted, and what it
//! assigns is no assignment of the policy: the new policy reaches nobody by it.

use std::collections::BTreeMap;

use serde_json::Value;
use uuid::Uuid;

use crate::compare::{Comparison, Reason, SubjectState};
use crate::inventory::Inventory;
use crate::plan::PlannedSubject;
use crate::preflight::PreflightInput;

const KEY: &str = "policySets";

/// The versions of the source's policy sets, where something may be written.
pub(crate) fn needed(comparison: &Comparison, source: &Inventory) -> Vec<Uuid> {
    let writes = comparison.subjects.iter().any(|subject| {
        matches!(
            subject.state,
            SubjectState::Missing | SubjectState::Different
        )
    });
    let sets = source
        .policies
        .iter()
        .filter(|policy| writes && policy.policy_type == KEY);
    sets.filter_map(|policy| policy.version_id).collect()
}

/// One warning for each planned subject that stands in a policy set. Where the sets were not read,
/// nothing is known and nothing is said.
pub(crate) fn warnings(input: &PreflightInput<'_>, planned: &[PlannedSubject]) -> Vec<Reason> {
    let mut sets: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let versions = input
        .source
        .policies
        .iter()
        .filter(|policy| policy.policy_type == KEY)
        .filter_map(|policy| policy.version_id);
    for set in versions.filter_map(|id| input.source_contents.get(&id)) {
        let items = set.content.get("items").and_then(Value::as_array);
        for item in items.into_iter().flatten() {
            if let Some(id) = item.get("payloadId").and_then(Value::as_str) {
                let names = sets.entry(id.to_ascii_lowercase()).or_default();
                names.push(&set.display_name);
            }
        }
    }
    let external_id = |policy: Uuid| {
        let found = input.source.policies.iter().find(|one| one.id == policy);
        found.map(|one| one.external_id.to_ascii_lowercase())
    };
    planned
        .iter()
        .filter_map(|plan| {
            let pinned = &plan.pinned;
            let names = sets.get(&external_id(pinned.source_policy_id)?)?;
            let own = input
                .source_contents
                .get(&pinned.source_version_id)
                .and_then(|source| source.assignments.as_array())
                .is_some_and(|assignments| !assignments.is_empty());
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            let text = format!(
                "{:?} of {} reaches its users and devices in the source through the policy set {}{}. \
                 Policy sets are not carried: assign it in the target, or add it to a set there.",
                pinned.display_name,
                pinned.policy_type,
                names.join(", "),
                if own { " too" } else { " alone" }
            );
            Some(Reason::new("reached_through_policy_set", text))
        })
        .collect()
}
