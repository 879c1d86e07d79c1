//! Compliance policies and the messages they send.

use super::{ASSIGN, Adapter, PLAIN, PolicyType, SubCollection, reference};
use crate::model::ResourceFamily;

pub(super) const POLICIES: PolicyType = PolicyType {
    key: "deviceCompliancePolicies",
    display_name: "Compliance policies",
    path: "/deviceManagement/deviceCompliancePolicies",
    identity: &["@odata.type"],
    item_get: true,
    // Without the nested expand the actions are missing.
    item_expand: Some("scheduledActionsForRule($expand=scheduledActionConfigurations)"),
    server_state: &[
        "version",
        "scheduledActionsForRule[].id",
        "scheduledActionsForRule[].scheduledActionConfigurations[].id",
    ],
    // The actions have an action of their own.
    strip_update: &["scheduledActionsForRule"],
    immutable: &["@odata.type"],
    assignments: Some(ASSIGN),
    references: &[
        reference(
            "scheduledActionsForRule[].scheduledActionConfigurations[].notificationTemplateId",
            "notification_template",
        ),
        reference(
            "scheduledActionsForRule[].scheduledActionConfigurations[].notificationMessageCCList[]",
            "group",
        ),
        reference(
            "deviceCompliancePolicyScript.deviceComplianceScriptId",
            "compliance_script",
        ),
    ],
    sets: &["scheduledActionsForRule[].scheduledActionConfigurations[].notificationMessageCCList"],
    keyed: &[(
        "scheduledActionsForRule[].scheduledActionConfigurations",
        "actionType+gracePeriodHours",
    )],
    // Graph answers any name for the one rule a policy has.
    ignored: &["scheduledActionsForRule[].ruleName"],
    defaults: &[
        (
            "scheduledActionsForRule[].scheduledActionConfigurations[].notificationTemplateId",
            "\"00000000-0000-0000-0000-000000000000\"",
        ),
        (
            "scheduledActionsForRule[].scheduledActionConfigurations[].notificationTemplateId",
            "\"\"",
        ),
        (
            "scheduledActionsForRule[].scheduledActionConfigurations[].notificationMessageCCList",
            "[]",
        ),
    ],
    // A list without entries is not configured; Graph answers it as [] or null by no known rule.
    empty_is_absent: &[""],
    base64: &["deviceCompliancePolicyScript.rulesContent"],
    wave: 3,
    adapter: Adapter::Compliance,
    ..PLAIN
};

pub(super) const NOTIFICATION_TEMPLATES: PolicyType = PolicyType {
    key: "notificationMessageTemplates",
    display_name: "Compliance notification templates",
    path: "/deviceManagement/notificationMessageTemplates",
    sub_collections: &[SubCollection {
        property: "localizedNotificationMessages",
        path: "localizedNotificationMessages",
        top: None,
    }],
    // Made by the service for its own use.
    skip_when: &[("displayName", "\"EnrollmentNotificationInternalMEO\"")],
    server_state: &[
        "localizedNotificationMessages[].id",
        "localizedNotificationMessages[].lastModifiedDateTime",
    ],
    strip_create: &["defaultLocale", "localizedNotificationMessages"],
    strip_update: &["defaultLocale", "localizedNotificationMessages"],
    keyed: &[("localizedNotificationMessages", "locale")],
    flags: &["brandingOptions"],
    // Follows from the message that is the default.
    ignored: &["defaultLocale"],
    defaults: &[("localizedNotificationMessages[].isDefault", "false")],
    reference_kind: Some("notification_template"),
    wave: 1,
    family: ResourceFamily::DeviceConfiguration,
    read_permissions: &["DeviceManagementServiceConfig.Read.All"],
    write_permissions: &["DeviceManagementServiceConfig.ReadWrite.All"],
    adapter: Adapter::NotificationTemplate,
    ..PLAIN
};
