//! Autopilot device preparation: policies of the settings catalogue with a device group of their own.

use serde_json::Value;

use super::{Adapter, Kinds, PolicyType, UpdateVerb, configuration, reference};

/// Templates that make a kind of their own of policies in the settings catalogue's collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TemplateRule {
    /// Ids without their version.
    pub templates: &'static [&'static str],
    /// Or any other template of this family ..
    pub family: &'static str,
    /// .. on this platform.
    pub platform: &'static str,
}

impl TemplateRule {
    /// Whether an object is made from one of them. The id alone is enough: a policy that was just
    /// made must be found again whatever the service says of its family.
    pub fn covers(&self, item: &Value) -> bool {
        let text = |pointer: &str| {
            item.pointer(pointer)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let id = text("/templateReference/templateId");
        let bare = id.split('_').next().unwrap_or(id);
        let named = self
            .templates
            .iter()
            .any(|known| known.eq_ignore_ascii_case(bare));
        let words = |flags: &str| flags.split(',').any(|word| word.trim() == self.platform);
        named
            || (text("/templateReference/templateFamily") == self.family
                && words(text("/platforms")))
    }
}

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
