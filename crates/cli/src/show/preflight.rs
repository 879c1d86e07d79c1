//! A preflight as people read it: what would be written, what is held back and why.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::client::workspace::{number, text};
use crate::show::compare::subjects;
use crate::show::table::{self, Table};

/// The whole answer.
pub(crate) fn render(preflight: &Value) -> String {
    let mut out = overview(preflight);
    let mut ready = Table::new(&["wave", "action", "type", "policy"]);
    for subject in subjects(preflight).filter(|s| text(s, "readiness") == "ready") {
        ready.row([
            number(subject, "/wave").to_string(),
            text(subject, "action").to_owned(),
            text(subject, "policy_type").to_owned(),
            text(subject, "display_name").to_owned(),
        ]);
    }
    if !ready.is_empty() {
        out.push_str("\n  Ready:\n");
        out.push_str(&ready.render());
    }
    out.push_str(&held_back(preflight));
    out
}

/// The counts, the sentence, the gates and the warnings.
pub(crate) fn overview(preflight: &Value) -> String {
    let mut by_type: BTreeMap<&str, [u64; 4]> = BTreeMap::new();
    for subject in subjects(preflight) {
        let counts = by_type.entry(text(subject, "policy_type")).or_default();
        for (count, readiness) in counts.iter_mut().zip(READINESS) {
            *count += u64::from(text(subject, "readiness") == readiness);
        }
    }
    let mut rows: Vec<(String, Vec<u64>)> = by_type
        .into_iter()
        .map(|(policy_type, counts)| (policy_type.to_owned(), counts.to_vec()))
        .collect();
    let totals = READINESS.map(|readiness| number(preflight, &format!("/summary/{readiness}")));
    rows.push(("all".to_owned(), totals.to_vec()));
    let mut out = table::counts(&READINESS, &rows);
    if let Some(statement) = preflight.pointer("/mutation_scope/statement") {
        out.push_str(&table::sentence(statement.as_str().unwrap_or_default()));
    }
    for (list, word) in [("gates", "gate"), ("warnings", "warning")] {
        for entry in preflight
            .get(list)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let (code, message) = (text(entry, "code"), text(entry, "message"));
            out.push_str(&table::sentence(&format!("{word} {code}: {message}")));
        }
    }
    out
}

/// The subjects that are neither ready nor unchanged, with every reason.
pub(crate) fn held_back(preflight: &Value) -> String {
    let mut table = Table::new(&["held back", "type", "policy", "why"]);
    for subject in subjects(preflight) {
        let readiness = text(subject, "readiness");
        if matches!(readiness, "ready" | "unchanged") {
            continue;
        }
        let reasons = subject.get("reasons").and_then(Value::as_array);
        let mut first = true;
        for reason in reasons.into_iter().flatten() {
            let why = format!("{}: {}", text(reason, "code"), text(reason, "message"));
            let cells = if first {
                [
                    readiness,
                    text(subject, "policy_type"),
                    text(subject, "display_name"),
                ]
            } else {
                [""; 3]
            };
            first = false;
            table.row(cells.map(str::to_owned).into_iter().chain([why]));
        }
        if first {
            table.row(
                [
                    readiness,
                    text(subject, "policy_type"),
                    text(subject, "display_name"),
                ]
                .map(str::to_owned),
            );
        }
    }
    if table.is_empty() {
        return String::new();
    }
    format!("\n{}", table.render())
}

const READINESS: [&str; 4] = ["ready", "blocked", "manual_mapping_required", "unchanged"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_held_back_says_each_reason() {
        let preflight = json!({
            "summary": {"total": 2, "ready": 1, "blocked": 1},
            "mutation_scope": {"statement": "Create 1 policy in B."},
            "gates": [{"code": "operational_control_paused", "message": "Paused."}],
            "subjects": [
                {"readiness": "ready", "wave": 2, "action": "create", "policy_type": "t",
                 "display_name": "one"},
                {"readiness": "blocked", "policy_type": "t", "display_name": "two", "reasons": [
                    {"code": "first", "message": "A"}, {"code": "second", "message": "B"}]},
            ],
        });
        let shown = render(&preflight);
        for part in [
            "Create 1 policy in B.",
            "gate operational_control_paused: Paused.",
            "2     create  t     one",
            "first: A",
            "second: B",
        ] {
            assert!(shown.contains(part), "{part} is missing from\n{shown}");
        }
    }
}
