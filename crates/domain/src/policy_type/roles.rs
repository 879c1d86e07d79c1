//! Intune roles: who may do what in the tenant, and who has which. Built-in roles are the service's
//! own.

use super::{PLAIN, PolicyType, Support, reference};
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

/// Which groups have which role over what.
pub(super) const ROLE_ASSIGNMENTS: PolicyType = PolicyType {
    key: "roleAssignments",
    display_name: "Intune role assignments",
    support: Support::CaptureOnly(
        "Who may administer a tenant is never decided from another tenant. Promote the role, then \
         assign it to the target's own groups in the Intune admin center (Tenant administration, \
         Roles).",
    ),
    path: "/deviceManagement/roleAssignments",
    // The list shows neither the role nor the tags.
    item_get: true,
    item_expand: Some("roleDefinition,roleScopeTags"),
    identity: &["roleDefinition.displayName"],
    // What the role allows is the role's own content; a tag is known by its name.
    server_state: &[
        "roleDefinition.description",
        "roleDefinition.isBuiltIn",
        "roleDefinition.isBuiltInRoleDefinition",
        "roleDefinition.permissions",
        "roleDefinition.rolePermissions",
        "roleDefinition.roleScopeTagIds",
        "roleScopeTags[].description",
        "roleScopeTags[].isBuiltIn",
    ],
    references: &[
        reference("members[]", "group"),
        reference("scopeMembers[]", "group"),
        reference("resourceScopes[]", "group"),
        reference("roleDefinition.id", "role_definition"),
        reference("roleScopeTags[].id", "scope_tag"),
    ],
    sets: &["members", "scopeMembers", "resourceScopes", "roleScopeTags"],
    // Members say it by their own names; all of the collection are of one kind.
    ignored: &["@odata.type", "roleDefinition.@odata.type"],
    empty_is_absent: &[""],
    wave: 2,
    family: ResourceFamily::RoleBasedAccess,
    read_permissions: &["DeviceManagementRBAC.Read.All"],
    write_permissions: &["DeviceManagementRBAC.ReadWrite.All"],
    ..PLAIN
};
