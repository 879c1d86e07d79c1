//! The body form of apps that need no file, and what the service settles when an app is made.

use serde_json::Value;

use super::{StepError, StepInput, StepKind, WriteStep, body, parts, refuse};
use crate::json::pattern;
use crate::policy_type::{Adapter, PolicyType, odata_type};
use crate::selection::Carry;

/// Member that says how far the service is with an app.
const STATE: &str = "publishingState";
/// Not taken by a create; a PATCH brings it where it is set.
pub(super) const FEATURED: &str = "isFeatured";
/// Microsoft's own words on its suite: settled when it is made.
const SETTLED_IN_SUITE: [&str; 3] = ["developer", "owner", "publisher"];
/// What the suite does not take back once it was chosen.
const FORMAT: &str = "officeSuiteAppDefaultFileFormat";
const XML: &str = "officeConfigurationXml";
/// Edge takes no assignment filter.
const FILTER: &str = "target.deviceAndAppManagementAssignmentFilterId";
/// Where an assignment of an iOS app names the VPN that the app uses.
const VPN: &str = "settings.vpnConfigurationId";

/// Whether a member of the suite says that nobody chose.
fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(value) => value
            .as_str()
            .is_some_and(|text| text.is_empty() || text.eq_ignore_ascii_case("notConfigured")),
    }
}

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
        && members.get(FORMAT).and_then(Value::as_str) == Some("notConfigured")
    {
        members.remove(FORMAT);
    }
}

/// What an update leaves out.
pub(super) fn shape_update(content: &mut Value) {
    if odata_type(content) != "officeSuiteApp" {
        return;
    }
    if is_unset(content.get(FORMAT)) {
        pattern::remove(content, FORMAT);
    }
    for name in SETTLED_IN_SUITE {
        pattern::remove(content, name);
    }
    if content.get(XML) == Some(&Value::Null) {
        pattern::remove(content, XML);
    }
}

/// Refuses an assignment that names a profile of the source tenant, and a filter where Graph takes
/// none.
fn check_assignments(kind: &str, assignments: &Value) -> Result<(), StepError> {
    let at = |place: &str| {
        let mut all = assignments.as_array().into_iter().flatten();
        all.position(|one| pattern::get(one, place).is_some_and(|value| !value.is_null()))
    };
    if let Some(at) = at(VPN) {
        return refuse(
            "reference_not_landed",
            format!(
                "/assignments/{at}/{} names a VPN profile of the source tenant; promote the app \
                 without its assignments, and assign it in the target by hand.",
                VPN.replace('.', "/")
            ),
        );
    }
    if kind == "windowsMicrosoftEdgeApp"
        && let Some(at) = at(FILTER)
    {
        return refuse(
            "invalid_for_create",
            format!(
                "/assignments/{at}/{} is a filter, which Graph refuses for Microsoft Edge; remove it \
                 in the source, or promote the app without its assignments.",
                FILTER.replace('.', "/")
            ),
        );
    }
    Ok(())
}

/// Refuses what would lose a category, what the assignments cannot say in the target, and an update
/// that would have to change what is settled.
pub(super) fn check(input: &StepInput<'_>, desired: &Value) -> Result<(), StepError> {
    let linked = desired.get("categories").and_then(Value::as_array);
    if linked.is_some_and(|linked| !linked.iter().all(Value::is_string)) {
        return refuse(
            "invalid_for_create",
            "/categories holds a category without an id, or was captured by an earlier version of this product; sync the source again.",
        );
    }
    if input.options.assignments == Carry::Map {
        check_assignments(odata_type(desired), &input.source.assignments)?;
    }
    let (Some(target), "officeSuiteApp") = (input.target, odata_type(desired)) else {
        return Ok(());
    };
    let says = |content: &Value, name: &str| {
        let text = content.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let kept =
        |name: &&&str| is_unset(desired.get(**name)) && !is_unset(target.content.get(**name));
    if let Some(name) = [FORMAT, XML].iter().find(kept) {
        return refuse(
            "immutable_differs",
            format!(
                "/{name} is set in the target and not in the source, and Graph does not take it back; make a new app in the target."
            ),
        );
    }
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

/// Assignments of apps say what they are, as in Microsoft's examples.
pub(super) fn shape_assignments(row: &PolicyType, assignments: &mut Value) {
    if row.adapter != Adapter::App {
        return;
    }
    for assignment in assignments.as_array_mut().into_iter().flatten() {
        if let Some(members) = body::members(assignment) {
            let kind = Value::String("#microsoft.graph.mobileAppAssignment".to_owned());
            members.insert("@odata.type".to_owned(), kind);
        }
    }
}

/// Whether a call has to wait until the service has published the app: it takes nothing but its
/// description before.
pub fn waits_for_publishing(row: &PolicyType, step: &WriteStep, live: &Value) -> bool {
    let state = live.get(STATE).and_then(Value::as_str);
    let later = step.name == parts::COMPLETE
        || matches!(step.kind, StepKind::ReplaceAction | StepKind::Link { .. });
    row.adapter == Adapter::App && later && state.is_some_and(|state| state != "published")
}
