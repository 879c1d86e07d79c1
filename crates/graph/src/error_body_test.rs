//! Graph's error documents, in every shape seen.
#![expect(clippy::unwrap_used, reason = "a failing test may panic")]

use proptest::prelude::*;

use super::*;

#[test]
fn the_nested_document_of_intune_is_unpacked() {
    let nested = serde_json::json!({
        "_version": 3,
        "Message": "Scope Tags validation failed : Filters - Operation ID (for customer support): 00000000-0000-0000-0000-000000000000 - Activity ID: 5b6b - Url: https://fef.example/x?y=z",
        "CustomApiErrorPhrase": "Bad\nPhrase",
        "RetryAfter": 7,
        "ErrorSourceService": "",
        "HttpHeaders": "{}"
    });
    let body = serde_json::json!({"error": {"code": "BadRequest",
        "message": nested.to_string(), "innerError": {"request-id": "1"}}});
    let error = GraphError::decode(body.to_string().as_bytes()).unwrap();
    assert_eq!(error.code, "BadRequest");
    assert_eq!(error.message, "Scope Tags validation failed : Filters");
    assert_eq!(error.phrase.as_deref(), Some("Bad Phrase"));
    assert_eq!(error.retry_after.as_deref(), Some("7"));
    assert!(error.evidence.contains("Activity ID: 5b6b"));
}

#[test]
fn plain_and_odd_bodies_are_read() {
    let plain = br#"{"error":{"code":"NotFound","message":"No\u0000 such\r\nthing"}}"#;
    let error = GraphError::decode(plain).unwrap();
    assert_eq!(error.message, "No such thing");
    let inner = br#"{"error":{"code":"A","message":"","innerError":{"code":"B"}}}"#;
    let error = GraphError::decode(inner).unwrap();
    assert_eq!(error.phrase.as_deref(), Some("B"));
    assert_eq!(error.operator_text(), "A");
    let oauth = br#"{"error":"invalid_client","error_description":"x"}"#;
    assert_eq!(GraphError::decode(oauth).unwrap().code, "invalid_client");
    assert_eq!(GraphError::decode(b"<html>"), None);
    assert_eq!(GraphError::decode(b"{}"), None);
    assert!(GraphError::decode(br#"{"error":null}"#).is_some());
}

#[test]
fn words_that_only_look_like_markers_stay() {
    assert_eq!(
        without_support_ids("Bad omaUrl: x - Url: https://a b"),
        "Bad omaUrl: x b"
    );
    assert_eq!(without_support_ids("Activity ID:"), "");
}

#[test]
fn texts_are_capped_in_characters() {
    let long = "é".repeat(10_000);
    let body = serde_json::json!({"error": {"code": long, "message": long}});
    let error = GraphError::decode(body.to_string().as_bytes()).unwrap();
    assert_eq!(error.message.chars().count(), TEXT_CAP);
    assert_eq!(error.code.chars().count(), CODE_CAP);
    assert_eq!(error.evidence.chars().count(), EVIDENCE_CAP);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = GraphError::decode(&body);
    }

    #[test]
    fn no_message_makes_it_panic(message in ".{0,40}(Url:|Activity ID:|Operation ID:)? ?.{0,40}") {
        let body = serde_json::json!({"error": {"code": "x", "message": message}}).to_string();
        let error = GraphError::decode(body.as_bytes());
        prop_assert!(error.is_some_and(|error| !error.message.chars().any(char::is_control)));
    }
}
