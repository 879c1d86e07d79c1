//! The calls of the types whose shape needs code: compliance, Conditional Access, notifications.
#![expect(
    clippy::expect_used,
    clippy::needless_pass_by_value,
    reason = "a test may stop where it stands"
)]

use serde_json::{Value, json};

use super::steps_test::{KEEP, body, built, calls, code, landing, policy};
use super::*;
use crate::selection::ConditionalAccessState;

fn compliance(id: &str, actions: Value) -> CapturedPolicy {
    policy(
        "deviceCompliancePolicies",
        id,
        json!({"@odata.type": "#microsoft.graph.iosCompliancePolicy", "passcodeRequired": true,
            "scheduledActionsForRule": [{"id": "s", "ruleName": null, "scheduledActionConfigurations": actions}]}),
    )
}

#[test]
fn compliance_actions_go_into_the_create_and_have_a_call_of_their_own_afterwards() {
    let block = |hours: u8| {
        json!({"id": "a", "actionType": "block", "gracePeriodHours": hours,
        "notificationTemplateId": "", "notificationMessageCCList": []})
    };
    let notify = json!({"actionType": "notification", "gracePeriodHours": 1, "notificationTemplateId": "T1", "notificationMessageCCList": ["G1"]});
    let source = compliance("1", json!([notify, block(0)]));
    let landed = landing(&[
        ("notification_template", "t1", "created by subj_t"),
        ("group", "g1", "G9"),
    ]);
    let written = built(&source, None, &landed, KEEP).expect("built");
    let rules = json!([{"ruleName": "PasswordRequired", "scheduledActionConfigurations": [
        {"actionType": "notification", "gracePeriodHours": 1, "notificationTemplateId": "$created:subj_t", "notificationMessageCCList": ["G9"]},
        {"actionType": "block", "gracePeriodHours": 0, "notificationTemplateId": "", "notificationMessageCCList": []}]}]);
    assert_eq!(
        body(&written, "create").get("scheduledActionsForRule"),
        Some(&rules)
    );

    let source = compliance("1", json!([block(0)]));
    let same = built(
        &source,
        Some(&compliance("9", json!([block(0)]))),
        &landed,
        KEEP,
    )
    .expect("built");
    assert_eq!(calls(&same).len(), 1);
    assert_eq!(body(&same, "update").get("scheduledActionsForRule"), None);
    assert!(body(&same, "update").get("@odata.type").is_some());
    let other = built(
        &source,
        Some(&compliance("9", json!([block(5)]))),
        &landed,
        KEEP,
    )
    .expect("built");
    let path = "/deviceManagement/deviceCompliancePolicies/{item}/scheduleActionsForRules";
    assert_eq!(
        calls(&other).get(1),
        Some(&("schedule_actions", "POST", path))
    );
    assert!(
        body(&other, "schedule_actions")
            .get("deviceComplianceScheduledActionForRules")
            .is_some()
    );
    assert_eq!(
        code(built(&compliance("1", json!([])), None, &landed, KEEP)),
        "invalid_for_create"
    );
}

fn ca(id: &str, state: &str, conditions: Value, grant: Value) -> CapturedPolicy {
    policy(
        "conditionalAccessPolicies",
        id,
        json!({"state": state, "conditions": conditions, "grantControls": grant, "sessionControls": null}),
    )
}

#[test]
fn conditional_access_lands_in_the_chosen_state_without_empty_lists() {
    let conditions = json!({"clientAppTypes": ["all"], "platforms": null, "users": {
        "includeUsers": ["All"], "includeGroups": [], "excludeGroups": ["A", "B"]}});
    let grant = json!({"operator": "AND", "builtInControls": [], "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004", "displayName": "x"}});
    let source = ca("1", "enabled", conditions, grant);
    let landed = landing(&[("group", "a", "G9"), ("group", "b", "G9")]);
    let state = |conditional_access_state| Options {
        conditional_access_state,
        ..KEEP
    };
    for (option, wanted) in [
        (
            ConditionalAccessState::ReportOnly,
            "enabledForReportingButNotEnforced",
        ),
        (ConditionalAccessState::Disabled, "disabled"),
        (ConditionalAccessState::AsSource, "enabled"),
    ] {
        let written = built(&source, None, &landed, state(option)).expect("built");
        assert_eq!(
            body(&written, "create"),
            json!({"displayName": "N", "state": wanted,
                "conditions": {"clientAppTypes": ["all"], "users": {"includeUsers": ["All"], "excludeGroups": ["G9"]}},
                "grantControls": {"operator": "AND", "authenticationStrength": {"id": "00000000-0000-0000-0000-000000000004"}}})
        );
        assert_eq!(
            written.steps.first().map(|step| step.version),
            Some(GraphVersion::V1)
        );
    }
    // What only the target has is cleared, by an empty list where it is one.
    let standing = ca(
        "9",
        "enabled",
        json!({"clientAppTypes": ["all"], "platforms": {"includePlatforms": ["iOS"]},
        "users": {"includeUsers": ["All"], "includeGroups": ["X"], "excludeGroups": []}}),
        Value::Null,
    );
    let written = built(&source, Some(&standing), &landed, KEEP).expect("built");
    assert_eq!(
        body(&written, "update").get("conditions"),
        Some(&json!({"clientAppTypes": ["all"], "platforms": null,
            "users": {"includeUsers": ["All"], "includeGroups": [], "excludeGroups": ["G9"]}}))
    );
    assert_eq!(
        code(built(
            &source,
            None,
            &landing(&[("group", "a", "G9")]),
            KEEP
        )),
        "reference_not_landed"
    );
}

#[test]
fn a_condition_that_exists_in_beta_alone_is_written_there() {
    let source = ca(
        "1",
        "enabled",
        json!({"agentIdRiskLevels": "high"}),
        Value::Null,
    );
    let written = built(&source, None, &Landing::new(), KEEP).expect("built");
    assert_eq!(
        written.steps.first().map(|step| step.version),
        Some(GraphVersion::Beta)
    );
}

#[test]
fn a_condition_that_can_no_longer_be_written_holds_the_policy() {
    let states =
        json!({"deviceStates": {"includeStates": ["All"], "excludeStates": ["Compliant"]}});
    let source = ca("1", "enabled", states, Value::Null);
    let refused = built(&source, None, &Landing::new(), KEEP);
    assert_eq!(code(refused), "condition_not_writable");
    // What stands in answers and in no description of Graph.
    let agents = json!({"agents": {"includeAgentUsers": ["All"], "excludeAgentUsers": []}});
    let refused = built(
        &ca("1", "enabled", agents, Value::Null),
        None,
        &Landing::new(),
        KEEP,
    );
    assert_eq!(code(refused), "condition_not_writable");
    let silent = json!({"deviceStates": {"includeStates": [], "excludeStates": []}});
    let source = ca("1", "enabled", silent, Value::Null);
    assert!(built(&source, None, &Landing::new(), KEEP).is_ok());
}

fn template(id: &str, messages: &[(&str, &str, bool)]) -> CapturedPolicy {
    let messages: Vec<Value> = messages
        .iter()
        .map(|(locale, text, default)| json!({"id": "m", "locale": locale, "subject": "s", "messageTemplate": text, "isDefault": default}))
        .collect();
    policy(
        "notificationMessageTemplates",
        id,
        json!({"brandingOptions": "none", "defaultLocale": "en-us", "localizedNotificationMessages": messages}),
    )
}

#[test]
fn messages_are_children_with_the_default_first_and_removals_last() {
    let source = template("1", &[("de-de", "neu", false), ("en-us", "new", true)]);
    let written = built(&source, None, &Landing::new(), KEEP).expect("built");
    let base = "/deviceManagement/notificationMessageTemplates";
    let children = format!("{base}/{{item}}/localizedNotificationMessages");
    assert_eq!(
        calls(&written),
        [
            ("create", "POST", base),
            ("message:en-us", "POST", children.as_str()),
            ("message:de-de", "POST", children.as_str()),
        ]
    );
    assert_eq!(
        body(&written, "create"),
        json!({"displayName": "N", "brandingOptions": "none", "roleScopeTagIds": ["0"]})
    );
    assert_eq!(
        body(&written, "message:de-de"),
        json!({"locale": "de-de", "subject": "s", "messageTemplate": "neu"})
    );
    assert_eq!(
        body(&written, "message:en-us").get("isDefault"),
        Some(&json!(true))
    );

    let target = template("9", &[("de-DE", "alt", true), ("fr-fr", "vieux", false)]);
    let written = built(&source, Some(&target), &Landing::new(), KEEP).expect("built");
    let child = |locale: &str| format!("{children}/{{item}}_{locale}");
    assert_eq!(
        calls(&written),
        [
            ("update", "PATCH", format!("{base}/{{item}}").as_str()),
            ("message:en-us", "POST", children.as_str()),
            ("message:de-de", "PATCH", child("de-de").as_str()),
            ("delete_message:fr-fr", "DELETE", child("fr-fr").as_str()),
        ]
    );
    assert_eq!(
        body(&written, "message:de-de"),
        json!({"subject": "s", "messageTemplate": "neu"})
    );
    assert_eq!(
        body(&written, "update").get("localizedNotificationMessages"),
        None
    );
}
