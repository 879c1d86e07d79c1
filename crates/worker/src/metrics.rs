//! Counters of this process in Prometheus text. Counts; decides nothing; carries no customer data.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// All counters of the process.
#[derive(Debug, Default)]
pub struct Metrics {
    counters: Mutex<BTreeMap<(&'static str, String), u64>>,
}

/// Name and help text of each counter.
const COUNTERS: [(&str, &str); 10] = [
    ("promotion_worker_runs_total", "Runs ended by this process."),
    ("promotion_worker_claims_total", "Runs claimed."),
    ("promotion_worker_items_total", "Items ended."),
    (
        "promotion_worker_graph_calls_total",
        "Requests to Graph by method and status.",
    ),
    (
        "promotion_worker_throttled_waits_total",
        "Waits that Graph asked for.",
    ),
    (
        "promotion_worker_parked_runs_total",
        "Runs put aside until a later time.",
    ),
    (
        "promotion_worker_unknown_outcomes_total",
        "Writes whose outcome was not clear from the answer.",
    ),
    (
        "promotion_worker_adopted_objects_total",
        "Objects found again after a lost answer.",
    ),
    (
        "promotion_worker_lease_losses_total",
        "Runs whose lease was lost.",
    ),
    (
        "promotion_worker_rescues_total",
        "Runs woken by the sweeper.",
    ),
];

impl Metrics {
    /// Counts one.
    pub fn count(&self, name: &'static str, labels: &[(&str, &str)]) {
        let mut text = String::new();
        for (label, value) in labels {
            let separator = if text.is_empty() { "" } else { "," };
            let value = value.replace(['\\', '"', '\n'], "_");
            let _ = write!(text, "{separator}{label}=\"{value}\"");
        }
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        *counters.entry((name, text)).or_default() += 1;
    }

    /// All counters as Prometheus text; `gauges` are appended.
    pub fn render(&self, gauges: &[(&str, &str, u64)]) -> String {
        let counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        for (name, help) in COUNTERS {
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} counter");
            let mut any = false;
            for ((_, labels), value) in counters.iter().filter(|((of, _), _)| *of == name) {
                any = true;
                if labels.is_empty() {
                    let _ = writeln!(text, "{name} {value}");
                } else {
                    let _ = writeln!(text, "{name}{{{labels}}} {value}");
                }
            }
            if !any {
                let _ = writeln!(text, "{name} 0");
            }
        }
        for (name, help, value) in gauges {
            let _ = writeln!(
                text,
                "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_counter_counted_is_rendered_with_its_labels() {
        let metrics = Metrics::default();
        metrics.count(
            "promotion_worker_runs_total",
            &[("type", "inventory.sync"), ("outcome", "succeeded")],
        );
        metrics.count("promotion_worker_lease_losses_total", &[]);
        let text = metrics.render(&[("promotion_worker_runs_active", "Runs held now.", 3)]);
        assert!(text.contains(
            "promotion_worker_runs_total{type=\"inventory.sync\",outcome=\"succeeded\"} 1\n"
        ));
        assert!(text.contains("promotion_worker_lease_losses_total 1\n"));
        assert!(text.contains("promotion_worker_runs_active 3\n"));
    }
}
