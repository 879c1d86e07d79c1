//! App policies end to end: apps by their own action, apps known by package, nothing dropped.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use promotion_tests::stack::{Plan, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;
use crate::e2e::main_job::{assert_journal, assert_promoted, by_key};

const TYPES: [&str; 9] = [
    "androidManagedAppProtections",
    "iosManagedAppProtections",
    "mdmWindowsInformationProtectionPolicies",
    "mobileAppCategories",
    "mobileAppConfigurations",
    "mobileApps",
    "policySets",
    "targetedManagedAppConfigurations",
    "windowsManagedAppProtections",
];

fn by_name(answer: &Value) -> BTreeMap<String, Value> {
    by_key(answer)
        .into_values()
        .map(|subject| {
            let name = subject["display_name"].as_str().unwrap_or_default();
            (name.to_owned(), subject)
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn app_policies_land_with_their_apps_and_name_the_targets_own() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let mut selection = stack.selection();
    selection["scope"] = json!({"policy_types": TYPES});
    selection["options"] = json!({"assignments": "map", "scope_tags": "map"});
    let (preflight, run) = stack
        .api
        .promote(&selection, Duration::from_mins(4))
        .await?;
    let subjects = by_name(&preflight);
    let readiness = |name: &str| subjects[name]["readiness"].clone();
    let reason = |name: &str| subjects[name]["reasons"][0].clone();
    for name in [
        "iOS - App Protection - BYOD",
        "Android - App Protection - BYOD",
        "Windows - App Protection - Edge",
        "Outlook - Work accounts only",
        "iOS - Managed Outlook",
        "Android - Managed Defender",
        "Field work",
        "Intranet",
        "Notepad",
    ] {
        assert_eq!(readiness(name), "ready", "{}", subjects[name]);
    }
    for name in [
        "iOS - App Protection - Corporate",
        "iOS - App Config - Edge",
    ] {
        assert_eq!(readiness(name), "unchanged", "{}", subjects[name]);
    }
    // Outlook has another name in the target: the bundle id says that it is the same app.
    let reference = &subjects["iOS - Managed Outlook"]["references"];
    let app = reference
        .as_array()
        .and_then(|all| all.iter().find(|one| one["kind"] == "mobile_app"))
        .context("a reference to the app")?;
    assert_eq!(
        (&app["source_name"], &app["resolution"]),
        (&json!("Microsoft Outlook"), &json!("mapped"))
    );
    assert_eq!(reason("iOS - Field Forms")["code"], "reference_missing");
    // Made once more under its other name, the app would be ambiguous for every policy.
    assert_eq!(reason("Microsoft Outlook")["code"], "app_present");
    for (name, says) in [
        ("Field Tool", "installation file"),
        ("Field Forms", "volume purchase"),
        ("WIP - Legacy", "retired"),
        ("Field workers", "Promote its items"),
    ] {
        assert_eq!(reason(name)["code"], "capture_only", "{}", subjects[name]);
        let message = reason(name)["message"].to_string();
        assert!(message.contains(says), "{message}");
    }
    assert_promoted(&stack, &selection, &preflight, &run).await?;
    let creates = subjects
        .values()
        .filter(|subject| subject["action"] == "create")
        .count();
    assert_journal(&stack, creates).await?;
    let writes = stack.sim.journal(TARGET, true).await?;
    let to = |action: &str| {
        writes
            .iter()
            .filter(|entry| entry["path"].to_string().contains(action))
            .count()
    };
    assert_eq!(to("/categories/$ref"), 1);
    assert!(to("/targetApps") >= 3, "{}", json!(writes));
    assert!(to("microsoft.graph.managedDeviceMobileAppConfiguration/assign") >= 1);
    Ok(())
}

/// One app of a tenant, as mappings name it.
async fn app(stack: &Stack, tenant: &str, name: &str) -> Result<Value> {
    let tail = format!("/tenants/{tenant}/references?kind=mobile_app");
    let listed = stack.api.all(&tail).await?;
    let found = listed.into_iter().find(|one| one["name"] == name);
    found.with_context(|| format!("{name} is listed"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_the_target_lacks_is_settled_by_a_mapping() -> Result<()> {
    let stack = Stack::start(PROCESS, Plan::default()).await?;
    stack.sync_both().await?;
    let from = app(&stack, &stack.source, "Field Forms").await?;
    let to = app(&stack, &stack.target, "Outlook for iPhone").await?;
    let mut selection = stack.selection();
    selection["scope"] = json!({"policy_types": ["mobileAppConfigurations"]});
    selection["mappings"] =
        json!([{"kind": "mobile_app", "source_id": from["id"], "target_id": to["id"]}]);
    let (preflight, run) = stack
        .api
        .promote(&selection, Duration::from_mins(4))
        .await?;
    let subjects = by_name(&preflight);
    assert_eq!(subjects["iOS - Field Forms"]["readiness"], "ready");
    assert_promoted(&stack, &selection, &preflight, &run).await
}
