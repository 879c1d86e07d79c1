//! More long runs of one customer than a worker has slots hold up nobody else's.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::time::Duration;

use domain::selection::Options;
use graph_sim::{Side, TenantSpec};
use serde_json::json;
use store::StoreError;
use store::keys::MasterKey;
use store::runs::RunRow;
use uuid::Uuid;

use crate::support::Stack;

/// As long as a sign-in or a read of the busy customer's tenants takes.
const SLOW: u64 = 2_500;
/// Within so many seconds the other customer's work begins, on a busy machine.
const SOON: u64 = 12;

struct Workspace {
    id: Uuid,
    user_id: Uuid,
    tenants: Vec<Uuid>,
}

fn entra(number: u128) -> String {
    Uuid::from_u128(0x3333_3333_3333_4333_8333_0000_0000_0000 + number).to_string()
}

/// A stack whose workspace has these many tenants, and a second workspace with the last two.
async fn two_workspaces(tenants: u128) -> (Stack, Workspace, Workspace) {
    let specs = (0..tenants + 2)
        .map(|number| {
            let side = if number == 0 || number == tenants {
                Side::Source
            } else {
                Side::Target
            };
            TenantSpec::builtin(&entra(number), side)
        })
        .collect();
    let mut stack = Stack::with(specs).await;
    stack.config.concurrency = 4;
    let master = MasterKey::from_base64(&stack.master_key).unwrap();
    let mut busy = Workspace {
        id: stack.workspace_id,
        user_id: stack.user_id,
        tenants: Vec::new(),
    };
    for number in 0..tenants {
        let name = format!("Busy {number}");
        busy.tenants
            .push(stack.add_tenant(&name, &entra(number), &master).await);
    }
    let (url, key) = (stack.admin_url.clone(), stack.master_key.clone());
    let made = tokio::task::spawn_blocking(move || {
        let made = store::bootstrap::bootstrap(&url, &key, "Other", "other@example.com")?;
        let identity = store::identities::Identity {
            issuer: "https://login.test".to_owned(),
            subject: "other".to_owned(),
        };
        let mut conn = store::db::establish(&url)?;
        store::identities::put_identity(&mut conn, made.workspace_id, made.user_id, &identity)?;
        Ok::<_, StoreError>(made)
    })
    .await
    .unwrap()
    .unwrap();
    let mut other = Workspace {
        id: made.workspace_id,
        user_id: made.user_id,
        tenants: Vec::new(),
    };
    be(&mut stack, &other);
    for number in tenants..tenants + 2 {
        let name = format!("Other {number}");
        other
            .tenants
            .push(stack.add_tenant(&name, &entra(number), &master).await);
    }
    (stack, busy, other)
}

/// What is queued from here on is this workspace's.
fn be(stack: &mut Stack, workspace: &Workspace) {
    stack.workspace_id = workspace.id;
    stack.user_id = workspace.user_id;
}

async fn slow_tenants(stack: &Stack, numbers: std::ops::Range<u128>) {
    for number in numbers {
        stack
            .fault(
                json!({"kind": "slow", "ms": SLOW, "tenant": entra(number), "times": 100_000,
                "path_regex": ""}),
            )
            .await;
    }
}

async fn running(stack: &Stack, runs: &[Uuid]) -> usize {
    let mut count = 0;
    for run in runs {
        count += usize::from(stack.run(*run).await.status == "running");
    }
    count
}

/// Waits until nothing more of these begins, and answers how many run.
async fn settled(stack: &Stack, runs: &[Uuid], most: usize) -> usize {
    for _ in 0..60 {
        if running(stack, runs).await >= most {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    running(stack, runs).await
}

fn begun(row: &RunRow) -> bool {
    row.status != "queued"
}

#[tokio::test(flavor = "multi_thread")]
async fn more_slow_syncs_than_slots_hold_up_nobody_elses_sync_or_check() {
    let (mut stack, busy, other) = two_workspaces(6).await;
    slow_tenants(&stack, 0..6).await;
    be(&mut stack, &busy);
    let whole = json!({"policy_types": null});
    let mut slow = Vec::new();
    for tenant in &busy.tenants {
        slow.push(stack.queue("inventory.sync", *tenant, whole.clone()).await);
    }
    let worker = stack.worker();
    assert_eq!(settled(&stack, &slow, 2).await, 2, "its share of three");
    be(&mut stack, &other);
    let mut tenants = other.tenants.iter().copied();
    let (first, second) = (tenants.next().unwrap(), tenants.next().unwrap());
    let sync = stack.queue("inventory.sync", first, whole).await;
    let check = stack.queue("connection.check", second, json!({})).await;
    stack.wait_for(check, SOON, begun).await;
    stack.wait_for(sync, SOON, begun).await;
    stack.finished(check).await;
    assert!(running(&stack, &slow).await > 0, "they were slow enough");
    // Nothing that waits here was given up, or costs rescues.
    for run in &slow {
        let row = stack.run(*run).await;
        assert!(["queued", "running"].contains(&row.status.as_str()));
        assert_eq!(row.rescues, 0);
    }
    worker.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_slow_promotions_than_slots_hold_up_nobody_elses() {
    let (mut stack, busy, other) = two_workspaces(5).await;
    let worker = stack.worker();
    let mut plans = Vec::new();
    for (workspace, targets) in [(&busy, 1..5), (&other, 1..2)] {
        be(&mut stack, workspace);
        stack.source_id = *workspace.tenants.first().unwrap();
        for target in targets {
            stack.target_id = *workspace.tenants.get(target).unwrap();
            stack.sync_both().await;
            let plan = stack.plan(&[], Options::default()).await;
            plans.push((stack.source_id, stack.target_id, plan));
        }
    }
    worker.stop().await;
    slow_tenants(&stack, 0..5).await;
    let (source, target, others_plan) = plans.pop().unwrap();
    be(&mut stack, &busy);
    let mut slow = Vec::new();
    for (source, target, plan) in &plans {
        (stack.source_id, stack.target_id) = (*source, *target);
        slow.push(stack.promote(plan).await);
    }
    let worker = stack.worker();
    assert_eq!(settled(&stack, &slow, 3).await, 3, "its share of four");
    be(&mut stack, &other);
    (stack.source_id, stack.target_id) = (source, target);
    let promotion = stack.promote(&others_plan).await;
    stack.wait_for(promotion, SOON, begun).await;
    assert_eq!(running(&stack, &slow).await, 3, "they were slow enough");
    worker.abort();
}
