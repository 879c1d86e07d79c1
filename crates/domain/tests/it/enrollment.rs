//! Objects of enrolment, Windows updates, branding and terms, and what is special about them.

use domain::compare::SubjectState;
use domain::policy_type;
use domain::steps::{StepKind, WriteStep};
use serde_json::{Value, json};

use crate::model::{self, MAP};
use crate::samples::{GROUP, OTHER_GROUP, assignments};
use crate::two_tenants::{Side, comparison, preflight};

fn direct(id: &str, kind: &str, group: Option<&str>) -> Value {
    let mut target = json!({"@odata.type": format!("#microsoft.graph.{kind}")});
    if let Some(group) = group {
        target["groupId"] = json!(group);
    }
    json!({"id": id, "source": "direct", "sourceId": "x", "target": target})
}

pub(crate) fn co_management() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.deviceComanagementAuthorityConfiguration",
        "id": "0e000000-0000-4000-8000-000000000001", "displayName": "Co-management",
        "description": "", "priority": 2, "version": 4, "roleScopeTagIds": ["0"],
        "deviceEnrollmentConfigurationType": "deviceComanagementAuthorityConfiguration",
        "managedDeviceAuthority": 1, "installConfigurationManagerAgent": true,
        "configurationManagerAgentCommandLineArgument": "/nocrlcheck",
        "assignments": [direct("x_1", "groupAssignmentTarget", Some(GROUP))]
    })
}

fn status_page(name: &str, priority: u8) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration",
        "id": "0e000000-0000-4000-8000-000000000002", "displayName": name,
        "description": "For all", "priority": priority, "version": 1, "roleScopeTagIds": ["0"],
        "deviceEnrollmentConfigurationType": "windows10EnrollmentCompletionPageConfiguration",
        "showInstallationProgress": true, "installProgressTimeoutInMinutes": 60,
        "selectedMobileAppIds": ["0a990000-0000-4000-8000-000000000001"],
        "assignments": [direct("x_1", "groupAssignmentTarget", Some(GROUP))]
    })
}

fn default_hello(id: &str, length: u8) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.deviceEnrollmentWindowsHelloForBusinessConfiguration",
        "id": format!("{id}_DefaultWindowsHelloForBusiness"), "priority": 0,
        "displayName": format!("All users of {id}"), "description": format!("Words of {id}"),
        "roleScopeTagIds": [], "deviceEnrollmentConfigurationType": "windowsHelloForBusiness",
        "pinMinimumLength": length, "state": "enabled"
    })
}

fn autopilot(locale: &str) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
        "id": "0e000000-0000-4000-8000-000000000003", "displayName": "User driven",
        "description": "", "deviceNameTemplate": "%SERIAL%", "deviceType": "windowsPc",
        "locale": locale, "language": locale, "enableWhiteGlove": true,
        "extractHardwareHash": true, "preprovisioningAllowed": true,
        "hardwareHashExtractionEnabled": true, "managementServiceAppId": "",
        "roleScopeTagIds": ["0"],
        "outOfBoxExperienceSetting": {"userType": "standard", "deviceUsageType": "singleUser",
            "eulaHidden": true, "privacySettingsHidden": true,
            "keyboardSelectionPageSkipped": true, "escapeLinkHidden": true},
        "outOfBoxExperienceSettings": {"userType": "standard", "hideEULA": true},
        "assignments": [
            direct("x_1", "groupAssignmentTarget", Some(GROUP)),
            direct("x_2", "exclusionGroupAssignmentTarget", Some(OTHER_GROUP)),
            {"id": "x_3", "source": "policySets", "sourceId": "y",
                "target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"}}
        ]
    })
}

fn branding(name: &str, default: bool) -> Value {
    json!({
        "id": "0e000000-0000-4000-8000-000000000004", "profileName": name,
        "profileDescription": format!("About {name}"), "isDefaultProfile": default,
        "disableClientTelemetry": false, "displayName": "Contoso", "showLogo": true,
        "themeColor": {"r": 1, "g": 2, "b": 3}, "customPrivacyMessage": "kept by the service",
        "themeColorLogo": {"type": "image/png", "value": "iVBORw0KGgo="},
        "roleScopeTagIds": ["0"], "assignments": assignments()
    })
}

/// One object of every type that can be created.
pub(crate) fn objects() -> Vec<(&'static str, Value)> {
    let update = |members: Value| {
        let mut object = json!({"id": "0e000000-0000-4000-8000-000000000005",
            "displayName": "Updates", "description": "d", "roleScopeTagIds": ["0"],
            "createdDateTime": "2026-01-02T03:04:05Z", "assignments": assignments()});
        for (name, value) in members.as_object().unwrap() {
            object[name] = value.clone();
        }
        object
    };
    let terms = json!({"id": "0e000000-0000-4000-8000-000000000006", "displayName": "Terms",
        "description": "", "title": "Use of devices", "bodyText": "Be careful.",
        "acceptanceStatement": "I am.", "version": 3, "roleScopeTagIds": ["0"],
        "assignments": [direct("x_1", "allLicensedUsersAssignmentTarget", None)]});
    vec![
        ("coManagementSettings", co_management()),
        (
            "deviceCategories",
            json!({"id": "0e000000-0000-4000-8000-000000000007", "displayName": "Kiosk",
                "description": "Shared", "roleScopeTagIds": ["0"]}),
        ),
        ("enrollmentStatusPage", status_page("Office", 1)),
        ("intuneBrandingProfiles", branding("Shops", false)),
        ("termsAndConditions", terms),
        ("windowsAutopilotDeploymentProfiles", autopilot("")),
        (
            "windowsAutopilotDeploymentProfiles",
            autopilot("os-default"),
        ),
        (
            "windowsDriverUpdateProfiles",
            update(
                json!({"approvalType": "automatic", "deploymentDeferralInDays": 3,
                "newUpdates": 4, "deviceReporting": 5, "inventorySyncStatus": null}),
            ),
        ),
        (
            "windowsFeatureUpdateProfiles",
            update(json!({"featureUpdateVersion": "Windows 11, version 25H2",
                "deployableContentDisplayName": "x", "endOfSupportDate": "2027-10-12T00:00:00Z",
                "installFeatureUpdatesOptional": false,
                "installLatestWindows10OnWindows11IneligibleDevice": true,
                "rolloutSettings": {"offerStartDateTimeInUTC": "2036-01-01T00:00:00Z",
                    "offerEndDateTimeInUTC": null, "offerIntervalInDays": null}})),
        ),
        (
            "windowsQualityUpdatePolicies",
            update(json!({"hotpatchEnabled": true, "approvalSettings": [
                {"windowsQualityUpdateCadence": "monthly", "windowsQualityUpdateCategory": "all",
                    "approvalMethodType": "automatic", "deferredDeploymentInDay": 2}]})),
        ),
        (
            "windowsQualityUpdateProfiles",
            update(
                json!({"releaseDateDisplayName": "06 B", "deployableContentDisplayName": "x",
                "expeditedUpdateSettings": {"qualityUpdateRelease": "2026-06-09T00:00:00Z",
                    "daysUntilForcedReboot": 1}}),
            ),
        ),
    ]
}

fn names(steps: &[WriteStep]) -> Vec<&str> {
    steps.iter().map(|step| step.name.as_str()).collect()
}

#[test]
fn a_rank_is_never_part_of_a_body() {
    let row = policy_type::find("enrollmentStatusPage").unwrap();
    let source = model::captured(row, status_page("Office", 2));
    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row, &source, None, &landing, MAP).unwrap();
    assert_eq!(names(&written.steps), ["create", "assign", "set_priority"]);
    for step in &written.steps[..2] {
        assert!(step.body.as_ref().unwrap().get("priority").is_none());
    }
    assert_eq!(written.steps[2].body, Some(json!({"priority": 2})));
    let same = model::captured(row, status_page("Office", 2));
    let again = model::build(row, &source, Some(&same), &landing, MAP).unwrap();
    assert!(!names(&again.steps).contains(&"set_priority"));
}

#[test]
fn the_default_of_each_tenant_is_matched_by_its_kind_and_only_patched() {
    let row = policy_type::find("windowsHelloForBusiness").unwrap();
    let source = model::captured(row, default_hello("a", 8));
    let target = model::captured(row, default_hello("b", 6));
    assert_eq!(source.identity_key, target.identity_key);
    let (_, _, landing) = model::tenants(&source);
    let refused = model::build(row, &source, None, &landing, MAP).unwrap_err();
    assert_eq!(refused.code, "default_object");
    let written = model::build(row, &source, Some(&target), &landing, MAP).unwrap();
    assert_eq!(names(&written.steps), ["update"]);
    let body = written.steps[0].body.as_ref().unwrap();
    assert_eq!(body["pinMinimumLength"], json!(8));
    for fixed in ["displayName", "description", "priority", "roleScopeTagIds"] {
        assert!(body.get(fixed).is_none(), "{fixed}");
    }
    crate::roundtrip::update(row, &source, model::raw(row, default_hello("b", 6)));
}

#[test]
fn the_default_page_is_another_subject_than_a_page_of_the_same_name() {
    let row = policy_type::find("enrollmentStatusPage").unwrap();
    let own = model::captured(row, status_page("All users and all devices", 1));
    let mut default = status_page("All users and all devices", 0);
    default["id"] = json!("a_DefaultWindows10EnrollmentCompletionPageConfiguration");
    let default = model::captured(row, default);
    assert_ne!(own.identity_key, default.identity_key);
    assert_eq!(default.assignments, json!([]));
}

#[test]
fn single_assignments_are_added_and_removed_and_policy_sets_left_alone() {
    let row = policy_type::find("windowsAutopilotDeploymentProfiles").unwrap();
    let source = model::captured(row, autopilot("de-DE"));
    let (_, _, landing) = model::tenants(&source);
    let mut other = autopilot("de-DE");
    other["assignments"] = json!([
        direct("x_7", "allDevicesAssignmentTarget", None),
        {"id": "x_3", "source": "policySets",
            "target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": "z"}}
    ]);
    let target = model::captured(row, other);
    let written = model::build(row, &source, Some(&target), &landing, MAP).unwrap();
    let kinds: Vec<&str> = written
        .steps
        .iter()
        .map(|step| step.method.as_str())
        .collect();
    assert_eq!(kinds, ["DELETE", "POST", "POST"]);
    assert_eq!(written.steps[0].name, "unassign:allDevicesAssignmentTarget");
    assert!(written.steps[1].name.starts_with("assign:exclusionGroup"));
    assert!(matches!(
        written.steps[0].kind,
        StepKind::DeleteFound { .. }
    ));
    let kept = model::build(row, &source, Some(&target), &landing, model::KEEP).unwrap();
    assert!(
        kept.steps
            .iter()
            .all(|step| !step.path.contains("assignments"))
    );
}

#[test]
fn what_a_create_cannot_take_follows_in_a_patch() {
    let row = policy_type::find("windowsAutopilotDeploymentProfiles").unwrap();
    let source = model::captured(row, autopilot(""));
    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row, &source, None, &landing, model::KEEP).unwrap();
    assert_eq!(names(&written.steps), ["create", "complete"]);
    let first = written.steps[0].body.as_ref().unwrap();
    assert!(first.get("locale").is_none() && first.get("managementServiceAppId").is_none());
    assert_eq!(written.steps[1].body.as_ref().unwrap()["locale"], json!(""));

    let row = policy_type::find("intuneBrandingProfiles").unwrap();
    let source = model::captured(row, branding("Shops", false));
    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row, &source, None, &landing, model::KEEP).unwrap();
    let first = written.steps[0].body.as_ref().unwrap().as_object().unwrap();
    let mut sent: Vec<&str> = first.keys().map(String::as_str).collect();
    sent.sort_unstable();
    assert_eq!(
        sent,
        ["profileDescription", "profileName", "roleScopeTagIds"]
    );
    let rest = written.steps[1].body.as_ref().unwrap();
    assert!(rest.get("themeColorLogo").is_some());
    assert!(rest.get("isDefaultProfile").is_none() && rest.get("customPrivacyMessage").is_none());
}

#[test]
fn a_rollout_that_stands_is_not_sent_again() {
    let row = policy_type::find("windowsFeatureUpdateProfiles").unwrap();
    let object = |note: &str| {
        json!({"id": "1", "displayName": "Updates", "description": note,
            "featureUpdateVersion": "Windows 11, version 25H2",
            "rolloutSettings": {"offerStartDateTimeInUTC": "2020-01-01T00:00:00Z"}})
    };
    let source = model::captured(row, object("new"));
    let target = model::captured(row, object("old"));
    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row, &source, Some(&target), &landing, MAP).unwrap();
    let body = written.steps[0].body.as_ref().unwrap();
    assert!(body.get("rolloutSettings").is_none());
}

/// An Apple token with a profile for Macs, as each tenant has its own.
fn apple_token(number: u8, password: &str, skipped: &[&str]) -> Value {
    json!({
        "id": format!("de000000-0000-4000-8000-00000000000{number}"), "tokenName": "Shops",
        "appleIdentifier": format!("buyer{number}@example.com"), "tokenType": "dep",
        "tokenExpirationDateTime": format!("2027-0{number}-01T00:00:00Z"),
        "syncedDeviceCount": number, "lastSyncErrorCode": 0, "roleScopeTagIds": ["0"],
        "enrollmentProfiles": [{
            "@odata.type": "#microsoft.graph.depMacOSEnrollmentProfile",
            "id": format!("de000000-0000-4000-8000-00000000000{number}_p"),
            "displayName": "Macs", "description": "", "enabledSkipKeys": skipped,
            "adminAccountUserName": "admin", "adminAccountPassword": password,
        }]
    })
}

#[test]
fn apple_tokens_are_compared_by_their_profiles_and_never_promoted() {
    let row = policy_type::find("depEnrollmentProfiles").unwrap();
    let token = |number, skipped: &[&str]| {
        model::captured(
            row,
            apple_token(number, &format!("cANary-{number}"), skipped),
        )
    };
    let side = |tenant, policy| Side::new(tenant, vec![(row, policy)], Vec::new());
    let ours = token(1, &["Siri"]);
    let text = json!([ours.content, ours.assignments]).to_string();
    assert!(!text.contains("cANary"), "{text}");
    assert!(text.contains("adminAccountPassword"), "{text}");

    let (source, target) = (side(1, ours), side(2, token(2, &["Siri", "TOS"])));
    let subject = comparison(&source, &target).subjects.remove(0);
    assert_eq!(subject.state, SubjectState::Different);
    let reviewed = preflight(&source, &target).subjects.remove(0);
    assert!(
        reviewed
            .reasons
            .iter()
            .any(|reason| reason.message.contains("token")),
        "{:?}",
        reviewed.reasons
    );
}
