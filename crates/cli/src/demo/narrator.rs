//! Tells the story of the demo, step by step: on standard output, or on standard error when standard
//! output belongs to a JSON report.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

static STEP: AtomicU32 = AtomicU32::new(0);

/// The voice of the demo.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Narrator {
    to_error: bool,
}

impl Narrator {
    /// A narrator; `json` moves it to standard error.
    pub(crate) fn new(json: bool) -> Self {
        Self { to_error: json }
    }

    /// Opens the next step.
    pub(crate) fn step(self, title: &str) {
        let number = STEP.fetch_add(1, Ordering::Relaxed) + 1;
        self.line(&format!("\n{number}. {title}"));
    }

    /// Says one line, or a block of lines.
    pub(crate) fn line(self, text: &str) {
        let text = crate::show::settled(text.trim_end_matches('\n'));
        // A story nobody listens to is not a failed demo.
        let _ = if self.to_error {
            writeln!(std::io::stderr().lock(), "{text}")
        } else {
            writeln!(std::io::stdout().lock(), "{text}")
        };
    }
}
