//! Operation runs and their items as people read them.

use std::fmt::Write as _;

use serde_json::Value;

use crate::client::workspace::{number, text};
use crate::show::clean;
use crate::show::columns::{TenantNames, moment, tenant_name};
use crate::show::table::Table;

/// One run in full, without its items.
pub(crate) fn render(run: &Value, tenants: &TenantNames) -> String {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(out, "  {name:<12} {}", clean(value));
        }
    };
    line("run", text(run, "id"));
    let label = text(run, "type_label");
    line(
        "operation",
        if label.is_empty() {
            text(run, "type")
        } else {
            label
        },
    );
    let [source, target] = ends(run, tenants);
    line("source", &source);
    line(
        if source.is_empty() {
            "tenant"
        } else {
            "target"
        },
        &target,
    );
    line("status", text(run, "status"));
    line("outcome", text(run, "outcome"));
    line("reason", text(run, "outcome_reason"));
    if let Some(waiting) = run.get("waiting").filter(|waiting| waiting.is_object()) {
        let words = format!(
            "{} until {}",
            text(waiting, "reason"),
            text(waiting, "until")
        );
        line("waiting", &words);
    }
    if let Some(initiator) = run.get("initiator") {
        line("by", text(initiator, "display_name"));
    }
    line("created", text(run, "created_at"));
    line("started", text(run, "started_at"));
    line("completed", text(run, "completed_at"));
    line("subjects", &counts(run));
    out
}

/// The counts that are not zero, in words.
pub(crate) fn counts(run: &Value) -> String {
    let mut parts = vec![format!("{} in all", number(run, "/summary_counts/total"))];
    for name in ["created", "updated", "unchanged", "failed", "skipped"] {
        let figure = number(run, &format!("/summary_counts/{name}"));
        if figure > 0 {
            parts.push(format!("{figure} {name}"));
        }
    }
    parts.join(", ")
}

/// The names of the tenants of a run: the source, where it has one, and the one it is about.
pub(crate) fn ends(run: &Value, tenants: &TenantNames) -> [String; 2] {
    let source = run.pointer("/context/source_tenant_id");
    let source = source.and_then(Value::as_str).unwrap_or_default();
    [source, text(run, "tenant_id")].map(|id| tenant_name(tenants, id))
}

/// A list of runs.
pub(crate) fn list(runs: &[Value], tenants: &TenantNames) -> String {
    let mut table = Table::new(&["run", "operation", "tenants", "state", "done", "created"]);
    table.may_leave_out("done");
    table.may_leave_out("created");
    for run in runs {
        let [source, target] = ends(run, tenants);
        let state = match text(run, "status") {
            "completed" => text(run, "outcome"),
            status => status,
        };
        let label = match text(run, "type_label") {
            "" => text(run, "type"),
            label => label,
        };
        table.row([
            text(run, "id").to_owned(),
            label.to_owned(),
            if source.is_empty() || source == target {
                target
            } else {
                format!("{source} -> {target}")
            },
            state.replace('_', " "),
            format!(
                "{}/{}",
                number(run, "/summary_counts/processed"),
                number(run, "/summary_counts/total")
            ),
            moment(text(run, "created_at")),
        ]);
    }
    if table.is_empty() {
        return "  none\n".to_owned();
    }
    table.render()
}

/// Items of a run: all, or only those that did not succeed.
pub(crate) fn items(items: &[Value], all: bool) -> String {
    let mut table = Table::new(&["outcome", "action", "type", "policy", "why"]);
    for item in items {
        if !all && text(item, "outcome") == "succeeded" {
            continue;
        }
        let (code, message) = (text(item, "reason_code"), text(item, "message"));
        let why = if message.is_empty() {
            code.to_owned()
        } else {
            format!("{code}: {message}")
        };
        table.row([
            text(item, "outcome").to_owned(),
            text(item, "action").to_owned(),
            text(item, "policy_type").to_owned(),
            text(item, "display_name").to_owned(),
            why,
        ]);
    }
    if table.is_empty() {
        return String::new();
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_says_its_counts_in_words() {
        let run = json!({"summary_counts": {"total": 5, "created": 3, "failed": 2, "updated": 0}});
        assert_eq!(counts(&run), "5 in all, 3 created, 2 failed");
    }

    #[test]
    fn runs_name_their_tenants() {
        let tenants = TenantNames::from(
            [("s", "Contoso"), ("t", "Fabrikam")]
                .map(|(id, name)| (id.to_owned(), name.to_owned())),
        );
        let promotion = json!({"id": "1", "type": "promotion.execute", "tenant_id": "t",
            "status": "completed", "outcome": "partially_succeeded",
            "context": {"source_tenant_id": "s"}});
        let sync = json!({"id": "2", "type": "inventory.sync", "tenant_id": "u", "status": "running",
            "context": {}});
        let shown = list(&[promotion.clone(), sync.clone()], &tenants);
        assert!(
            shown.contains("Contoso -> Fabrikam  partially succeeded"),
            "{shown}"
        );
        assert!(shown.contains("inventory.sync     u"), "{shown}");
        let shown = render(&promotion, &tenants);
        assert!(
            shown.contains("source       Contoso\n  target       Fabrikam\n"),
            "{shown}"
        );
        assert!(render(&sync, &tenants).contains("tenant       u\n"));
    }

    #[test]
    fn what_succeeded_is_left_out_unless_asked_for() {
        let list = [
            json!({"outcome": "succeeded", "display_name": "good"}),
            json!({"outcome": "failed", "display_name": "bad", "reason_code": "target_changed"}),
        ];
        assert!(!items(&list, false).contains("good"));
        assert!(items(&list, false).contains("target_changed"));
        assert!(items(&list, true).contains("good"));
        assert!(items(&[], true).is_empty());
    }
}
