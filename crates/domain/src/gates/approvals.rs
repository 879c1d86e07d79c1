//! Multi Admin Approval policies in force in the target: what they cover waits for a second person,
//! which a reviewer should know before the run does.

use std::collections::BTreeMap;

use crate::compare::Reason;
use crate::json::pattern;
use crate::plan::PlannedSubject;
use crate::policy_type::{self, approvals};
use crate::preflight::PreflightInput;

/// One warning for each approval policy of the target that covers something of the plan.
pub(crate) fn warnings(input: &PreflightInput<'_>, planned: &[PlannedSubject]) -> Vec<Reason> {
    let in_force = input
        .target
        .policies
        .iter()
        .filter(|policy| policy.policy_type == approvals::POLICIES)
        .filter_map(|policy| input.target_contents.get(&policy.version_id?));
    let mut warnings = Vec::new();
    for policy in in_force {
        let kind = pattern::get(&policy.content, "policyType").and_then(serde_json::Value::as_str);
        let Some(kind) = kind else { continue };
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for subject in planned {
            let row = policy_type::find(&subject.pinned.policy_type);
            if let Some(row) = row.filter(|row| approvals::covers(kind, row)) {
                *counts.entry(row.key).or_default() += 1;
            }
        }
        if counts.is_empty() {
            continue;
        }
        let covered: Vec<String> = counts
            .into_iter()
            .map(|(key, count)| format!("{count} of {key}"))
            .collect();
        let text = format!(
            "{:?} of the target asks for the approval of a second administrator: {} will wait for it \
             and end as approval_required until it is given.",
            policy.display_name,
            covered.join(", ")
        );
        warnings.push(Reason::new("approval_required", text));
    }
    warnings
}
