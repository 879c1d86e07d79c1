//! What one workspace can do to another by asking much: ratios, each measured in one run. They take
//! long and a quiet machine, so `.ci/long` runs them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::seed::{capture_into, filter};
use crate::support::{Reply, Stack, send};

/// A workspace with two captured tenants.
struct Customer {
    url: std::net::SocketAddr,
    token: String,
    path: String,
    selection: Value,
}

impl Customer {
    async fn of(stack: &Stack, token: &str, subjects: usize) -> Self {
        let who = stack
            .call("GET", "/v1/me", Some(token), None)
            .await
            .expect(200);
        let workspace = who["workspaces"][0]["id"].as_str().unwrap().to_owned();
        let path = format!("/v1/workspaces/{workspace}");
        let mut ids = Vec::new();
        for (name, changed) in [("Source", false), ("Target", true)] {
            let body = json!({"display_name": name, "entra_tenant_id": Uuid::new_v4()});
            let made = stack
                .call("POST", &format!("{path}/tenants"), Some(token), Some(&body))
                .await;
            let id = made.expect(201)["id"].as_str().unwrap().to_owned();
            let objects: Vec<_> = (0..subjects)
                .map(|number| {
                    let model = if changed && number % 2 == 0 {
                        "new"
                    } else {
                        "old"
                    };
                    let long = "x".repeat(2_000);
                    filter(
                        &format!("Filter {number:05}"),
                        &format!("(device.model -eq \"{model}\") or (device.model -eq \"{long}\")"),
                    )
                })
                .collect();
            let url = stack.database.url().to_owned();
            capture_into(url, &workspace, &id, &[], &objects).await;
            ids.push(id);
        }
        Self {
            url: stack.url,
            token: token.to_owned(),
            path,
            selection: json!({"source_tenant_id": ids[0], "target_tenant_id": ids[1]}),
        }
    }

    async fn preflight(&self) -> Reply {
        let headers = [
            ("Authorization".to_owned(), format!("Bearer {}", self.token)),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        let path = format!("{}/cross-tenant-compare/preflight", self.path);
        send(
            self.url,
            "POST",
            &path,
            &headers,
            self.selection.to_string().as_bytes(),
        )
        .await
    }

    /// The 95th percentile of so many preflights, one after the other.
    async fn p95(&self, rounds: usize) -> Duration {
        let mut took = Vec::new();
        for _ in 0..rounds {
            let begun = Instant::now();
            self.preflight().await.expect_status(200);
            took.push(begun.elapsed());
        }
        took.sort();
        took[rounds * 95 / 100]
    }
}

#[actix_web::test]
#[ignore = "measures on a quiet machine; .ci/long"]
async fn three_hundred_preflights_of_one_workspace_do_not_hold_up_another() {
    let stack = Stack::start().await;
    let victim = Customer::of(&stack, &stack.owner, 40).await;
    let attacker = stack.other_workspace().await;
    let attacker = Arc::new(Customer::of(&stack, &attacker, 400).await);
    victim.p95(20).await;
    let alone = victim.p95(60).await;
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicU64::new(0));
    let attack: Vec<_> = (0..300)
        .map(|_| {
            let (attacker, stop, answered) = (
                Arc::clone(&attacker),
                Arc::clone(&stop),
                Arc::clone(&answered),
            );
            actix_web::rt::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    attacker.preflight().await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let beside = victim.p95(60).await;
    stop.store(true, Ordering::Relaxed);
    eprintln!(
        "preflight p95: alone {alone:?}, beside 300 calls of another workspace {beside:?}, of which {} were answered",
        answered.load(Ordering::Relaxed)
    );
    assert!(beside <= alone * 3, "{alone:?} {beside:?}");
    for task in attack {
        task.abort();
    }
}

#[actix_web::test]
#[ignore = "measures on a quiet machine; .ci/long"]
async fn work_for_connections_that_are_closed_is_dropped() {
    let stack = Stack::start().await;
    let other = stack.other_workspace().await;
    let big = Customer::of(&stack, &other, 400).await;
    let begun = Instant::now();
    big.preflight().await.expect_status(200);
    let one = begun.elapsed();
    // A hundred calls whose connections are closed at once.
    for _ in 0..100 {
        let _ = tokio::time::timeout(Duration::from_millis(20), big.preflight()).await;
    }
    let begun = Instant::now();
    big.preflight().await.expect_status(200);
    let after = begun.elapsed();
    eprintln!("one preflight {one:?}, one after a hundred given up {after:?}");
    assert!(after <= one * 5, "{one:?} {after:?}");
}

#[actix_web::test]
#[ignore = "measures on a quiet machine; .ci/long"]
async fn a_flood_of_made_up_tokens_does_not_hold_up_others() {
    let stack = Stack::start().await;
    let victim = Customer::of(&stack, &stack.owner, 40).await;
    victim.p95(20).await;
    let alone = victim.p95(60).await;
    let stop = Arc::new(AtomicBool::new(false));
    let url = stack.url;
    let attack: Vec<_> = (0..50)
        .map(|worker| {
            let stop = Arc::clone(&stop);
            actix_web::rt::spawn(async move {
                let mut number = 0_u64;
                while !stop.load(Ordering::Relaxed) {
                    number += 1;
                    let token = format!("pat_{:0>43}", format!("{worker}x{number}"));
                    let headers = [("Authorization".to_owned(), format!("Bearer {token}"))];
                    send(url, "GET", "/v1/me", &headers, b"").await;
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let beside = victim.p95(60).await;
    stop.store(true, Ordering::Relaxed);
    join_all(attack).await;
    eprintln!("preflight p95: alone {alone:?}, beside made-up tokens {beside:?}");
    assert!(beside <= alone * 3, "{alone:?} {beside:?}");
}
