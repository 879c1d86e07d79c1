//! A Graph that grew a property: shown, never written by a merge, a reason to write nothing where the
//! policy is replaced whole; and no subject is written again and again because of it.

use std::time::Duration;

use anyhow::{Context, Result};
use promotion_tests::stack::{Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;

const GROWN: &str = "grownByGraph";

/// The id of an object whose name the target does not have.
async fn only_in_source(stack: &Stack, collection: &str, name: &str) -> Result<(String, String)> {
    let there = stack.sim.objects(TARGET, collection).await?;
    let found = stack
        .sim
        .objects(SOURCE, collection)
        .await?
        .into_iter()
        .find(|one| one[name].is_string() && !there.iter().any(|other| other[name] == one[name]))
        .context("an object that only the source has")?;
    let text = |member: &str| found[member].as_str().map(str::to_owned);
    Ok((text("id").context("id")?, text(name).context("name")?))
}

fn subject(answer: &Value, name: &str) -> Value {
    let subjects = answer["subjects"].as_array().map_or(&[][..], Vec::as_slice);
    let found = subjects.iter().find(|one| one["display_name"] == name);
    found.cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_property_that_graph_grew_is_shown_and_not_written() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    let (merged, merged_name) =
        only_in_source(&stack, "deviceConfigurations", "displayName").await?;
    let (whole, whole_name) = only_in_source(&stack, "configurationPolicies", "name").await?;
    let grow = async |value: Value| {
        let patch = json!({ GROWN: value });
        for (collection, id) in [
            ("deviceConfigurations", &merged),
            ("configurationPolicies", &whole),
        ] {
            stack
                .sim
                .patch_object(SOURCE, collection, id, patch.clone())
                .await?;
        }
        anyhow::Ok(())
    };
    grow(json!({"level": 3})).await?;
    stack.sync_both().await?;
    let mut selection = stack.selection();
    selection["scope"] = json!({"policy_types": ["deviceConfigurations", "configurationPolicies"]});

    let (preflight, run) = stack
        .api
        .promote(&selection, Duration::from_mins(2))
        .await?;
    let held = subject(&preflight, &whole_name);
    assert_eq!(held["readiness"], "blocked", "{held}");
    assert_eq!(held["reasons"][0]["code"], "unknown_property", "{held}");
    let message = held["reasons"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("/grownByGraph"), "{message}");
    let ready = subject(&preflight, &merged_name);
    assert_eq!(ready["readiness"], "ready", "{ready}");
    let warned = preflight["warnings"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|warning| {
            let message = warning["message"].as_str().unwrap_or_default();
            warning["code"] == "unknown_property"
                && message.contains("/grownByGraph")
                && message.contains(&merged_name)
        });
    assert!(warned, "{}", preflight["warnings"]);
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());

    let landed = stack.sim.objects(TARGET, "deviceConfigurations").await?;
    let landed = landed
        .iter()
        .find(|one| one["displayName"] == merged_name.as_str());
    let landed = landed.context("it landed")?;
    assert!(landed.get(GROWN).is_none(), "{landed}");
    let state = async || {
        let compare = stack.api.compare(&selection).await?;
        anyhow::Ok(subject(&compare, &merged_name)["state"].clone())
    };
    assert_eq!(state().await?, "match");
    stack.sync_both().await?;
    assert_eq!(state().await?, "match", "a new sync brings it back");

    // It changes in the source: that alone is shown and never leads to a write.
    grow(json!({"level": 4})).await?;
    stack.sync_both().await?;
    assert_eq!(state().await?, "different");
    let key = ready["subject_key"].clone();
    let mut body = selection.clone();
    body["subject_key"] = key;
    let diff = stack
        .api
        .post("/cross-tenant-compare/diff", &body)
        .await?
        .expect(200)?;
    let changes = diff["changes"].as_array().cloned().unwrap_or_default();
    let shown = changes
        .iter()
        .find(|change| change["path"] == "/grownByGraph");
    assert_eq!(shown.context("shown")?["writable"], false, "{diff}");
    let preflight = stack.api.preflight(&selection).await?;
    let held = subject(&preflight, &merged_name);
    assert_eq!(held["readiness"], "blocked", "{held}");
    assert_eq!(held["reasons"][0]["code"], "unknown_property", "{held}");
    Ok(())
}
