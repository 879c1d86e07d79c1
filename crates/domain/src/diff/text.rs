//! Unified diffs of script bodies and other payloads.

use serde_json::Value;
use similar::TextDiff;

/// A diff of more lines would take too long to compute and to read.
const MAX_LINES: usize = 5000;

/// The texts of two decoded payloads of one encoding: source, target.
pub(super) fn payloads<'v>(source: &'v Value, target: &'v Value) -> Option<(&'v str, &'v str)> {
    let (source, target) = (payload(source)?, payload(target)?);
    (source.1 == target.1).then_some((source.0, target.0))
}

/// Text and encoding; UTF-8 is not named.
pub(super) fn payload(value: &Value) -> Option<(&str, Option<&Value>)> {
    let members = value.as_object()?;
    let encoding = members.get("$encoding");
    if members.len() != 1 + usize::from(encoding.is_some()) {
        return None;
    }
    Some((members.get("$text")?.as_str()?, encoding))
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
