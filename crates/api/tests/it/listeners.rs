//! Event streams and held answers: how many there may be, what they cost, and when they end.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Stack;

/// An open stream and the status it began with.
struct Listening {
    socket: TcpStream,
    status: u16,
}

impl Listening {
    async fn to(stack: &Stack, token: &str) -> Self {
        let mut socket = TcpStream::connect(stack.url).await.unwrap();
        let head = format!(
            "GET {} HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n",
            stack.path("/events")
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0_u8; 12];
        socket.read_exact(&mut first).await.unwrap();
        let status = String::from_utf8_lossy(&first);
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        Self { socket, status }
    }

    /// Waits until the server ends it.
    async fn end(mut self) -> Duration {
        let begun = Instant::now();
        let mut rest = Vec::new();
        let read = self.socket.read_to_end(&mut rest);
        let ended = tokio::time::timeout(Duration::from_secs(20), read).await;
        assert!(ended.is_ok(), "the stream goes on");
        begun.elapsed()
    }
}

#[actix_web::test]
async fn a_token_has_so_many_streams_and_gives_them_back() {
    let stack = Stack::start().await;
    let open = join_all((0..70).map(|_| Listening::to(&stack, &stack.owner))).await;
    let refused = open.iter().filter(|one| one.status == 429).count();
    assert_eq!(refused, 6);
    assert_eq!(open.iter().filter(|one| one.status == 200).count(), 64);
    stack.get("/events").await.refused(429, "rate_limited");
    // Another token of the same person has its own.
    let second = stack.token(&json!({"name": "second"})).await;
    assert_eq!(Listening::to(&stack, &second).await.status, 200);
    drop(open);
    let begun = Instant::now();
    while Listening::to(&stack, &stack.owner).await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[actix_web::test]
async fn streams_of_one_token_look_up_its_rights_together_and_end_with_them() {
    let stack = Stack::start().await;
    let made = stack
        .post("/api-tokens", &json!({"name": "s"}))
        .await
        .expect(201);
    let (id, token) = (
        made["token_id"].as_str().unwrap(),
        made["token"].as_str().unwrap(),
    );
    let open = join_all((0..60).map(|_| Listening::to(&stack, token))).await;
    assert!(open.iter().all(|one| one.status == 200));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = stack.statements();
    tokio::time::sleep(Duration::from_secs(6)).await;
    let asked = stack.statements() - before;
    assert!(
        asked <= 40,
        "{asked} statements of 60 streams in six seconds"
    );
    let path = stack.path(&format!("/api-tokens/{id}"));
    stack
        .call("DELETE", &path, Some(&stack.owner), None)
        .await
        .expect(204);
    for took in join_all(open.into_iter().map(Listening::end)).await {
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[actix_web::test]
async fn a_run_that_ends_is_told_at_once_to_streams_and_to_held_answers() {
    let stack = Stack::start().await;
    let tenant = stack.tenant("T").await;
    let connection = json!({
        "cloud": "global", "client_id": uuid::Uuid::new_v4(),
        "credential": {"kind": "client_secret", "client_secret": "x"},
    });
    let path = stack.path(&format!("/tenants/{tenant}/connection"));
    stack
        .call("PUT", &path, Some(&stack.owner), Some(&connection))
        .await
        .expect(200);
    let sync = stack
        .post(&format!("/tenants/{tenant}/inventory-syncs"), &json!({}))
        .await;
    let sync = sync.expect(202)["operation_run"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = stack.path(&format!("/operation-runs/{sync}"));
    let begun = Instant::now();
    let held = stack.raw("GET", &path, &[("Prefer", "wait=30")], b"");
    let events = format!("{path}/events");
    let listened = stack.call("GET", &events, Some(&stack.owner), None);
    let cancel = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        stack
            .post(&format!("/operation-runs/{sync}/cancel"), &json!({}))
            .await
            .expect(202);
    };
    let (held, listened, ()) = tokio::join!(held, listened, cancel);
    assert_eq!(held.expect(200)["outcome"], "cancelled");
    assert_eq!(
        listened.text.matches("event: run").count(),
        2,
        "{}",
        listened.text
    );
    assert!(begun.elapsed() < Duration::from_secs(3));
}
