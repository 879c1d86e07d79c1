//! Intune roles: who may do what in the tenant. Built-in roles are the service's own.

use super::{PLAIN, PolicyType};
use crate::model::ResourceFamily;

pub(super) const ROLE_DEFINITIONS: PolicyType = PolicyType {
    key: "roleDefinitions",
    display_name: "Intune roles",
    path: "/deviceManagement/roleDefinitions",
    skip_when: &[("isBuiltIn", "true"), ("isBuiltInRoleDefinition", "true")],
    server_state: &[
        "isBuiltIn",
        "isBuiltInRoleDefinition",
        // Older spellings of `rolePermissions`, computed from it.
        "permissions",
        "rolePermissions[].actions",
        "roleAssignments",
    ],
    // Every role of this collection is of one kind, whether Graph says so or not.
    ignored: &["@odata.type"],
    reference_kind: Some("role_definition"),
    sets: &[
        "rolePermissions[].resourceActions[].allowedResourceActions",
        "rolePermissions[].resourceActions[].notAllowedResourceActions",
        "rolePermissions[].resourceActions",
        "rolePermissions",
    ],
    defaults: &[(
        "rolePermissions[].resourceActions[].notAllowedResourceActions",
        "[]",
    )],
    wave: 1,
    family: ResourceFamily::RoleBasedAccess,
    read_permissions: &["DeviceManagementRBAC.Read.All"],
    write_permissions: &["DeviceManagementRBAC.ReadWrite.All"],
    ..PLAIN
};
