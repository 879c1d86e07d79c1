//! What one customer's work costs another, and the process, over HTTP and in real processes. Ratios
//! and memory are measured in one run each, long and on a quiet machine (`.ci/long`); what does not
//! depend on the machine, who is served before whom, is tested always.
#![expect(clippy::indexing_slicing, reason = "tests may stop where they stand")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use futures::future::{join_all, try_join_all};
use promotion_tests::client::Api;
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::PROCESS;

const MEBIBYTE: u64 = 1024 * 1024;
/// Settings of each policy of the large tenants: 2 KB of JSON. Memory grows with this.
const SETTINGS: usize = 5;
/// The longest that anything here may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// One settings catalog policy of so many settings.
fn policy(number: usize, settings: usize, target: bool) -> Value {
    const PREFIX: &str = "#microsoft.graph.deviceManagementConfiguration";
    let all: Vec<Value> = (0..settings)
        .map(|setting| {
            json!({
                "id": setting.to_string(),
                "settingInstance": {
                    "@odata.type": format!("{PREFIX}SimpleSettingInstance"),
                    "settingDefinitionId": format!("device_vendor_msft_policy_config_fair_{setting}"),
                    "settingInstanceTemplateReference": null,
                    "simpleSettingValue": {
                        "@odata.type": format!("{PREFIX}IntegerSettingValue"),
                        "settingValueTemplateReference": null,
                        "value": number * 31 + setting + usize::from(target && setting == 3),
                    },
                },
            })
        })
        .collect();
    json!({
        "@odata.type": format!("{PREFIX}Policy"),
        "name": format!("Policy {number:05}"),
        "description": "One of many",
        "platforms": "windows10",
        "technologies": "mdm",
        "roleScopeTagIds": ["0"],
        "settingCount": settings,
        "templateReference": {"templateId": "", "templateFamily": "none"},
        "settings": all,
    })
}

fn write_exports(folder: &Path, policies: usize, settings: usize, target: bool) -> Result<()> {
    let folder = folder.join("configurationPolicies");
    std::fs::create_dir_all(&folder)?;
    for number in 0..policies {
        let file = folder.join(format!("{number:05}.json"));
        std::fs::write(file, policy(number, settings, target).to_string())?;
    }
    Ok(())
}

/// The 95th of a hundred.
fn p95(mut took: Vec<Duration>) -> Duration {
    took.sort();
    let at = (took.len() * 95 / 100).min(took.len().saturating_sub(1));
    took.get(at).copied().unwrap_or_default()
}

fn entra(number: usize) -> String {
    format!("cccccccc-0000-4000-8000-{number:012}")
}

/// A stack whose simulator has so many more tenants, sources and targets in turn, and answers like a
/// service far away: what is measured is who waits for whom, and not how many cores there are.
async fn stack_with(more: usize) -> Result<Stack> {
    let tenants = (0..more).flat_map(|number| {
        let content = ["source", "target"][number % 2];
        [
            "--tenant".to_owned(),
            format!("{}=builtin:{content}", entra(number)),
        ]
    });
    let plan = Plan {
        simulator: tenants.collect(),
        // The budgets against Microsoft's throttling are not what is measured.
        worker_env: ["READS", "WRITES"]
            .map(|kind| {
                (
                    format!("PROMOTION_GRAPH_{kind}_PER_20S"),
                    "100000".to_owned(),
                )
            })
            .to_vec(),
        ..Plan::default()
    };
    let stack = Stack::start(PROCESS, plan).await?;
    let slow = json!({"kind": "slow", "ms": 100, "times": 4_000_000});
    stack.sim.fault(slow).await?;
    Ok(stack)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long, for a quiet machine; .ci/long"]
async fn sixteen_large_preflights_keep_to_their_memory_and_give_it_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (source, target) = (folder.path().join("s"), folder.path().join("t"));
    write_exports(&source, 2_010, SETTINGS, false)?;
    write_exports(&target, 2_010, SETTINGS, true)?;
    let plan = Plan {
        source: Content::Folder(source),
        target: Content::Folder(target),
        worker_env: vec![(
            "PROMOTION_GRAPH_READS_PER_20S".to_owned(),
            "100000".to_owned(),
        )],
        ..Plan::default()
    };
    let stack = Stack::start(PROCESS, plan).await?;
    // Two customers, since one is served by itself: as much is in memory as ever is.
    let second = stack.other_workspace("second")?;
    let mut tenants = Vec::new();
    for (name, entra) in [("S", SOURCE), ("T", TARGET)] {
        tenants.push(second.add_tenant(name, entra).await?);
        let run = second.sync(&tenants[tenants.len() - 1]).await?;
        assert_eq!(run["outcome"], "succeeded", "{run}");
    }
    stack.sync_both().await?;
    let selections = [
        (&stack.api, stack.selection()),
        (
            &second,
            json!({"source_tenant_id": tenants[0], "target_tenant_id": tenants[1]}),
        ),
    ];
    let before = stack.apis[0].resident_bytes()? / MEBIBYTE;
    let begun = Instant::now();
    let calls = (0..8).flat_map(|_| &selections);
    let calls = calls.map(|(api, selection)| api.preflight(selection));
    for answer in try_join_all(calls).await? {
        let ready = answer["summary"]["ready"].as_u64();
        assert!(ready >= Some(2_010), "{}", answer["summary"]);
    }
    let took = begun.elapsed();
    let peak = stack.apis[0].peak_bytes()? / MEBIBYTE;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let after = stack.apis[0].resident_bytes()? / MEBIBYTE;
    eprintln!(
        "16 preflights of 2,010 subjects: {took:?}; resident before {before}, at most {peak}, a minute later {after} MiB"
    );
    assert!(peak <= 300, "{peak} MiB");
    assert!(after <= 150, "{after} MiB");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long, for a quiet machine; .ci/long"]
async fn two_thousand_streams_cost_little_and_hold_up_nobody() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    let victim = async || -> Result<Duration> {
        let mut took = Vec::new();
        for _ in 0..300 {
            let begun = Instant::now();
            stack.api.get("/tenants").await?.expect(200)?;
            took.push(begun.elapsed());
        }
        Ok(p95(took))
    };
    victim().await?;
    let alone = victim().await?;
    let before = stack.apis[0].resident_bytes()? / MEBIBYTE;
    let address = stack.api_urls[0].trim_start_matches("http://").to_owned();
    let mut open = Vec::new();
    for customer in 0..5 {
        let api = stack.other_workspace(&format!("customer{customer}"))?;
        for number in 0..8 {
            let made = api
                .post("/api-tokens", &json!({"name": number.to_string()}))
                .await?;
            let token = made.expect(201)?["token"]
                .as_str()
                .context("token")?
                .to_owned();
            for _ in 0..50 {
                open.push(listen(&address, &api.path("/events"), &token).await?);
            }
        }
    }
    assert_eq!(open.len(), 2_000);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let beside = victim().await?;
    let cost = (stack.apis[0].peak_bytes()? / MEBIBYTE).saturating_sub(before);
    drop(open);
    tokio::time::sleep(Duration::from_secs(15)).await;
    let after = stack.apis[0].resident_bytes()? / MEBIBYTE;
    eprintln!(
        "2,000 streams: {cost} MiB, resident before {before}, closed {after} MiB; a list alone {alone:?}, beside them {beside:?} (p95)"
    );
    assert!(cost <= 100, "{cost} MiB");
    assert!(beside <= alone * 3, "{alone:?} {beside:?}");
    Ok(())
}

/// An open stream.
async fn listen(address: &str, path: &str, token: &str) -> Result<TcpStream> {
    let mut socket = TcpStream::connect(address).await?;
    let head =
        format!("GET {path} HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer {token}\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    let mut first = [0_u8; 12];
    socket.read_exact(&mut first).await?;
    assert_eq!(&first, b"HTTP/1.1 200");
    Ok(socket)
}

/// So many captured pairs of tenants of this workspace, from the simulator's number `first` on.
async fn pairs(api: &Api, first: usize, count: usize) -> Result<Vec<Value>> {
    let mut selections = Vec::new();
    for number in (0..count).map(|pair| first + 2 * pair) {
        let mut ids = Vec::new();
        for number in [number, number + 1] {
            ids.push(
                api.add_tenant(&format!("T{number}"), &entra(number))
                    .await?,
            );
        }
        selections.push(json!({"source_tenant_id": ids[0], "target_tenant_id": ids[1]}));
    }
    Ok(selections)
}

/// How long a preflight and a compare take, each so often, one after the other.
async fn reads(api: &Api, selection: &Value, rounds: usize) -> Result<Duration> {
    let mut took = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        api.preflight(selection).await?;
        took.push(begun.elapsed());
    }
    Ok(p95(took))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long, for a quiet machine; .ci/long"]
async fn three_hundred_calls_of_one_token_do_not_hold_up_another_customer() -> Result<()> {
    let stack = stack_with(2).await?;
    stack.sync_both().await?;
    let busy = stack.other_workspace("busy")?;
    let selection = pairs(&busy, 0, 1).await?.remove(0);
    for side in ["source_tenant_id", "target_tenant_id"] {
        busy.sync(selection[side].as_str().context("id")?).await?;
    }
    let victim = stack.selection();
    reads(&stack.api, &victim, 10).await?;
    let alone = reads(&stack.api, &victim, 60).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let attack: Vec<_> = (0..300)
        .map(|number| {
            let (busy, selection) = (busy.clone(), selection.clone());
            let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
            let tail = ["/cross-tenant-compare/preflight", "/cross-tenant-compare"][number % 2];
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let _ = busy.post(tail, &selection).await;
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let beside = reads(&stack.api, &victim, 60).await?;
    stop.store(true, Ordering::Relaxed);
    let answered = answered.load(Ordering::Relaxed);
    eprintln!(
        "a preflight alone {alone:?}, beside 300 calls of another customer {beside:?} (p95); {answered} of theirs were answered"
    );
    for task in attack {
        task.abort();
    }
    assert!(beside <= alone * 3, "{alone:?} {beside:?}");
    Ok(())
}

/// How long a sync takes from its start to its end.
async fn sync(api: &Api, tenant: &str) -> Result<Duration> {
    let begun = Instant::now();
    let run = api.sync(tenant).await?;
    assert_eq!(run["outcome"], "succeeded", "{run}");
    Ok(begun.elapsed())
}

async fn queued(api: &Api) -> Result<usize> {
    Ok(api
        .all("/operation-runs?status=queued&limit=200")
        .await?
        .len())
}

/// A customer with so many syncs started at once, while the other has one: how long the other's took
/// alone and beside them, and how many of the many had not begun when it was done.
async fn syncs_beside(many: usize, rounds: usize) -> Result<(Duration, Duration, usize)> {
    let stack = stack_with(many).await?;
    let busy = stack.other_workspace("busy")?;
    sync(&stack.api, &stack.source).await?;
    let mut alone = Vec::new();
    for _ in 0..rounds {
        alone.push(sync(&stack.api, &stack.source).await?);
    }
    let mut tenants = Vec::new();
    for number in 0..many {
        tenants.push(
            busy.add_tenant(&format!("T{number}"), &entra(number))
                .await?,
        );
    }
    for started in join_all(tenants.iter().map(|tenant| busy.start_sync(tenant))).await {
        started?;
    }
    let mut beside = vec![sync(&stack.api, &stack.source).await?];
    let left = queued(&busy).await?;
    while beside.len() < rounds && queued(&busy).await? > 10 {
        beside.push(sync(&stack.api, &stack.source).await?);
    }
    eprintln!(
        "a sync alone {alone:?}, beside {many} of another customer {beside:?}; {left} of them waited still"
    );
    Ok((p95(alone), p95(beside), left))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long, for a quiet machine; .ci/long"]
async fn a_hundred_and_twenty_syncs_of_one_customer_do_not_hold_up_another() -> Result<()> {
    let (alone, beside, left) = syncs_beside(120, 5).await?;
    assert!(left >= 100, "{left}");
    assert!(beside <= alone * 3, "{alone:?} {beside:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_is_done_before_most_of_those_that_another_customer_queued_first() -> Result<()> {
    let (_, _, left) = syncs_beside(24, 1).await?;
    assert!(left >= 8, "{left}");
    Ok(())
}

/// Starts what a preflight of this selection says; the run's id.
async fn start_promotion(api: &Api, selection: &Value) -> Result<String> {
    let preflight = api.preflight(selection).await?;
    let digest = preflight["plan_digest"].as_str().context("digest")?;
    let started = api.execute(selection, digest).await?.expect(202)?;
    let id = &started["operation_run"]["id"];
    Ok(id.as_str().context("run")?.to_owned())
}

/// How long a promotion takes from its start to its end.
async fn promotion(api: &Api, selection: &Value) -> Result<Duration> {
    let begun = Instant::now();
    let id = start_promotion(api, selection).await?;
    let run = api.wait_for_run(&id, PATIENCE).await?;
    assert_eq!(run["status"], "completed", "{run}");
    Ok(begun.elapsed())
}

/// As [`syncs_beside`], of promotions: `rounds` of one customer alone, then as many beside `many` of
/// another.
async fn promotions_beside(many: usize, rounds: usize) -> Result<(Duration, Duration, usize)> {
    let own = 4 * rounds;
    let stack = stack_with(own + 2 * many).await?;
    let busy = stack.other_workspace("busy")?;
    let (mine, theirs) = (
        pairs(&stack.api, 0, 2 * rounds).await?,
        pairs(&busy, own, many).await?,
    );
    let mut syncs = Vec::new();
    for (api, selections) in [(&stack.api, &mine), (&busy, &theirs)] {
        for selection in selections {
            for side in ["source_tenant_id", "target_tenant_id"] {
                let id = selection[side].as_str().context("id")?.to_owned();
                syncs.push((api, api.start_sync(&id).await?));
            }
        }
    }
    for (api, id) in syncs {
        let run = api.wait_for_run(&id, PATIENCE).await?;
        assert_eq!(run["outcome"], "succeeded", "{run}");
    }
    let (first, second) = mine.split_at(rounds);
    let mut alone = Vec::new();
    for selection in first {
        alone.push(promotion(&stack.api, selection).await?);
    }
    for selection in &theirs {
        start_promotion(&busy, selection).await?;
    }
    let (mut beside, mut left) = (Vec::new(), None);
    for selection in second {
        beside.push(promotion(&stack.api, selection).await?);
        let now = queued(&busy).await?;
        left = left.or(Some(now));
        if now < 4 {
            break;
        }
    }
    let left = left.unwrap_or_default();
    eprintln!(
        "a promotion alone {alone:?}, beside {many} of another customer {beside:?}; {left} of them waited still"
    );
    Ok((p95(alone), p95(beside), left))
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long, for a quiet machine; .ci/long"]
async fn twenty_promotions_of_one_customer_do_not_hold_up_another() -> Result<()> {
    let (alone, beside, left) = promotions_beside(20, 3).await?;
    assert!(left >= 8, "{left}");
    assert!(beside <= alone * 3, "{alone:?} {beside:?}");
    Ok(())
}
