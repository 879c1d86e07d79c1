//! What an answer tells: ids, dates, bodies that are none.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use super::*;

#[test]
fn a_body_of_any_depth_is_whole() {
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(matches!(Body::received(deep.into()), Body::Json(_)));
    assert!(matches!(Body::received("[[1]".into()), Body::Unreadable(_)));
    assert_eq!(Body::received(" \r\n".into()), Body::Empty);
    assert_eq!(
        Body::received(Bytes::from_static(b"\xef\xbb\xbf{}")),
        Body::Json("{}".into())
    );
}

#[test]
fn debug_shows_no_content() {
    let answer = Answer::from_parts(200, &[], r#"{"access_token":"canary"}"#);
    assert!(!format!("{answer:?}").contains("canary"));
}

#[test]
fn retry_after_is_found_in_header_date_and_nested_json() {
    let decimal = Answer::from_parts(429, &[("Retry-After", "1.5")], "");
    assert_eq!(decimal.retry_after(), Some(Duration::from_millis(1_500)));
    let date = Answer::from_parts(
        429,
        &[
            ("Date", "Sun, 06 Nov 1994 08:49:37 GMT"),
            ("Retry-After", "Sun, 06 Nov 1994 08:50:07 GMT"),
        ],
        "",
    );
    assert_eq!(date.retry_after(), Some(Duration::from_secs(30)));
    let nested = r#"{"error":{"code":"x","message":"{\"Message\":\"m\",\"RetryAfter\":\"12\"}"}}"#;
    let nested = Answer::from_parts(429, &[("retry-after", "0")], nested);
    assert_eq!(nested.retry_after(), Some(Duration::from_secs(12)));
}

#[test]
fn a_claims_challenge_is_decoded() {
    let challenge = r#"Bearer realm="", error="insufficient_claims", claims="eyJhIjoxfQ==""#;
    let answer = Answer::from_parts(401, &[("WWW-Authenticate", challenge)], "");
    assert_eq!(answer.headers.claims.as_deref(), Some(r#"{"a":1}"#));
}

#[test]
fn evidence_carries_ids_but_no_content() {
    let answer = Answer::from_parts(
        201,
        &[("request-id", "r"), ("x-ms-throttle-scope", "s\u{7}x")],
        r#"{"id":"1","secret":"canary"}"#,
    );
    let text = serde_json::to_string(&answer.evidence()).unwrap();
    assert!(text.contains(r#""request_id":"r""#) && !text.contains("canary"));
    assert_eq!(answer.object_id().as_deref(), Some("1"));
}
