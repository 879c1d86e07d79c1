//! A stop finishes what was begun: over HTTP, with real processes.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use promotion_tests::stack::{SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use super::field_cases_gates::{empty, only, put};

const KEY: &str = "deviceManagementScripts";
const OLD: &str = "ZWNobyBvbGQ=";
const NEW: &str = "ZWNobyBuZXc=";

fn script(name: &str, content: &str, assigned_to: Option<&str>) -> Value {
    let target = |group: &str| json!({"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}});
    let assignments: Vec<Value> = assigned_to.into_iter().map(target).collect();
    json!({"@odata.type": "#microsoft.graph.deviceManagementScript", "displayName": name,
        "description": "", "fileName": "run.ps1", "runAsAccount": "system", "runAs32Bit": false,
        "enforceSignatureCheck": false, "roleScopeTagIds": ["0"], "scriptContent": content,
        "assignments": assignments})
}

/// Waits until Graph refused a write for load.
pub(super) async fn refused(stack: &Stack) -> Result<()> {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        let writes = stack.sim.journal(TARGET, true).await?;
        if writes.iter().any(|write| write["status"] == 429) {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "no write was refused\n{}",
            stack.logs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_stopped_between_its_settings_and_its_assignments_is_carried_to_its_end()
-> Result<()> {
    const SCRIPTS: usize = 12;
    let stack = empty().await?;
    let group = json!({"displayName": "Pilot", "securityEnabled": true, "mailEnabled": false,
        "mailNickname": "pilot", "groupTypes": []});
    let here = put(&stack, SOURCE, "groups", group.clone()).await?;
    let there = put(&stack, TARGET, "groups", group).await?;
    for number in 0..SCRIPTS {
        let name = format!("Script {number:02}");
        put(&stack, SOURCE, KEY, script(&name, NEW, Some(&here))).await?;
        put(&stack, TARGET, KEY, script(&name, OLD, None)).await?;
    }
    stack.sync_both().await?;
    let mut selection = only(&stack, KEY);
    selection["options"] = json!({"assignments": "map"});
    let preflight = stack.api.preflight(&selection).await?;
    assert_eq!(preflight["summary"]["ready"], SCRIPTS, "{preflight}");
    let throttle = json!({"tenant": TARGET, "method": "POST", "path_regex": "/assign$",
        "kind": "throttle", "retry_after": 3, "times": 1});
    stack.sim.fault(throttle).await?;
    let digest = preflight["plan_digest"].as_str().context("digest")?;
    let started = stack.api.execute(&selection, digest).await?.expect(202)?;
    let id = started["operation_run"]["id"]
        .as_str()
        .context("run id")?
        .to_owned();
    refused(&stack).await?;
    let stop = format!("/operation-runs/{id}/cancel");
    let stopped = stack.api.post(&stop, &json!({})).await?;
    ensure!(stopped.status < 300, "{}", stopped.body);
    let run = stack.api.wait_for_run(&id, Duration::from_mins(2)).await?;
    assert_eq!(run["outcome"], "cancelled", "{run}");
    let items = stack.api.items(&id).await?;
    let objects = stack.sim.objects(TARGET, KEY).await?;
    let (mut whole, mut untouched) = (0, 0);
    for item in &items {
        let object = objects
            .iter()
            .find(|one| one["displayName"] == item["display_name"]);
        let object = object.context("an object for every item")?;
        let groups: Vec<&Value> = object["assignments"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["target"]["groupId"])
            .collect();
        match item["outcome"].as_str() {
            Some("succeeded") => {
                whole += 1;
                assert_eq!(object["scriptContent"], NEW, "{item}");
                assert_eq!(groups, [&json!(there)], "{item}");
            }
            Some("skipped") => {
                untouched += 1;
                assert_eq!(item["reason_code"], "cancelled", "{item}");
                assert_eq!(object["scriptContent"], OLD, "{item}");
                assert!(groups.is_empty(), "{item}");
            }
            _ => anyhow::bail!("half-made: {item}\n{}", stack.logs()),
        }
    }
    assert!(whole > 0 && untouched > 0, "{whole} {untouched}");
    // The inventory knows it: what is left to do is exactly the rest.
    let rest = stack.api.preflight(&selection).await?;
    assert_eq!(rest["summary"]["ready"], untouched, "{rest}");
    assert_eq!(rest["summary"]["unchanged"], whole, "{rest}");
    Ok(())
}
