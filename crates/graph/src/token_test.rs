//! Tokens: kept, renewed, and what a refused one means.

use super::*;

fn jwt(claims: &serde_json::Value) -> String {
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!(
        "{}.{}.c2ln",
        encode("{}".to_owned()),
        encode(claims.to_string())
    )
}

fn answer(token: &str, expires_in: &serde_json::Value) -> Answer {
    let body = serde_json::json!({"access_token": token, "expires_in": expires_in});
    Answer::from_parts(200, &[], body.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_token_is_read_with_roles_and_life() -> anyhow::Result<()> {
    let tenant = Uuid::new_v4();
    let claims = serde_json::json!({"tid": tenant.to_string().to_uppercase(),
        "roles": ["B", "A", "B"], "exp": 1});
    for expires_in in [serde_json::json!(3600), serde_json::json!("3600")] {
        let now = Instant::now();
        let token = read_token(&answer(&jwt(&claims), &expires_in), tenant, now)?;
        assert_eq!(
            token.roles.as_deref(),
            Some(["A".to_owned(), "B".to_owned()].as_slice())
        );
        assert_eq!(token.unusable, now + Duration::from_mins(59));
        assert_eq!(token.renew, now + Duration::from_mins(48));
        assert!(!format!("{token:?}").contains(&jwt(&claims)));
    }
    Ok(())
}

#[tokio::test]
async fn a_token_for_another_tenant_is_never_used() {
    let tenant = Uuid::new_v4();
    for tid in [Uuid::new_v4().to_string(), "not an id".to_owned()] {
        let text = jwt(&serde_json::json!({"tid": tid}));
        let read = read_token(
            &answer(&text, &serde_json::Value::Null),
            tenant,
            Instant::now(),
        );
        assert!(matches!(read, Err(TokenError::WrongTenant { .. })));
    }
}

#[tokio::test]
async fn an_opaque_token_has_no_known_roles() -> anyhow::Result<()> {
    let tenant = Uuid::new_v4();
    for text in ["opaque", "a.b.c", "..", "a.e30"] {
        let answer = answer(text, &serde_json::json!(60));
        assert_eq!(read_token(&answer, tenant, Instant::now())?.roles, None);
    }
    let bare = answer(&jwt(&serde_json::json!({})), &serde_json::json!(60));
    let token = read_token(&bare, tenant, Instant::now())?;
    assert_eq!(token.roles, Some(Vec::new()), "a token without roles");
    Ok(())
}

#[tokio::test]
async fn unusable_answers_are_errors() {
    let tenant = Uuid::new_v4();
    for (status, body, terminal) in [
        (200, "", false),
        (200, "{}", false),
        (200, r#"{"access_token":""}"#, false),
        (200, r#"{"access_token":"a\nb"}"#, false),
        (302, "", false),
        (
            400,
            r#"{"error":"invalid_client","error_codes":[7000215]}"#,
            true,
        ),
        (404, "<html>", true),
        (429, "", false),
        (500, "", false),
    ] {
        let answer = Answer::from_parts(status, &[], body);
        let Err(error) = read_token(&answer, tenant, Instant::now()) else {
            unreachable!("{status} {body}")
        };
        assert_eq!(error.is_terminal(), terminal, "{status} {body}");
    }
}
