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

/// The versions of the source's policy sets, where something may be written or was: what is said of
/// them stays true after the promotion.
pub(crate) fn needed(comparison: &Comparison, source: &Inventory) -> Vec<Uuid> {
    let writes = comparison.subjects.iter().any(|subject| {
        matches!(
            subject.state,
            SubjectState::Missing | SubjectState::Different | SubjectState::Match
        )
    });
    let sets = source
        .policies
        .iter()
        .filter(|policy| writes && policy.policy_type == KEY);
    sets.filter_map(|policy| policy.version_id).collect()
}

/// One warning for each planned or equal subject that stands in a policy set. Where the sets were not read,
/// nothing is known and nothing is said.
pub(crate) fn warnings(input: &PreflightInput<'_>, planned: &[PlannedSubject]) -> Vec<Reason> {
    let planned = planned.iter().map(|plan| {
        let pinned = &plan.pinned;
        (
            pinned.source_policy_id,
            pinned.source_version_id,
            (&pinned.display_name, &pinned.policy_type),
        )
    });
    let equal = input.comparison.subjects.iter().filter_map(|subject| {
        let ids = (subject.source_policy_id?, subject.source_version_id?);
        let said = (&subject.display_name, &subject.policy_type);
        (subject.state == SubjectState::Match).then_some((ids.0, ids.1, said))
    });
    let mut sets: BTreeMap<String, Vec<String>> = BTreeMap::new();
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
                names.push(set.display_name.clone());
            }
        }
    }
    let external_id = |policy: Uuid| {
        let found = input.source.policies.iter().find(|one| one.id == policy);
        found.map(|one| one.external_id.to_ascii_lowercase())
    };
    planned
        .chain(equal)
        .filter_map(|(policy, version, (name, policy_type))| {
            let names = sets.get(&external_id(policy)?)?;
            // Of an equal subject the content was not needed.
            let own = input
                .source_contents
                .get(&version)
                .and_then(|source| source.assignments.as_array().map(Vec::len))
                .map(|assignments| assignments > 0);
            let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
            let text = format!(
                "{name:?} of {policy_type} reaches its users and devices in the source through the policy set {}{}. \
                 Policy sets are not carried: assign it in the target, or add it to a set there.",
                names.join(", "),
                match own {
                    Some(true) => " too",
                    Some(false) => " alone",
                    None => "",
                }
            );
            Some(Reason::new("reached_through_policy_set", text))
        })
        .collect()
}
