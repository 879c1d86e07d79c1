//! What each answer to a read or a write means.

use super::*;

fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Answer {
    Answer::from_parts(status, headers, body.to_owned())
}

fn error_body(code: &str, message: &str) -> String {
    serde_json::json!({"error": {"code": code, "message": message}}).to_string()
}

/// The outcome's name, for tables.
fn name(outcome: &WriteOutcome) -> &'static str {
    match outcome {
        WriteOutcome::Done { .. } => "done",
        WriteOutcome::Unknown => "unknown",
        WriteOutcome::NotSent => "not_sent",
        WriteOutcome::Throttled { .. } => "throttled",
        WriteOutcome::NotYet { .. } => "not_yet",
        WriteOutcome::ApprovalRequired { .. } => "approval_required",
        WriteOutcome::ApprovalJustificationMissing => "justification_missing",
        WriteOutcome::RenewToken => "renew_token",
        WriteOutcome::Forbidden { .. } => "forbidden",
        WriteOutcome::Rejected { .. } => "rejected",
        WriteOutcome::Conflict { .. } => "conflict",
        WriteOutcome::PreconditionFailed { .. } => "precondition_failed",
    }
}

const KINDS: [WriteKind; 4] = [
    WriteKind::Create,
    WriteKind::Replace,
    WriteKind::Action,
    WriteKind::Delete,
];

#[test]
fn the_table_of_statuses() {
    // status, then create / replace / action / delete
    for (status, outcomes) in [
        (301, ["rejected"; 4]),
        (307, ["rejected"; 4]),
        (400, ["rejected"; 4]),
        (401, ["renew_token"; 4]),
        (403, ["forbidden"; 4]),
        (404, ["not_yet", "not_yet", "not_yet", "done"]),
        (405, ["rejected"; 4]),
        (408, ["unknown"; 4]),
        (409, ["conflict"; 4]),
        (410, ["rejected", "rejected", "rejected", "done"]),
        (412, ["precondition_failed"; 4]),
        (413, ["rejected"; 4]),
        (423, ["unknown", "throttled", "throttled", "throttled"]),
        (424, ["unknown", "throttled", "throttled", "throttled"]),
        (429, ["throttled"; 4]),
        (500, ["unknown"; 4]),
        (501, ["unknown"; 4]),
        (502, ["unknown"; 4]),
        (503, ["unknown"; 4]),
        (504, ["unknown"; 4]),
        (509, ["unknown"; 4]),
        (599, ["unknown"; 4]),
        (600, ["unknown"; 4]),
        (999, ["unknown"; 4]),
        (100, ["unknown"; 4]),
        (0, ["unknown"; 4]),
    ] {
        for (kind, expected) in KINDS.into_iter().zip(outcomes) {
            let outcome = judge_write(&answer(status, &[], ""), kind);
            assert_eq!(name(&outcome), expected, "{status} {kind:?}");
        }
    }
}

#[test]
fn an_address_without_this_verb_is_a_refusal_and_no_lag() {
    let said = "No OData route exists that match template ~/singleton/navigation/key/action with \
                http verb POST for request";
    for status in [400, 404, 405] {
        for kind in KINDS {
            let outcome = judge_write(&answer(status, &[], &error_body("", said)), kind);
            assert_eq!(name(&outcome), "rejected", "{status} {kind:?}");
        }
    }
}

#[test]
fn a_busy_service_that_names_a_time_did_not_carry_it_out() {
    for (status, header, expected) in [
        (503, "10", "throttled"),
        (503, "0", "unknown"),
        (503, "soon", "unknown"),
        (509, "1.5", "throttled"),
        (500, "10", "unknown"),
        (502, "10", "unknown"),
        (504, "10", "unknown"),
    ] {
        let outcome = judge_write(
            &answer(status, &[("Retry-After", header)], ""),
            WriteKind::Create,
        );
        assert_eq!(name(&outcome), expected, "{status} {header}");
    }
    let nested = error_body("TooManyRequests", r#"{"Message":"m","RetryAfter":9}"#);
    assert_eq!(
        judge_write(&answer(429, &[], &nested), WriteKind::Create),
        WriteOutcome::Throttled {
            after: Some(Duration::from_secs(9))
        }
    );
}

#[test]
fn a_lost_answer_to_a_write_is_never_blindly_retried() {
    for kind in KINDS {
        for lost in [Lost::Broken, Lost::TimedOut] {
            assert_eq!(
                judge_write(&Answer::lost(lost), kind),
                WriteOutcome::Unknown
            );
        }
        assert_eq!(
            judge_write(&Answer::lost(Lost::NeverSent), kind),
            WriteOutcome::NotSent
        );
    }
}

#[test]
fn a_success_counts_only_when_it_is_whole() {
    let bodies = [
        (Body::received("{\"id\":\"7\"}".into()), ["done"; 4]),
        (
            Body::received("{\"id\":\"\"}".into()),
            ["unknown", "done", "done", "done"],
        ),
        (
            Body::received("{\"id\":7}".into()),
            ["unknown", "done", "done", "done"],
        ),
        (
            Body::received("{}".into()),
            ["unknown", "done", "done", "done"],
        ),
        (Body::Empty, ["unknown", "done", "done", "done"]),
        (Body::received("{\"id\":\"7".into()), ["unknown"; 4]),
        (Body::TooLarge, ["unknown"; 4]),
        (Body::Lost(Lost::Broken), ["unknown"; 4]),
        (Body::Lost(Lost::TimedOut), ["unknown"; 4]),
    ];
    for (body, outcomes) in bodies {
        for status in [200, 201, 202, 204] {
            for (kind, expected) in KINDS.into_iter().zip(outcomes) {
                let answer = Answer {
                    body: body.clone(),
                    ..answer(status, &[], "")
                };
                assert_eq!(
                    name(&judge_write(&answer, kind)),
                    expected,
                    "{status} {kind:?} {body:?}"
                );
            }
        }
    }
}

#[test]
fn approval_is_recognised_by_header_or_text_and_not_by_status() {
    let header = [("X-MSFT-Approval-Code", " code-1 ")];
    for status in [202, 400, 403, 409, 412, 500] {
        for kind in KINDS {
            assert_eq!(
                judge_write(&answer(status, &header, ""), kind),
                WriteOutcome::ApprovalRequired {
                    code: Some("code-1".to_owned())
                },
                "{status} {kind:?}"
            );
        }
    }
    for status in [400, 403, 412] {
        let held = error_body("ApprovalRequired", "Approval is needed");
        assert_eq!(
            judge_write(&answer(status, &[], &held), WriteKind::Replace),
            WriteOutcome::ApprovalRequired { code: None }
        );
        let missing = error_body(
            "BadRequest",
            "Header 'x-msft-approval-justification' is required.",
        );
        assert_eq!(
            judge_write(&answer(status, &[], &missing), WriteKind::Create),
            WriteOutcome::ApprovalJustificationMissing
        );
    }
    let created = answer(201, &header, r#"{"id":"7"}"#);
    assert_eq!(
        name(&judge_write(&created, WriteKind::Create)),
        "done",
        "what was created was created"
    );
    let plain = answer(412, &[], &error_body("PreconditionFailed", "etag"));
    assert_eq!(
        name(&judge_write(&plain, WriteKind::Replace)),
        "precondition_failed"
    );
}

#[test]
fn a_refusal_tells_whether_something_it_names_is_missing() {
    for (message, expected) in [
        ("Group 1 does not exist", true),
        ("Resource 'x' not found", true),
        (
            "Property children has a value that does not match schema",
            false,
        ),
    ] {
        let outcome = judge_write(
            &answer(400, &[], &error_body("BadRequest", message)),
            WriteKind::Action,
        );
        assert!(
            matches!(outcome, WriteOutcome::Rejected { missing_reference, .. }
                if missing_reference == expected),
            "{message}"
        );
    }
}

#[test]
fn the_table_of_reads() {
    for (status, headers, body, expected) in [
        (200, None, "{}", ReadOutcome::Done),
        (200, None, "", ReadOutcome::Transient),
        (200, None, "{", ReadOutcome::Transient),
        (200, None, "<html>", ReadOutcome::Transient),
        (401, None, "", ReadOutcome::RenewToken),
        (408, None, "", ReadOutcome::Transient),
        (409, None, "", ReadOutcome::Transient),
        (423, None, "", ReadOutcome::Transient),
        (429, None, "", ReadOutcome::Throttled { after: None }),
        (
            429,
            Some(("retry-after", "3")),
            "",
            ReadOutcome::Throttled {
                after: Some(Duration::from_secs(3)),
            },
        ),
        (500, None, "", ReadOutcome::Transient),
        (503, None, "", ReadOutcome::Transient),
        (
            503,
            Some(("retry-after", "3")),
            "",
            ReadOutcome::Throttled {
                after: Some(Duration::from_secs(3)),
            },
        ),
        (999, None, "", ReadOutcome::Transient),
    ] {
        let headers: Vec<(&str, &str)> = headers.into_iter().collect();
        assert_eq!(
            judge_read(&answer(status, &headers, body)),
            expected,
            "{status} {body}"
        );
    }
    // A link that leads nowhere; any other success without a body was cut.
    assert_eq!(judge_read(&answer(204, &[], "")), ReadOutcome::Done);
    assert_eq!(judge_read(&answer(200, &[], "")), ReadOutcome::Transient);
    assert!(matches!(
        judge_read(&answer(404, &[], "")),
        ReadOutcome::NotFound { .. }
    ));
    assert!(matches!(
        judge_read(&answer(403, &[], "")),
        ReadOutcome::Forbidden { .. }
    ));
    assert!(matches!(
        judge_read(&answer(302, &[("location", "http://evil.example")], "")),
        ReadOutcome::Rejected { status: 302, .. }
    ));
    for lost in [Lost::Broken, Lost::TimedOut, Lost::NeverSent] {
        assert_eq!(judge_read(&Answer::lost(lost)), ReadOutcome::Transient);
    }
}

proptest::proptest! {
    #[test]
    fn every_answer_has_an_outcome(
        status: u16,
        retry_after in ".{0,20}",
        approval in proptest::option::of("[a-z0-9]{1,9}"),
        body in ".{0,60}",
    ) {
        let mut headers = vec![("Retry-After", retry_after.as_str())];
        headers.extend(approval.as_deref().map(|code| ("x-msft-approval-code", code)));
        let answer = answer(status, &headers, &body);
        let _ = judge_read(&answer);
        for kind in KINDS {
            let outcome = judge_write(&answer, kind);
            if status >= 500 && approval.is_none() {
                let open = matches!(name(&outcome), "unknown" | "throttled");
                proptest::prop_assert!(open);
            }
        }
    }
}
