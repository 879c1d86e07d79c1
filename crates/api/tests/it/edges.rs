//! Every refusal is problem details, whatever is sent.

use serde_json::json;

use crate::support::{Stack, send};

#[actix_web::test]
async fn what_does_not_exist_and_what_takes_another_method() {
    let stack = Stack::start().await;
    stack
        .call("GET", "/nowhere", None, None)
        .await
        .refused(404, "not_found");
    stack
        .call("GET", "/v1/workspaces/", None, None)
        .await
        .refused(404, "not_found");
    let reply = stack.call("DELETE", "/v1/me", None, None).await;
    assert_eq!(reply.header("allow"), Some("GET"));
    reply.refused(405, "method_not_allowed");
    let reply = stack
        .call("PATCH", &stack.path("/tenants"), None, None)
        .await;
    assert_eq!(reply.header("allow"), Some("GET, POST"));
    reply.refused(405, "method_not_allowed");
    stack
        .call("OPTIONS", "/v1/me", None, None)
        .await
        .refused(405, "method_not_allowed");
}

#[actix_web::test]
async fn request_ids_are_echoed_or_made() {
    let stack = Stack::start().await;
    let sane = stack
        .raw("GET", "/healthz", &[("X-Request-Id", "abc-123")], b"")
        .await;
    assert_eq!(sane.header("x-request-id"), Some("abc-123"));
    for odd in ["a b", &"x".repeat(129), "caf\u{e9}"] {
        let reply = stack
            .raw("GET", "/healthz", &[("X-Request-Id", odd)], b"")
            .await;
        assert_eq!(reply.status, 200);
        assert_ne!(reply.header("x-request-id"), Some(odd));
        assert!(
            reply
                .header("x-request-id")
                .is_some_and(|id| id.len() == 36)
        );
    }
}

#[actix_web::test]
async fn credentials_that_are_missing_or_wrong() {
    let stack = Stack::start().await;
    let wrong = format!("pat_{}", "A".repeat(43));
    let tried = [
        None,
        Some("Bearer nonsense".to_owned()),
        Some(format!("Bearer {wrong}")),
        Some(format!("Basic {}", stack.owner)),
        Some(stack.owner.clone()),
        Some("Bearer ".to_owned()),
    ];
    for header in tried {
        let headers: Vec<_> = header
            .into_iter()
            .map(|h| ("Authorization".to_owned(), h))
            .collect();
        let reply = send(stack.url, "GET", "/v1/me", &headers, b"").await;
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        reply.refused(401, "unauthenticated");
    }
}

#[actix_web::test]
async fn bodies_are_read_strictly() {
    let stack = Stack::start().await;
    let path = stack.path("/tenants");
    let post = |kind: &'static str, body: Vec<u8>| {
        let (stack, path) = (&stack, &path);
        async move {
            stack
                .raw("POST", path, &[("Content-Type", kind)], &body)
                .await
        }
    };
    let json = "application/json";
    for bad in [
        "",
        "{",
        "nul",
        "{\"a\":1,}",
        "{\"a\":1,\"a\":2}",
        "[] []",
        "\u{feff}{}",
        "{\"a\":\"\\ud800\"}",
    ] {
        post(json, bad.as_bytes().to_vec())
            .await
            .refused(400, "malformed_request");
    }
    post(json, b"{\"display_name\":\"\xff\"}".to_vec())
        .await
        .refused(400, "malformed_request");
    post(json, "[".repeat(100_000).into_bytes())
        .await
        .refused(400, "malformed_request");
    for kind in [
        "text/plain",
        "application/json; charset=latin1",
        "multipart/form-data",
    ] {
        post(kind, b"{}".to_vec())
            .await
            .refused(415, "unsupported_media_type");
    }
    for not_an_object in ["[]", "1", "null", "\"x\""] {
        let body = post(json, not_an_object.as_bytes().to_vec())
            .await
            .refused(422, "validation_failed");
        assert_eq!(body["errors"][0]["pointer"], "");
    }
    let body = post(
        "application/json; charset=UTF-8",
        br#"{"display_name": 5, "entra_tenant_id": "x", "a/b~c": 1}"#.to_vec(),
    )
    .await
    .refused(422, "validation_failed");
    let mut pointers: Vec<_> = body["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/a~1b~0c", "/display_name", "/entra_tenant_id"]);
    for name in ["", "  ", "a\u{0}b", "a\nb"] {
        let body = json!({"display_name": name, "entra_tenant_id": uuid::Uuid::new_v4()});
        stack
            .post("/tenants", &body)
            .await
            .refused(422, "validation_failed");
    }
}

#[actix_web::test]
async fn bodies_over_a_mebibyte_are_refused_however_they_come() {
    let stack = Stack::start().await;
    let path = stack.path("/tenants");
    let kind = ("Content-Type", "application/json");
    for size in [1024 * 1024 + 1, 3 * 1024 * 1024] {
        let body = vec![b' '; size];
        stack
            .raw("POST", &path, &[kind], &body)
            .await
            .refused(413, "payload_too_large");
    }
    let mut body = Vec::new();
    for _ in 0..20 {
        body.extend_from_slice(b"10000\r\n");
        body.extend(std::iter::repeat_n(b' ', 0x10000));
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"0\r\n\r\n");
    let chunked = [kind, ("Transfer-Encoding", "chunked")];
    stack
        .raw("POST", &path, &chunked, &body)
        .await
        .refused(413, "payload_too_large");
    // Just inside the limit is read.
    let body = vec![b' '; 1024 * 1024];
    stack
        .raw("POST", &path, &[kind], &body)
        .await
        .refused(400, "malformed_request");
}

#[actix_web::test]
async fn parameters_and_headers_are_read_strictly() {
    let stack = Stack::start().await;
    for bad in [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=",
        "nope=1",
        "limit=1&limit=2",
        "limit=%ff",
        "%ff=1",
    ] {
        let body = stack
            .get(&format!("/tenants?{bad}"))
            .await
            .refused(422, "validation_failed");
        assert!(body["errors"][0]["parameter"].is_string());
    }
    for bad in ["cursor=x", "cursor=", "cursor=%00", "cursor=AAAA"] {
        stack
            .get(&format!("/tenants?{bad}"))
            .await
            .refused(400, "malformed_request");
    }
    stack
        .get("/operation-runs?type=nope")
        .await
        .refused(422, "validation_failed");
    stack
        .get("/operation-runs?tenant_id=nope")
        .await
        .refused(422, "validation_failed");
    let tenant = stack.tenant("A").await;
    stack
        .get(&format!("/tenants/{tenant}/policies?q=%ff"))
        .await
        .refused(422, "validation_failed");
    let path = stack.path(&format!("/tenants/{tenant}/inventory-syncs"));
    let long = "k".repeat(256);
    for key in ["", long.as_str()] {
        stack
            .raw("POST", &path, &[("Idempotency-Key", key)], b"")
            .await
            .refused(400, "malformed_request");
    }
}

#[actix_web::test]
async fn answers_are_hardened_and_open_ones_need_no_credential() {
    let stack = Stack::start().await;
    for path in [
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/docs/swagger-ui.css",
    ] {
        let reply = stack.call("GET", path, None, None).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.text);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        assert!(reply.header("content-security-policy").is_some());
    }
    let docs = stack.call("GET", "/docs", None, None).await;
    assert!(docs.text.contains("<base href=\"/docs/\">") && docs.text.contains("swagger-ui"));
    let initializer = stack
        .call("GET", "/docs/swagger-initializer.js", None, None)
        .await;
    assert!(
        initializer.text.contains("/openapi.json"),
        "{}",
        initializer.text
    );
    stack
        .call("GET", "/docs/nothing.js", None, None)
        .await
        .refused(404, "not_found");
    // They are made once a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let metrics = stack.call("GET", "/metrics", None, None).await;
    assert!(
        metrics
            .text
            .contains("promotion_http_requests_total{operation=\"get_docs\",status=\"200\"}"),
        "{}",
        metrics.text
    );
    assert!(metrics.text.contains("promotion_database_up 1"));
}

const ALLOWED: &str = "access-control-allow-origin";

async fn from_origin(stack: &Stack, method: &str, origin: &str) -> crate::support::Reply {
    let mut headers = vec![("Origin".to_owned(), origin.to_owned())];
    if method == "OPTIONS" {
        headers.extend([
            (
                "Access-Control-Request-Method".to_owned(),
                "POST".to_owned(),
            ),
            (
                "Access-Control-Request-Headers".to_owned(),
                "authorization,content-type".to_owned(),
            ),
        ]);
    }
    send(stack.url, method, "/v1/me", &headers, b"").await
}

#[actix_web::test]
async fn pages_of_listed_origins_alone_may_read_answers() {
    let portal = "https://portal.example";
    let stack = Stack::start_with(&[("PROMOTION_CORS_ORIGINS", portal)]).await;
    let allowed = from_origin(&stack, "OPTIONS", portal).await;
    assert!(allowed.status < 300, "{allowed:?}");
    assert_eq!(allowed.header(ALLOWED), Some(portal));
    assert_eq!(allowed.header("access-control-allow-credentials"), None);
    let refused = from_origin(&stack, "OPTIONS", "https://evil.example").await;
    assert_eq!(refused.header(ALLOWED), None);
    // A refusal is readable for the page as well.
    let answer = from_origin(&stack, "GET", portal).await;
    assert_eq!(answer.header(ALLOWED), Some(portal));
    answer.refused(401, "unauthenticated");
}

#[actix_web::test]
async fn without_a_list_no_page_of_another_origin_may_read_anything() {
    let stack = Stack::start().await;
    let answer = from_origin(&stack, "GET", "https://portal.example").await;
    assert_eq!(answer.header(ALLOWED), None);
    answer.refused(401, "unauthenticated");
}
