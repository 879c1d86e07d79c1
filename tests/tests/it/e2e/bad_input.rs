//! Whatever arrives, the answer is coded: never a 500, never a panic.

use anyhow::Result;
use promotion_tests::process::Process;
use promotion_tests::stack::{Plan, Stack};
use reqwest::Method;
use serde_json::{Value, json};

use crate::PROCESS;

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_request_gets_its_code() -> Result<()> {
    let stack = Stack::start(
        PROCESS,
        Plan {
            workers: 0,
            ..Plan::default()
        },
    )
    .await?;
    let api = &stack.api;
    let compare = api.path("/cross-tenant-compare");
    let selection = stack.selection();
    let with = |member: &str, value: Value| {
        let mut body = selection.clone();
        body[member] = value;
        body.to_string().into_bytes()
    };
    let huge = format!("{{\"source_tenant_id\":\"{}\"}}", "x".repeat(2 << 20)).into_bytes();
    let unknown = "01890000-0000-7000-8000-000000000000";
    let table: Vec<(&str, Vec<u8>, u16, &str)> = vec![
        ("not json", b"{".to_vec(), 400, "malformed_request"),
        ("empty", Vec::new(), 400, "malformed_request"),
        (
            "duplicate keys",
            br#"{"source_tenant_id":"a","source_tenant_id":"b"}"#.to_vec(),
            400,
            "malformed_request",
        ),
        (
            "unknown member",
            with("surprise", json!(1)),
            422,
            "validation_failed",
        ),
        (
            "unknown type",
            with("scope", json!({"policy_types": ["nonsense"]})),
            422,
            "validation_failed",
        ),
        (
            "unknown subject",
            with("scope", json!({"subject_keys": ["nonsense"]})),
            422,
            "validation_failed",
        ),
        (
            "source is target",
            with("target_tenant_id", selection["source_tenant_id"].clone()),
            422,
            "validation_failed",
        ),
        (
            "unknown tenant",
            with("target_tenant_id", json!(unknown)),
            404,
            "not_found",
        ),
        (
            "wrong option",
            with("options", json!({"assignments": "steal"})),
            422,
            "validation_failed",
        ),
        (
            "return_to elsewhere",
            with("launch_context", json!({"return_to": "//evil.example"})),
            422,
            "validation_failed",
        ),
        ("too large", huge, 413, "payload_too_large"),
    ];
    for (what, body, status, code) in table {
        let reply = api
            .send_raw(Method::POST, &compare, "application/json", body)
            .await?;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (status, &json!(code)),
            "{what}: {}",
            reply.body
        );
        assert_eq!(
            reply.header("content-type"),
            Some("application/problem+json"),
            "{what}"
        );
        assert!(reply.body["request_id"].is_string(), "{what}");
        assert!(reply.header("x-request-id").is_some(), "{what}");
    }
    let text = api
        .send_raw(Method::POST, &compare, "text/plain", b"{}".to_vec())
        .await?;
    assert_eq!(
        (text.status, &text.body["code"]),
        (415, &json!("unsupported_media_type"))
    );
    let wrong_verb = api.send(Method::DELETE, &compare, &[], None).await?;
    assert_eq!(
        (wrong_verb.status, &wrong_verb.body["code"]),
        (405, &json!("method_not_allowed"))
    );
    assert!(
        wrong_verb
            .header("allow")
            .is_some_and(|allow| allow.contains("POST"))
    );
    let nowhere = api.send(Method::GET, "/v1/nowhere", &[], None).await?;
    assert_eq!(
        (nowhere.status, &nowhere.body["code"]),
        (404, &json!("not_found"))
    );
    let nobody = api
        .with_token("pat_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
        .get("/tenants")
        .await?;
    assert_eq!(
        (nobody.status, &nobody.body["code"]),
        (401, &json!("unauthenticated"))
    );
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    for limit in ["0", "201", "x", "-1"] {
        let reply = api.get(&format!("/tenants?limit={limit}")).await?;
        assert_eq!(
            (reply.status, &reply.body["code"]),
            (422, &json!("validation_failed")),
            "{limit}"
        );
    }
    let cursor = api.get("/tenants?cursor=%21%21").await?;
    assert_eq!(
        (cursor.status, &cursor.body["code"]),
        (400, &json!("malformed_request"))
    );
    let unconfirmed = api
        .post("/cross-tenant-compare/execute", &selection)
        .await?;
    assert_eq!(
        (unconfirmed.status, &unconfirmed.body["code"]),
        (428, &json!("confirmation_required"))
    );
    Ok(())
}

#[test]
fn a_missing_variable_ends_the_process_with_one_line_that_names_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    for (process, env, named) in [
        ("api", vec![], "DATABASE_URL"),
        ("worker", vec![], "DATABASE_URL"),
        (
            "worker",
            vec![("DATABASE_URL", "postgres://127.0.0.1:1/x")],
            "PROMOTION_MASTER_KEY",
        ),
        (
            "api",
            vec![
                ("DATABASE_URL", "postgres://127.0.0.1:1/x"),
                ("PROMOTION_MASTER_KEY", "short"),
            ],
            "PROMOTION_MASTER_KEY",
        ),
    ] {
        let env: Vec<(String, String)> = env
            .into_iter()
            .map(|(k, v): (&str, &str)| (k.to_owned(), v.to_owned()))
            .collect();
        let log = folder.path().join("log");
        let mut child = Process::start(PROCESS.as_ref(), &[process], &env, &log)?;
        let code = child.wait(std::time::Duration::from_secs(20))?;
        let text = child.log_text();
        assert_eq!(code, Some(2), "{process}: {text}");
        assert_eq!(text.trim().lines().count(), 1, "{text}");
        assert!(text.contains(named), "{text}");
    }
    Ok(())
}
