//! What people read. Data goes to standard output, everything else to standard error; text that
//! came from a tenant cannot steer the terminal.

pub(crate) mod compare;
pub(crate) mod preflight;
pub(crate) mod progress;
pub(crate) mod run;
pub(crate) mod table;

use std::error::Error;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::client::workspace::text;
use crate::ending::Failure;

/// Prints data.
pub(crate) fn data(text: &str) -> Result<(), Failure> {
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
    data(&serde_json::to_string_pretty(value)?)
}

/// Says something on standard error.
pub(crate) fn note(text: &str) {
    let mut error = std::io::stderr().lock();
    // When standard error is closed there is nobody to tell.
    let _ = writeln!(error, "{text}");
}

/// Says why a command failed; with `--json` a refusal's problem document is data too.
pub(crate) fn failure(failure: &Failure, as_json: bool) {
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
        if as_json {
            // The exit code says that it failed; a closed standard output changes nothing.
            let _ = json(problem);
        }
        line.push_str(&problem_details(problem));
    }
    note(&line);
}

/// The reasons, errors and drift of a problem document, one per line.
fn problem_details(problem: &Value) -> String {
    let mut lines = String::new();
    let list = |member: &str| problem.get(member).and_then(Value::as_array);
    for reason in list("reasons").into_iter().flatten() {
        let _ = write!(
            lines,
            "\n  {}: {}",
            clean(text(reason, "code")),
            clean(text(reason, "message"))
        );
    }
    for error in list("errors").into_iter().flatten() {
        let place = [text(error, "pointer"), text(error, "parameter")].concat();
        let _ = write!(
            lines,
            "\n  {}: {}: {}",
            clean(&place),
            clean(text(error, "code")),
            clean(text(error, "detail"))
        );
    }
    for drift in list("drift").into_iter().flatten() {
        let _ = write!(
            lines,
            "\n  changed since the review: {}",
            clean(text(drift, "subject_key"))
        );
    }
    for (member, words) in [
        ("required_capability", "needs"),
        ("operation_run_id", "the run that holds the target"),
        ("current_plan_digest", "the plan is now"),
        ("request_id", "request"),
    ] {
        let value = text(problem, member);
        if !value.is_empty() {
            let _ = write!(lines, "\n  {words}: {}", clean(value));
        }
    }
    lines
}

/// Text with everything that could steer a terminal taken out, on one line.
pub(crate) fn clean(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
    };
    text.chars()
        .map(|c| if steers(c) { ' ' } else { c })
        .collect()
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
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_name_cannot_steer_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\nc\u{202e}d"), "a [2Jb c d");
    }

    #[test]
    fn a_refusal_says_every_reason() {
        let problem = json!({
            "code": "blocked",
            "reasons": [{"code": "nothing_ready", "message": "No subject is ready."}],
            "request_id": "r1",
        });
        assert_eq!(
            problem_details(&problem),
            "\n  nothing_ready: No subject is ready.\n  request: r1"
        );
    }

    #[test]
    fn durations_read_well() {
        assert_eq!(duration(Duration::from_millis(1_240)), "1.2 s");
        assert_eq!(duration(Duration::from_secs(75)), "75 s");
        assert_eq!(duration(Duration::from_secs(150)), "2 min 30 s");
    }
}
