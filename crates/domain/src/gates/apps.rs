//! An app that the target has already under another name: made once more, every policy that names
//! the app would be ambiguous.

use crate::compare::Subject;
use crate::policy_type::{Adapter, PolicyType};
use crate::preflight::{Holds, PreflightInput};

const KIND: &str = "mobile_app";

/// Holds a new app whose kind and package or bundle id the target has.
pub(super) fn hold(
    input: &PreflightInput<'_>,
    subject: &Subject,
    row: &PolicyType,
    external_id: &str,
    holds: &mut Holds,
) {
    if row.adapter != Adapter::App || subject.target_version_id.is_some() {
        return;
    }
    let own = input.source_catalog.by_external_id(KIND, external_id);
    let Some(own) = own.filter(|own| own.name.is_some()) else {
        return;
    };
    let name = own.name.as_deref().unwrap_or_default();
    let there = input.target_catalog.named(KIND, name, &own.discriminator);
    if let Some(other) = there.first() {
        let called = other.name.as_deref().unwrap_or_default();
        let text = format!(
            "The target has this app already ({}), as {called:?}; policies that name it find it. Give \
             both the same name to compare them.",
            own.discriminator
        );
        holds.block("app_present", text);
    }
}
