//! The database away, live events, and an end in good order.

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Stack, send};

#[actix_web::test]
async fn without_its_database_the_process_lives_and_says_so() {
    // Nobody listens on this port any more.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = api::Config::from_lookup(move |name| match name {
        "DATABASE_URL" => Some(format!("postgres://nobody@127.0.0.1:{port}/nothing")),
        "PROMOTION_MASTER_KEY" => Some("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned()),
        "PROMOTION_BIND" => Some("127.0.0.1:0".to_owned()),
        _ => None,
    })
    .unwrap();
    let running = api::serve(&config).unwrap();
    let url = running.addresses[0];
    let stopper = running.stopper();
    let server = actix_web::rt::spawn(running.server);
    let begun = std::time::Instant::now();
    let token = format!("Bearer pat_{}", "A".repeat(43));
    let headers = [("Authorization".to_owned(), token)];
    for path in ["/readyz", "/v1/me"] {
        let reply = send(url, "GET", path, &headers, b"").await;
        assert!(reply.header("retry-after").is_some());
        let said = reply.refused(503, "unavailable");
        assert!(
            path != "/readyz" || said["reason"] == "database_away",
            "{said}"
        );
    }
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(send(url, "GET", "/healthz", &[], b"").await.status, 200);
    let metrics = send(url, "GET", "/metrics", &[], b"").await;
    assert!(metrics.text.contains("promotion_database_up 0"));
    stopper.stop().await;
    server.await.unwrap().unwrap();
    assert!(TcpStream::connect(url).await.is_err());
}

#[actix_web::test]
async fn a_schema_that_is_behind_is_told_from_a_database_that_is_away() {
    let stack = Stack::start().await;
    let journal = |statement: &'static str| {
        let url = stack.database.url().to_owned();
        actix_web::web::block(move || {
            let mut conn = PgConnection::establish(&url).unwrap();
            conn.batch_execute(statement).unwrap();
        })
    };
    let taken = "CREATE TABLE kept AS SELECT * FROM __diesel_schema_migrations \
         ORDER BY version DESC LIMIT 1; \
         DELETE FROM __diesel_schema_migrations WHERE version IN (SELECT version FROM kept)";
    journal(taken).await.unwrap();
    let ready = || send(stack.url, "GET", "/readyz", &[], b"");
    let said = ready().await.refused(503, "unavailable");
    assert_eq!(said["reason"], "schema_behind");
    // Once it is migrated the same process is ready.
    let given = "INSERT INTO __diesel_schema_migrations SELECT * FROM kept";
    journal(given).await.unwrap();
    ready().await.expect(200);
}

/// Reads a stream until a text has come.
async fn read_until(socket: &mut TcpStream, seen: &mut String, wanted: &str) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let mut buffer = vec![0; 65_536];
    while !seen.contains(wanted) {
        let read = tokio::time::timeout_at(deadline, socket.read(&mut buffer)).await;
        let count = read
            .unwrap_or_else(|_| panic!("{wanted} never came: {seen}"))
            .unwrap();
        assert!(count > 0, "the stream ended before {wanted}: {seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
}

async fn open(stack: &Stack, path: &str, token: &str) -> TcpStream {
    let mut socket = TcpStream::connect(stack.url).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.unwrap();
    socket
}

#[actix_web::test]
async fn events_come_live_and_end_with_the_right_to_see_them() {
    let stack = Stack::start().await;
    let tenant = stack.tenant("T").await;
    let connection = stack.path(&format!("/tenants/{tenant}/connection"));
    let body = json!({"cloud": "global", "client_id": uuid::Uuid::new_v4(), "credential": {"kind": "client_secret", "client_secret": "x"}});
    stack
        .call("PUT", &connection, Some(&stack.owner), Some(&body))
        .await
        .expect(200);
    let mut seen = String::new();
    let mut workspace = open(&stack, &stack.path("/events"), &stack.owner).await;
    read_until(&mut workspace, &mut seen, "text/event-stream").await;
    let queued = stack
        .post(&format!("/tenants/{tenant}/inventory-syncs"), &json!({}))
        .await
        .expect(202);
    read_until(&mut workspace, &mut seen, "event: run_enqueued").await;
    let href = queued["operation_run"]["links"]["self"].as_str().unwrap();

    let revoked = stack.token(&json!({"name": "watcher"})).await;
    let mut run_seen = String::new();
    let mut run = open(&stack, &format!("{href}/events"), &revoked).await;
    read_until(&mut run, &mut run_seen, "event: run\nid: 1").await;
    let tokens = stack.get("/api-tokens").await.expect(200);
    let watcher = tokens["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "watcher")
        .unwrap()["token_id"]
        .as_str()
        .unwrap()
        .to_owned();
    stack
        .call(
            "DELETE",
            &stack.path(&format!("/api-tokens/{watcher}")),
            Some(&stack.owner),
            None,
        )
        .await
        .expect(204);
    let revoked_at = std::time::Instant::now();
    read_until(&mut run, &mut run_seen, "\r\n0\r\n\r\n").await;
    assert!(revoked_at.elapsed() < Duration::from_secs(6));

    stack
        .raw("POST", &format!("{href}/cancel"), &[], b"")
        .await
        .expect(202);
    read_until(&mut workspace, &mut seen, "event: run_completed").await;
}
