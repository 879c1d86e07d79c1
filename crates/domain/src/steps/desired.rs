//! What should stand in the target: the source's content with references landed, literals replaced,
//! scope tags, name and Conditional Access state as the options say.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::placeholder::created_by;
use super::{Landed, StepError, StepInput, empties, literals, refuse};
use crate::canonical::left_behind;
use crate::compare::landing_state;
use crate::group_policy;
use crate::json::{self, pattern};
use crate::literal;
use crate::model::{Facet, ReferenceUse};
use crate::policy_type::{Adapter, known};
use crate::references::{self, is_constant};
use crate::rollout;
use crate::selection::Carry;

/// The policy as wanted, letter case of the source kept.
pub(super) struct Desired {
    pub content: Value,
    /// Meaningful under `map` only.
    pub assignments: Value,
}

pub(super) fn desired(input: &StepInput<'_>) -> Result<Desired, StepError> {
    let row = input.row;
    let mut content = input.source.content.clone();
    known::strip(row, &mut content);
    left_behind::strip(row, &mut content);
    literals::replace(row, &mut content, &input.overrides.literals);
    land(input, Facet::Settings, &mut content)?;
    land(input, Facet::Description, &mut content)?;
    if row.adapter == Adapter::GroupPolicy {
        group_policy::forget_foreign_presentations(&mut content, &input.source.content);
    }
    if input.options.scope_tags == Carry::Map {
        land(input, Facet::ScopeTags, &mut content)?;
    }
    // Places are counted by position: what is left out goes when everything has landed.
    empties::drop(row, &mut content)?;
    for place in row.sets {
        pattern::edit(&mut content, place, &mut drop_repeats);
    }
    for place in row.child_ids {
        pattern::remove(&mut content, place);
    }
    let standing = input.target.map(|target| &target.content);
    let choice = input.options.feature_update_rollout;
    let start = input.adjustments.rollout_start;
    rollout::settle(row, &mut content, standing, choice, start);
    let Value::Object(members) = &mut content else {
        return refuse(
            "invalid_for_create",
            "The captured content is not an object.",
        );
    };
    if let Some(property) = row.scope_tags {
        let tags = scope_tags(input, members, property);
        members.insert(property.to_owned(), tags);
    }
    if let (Some(property), Some(rank)) = (row.priority, input.adjustments.rank) {
        members.insert(property.to_owned(), Value::from(rank));
    }
    if let Some(target) = input.target {
        members.insert(
            row.name_property.to_owned(),
            Value::String(target.display_name.clone()),
        );
    }
    if row.adapter == Adapter::ConditionalAccess {
        let state = members.get("state").and_then(Value::as_str);
        let state = landing_state(
            input.options.conditional_access_state,
            state.unwrap_or("disabled"),
        );
        members.insert("state".to_owned(), Value::String(state));
    }
    let mut assignments = input.source.assignments.clone();
    if row.assignments.is_some() && input.options.assignments == Carry::Map {
        land(input, Facet::Assignments, &mut assignments)?;
        if let Value::Array(items) = &mut assignments {
            for item in items.iter_mut() {
                row.say_fixed(item);
            }
            json::sort_set(items);
        }
    }
    Ok(Desired {
        content,
        assignments,
    })
}

fn scope_tags(input: &StepInput<'_>, members: &Map<String, Value>, property: &str) -> Value {
    let source = match (input.options.scope_tags, input.target) {
        (Carry::Map, _) => members.get(property),
        (Carry::KeepTarget, Some(target)) => target.content.get(property),
        (Carry::KeepTarget, None) => None,
    };
    let mut tags = source
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    tags.retain(|tag| tag.as_str().is_some_and(|tag| !tag.trim().is_empty()));
    if tags.is_empty() {
        // Tag 0 is what the service gives when nothing is sent; said outright, it is certain.
        tags.push(Value::String("0".to_owned()));
    }
    json::sort_set(&mut tags);
    Value::Array(tags)
}

fn land(input: &StepInput<'_>, facet: Facet, value: &mut Value) -> Result<(), StepError> {
    for used in input
        .source
        .references
        .iter()
        .filter(|used| used.facet == facet)
    {
        let landed = landed(input, used)?;
        if used.within.is_some() {
            continue;
        }
        if let Some(place) = value.pointer_mut(&used.path) {
            *place = Value::String(landed);
        }
    }
    let mut strange = None;
    references::rewrite_sids(input.source, facet, value, &mut |used| {
        let landed = landed(input, used).ok()?;
        let id = Uuid::try_parse(&landed).ok();
        if id.is_none() {
            strange = Some(used.path.clone());
        }
        id.map(literal::sid_of)
    });
    match strange {
        None => Ok(()),
        Some(path) => refuse(
            "reference_not_landed",
            format!("{path} names an object whose id in the target is no GUID."),
        ),
    }
}

fn landed(input: &StepInput<'_>, used: &ReferenceUse) -> Result<String, StepError> {
    let key = (used.kind.clone(), used.external_id.to_ascii_lowercase());
    match input.landing.get(&key) {
        Some(Landed::Id(id)) => Ok(id.clone()),
        Some(Landed::CreatedByPlan(subject)) => Ok(created_by(subject)),
        None if is_constant(&used.kind, &used.external_id) => Ok(used.external_id.clone()),
        None => refuse(
            "reference_not_landed",
            format!(
                "{} points to a {} that is not known in the target.",
                used.path, used.kind
            ),
        ),
    }
}

/// Two source objects may land on one target object: a set names it once.
fn drop_repeats(value: &mut Value) {
    if let Value::Array(items) = value {
        let mut kept: Vec<Value> = Vec::with_capacity(items.len());
        for item in std::mem::take(items) {
            if !kept.contains(&item) {
                kept.push(item);
            }
        }
        *items = kept;
    }
}
