//! Unified diffs of script bodies and other payloads.

use serde_json::Value;
use similar::TextDiff;

/// A diff of more lines would take too long to compute and to read.
const MAX_LINES: usize = 5000;

/// The text of a decoded payload.
pub(super) fn payload(value: &Value) -> Option<&str> {
    let members = value.as_object()?;
    if members.len() != 1 {
        return None;
    }
    members.get("$text")?.as_str()
}

/// What would happen to the target's text.
pub(super) fn unified(target: &str, source: &str) -> String {
    let (before, after) = (target.lines().count(), source.lines().count());
    if before + after > MAX_LINES {
        return format!("The text differs: {before} lines in the target, {after} in the source.");
    }
    TextDiff::from_lines(target, source)
        .unified_diff()
        .context_radius(3)
        .header("target", "source")
        .to_string()
}
