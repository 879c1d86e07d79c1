//! Tokens: one per connection, checked, renewed, never hammered for.

use std::time::Duration;

use graph::{CallError, TokenError, TokenRefusal, check_connection};
use serde_json::json;
use uuid::Uuid;

use crate::server::{Reply, groups, start, start_with, token_for, token_reply};

#[tokio::test]
async fn many_callers_share_one_token_request() {
    let tenant = Uuid::new_v4();
    let slow = move |_: usize, _: &_| {
        Reply::Slow(Duration::from_millis(100), Box::new(token_reply(tenant)))
    };
    let server = start_with(tenant, slow, |_, _| Reply::json(&json!({}))).await;
    let gateway = server.gateway();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let reader = gateway.reader(server.connection(&gateway), graph::CallContext::default());
        tasks.spawn(async move { reader.get(&groups()).await.map(|_| ()) });
    }
    for result in tasks.join_all().await {
        result.unwrap();
    }
    let asked = server.token_requests();
    assert_eq!(asked.len(), 1);
    let body = &asked[0].body;
    assert!(body.contains("grant_type=client_credentials"));
    assert!(body.contains("client_secret=canary%26secret"));
    assert!(asked[0].target.starts_with(&format!("/{tenant}/")));
    let scope: String =
        url::form_urlencoded::byte_serialize(format!("{}/.default", server.base).as_bytes())
            .collect();
    assert!(body.contains(&scope), "{body}");
}

#[tokio::test]
async fn a_token_of_another_tenant_is_never_sent() {
    let other = Uuid::new_v4();
    let server = start_with(
        Uuid::new_v4(),
        move |_, _| token_reply(other),
        |_, _| Reply::json(&json!({})),
    )
    .await;
    let refused = server.reader().get(&groups()).await;
    assert!(matches!(
        refused,
        Err(CallError::Token(TokenError::WrongTenant { .. }))
    ));
    assert!(
        server
            .writer()
            .admit(graph::ResourceFamily::Apps)
            .await
            .is_err()
    );
    assert!(server.graph_requests().is_empty());
}

#[tokio::test]
async fn a_terminal_refusal_is_asked_for_once() {
    let body = json!({"error": "invalid_client", "error_codes": [7_000_222],
        "error_description": "AADSTS7000222: The provided client secret keys are expired."});
    let server = start_with(
        Uuid::new_v4(),
        move |_, _| Reply::Whole(401, Vec::new(), body.to_string()),
        |_, _| Reply::Cut,
    )
    .await;
    let reader = server.reader();
    for _ in 0..3 {
        let Err(CallError::Token(TokenError::Refused(refused))) = reader.get(&groups()).await
        else {
            panic!("no token was given")
        };
        assert_eq!(refused.refusal, TokenRefusal::SecretExpired);
        assert_eq!(refused.number, Some(7_000_222));
    }
    assert_eq!(server.token_requests().len(), 1);
}

#[tokio::test]
async fn trouble_at_the_login_service_is_sat_out() {
    let tenant = Uuid::new_v4();
    let login = move |number: usize, _: &_| match number {
        0 => Reply::status(503),
        1 => Reply::Cut,
        _ => token_reply(tenant),
    };
    let server = start_with(tenant, login, |_, _| Reply::json(&json!({}))).await;
    server.reader().get(&groups()).await.unwrap();
    assert_eq!(server.token_requests().len(), 3);
}

#[tokio::test]
async fn a_rejected_token_is_renewed_once_with_the_claims_asked_for() {
    let challenge = r#"Bearer error="insufficient_claims", claims="eyJhIjoxfQ==""#;
    let server = start(move |number, _| {
        if number == 0 {
            let headers = vec![("www-authenticate", challenge.to_owned())];
            return Reply::Whole(401, headers, String::new());
        }
        Reply::json(&json!({}))
    })
    .await;
    server.reader().get(&groups()).await.unwrap();
    let asked = server.token_requests();
    assert_eq!(asked.len(), 2);
    assert!(!asked[0].body.contains("claims="));
    assert!(asked[1].body.contains("claims=%7B%22a%22%3A1%7D"));

    let stubborn = start(|_, _| Reply::status(401)).await;
    let refused = stubborn.reader().get(&groups()).await;
    assert!(matches!(
        refused,
        Err(CallError::Rejected { status: 401, .. })
    ));
    assert_eq!(stubborn.graph_requests().len(), 2);
}

#[tokio::test]
async fn a_connection_check_reports_what_an_operator_wants_to_know() {
    let tenant = Uuid::new_v4();
    let organization = json!({"value": [{"id": tenant, "displayName": "Contoso\nLab",
        "verifiedDomains": [{"name": "B.example"}, {"name": "a.example"}]}]});
    let server = start_with(
        tenant,
        move |_, _| token_reply(tenant),
        move |_, _| Reply::json(&organization),
    )
    .await;
    let report = check_connection(&server.reader()).await.unwrap();
    assert_eq!(report.roles, Some(vec!["Group.Read.All".to_owned()]));
    let found = report.organization.unwrap();
    assert_eq!(found.display_name, "Contoso Lab");
    assert_eq!(found.verified_domains, ["a.example", "b.example"]);

    let foreign =
        start(|_, _| Reply::json(&json!({"value": [{"id": Uuid::new_v4(), "displayName": "x"}]})))
            .await;
    assert!(matches!(
        check_connection(&foreign.reader()).await,
        Err(TokenError::WrongTenant { .. })
    ));

    let closed = start(|_, _| Reply::status(403)).await;
    let report = check_connection(&closed.reader()).await.unwrap();
    assert!(matches!(
        report.organization,
        Err(CallError::Forbidden { .. })
    ));
}

#[tokio::test]
async fn every_call_carries_the_token_and_its_own_request_id() {
    let server = start(|_, _| Reply::json(&json!({}))).await;
    let reader = server.reader();
    let first = reader.get(&groups()).await.unwrap();
    reader.get(&groups().with_full_metadata()).await.unwrap();
    let seen = server.graph_requests();
    let bearer = format!("Bearer {}", token_for(server.tenant));
    assert_eq!(seen[0].header("authorization"), Some(bearer.as_str()));
    assert_eq!(
        seen[0].header("client-request-id"),
        Some(first.client_request_id.to_string().as_str())
    );
    assert_ne!(
        seen[0].header("client-request-id"),
        seen[1].header("client-request-id")
    );
    assert_eq!(
        seen[1].header("accept"),
        Some("application/json;odata.metadata=full")
    );
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let tenant = Uuid::new_v4();
    let short = move |_: usize, _: &_| {
        Reply::json(&json!({"access_token": token_for(tenant), "expires_in": 1}))
    };
    let server = start_with(tenant, short, |_, _| Reply::json(&json!({}))).await;
    let reader = server.reader();
    reader.get(&groups()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(810)).await;
    reader.get(&groups()).await.unwrap();
    assert_eq!(server.token_requests().len(), 2);
}

#[tokio::test]
async fn roles_granted_meanwhile_come_with_a_renewed_token() {
    let server = start(|_, _| Reply::json(&json!({}))).await;
    let reader = server.reader();
    reader.get(&groups()).await.unwrap();
    reader.renew_token_older_than(Duration::from_mins(1));
    reader.get(&groups()).await.unwrap();
    assert_eq!(server.token_requests().len(), 1, "a young token stays");
    reader.renew_token_older_than(Duration::ZERO);
    for _ in 0..3 {
        reader.get(&groups()).await.unwrap();
    }
    assert_eq!(server.token_requests().len(), 2);
}

#[tokio::test]
async fn an_old_token_is_kept_while_the_login_service_is_in_trouble() {
    let tenant = Uuid::new_v4();
    let once = move |number: usize, _: &_| {
        if number == 0 {
            token_reply(tenant)
        } else {
            Reply::status(503)
        }
    };
    let server = start_with(tenant, once, |_, _| Reply::json(&json!({}))).await;
    let reader = server.reader();
    reader.get(&groups()).await.unwrap();
    reader.renew_token_older_than(Duration::ZERO);
    reader.get(&groups()).await.unwrap();
    assert!(server.token_requests().len() > 1);
}

#[tokio::test]
async fn equal_connections_share_a_token_and_a_changed_secret_does_not() {
    let server = start(|_, _| Reply::json(&json!({}))).await;
    let gateway = server.gateway();
    for _ in 0..2 {
        let reader = gateway.reader(server.connection(&gateway), graph::CallContext::default());
        reader.get(&groups()).await.unwrap();
    }
    assert_eq!(server.token_requests().len(), 1);
    let changed = graph::TenantConnection::new(
        graph::Cloud::Global,
        gateway.overrides(),
        server.tenant,
        "client-1",
        graph::Credential::FederatedToken(graph::SecretText::new("a.b.c")),
    )
    .unwrap();
    let reader = gateway.reader(changed, graph::CallContext::default());
    reader.get(&groups()).await.unwrap();
    let asked = server.token_requests();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].body.contains("client_assertion=a.b.c"));
    assert!(asked[1].body.contains("client_assertion_type=urn%3Aietf"));
}
