//! What the process counts about itself, as Prometheus text.
//!
//! Labels come from closed sets (operation ids, statuses), never from a request's own text.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Upper bounds of the duration buckets, in seconds.
const BUCKETS: [f64; 9] = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

#[derive(Clone, Copy, Debug, Default)]
struct Series {
    count: u64,
    sum_seconds: f64,
    buckets: [u64; BUCKETS.len()],
}

/// Counters of answered requests by operation and status.
#[derive(Debug, Default)]
pub struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), Series>>,
}

impl Metrics {
    /// Counts one answer.
    pub fn observe_request(&self, operation: &'static str, status: u16, elapsed: Duration) {
        let seconds = elapsed.as_secs_f64();
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let series = requests.entry((operation, status)).or_default();
        series.count += 1;
        series.sum_seconds += seconds;
        for (bucket, bound) in series.buckets.iter_mut().zip(BUCKETS) {
            if seconds <= bound {
                *bucket += 1;
            }
        }
    }

    /// The text exposition of what was counted.
    pub fn render(&self) -> String {
        let requests = self
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut text = String::new();
        text.push_str("# HELP promotion_http_requests_total Requests answered.\n");
        text.push_str("# TYPE promotion_http_requests_total counter\n");
        for ((operation, status), series) in &requests {
            let _ = writeln!(
                text,
                "promotion_http_requests_total{{operation=\"{operation}\",status=\"{status}\"}} {}",
                series.count
            );
        }
        text.push_str("# HELP promotion_http_request_duration_seconds Time to answer.\n");
        text.push_str("# TYPE promotion_http_request_duration_seconds histogram\n");
        for ((operation, status), series) in &requests {
            let labels = format!("operation=\"{operation}\",status=\"{status}\"");
            let name = "promotion_http_request_duration_seconds";
            for (count, bound) in series.buckets.iter().zip(BUCKETS) {
                let _ = writeln!(text, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}");
            }
            let _ = writeln!(
                text,
                "{name}_bucket{{{labels},le=\"+Inf\"}} {}",
                series.count
            );
            let _ = writeln!(text, "{name}_sum{{{labels}}} {}", series.sum_seconds);
            let _ = writeln!(text, "{name}_count{{{labels}}} {}", series.count);
        }
        text
    }
}

/// One gauge with its help text, for what is read from the database at scrape time.
pub fn gauge(text: &mut String, name: &str, help: &str, series: &[(String, i64)]) {
    let _ = writeln!(text, "# HELP {name} {help}");
    let _ = writeln!(text, "# TYPE {name} gauge");
    for (labels, value) in series {
        if labels.is_empty() {
            let _ = writeln!(text, "{name} {value}");
        } else {
            let _ = writeln!(text, "{name}{{{labels}}} {value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_counted_by_operation_and_status() {
        let metrics = Metrics::default();
        metrics.observe_request("list_tenants", 200, Duration::from_millis(30));
        metrics.observe_request("list_tenants", 200, Duration::from_secs(2));
        let text = metrics.render();
        assert!(text.contains(
            "promotion_http_requests_total{operation=\"list_tenants\",status=\"200\"} 2"
        ));
        assert!(text.contains("status=\"200\",le=\"0.05\"} 1"));
        assert!(text.contains("le=\"+Inf\"} 2"));
    }
}
