//! What is only read here: who has which role, what devices report, and the settings of the whole
//! tenant, which are one object and no collection.

use super::table::{ASSIGNMENTS, INTUNE};
use super::{CollectionRule, Part};

/// The key of the settings of the whole tenant.
pub(crate) const SETTINGS: &str = "deviceManagementSettings";

const READ_ONLY: CollectionRule = CollectionRule {
    create: false,
    patch: false,
    delete: false,
    scope_tags: None,
    ..INTUNE
};

const RBAC: &[&str] = &[
    "DeviceManagementRBAC.Read.All",
    "DeviceManagementRBAC.ReadWrite.All",
];

pub(super) const ROLE_ASSIGNMENTS: CollectionRule = CollectionRule {
    key: "roleAssignments",
    paths: &["deviceManagement/roleAssignments"],
    entity: "deviceAndAppManagementRoleAssignment",
    parts: &[
        Part {
            segment: "roleDefinition",
            ..ASSIGNMENTS
        },
        Part {
            segment: "roleScopeTags",
            ..ASSIGNMENTS
        },
    ],
    v1: true,
    read_roles: RBAC,
    ..READ_ONLY
};

pub(super) const INVENTORY_POLICIES: CollectionRule = CollectionRule {
    key: "inventoryPolicies",
    paths: &["deviceManagement/inventoryPolicies"],
    entity: "deviceManagementInventoryPolicy",
    name_property: "name",
    parts: &[
        Part {
            segment: "settings",
            ..ASSIGNMENTS
        },
        ASSIGNMENTS,
    ],
    ..READ_ONLY
};

pub(super) const SETTINGS_RULE: CollectionRule = CollectionRule {
    key: SETTINGS,
    paths: &["deviceManagement"],
    entity: "deviceManagementSettings",
    read_roles: &[
        "DeviceManagementServiceConfig.Read.All",
        "DeviceManagementServiceConfig.ReadWrite.All",
    ],
    ..READ_ONLY
};
