//! Cases from the field, kinds G and H: what is known before the start is not found out by a 400, and
//! what is not carried is said. Each test is named after the row of its case.

use std::time::Duration;

use anyhow::{Context, Result};
use chrono::{DateTime, TimeDelta, Utc};
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;

/// Two tenants without anything.
pub(super) async fn empty() -> Result<Stack> {
    let plan = Plan {
        source: Content::Empty,
        target: Content::Empty,
        ..Plan::default()
    };
    Stack::start(PROCESS, plan).await
}

/// Adds an object to a tenant; its id.
pub(super) async fn put(
    stack: &Stack,
    tenant: &str,
    collection: &str,
    object: Value,
) -> Result<String> {
    let made = stack.sim.put_object(tenant, collection, object).await?;
    let id = made["id"].as_str().context("id")?;
    Ok(id.to_owned())
}

pub(super) fn only(stack: &Stack, key: &str) -> Value {
    let mut selection = stack.selection();
    selection["scope"] = json!({ "policy_types": [key] });
    selection
}

pub(super) fn subject<'v>(answer: &'v Value, name: &str) -> &'v Value {
    let subjects = answer["subjects"].as_array().map_or(&[][..], Vec::as_slice);
    let found = subjects.iter().find(|one| one["display_name"] == name);
    found.unwrap_or_else(|| panic!("no subject {name}: {answer}"))
}

pub(super) fn says(answer: &Value, part: &str, code: &str) -> String {
    let reasons = answer[part].as_array().into_iter().flatten();
    let of_code = reasons.filter(|reason| reason["code"] == code);
    let texts = of_code.filter_map(|reason| reason["message"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

/// The subject is held by this reason before anything starts; its message.
pub(super) fn held(preflight: &Value, name: &str, code: &str) -> String {
    let found = subject(preflight, name);
    assert_ne!(found["readiness"], "ready", "{found}");
    let text = says(found, "reasons", code);
    assert!(!text.is_empty(), "{code} is missing: {found}");
    text
}

pub(super) async fn promote(stack: &Stack, selection: &Value) -> Result<Value> {
    let (preflight, run) = stack.api.promote(selection, Duration::from_mins(2)).await?;
    let items = stack.api.items(run["id"].as_str().context("id")?).await?;
    assert_eq!(
        run["outcome"],
        "succeeded",
        "{run}\n{}\n{}",
        json!(items),
        stack.logs()
    );
    Ok(preflight)
}

pub(super) async fn state(stack: &Stack, selection: &Value, name: &str) -> Result<Value> {
    let compare = stack.api.compare(selection).await?;
    Ok(subject(&compare, name).clone())
}

pub(super) async fn landed(stack: &Stack, collection: &str, name: &str) -> Result<Value> {
    let found = stack.sim.objects(TARGET, collection).await?;
    let of_name = found.into_iter().find(|one| one["displayName"] == name);
    of_name.context("it did not land")
}

const ACCESS: &str = "conditionalAccessPolicies";

fn access(name: &str, conditions: &Value, session: &Value) -> Value {
    let mut whole = json!({
        "applications": {"includeApplications": ["All"]},
        "clientAppTypes": ["all"],
        "users": {"includeUsers": ["All"]},
    });
    for (part, value) in conditions.as_object().into_iter().flatten() {
        whole[part] = value.clone();
    }
    json!({"displayName": name, "state": "disabled", "conditions": whole,
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]},
        "sessionControls": session.clone()})
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_a_refusal_that_names_the_other_endpoint_is_followed_once() -> Result<()> {
    let stack = empty().await?;
    let every_time = json!({"signInFrequency": {"frequencyInterval": "everyTime", "value": null,
        "type": null, "authenticationType": "primaryAndSecondaryAuthentication", "isEnabled": true}});
    put(
        &stack,
        SOURCE,
        ACCESS,
        access("Every time", &json!({}), &every_time),
    )
    .await?;
    let location = json!({"@odata.type": "#microsoft.graph.countryNamedLocation",
        "displayName": "Home", "countriesAndRegions": ["DE"],
        "includeUnknownCountriesAndRegions": false});
    put(&stack, SOURCE, "namedLocations", location).await?;
    stack.sync_both().await?;
    // A refusal nobody knew of, of another type: followed once, in the same step.
    let refuse = json!({"tenant": TARGET, "method": "POST", "path_regex": "v1.0/.*namedLocations",
        "kind": "refuse", "message": "1099: Not in this version. Use the beta endpoint."});
    stack.sim.fault(refuse).await?;
    promote(&stack, &stack.selection()).await?;
    let writes = stack.sim.journal(TARGET, true).await?;
    let sent = |part: &str| -> Vec<String> {
        let of_part = writes.iter().filter(|one| {
            let path = one["path"].as_str().unwrap_or_default();
            path.contains(part)
        });
        of_part
            .map(|one| {
                format!(
                    "{} {}",
                    one["version"].as_str().unwrap_or_default(),
                    one["status"]
                )
            })
            .collect()
    };
    assert_eq!(sent("namedLocations"), ["v1.0 400", "beta 201"]);
    // What is known to need beta goes there at once.
    assert_eq!(sent("policies"), ["beta 201"]);

    // A second refusal that names the way that was taken already is an answer.
    put(
        &stack,
        SOURCE,
        ACCESS,
        access("Plain", &json!({}), &Value::Null),
    )
    .await?;
    stack.sync_both().await?;
    for version in ["v1.0", "beta"] {
        let refuse = json!({"tenant": TARGET, "method": "POST", "times": 9,
            "path_regex": format!("{version}/.*conditionalAccess/policies"),
            "kind": "refuse", "message": "1099: Use the beta endpoint or use the v1.0 endpoint."});
        stack.sim.fault(refuse).await?;
    }
    let selection = only(&stack, ACCESS);
    let (_, run) = stack
        .api
        .promote(&selection, Duration::from_mins(2))
        .await?;
    let items = stack.api.items(run["id"].as_str().context("id")?).await?;
    assert_eq!(items[0]["reason_code"], "graph_rejected", "{items:?}");
    let writes = stack.sim.journal(TARGET, true).await?;
    let tried = writes.iter().filter(|one| one["fault"] == "refuse");
    assert_eq!(tried.count(), 3, "one by each way, besides the location's");
    Ok(())
}

const FEATURE: &str = "windowsFeatureUpdateProfiles";

fn feature(name: &str, start: DateTime<Utc>, end: Option<DateTime<Utc>>) -> Value {
    let text = |date: DateTime<Utc>| date.format("%Y-%m-%dT%H:%M:%SZ").to_string();
    json!({"displayName": name, "description": null, "roleScopeTagIds": ["0"],
        "featureUpdateVersion": "Windows 11, version 24H2",
        "installFeatureUpdatesOptional": false,
        "installLatestWindows10OnWindows11IneligibleDevice": false,
        "rolloutSettings": {"offerStartDateTimeInUTC": text(start),
            "offerEndDateTimeInUTC": end.map(text), "offerIntervalInDays": end.map(|_| 1)}})
}

#[tokio::test(flavor = "multi_thread")]
async fn g3_dates_that_graph_would_refuse_are_held_before_the_start() -> Result<()> {
    let stack = empty().await?;
    let (now, day) = (Utc::now(), TimeDelta::days(1));
    for object in [
        feature("Tomorrow", now + day, Some(now + day * 9)),
        feature(
            "One hour",
            now + day * 5,
            Some(now + day * 5 + TimeDelta::hours(1)),
        ),
        feature("In time", now + day * 5, Some(now + day * 9)),
        feature("Alone", now + TimeDelta::hours(6), None),
    ] {
        put(&stack, SOURCE, FEATURE, object).await?;
    }
    stack.sync_both().await?;
    let selection = only(&stack, FEATURE);
    let preflight = promote(&stack, &selection).await?;
    for name in ["Tomorrow", "One hour"] {
        let text = held(&preflight, name, "rollout_dates_refused");
        for word in ["keep", "drop", "shift"] {
            assert!(text.contains(&format!("\"{word}\"")), "{text}");
        }
    }
    for name in ["In time", "Alone"] {
        assert_eq!(state(&stack, &selection, name).await?["state"], "match");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn g4_a_rollout_that_has_begun_is_kept_dropped_or_shifted() -> Result<()> {
    let stack = empty().await?;
    let (now, day) = (Utc::now(), TimeDelta::days(1));
    let begun = feature("Begun", now - day * 7, Some(now + day * 14));
    put(&stack, SOURCE, FEATURE, begun).await?;
    stack.sync_both().await?;
    let kept = only(&stack, FEATURE);
    let preflight = stack.api.preflight(&kept).await?;
    let text = held(&preflight, "Begun", "date_in_past");
    assert!(text.contains("feature_update_rollout"), "{text}");
    let with = |choice: &str| {
        let mut selection = kept.clone();
        selection["options"] = json!({ "feature_update_rollout": choice });
        selection
    };
    let digest = |answer: &Value| answer["plan_digest"].clone();
    let dropped = stack.api.preflight(&with("drop")).await?;
    let shifted = stack.api.preflight(&with("shift")).await?;
    assert_ne!(digest(&dropped), digest(&shifted));
    assert!(says(&dropped, "warnings", "rollout_changed").contains("at once"));
    assert!(says(&shifted, "warnings", "rollout_changed").contains("begin on"));
    let compare = stack.api.compare(&kept).await?;
    let filled = &compare["selection"]["options"]["feature_update_rollout"];
    assert_eq!(filled, "keep", "{compare}");
    let bad = stack
        .api
        .post("/cross-tenant-compare/preflight", &with("later"))
        .await?;
    assert_eq!(bad.status, 422);

    promote(&stack, &with("shift")).await?;
    let there = landed(&stack, FEATURE, "Begun").await?;
    let date = |name: &str| -> Result<DateTime<Utc>> {
        let text = there["rolloutSettings"][name].as_str().context("date")?;
        Ok(DateTime::parse_from_rfc3339(text)?.with_timezone(&Utc))
    };
    let (start, end) = (
        date("offerStartDateTimeInUTC")?,
        date("offerEndDateTimeInUTC")?,
    );
    assert_eq!(end - start, day * 21, "{there}");
    assert!(start > now + day * 2, "{there}");
    // What was chosen stays chosen: nothing is to be done again, whatever the choice is now.
    for choice in ["keep", "shift", "drop"] {
        let found = state(&stack, &with(choice), "Begun").await?;
        assert_eq!(found["state"], "match", "{found}");
    }
    stack.sync_both().await?;
    assert_eq!(state(&stack, &kept, "Begun").await?["state"], "match");

    let second = feature("Second", now - day * 7, None);
    put(&stack, SOURCE, FEATURE, second).await?;
    stack.sync_both().await?;
    promote(&stack, &with("drop")).await?;
    let there = landed(&stack, FEATURE, "Second").await?;
    assert!(
        there["rolloutSettings"]["offerStartDateTimeInUTC"].is_null(),
        "{there}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn g5_two_groups_that_become_one_with_other_filters_are_named() -> Result<()> {
    let stack = empty().await?;
    let group = |name: &str| {
        json!({"displayName": name, "securityEnabled": true, "mailEnabled": false,
        "mailNickname": name.to_lowercase(), "groupTypes": []})
    };
    let filter = |name: &str| {
        json!({"displayName": name, "platform": "windows10AndLater",
        "rule": "(device.manufacturer -eq \"X\")", "assignmentFilterManagementType": "devices",
        "roleScopeTags": ["0"]})
    };
    let (mut groups, mut filters) = (Vec::new(), Vec::new());
    for (g, f) in [("Pilot", "Corporate"), ("Early", "Personal")] {
        groups.push(put(&stack, SOURCE, "groups", group(g)).await?);
        filters.push(put(&stack, SOURCE, "assignmentFilters", filter(f)).await?);
        put(&stack, TARGET, "assignmentFilters", filter(f)).await?;
    }
    put(&stack, TARGET, "groups", group("Everybody")).await?;
    let target = |position: usize| {
        json!({"target": {
        "@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": groups[position],
        "deviceAndAppManagementAssignmentFilterId": filters[position],
        "deviceAndAppManagementAssignmentFilterType": "include"}})
    };
    let script = json!({"displayName": "Map drives", "fileName": "a.ps1", "scriptContent": "ZWNobw==",
        "enforceSignatureCheck": false, "runAsAccount": "system", "runAs32Bit": false,
        "roleScopeTagIds": ["0"], "assignments": [target(0), target(1)]});
    put(&stack, SOURCE, "deviceManagementScripts", script).await?;
    let users = json!({"users": {"includeGroups": [groups[0]], "excludeGroups": [groups[1]]}});
    put(
        &stack,
        SOURCE,
        ACCESS,
        access("Both ways", &users, &Value::Null),
    )
    .await?;
    stack.sync_both().await?;
    let listed = async |tenant: &str, name: &str| -> Result<String> {
        let tail = format!("/tenants/{tenant}/references?kind=group&q={name}");
        let found = stack.api.all(&tail).await?;
        Ok(found.first().context("a group")?["id"]
            .as_str()
            .context("id")?
            .to_owned())
    };
    let everybody = listed(&stack.target, "Everybody").await?;
    let mut selection = stack.selection();
    selection["options"] = json!({"assignments": "map"});
    selection["mappings"] = json!([
        {"kind": "group", "source_id": listed(&stack.source, "Pilot").await?, "target_id": everybody},
        {"kind": "group", "source_id": listed(&stack.source, "Early").await?, "target_id": everybody},
    ]);
    let preflight = stack.api.preflight(&selection).await?;
    for name in ["Map drives", "Both ways"] {
        let text = held(&preflight, name, "targets_collide");
        assert!(text.contains("Pilot") && text.contains("Early"), "{text}");
        assert_eq!(
            subject(&preflight, name)["readiness"],
            "manual_mapping_required"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn g6_empty_entries_of_lists_are_left_out_and_said() -> Result<()> {
    let stack = empty().await?;
    let conditions = json!({"users": {"includeUsers": ["All", ""], "excludeUsers": [""],
        "excludeRoles": [null]}, "platforms": {"includePlatforms": ["windows", ""]}});
    put(
        &stack,
        SOURCE,
        ACCESS,
        access("Holes", &conditions, &Value::Null),
    )
    .await?;
    let nothing = json!({"platforms": {"includePlatforms": [""]}});
    put(
        &stack,
        SOURCE,
        ACCESS,
        access("Nothing else", &nothing, &Value::Null),
    )
    .await?;
    stack.sync_both().await?;
    let selection = only(&stack, ACCESS);
    let preflight = promote(&stack, &selection).await?;
    let text = held(&preflight, "Nothing else", "empty_value");
    assert!(
        text.contains("/conditions/platforms/includePlatforms"),
        "{text}"
    );
    let text = says(&preflight, "warnings", "empty_value_dropped");
    assert!(text.contains("/conditions/users/excludeUsers/0"), "{text}");
    let there = landed(&stack, ACCESS, "Holes").await?;
    assert_eq!(there["conditions"]["users"]["includeUsers"], json!(["All"]));
    assert_eq!(state(&stack, &selection, "Holes").await?["state"], "match");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn g7_names_that_a_type_forbids_are_held() -> Result<()> {
    let stack = empty().await?;
    let autopilot = |name: &str| {
        json!({"displayName": name, "description": "",
        "@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
        "deviceType": "windowsPc", "locale": "os-default", "deviceNameTemplate": "PC-%SERIAL%",
        "preprovisioningAllowed": false, "hardwareHashExtractionEnabled": false,
        "roleScopeTagIds": ["0"], "outOfBoxExperienceSetting": {"deviceUsageType": "singleUser",
            "privacySettingsHidden": true, "eulaHidden": true, "userType": "standard",
            "keyboardSelectionPageSkipped": true, "escapeLinkHidden": true}})
    };
    let key = "windowsAutopilotDeploymentProfiles";
    let long = "a".repeat(201);
    for name in ["Pilot (Sales)", "A+B; 100%", "Pilot", long.as_str()] {
        put(&stack, SOURCE, key, autopilot(name)).await?;
    }
    stack.sync_both().await?;
    let preflight = promote(&stack, &only(&stack, key)).await?;
    assert!(held(&preflight, "Pilot (Sales)", "name_not_allowed").contains("( )"));
    assert!(held(&preflight, "A+B; 100%", "name_not_allowed").contains("% + ;"));
    assert!(held(&preflight, &long, "name_not_allowed").contains("200"));
    assert_eq!(landed(&stack, key, "Pilot").await?["displayName"], "Pilot");
    Ok(())
}
