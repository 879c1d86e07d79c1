//! The body form of apps that need no file, and what the service settles when an app is made.

use serde_json::Value;

use super::{StepError, StepInput, StepKind, WriteStep, body, refuse};
use crate::json::pattern;
use crate::policy_type::{Adapter, PolicyType, odata_type};
use crate::selection::Carry;

/// Member that says how far the service is with an app.
const STATE: &str = "publishingState";
/// Not taken by a create; a PATCH brings it where it is set.
pub(super) const FEATURED: &str = "isFeatured";
/// Microsoft's own words on its suite: settled when it is made.
const SETTLED_IN_SUITE: [&str; 3] = ["developer", "owner", "publisher"];
/// Where an assignment of an iOS app names the VPN that the app uses.
const VPN: &str = "settings.vpnConfigurationId";

/// What a create leaves out.
pub(super) fn shape_create(content: &mut Value) {
    let kind = odata_type(content).to_owned();
    let Some(members) = body::members(content) else {
        return;
    };
    if members.get(FEATURED) == Some(&Value::Bool(false)) {
        members.remove(FEATURED);
    }
    // The word for "nobody chose"; the service refuses it.
    if kind == "officeSuiteApp"
        && members
            .get("officeSuiteAppDefaultFileFormat")
            .and_then(Value::as_str)
            == Some("notConfigured")
    {
        members.remove("officeSuiteAppDefaultFileFormat");
    }
}

/// What an update leaves out.
pub(super) fn shape_update(content: &mut Value) {
    if odata_type(content) != "officeSuiteApp" {
        return;
    }
    for name in SETTLED_IN_SUITE {
        pattern::remove(content, name);
    }
    if content.get("officeConfigurationXml") == Some(&Value::Null) {
        pattern::remove(content, "officeConfigurationXml");
    }
}

/// Refuses an update that would have to change what is settled, and an assignment that names a
/// profile of the source tenant.
pub(super) fn check(input: &StepInput<'_>, desired: &Value) -> Result<(), StepError> {
    let assignments = input.source.assignments.as_array().into_iter().flatten();
    let vpn = |assignment: &Value| {
        let profile = pattern::get(assignment, VPN);
        profile.is_some_and(|profile| !profile.is_null())
    };
    if input.options.assignments == Carry::Map
        && let Some(at) = assignments.map(vpn).position(|has| has)
    {
        return refuse(
            "reference_not_landed",
            format!(
                "/assignments/{at}/{} names a VPN profile of the source tenant; promote the app \
                 without its assignments, and assign it in the target by hand.",
                VPN.replace('.', "/")
            ),
        );
    }
    let (Some(target), "officeSuiteApp") = (input.target, odata_type(desired)) else {
        return Ok(());
    };
    let says = |content: &Value, name: &str| {
        let text = content.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let differs = |name: &&&str| says(desired, name) != says(&target.content, name);
    match SETTLED_IN_SUITE.iter().find(differs) {
        Some(name) => refuse(
            "immutable_differs",
            format!(
                "/{name} of this app differs and cannot be changed in place; make a new app in the target."
            ),
        ),
        None => Ok(()),
    }
}

/// Whether a call has to wait until the service has published the app: it takes no assignments and
/// no categories before.
pub fn waits_for_publishing(row: &PolicyType, step: &WriteStep, live: &Value) -> bool {
    let state = live.get(STATE).and_then(Value::as_str);
    row.adapter == Adapter::App
        && matches!(step.kind, StepKind::ReplaceAction | StepKind::Link { .. })
        && state.is_some_and(|state| state != "published")
}
