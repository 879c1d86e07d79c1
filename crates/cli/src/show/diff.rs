//! Differences as people read them: what would go with a minus and in red, what would come with a
//! plus and in green, where the terminal has colours and nobody asked for none (NO_COLOR).

use serde_json::Value;

use crate::client::workspace::text;
use crate::ending::Failure;
use crate::show::{clean, settled};

/// One line of a diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    weight: Weight,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Heading,
    Gone,
    New,
    Place,
    Same,
}

impl Line {
    fn new(weight: Weight, text: &str) -> Self {
        Self {
            weight,
            text: clean(text),
        }
    }
}

/// The changes of one subject, seen from the target.
pub(crate) fn changes(answer: &Value) -> Vec<Line> {
    let mut lines = Vec::new();
    let changes = answer.get("changes").and_then(Value::as_array);
    for change in changes.into_iter().flatten() {
        let kept = change.get("writable") == Some(&Value::Bool(false));
        lines.push(Line::new(
            Weight::Heading,
            &format!(
                "{} {} {}{}",
                text(change, "kind"),
                text(change, "facet"),
                text(change, "path"),
                if kept { " (shown, never written)" } else { "" }
            ),
        ));
        let [target, source] = ["target", "source"].map(|side| change.get(side));
        match source.and_then(Value::as_str) {
            Some(diff) if is_unified(diff) => lines.extend(unified(diff)),
            _ => {
                lines.extend(value(target, "-", Weight::Gone));
                lines.extend(value(source, "+", Weight::New));
            }
        }
    }
    if lines.is_empty() {
        lines.push(Line::new(Weight::Same, "no difference"));
    }
    lines
}

/// Whether a value is a unified diff: that of a script, or of another long text.
fn is_unified(text: &str) -> bool {
    text.contains("--- target\n+++ source\n@@ ")
}

fn value(value: Option<&Value>, sign: &str, weight: Weight) -> Vec<Line> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Vec::new();
    };
    let written = match value {
        Value::String(text) => text.clone(),
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    written
        .lines()
        .map(|line| Line::new(weight, &format!("{sign} {line}")))
        .collect()
}

/// A unified diff.
pub(crate) fn unified(diff: &str) -> Vec<Line> {
    diff.lines()
        .map(|line| {
            let weight = match line.as_bytes() {
                [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => Weight::Heading,
                [b'@', b'@', ..] => Weight::Place,
                [b'-', ..] => Weight::Gone,
                [b'+', ..] => Weight::New,
                _ => Weight::Same,
            };
            Line::new(weight, line)
        })
        .collect()
}

/// Prints them as data.
pub(crate) fn print(lines: &[Line]) -> Result<(), Failure> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    for line in lines {
        // Colours are added after the text was settled: they are ours.
        let styled = console::style(settled(&line.text));
        let styled = match line.weight {
            Weight::Heading => styled.bold(),
            Weight::Gone => styled.red(),
            Weight::New => styled.green(),
            Weight::Place => styled.cyan(),
            Weight::Same => styled,
        };
        writeln!(out, "{styled}")?;
    }
    out.flush()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_shows_both_sides_and_a_script_its_lines() {
        let script = "--- target\n+++ source\n@@ -1 +1 @@\n-old\u{1b}[2J\n+new\n";
        let answer = json!({"changes": [
            {"facet": "settings", "path": "/a", "kind": "changed", "target": {"x": 1}, "source": "two",
             "writable": true},
            {"facet": "settings", "path": "/script", "kind": "changed", "target": null,
             "source": script, "writable": false},
        ]});
        let lines: Vec<String> = changes(&answer).into_iter().map(|line| line.text).collect();
        assert_eq!(
            lines,
            [
                "changed settings /a",
                "- {",
                "-   \"x\": 1",
                "- }",
                "+ two",
                "changed settings /script (shown, never written)",
                "--- target",
                "+++ source",
                "@@ -1 +1 @@",
                "-old [2J",
                "+new",
            ]
        );
        assert_eq!(changes(&json!({"changes": []})).len(), 1);
    }
}
