//! What the text of a refusal tells.

use proptest::prelude::*;

use super::*;

#[test]
fn the_documented_refusals_are_terminal() {
    for (number, expected) in [
        (700_016, TokenRefusal::ApplicationNotInTenant),
        (90_002, TokenRefusal::TenantUnknown),
        (7_000_215, TokenRefusal::SecretInvalid),
        (7_000_222, TokenRefusal::SecretExpired),
        (700_027, TokenRefusal::CertificateInvalid),
        (70_021, TokenRefusal::FederationMismatch),
        (700_211, TokenRefusal::FederationMismatch),
        (700_213, TokenRefusal::FederationMismatch),
        (53_003, TokenRefusal::BlockedByPolicy),
        (1, TokenRefusal::Other),
    ] {
        let by_list = format!(r#"{{"error":"invalid_client","error_codes":[{number}]}}"#);
        let by_text =
            format!(r#"{{"error":"x","error_description":"AADSTS{number}: No.\r\nTrace ID: 1"}}"#);
        assert_eq!(decode(400, by_list.as_bytes()).refusal, expected);
        let refused = decode(401, by_text.as_bytes());
        assert_eq!(refused.refusal, expected);
        assert_eq!(refused.description, format!("AADSTS{number}: No."));
        assert!(refused.refusal.is_terminal());
    }
}

#[test]
fn trouble_at_the_login_service_passes() {
    for (status, body) in [
        (500, "{}"),
        (503, "<html>"),
        (429, ""),
        (400, r#"{"error":"temporarily_unavailable"}"#),
        (400, r#"{"error":"x","error_codes":[90033]}"#),
    ] {
        assert!(!decode(status, body.as_bytes()).refusal.is_terminal());
    }
    assert_eq!(decode(400, b"").refusal, TokenRefusal::Other);
}

proptest! {
    #[test]
    fn no_body_makes_it_panic(status: u16, body in ".{0,100}") {
        let _ = decode(status, body.as_bytes());
    }
}
