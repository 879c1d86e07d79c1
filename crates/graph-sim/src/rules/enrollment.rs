//! Enrolment, Windows updates, branding and terms: their collections and the rules no schema states.

use serde_json::{Map, Value, json};

use super::table::{ASSIGN, ASSIGNMENTS, INTUNE};
use super::{AssignRule, CollectionRule, Scene, notifications};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::{Object, Tenant};

const SERVICE_READ: &[&str] = &[
    "DeviceManagementServiceConfig.Read.All",
    "DeviceManagementServiceConfig.ReadWrite.All",
];
const SERVICE_WRITE: &[&str] = &["DeviceManagementServiceConfig.ReadWrite.All"];

/// The collection whose objects have ranks and defaults.
pub(crate) const CONFIGURATIONS_KEY: &str = "deviceEnrollmentConfigurations";

pub(super) const fn assigned(entity: &'static str) -> AssignRule {
    AssignRule { entity, ..ASSIGN }
}

pub(super) const DEVICE_CATEGORIES: CollectionRule = CollectionRule {
    key: "deviceCategories",
    paths: &["deviceManagement/deviceCategories"],
    entity: "deviceCategory",
    v1: true,
    required: &["displayName"],
    read_roles: &[
        "DeviceManagementManagedDevices.Read.All",
        "DeviceManagementManagedDevices.ReadWrite.All",
    ],
    write_roles: &["DeviceManagementManagedDevices.ReadWrite.All"],
    ..INTUNE
};

pub(super) const CONFIGURATIONS: CollectionRule = CollectionRule {
    key: CONFIGURATIONS_KEY,
    paths: &["deviceManagement/deviceEnrollmentConfigurations"],
    entity: "deviceEnrollmentConfiguration",
    polymorphic: true,
    v1: true,
    assign: Some(AssignRule {
        wrapper: "enrollmentConfigurationAssignments",
        ..assigned("enrollmentConfigurationAssignment")
    }),
    parts: &[ASSIGNMENTS],
    required: &["displayName"],
    read_roles: SERVICE_READ,
    write_roles: SERVICE_WRITE,
    judge: judge_configuration,
    complete: complete_configuration,
    ..INTUNE
};

pub(super) const AUTOPILOT: CollectionRule = CollectionRule {
    key: "windowsAutopilotDeploymentProfiles",
    paths: &["deviceManagement/windowsAutopilotDeploymentProfiles"],
    entity: "windowsAutopilotDeploymentProfile",
    polymorphic: true,
    assign: Some(assigned("windowsAutopilotDeploymentProfileAssignment")),
    parts: &[super::Part {
        expands_in_list: false,
        ..ASSIGNMENTS
    }],
    required: &["displayName"],
    read_roles: SERVICE_READ,
    write_roles: SERVICE_WRITE,
    judge: judge_autopilot,
    present: present_autopilot,
    ..INTUNE
};

pub(super) const TERMS: CollectionRule = CollectionRule {
    key: "termsAndConditions",
    paths: &["deviceManagement/termsAndConditions"],
    entity: "termsAndConditions",
    v1: true,
    assign: Some(assigned("termsAndConditionsAssignment")),
    parts: &[super::Part {
        expands_in_list: false,
        ..ASSIGNMENTS
    }],
    required: &["displayName", "title", "bodyText"],
    read_roles: SERVICE_READ,
    write_roles: SERVICE_WRITE,
    ..INTUNE
};

pub(super) const BRANDING: CollectionRule = CollectionRule {
    key: "intuneBrandingProfiles",
    paths: &["deviceManagement/intuneBrandingProfiles"],
    entity: "intuneBrandingProfile",
    name_property: "profileName",
    assign: Some(assigned("intuneBrandingProfileAssignment")),
    parts: &[ASSIGNMENTS],
    hidden_in_list: IMAGES,
    required: &["profileName"],
    read_roles: &[
        "DeviceManagementApps.Read.All",
        "DeviceManagementApps.ReadWrite.All",
    ],
    write_roles: &["DeviceManagementApps.ReadWrite.All"],
    judge: judge_branding,
    complete: complete_branding,
    present: present_branding,
    ..INTUNE
};

/// Pictures of a branding profile: each is read by itself.
pub(crate) const IMAGES: &[&str] = &[
    "themeColorLogo",
    "lightBackgroundLogo",
    "landingPageCustomizedImage",
];

/// Whether assignments are objects of their own, added and removed one by one.
pub(crate) fn assigns_one_by_one(key: &str) -> bool {
    matches!(
        key,
        "windowsAutopilotDeploymentProfiles" | "termsAndConditions"
    )
}

/// Whether a kind of target is taken by a collection.
pub(crate) fn takes_target(key: &str, kind: &str) -> bool {
    match key {
        "windowsFeatureUpdateProfiles"
        | "windowsQualityUpdateProfiles"
        | "windowsQualityUpdatePolicies"
        | "windowsDriverUpdateProfiles" => kind.ends_with("roupAssignmentTarget"),
        CONFIGURATIONS_KEY => kind == "groupAssignmentTarget",
        "windowsAutopilotDeploymentProfiles" => kind != "allLicensedUsersAssignmentTarget",
        "termsAndConditions" => matches!(
            kind,
            "groupAssignmentTarget" | "allLicensedUsersAssignmentTarget"
        ),
        _ => true,
    }
}

pub(super) fn refuse_members(
    scene: &Scene<'_>,
    body: &Map<String, Value>,
    names: &[&str],
) -> Result<(), Refusal> {
    match names.iter().find(|name| body.contains_key(**name)) {
        Some(name) => Err(scene.refuse(format!("Property {name} cannot be written."))),
        None => Ok(()),
    }
}

/// Whether an object is the one that every tenant has.
pub(crate) fn is_default(object: &Object) -> bool {
    object.id.contains("_Default") || object.body.get("isDefaultProfile") == Some(&json!(true))
}

/// Kinds that exist once per tenant.
const DEFAULT_ONLY: [&str; 2] = [
    "deviceEnrollmentWindowsHelloForBusinessConfiguration",
    "windowsRestoreDeviceEnrollmentConfiguration",
];
/// Kinds that applications may not change.
const RESTRICTED: [&str; 3] = [
    "deviceEnrollmentPlatformRestrictionConfiguration",
    "deviceEnrollmentPlatformRestrictionsConfiguration",
    "deviceEnrollmentLimitConfiguration",
];

fn judge_configuration(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let kind = body
        .get("@odata.type")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim_start_matches("#microsoft.graph.");
    if RESTRICTED.contains(&kind) {
        let mut refusal = Refusal::new(
            403,
            "Forbidden",
            "Tenant is not Global Admin or Intune Service Admin. Operation is restricted.",
        );
        refusal.nested = true;
        return Err(refusal);
    }
    refuse_members(scene, body, &["priority", "version"])?;
    if write == Write::Create {
        if DEFAULT_ONLY.contains(&kind) {
            return Err(scene.refuse("The configuration exists already and cannot be created."));
        }
    } else {
        refuse_members(
            scene,
            body,
            &["deviceEnrollmentConfigurationType", "platformType"],
        )?;
        if before.is_some_and(is_default) {
            refuse_members(scene, body, &["displayName", "description"])?;
        }
    }
    if notifications::is(kind) {
        return notifications::judge(scene, write, body, before);
    }
    for app in super::strings(body, "selectedMobileAppIds") {
        if !scene.tenant.has("mobileApps", app) {
            return Err(scene.refuse(format!("The app {app} does not exist.")));
        }
    }
    Ok(())
}

/// A fresh object is ranked behind the others of its kind; the default stands before all.
fn complete_configuration(scene: &Scene<'_>, object: &mut Object) {
    let kind = object.kind().unwrap_or_default().to_owned();
    if !object.body.contains_key("priority") {
        let ranked = scene
            .tenant
            .list(CONFIGURATIONS_KEY)
            .iter()
            .filter(|other| other.kind() == Some(&kind) && !is_default(other));
        let rank = if is_default(object) {
            0
        } else {
            ranked.count() + 1
        };
        object.body.insert("priority".to_owned(), json!(rank));
    }
    if notifications::is(&kind) {
        notifications::complete(object);
    }
    if kind == "windows10EnrollmentCompletionPageConfiguration" {
        object
            .body
            .entry("selectedMobileAppIds")
            .or_insert(json!([]));
    }
}

/// Judges `setPriority`; answers the ids whose rank changes and to what.
pub(crate) fn ranks(
    scene: &Scene<'_>,
    object: &Object,
    sent: &Map<String, Value>,
) -> Result<Vec<(String, Value)>, Refusal> {
    let rank = |object: &Object| object.body.get("priority").and_then(Value::as_i64);
    let (1, Some(wanted)) = (sent.len(), sent.get("priority").and_then(Value::as_i64)) else {
        return Err(Refusal::bad_request(
            "The parameter 'priority' is missing or not a number.",
        ));
    };
    if is_default(object) {
        return Err(scene.refuse("The default configuration has no priority."));
    }
    if rank(object) == Some(wanted) {
        return Err(scene.refuse("The configuration has this priority already."));
    }
    let others: Vec<&Object> = scene
        .tenant
        .list(CONFIGURATIONS_KEY)
        .iter()
        .filter(|other| other.kind() == object.kind() && !is_default(other))
        .collect();
    let last = i64::try_from(others.len()).unwrap_or(i64::MAX);
    if !(1..=last).contains(&wanted) {
        return Err(scene.refuse("The priority is out of range."));
    }
    let mut changes = vec![(object.id.clone(), json!(wanted))];
    if let Some(other) = others.iter().find(|other| rank(other) == Some(wanted)) {
        changes.push((other.id.clone(), json!(rank(object))));
    }
    Ok(changes)
}

fn judge_autopilot(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    _: Option<&Object>,
) -> Result<(), Refusal> {
    if write == Write::Create {
        if body.get("locale") == Some(&json!("")) {
            return Err(scene.refuse("Property locale must not be empty on create."));
        }
    } else {
        refuse_members(scene, body, &["managementServiceAppId"])?;
    }
    for name in ["displayName", "description"] {
        let text = body.get(name).and_then(Value::as_str).unwrap_or_default();
        if text.contains(|letter| "!#%^*()-+;'><".contains(letter)) {
            // The service fails over it, and says nothing of the reason.
            let mut refusal = Refusal::new(500, "InternalServerError", "An error has occurred");
            refusal.nested = true;
            return Err(refusal);
        }
    }
    Ok(())
}

/// Shows the old names of members beside the new ones.
fn present_autopilot(_: &Tenant, _: &Object, shown: &mut Map<String, Value>, _: bool) {
    for (new, old) in [
        ("preprovisioningAllowed", "enableWhiteGlove"),
        ("hardwareHashExtractionEnabled", "extractHardwareHash"),
        ("locale", "language"),
    ] {
        let value = shown.get(new).cloned().unwrap_or(Value::Null);
        shown.insert(old.to_owned(), value);
    }
}

fn judge_branding(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    refuse_members(
        scene,
        body,
        &[
            "isDefaultProfile",
            "disableClientTelemetry",
            "customPrivacyMessage",
        ],
    )?;
    if write == Write::Create {
        let extra = body.keys().find(|name| {
            !["profileName", "profileDescription", "roleScopeTagIds"].contains(&name.as_str())
                && !name.starts_with('@')
        });
        if let Some(name) = extra {
            return Err(scene.refuse(format!("Property {name} cannot be sent on create.")));
        }
    } else if before.is_some_and(is_default) {
        refuse_members(scene, body, &["profileName", "profileDescription"])?;
    }
    Ok(())
}

fn complete_branding(_: &Scene<'_>, object: &mut Object) {
    let body = &mut object.body;
    for (name, value) in [
        ("isDefaultProfile", json!(false)),
        ("disableClientTelemetry", json!(false)),
        ("showLogo", json!(false)),
        ("showDisplayNameNextToLogo", json!(false)),
        ("isRemoveDeviceDisabled", json!(false)),
        ("isFactoryResetDisabled", json!(false)),
        ("companyPortalBlockedActions", json!([])),
        ("enrollmentAvailability", json!("availableWithPrompts")),
    ] {
        body.entry(name).or_insert(value);
    }
}

/// Pictures are not loaded with the item.
fn present_branding(_: &Tenant, _: &Object, shown: &mut Map<String, Value>, _: bool) {
    for name in IMAGES {
        shown.insert((*name).to_owned(), Value::Null);
    }
}

/// The objects that every tenant has from its first day.
pub(super) fn furnish(tenant: &mut Tenant) {
    let everybody = json!({"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget",
            "deviceAndAppManagementAssignmentFilterId": null,
            "deviceAndAppManagementAssignmentFilterType": "none"}});
    let defaults = [
        (
            "DefaultWindows10EnrollmentCompletionPageConfiguration",
            json!({"@odata.type": "#microsoft.graph.windows10EnrollmentCompletionPageConfiguration",
                "deviceEnrollmentConfigurationType": "windows10EnrollmentCompletionPageConfiguration",
                "showInstallationProgress": false, "blockDeviceSetupRetryByUser": true,
                "allowDeviceResetOnInstallFailure": false, "allowLogCollectionOnInstallFailure": false,
                "customErrorMessage": "", "installProgressTimeoutInMinutes": 0,
                "allowDeviceUseOnInstallFailure": false, "selectedMobileAppIds": [],
                "allowNonBlockingAppInstallation": false, "installQualityUpdates": false,
                "trackInstallProgressForAutopilotOnly": false,
                "disableUserStatusTrackingAfterFirstUser": false}),
        ),
        (
            "DefaultWindowsHelloForBusiness",
            json!({"@odata.type": "#microsoft.graph.deviceEnrollmentWindowsHelloForBusinessConfiguration",
                "deviceEnrollmentConfigurationType": "windowsHelloForBusiness",
                "pinMinimumLength": 6, "pinMaximumLength": 127, "pinUppercaseCharactersUsage": "allowed",
                "pinLowercaseCharactersUsage": "allowed", "pinSpecialCharactersUsage": "allowed",
                "state": "notConfigured", "securityDeviceRequired": false,
                "unlockWithBiometricsEnabled": true, "remotePassportEnabled": false,
                "pinPreviousBlockCount": 0, "pinExpirationInDays": 0,
                "enhancedBiometricsState": "notConfigured", "securityKeyForSignIn": "notConfigured",
                "enhancedSignInSecurity": 0}),
        ),
        (
            "DefaultWindowsRestore",
            json!({"@odata.type": "#microsoft.graph.windowsRestoreDeviceEnrollmentConfiguration",
                "deviceEnrollmentConfigurationType": "windowsRestore", "state": "notConfigured"}),
        ),
        (
            "DefaultLimit",
            json!({"@odata.type": "#microsoft.graph.deviceEnrollmentLimitConfiguration",
                "deviceEnrollmentConfigurationType": "limit", "limit": 5}),
        ),
    ];
    let owner = tenant.id.clone();
    let list = tenant.objects.entry(CONFIGURATIONS_KEY).or_default();
    for (suffix, body) in defaults {
        let mut body = body.as_object().cloned().unwrap_or_default();
        for (name, value) in [
            ("displayName", json!("All users and all devices")),
            (
                "description",
                json!("This is the default, applied with the lowest priority."),
            ),
            ("priority", json!(0)),
            ("version", json!(0)),
            ("roleScopeTagIds", json!([])),
            ("createdDateTime", json!("2021-01-01T00:00:00Z")),
            ("lastModifiedDateTime", json!("2021-01-01T00:00:00Z")),
        ] {
            body.insert(name.to_owned(), value);
        }
        list.push(Object {
            id: format!("{owner}_{suffix}"),
            body,
            assignments: vec![everybody.clone()],
            ..Object::default()
        });
    }
    let branding = json!({"profileName": "Default Branding Profile", "displayName": "",
        "profileDescription": "This is the default.", "isDefaultProfile": true,
        "disableClientTelemetry": false, "showLogo": false, "showDisplayNameNextToLogo": false,
        "isRemoveDeviceDisabled": false, "isFactoryResetDisabled": false,
        "companyPortalBlockedActions": [], "enrollmentAvailability": "availableWithPrompts",
        "roleScopeTagIds": ["0"], "createdDateTime": "2021-01-01T00:00:00Z",
        "lastModifiedDateTime": "2021-01-01T00:00:00Z"});
    tenant
        .objects
        .entry("intuneBrandingProfiles")
        .or_default()
        .push(Object {
            id: "b7f5fb5d-7ea5-4f2a-9a3b-8b5c8d0a1e11".to_owned(),
            body: branding.as_object().cloned().unwrap_or_default(),
            ..Object::default()
        });
}
