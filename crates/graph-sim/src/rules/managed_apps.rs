//! App protection and app configuration for managed apps: the apps have an action of their own, and
//! of a group of apps the service makes the list itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::table::{ASSIGN, ASSIGNMENTS, INTUNE};
use super::{AssignRule, CollectionRule, Part, Scene};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::Object;

const APPS: Part = Part {
    segment: "apps",
    ..ASSIGNMENTS
};

pub(super) const READ_ROLES: &[&str] = &[
    "DeviceManagementApps.Read.All",
    "DeviceManagementApps.ReadWrite.All",
];
pub(super) const WRITE_ROLES: &[&str] = &["DeviceManagementApps.ReadWrite.All"];

const MANAGED_APPS: CollectionRule = CollectionRule {
    assign: Some(AssignRule {
        entity: "targetedManagedAppPolicyAssignment",
        ..ASSIGN
    }),
    parts: &[APPS, ASSIGNMENTS],
    required: &["displayName"],
    read_roles: READ_ROLES,
    write_roles: WRITE_ROLES,
    judge,
    complete,
    ..INTUNE
};

pub(super) const IOS_PROTECTION: CollectionRule = CollectionRule {
    key: "iosManagedAppProtections",
    paths: &["deviceAppManagement/iosManagedAppProtections"],
    entity: "iosManagedAppProtection",
    v1: true,
    ..MANAGED_APPS
};

pub(super) const ANDROID_PROTECTION: CollectionRule = CollectionRule {
    key: "androidManagedAppProtections",
    paths: &["deviceAppManagement/androidManagedAppProtections"],
    entity: "androidManagedAppProtection",
    v1: true,
    ..MANAGED_APPS
};

pub(super) const WINDOWS_PROTECTION: CollectionRule = CollectionRule {
    key: "windowsManagedAppProtections",
    paths: &["deviceAppManagement/windowsManagedAppProtections"],
    entity: "windowsManagedAppProtection",
    ..MANAGED_APPS
};

pub(super) const APP_CONFIGURATION: CollectionRule = CollectionRule {
    key: "targetedManagedAppConfigurations",
    paths: &["deviceAppManagement/targetedManagedAppConfigurations"],
    entity: "targetedManagedAppConfiguration",
    v1: true,
    parts: &[
        APPS,
        Part {
            segment: "settings",
            ..ASSIGNMENTS
        },
        ASSIGNMENTS,
    ],
    ..MANAGED_APPS
};

/// Retired: what is there is read, nothing new is made.
pub(super) const WINDOWS_INFORMATION_PROTECTION: CollectionRule = CollectionRule {
    key: "mdmWindowsInformationProtectionPolicies",
    paths: &["deviceAppManagement/mdmWindowsInformationProtectionPolicies"],
    entity: "mdmWindowsInformationProtectionPolicy",
    v1: true,
    create: false,
    patch: false,
    delete: false,
    parts: &[ASSIGNMENTS],
    ..MANAGED_APPS
};

/// Whether the apps of the type are targeted by an action.
pub(crate) fn targets_apps(rule: &CollectionRule) -> bool {
    rule.part("apps").is_some()
}

/// Server state, and parts that have actions of their own.
fn judge(
    scene: &Scene<'_>,
    _: Write,
    body: &Map<String, Value>,
    _: Option<&Object>,
) -> Result<(), Refusal> {
    for name in ["version", "deployedAppCount", "isAssigned"] {
        if body.get(name).is_some_and(|value| !value.is_null()) {
            return Err(scene.refuse(format!(
                "The property '{name}' is read-only and cannot be set."
            )));
        }
    }
    for name in ["apps", "settings", "assignments"] {
        if body.contains_key(name) {
            return Err(scene.refuse(format!(
                "The navigation property '{name}' cannot be written with its owner."
            )));
        }
    }
    Ok(())
}

fn complete(scene: &Scene<'_>, object: &mut Object) {
    let platform = platform_of(scene.rule);
    let apps = match object.body.remove("apps") {
        Some(Value::Array(apps)) if !apps.is_empty() => apps,
        _ => derived_apps(object, platform),
    };
    let apps: Vec<Value> = apps.into_iter().map(|app| owned(app, platform)).collect();
    let assigned = !object.assignments.is_empty();
    let stamp = object.body.len() + apps.len();
    object
        .body
        .insert("deployedAppCount".to_owned(), json!(apps.len()));
    object.body.insert("apps".to_owned(), Value::Array(apps));
    object
        .body
        .insert("version".to_owned(), json!(format!("\"0000-{stamp:04x}\"")));
    object.body.insert("isAssigned".to_owned(), json!(assigned));
}

fn platform_of(rule: &CollectionRule) -> &'static str {
    match rule.key {
        "androidManagedAppProtections" => "android",
        "windowsManagedAppProtections" => "windows",
        _ => "ios",
    }
}

/// The service's own list of a group.
fn derived_apps(object: &Object, platform: &str) -> Vec<Value> {
    let group = object.text("appGroupType").unwrap_or_default();
    if !group.starts_with("all") {
        return Vec::new();
    }
    let named = |kind: &str, property: &str, id: &str| json!({"mobileAppIdentifier": {"@odata.type": format!("#microsoft.graph.{kind}"), property: id}});
    let core = ["outlook", "teams", "word", "excel"];
    if platform == "android" {
        let of = |name| {
            named(
                "androidMobileAppIdentifier",
                "packageId",
                &format!("com.microsoft.{name}"),
            )
        };
        return core.map(of).to_vec();
    }
    let of = |name| {
        named(
            "iosMobileAppIdentifier",
            "bundleId",
            &format!("com.microsoft.{name}"),
        )
    };
    core.map(of).to_vec()
}

/// The app with the id and version that the service gives it.
fn owned(mut app: Value, platform: &str) -> Value {
    let name = ["bundleId", "packageId", "windowsAppId"]
        .iter()
        .find_map(|property| app.get("mobileAppIdentifier")?.get(property)?.as_str())
        .unwrap_or_default()
        .to_owned();
    if let Value::Object(members) = &mut app {
        let version = name.bytes().map(i64::from).sum::<i64>() * -7919;
        members.insert(
            "id".to_owned(),
            json!(format!("{}.{platform}", name.to_lowercase())),
        );
        members.insert("version".to_owned(), json!(version.to_string()));
    }
    app
}

/// Which identifiers the apps of a type have.
fn identifiers(rule: &CollectionRule) -> &'static [&'static str] {
    match rule.key {
        "iosManagedAppProtections" => &["iosMobileAppIdentifier"],
        "androidManagedAppProtections" => &["androidMobileAppIdentifier"],
        "windowsManagedAppProtections" => &["windowsAppIdentifier"],
        _ => &[
            "iosMobileAppIdentifier",
            "androidMobileAppIdentifier",
            "windowsAppIdentifier",
        ],
    }
}

/// Judges the apps of `targetApps`.
pub(crate) fn judge_apps(scene: &Scene<'_>, apps: &[Value]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for app in apps {
        let Some(identifier) = app.get("mobileAppIdentifier").and_then(Value::as_object) else {
            return Err(scene.refuse("An app needs a mobileAppIdentifier."));
        };
        let kind = identifier
            .get("@odata.type")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .trim_start_matches("#microsoft.graph.");
        if !identifiers(scene.rule).contains(&kind) {
            return Err(scene.refuse(format!(
                "The identifier {kind} does not fit the platform of the policy."
            )));
        }
        let name = ["bundleId", "packageId", "windowsAppId"]
            .iter()
            .find_map(|property| identifier.get(*property)?.as_str())
            .unwrap_or_default();
        if name.is_empty() {
            return Err(scene.refuse("The identifier of an app must not be empty."));
        }
        if !seen.insert((kind.to_owned(), name.to_lowercase())) {
            return Err(scene.refuse(format!("App {name} appears more than once.")));
        }
    }
    Ok(())
}
