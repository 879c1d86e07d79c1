//! Autopilot device preparation: policies of the settings catalogue with a device group of their own.

use super::{Adapter, Kinds, PolicyType, TemplateRule, UpdateVerb, configuration, reference};

/// Which policies of the collection they are: user driven and automatic, and what else may come of
/// the family for Windows. Enrolment policies of other platforms are of another kind.
pub(super) const TEMPLATES: TemplateRule = TemplateRule {
    templates: &[
        "80d33118-b7b4-40d8-b15f-81be745e053f",
        "a6157a7f-aa00-42d9-ac82-7d2479f545db",
    ],
    family: "enrollmentConfiguration",
    platform: "windows10",
};

pub(super) const POLICIES: PolicyType = PolicyType {
    key: "windowsDevicePreparationPolicies",
    display_name: "Autopilot device preparation",
    kinds: Kinds::OfTemplates(&TEMPLATES),
    references: &[reference(
        "enrollmentTimeDeviceMembershipTargets[].targetId",
        "group",
    )],
    // The group has actions of its own.
    strip_create: &["enrollmentTimeDeviceMembershipTargets"],
    strip_update: &["enrollmentTimeDeviceMembershipTargets"],
    sets: &["enrollmentTimeDeviceMembershipTargets"],
    empty_is_absent: &["templateReference", "enrollmentTimeDeviceMembershipTargets"],
    update: UpdateVerb::Put,
    wave: 5,
    adapter: Adapter::DevicePreparation,
    ..configuration::SETTINGS_CATALOG
};
