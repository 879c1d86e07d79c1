//! Whether the pairings of a request can be used: one to one, live, of one type, kind and platform.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;
use uuid::Uuid;

use crate::inventory::{Inventory, InventoryPolicy};
use crate::selection::{Pairing, Selection};

/// Why a pairing cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairingProblem {
    /// No live, readable policy of the source.
    SourceUnknown,
    /// No live, readable policy of the target.
    TargetUnknown,
    /// Another type, kind or platform.
    KindDiffers,
    /// One side appears in another pairing.
    NotOneToOne,
}

/// Checks every pairing, in order; empty when all can be used.
pub fn check_pairings(
    selection: &Selection,
    source: &Inventory,
    target: &Inventory,
) -> Vec<(Pairing, PairingProblem)> {
    let sources: HashMap<Uuid, &InventoryPolicy> = by_id(source);
    let targets: HashMap<Uuid, &InventoryPolicy> = by_id(target);
    let mut seen_sources = BTreeSet::new();
    let mut seen_targets = BTreeSet::new();
    let mut problems = Vec::new();
    for pairing in &selection.pairings {
        let fresh = seen_sources.insert(pairing.source_policy_id)
            & seen_targets.insert(pairing.target_policy_id);
        let problem = match (
            sources.get(&pairing.source_policy_id),
            targets.get(&pairing.target_policy_id),
        ) {
            (None, _) => Some(PairingProblem::SourceUnknown),
            (_, None) => Some(PairingProblem::TargetUnknown),
            (Some(from), Some(to)) if !same_kind(from, to) => Some(PairingProblem::KindDiffers),
            _ if !fresh => Some(PairingProblem::NotOneToOne),
            _ => None,
        };
        problems.extend(problem.map(|problem| (pairing.clone(), problem)));
    }
    problems
}

fn by_id(inventory: &Inventory) -> HashMap<Uuid, &InventoryPolicy> {
    inventory
        .policies
        .iter()
        .filter(|policy| policy.unreadable.is_none())
        .map(|policy| (policy.id, policy))
        .collect()
}

fn same_kind(from: &InventoryPolicy, to: &InventoryPolicy) -> bool {
    from.policy_type == to.policy_type
        && from.platform == to.platform
        && identity_parts(&from.identity_key) == identity_parts(&to.identity_key)
}

/// The identity without the name.
fn identity_parts(identity_key: &str) -> Option<Value> {
    let mut value: Value = serde_json::from_str(identity_key).ok()?;
    value.get_mut("parts").map(Value::take)
}
