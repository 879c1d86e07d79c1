//! What people read. Data goes to standard output, everything else to standard error; text that
//! came from a tenant cannot steer the terminal.

pub(crate) mod ask;
pub(crate) mod columns;
pub(crate) mod compare;
pub(crate) mod diff;
pub(crate) mod preflight;
pub(crate) mod problem;
pub(crate) mod progress;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod table;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::arguments::Output;
use crate::ending::Failure;

pub(crate) use problem::clean;

/// The last thing that happens to a text before it is written: whatever of it came from a tenant, and
/// whoever forgot to clean it, nothing steers the terminal or turns text around. We use neither.
pub(crate) fn settled(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '\n' => c,
            c if domain::label::steers(c) => ' ',
            c => c,
        })
        .collect()
}

/// Prints data.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
    let text = settled(text);
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()?;
    Ok(())
}

/// Prints JSON as data.
pub(crate) fn json(value: &Value) -> Result<(), Failure> {
    data(&inert(&serde_json::to_string_pretty(value)?))
}

/// Prints an answer in the form that was asked for; `table` makes the one for people.
pub(crate) fn answer(
    output: Output,
    value: &Value,
    table: impl FnOnce() -> String,
) -> Result<(), Failure> {
    match output {
        Output::Table => data(&table()),
        Output::Json => json(value),
        Output::Yaml => data(&yaml(value)?),
        Output::Ndjson => {
            let lines = match items(value) {
                Some(items) => items.iter().map(Value::to_string).collect(),
                None => vec![value.to_string()],
            };
            let lines: Vec<String> = lines.iter().map(|line| inert(line)).collect();
            if lines.is_empty() {
                return Ok(());
            }
            data(&lines.join("\n"))
        }
    }
}

/// What an answer lists.
fn items(value: &Value) -> Option<&Vec<Value>> {
    ["items", "subjects", "changes"]
        .iter()
        .find_map(|member| value.get(member).and_then(Value::as_array))
}

/// YAML in which no character of the data can steer a terminal. What YAML would write as it is
/// stands as an escape of JSON, which is YAML too.
fn yaml(value: &Value) -> Result<String, Failure> {
    let text = serde_yaml_ng::to_string(value)?;
    if text.chars().any(|c| c != '\n' && domain::label::steers(c)) {
        return Ok(inert(&serde_json::to_string_pretty(value)?));
    }
    Ok(text)
}

/// JSON in which no character of the data can steer a terminal: those that serde leaves as they are
/// stand as escapes, which mean the same to every reader of JSON. (Outside strings there are none.)
pub(crate) fn inert(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && domain::label::steers(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Says something on standard error.
pub(crate) fn note(text: &str) {
    let mut error = std::io::stderr().lock();
    // When standard error is closed there is nobody to tell.
    let _ = writeln!(error, "{}", settled(text));
}

/// Says why a command failed; where data was asked for a refusal's problem document is data too.
pub(crate) fn failure(failure: &Failure, output: Output) {
    let message = failure.to_string();
    let lines: Vec<String> = message.lines().map(clean).collect();
    let mut line = format!("promotionctl: {}", lines.join("\n"));
    let mut source = failure.source();
    while let Some(cause) = source {
        let cause_text = clean(&cause.to_string());
        if !line.ends_with(&cause_text) {
            let _ = write!(line, ": {cause_text}");
        }
        source = cause.source();
    }
    if matches!(failure, Failure::Io(error) if error.kind() == std::io::ErrorKind::BrokenPipe) {
        return;
    }
    if let Failure::Refused(problem) = failure {
        if output != Output::Table {
            // The exit code says that it failed; a closed standard output changes nothing.
            let _ = answer(output, problem, String::new);
        }
        line.push_str(&problem::details(problem));
    }
    note(&line);
}

/// A duration as people say it.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// `1 policy`, `2 policies`.
pub(crate) fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_holds_nothing_that_steers_and_means_the_same() {
        let value = serde_json::json!({"name": "a\u{202e}b\u{9b}2J\u{7f}\u{2066}\n\u{1b}"});
        for text in [
            serde_json::to_string_pretty(&value),
            serde_json::to_string(&value),
        ] {
            let text = inert(&text.unwrap_or_default());
            assert!(!text.chars().any(|c| c != '\n' && domain::label::steers(c)));
            assert_eq!(
                serde_json::from_str::<Value>(&text).ok().as_ref(),
                Some(&value)
            );
        }
    }

    #[test]
    fn yaml_holds_nothing_that_steers_and_means_the_same() -> Result<(), Failure> {
        for name in [
            "plain",
            "yes",
            "1",
            "a: b",
            "a\u{202e}b\u{9b}2J\n\u{1b}\u{2028}\u{85}",
            "😀\u{7f}",
        ] {
            let value = serde_json::json!({"name": name, "list": [1, null, true, {"x": name}]});
            let text = yaml(&value)?;
            assert!(!text.chars().any(|c| c != '\n' && domain::label::steers(c)));
            assert_eq!(serde_yaml_ng::from_str::<Value>(&text)?, value, "{text}");
        }
        Ok(())
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(75)), "75 s");
        assert_eq!(duration(Duration::from_secs(150)), "2 min 30 s");
    }
}
