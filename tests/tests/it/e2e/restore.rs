//! A captured version is written back into its own tenant: whole, verified, once, and never over
//! what nobody reviewed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use promotion_tests::stack::{Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use super::stops::refused;
use crate::PROCESS;

const TYPE: &str = "deviceConfigurations";

/// A policy of the target that was captured, then changed by somebody, then captured again.
struct Changed {
    collection: &'static str,
    /// Graph's id.
    object: String,
    /// As it was when it was first captured.
    before: Value,
    policy: String,
    old: String,
    current: String,
}

impl Changed {
    /// `pick` chooses the object; `patch` is what somebody does to it.
    async fn start(
        stack: &Stack,
        collection: &'static str,
        pick: impl Fn(&Value) -> bool,
        patch: impl FnOnce(&Value) -> Value,
    ) -> Result<Self> {
        let objects = stack.sim.objects(TARGET, collection).await?;
        let before = objects
            .into_iter()
            .find(|object| pick(object))
            .context("an object of the target")?;
        let object = before["id"].as_str().context("id")?.to_owned();
        stack.api.sync(&stack.target).await?;
        let policy = find(stack, collection, &object).await?;
        let old = text(&policy["current_version_id"]);
        let patch = patch(&before);
        stack
            .sim
            .patch_object(TARGET, collection, &object, patch)
            .await?;
        stack.api.sync(&stack.target).await?;
        let policy = find(stack, collection, &object).await?;
        let current = text(&policy["current_version_id"]);
        assert_ne!(old, current, "the change was not captured");
        Ok(Self {
            collection,
            object,
            before,
            policy: text(&policy["id"]),
            old,
            current,
        })
    }

    /// An assigned device configuration that loses its name, description and assignments.
    async fn configuration(stack: &Stack) -> Result<Self> {
        let assigned = |object: &Value| {
            let any = object["assignments"]
                .as_array()
                .is_some_and(|a| !a.is_empty());
            let ring = "#microsoft.graph.windowsUpdateForBusinessConfiguration";
            any && object.get("omaSettings").is_none() && object["@odata.type"] != ring
        };
        Self::start(stack, TYPE, assigned, |before| {
            let name = before["displayName"].as_str().unwrap_or_default();
            json!({"displayName": format!("{name} (changed)"), "description": "somebody was here", "assignments": []})
        })
        .await
    }

    fn body(&self) -> Value {
        json!({
            "policy_version_id": self.old,
            "expected_current_version_id": self.current,
            "confirm": true,
        })
    }

    async fn restore(&self, stack: &Stack, body: &Value) -> Result<String> {
        let path = format!(
            "/tenants/{}/policies/{}/restores",
            stack.target, self.policy
        );
        let started = stack.api.post(&path, body).await?.expect(202)?;
        Ok(text(&started["operation_run"]["id"]))
    }

    async fn object(&self, stack: &Stack) -> Result<Value> {
        let objects = stack.sim.objects(TARGET, self.collection).await?;
        objects
            .into_iter()
            .find(|object| object["id"] == json!(self.object))
            .context("the object")
    }

    /// The object is as it was, and the inventory knows without a sync.
    async fn assert_given_back(&self, stack: &Stack, run: &Value) -> Result<()> {
        let items = stack.api.items(&text(&run["id"])).await?;
        assert_eq!(
            run["outcome"],
            "succeeded",
            "{run} {}\n{}",
            json!(items),
            stack.logs()
        );
        assert_eq!(run["summary_counts"]["updated"], 1);
        assert_eq!(
            (&items[0]["action"], &items[0]["effect"]),
            (&json!("restore"), &json!("updated"))
        );
        let now = self.object(stack).await?;
        for (member, value) in self.before.as_object().context("an object")? {
            let stamps = [
                "lastModifiedDateTime",
                "modifiedDateTime",
                "version",
                "assignments",
            ];
            if !stamps.contains(&member.as_str()) {
                assert_eq!(&now[member], value, "{member}");
            }
        }
        let groups = |object: &Value| {
            let mut groups: Vec<(String, String)> = object["assignments"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|assignment| {
                    let target = &assignment["target"];
                    (text(&target["@odata.type"]), text(&target["groupId"]))
                })
                .collect();
            groups.sort();
            groups
        };
        assert_eq!(groups(&now), groups(&self.before));
        let policy = find(stack, self.collection, &self.object).await?;
        assert_eq!(policy["current_version_id"], json!(self.old));
        assert!(stack.sim.creates(TARGET).await?.is_empty());
        assert!(stack.sim.journal(SOURCE, true).await?.is_empty());
        Ok(())
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn find(stack: &Stack, policy_type: &str, object: &str) -> Result<Value> {
    let path = format!(
        "/tenants/{}/policies?policy_type={policy_type}&limit=200",
        stack.target
    );
    let policies = stack.api.all(&path).await?;
    policies
        .into_iter()
        .find(|policy| policy["external_id"] == json!(object))
        .context("the policy")
}

async fn finish(stack: &Stack, run: &str) -> Result<Value> {
    stack.api.wait_for_run(run, Duration::from_mins(2)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_captured_version_is_given_back_whole_verified_and_audited() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    let changed = Changed::configuration(&stack).await?;
    // The answer to the first write is lost on the way.
    stack
        .sim
        .fault(json!({"tenant": TARGET, "method": "PATCH", "times": 1, "kind": "cut_after_effect"}))
        .await?;
    let run = changed.restore(&stack, &changed.body()).await?;
    let run = finish(&stack, &run).await?;
    changed.assert_given_back(&stack, &run).await?;
    let id = text(&run["id"]);
    for action in ["queued", "started", "completed"] {
        let log = stack
            .api
            .all(&format!(
                "/audit-logs?action=policy.restore.{action}&operation_run_id={id}"
            ))
            .await?;
        assert_eq!(log.len(), 1, "{action}");
    }
    let told = stack.api.all("/notifications").await?;
    assert_eq!(
        told.iter()
            .filter(|n| n["operation_run_id"] == run["id"])
            .count(),
        1,
        "{}",
        json!(told)
    );

    // What was reviewed is not current any more, and there is nothing left to give back.
    let path = format!(
        "/tenants/{}/policies/{}/restores",
        stack.target, changed.policy
    );
    let again = stack.api.post(&path, &changed.body()).await?;
    assert_eq!(
        (again.status, &again.body["code"]),
        (412, &json!("plan_stale"))
    );
    let mut body = changed.body();
    body["expected_current_version_id"] = json!(changed.old);
    let nothing = stack.api.post(&path, &body).await?;
    assert_eq!(
        nothing.body["reasons"][0]["code"], "nothing_ready",
        "{}",
        nothing.body
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_killed_in_the_middle_of_a_restore_is_succeeded() -> Result<()> {
    let mut stack = Stack::start(PROCESS, Plan::default()).await?;
    let changed = Changed::configuration(&stack).await?;
    // Both writes are slow enough to be caught under way.
    for method in ["PATCH", "POST"] {
        let slow = json!({"tenant": TARGET, "method": method, "path_regex": "deviceManagement",
            "times": 1, "kind": "slow", "ms": 1500});
        stack.sim.fault(slow).await?;
    }
    let run = changed.restore(&stack, &changed.body()).await?;
    let begun = Instant::now();
    while stack.api.items(&run).await?[0]["outcome"] != "writing" {
        anyhow::ensure!(
            begun.elapsed() < Duration::from_secs(30),
            "nothing is written\n{}",
            stack.logs()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stack.workers[0].kill();
    assert_ne!(
        stack.api.run(&run).await?["status"],
        "completed",
        "killed too late to prove anything"
    );
    stack.add_worker()?;
    let run = finish(&stack, &run).await?;
    changed.assert_given_back(&stack, &run).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changed_behind_the_back_or_went_away_is_not_restored_over() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    let changed = Changed::configuration(&stack).await?;
    stack
        .sim
        .patch_object(
            TARGET,
            TYPE,
            &changed.object,
            json!({"description": "nobody saw this"}),
        )
        .await?;
    let run = changed.restore(&stack, &changed.body()).await?;
    let run = finish(&stack, &run).await?;
    let items = stack.api.items(&text(&run["id"])).await?;
    assert_eq!(
        (
            &run["outcome"],
            &run["outcome_reason"],
            &items[0]["reason_code"]
        ),
        (
            &json!("failed"),
            &json!("target_changed"),
            &json!("target_changed")
        ),
        "{run}"
    );
    assert_eq!(
        changed.object(&stack).await?["description"],
        "nobody saw this"
    );
    assert!(stack.sim.journal(TARGET, true).await?.is_empty());

    let path = format!("/__sim/tenants/{TARGET}/objects/{TYPE}/{}", changed.object);
    reqwest::Client::new()
        .delete(format!("{}{path}", stack.sim.url))
        .send()
        .await?
        .error_for_status()?;
    let run = changed.restore(&stack, &changed.body()).await?;
    let run = finish(&stack, &run).await?;
    assert_eq!(run["outcome_reason"], "target_missing", "{run}");
    stack.api.sync(&stack.target).await?;
    let path = format!(
        "/tenants/{}/policies/{}/restores",
        stack.target, changed.policy
    );
    let refused = stack.api.post(&path, &changed.body()).await?;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert_eq!(
        refused.body["reasons"][0]["code"], "target_missing",
        "{}",
        refused.body
    );
    assert!(stack.sim.journal(TARGET, true).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_access_comes_back_without_being_enabled_unless_told_to() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    let enabled = |object: &Value| object["state"] == "enabled";
    let changed = Changed::start(&stack, "conditionalAccessPolicies", enabled, |before| {
        let name = before["displayName"].as_str().unwrap_or_default();
        json!({"displayName": format!("{name} (off)"), "state": "enabledForReportingButNotEnforced"})
    })
    .await?;
    let run = changed.restore(&stack, &changed.body()).await?;
    let run = finish(&stack, &run).await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    assert_eq!(
        run["context"]["kept_state"],
        "enabledForReportingButNotEnforced"
    );
    let now = changed.object(&stack).await?;
    assert_eq!(now["displayName"], changed.before["displayName"]);
    assert_eq!(now["state"], "enabledForReportingButNotEnforced");

    let policy = find(&stack, changed.collection, &changed.object).await?;
    let mut told = changed.body();
    told["expected_current_version_id"] = policy["current_version_id"].clone();
    told["conditional_access_state"] = json!("as_captured");
    let run = changed.restore(&stack, &told).await?;
    let run = finish(&stack, &run).await?;
    changed.assert_given_back(&stack, &run).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_during_a_restore_carries_what_was_begun_to_its_end_and_begins_nothing() -> Result<()>
{
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    let changed = Changed::configuration(&stack).await?;
    let throttle = |method: &str, seconds: u32| {
        json!({"tenant": TARGET, "method": method, "path_regex": TYPE, "kind": "throttle",
            "retry_after": seconds, "times": 1})
    };
    let cancel = async |run: &str| -> Result<()> {
        let stop = format!("/operation-runs/{run}/cancel");
        let stopped = stack.api.post(&stop, &json!({})).await?;
        anyhow::ensure!(stopped.status < 300, "{}", stopped.body);
        Ok(())
    };
    // Graph puts the first write off for ten minutes: nothing of it was written.
    stack.sim.fault(throttle("PATCH", 600)).await?;
    let run = changed.restore(&stack, &changed.body()).await?;
    refused(&stack).await?;
    let pressed = Instant::now();
    cancel(&run).await?;
    let stopped = finish(&stack, &run).await?;
    anyhow::ensure!(
        pressed.elapsed() < Duration::from_secs(20),
        "{:?}\n{}",
        pressed.elapsed(),
        stack.logs()
    );
    assert_eq!(stopped["outcome"], "cancelled", "{stopped}");
    let items = stack.api.items(&run).await?;
    assert_eq!(
        (&items[0]["outcome"], &items[0]["reason_code"]),
        (&json!("skipped"), &json!("cancelled")),
        "{items:?}"
    );
    let now = changed.object(&stack).await?;
    assert_eq!(now["description"], "somebody was here");

    // Between the settings and the assignments: all of it is given back.
    stack.sim.clear_faults().await?;
    stack.sim.clear_journal().await?;
    // The worker still holds the tenant back for those ten minutes; another does not know.
    stack.workers[0].signal("TERM")?;
    let mut stack = stack;
    stack.add_worker()?;
    stack.sim.fault(throttle("POST", 3)).await?;
    let run = changed.restore(&stack, &changed.body()).await?;
    refused(&stack).await?;
    let stop = format!("/operation-runs/{run}/cancel");
    let stopped = stack.api.post(&stop, &json!({})).await?;
    anyhow::ensure!(stopped.status < 300, "{}", stopped.body);
    let mut run = finish(&stack, &run).await?;
    assert_eq!(run["outcome"], "cancelled", "{run}");
    let items = stack.api.items(&text(&run["id"])).await?;
    assert_eq!(items[0]["outcome"], "succeeded", "{items:?}");
    // But for its outcome it is as any other.
    run["outcome"] = json!("succeeded");
    changed.assert_given_back(&stack, &run).await
}
