//! Types that are shown and compared and never written, each with the reason.

use super::{ASSIGN, Adapter, PLAIN, PolicyType, SubCollection, Support};
use crate::model::ResourceFamily;

/// Security baselines and endpoint security policies of the first generation.
pub(super) const INTENTS: PolicyType = PolicyType {
    key: "intents",
    display_name: "Endpoint security policies (legacy)",
    support: Support::CaptureOnly(
        "Microsoft replaces these policies by the settings catalog and retires their templates; \
         make the policy there, and promote that one.",
    ),
    path: "/deviceManagement/intents",
    identity: &["templateId"],
    sub_collections: &[SubCollection {
        property: "settings",
        path: "settings",
        top: None,
    }],
    server_state: &["isAssigned", "isMigratingToConfigurationPolicy"],
    assignments: Some(ASSIGN),
    // A setting is known by its definition; its own id is another in each tenant.
    keyed: &[("settings", "definitionId")],
    ignored: &["settings[].id"],
    wave: 3,
    ..PLAIN
};

pub(super) const ADMX_FILES: PolicyType = PolicyType {
    key: "groupPolicyUploadedDefinitionFiles",
    display_name: "Custom ADMX files",
    support: Support::CaptureOnly(
        "Graph does not give out the content of an uploaded ADMX file; upload the same file in the \
         Intune admin center of the target.",
    ),
    path: "/deviceManagement/groupPolicyUploadedDefinitionFiles",
    name_property: "fileName",
    identity: &["targetNamespace"],
    server_state: &[
        "status",
        "uploadDateTime",
        "revision",
        "groupPolicyOperations",
        "content",
    ],
    scope_tags: None,
    wave: 1,
    ..PLAIN
};

pub(super) const APPROVAL_POLICIES: PolicyType = PolicyType {
    key: "operationApprovalPolicies",
    display_name: "Multi Admin Approval policies",
    support: Support::CaptureOnly(
        "An approval policy decides who has to agree to changes of a tenant; it is never changed \
         from another tenant. Set it in the Intune admin center of the target.",
    ),
    path: "/deviceManagement/operationApprovalPolicies",
    identity: &["policyType"],
    scope_tags: None,
    wave: 1,
    family: ResourceFamily::RoleBasedAccess,
    read_permissions: &["DeviceManagementRBAC.Read.All"],
    write_permissions: &["DeviceManagementRBAC.ReadWrite.All"],
    ..PLAIN
};

pub(super) const HARDWARE_CONFIGURATIONS: PolicyType = PolicyType {
    key: "hardwareConfigurations",
    display_name: "BIOS configurations",
    support: Support::CaptureOnly(
        "Nobody has verified yet that Graph takes BIOS configurations from an application; make the \
         change in the Intune admin center.",
    ),
    path: "/deviceManagement/hardwareConfigurations",
    item_get: true,
    identity: &["hardwareConfigurationFormat"],
    server_state: &["version"],
    assignments: Some(ASSIGN),
    base64: &["configurationFileContent"],
    wave: 3,
    ..PLAIN
};

/// What devices report of themselves, in the settings catalogue's way.
pub(super) const INVENTORY_POLICIES: PolicyType = PolicyType {
    key: "inventoryPolicies",
    display_name: "Device inventory policies",
    support: Support::CaptureOnly(
        "Nobody has verified yet that Graph takes device inventory policies from an application; \
         make the change in the Intune admin center of the target.",
    ),
    path: "/deviceManagement/inventoryPolicies",
    name_property: "name",
    platform_property: Some("platforms"),
    identity: &["platforms", "technologies"],
    sub_collections: &[SubCollection {
        property: "settings",
        path: "settings",
        top: None,
    }],
    server_state: &["settingCount", "creationSource", "settings[].id"],
    assignments: Some(ASSIGN),
    flags: &["technologies"],
    adapter: Adapter::SettingsCatalog,
    wave: 3,
    family: ResourceFamily::ConfigurationPolicies,
    ..PLAIN
};
