//! A compare as people read it: how the inventories stand, counts per state and type, what differs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::client::workspace::{number, text};
use crate::show::table::{self, Table};
use crate::show::{clean, count};

/// The states in the order people want to read them.
const STATES: [&str; 6] = [
    "match",
    "different",
    "missing",
    "target_only",
    "ambiguous",
    "indeterminate",
];

/// The whole answer.
pub(crate) fn render(compare: &Value) -> String {
    let mut out = inventories(compare);
    out.push_str(&counts(compare));
    let mut differing = Table::new(&["state", "type", "policy", "changes", "why"]);
    for subject in subjects(compare) {
        let state = text(subject, "state");
        if state == "match" {
            continue;
        }
        let changes = match subject.get("change_count").and_then(Value::as_u64) {
            Some(changes) if state == "different" => changes.to_string(),
            _ => String::new(),
        };
        differing.row([
            state.to_owned(),
            text(subject, "policy_type").to_owned(),
            text(subject, "display_name").to_owned(),
            changes,
            reason_codes(subject),
        ]);
    }
    if !differing.is_empty() {
        out.push('\n');
        out.push_str(&differing.render());
    }
    out
}

/// One line per tenant.
fn inventories(compare: &Value) -> String {
    let mut out = String::new();
    for side in ["source", "target"] {
        let Some(tenant) = compare.get(side) else {
            continue;
        };
        let status = tenant.pointer("/inventory/status").and_then(Value::as_str);
        let _ = writeln!(
            out,
            "  {side}: {}, inventory {}",
            clean(text(tenant, "display_name")),
            status.unwrap_or("unknown")
        );
    }
    out
}

/// Counts per policy type and state.
pub(crate) fn counts(compare: &Value) -> String {
    let mut by_type: BTreeMap<&str, BTreeMap<&str, u64>> = BTreeMap::new();
    for subject in subjects(compare) {
        *by_type
            .entry(text(subject, "policy_type"))
            .or_default()
            .entry(text(subject, "state"))
            .or_default() += 1;
    }
    let mut rows: Vec<(String, Vec<u64>)> = by_type
        .iter()
        .map(|(policy_type, states)| {
            let figures = STATES.map(|state| states.get(state).copied().unwrap_or(0));
            ((*policy_type).to_owned(), figures.to_vec())
        })
        .collect();
    let totals = STATES.map(|state| number(compare, &format!("/summary/{state}")));
    rows.push(("all".to_owned(), totals.to_vec()));
    table::counts(&STATES, &rows)
}

/// Differences in one line.
pub(crate) fn summary(compare: &Value) -> String {
    let total = number(compare, "/summary/total");
    let matching = number(compare, "/summary/match");
    format!(
        "{matching} of {} match",
        count(total, "subject", "subjects")
    )
}

/// The subjects of a compare or preflight.
pub(crate) fn subjects(answer: &Value) -> impl Iterator<Item = &Value> {
    answer
        .get("subjects")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The reasons of a subject, their codes only.
pub(crate) fn reason_codes(subject: &Value) -> String {
    let reasons = subject.get("reasons").and_then(Value::as_array);
    let mut codes: Vec<&str> = reasons
        .into_iter()
        .flatten()
        .map(|reason| text(reason, "code"))
        .collect();
    codes.dedup();
    codes.join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_compare_shows_counts_and_what_differs() {
        let compare = json!({
            "source": {"display_name": "A", "inventory": {"status": "complete"}},
            "summary": {"total": 2, "match": 1, "different": 1},
            "subjects": [
                {"policy_type": "t", "state": "match", "display_name": "same"},
                {"policy_type": "t", "state": "different", "display_name": "other", "change_count": 3,
                 "reasons": []},
            ],
        });
        let shown = render(&compare);
        assert!(shown.contains("source: A, inventory complete"));
        assert!(shown.contains("different  t     other   3"), "{shown}");
        assert!(!shown.contains("same"));
        assert_eq!(summary(&compare), "1 of 2 subjects match");
    }
}
