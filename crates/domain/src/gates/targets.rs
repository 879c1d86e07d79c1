//! Objects of the source that become one in the target, where the policy treats them differently.
//!
//! Graph takes one assignment for a group. Two groups of the source that land on one group with other
//! filters, settings or directions would be refused after the object was made; in Conditional Access a
//! group that is included and excluded at once is taken, and the policy then reaches nobody.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::json::pattern;
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::{Adapter, PolicyType, odata_type};
use crate::preflight::{Holds, PreflightInput};
use crate::selection::Carry;
use crate::steps::{Landed, Landing};

const CODE: &str = "targets_collide";
const GROUP: &str = "group";
const FILTER: &str = "assignment_filter";
const FILTER_ID: &str = "deviceAndAppManagementAssignmentFilterId";

/// Holds a subject two of whose objects land on one.
pub(super) fn hold(
    input: &PreflightInput<'_>,
    row: &PolicyType,
    source: &CapturedPolicy,
    landing: &Landing,
    holds: &mut Holds,
) {
    if row.assignments.is_some() && input.selection.options.assignments == Carry::Map {
        hold_assignments(input, row, source, landing, holds);
    }
    if row.adapter == Adapter::ConditionalAccess {
        hold_conditions(input, source, landing, holds);
    }
}

fn hold_assignments(
    input: &PreflightInput<'_>,
    row: &PolicyType,
    source: &CapturedPolicy,
    landing: &Landing,
    holds: &mut Holds,
) {
    // Whom an assignment reaches -> how, and the names that the source has for it.
    let mut reached: BTreeMap<String, Vec<(Value, String)>> = BTreeMap::new();
    let assignments = source.assignments.as_array();
    for (index, assignment) in assignments.into_iter().flatten().enumerate() {
        let kind = pattern::get(assignment, "target").map_or("", odata_type);
        let group = pattern::get(assignment, "target.groupId").and_then(Value::as_str);
        let blank = group.is_none_or(|id| id.trim().is_empty());
        if kind.to_ascii_lowercase().ends_with("groupassignmenttarget") && blank {
            let text = format!(
                "/assignments/{index}/target/groupId is empty; Graph refuses an assignment to no group. \
                 Remove it in the source."
            );
            holds.block("empty_value", text);
            continue;
        }
        let Some(group) = group else { continue };
        let mut how = assignment.clone();
        land(&mut how, "groupId", GROUP, landing);
        land(&mut how, FILTER_ID, FILTER, landing);
        // An app is offered to a group and required of it by two assignments.
        let intent = match row.adapter {
            Adapter::App => pattern::get(assignment, "intent").and_then(Value::as_str),
            _ => None,
        };
        let whom = format!(
            "{} {}",
            landed(landing, GROUP, group),
            intent.unwrap_or_default()
        );
        let name = name_of(input, GROUP, group);
        reached.entry(whom).or_default().push((how, name));
    }
    for ways in reached.values() {
        let Some(((first, _), rest)) = ways.split_first() else {
            continue;
        };
        if rest.iter().all(|(how, _)| how == first) {
            continue;
        }
        let names: Vec<String> = ways.iter().map(|(_, name)| format!("{name:?}")).collect();
        let text = format!(
            "/assignments: the groups {} of the source land on one group of the target, with another \
             filter, setting or direction each; Graph takes one assignment for a group. Map one of them \
             to another group.",
            names.join(" and ")
        );
        holds.manual(CODE, text);
    }
}

fn hold_conditions(
    input: &PreflightInput<'_>,
    source: &CapturedPolicy,
    landing: &Landing,
    holds: &mut Holds,
) {
    let uses = || {
        source
            .references
            .iter()
            .filter(|used| used.facet == Facet::Settings)
    };
    for excluded in uses().filter(|used| used.exclusion) {
        let place = landed(landing, &excluded.kind, &excluded.external_id);
        let other = uses().find(|used| {
            !used.exclusion
                && used.kind == excluded.kind
                && !used.external_id.eq_ignore_ascii_case(&excluded.external_id)
                && landed(landing, &used.kind, &used.external_id) == place
        });
        let Some(included) = other else { continue };
        let name = |id: &str| name_of(input, &excluded.kind, id);
        let text = format!(
            "{} includes {:?} and {} excludes {:?}, and both land on one {} of the target: the policy \
             would reach none of it. Map one of them to another.",
            included.path,
            name(&included.external_id),
            excluded.path,
            name(&excluded.external_id),
            excluded.kind
        );
        holds.manual(CODE, text);
    }
}

fn land(assignment: &mut Value, member: &str, kind: &str, landing: &Landing) {
    pattern::edit(assignment, &format!("target.{member}"), &mut |value| {
        if let Some(id) = value.as_str() {
            *value = Value::String(landed(landing, kind, id));
        }
    });
}

/// Where an id lands; one that means the same everywhere stays.
fn landed(landing: &Landing, kind: &str, id: &str) -> String {
    let id = id.to_ascii_lowercase();
    match landing.get(&(kind.to_owned(), id.clone())) {
        Some(Landed::Id(there)) => there.to_ascii_lowercase(),
        Some(Landed::CreatedByPlan(subject)) => subject.clone(),
        None => id,
    }
}

fn name_of(input: &PreflightInput<'_>, kind: &str, id: &str) -> String {
    let known = input.source_catalog.by_external_id(kind, id);
    let name = known.and_then(|object| object.name.clone());
    name.unwrap_or_else(|| id.to_owned())
}
