//! Unified diffs of script bodies and other payloads. What no line shows (line ends, a byte order
//! mark, how the last line ends) is said in words above them.

use serde_json::Value;
use similar::TextDiff;
use std::fmt::Write as _;

/// A diff of more lines would take too long to compute and to read.
const MAX_LINES: usize = 5000;
const MARK: char = '\u{feff}';

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
    let notes = notes(target, source);
    let (before, after) = (target.lines().count(), source.lines().count());
    if before + after > MAX_LINES {
        return format!(
            "{notes}The text differs: {before} lines in the target, {after} in the source."
        );
    }
    // Where all line ends differ, the lines that say something else would be lost among them.
    let (target, source) = if LineEnds::of(target) == LineEnds::of(source) {
        (target.to_owned(), source.to_owned())
    } else {
        (plain(target), plain(source))
    };
    let diff = TextDiff::from_lines(&target, &source)
        .unified_diff()
        .context_radius(3)
        .header("target", "source")
        .to_string();
    format!("{notes}{diff}")
}

fn plain(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn notes(target: &str, source: &str) -> String {
    let mut notes = String::new();
    let mut note = |what: &str, there: String, here: String| {
        if there != here {
            // Writing to a String cannot fail.
            let _ = writeln!(
                notes,
                "{what}: {there} in the target, {here} in the source."
            );
        }
    };
    let mark = |text: &str| {
        if text.starts_with(MARK) {
            "present"
        } else {
            "absent"
        }
        .to_owned()
    };
    let ends = |text: &str| LineEnds::of(text).to_string();
    let last = |text: &str| match text.strip_suffix(['\n', '\r']) {
        Some(_) => "ends with a line end",
        None => "ends without a line end",
    };
    note("Byte order mark", mark(target), mark(source));
    note("Line ends", ends(target), ends(source));
    note(
        "Last line",
        last(target).to_owned(),
        last(source).to_owned(),
    );
    notes
}

/// How the lines of a text end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct LineEnds {
    crlf: bool,
    lf: bool,
    cr: bool,
}

impl LineEnds {
    fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let pairs = bytes.windows(2).filter(|pair| pair == b"\r\n").count();
        let count = |wanted: u8| memchr::memchr_iter(wanted, bytes).count();
        Self {
            crlf: pairs > 0,
            lf: count(b'\n') > pairs,
            cr: count(b'\r') > pairs,
        }
    }
}

impl std::fmt::Display for LineEnds {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words: Vec<&str> = [(self.crlf, "CR LF"), (self.lf, "LF"), (self.cr, "CR")]
            .into_iter()
            .filter_map(|(present, word)| present.then_some(word))
            .collect();
        match words[..] {
            [] => formatter.write_str("none"),
            [only] => formatter.write_str(only),
            [..] => write!(formatter, "mixed ({})", words.join(", ")),
        }
    }
}
