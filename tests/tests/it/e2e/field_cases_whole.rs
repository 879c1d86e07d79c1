//! What real tenants do (kinds A, E, I and J): a read that contradicts the object, a word that stands
//! for any value, a clock that is not ours, a property that was ignored, and captures by other rules.

use std::time::Duration;

use anyhow::{Context, Result};
use diesel::{Connection, PgConnection, RunQueryDsl};
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;

const LIMIT: Duration = Duration::from_mins(3);
const CATALOG: &str = "configurationPolicies";
const PROFILES: &str = "deviceConfigurations";
const ACCESS: &str = "conditionalAccessPolicies";

async fn empty() -> Result<Stack> {
    let plan = Plan {
        source: Content::Empty,
        target: Content::Empty,
        ..Plan::default()
    };
    Stack::start(PROCESS, plan).await
}

fn selection(stack: &Stack, policy_type: &str) -> Value {
    let mut selection = stack.selection();
    selection["scope"] = json!({"policy_types": [policy_type]});
    selection
}

fn only_subject(answer: &Value) -> Value {
    assert_eq!(
        answer["subjects"].as_array().map(Vec::len),
        Some(1),
        "{answer}"
    );
    answer["subjects"][0].clone()
}

async fn compared(stack: &Stack, policy_type: &str) -> Result<Value> {
    let answer = stack.api.compare(&selection(stack, policy_type)).await?;
    Ok(only_subject(&answer))
}

async fn checked(stack: &Stack, policy_type: &str) -> Result<Value> {
    let answer = stack.api.preflight(&selection(stack, policy_type)).await?;
    Ok(only_subject(&answer))
}

fn codes(subject: &Value) -> Vec<&str> {
    let reasons = subject["reasons"].as_array().map_or(&[][..], Vec::as_slice);
    reasons
        .iter()
        .filter_map(|reason| reason["code"].as_str())
        .collect()
}

async fn put(stack: &Stack, tenant: &str, collection: &str, object: Value) -> Result<String> {
    let made = stack.sim.put_object(tenant, collection, object).await?;
    Ok(made["id"].as_str().context("id")?.to_owned())
}

async fn unwritten(stack: &Stack) -> Result<()> {
    for tenant in [SOURCE, TARGET] {
        let writes = stack.sim.journal(tenant, true).await?;
        assert!(writes.is_empty(), "{writes:?}");
    }
    Ok(())
}

/// A settings catalogue policy with so many settings.
fn catalog(count: usize) -> Value {
    let setting = |number: usize| {
        json!({"@odata.type": "#microsoft.graph.deviceManagementConfigurationSetting",
            "settingInstance": {
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
                "settingDefinitionId": format!("device_vendor_msft_policy_config_a1_{number}"),
                "simpleSettingValue": {
                    "@odata.type": "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue",
                    "value": number}}})
    };
    json!({"name": "A1", "description": "", "platforms": "windows10", "technologies": "mdm",
        "roleScopeTagIds": ["0"], "settings": (0..count).map(setting).collect::<Vec<_>>()})
}

/// The settings of a tenant's policies end after so many, and look whole.
fn short(tenant: &str, items: usize) -> Value {
    json!({"kind": "short_list", "items": items, "tenant": tenant, "method": "GET",
        "path_regex": "configurationPolicies.*/settings", "times": 1_000})
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_read_that_the_object_contradicts_is_none() -> Result<()> {
    let stack = empty().await?;
    put(&stack, SOURCE, CATALOG, catalog(60)).await?;
    put(&stack, TARGET, CATALOG, catalog(61)).await?;

    for (tenant, ours) in [(SOURCE, &stack.source), (TARGET, &stack.target)] {
        stack.sim.fault(short(tenant, 25)).await?;
        stack.sync_both().await?;
        stack.sim.clear_faults().await?;
        let subject = compared(&stack, CATALOG).await?;
        assert_eq!(subject["state"], "indeterminate", "{subject}");
        assert_eq!(codes(&subject), ["policy_unreadable"], "{subject}");
        let said = subject["reasons"][0]["message"].to_string();
        let whole = if tenant == SOURCE { "60" } else { "61" };
        assert!(said.contains("25") && said.contains(whole), "{said}");
        assert_eq!(checked(&stack, CATALOG).await?["readiness"], "blocked");
        stack.api.sync(ours).await?;
        assert_eq!(compared(&stack, CATALOG).await?["state"], "different");
    }
    unwritten(&stack).await?;

    // The look before the write is short: the subject stops.
    let preflight = stack.api.preflight(&selection(&stack, CATALOG)).await?;
    assert_eq!(
        only_subject(&preflight)["readiness"],
        "ready",
        "{preflight}"
    );
    stack.sim.fault(short(TARGET, 25)).await?;
    let (_, run) = stack
        .api
        .promote(&selection(&stack, CATALOG), LIMIT)
        .await?;
    let items = stack.api.items(run["id"].as_str().context("id")?).await?;
    assert_eq!(items[0]["outcome"], "failed", "{}", items[0]);
    assert_eq!(items[0]["reason_code"], "target_unreadable", "{}", items[0]);
    let said = items[0]["message"].to_string();
    assert!(said.contains("25") && said.contains("61"), "{said}");
    unwritten(&stack).await?;

    // Whole again, it is promoted.
    stack.sim.clear_faults().await?;
    let (_, run) = stack
        .api
        .promote(&selection(&stack, CATALOG), LIMIT)
        .await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    assert_eq!(compared(&stack, CATALOG).await?["state"], "match");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_an_assignment_that_the_object_has_and_the_read_lacks_is_not_lost() -> Result<()> {
    let stack = empty().await?;
    let mut object = catalog(3);
    object["assignments"] =
        json!([{"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}]);
    put(&stack, SOURCE, CATALOG, object.clone()).await?;
    put(&stack, TARGET, CATALOG, object).await?;
    let fault = json!({"kind": "short_list", "items": 0, "tenant": SOURCE, "method": "GET",
        "path_regex": "configurationPolicies.*/assignments", "times": 100});
    stack.sim.fault(fault).await?;
    stack.sync_both().await?;
    let subject = compared(&stack, CATALOG).await?;
    assert_eq!(subject["state"], "indeterminate", "{subject}");
    assert_eq!(codes(&subject), ["policy_unreadable"], "{subject}");
    unwritten(&stack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a1_a_list_that_counts_more_than_it_has_is_incomplete() -> Result<()> {
    let stack = empty().await?;
    put(&stack, SOURCE, CATALOG, catalog(3)).await?;
    put(&stack, TARGET, CATALOG, catalog(3)).await?;
    let list = "configurationPolicies(\\?|$)";
    for fault in [
        json!({"kind": "miscount", "said": 60}),
        json!({"kind": "error_inside"}),
    ] {
        stack.sync_both().await?;
        assert_eq!(compared(&stack, CATALOG).await?["state"], "match");
        let mut fault = fault;
        for (name, value) in [
            ("tenant", json!(TARGET)),
            ("method", json!("GET")),
            ("path_regex", json!(list)),
            ("times", json!(100)),
        ] {
            fault[name] = value;
        }
        stack.sim.fault(fault).await?;
        stack.api.sync(&stack.target).await?;
        stack.sim.clear_faults().await?;
        let subject = compared(&stack, CATALOG).await?;
        assert_eq!(subject["state"], "indeterminate", "{subject}");
        assert_eq!(codes(&subject), ["inventory_incomplete"], "{subject}");
    }
    unwritten(&stack).await
}

fn conditional_access(control: &str) -> Value {
    json!({"displayName": "E1", "state": "enabled",
        "conditions": {"clientAppTypes": ["all"], "applications": {"includeApplications": ["All"]},
            "users": {"includeUsers": ["All"]}},
        "grantControls": {"operator": "OR", "builtInControls": [control]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_a_word_that_stands_for_any_value_is_neither_equal_nor_written() -> Result<()> {
    let stack = empty().await?;
    let source = put(
        &stack,
        SOURCE,
        ACCESS,
        conditional_access("unknownFutureValue"),
    )
    .await?;
    stack.sync_both().await?;
    let held = checked(&stack, ACCESS).await?;
    assert_eq!(held["readiness"], "blocked", "{held}");
    assert_eq!(codes(&held), ["unknown_value"], "{held}");
    let said = held["reasons"][0]["message"].to_string();
    assert!(said.contains("/grantControls/builtInControls/0"), "{said}");

    let target = put(
        &stack,
        TARGET,
        ACCESS,
        conditional_access("unknownFutureValue"),
    )
    .await?;
    for (tenant, id) in [(SOURCE, &source), (TARGET, &target)] {
        stack.sync_both().await?;
        let subject = compared(&stack, ACCESS).await?;
        assert_eq!(subject["state"], "indeterminate", "{subject}");
        assert!(
            codes(&subject).iter().all(|code| *code == "unknown_value"),
            "{subject}"
        );
        assert_eq!(subject["facets"]["settings"], "indeterminate", "{subject}");
        assert_eq!(checked(&stack, ACCESS).await?["readiness"], "blocked");
        // The other side alone has it.
        let named = json!({"grantControls": {"operator": "OR", "builtInControls": ["mfa"]}});
        stack.sim.patch_object(tenant, ACCESS, id, named).await?;
    }
    stack.sync_both().await?;
    assert_ne!(compared(&stack, ACCESS).await?["state"], "indeterminate");
    unwritten(&stack).await
}

#[tokio::test(flavor = "multi_thread")]
async fn e1_graph_is_asked_for_the_names_of_newer_members() -> Result<()> {
    let stack = empty().await?;
    // Graph shows this one by name only to who asks for it.
    put(
        &stack,
        SOURCE,
        ACCESS,
        conditional_access("riskRemediation"),
    )
    .await?;
    put(&stack, TARGET, ACCESS, conditional_access("mfa")).await?;
    stack.sync_both().await?;
    let subject = compared(&stack, ACCESS).await?;
    assert_eq!(subject["state"], "different", "{subject}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_graphs_times_are_compared_with_graphs_clock() -> Result<()> {
    for ahead in [-1_200, 1_200] {
        let stack = empty().await?;
        stack.sim.set_clock(ahead).await?;
        put(&stack, SOURCE, CATALOG, catalog(3)).await?;
        stack.sync_both().await?;
        let fault = json!({"kind": "cut_after_effect", "tenant": TARGET, "method": "POST",
            "path_regex": "configurationPolicies(\\?|$)"});
        stack.sim.fault(fault).await?;
        let (_, run) = stack
            .api
            .promote(&selection(&stack, CATALOG), LIMIT)
            .await?;
        assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
        assert_eq!(stack.sim.objects(TARGET, CATALOG).await?.len(), 1);
        assert_eq!(compared(&stack, CATALOG).await?["state"], "match");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn j1_privacy_access_controls_of_macos_are_compared_and_written() -> Result<()> {
    let stack = empty().await?;
    let profile = |allowed: &str| {
        json!({"@odata.type": "#microsoft.graph.macOSGeneralDeviceConfiguration", "displayName": "J1",
            "roleScopeTagIds": ["0"], "privacyAccessControls": [{
                "@odata.type": "#microsoft.graph.macOSPrivacyAccessControlItem",
                "displayName": "Agent", "identifier": "com.example.agent", "identifierType": "bundleID",
                "codeRequirement": "anchor apple", "accessibility": allowed}]})
    };
    put(&stack, SOURCE, PROFILES, profile("enabled")).await?;
    stack.sync_both().await?;
    let (_, run) = stack
        .api
        .promote(&selection(&stack, PROFILES), LIMIT)
        .await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    let made = stack.sim.objects(TARGET, PROFILES).await?;
    assert_eq!(
        made[0]["privacyAccessControls"][0]["accessibility"], "enabled",
        "{made:?}"
    );
    assert_eq!(compared(&stack, PROFILES).await?["state"], "match");

    let id = made[0]["id"].as_str().context("id")?;
    let changed = json!({"privacyAccessControls": profile("disabled")["privacyAccessControls"]});
    stack
        .sim
        .patch_object(TARGET, PROFILES, id, changed)
        .await?;
    stack.sync_both().await?;
    assert_eq!(compared(&stack, PROFILES).await?["state"], "different");
    let (_, run) = stack
        .api
        .promote(&selection(&stack, PROFILES), LIMIT)
        .await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    let made = stack.sim.objects(TARGET, PROFILES).await?;
    assert_eq!(
        made[0]["privacyAccessControls"][0]["accessibility"], "enabled",
        "{made:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn g10_what_the_service_computes_is_never_sent() -> Result<()> {
    let stack = empty().await?;
    for (kind, computed) in [
        ("windows81GeneralConfiguration", "applyOnlyToWindows81"),
        (
            "windowsPhone81GeneralConfiguration",
            "applyOnlyToWindowsPhone81",
        ),
    ] {
        let profile = json!({"@odata.type": format!("#microsoft.graph.{kind}"), "displayName": kind,
            "roleScopeTagIds": ["0"], "description": "", computed: true});
        put(&stack, SOURCE, PROFILES, profile).await?;
    }
    stack.sync_both().await?;
    let selection = selection(&stack, PROFILES);
    let (_, run) = stack.api.promote(&selection, LIMIT).await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    for (id, object) in stack
        .sim
        .objects(SOURCE, PROFILES)
        .await?
        .iter()
        .map(|object| (object["id"].as_str().unwrap_or_default(), object))
    {
        let changed = json!({"description": format!("of {}", object["displayName"])});
        stack
            .sim
            .patch_object(SOURCE, PROFILES, id, changed)
            .await?;
    }
    stack.api.sync(&stack.source).await?;
    let (_, run) = stack.api.promote(&selection, LIMIT).await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    let writes = stack.sim.journal(TARGET, true).await?;
    assert!(writes.len() >= 4, "{writes:?}");
    for write in writes {
        assert!(!write["body"].to_string().contains("applyOnly"), "{write}");
    }
    let compare = stack.api.compare(&selection).await?;
    assert_eq!(compare["summary"]["match"], 2, "{compare}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_other_rules_captured_is_never_different_nor_equal() -> Result<()> {
    let stack = empty().await?;
    put(&stack, SOURCE, CATALOG, catalog(3)).await?;
    put(&stack, TARGET, CATALOG, catalog(3)).await?;
    for (tenant, whose) in [(&stack.source, "source"), (&stack.target, "target")] {
        stack.sync_both().await?;
        assert_eq!(compared(&stack, CATALOG).await?["state"], "match");
        let url = stack.database_url.clone();
        let tenant = tenant.clone();
        let aged = tokio::task::spawn_blocking(move || {
            let mut conn = PgConnection::establish(&url)?;
            let aged = diesel::sql_query(format!(
                "UPDATE policies SET fingerprints = fingerprints || '{{\"registry\": \"2020-01-01.1\"}}' \
                 WHERE tenant_id = '{tenant}'"
            ))
            .execute(&mut conn)?;
            anyhow::Ok(aged)
        })
        .await??;
        // Every tenant has objects of other types from its first day.
        assert!(aged >= 1, "{aged}");
        let subject = compared(&stack, CATALOG).await?;
        assert_eq!(subject["state"], "indeterminate", "{subject}");
        assert_eq!(codes(&subject), ["capture_outdated"], "{subject}");
        let said = subject["reasons"][0]["message"].to_string();
        assert!(said.contains(whose) && said.contains("sync"), "{said}");
        assert_eq!(checked(&stack, CATALOG).await?["readiness"], "blocked");
    }
    stack.sync_both().await?;
    assert_eq!(compared(&stack, CATALOG).await?["state"], "match");
    unwritten(&stack).await
}
