//! What somebody without a credential, or with one and bad manners, can make the process do.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::support::Stack;

/// A request whose body never ends.
struct Unfinished(TcpStream);

impl Unfinished {
    async fn post(stack: &Stack, path: &str, token: &str, sent: usize) -> Self {
        let mut socket = TcpStream::connect(stack.url).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\nContent-Length: 1048576\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        // An early answer may end the connection while this is written.
        let _ = socket.write_all(&vec![b' '; sent]).await;
        Self(socket)
    }

    /// The status and how long it took until the server closed the connection.
    async fn end(mut self) -> (u16, Duration) {
        let begun = Instant::now();
        let mut bytes = Vec::new();
        let read = self.0.read_to_end(&mut bytes);
        let closed = tokio::time::timeout(Duration::from_secs(40), read).await;
        assert!(closed.is_ok(), "the connection stays open");
        let text = String::from_utf8_lossy(&bytes);
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok());
        (status.unwrap_or_default(), begun.elapsed())
    }
}

#[actix_web::test]
async fn a_query_of_many_names_is_refused_at_once_and_briefly() {
    let stack = Stack::start().await;
    let names: Vec<String> = (0..6_000).map(|n| format!("p{n}=1")).collect();
    for (path, token) in [("/healthz", None), ("/v1/me", Some(stack.owner.as_str()))] {
        let begun = Instant::now();
        let query = format!("{path}?{}", names.join("&"));
        let reply = stack.call("GET", &query, token, None).await;
        assert!(begun.elapsed() < Duration::from_millis(500));
        assert!(reply.text.len() < 2_000);
        let body = reply.refused(422, "validation_failed");
        assert_eq!(body["errors"][0]["code"], "too_many_parameters");
    }
}

#[actix_web::test]
async fn of_many_errors_some_are_listed_and_the_rest_is_counted() {
    let stack = Stack::start().await;
    let mut body = json!({"display_name": "x", "entra_tenant_id": Uuid::new_v4()});
    for number in 0..5_000 {
        body[format!("unknown{number}")] = json!(1);
    }
    body["x".repeat(100_000)] = json!(1);
    let reply = stack.post("/tenants", &body).await;
    assert!(reply.text.len() < 100_000);
    let refused = reply.refused(422, "validation_failed");
    assert_eq!(refused["errors"].as_array().unwrap().len(), 100);
    assert_eq!(refused["errors_omitted"], 4_901);
}

#[actix_web::test]
async fn bodies_of_strangers_are_not_read_and_slow_ones_are_ended() {
    let stack = Stack::start().await;
    let path = stack.path("/tenants");
    let stranger = format!("pat_{}", "A".repeat(43));
    let (status, took) = Unfinished::post(&stack, &path, &stranger, 500_000)
        .await
        .end()
        .await;
    assert_eq!(status, 401);
    assert!(took < Duration::from_secs(5), "{took:?}");
    let (status, took) = Unfinished::post(&stack, &path, &stack.owner, 500_000)
        .await
        .end()
        .await;
    assert_eq!(status, 400);
    assert!(took < Duration::from_secs(12), "{took:?}");
    // A byte now and then does not keep it open either.
    let mut slow = Unfinished::post(&stack, &path, &stack.owner, 1_000).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(24) {
        if slow.0.write_all(b" ").await.is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    let (_, took) = slow.end().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[actix_web::test]
async fn bodies_together_keep_to_a_budget_that_one_workspace_cannot_use_up() {
    let stack = Stack::start().await;
    let other = stack.other_workspace().await;
    let who = stack.call("GET", "/v1/me", Some(&other), None).await;
    let theirs = who.expect(200)["workspaces"][0]["id"].clone();
    let path = stack.path("/tenants");
    let posts = (0..40).map(|_| Unfinished::post(&stack, &path, &stack.owner, 900_000));
    let open = join_all(posts).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let body = json!({"display_name": "x", "entra_tenant_id": Uuid::new_v4()});
    let their_path = format!("/v1/workspaces/{}/tenants", theirs.as_str().unwrap());
    stack
        .call("POST", &their_path, Some(&other), Some(&body))
        .await
        .expect(201);
    let ends = join_all(open.into_iter().map(Unfinished::end)).await;
    let refused = ends.iter().filter(|(status, _)| *status == 429).count();
    assert!(refused >= 20, "{ends:?}");
    // What was held is given back.
    stack.post("/tenants", &body).await.expect(201);
}

#[actix_web::test]
async fn made_up_tokens_do_not_reach_the_database_and_new_ones_work_at_once() {
    let stack = Stack::start().await;
    let second = stack.start_another();
    stack.get("/tenants").await.expect(200);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let flood = async |from: u32| {
        let calls = (0..100).map(|n| {
            let token = format!("pat_{:0>43}", format!("{from}x{n}"));
            let stack = &stack;
            async move { stack.call("GET", "/v1/me", Some(&token), None).await.status }
        });
        let statuses: Vec<u16> = join_all(calls).await;
        assert!(statuses.iter().all(|status| matches!(status, 401 | 429)));
    };
    let before = stack.statements();
    for round in 0..10 {
        flood(round).await;
    }
    let asked = stack.statements() - before;
    assert!(asked < 300, "{asked} statements for 1,000 made-up tokens");
    // In the middle of it: a token that was made a moment ago, here and in another process.
    for round in 10..14 {
        let ((), ()) = tokio::join!(flood(round), async {
            let token = stack.token(&json!({"name": format!("t{round}")})).await;
            let begun = Instant::now();
            stack
                .call("GET", "/v1/me", Some(&token), None)
                .await
                .expect(200);
            let headers = [("Authorization".to_owned(), format!("Bearer {token}"))];
            crate::support::send(second, "GET", "/v1/me", &headers, b"")
                .await
                .expect(200);
            assert!(begun.elapsed() < Duration::from_secs(3));
        });
    }
}

#[actix_web::test]
async fn probes_at_the_same_time_share_one_answer() {
    let stack = Stack::start().await;
    for _ in 0..5 {
        let probes = (0..64).map(|_| stack.call("GET", "/readyz", None, None));
        for reply in join_all(probes).await {
            reply.expect_status(200);
        }
    }
}

#[actix_web::test]
async fn metrics_are_made_once_a_second() {
    let stack = Stack::start().await;
    let before = stack.statements();
    let scrapes = (0..100).map(|_| stack.call("GET", "/metrics", None, None));
    let replies = join_all(scrapes).await;
    assert!(replies.iter().all(|reply| reply.status == 200));
    let asked = stack.statements() - before;
    assert!(asked <= 12, "{asked} statements for 100 scrapes");
}

#[actix_web::test]
async fn runs_of_a_workspace_keep_to_a_limit_however_many_are_started_at_once() {
    let stack = Stack::start_with(&[("PROMOTION_ACTIVE_RUNS_PER_WORKSPACE", "3")]).await;
    let connection = json!({
        "cloud": "global", "client_id": Uuid::new_v4(),
        "credential": {"kind": "client_secret", "client_secret": "x"},
    });
    let mut tenants = Vec::new();
    for number in 0..12 {
        let tenant = stack.tenant(&format!("T{number}")).await;
        let path = stack.path(&format!("/tenants/{tenant}/connection"));
        let put = stack.call("PUT", &path, Some(&stack.owner), Some(&connection));
        put.await.expect(200);
        tenants.push(tenant);
    }
    let starts = tenants.iter().map(|tenant| {
        let path = format!("/tenants/{tenant}/inventory-syncs");
        let stack = &stack;
        async move { stack.post(&path, &json!({})).await }
    });
    let replies = join_all(starts).await;
    let queued = replies.iter().filter(|reply| reply.status == 202).count();
    assert_eq!(queued, 3);
    let refused: Vec<_> = replies.iter().filter(|r| r.status != 202).collect();
    for reply in refused {
        let body = reply.clone().refused(409, "blocked");
        assert_eq!(body["result"], "blocked");
        assert_eq!(body["reasons"][0]["code"], "too_many_active_runs");
    }
    // Another workspace is not held by it, and one that ends makes room.
    let runs = stack.get("/operation-runs").await.expect(200);
    let run = runs["items"][0].clone();
    let (id, held) = (text(&run["id"]), text(&run["tenant_id"]));
    stack
        .post(&format!("/operation-runs/{id}/cancel"), &json!({}))
        .await
        .expect(202);
    let path = format!("/tenants/{held}/inventory-syncs");
    stack.post(&path, &json!({})).await.expect(202);
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
