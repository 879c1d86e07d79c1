//! A problem document (RFC 9457) as lines for people. Whoever answered may not be our API at all:
//! any text is read, none of it steers the terminal. Stands alone, so that it can be fuzzed.

use std::fmt::Write as _;

use serde_json::Value;

/// A body that is a problem document with a code; `None` for anything else.
pub(crate) fn read(body: &str) -> Option<Value> {
    let problem = serde_json::from_str::<Value>(body).ok()?;
    problem
        .get("code")
        .is_some_and(Value::is_string)
        .then_some(problem)
}

/// `code: detail` of a problem document; not cleaned.
pub(crate) fn line(problem: &Value) -> String {
    let text = |name: &str| problem.get(name).and_then(Value::as_str);
    let code = text("code").unwrap_or("unknown");
    let detail = text("detail")
        .or_else(|| text("title"))
        .unwrap_or("refused");
    format!("{code}: {detail}")
}

/// The reasons, errors and drift of a problem document, one per line.
pub(crate) fn details(problem: &Value) -> String {
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
    text.chars()
        .map(|c| if domain::label::steers(c) { ' ' } else { c })
        .collect()
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
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
            details(&problem),
            "\n  nothing_ready: No subject is ready.\n  request: r1"
        );
    }
}
