//! Apps, categories, app configuration for managed devices and policy sets.

use base64::Engine as _;
use serde_json::{Map, Value};

use super::managed_apps::{READ_ROLES, WRITE_ROLES};
use super::table::{ASSIGN, ASSIGNMENTS, INTUNE};
use super::{AssignRule, CollectionRule, Part, Scene, strings};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::Object;

/// Read here and changed behind the caller's back alone: most kinds need their files.
pub(super) const APPS: CollectionRule = CollectionRule {
    key: "mobileApps",
    paths: &["deviceAppManagement/mobileApps"],
    entity: "mobileApp",
    polymorphic: true,
    v1: true,
    create: false,
    patch: false,
    delete: false,
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
    ..INTUNE
};

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
