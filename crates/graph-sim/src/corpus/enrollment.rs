//! Windows updates, enrolment, Autopilot, terms, branding and categories: of each some.

use serde_json::{Value, json};

use super::{Draft, Names, all_users};

fn made(collection: &'static str, name: &str, members: &Value) -> Draft {
    let mut body = members.clone();
    if let Some(body) = body.as_object_mut() {
        let property = if collection == "intuneBrandingProfiles" {
            "profileName"
        } else {
            "displayName"
        };
        body.insert(property.to_owned(), json!(name));
        body.insert("roleScopeTagIds".to_owned(), json!(["0"]));
        if property == "displayName" {
            body.insert(
                "description".to_owned(),
                json!(format!("Enrolment: {name}.")),
            );
        }
    }
    Draft::new(collection, body)
}

pub(super) fn policies(names: &Names<'_>) -> Vec<Draft> {
    let drivers = |days: u8| json!({"approvalType": "automatic", "deploymentDeferralInDays": days});
    let autopilot = json!({"@odata.type": "#microsoft.graph.azureADWindowsAutopilotDeploymentProfile",
        "deviceNameTemplate": "%SERIAL%", "deviceType": "windowsPc", "locale": "os-default",
        "preprovisioningAllowed": true, "hardwareHashExtractionEnabled": true,
        "outOfBoxExperienceSetting": {"deviceUsageType": "singleUser", "userType": "standard",
            "eulaHidden": true, "escapeLinkHidden": true, "privacySettingsHidden": true,
            "keyboardSelectionPageSkipped": true}});
    let page = json!({"@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration",
        "deviceEnrollmentConfigurationType": "windows10EnrollmentCompletionPageConfiguration",
        "showInstallationProgress": true, "blockDeviceSetupRetryByUser": false,
        "allowDeviceResetOnInstallFailure": true, "allowLogCollectionOnInstallFailure": true,
        "customErrorMessage": "Call the service desk.", "installProgressTimeoutInMinutes": 60,
        "allowDeviceUseOnInstallFailure": false, "selectedMobileAppIds": [],
        "trackInstallProgressForAutopilotOnly": true});
    let simple = |group: &str| {
        vec![
            json!({"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget",
            "groupId": names.group(group)}}),
        ]
    };
    vec![
        made(
            "windowsDriverUpdateProfiles",
            "Win - Drivers - Pilot",
            &drivers(0),
        )
        .assigned(vec![names.include("Pilot Devices")]),
        made(
            "windowsDriverUpdateProfiles",
            "Win - Drivers - Production",
            &drivers(7),
        ),
        made(
            "windowsFeatureUpdateProfiles",
            "Win - Feature - 25H2",
            &json!({"featureUpdateVersion": "Windows 11, version 25H2",
                "installFeatureUpdatesOptional": false,
                "installLatestWindows10OnWindows11IneligibleDevice": true}),
        ),
        made(
            "windowsQualityUpdateProfiles",
            "Win - Expedite",
            &json!({"expeditedUpdateSettings": {"qualityUpdateRelease": "2026-06-09T00:00:00Z",
                "daysUntilForcedReboot": 1}}),
        ),
        made(
            "windowsQualityUpdatePolicies",
            "Win - Hotpatch",
            &json!({"hotpatchEnabled": true, "approvalSettings": []}),
        ),
        made(
            "windowsAutopilotDeploymentProfiles",
            "User Driven",
            &autopilot,
        )
        .assigned(simple("Pilot Devices")),
        made(
            "deviceEnrollmentConfigurations",
            "Status Page Office",
            &page,
        )
        .assigned(vec![names.include("Pilot Devices")]),
        made(
            "termsAndConditions",
            "Use of devices",
            &json!({"title": "Terms", "bodyText": "Be careful with it.",
                "acceptanceStatement": "I agree."}),
        )
        .assigned(vec![all_users()]),
        made(
            "intuneBrandingProfiles",
            "Shops",
            &json!({"profileDescription": "For shops", "displayName": "Contoso Shops",
                "showLogo": true, "themeColor": {"r": 0, "g": 90, "b": 158},
                "themeColorLogo": {"type": "image/png", "value": "iVBORw0KGgo="}}),
        ),
        made("deviceCategories", "Shop Floor", &json!({})),
    ]
}
