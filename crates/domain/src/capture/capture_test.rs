//! What capture drops, keeps, replaces and refuses.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::model::{Facet, ReferenceUse};
use crate::policy_type;

fn key() -> SecretKey {
    SecretKey {
        key_id: "k".to_owned(),
        key: b"k".to_vec(),
    }
}

fn row(name: &str) -> &'static PolicyType {
    policy_type::find(name).expect("a row")
}

fn captured(name: &str, item: Value, assignments: Vec<Value>) -> CapturedPolicy {
    let raw = RawPolicy {
        item,
        assignments: Some(assignments),
        ..RawPolicy::default()
    };
    capture(row(name), raw, &key()).expect("captured")
}

fn code(name: &str, item: Value) -> &'static str {
    let raw = RawPolicy {
        item,
        ..RawPolicy::default()
    };
    capture(row(name), raw, &key()).expect_err("refused").code
}

#[test]
fn noise_and_server_state_go_and_the_unknown_stays() {
    let policy = captured(
        "deviceConfigurations",
        json!({
            "@odata.context": "c", "@odata.id": "i", "@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration",
            "id": "0c000000-0000-4000-8000-000000000001", "displayName": "iOS", "version": 4,
            "createdDateTime": "x", "lastModifiedDateTime": "y", "supportsScopeTags": true,
            "assignments@odata.context": "c", "#microsoft.graph.assign": {"target": "t"},
            "@microsoft.graph.tips": "tip", "createdDateTime@odata.type": "#DateTimeOffset",
            "neverSeenBefore": {"id": "kept", "@odata.type": "#microsoft.graph.someDerivedType"},
            "mediaContentRatingFrance": {"@odata.type": "#microsoft.graph.mediaContentRatingFrance", "movieRating": "allAllowed"}
        }),
        vec![],
    );
    assert_eq!(
        policy.content,
        json!({
            "@odata.type": "#microsoft.graph.iosGeneralDeviceConfiguration", "displayName": "iOS",
            "neverSeenBefore": {"id": "kept", "@odata.type": "#microsoft.graph.someDerivedType"},
            "mediaContentRatingFrance": {"movieRating": "allAllowed"}
        })
    );
    assert!(!policy.has_secrets);
}

#[test]
fn an_update_ring_keeps_its_pause_and_rollback_to_be_told_and_nothing_else_of_them() {
    let policy = captured(
        "windowsUpdateRings",
        json!({
            "@odata.type": "#microsoft.graph.windowsUpdateForBusinessConfiguration", "id": "1", "displayName": "R",
            "qualityUpdatesPaused": true, "featureUpdatesRollbackStartDateTime": "0001-01-01T00:00:00Z",
            "featureUpdatesWillBeRolledBack": true, "autoRestartNotificationDismissal": "notConfigured"
        }),
        vec![],
    );
    let kept: Vec<&str> = policy
        .content
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        kept,
        [
            "@odata.type",
            "autoRestartNotificationDismissal",
            "displayName",
            "featureUpdatesWillBeRolledBack",
            "qualityUpdatesPaused"
        ]
    );
}

#[test]
fn assignments_are_direct_free_of_ids_and_of_empty_filters() {
    let target = |kind: &str| format!("#microsoft.graph.{kind}AssignmentTarget");
    let policy = captured(
        "deviceConfigurations",
        json!({"id": "1", "displayName": "n", "@odata.type": "#microsoft.graph.iosCustomConfiguration"}),
        vec![
            json!({"id": "a", "source": "policySets", "target": {"@odata.type": target("allDevices")}}),
            json!({"id": "b", "source": "direct", "sourceId": "s", "intent": "apply", "target": {
                "@odata.type": target("exclusionGroup"), "groupId": "G2",
                "deviceAndAppManagementAssignmentFilterId": "00000000-0000-0000-0000-000000000000",
                "deviceAndAppManagementAssignmentFilterType": "none"}}),
            json!({"id": "c", "target": {
                "@odata.type": target("group"), "groupId": "G1",
                "deviceAndAppManagementAssignmentFilterId": "F1",
                "deviceAndAppManagementAssignmentFilterType": "exclude"}}),
        ],
    );
    assert_eq!(
        policy.assignments,
        json!([
            {"target": {"@odata.type": target("exclusionGroup"), "groupId": "G2"}},
            {"target": {
                "@odata.type": target("group"),
                "deviceAndAppManagementAssignmentFilterId": "F1",
                "deviceAndAppManagementAssignmentFilterType": "exclude", "groupId": "G1"}},
        ])
    );
    let used = |path: &str, kind: &str, id: &str, exclusion| ReferenceUse {
        within: None,
        path: path.to_owned(),
        facet: Facet::Assignments,
        kind: kind.to_owned(),
        external_id: id.to_owned(),
        exclusion,
    };
    assert_eq!(
        policy.references,
        [
            used("/0/target/groupId", "group", "G2", true),
            used(
                "/1/target/deviceAndAppManagementAssignmentFilterId",
                "assignment_filter",
                "F1",
                false
            ),
            used("/1/target/groupId", "group", "G1", false),
        ]
    );
}

#[test]
fn an_encrypted_oma_value_is_marked_and_loses_the_tenants_own_id() {
    let policy = captured(
        "deviceConfigurations",
        json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "id": "1", "displayName": "n",
        "omaSettings": [
            {"omaUri": "a", "isEncrypted": true, "secretReferenceValueId": "s1", "value": "****"},
            {"omaUri": "b", "isEncrypted": false, "secretReferenceValueId": "s2", "value": "PGEvPg=="},
            {"omaUri": "c", "isEncrypted": false, "secretReferenceValueId": null, "value": "plain"}]}),
        vec![],
    );
    let unreadable = json!({"$secret": {"state": "unreadable"}});
    let settings = policy.content.get("omaSettings").cloned();
    assert_eq!(
        settings,
        Some(json!([
            {"omaUri": "a", "isEncrypted": true, "value": unreadable},
            {"omaUri": "b", "isEncrypted": false, "value": unreadable},
            {"omaUri": "c", "isEncrypted": false, "value": "plain"}]))
    );
    assert!(policy.has_secrets);
}

#[test]
fn a_secret_of_the_settings_catalogue_is_marked_by_its_type() {
    let secret = |state: &str, value: &str| {
        json!({"settingInstance": {"settingDefinitionId": "wifi_key", "simpleSettingValue": {
            "@odata.type": "#microsoft.graph.deviceManagementConfigurationSecretSettingValue",
            "valueState": state, "value": value}}})
    };
    let blob = json!({"settingInstance": {
        "settingDefinitionId": "device_vendor_msft_windowsadvancedthreatprotection_onboarding_fromconnector",
        "simpleSettingValue": {"value": "blob", "valueState": "encryptedValueToken"}}});
    let raw = RawPolicy {
        item: json!({"id": "1", "name": "n"}),
        sub_collections: [(
            "settings".to_owned(),
            vec![
                secret("encryptedValueToken", "3f2"),
                secret("notEncrypted", "in clear"),
                blob,
            ],
        )]
        .into(),
        assignments: None,
    };
    let policy = capture(row("configurationPolicies"), raw, &key()).expect("captured");
    let found = secret::find(&policy.content);
    let kinds: Vec<(bool, bool)> = found
        .iter()
        .map(|secret| (secret.comparable, secret.tenant_specific))
        .collect();
    assert_eq!(kinds, [(false, false), (true, false), (false, true)]);
    let text = policy.content.to_string();
    assert!(!text.contains("in clear") && !text.contains("3f2") && !text.contains("blob"));
}

#[test]
fn wifi_keys_are_fingerprinted_or_marked_as_missing() {
    let wifi = |key: Value, security: &str| {
        json!({"@odata.type": "#microsoft.graph.iosWiFiConfiguration", "id": "1", "displayName": "n",
            "wiFiSecurityType": security, "preSharedKey": key})
    };
    let marker = |item| {
        let policy = captured("deviceConfigurations", item, vec![]);
        secret::find(&policy.content)
            .first()
            .map(|secret| secret.comparable)
    };
    assert_eq!(
        marker(wifi(json!("open sesame"), "wpaPersonal")),
        Some(true)
    );
    assert_eq!(marker(wifi(Value::Null, "wpa2Personal")), Some(false));
    assert_eq!(marker(wifi(json!("****"), "open")), Some(false));
    assert_eq!(marker(wifi(Value::Null, "open")), None);
}

#[test]
fn conditional_access_marks_what_it_excludes() {
    let policy = captured(
        "conditionalAccessPolicies",
        json!({"id": "1", "displayName": "n", "state": "enabled", "templateId": "t",
            "conditions": {"users": {"includeUsers": ["All"], "excludeGroups": ["G"]},
                "clientApplications": {"includeServicePrincipals": ["All"]},
                "locations": {"excludeLocations": ["L"]}},
            "grantControls": {"authenticationStrength": {"id": "S", "displayName": "x"}}}),
        vec![],
    );
    let found: Vec<(&str, &str, bool)> = policy
        .references
        .iter()
        .map(|used| {
            (
                used.kind.as_str(),
                used.external_id.as_str(),
                used.exclusion,
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            ("named_location", "L", true),
            ("group", "G", true),
            ("user", "All", false),
            ("authentication_strength", "S", false),
        ]
    );
    let strength = policy
        .content
        .pointer("/grantControls/authenticationStrength");
    assert_eq!(strength, Some(&json!({"id": "S"})));
}

#[test]
fn identity_is_the_exact_name_and_the_parts_of_the_row() {
    let identity =
        |name: &str, item: Value| identity_of_list_item(row(name), &item).expect("an identity");
    let catalog = |template: &str, technologies: &str| {
        identity(
            "configurationPolicies",
            json!({"name": "A ", "platforms": "windows10", "technologies": technologies,
                "templateReference": {"templateId": template}}),
        )
    };
    assert_eq!(
        catalog("ABC_1", "mdm,microsoftSense"),
        catalog("abc_2", "microsoftSense,mdm")
    );
    assert_ne!(catalog("abc_1", "mdm"), catalog("abd_1", "mdm"));
    assert_ne!(catalog("", "mdm"), catalog("abd_1", "mdm"));
    assert!(catalog("", "mdm").contains("\"A \""));
    let filter = |kind: Value| {
        let item =
            json!({"displayName": "F", "platform": "iOS", "assignmentFilterManagementType": kind});
        identity("assignmentFilters", item)
    };
    assert_eq!(filter(Value::Null), filter(json!("devices")));
    assert_ne!(filter(json!("apps")), filter(json!("devices")));
    assert_eq!(
        identity_of_list_item(row("roleScopeTags"), &json!({"displayName": ""})),
        None
    );
}

#[test]
fn shared_collections_are_divided_and_internal_objects_left_alone() {
    let ring = json!({"@odata.type": "#microsoft.graph.windowsUpdateForBusinessConfiguration"});
    let other = json!({"@odata.type": "#microsoft.graph.iosCustomConfiguration"});
    let untyped = json!({"displayName": "x"});
    let of = |name: &str, item: &Value| belongs(row(name), item);
    assert!(of("windowsUpdateRings", &ring) && !of("deviceConfigurations", &ring));
    assert!(!of("windowsUpdateRings", &other) && of("deviceConfigurations", &other));
    assert!(!of("windowsUpdateRings", &untyped) && of("deviceConfigurations", &untyped));
    assert!(!of("roleScopeTags", &json!({"id": "0", "isBuiltIn": true})));
    assert!(of("roleScopeTags", &json!({"id": "7", "isBuiltIn": false})));
    assert!(!of(
        "notificationMessageTemplates",
        &json!({"displayName": "EnrollmentNotificationInternalMEO"})
    ));
    assert!(!of(
        "namedLocations",
        &json!({"@odata.type": "#microsoft.graph.compliantNetworkNamedLocation"})
    ));
    assert!(!of("roleScopeTags", &json!("text")));
}

#[test]
fn an_enormous_policy_is_refused_with_its_measure() {
    let row = policy_type::find("configurationPolicies").expect("row");
    let settings = |count: usize| {
        let settings =
            (0..count).map(|n| json!({"settingInstance": {"settingDefinitionId": n.to_string()}}));
        RawPolicy {
            item: json!({"id": "1", "name": "n"}),
            sub_collections: BTreeMap::from([("settings".to_owned(), settings.collect())]),
            assignments: None,
        }
    };
    let refused = |raw| capture(row, raw, &key()).expect_err("refused");
    assert!(capture(row, settings(MAX_CHILDREN), &key()).is_ok());
    let error = refused(settings(5_000));
    assert_eq!(error.code, "too_large");
    assert!(
        error.message.contains("/settings has 5000 items"),
        "{error}"
    );
    for megabytes in [10, 11] {
        let mut raw = settings(1);
        raw.sub_collections.get_mut("settings").expect("settings")[0]["settingInstance"]["simpleSettingValue"] =
            json!({"value": "x".repeat(megabytes * 1_000_000)});
        assert_eq!(refused(raw).code, "too_large");
    }
    let mut raw = settings(1);
    raw.item["deep"] = (0..200).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(refused(raw).code, "too_deep");
}

#[test]
fn what_cannot_be_captured_is_refused_by_code() {
    let deep = (0..150).fold(json!(1), |inner, _| json!([inner]));
    let large = "x".repeat(MAX_BYTES + 1);
    let tag = "roleScopeTags";
    assert_eq!(code(tag, json!([1])), "not_an_object");
    assert_eq!(code(tag, json!({"displayName": "n"})), "id_missing");
    assert_eq!(
        code(tag, json!({"id": "a/../b", "displayName": "n"})),
        "id_missing"
    );
    assert_eq!(
        code(tag, json!({"id": "1", "displayName": null})),
        "name_missing"
    );
    assert_eq!(
        code(tag, json!({"id": "1", "displayName": "n", "x": deep})),
        "too_deep"
    );
    assert_eq!(
        code(tag, json!({"id": "1", "displayName": "n", "x": large})),
        "too_large"
    );
    assert_eq!(
        code(
            tag,
            json!({"id": "1", "displayName": "n", "x": ["a\u{0}b"]})
        ),
        "invalid_text"
    );
    assert_eq!(
        code(tag, json!({"id": "1", "displayName": "n", "x\u{0}": 1})),
        "invalid_text"
    );
}
