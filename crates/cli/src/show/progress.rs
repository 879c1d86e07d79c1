//! Progress of one run on standard error: a bar on a terminal, a plain line per change otherwise.

use std::fmt::Write as _;
use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use crate::client::workspace::{number, text};
use crate::show::{clean, note};

/// Where progress goes.
pub(crate) enum Progress {
    /// A bar on a terminal.
    Bar(ProgressBar),
    /// A line when something changed.
    Lines {
        /// What is said before each line.
        label: String,
        /// The line said last.
        last: String,
    },
}

impl Progress {
    /// Progress of a run that has not been seen yet: it says itself what it is called.
    pub(crate) fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines {
                label: String::new(),
                last: String::new(),
            };
        }
        let bar = ProgressBar::new(0);
        // Without a style the bar still shows; the template is fixed text checked by a test.
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.enable_steady_tick(std::time::Duration::from_millis(120));
        Self::Bar(bar)
    }

    /// Shows where the run stands.
    pub(crate) fn show(&mut self, run: &Value) {
        let total = number(run, "/summary_counts/total");
        let processed = number(run, "/summary_counts/processed");
        let state = state_of(run);
        match self {
            Self::Bar(bar) => {
                if bar.prefix().is_empty() {
                    bar.set_prefix(name_of(run));
                }
                bar.set_length(total);
                bar.set_position(processed);
                bar.set_message(state);
                if text(run, "status") == "completed" {
                    bar.finish();
                }
            }
            Self::Lines { label, last } => {
                if label.is_empty() {
                    *label = name_of(run);
                }
                let line = format!("{label}: {processed}/{total} {state}");
                if line != *last {
                    note(&line);
                    *last = line;
                }
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Self::Bar(bar) = self
            && !bar.is_finished()
        {
            bar.abandon();
        }
    }
}

/// The words for the run's operation type, or the type itself.
fn name_of(run: &Value) -> String {
    match text(run, "type_label") {
        "" => clean(text(run, "type")),
        label => clean(label),
    }
}

const TEMPLATE: &str = "{prefix} [{bar:30}] {pos}/{len} {msg} ({elapsed})";

/// `running`, `waiting: throttled`, `succeeded`, with what failed.
fn state_of(run: &Value) -> String {
    let status = text(run, "status");
    let mut state = if status == "completed" {
        text(run, "outcome").to_owned()
    } else {
        status.to_owned()
    };
    if let Some(reason) = run.pointer("/waiting/reason").and_then(Value::as_str)
        && status != "completed"
    {
        state = format!("waiting: {reason}");
    }
    for (count, word) in [("failed", "failed"), ("skipped", "skipped")] {
        let number = number(run, &format!("/summary_counts/{count}"));
        if number > 0 {
            let _ = write!(state, ", {number} {word}");
        }
    }
    clean(&state)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_bar_has_a_valid_template() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn a_parked_run_says_what_it_waits_for() {
        let run = json!({"status": "running", "waiting": {"reason": "throttled"},
            "summary_counts": {"failed": 1}});
        assert_eq!(state_of(&run), "waiting: throttled, 1 failed");
        let run = json!({"status": "completed", "outcome": "succeeded", "waiting": null});
        assert_eq!(state_of(&run), "succeeded");
    }
}
