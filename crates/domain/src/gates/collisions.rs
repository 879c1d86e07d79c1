//! A new policy whose name the target already has on a policy of another type or kind: often the same
//! intent in another form (a profile that was rebuilt in the settings catalogue). Intune allows both, and
//! then two policies contradict each other on the same devices; nothing is held, and it is said.

use std::collections::BTreeMap;

use crate::compare::Reason;
use crate::inventory::InventoryPolicy;
use crate::model::ResourceFamily;
use crate::plan::{Action, PlannedSubject};
use crate::policy_type::{self, Adapter};
use crate::preflight::PreflightInput;

/// Other policies named in one sentence, at most.
const NAMED: usize = 3;

/// One warning for each planned create whose name is taken by something else that is assigned.
pub(crate) fn warnings(input: &PreflightInput<'_>, planned: &[PlannedSubject]) -> Vec<Reason> {
    let mut by_name: BTreeMap<String, Vec<&InventoryPolicy>> = BTreeMap::new();
    for policy in &input.target.policies {
        if acts(&policy.policy_type) {
            let name = folded(&policy.display_name);
            by_name.entry(name).or_default().push(policy);
        }
    }
    let mut warnings = Vec::new();
    for subject in planned {
        let pinned = &subject.pinned;
        if pinned.action != Action::Create || !acts(&pinned.policy_type) {
            continue;
        }
        let Some(others) = by_name.get(&folded(&pinned.display_name)) else {
            continue;
        };
        let mut types: Vec<&str> = others
            .iter()
            .map(|other| other.policy_type.as_str())
            .collect();
        types.sort_unstable();
        types.dedup();
        types.truncate(NAMED);
        let text = format!(
            "{:?} would be a new object of {}, while the target has a policy of that name among {}; \
             see whether both are meant.",
            pinned.display_name,
            pinned.policy_type,
            types.join(", ")
        );
        warnings.push(Reason::new("name_collision_across_types", text));
    }
    warnings
}

/// Whether policies of the type act on users or devices themselves; scope tags and the like, which are
/// assigned too, do not.
fn acts(key: &str) -> bool {
    policy_type::find(key).is_some_and(|row| {
        let assigned = row.assignments.is_some() || row.adapter == Adapter::ConditionalAccess;
        assigned && row.family != ResourceFamily::RoleBasedAccess
    })
}

fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}
