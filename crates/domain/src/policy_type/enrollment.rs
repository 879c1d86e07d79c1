//! How devices come under management: the configurations that share one collection, and what of
//! enrolment can only be shown.

use super::{
    Adapter, AssignmentRule, DefaultObject, Kinds, PLAIN, PolicyType, SubCollection, Support,
    reference,
};
use crate::model::ResourceFamily;

const READ: &[&str] = &["DeviceManagementServiceConfig.Read.All"];
const WRITE: &[&str] = &["DeviceManagementServiceConfig.ReadWrite.All"];

/// What the kinds of the shared collection have in common.
///
/// Filters on this list are unreliable: it is read whole and told apart by `@odata.type`. Writes go
/// one at a time with some seconds between them: parallel ones have left priorities that the
/// service could not repair.
const CONFIGURATIONS: PolicyType = PolicyType {
    path: "/deviceManagement/deviceEnrollmentConfigurations",
    identity: &["@odata.type"],
    server_state: &["version", "windowsMobileRestriction"],
    strip_create: &["priority"],
    strip_update: &["priority", "deviceEnrollmentConfigurationType"],
    immutable: &["@odata.type"],
    // Follows from the kind, in more than one word for the same.
    ignored: &["deviceEnrollmentConfigurationType"],
    assignments: Some(AssignmentRule {
        read: "assignments",
        action: "assign",
        wrapper: "enrollmentConfigurationAssignments",
        filters: true,
        per_target: false,
        fixed: &[],
    }),
    default_object: Some(DefaultObject {
        property: "priority",
        value: "0",
        id_marker: Some("_Default"),
        fixed: &["description", "roleScopeTagIds"],
        only: false,
    }),
    priority: Some("priority"),
    serial_spacing_seconds: Some(3),
    wave: 4,
    family: ResourceFamily::Enrollment,
    read_permissions: READ,
    write_permissions: WRITE,
    ..PLAIN
};

/// Exists once per tenant and is only ever changed.
const DEFAULT_ONLY: PolicyType = PolicyType {
    assignments: None,
    priority: None,
    default_object: Some(DefaultObject {
        property: "priority",
        value: "0",
        id_marker: Some("_Default"),
        fixed: &["description", "roleScopeTagIds"],
        only: true,
    }),
    ..CONFIGURATIONS
};

pub(super) const STATUS_PAGE: PolicyType = PolicyType {
    key: "enrollmentStatusPage",
    display_name: "Enrollment status page",
    kinds: Kinds::Only(&["windows10EnrollmentCompletionPageConfiguration"]),
    references: &[reference("selectedMobileAppIds[]", "mobile_app")],
    sets: &["selectedMobileAppIds"],
    defaults: &[
        ("selectedMobileAppIds", "[]"),
        ("customErrorMessage", "\"\""),
    ],
    ..CONFIGURATIONS
};

pub(super) const HELLO: PolicyType = PolicyType {
    key: "windowsHelloForBusiness",
    display_name: "Windows Hello for Business (tenant default)",
    kinds: Kinds::Only(&["deviceEnrollmentWindowsHelloForBusinessConfiguration"]),
    ..DEFAULT_ONLY
};

pub(super) const CO_MANAGEMENT: PolicyType = PolicyType {
    key: "coManagementSettings",
    display_name: "Co-management authority",
    kinds: Kinds::Only(&["deviceComanagementAuthorityConfiguration"]),
    ..CONFIGURATIONS
};

pub(super) const RESTORE: PolicyType = PolicyType {
    key: "windowsRestore",
    display_name: "Windows Backup and Restore (tenant default)",
    kinds: Kinds::Only(&["windowsRestoreDeviceEnrollmentConfiguration"]),
    ..DEFAULT_ONLY
};

/// The service makes the templates of a notification by itself and some moments later; their texts
/// are messages of those templates, which the notification names by ids of its own tenant.
pub(super) const NOTIFICATIONS: PolicyType = PolicyType {
    key: "enrollmentNotifications",
    display_name: "Enrollment notifications",
    kinds: Kinds::Only(&["deviceEnrollmentNotificationConfiguration"]),
    identity: &["@odata.type", "platformType"],
    server_state: &[
        "version",
        "windowsMobileRestriction",
        "notificationTemplates[].localizedNotificationMessages[].id",
        "notificationTemplates[].localizedNotificationMessages[].lastModifiedDateTime",
    ],
    strip_update: &[
        "priority",
        "deviceEnrollmentConfigurationType",
        "platformType",
        "notificationTemplates",
    ],
    child_ids: &["notificationTemplates[].id"],
    keyed: &[
        (
            "notificationTemplates[].localizedNotificationMessages",
            "locale",
        ),
        ("notificationTemplates", "kind"),
    ],
    flags: &["brandingOptions", "notificationTemplates[].brandingOptions"],
    defaults: &[(
        "notificationTemplates[].localizedNotificationMessages[].isDefault",
        "false",
    )],
    adapter: Adapter::EnrollmentNotification,
    ..CONFIGURATIONS
};

const RESTRICTED: &str = "Graph refuses this change to applications (403, \"Tenant is not Global \
     Admin or Intune Service Admin\"): an administrator has to make it in the Intune admin center.";

pub(super) const PLATFORM_RESTRICTIONS: PolicyType = PolicyType {
    key: "deviceEnrollmentPlatformRestrictions",
    display_name: "Enrollment platform restrictions",
    support: Support::CaptureOnly(RESTRICTED),
    kinds: Kinds::Only(&[
        "deviceEnrollmentPlatformRestrictionConfiguration",
        "deviceEnrollmentPlatformRestrictionsConfiguration",
    ]),
    identity: &["@odata.type", "platformType"],
    empty_is_absent: &[""],
    ..CONFIGURATIONS
};

pub(super) const LIMITS: PolicyType = PolicyType {
    key: "deviceEnrollmentLimits",
    display_name: "Enrollment device limit restrictions",
    support: Support::CaptureOnly(RESTRICTED),
    kinds: Kinds::Only(&["deviceEnrollmentLimitConfiguration"]),
    ..CONFIGURATIONS
};

pub(super) const APPLE_USER_INITIATED: PolicyType = PolicyType {
    key: "appleUserInitiatedEnrollmentProfiles",
    display_name: "Apple user-initiated enrollment types",
    support: Support::CaptureOnly(
        "Nobody has verified yet that Graph takes these profiles from an application; make the \
         change in the Intune admin center.",
    ),
    path: "/deviceManagement/appleUserInitiatedEnrollmentProfiles",
    platform_property: Some("platform"),
    identity: &["platform"],
    scope_tags: None,
    assignments: Some(super::ASSIGN),
    wave: 4,
    family: ResourceFamily::Enrollment,
    read_permissions: READ,
    write_permissions: WRITE,
    ..PLAIN
};

pub(super) const CLEANUP_RULES: PolicyType = PolicyType {
    key: "managedDeviceCleanupRules",
    display_name: "Device clean-up rules",
    support: Support::CaptureOnly(
        "A clean-up rule removes devices of the tenant by itself; set it in the Intune admin center \
         of the target.",
    ),
    path: "/deviceManagement/managedDeviceCleanupRules",
    identity: &["deviceCleanupRulePlatformType"],
    scope_tags: None,
    wave: 4,
    read_permissions: &["DeviceManagementManagedDevices.Read.All"],
    write_permissions: &["DeviceManagementManagedDevices.ReadWrite.All"],
    ..PLAIN
};

pub(super) const DERIVED_CREDENTIALS: PolicyType = PolicyType {
    key: "derivedCredentials",
    display_name: "Derived credential configuration",
    support: Support::CaptureOnly(
        "Graph cannot change a derived credential configuration, only replace the one a tenant has; \
         set it in the Intune admin center of the target.",
    ),
    path: "/deviceManagement/derivedCredentials",
    scope_tags: None,
    wave: 2,
    ..PLAIN
};

const CLOUD_PC: &str = "Windows 365 policies point to network connections, images and licences of \
     their own tenant; make them in the Intune admin center of the target.";

pub(super) const CLOUD_PC_PROVISIONING: PolicyType = PolicyType {
    key: "cloudPcProvisioningPolicies",
    display_name: "Windows 365 provisioning policies",
    support: Support::CaptureOnly(CLOUD_PC),
    path: "/deviceManagement/virtualEndpoint/provisioningPolicies",
    // Follow from the image, the gallery and the licences of the tenant.
    server_state: &[
        "alternateResourceUrl",
        "cloudPcGroupDisplayName",
        "gracePeriodInHours",
        "imageDisplayName",
    ],
    assignments: Some(AssignmentRule {
        filters: false,
        ..super::ASSIGN
    }),
    wave: 4,
    read_permissions: &["CloudPC.Read.All"],
    write_permissions: &["CloudPC.ReadWrite.All"],
    ..PLAIN
};

pub(super) const CLOUD_PC_SETTINGS: PolicyType = PolicyType {
    key: "cloudPcUserSettings",
    display_name: "Windows 365 user settings",
    path: "/deviceManagement/virtualEndpoint/userSettings",
    server_state: &[],
    ..CLOUD_PC_PROVISIONING
};

/// One subject for each Apple token: the profiles hang on it, and the token belongs to one tenant.
pub(super) const APPLE_AUTOMATED: PolicyType = PolicyType {
    key: "depEnrollmentProfiles",
    display_name: "Apple automated device enrolment (tokens with their profiles)",
    support: Support::CaptureOnly(
        "The profiles hang on an Apple token, and each tenant has its own; make the change below \
         the target's token in the Intune admin center.",
    ),
    path: "/deviceManagement/depOnboardingSettings",
    name_property: "tokenName",
    sub_collections: &[SubCollection {
        property: "enrollmentProfiles",
        path: "enrollmentProfiles",
        top: None,
    }],
    server_state: &[
        "lastSuccessfulSyncDateTime",
        "lastSyncErrorCode",
        "lastSyncTriggeredDateTime",
        "syncedDeviceCount",
        "tokenExpirationDateTime",
        "enrollmentProfiles[].configurationEndpointUrl",
        "enrollmentProfiles[].id",
    ],
    references: &[reference(
        "enrollmentProfiles[].enrollmentTimeAzureAdGroupIds[]",
        "group",
    )],
    keyed: &[("enrollmentProfiles", "@odata.type+displayName")],
    // Who bought the devices, and the token for the Company Portal: each tenant has its own.
    ignored: &[
        "appleIdentifier",
        "enrollmentProfiles[].companyPortalVppTokenId",
    ],
    secrets: &["enrollmentProfiles[].adminAccountPassword"],
    wave: 4,
    family: ResourceFamily::Enrollment,
    read_permissions: READ,
    write_permissions: WRITE,
    ..PLAIN
};
