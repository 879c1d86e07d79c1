//! Relatives of the settings catalog: reusable settings and the compliance policies made of the
//! same tree. Both are replaced whole (PUT) by an update.

use super::{ASSIGN, Adapter, PLAIN, PolicyType, SubCollection, UpdateVerb, reference};
use crate::model::ResourceFamily;

pub(super) const REUSABLE_SETTINGS: PolicyType = PolicyType {
    key: "reusablePolicySettings",
    display_name: "Reusable settings",
    path: "/deviceManagement/reusablePolicySettings",
    identity: &["settingDefinitionId"],
    // The instance is in no answer that was not asked for it by name; $expand is refused.
    item_select: Some("id,displayName,description,settingDefinitionId,settingInstance,version"),
    server_state: &[
        "version",
        "referencingConfigurationPolicies",
        "referencingConfigurationPolicyCount",
    ],
    update: UpdateVerb::Put,
    immutable: &["settingDefinitionId"],
    scope_tags: None,
    reference_kind: Some("reusable_setting"),
    wave: 1,
    family: ResourceFamily::ConfigurationPolicies,
    adapter: Adapter::ReusableSetting,
    ..PLAIN
};

pub(super) const COMPLIANCE: PolicyType = PolicyType {
    key: "compliancePolicies",
    display_name: "Compliance policies (settings catalog)",
    path: "/deviceManagement/compliancePolicies",
    name_property: "name",
    platform_property: Some("platforms"),
    identity: &["platforms", "technologies"],
    sub_collections: &[
        SubCollection {
            property: "settings",
            path: "settings",
            top: Some(1000),
        },
        SubCollection {
            property: "scheduledActionsForRule",
            path: "scheduledActionsForRule?$expand=scheduledActionConfigurations",
            top: None,
        },
    ],
    server_state: &[
        "settingCount",
        "creationSource",
        "settings[].id",
        "scheduledActionsForRule[].id",
        "scheduledActionsForRule[].scheduledActionConfigurations[].id",
    ],
    // The actions have an action of their own.
    strip_update: &["scheduledActionsForRule"],
    update: UpdateVerb::Put,
    immutable: &["platforms", "technologies"],
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
    ],
    sets: &["scheduledActionsForRule[].scheduledActionConfigurations[].notificationMessageCCList"],
    keyed: &[(
        "scheduledActionsForRule[].scheduledActionConfigurations",
        "actionType+gracePeriodHours",
    )],
    flags: &["platforms", "technologies"],
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
    empty_is_absent: &[""],
    wave: 3,
    family: ResourceFamily::ConfigurationPolicies,
    adapter: Adapter::SettingsCompliance,
    ..PLAIN
};
