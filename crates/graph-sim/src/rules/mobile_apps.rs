//! Apps, categories, app configuration for managed devices and policy sets.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::enrollment::refuse_members;
use super::managed_apps::{READ_ROLES, WRITE_ROLES};
use super::table::{ASSIGN, ASSIGNMENTS, INTUNE};
use super::{AssignRule, CollectionRule, Part, Scene, strings};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::{Object, Tenant};

/// Apps that need no files are made here; the others appear behind the caller's back alone.
pub(super) const APPS: CollectionRule = CollectionRule {
    key: "mobileApps",
    paths: &["deviceAppManagement/mobileApps"],
    entity: "mobileApp",
    polymorphic: true,
    v1: true,
    assign: Some(AssignRule {
        entity: "mobileAppAssignment",
        wrapper: "mobileAppAssignments",
        ..ASSIGN
    }),
    required: &["displayName", "publisher"],
    parts: &[
        Part {
            segment: "categories",
            expands_in_list: false,
            ..ASSIGNMENTS
        },
        ASSIGNMENTS,
    ],
    hidden_in_list: &["largeIcon", "roleScopeTagIds"],
    read_roles: READ_ROLES,
    write_roles: WRITE_ROLES,
    judge: judge_app,
    complete: complete_app,
    present: present_app,
    ..INTUNE
};

/// Kinds that are made by their description alone.
const WITHOUT_FILES: [&str; 13] = [
    "winGetApp",
    "officeSuiteApp",
    "macOSOfficeSuiteApp",
    "windowsMicrosoftEdgeApp",
    "macOSMicrosoftEdgeApp",
    "macOSMicrosoftDefenderApp",
    "webApp",
    "windowsWebApp",
    "iosiPadOSWebClip",
    "macOSWebClip",
    "iosStoreApp",
    "managedIOSStoreApp",
    "managedAndroidStoreApp",
];
/// What no update may name.
const SETTLED: [&str; 10] = [
    "appIdentifier",
    "appStoreUrl",
    "appUrl",
    "bundleId",
    "channel",
    "installExperience",
    "manifestHash",
    "packageId",
    "packageIdentifier",
    "officePlatformArchitecture",
];
const SETTLED_IN_SUITE: [&str; 3] = ["developer", "owner", "publisher"];
/// When a fresh app is published, in milliseconds of the epoch; no answer shows it.
const READY_AT: &str = "publishedAtMilliseconds";
const PUBLISHING: u64 = 1_500;

fn judge_app(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let kind = before.and_then(Object::kind).unwrap_or_else(|| {
        let kind = body.get("@odata.type").and_then(Value::as_str);
        kind.unwrap_or_default()
            .trim_start_matches("#microsoft.graph.")
    });
    if write == Write::Create {
        if !WITHOUT_FILES.contains(&kind) {
            return Err(scene.refuse(format!("An app of the type {kind} needs its content.")));
        }
        return refuse_members(scene, body, &["isFeatured", "categories", "manifestHash"]);
    }
    refuse_members(scene, body, &SETTLED)?;
    if kind == "officeSuiteApp" {
        refuse_members(scene, body, &SETTLED_IN_SUITE)?;
    }
    Ok(())
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

/// A fresh app is published some moments later.
fn complete_app(_: &Scene<'_>, object: &mut Object) {
    if !object.body.contains_key("publishingState") {
        object
            .body
            .insert("publishingState".to_owned(), json!("processing"));
        object
            .body
            .insert(READY_AT.to_owned(), json!(now() + PUBLISHING));
    }
    object.body.entry("isFeatured").or_insert(json!(false));
}

fn is_processing(object: &Object) -> bool {
    let ready_at = object.body.get(READY_AT).and_then(Value::as_u64);
    ready_at.is_some_and(|ready_at| now() < ready_at)
}

fn present_app(_: &Tenant, object: &Object, shown: &mut Map<String, Value>, _: bool) {
    if shown.remove(READY_AT).is_some() && !is_processing(object) {
        shown.insert("publishingState".to_owned(), json!("published"));
    }
}

/// Why an object takes no assignments yet.
pub(crate) fn not_ready(rule: &CollectionRule, object: &Object) -> Option<Refusal> {
    let processing = rule.key == "mobileApps" && is_processing(object);
    processing.then(|| Refusal::by_service(rule.family, "The app is not published yet."))
}

pub(super) const CATEGORIES: CollectionRule = CollectionRule {
    key: "mobileAppCategories",
    paths: &["deviceAppManagement/mobileAppCategories"],
    entity: "mobileAppCategory",
    v1: true,
    scope_tags: None,
    required: &["displayName"],
    read_roles: READ_ROLES,
    write_roles: WRITE_ROLES,
    ..INTUNE
};

pub(super) const CONFIGURATIONS: CollectionRule = CollectionRule {
    key: "mobileAppConfigurations",
    paths: &["deviceAppManagement/mobileAppConfigurations"],
    entity: "managedDeviceMobileAppConfiguration",
    polymorphic: true,
    v1: true,
    assign: Some(AssignRule {
        entity: "managedDeviceMobileAppConfigurationAssignment",
        ..ASSIGN
    }),
    parts: &[ASSIGNMENTS],
    immutable: &["targetedMobileApps", "packageId"],
    required: &["displayName"],
    read_roles: READ_ROLES,
    write_roles: WRITE_ROLES,
    judge,
    ..INTUNE
};

pub(super) const POLICY_SETS: CollectionRule = CollectionRule {
    key: "policySets",
    paths: &["deviceAppManagement/policySets"],
    entity: "policySet",
    create: false,
    patch: false,
    delete: false,
    scope_tags: Some("roleScopeTags"),
    parts: &[
        Part {
            segment: "items",
            expands_in_list: false,
            ..ASSIGNMENTS
        },
        Part {
            expands_in_list: false,
            ..ASSIGNMENTS
        },
    ],
    ..INTUNE
};

/// A configuration is for apps that are there; what it says is readable.
fn judge(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    _: Option<&Object>,
) -> Result<(), Refusal> {
    let apps = strings(body, "targetedMobileApps");
    if write == Write::Create && apps.is_empty() {
        return Err(scene.refuse("Property targetedMobileApps is required."));
    }
    for app in apps {
        if !scene.tenant.has("mobileApps", app) {
            return Err(scene.refuse(format!("MobileApp {app} was not found.")));
        }
    }
    for property in ["payloadJson", "encodedSettingXml"] {
        let Some(text) = body.get(property).and_then(Value::as_str) else {
            continue;
        };
        let decoded = base64::engine::general_purpose::STANDARD.decode(text).ok();
        let Some(decoded) = decoded else {
            return Err(scene.refuse(format!("Property {property} is not base64.")));
        };
        if property == "payloadJson" && serde_json::from_slice::<Value>(&decoded).is_err() {
            return Err(scene.refuse("Property payloadJson holds no JSON."));
        }
    }
    if body.contains_key("assignments") {
        return Err(
            scene.refuse("The navigation property 'assignments' cannot be written with its owner.")
        );
    }
    Ok(())
}
