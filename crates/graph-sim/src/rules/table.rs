//! The entries of the table, one per collection.

use super::{
    AssignRule, CollectionRule, Part, accept, administration, compliance, conditional_access,
    device_configurations, enrollment, foundations, group_policy, leave, managed_apps, mobile_apps,
    named_locations, scripts, settings_catalog, settings_compliance, show, tenant_wide,
    windows_updates,
};
use crate::answer::Family;

const CONFIGURATION_READ: &[&str] = &[
    "DeviceManagementConfiguration.Read.All",
    "DeviceManagementConfiguration.ReadWrite.All",
];
const CONFIGURATION_WRITE: &[&str] = &["DeviceManagementConfiguration.ReadWrite.All"];

/// What most Intune policy collections have in common.
pub(super) const INTUNE: CollectionRule = CollectionRule {
    key: "",
    paths: &[],
    entity: "",
    polymorphic: false,
    name_property: "displayName",
    beta: true,
    v1: false,
    page: 1000,
    max_top: 1000,
    create: true,
    patch: true,
    put: false,
    delete: true,
    scope_tags: Some("roleScopeTagIds"),
    assign: None,
    parts: &[],
    hidden_in_list: &[],
    only_selected: &[],
    immutable: &[],
    required: &[],
    family: Family::Intune,
    read_roles: CONFIGURATION_READ,
    write_roles: CONFIGURATION_WRITE,
    judge: accept,
    complete: leave,
    present: show,
};

/// What directory collections have in common: here they are only read.
const DIRECTORY: CollectionRule = CollectionRule {
    v1: true,
    page: 100,
    max_top: 999,
    create: false,
    patch: false,
    delete: false,
    scope_tags: None,
    family: Family::Directory,
    write_roles: &[],
    ..INTUNE
};

pub(super) const CONDITIONAL_ACCESS: CollectionRule = CollectionRule {
    v1: true,
    page: 100,
    max_top: 999,
    scope_tags: None,
    family: Family::ConditionalAccess,
    read_roles: &["Policy.Read.All"],
    write_roles: &["Policy.ReadWrite.ConditionalAccess", "Policy.Read.All"],
    ..INTUNE
};

/// Assignments as most collections take them.
pub(super) const ASSIGN: AssignRule = AssignRule {
    entity: "",
    wrapper: "assignments",
    also: &[],
    filters: true,
};

pub(super) const ASSIGNMENTS: Part = Part {
    segment: "assignments",
    page: 1000,
    nested: &[],
    expands_in_list: true,
};

/// Every collection the simulator serves.
pub(crate) static TABLE: &[CollectionRule] = &[
    enrollment::AUTOPILOT,
    enrollment::BRANDING,
    enrollment::CONFIGURATIONS,
    enrollment::DEVICE_CATEGORIES,
    windows_updates::DRIVER_UPDATES,
    windows_updates::FEATURE_UPDATES,
    windows_updates::QUALITY_POLICIES,
    windows_updates::QUALITY_UPDATES,
    enrollment::TERMS,
    CollectionRule {
        key: "configurationPolicies",
        paths: &["deviceManagement/configurationPolicies"],
        entity: "deviceManagementConfigurationPolicy",
        name_property: "name",
        page: 25,
        put: true,
        assign: Some(AssignRule {
            entity: "deviceManagementConfigurationPolicyAssignment",
            ..ASSIGN
        }),
        parts: &[
            Part {
                segment: "settings",
                page: 25,
                nested: &["settingDefinitions"],
                expands_in_list: true,
            },
            Part {
                expands_in_list: false,
                ..ASSIGNMENTS
            },
        ],
        immutable: &["platforms", "technologies"],
        required: &["name", "platforms", "technologies", "settings"],
        judge: settings_catalog::judge,
        complete: settings_catalog::complete,
        present: settings_catalog::present,
        ..INTUNE
    },
    CollectionRule {
        key: "deviceCompliancePolicies",
        paths: &["deviceManagement/deviceCompliancePolicies"],
        entity: "deviceCompliancePolicy",
        polymorphic: true,
        v1: true,
        assign: Some(AssignRule {
            entity: "deviceCompliancePolicyAssignment",
            ..ASSIGN
        }),
        parts: &[
            Part {
                segment: "scheduledActionsForRule",
                nested: &["scheduledActionConfigurations"],
                ..ASSIGNMENTS
            },
            ASSIGNMENTS,
        ],
        required: &["displayName"],
        judge: compliance::judge,
        complete: compliance::complete,
        ..INTUNE
    },
    CollectionRule {
        key: "deviceConfigurations",
        paths: &["deviceManagement/deviceConfigurations"],
        entity: "deviceConfiguration",
        polymorphic: true,
        v1: true,
        assign: Some(AssignRule {
            entity: "deviceConfigurationAssignment",
            also: &["deviceConfigurationGroupAssignments"],
            ..ASSIGN
        }),
        parts: &[ASSIGNMENTS],
        required: &["displayName"],
        judge: device_configurations::judge,
        complete: device_configurations::complete,
        present: device_configurations::present,
        ..INTUNE
    },
    CollectionRule {
        key: "conditionalAccessPolicies",
        paths: &["identity/conditionalAccess/policies"],
        entity: "conditionalAccessPolicy",
        required: &["displayName", "state", "conditions"],
        judge: conditional_access::judge,
        complete: conditional_access::complete,
        present: conditional_access::present,
        ..CONDITIONAL_ACCESS
    },
    CollectionRule {
        key: "namedLocations",
        paths: &["identity/conditionalAccess/namedLocations"],
        entity: "namedLocation",
        polymorphic: true,
        required: &["displayName"],
        judge: named_locations::judge,
        complete: named_locations::complete,
        ..CONDITIONAL_ACCESS
    },
    CollectionRule {
        key: "assignmentFilters",
        paths: &["deviceManagement/assignmentFilters"],
        entity: "deviceAndAppManagementAssignmentFilter",
        scope_tags: Some("roleScopeTags"),
        immutable: &["platform", "assignmentFilterManagementType"],
        required: &["displayName", "platform", "rule"],
        judge: foundations::judge_filter,
        complete: foundations::complete_filter,
        ..INTUNE
    },
    CollectionRule {
        key: "roleScopeTags",
        paths: &["deviceManagement/roleScopeTags"],
        entity: "roleScopeTag",
        scope_tags: None,
        assign: Some(AssignRule {
            entity: "roleScopeTagAutoAssignment",
            filters: false,
            ..ASSIGN
        }),
        parts: &[Part {
            expands_in_list: false,
            ..ASSIGNMENTS
        }],
        required: &["displayName"],
        read_roles: &[
            "DeviceManagementRBAC.Read.All",
            "DeviceManagementRBAC.ReadWrite.All",
        ],
        write_roles: &["DeviceManagementRBAC.ReadWrite.All"],
        judge: foundations::judge_scope_tag,
        complete: foundations::complete_scope_tag,
        ..INTUNE
    },
    CollectionRule {
        key: "notificationMessageTemplates",
        paths: &["deviceManagement/notificationMessageTemplates"],
        entity: "notificationMessageTemplate",
        v1: true,
        parts: &[Part {
            segment: "localizedNotificationMessages",
            ..ASSIGNMENTS
        }],
        required: &["displayName"],
        read_roles: &[
            "DeviceManagementServiceConfig.Read.All",
            "DeviceManagementServiceConfig.ReadWrite.All",
        ],
        write_roles: &["DeviceManagementServiceConfig.ReadWrite.All"],
        judge: foundations::judge_template,
        complete: foundations::complete_template,
        ..INTUNE
    },
    group_policy::CONFIGURATIONS,
    group_policy::DEFINITION_RULE,
    settings_compliance::REUSABLE,
    settings_compliance::COMPLIANCE,
    scripts::COMPLIANCE,
    scripts::PLATFORM,
    scripts::REMEDIATIONS,
    scripts::SHELL,
    scripts::CUSTOM_ATTRIBUTES,
    managed_apps::IOS_PROTECTION,
    managed_apps::ANDROID_PROTECTION,
    managed_apps::WINDOWS_PROTECTION,
    managed_apps::APP_CONFIGURATION,
    managed_apps::WINDOWS_INFORMATION_PROTECTION,
    mobile_apps::APPS,
    mobile_apps::CATEGORIES,
    mobile_apps::CONFIGURATIONS,
    mobile_apps::POLICY_SETS,
    CollectionRule {
        key: "operationApprovalPolicies",
        paths: &["deviceManagement/operationApprovalPolicies"],
        entity: "operationApprovalPolicy",
        create: false,
        patch: false,
        delete: false,
        scope_tags: None,
        read_roles: &[
            "DeviceManagementRBAC.Read.All",
            "DeviceManagementRBAC.ReadWrite.All",
        ],
        ..INTUNE
    },
    CollectionRule {
        key: "operationApprovalRequests",
        paths: &["deviceManagement/operationApprovalRequests"],
        entity: "operationApprovalRequest",
        create: false,
        patch: false,
        delete: false,
        scope_tags: None,
        read_roles: &[
            "DeviceManagementRBAC.Read.All",
            "DeviceManagementRBAC.ReadWrite.All",
        ],
        ..INTUNE
    },
    CollectionRule {
        key: "configurationPolicyTemplates",
        paths: &["deviceManagement/configurationPolicyTemplates"],
        entity: "deviceManagementConfigurationPolicyTemplate",
        create: false,
        patch: false,
        delete: false,
        scope_tags: None,
        ..INTUNE
    },
    CollectionRule {
        key: "configManagerCollections",
        paths: &["deviceManagement/configManagerCollections"],
        entity: "configManagerCollection",
        create: false,
        patch: false,
        delete: false,
        scope_tags: None,
        ..INTUNE
    },
    CollectionRule {
        key: "groups",
        paths: &["groups"],
        entity: "group",
        read_roles: &[
            "Group.Read.All",
            "Group.ReadWrite.All",
            "Directory.Read.All",
        ],
        ..DIRECTORY
    },
    CollectionRule {
        key: "directoryRoles",
        paths: &["directoryRoles"],
        entity: "directoryRole",
        read_roles: &["RoleManagement.Read.Directory", "Directory.Read.All"],
        ..DIRECTORY
    },
    CollectionRule {
        key: "users",
        paths: &["users"],
        entity: "user",
        read_roles: &["User.Read.All", "Directory.Read.All"],
        ..DIRECTORY
    },
    CollectionRule {
        key: "servicePrincipals",
        paths: &["servicePrincipals"],
        entity: "servicePrincipal",
        read_roles: &["Application.Read.All", "Directory.Read.All"],
        ..DIRECTORY
    },
    CollectionRule {
        key: "organization",
        paths: &["organization"],
        entity: "organization",
        read_roles: &[
            "Organization.Read.All",
            "Directory.Read.All",
            "User.Read.All",
        ],
        ..DIRECTORY
    },
    administration::STRENGTH_RULE,
    administration::CONTEXT_RULE,
    administration::ROLE_RULE,
    tenant_wide::ROLE_ASSIGNMENTS,
    tenant_wide::INVENTORY_POLICIES,
    tenant_wide::SETTINGS_RULE,
    CollectionRule {
        key: "termsOfUse",
        paths: &["identityGovernance/termsOfUse/agreements", "agreements"],
        entity: "agreement",
        parts: &[Part {
            segment: "files",
            ..ASSIGNMENTS
        }],
        read_roles: &["Agreement.Read.All"],
        ..DIRECTORY
    },
];

/// The entry of a type key.
pub(crate) fn by_key(key: &str) -> Option<&'static CollectionRule> {
    TABLE.iter().find(|rule| rule.key == key)
}

/// The entry whose path starts `segments`, and how many segments the path has.
pub(crate) fn by_path(segments: &[&str]) -> Option<(&'static CollectionRule, usize)> {
    TABLE
        .iter()
        .flat_map(|rule| rule.paths.iter().map(move |path| (rule, path)))
        .filter_map(|(rule, path)| {
            let parts: Vec<&str> = path.split('/').collect();
            let head = segments.get(..parts.len())?;
            let same = parts
                .iter()
                .zip(head)
                .all(|(part, got)| part.eq_ignore_ascii_case(got));
            // The tenant itself, which everything else hangs on.
            let whole = rule.key != tenant_wide::SETTINGS || segments.len() == parts.len();
            (same && whole).then_some((rule, parts.len()))
        })
        .max_by_key(|(_, length)| *length)
}
