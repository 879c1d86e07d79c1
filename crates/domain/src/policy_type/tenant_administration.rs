//! Autopilot profiles, terms and conditions, company portal branding, device categories, settings of the
//! whole tenant.

use super::{ASSIGN, AssignmentRule, DefaultObject, PLAIN, PolicyType, Support};
use crate::model::ResourceFamily;

const READ: &[&str] = &["DeviceManagementServiceConfig.Read.All"];
const WRITE: &[&str] = &["DeviceManagementServiceConfig.ReadWrite.All"];

/// Each assignment is an object of its own; those that a policy set made are left alone.
const PER_TARGET: AssignmentRule = AssignmentRule {
    filters: false,
    per_target: true,
    ..ASSIGN
};

pub(super) const AUTOPILOT: PolicyType = PolicyType {
    key: "windowsAutopilotDeploymentProfiles",
    display_name: "Windows Autopilot deployment profiles",
    path: "/deviceManagement/windowsAutopilotDeploymentProfiles",
    identity: &["@odata.type"],
    // Old names of members that Graph shows beside the new ones and does not take.
    server_state: &[
        "enableWhiteGlove",
        "extractHardwareHash",
        "language",
        "outOfBoxExperienceSettings",
        "assignedDevices",
    ],
    // The service answers an error of its own (500) to them.
    name_refuses: "!#%^*()-+;'><",
    name_longest: 200,
    strip_update: &["managementServiceAppId"],
    immutable: &["@odata.type"],
    defaults: &[
        ("managementServiceAppId", "\"\""),
        ("locale", "\"\""),
        ("deviceNameTemplate", "\"\""),
    ],
    assignments: Some(PER_TARGET),
    one_for_all_devices: true,
    wave: 4,
    family: ResourceFamily::Enrollment,
    read_permissions: READ,
    write_permissions: WRITE,
    ..PLAIN
};

pub(super) const TERMS: PolicyType = PolicyType {
    key: "termsAndConditions",
    display_name: "Company terms and conditions",
    path: "/deviceManagement/termsAndConditions",
    server_state: &["version", "acceptanceStatuses", "groupAssignments"],
    assignments: Some(PER_TARGET),
    wave: 3,
    family: ResourceFamily::Enrollment,
    read_permissions: READ,
    write_permissions: WRITE,
    ..PLAIN
};

pub(super) const BRANDING: PolicyType = PolicyType {
    key: "intuneBrandingProfiles",
    display_name: "Company portal branding",
    path: "/deviceManagement/intuneBrandingProfiles",
    name_property: "profileName",
    // Neither list nor item shows the pictures.
    item_parts: &[
        "themeColorLogo",
        "lightBackgroundLogo",
        "landingPageCustomizedImage",
    ],
    server_state: &["disableClientTelemetry"],
    strip_create: &["isDefaultProfile", "customPrivacyMessage"],
    strip_update: &["isDefaultProfile", "customPrivacyMessage"],
    immutable: &["isDefaultProfile"],
    defaults: &[("isDefaultProfile", "false")],
    // The service refuses it in every write and shows it in two other members as well.
    ignored: &["customPrivacyMessage"],
    keyed: &[("companyPortalBlockedActions", "platform+ownerType+action")],
    create_first: Some(&["profileName", "profileDescription", "roleScopeTagIds"]),
    default_object: Some(DefaultObject {
        property: "isDefaultProfile",
        value: "true",
        id_marker: None,
        fixed: &["profileDescription", "roleScopeTagIds"],
        only: false,
    }),
    assignments: Some(ASSIGN),
    wave: 4,
    family: ResourceFamily::Apps,
    read_permissions: &["DeviceManagementApps.Read.All"],
    write_permissions: &["DeviceManagementApps.ReadWrite.All"],
    ..PLAIN
};

pub(super) const DEVICE_CATEGORIES: PolicyType = PolicyType {
    key: "deviceCategories",
    display_name: "Device categories",
    path: "/deviceManagement/deviceCategories",
    wave: 0,
    read_permissions: &["DeviceManagementManagedDevices.Read.All"],
    write_permissions: &["DeviceManagementManagedDevices.ReadWrite.All"],
    ..PLAIN
};

/// One object in each tenant, and a member of the tenant itself: nothing could be created, and one of
/// its switches (`secureByDefault`) locks every device out that has no compliance policy.
pub(super) const DEVICE_MANAGEMENT_SETTINGS: PolicyType = PolicyType {
    key: "deviceManagementSettings",
    display_name: "Tenant-wide compliance and device settings",
    support: Support::CaptureOnly(
        "These settings hold for every device of a tenant at once, and one of them can lock users \
         out: compare them, and change them in the Intune admin center of the target.",
    ),
    path: "/deviceManagement",
    one_object: Some("settings"),
    scope_tags: None,
    wave: 0,
    read_permissions: READ,
    write_permissions: WRITE,
    ..PLAIN
};
