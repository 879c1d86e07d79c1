//! Device preparation policies: read with their device group, made with it, and never called done
//! before the group was read back.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use crate::support::{Plan, SOURCE, Stack, TARGET};
use domain::preflight::Readiness;
use domain::selection::{Carry, Options};
use domain::subject::SubjectState;
use serde_json::{Value, json};
use store::run_items::ItemRow;

const TYPE: &str = "windowsDevicePreparationPolicies";
const COLLECTION: &str = "configurationPolicies";
const KEPT: &str = "enrollmentTimeDeviceMembershipTargets";
const SET: &str = "setEnrollmentTimeDeviceMembershipTarget";

fn mapped() -> Options {
    Options {
        assignments: Carry::Map,
        scope_tags: Carry::Map,
        ..Options::default()
    }
}

async fn made(stack: &Stack, tenant: &str, collection: &str, body: Value) -> String {
    let path = format!("/tenants/{tenant}/objects/{collection}");
    let made = stack.control("POST", &path, Some(body)).await;
    made["id"].as_str().unwrap().to_owned()
}

async fn group(stack: &Stack, tenant: &str, name: &str) -> String {
    let body = json!({"displayName": name, "securityEnabled": true, "mailEnabled": false,
        "mailNickname": name.replace(' ', ""), "groupTypes": []});
    made(stack, tenant, "groups", body).await
}

async fn policy(stack: &Stack, tenant: &str, name: &str, minutes: u8, group: &str) -> String {
    let timeout = json!({
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
        "settingDefinitionId": "enrollment_autopilot_dpp_timeout",
        "simpleSettingValue": {
            "@odata.type": "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue",
            "value": minutes
        }
    });
    let body = json!({
        "name": name, "description": "For new devices", "platforms": "windows10",
        "technologies": "enrollment", "roleScopeTagIds": ["0"],
        "templateReference": {"templateId": "80d33118-b7b4-40d8-b15f-81be745e053f_1",
            "templateFamily": "enrollmentConfiguration"},
        "settings": [{"id": "0", "settingInstance": timeout}],
        KEPT: [{"targetType": "staticSecurityGroup", "targetId": group}],
        "assignments": [{"id": "a", "source": "direct", "target": {
            "@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget",
            "deviceAndAppManagementAssignmentFilterId": null,
            "deviceAndAppManagementAssignmentFilterType": "none"}}]
    });
    made(stack, tenant, COLLECTION, body).await
}

async fn in_target(stack: &Stack, name: &str) -> Vec<Value> {
    let objects = stack.objects(TARGET, COLLECTION).await;
    objects.into_iter().filter(|o| o["name"] == name).collect()
}

async fn sent(stack: &Stack) -> usize {
    let writes = stack.writes(TARGET).await;
    writes
        .iter()
        .filter(|write| write["path"].as_str().unwrap().ends_with(SET))
        .count()
}

/// The source with three policies: one that is missing, one with another group in the target, and
/// one whose group the target does not have.
struct Story {
    stack: Stack,
    there: String,
}

async fn story() -> Story {
    let stack = Stack::start().await;
    let here = group(&stack, SOURCE, "Autopilot Arrivals").await;
    let there = group(&stack, TARGET, "Autopilot Arrivals").await;
    let alone = group(&stack, SOURCE, "Nobody Else Has It").await;
    let other = group(&stack, TARGET, "Autopilot Old").await;
    policy(&stack, SOURCE, "Prep - New", 60, &here).await;
    policy(&stack, SOURCE, "Prep - Regrouped", 30, &here).await;
    policy(&stack, TARGET, "Prep - Regrouped", 30, &other).await;
    policy(&stack, SOURCE, "Prep - Alone", 60, &alone).await;
    Story { stack, there }
}

async fn promote(stack: &Stack, plan: &Plan) -> Vec<ItemRow> {
    let run = stack.promote(plan).await;
    stack.finished(run).await;
    stack.items(run).await
}

async fn assert_done(story: &Story, items: &[ItemRow]) {
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert!(bad.is_empty() && items.len() == 2, "{items:#?}");
    for name in ["Prep - New", "Prep - Regrouped"] {
        let found = in_target(&story.stack, name).await;
        assert_eq!(found.len(), 1, "{name}");
        assert_eq!(found[0][KEPT][0]["targetId"], json!(story.there), "{name}");
        assert_eq!(found[0]["assignments"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn policies_are_promoted_with_their_group_and_match_afterwards() {
    let story = story().await;
    let stack = &story.stack;
    let worker = stack.worker();
    stack.sync_both().await;
    let catalogue = stack.plan(&[COLLECTION], mapped()).await;
    let taken = catalogue.comparison.subjects.iter();
    assert!(taken.clone().count() > 0);
    assert!(taken.clone().all(|s| !s.display_name.starts_with("Prep")));

    let plan = stack.plan(&[TYPE], mapped()).await;
    let all = &plan.preflight.subjects;
    assert_eq!(all.len(), 3, "{all:#?}");
    let held: Vec<_> = all
        .iter()
        .filter(|s| s.readiness != Readiness::Ready)
        .collect();
    let [alone] = held[..] else {
        unreachable!("{held:#?}")
    };
    assert_eq!(alone.display_name, "Prep - Alone");
    assert_eq!(alone.readiness, Readiness::ManualMappingRequired);
    assert_eq!(alone.reasons[0].code, "reference_missing");

    assert_done(&story, &promote(stack, &plan).await).await;
    assert_eq!(sent(stack).await, 2);
    // Only the group differed: the policy itself was not written again.
    let puts = stack.writes(TARGET).await;
    assert!(
        puts.iter().all(|write| write["method"] != "PUT"),
        "{puts:#?}"
    );

    let again = stack.plan(&[TYPE], mapped()).await;
    for subject in &again.comparison.subjects {
        let open = subject.display_name == "Prep - Alone";
        assert_eq!(subject.state == SubjectState::Match, !open, "{subject:#?}");
    }
    assert!(stack.writes(SOURCE).await.is_empty());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_the_action_makes_nothing_twice() {
    for kind in [
        json!({"kind": "status_after_effect", "status": 500}),
        json!({"kind": "cut_after_effect"}),
        json!({"kind": "cut_before_effect"}),
    ] {
        let story = story().await;
        let stack = &story.stack;
        let worker = stack.worker();
        stack.sync_both().await;
        let plan = stack.plan(&[TYPE], mapped()).await;
        let mut fault = kind.clone();
        fault["tenant"] = json!(TARGET);
        fault["method"] = json!("POST");
        fault["path_regex"] = json!(SET);
        fault["times"] = json!(1);
        stack.fault(fault).await;
        assert_done(&story, &promote(stack, &plan).await).await;
        worker.stop().await;
    }
}

/// A success by its status that did not set the group is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_the_service_does_not_accept_is_no_success() {
    let story = story().await;
    let stack = &story.stack;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TYPE], mapped()).await;
    let path = format!("/tenants/{TARGET}/objects/groups/{}", story.there);
    stack.control("DELETE", &path, None).await;
    let items = promote(stack, &plan).await;
    assert_eq!(items.len(), 2);
    for item in &items {
        assert_eq!(item.outcome, "failed", "{item:#?}");
        assert_eq!(item.reason_code.as_deref(), Some("device_group_refused"));
        let message = item.message.as_deref().unwrap_or_default();
        assert!(message.contains("securityGroupNotFound"), "{item:#?}");
    }
    // Each was asked once, and nothing was sent after the refusal: what was made is not assigned.
    assert_eq!(sent(stack).await, 2);
    let writes = stack.writes(TARGET).await;
    let is_assign = |write: &Value| write["path"].as_str().unwrap().ends_with("/assign");
    assert!(!writes.iter().any(is_assign), "{writes:#?}");
    let made = in_target(stack, "Prep - New").await;
    assert_eq!(made.len(), 1);
    assert_eq!(made[0]["assignments"], json!([]));

    // Once the group is there again, the next run goes on from what was made.
    group(stack, TARGET, "Autopilot Arrivals").await;
    stack.sync_both().await;
    let plan = stack.plan(&[TYPE], mapped()).await;
    let items = promote(stack, &plan).await;
    assert!(
        items.iter().all(|item| item.outcome == "succeeded"),
        "{items:#?}"
    );
    assert_eq!(in_target(stack, "Prep - New").await.len(), 1);
    worker.stop().await;
}

/// Where Graph does not say which group there is, the policy is unreadable: neither absent nor
/// without a group.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_cannot_be_read_holds_the_policy() {
    let story = story().await;
    let stack = &story.stack;
    let worker = stack.worker();
    let fault = json!({"tenant": TARGET, "method": "POST", "kind": "status_before_effect",
        "status": 404, "path_regex": "retrieveEnrollmentTimeDeviceMembershipTarget", "times": 100});
    stack.fault(fault).await;
    stack.sync_both().await;
    let plan = stack.plan(&[TYPE], mapped()).await;
    for subject in &plan.preflight.subjects {
        let regrouped = subject.display_name == "Prep - Regrouped";
        assert!(
            !regrouped || subject.readiness != Readiness::Ready,
            "{subject:#?}"
        );
    }
    promote(stack, &plan).await;
    assert_eq!(in_target(stack, "Prep - Regrouped").await.len(), 1);
    worker.stop().await;
}
