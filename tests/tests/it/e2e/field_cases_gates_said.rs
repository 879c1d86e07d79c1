//! Cases from the field, kinds G and H, the second half: ranks, tokens, answers that say nothing, other
//! verbs, and what is not carried.

use anyhow::{Context, Result};
use promotion_tests::stack::{SOURCE, TARGET};
use serde_json::{Value, json};

use super::field_cases_gates::{empty, held, landed, only, promote, put, says, state, subject};

const CONFIGURATIONS: &str = "deviceEnrollmentConfigurations";

fn status_page(name: &str, rank: i64) -> Value {
    json!({"@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration",
        "displayName": name, "description": "", "priority": rank, "roleScopeTagIds": ["0"],
        "deviceEnrollmentConfigurationType": "windows10EnrollmentCompletionPageConfiguration",
        "showInstallationProgress": true, "blockDeviceSetupRetryByUser": false,
        "allowDeviceResetOnInstallFailure": true, "allowLogCollectionOnInstallFailure": true,
        "customErrorMessage": "Call us.", "installProgressTimeoutInMinutes": 60,
        "allowDeviceUseOnInstallFailure": false, "selectedMobileAppIds": [],
        "trackInstallProgressForAutopilotOnly": true})
}

#[tokio::test(flavor = "multi_thread")]
async fn g8_a_rank_that_would_leave_a_gap_is_appended_and_said() -> Result<()> {
    let stack = empty().await?;
    for (name, rank) in [("Zeta", 2), ("Alpha", 5)] {
        put(&stack, SOURCE, CONFIGURATIONS, status_page(name, rank)).await?;
    }
    stack.sync_both().await?;
    let selection = only(&stack, "enrollmentStatusPage");
    let preflight = promote(&stack, &selection).await?;
    let text = says(&preflight, "warnings", "rank_appended");
    assert!(text.contains("Zeta") && text.contains("Alpha"), "{text}");
    let there = stack.sim.objects(TARGET, CONFIGURATIONS).await?;
    let rank = |name: &str| {
        let found = there.iter().find(|one| one["displayName"] == name);
        found.map(|one| one["priority"].clone())
    };
    assert_eq!(
        (rank("Zeta"), rank("Alpha")),
        (Some(json!(1)), Some(json!(2)))
    );
    for name in ["Zeta", "Alpha"] {
        assert_eq!(state(&stack, &selection, name).await?["state"], "match");
    }

    // A rank that somebody has is still nobody's to take.
    put(&stack, SOURCE, CONFIGURATIONS, status_page("First", 1)).await?;
    stack.sync_both().await?;
    let preflight = stack.api.preflight(&selection).await?;
    held(&preflight, "First", "priority_conflict");
    Ok(())
}

const CATALOGUE: &str = "configurationPolicies";

fn catalogue(name: &str, minutes: u8) -> Value {
    let setting = json!({
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
        "settingDefinitionId": "device_vendor_msft_policy_config_devicelock_maxinactivitytimedevicelock",
        "simpleSettingValue": {
            "@odata.type": "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue",
            "value": minutes}});
    json!({"name": name, "description": "", "platforms": "windows10", "technologies": "mdm",
        "roleScopeTagIds": ["0"], "templateReference": {"templateId": "", "templateFamily": "none"},
        "settings": [{"id": "0", "settingInstance": setting}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn g9_a_policy_of_a_token_is_held_on_either_side() -> Result<()> {
    let stack = empty().await?;
    let of_token = |mut policy: Value, token: &str| {
        policy["creationSource"] = json!(format!("DepTokenId_{token}"));
        policy
    };
    put(
        &stack,
        SOURCE,
        CATALOGUE,
        of_token(catalogue("New", 5), "1111"),
    )
    .await?;
    put(
        &stack,
        SOURCE,
        CATALOGUE,
        of_token(catalogue("Both", 5), "1111"),
    )
    .await?;
    put(
        &stack,
        TARGET,
        CATALOGUE,
        of_token(catalogue("Both", 5), "2222"),
    )
    .await?;
    put(&stack, SOURCE, CATALOGUE, catalogue("Theirs", 5)).await?;
    put(
        &stack,
        TARGET,
        CATALOGUE,
        of_token(catalogue("Theirs", 9), "2222"),
    )
    .await?;
    // The service's own word is no token.
    let mut plain = catalogue("Plain", 5);
    plain["creationSource"] = json!("PolicyStudio");
    put(&stack, SOURCE, CATALOGUE, plain).await?;
    stack.sync_both().await?;
    let selection = only(&stack, CATALOGUE);
    let preflight = promote(&stack, &selection).await?;
    for (name, token) in [("New", "1111"), ("Both", "1111"), ("Theirs", "2222")] {
        let text = held(&preflight, name, "token_specific");
        assert!(text.contains(&format!("DepTokenId_{token}")), "{text}");
    }
    assert_eq!(state(&stack, &selection, "Plain").await?["state"], "match");
    assert_ne!(state(&stack, &selection, "Both").await?["state"], "match");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn g11_a_remediation_is_assigned_with_its_remediation() -> Result<()> {
    let stack = empty().await?;
    let key = "deviceHealthScripts";
    let every_day = json!({"@odata.type": "#microsoft.graph.deviceHealthScriptDailySchedule",
        "interval": 1, "time": "02:00:00", "useUtc": false});
    let once = json!({"@odata.type": "#microsoft.graph.deviceHealthScriptRunOnceSchedule",
        "interval": 1, "date": "2024-02-01", "time": "02:00:00", "useUtc": true});
    for (name, schedule) in [("Clean up", every_day), ("Long ago", once)] {
        let script = json!({"displayName": name, "description": "", "publisher": "IT",
            "detectionScriptContent": "ZWNobw==", "remediationScriptContent": "ZWNobw==",
            "runAs32Bit": false, "enforceSignatureCheck": false, "runAsAccount": "system",
            "roleScopeTagIds": ["0"], "deviceHealthScriptType": "deviceHealthScript",
            "assignments": [{"runRemediationScript": false, "runSchedule": schedule, "target": {
                "@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}]});
        put(&stack, SOURCE, key, script).await?;
    }
    stack.sync_both().await?;
    let mut selection = only(&stack, key);
    selection["options"] = json!({"assignments": "map"});
    let preflight = promote(&stack, &selection).await?;
    let text = says(&preflight, "warnings", "date_has_passed");
    assert!(
        text.contains("Long ago") && !text.contains("Clean up"),
        "{text}"
    );
    let writes = stack.sim.journal(TARGET, true).await?;
    let assigned: Vec<&Value> = writes
        .iter()
        .filter(|one| {
            one["path"]
                .as_str()
                .unwrap_or_default()
                .ends_with("/assign")
        })
        .map(|one| &one["body"]["deviceHealthScriptAssignments"][0]["runRemediationScript"])
        .collect();
    assert_eq!(assigned, [&json!(true), &json!(true)]);
    assert_eq!(
        state(&stack, &selection, "Clean up").await?["state"],
        "match"
    );
    stack.sync_both().await?;
    assert_eq!(
        state(&stack, &selection, "Clean up").await?["state"],
        "match"
    );
    Ok(())
}

const KEPT: &str = "enrollmentTimeDeviceMembershipTargets";

#[tokio::test(flavor = "multi_thread")]
async fn g12_the_other_verb_is_tried_once_where_post_has_no_route() -> Result<()> {
    let stack = empty().await?;
    let group = json!({"displayName": "Arrivals", "securityEnabled": true, "mailEnabled": false,
        "mailNickname": "arrivals", "groupTypes": []});
    let here = put(&stack, SOURCE, "groups", group.clone()).await?;
    let there = put(&stack, TARGET, "groups", group).await?;
    let preparation = |name: &str, minutes: u8, group: Option<&str>| {
        let groups = group.map(|id| json!({"targetType": "staticSecurityGroup", "targetId": id}));
        let timeout = json!({
            "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
            "settingDefinitionId": "enrollment_autopilot_dpp_timeout",
            "simpleSettingValue": {
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue",
                "value": minutes}});
        json!({"name": name, "description": "", "platforms": "windows10", "technologies": "enrollment",
            "roleScopeTagIds": ["0"], KEPT: groups.into_iter().collect::<Vec<_>>(),
            "templateReference": {"templateId": "80d33118-b7b4-40d8-b15f-81be745e053f_1",
                "templateFamily": "enrollmentConfiguration"},
            "settings": [{"id": "0", "settingInstance": timeout}]})
    };
    for tenant in [SOURCE, TARGET] {
        let by_get = json!({"device_group_by_get": true});
        stack.sim.set_options(tenant, by_get).await?;
    }
    put(
        &stack,
        SOURCE,
        CATALOGUE,
        preparation("New", 30, Some(&here)),
    )
    .await?;
    put(&stack, SOURCE, CATALOGUE, preparation("Cleared", 30, None)).await?;
    put(
        &stack,
        TARGET,
        CATALOGUE,
        preparation("Cleared", 60, Some(&there)),
    )
    .await?;
    stack.sync_both().await?;
    let selection = only(&stack, "windowsDevicePreparationPolicies");
    let compare = stack.api.compare(&selection).await?;
    let keys: Vec<&Value> = compare["subjects"]
        .as_array()
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(keys.len(), 2, "{compare}");
    promote(&stack, &selection).await?;
    let writes = stack.sim.journal(TARGET, true).await?;
    let clears: Vec<String> = writes
        .iter()
        .filter(|one| {
            let path = one["path"].as_str().unwrap_or_default();
            path.ends_with("clearEnrollmentTimeDeviceMembershipTarget")
        })
        .map(|one| {
            format!(
                "{} {}",
                one["method"].as_str().unwrap_or_default(),
                one["status"]
            )
        })
        .collect();
    assert_eq!(clears, ["POST 400", "DELETE 200"]);
    for name in ["New", "Cleared"] {
        assert_eq!(state(&stack, &selection, name).await?["state"], "match");
    }
    let source = stack.sim.journal(SOURCE, true).await?;
    assert!(source.is_empty(), "{source:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h1_what_a_policy_set_assigns_is_said() -> Result<()> {
    let stack = empty().await?;
    let script = |name: &str| {
        json!({"displayName": name, "fileName": "a.ps1", "scriptContent": "ZWNobw==",
        "enforceSignatureCheck": false, "runAsAccount": "system", "runAs32Bit": false,
        "roleScopeTagIds": ["0"]})
    };
    let id = put(
        &stack,
        SOURCE,
        "deviceManagementScripts",
        script("In a set"),
    )
    .await?;
    put(&stack, SOURCE, "deviceManagementScripts", script("In none")).await?;
    let set = json!({"displayName": "Field workers", "description": "", "status": "success",
        "errorCode": "noError", "roleScopeTags": ["0"],
        "items": [{"@odata.type": "#microsoft.graph.deviceManagementScriptPolicySetItem", "id": "i1",
            "displayName": "In a set", "payloadId": id.to_uppercase(), "status": "success",
            "errorCode": "noError", "guidedDeploymentTags": []}]});
    put(&stack, SOURCE, "policySets", set).await?;
    let drivers = json!({"displayName": "Drivers", "description": "", "approvalType": "manual",
        "roleScopeTagIds": ["0"]});
    put(&stack, SOURCE, "windowsDriverUpdateProfiles", drivers).await?;
    stack.sync_both().await?;
    let selection = only(&stack, "deviceManagementScripts");
    let preflight = stack.api.preflight(&selection).await?;
    assert_eq!(subject(&preflight, "In a set")["readiness"], "ready");
    let text = says(&preflight, "warnings", "reached_through_policy_set");
    assert!(
        text.contains("In a set") && text.contains("Field workers"),
        "{text}"
    );
    assert!(
        text.contains("alone") && !text.contains("In none"),
        "{text}"
    );
    // What else stays behind.
    let drivers = only(&stack, "windowsDriverUpdateProfiles");
    let preflight = stack.api.preflight(&drivers).await?;
    assert!(says(&preflight, "warnings", "not_carried").contains("Drivers"));
    // Both are as true once the target has the policies.
    for selection in [&selection, &drivers] {
        promote(&stack, selection).await?;
    }
    stack.sync_both().await?;
    let preflight = stack.api.preflight(&selection).await?;
    let unchanged = subject(&preflight, "In a set");
    assert_eq!(unchanged["readiness"], "unchanged", "{unchanged}");
    let text = says(&preflight, "warnings", "reached_through_policy_set");
    assert!(text.contains("Field workers"), "{text}");
    let preflight = stack.api.preflight(&drivers).await?;
    assert!(says(&preflight, "warnings", "not_carried").contains("Drivers"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_an_unknown_property_stays_said_until_the_target_has_it() -> Result<()> {
    let stack = empty().await?;
    let key = "deviceCategories";
    let category = json!({"displayName": "Kiosk", "description": "x", "roleScopeTagIds": ["0"],
        "grownByGraph": {"level": 3}});
    put(&stack, SOURCE, key, category).await?;
    stack.sync_both().await?;
    let selection = only(&stack, key);
    let preflight = promote(&stack, &selection).await?;
    assert!(says(&preflight, "warnings", "unknown_property").contains("/grownByGraph"));
    for synced in [false, true] {
        if synced {
            stack.sync_both().await?;
        }
        let found = state(&stack, &selection, "Kiosk").await?;
        assert_eq!(found["state"], "match", "{found}");
        let text = says(&found, "reasons", "unknown_property");
        assert!(text.contains("/grownByGraph"), "{found}");
        let preflight = stack.api.preflight(&selection).await?;
        let found = subject(&preflight, "Kiosk");
        assert_eq!(found["readiness"], "unchanged", "{found}");
        assert!(
            !says(found, "reasons", "unknown_property").is_empty(),
            "{found}"
        );
    }
    let there = landed(&stack, key, "Kiosk").await?;
    let id = there["id"].as_str().context("id")?;
    let settled = json!({"grownByGraph": {"level": 3}});
    stack.sim.patch_object(TARGET, key, id, settled).await?;
    stack.sync_both().await?;
    let found = state(&stack, &selection, "Kiosk").await?;
    assert_eq!(found["state"], "match", "{found}");
    assert_eq!(found["reasons"], json!([]), "{found}");
    Ok(())
}
