//! The call that brings the values of an administrative template policy: one for what is to be
//! added, changed and removed, worked out by definition.
//!
//! What such a call did is never guessed: right before every sending it is made anew from what
//! stands there, so that nothing is added twice and nothing is missing in the end.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::{Map, Value, json};

use super::{StepError, StepKind, WriteStep, refuse, step};
use crate::canonical;
use crate::group_policy::{PRESENTATIONS, VALUES, definition_id, definition_name, label, text_of};
use crate::json;
use crate::policy_type::{PolicyType, odata_type};

/// Name of the step.
pub(super) const STEP: &str = "definition_values";
/// Its action below the item.
pub(super) const ACTION: &str = "updateDefinitionValues";

/// Adds the call where values differ.
pub(super) fn write(
    row: &PolicyType,
    content: &Value,
    target: Option<&Value>,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    if let Some(body) = body(content, target.unwrap_or(&Value::Null))? {
        let below = format!("/{{item}}/{ACTION}");
        let kind = StepKind::ChangeChildren;
        steps.push(step(row, STEP, kind, "POST", &below, Some(body)));
    }
    Ok(())
}

/// The step as it is to be sent to what is live; `None` when nothing of it is left to do.
pub fn remaining(
    step: &WriteStep,
    expected: &Value,
    live: &Value,
) -> Result<Option<WriteStep>, StepError> {
    let body = body(expected, live)?;
    Ok(body.map(|body| WriteStep {
        body: Some(body),
        ..step.clone()
    }))
}

fn body(wanted: &Value, standing: &Value) -> Result<Option<Value>, StepError> {
    let mut superfluous = Vec::new();
    let mut there: BTreeMap<String, &Value> = BTreeMap::new();
    for (id, value) in values(standing) {
        // Were a definition there twice, one of them would be too many.
        match there.entry(id) {
            Entry::Vacant(place) => {
                place.insert(value);
            }
            Entry::Occupied(_) => superfluous.push(value),
        }
    }
    let mut added = Vec::new();
    let mut updated = Vec::new();
    let mut seen: BTreeMap<String, &Value> = BTreeMap::new();
    for (id, value) in values(wanted) {
        if seen.insert(id, value).is_some() {
            return refuse(
                "invalid_for_create",
                format!(
                    "/{VALUES} sets {:?} twice.",
                    value
                        .get("definition")
                        .map(definition_name)
                        .unwrap_or_default()
                ),
            );
        }
    }
    for (id, value) in &seen {
        match there.remove(id) {
            None => added.push(item(value, None)?),
            Some(has) if canonical::definition_value(has) != canonical::definition_value(value) => {
                updated.push(item(value, Some(has))?);
            }
            Some(_) => {}
        }
    }
    superfluous.extend(there.into_values());
    let mut deleted = Vec::with_capacity(superfluous.len());
    for value in superfluous {
        deleted.push(child_id(value)?);
    }
    json::sort_set(&mut deleted);
    if added.is_empty() && updated.is_empty() && deleted.is_empty() {
        return Ok(None);
    }
    Ok(Some(
        json!({"added": added, "updated": updated, "deletedIds": deleted}),
    ))
}

/// The values of a content by their definition.
fn values(content: &Value) -> impl Iterator<Item = (String, &Value)> {
    let values = content.get(VALUES).and_then(Value::as_array);
    values
        .into_iter()
        .flatten()
        .map(|value| (value.get("definition").map(definition_id), value))
        .map(|(id, value)| (id.unwrap_or_default(), value))
}

/// One value as the call takes it; `there` is the one it changes.
fn item(value: &Value, there: Option<&Value>) -> Result<Value, StepError> {
    let definition = value.get("definition").unwrap_or(&Value::Null);
    let Some(id) = safe_id(text_of(definition, "id")) else {
        return refuse(
            "invalid_for_create",
            format!("/{VALUES} names a definition without a usable id."),
        );
    };
    let link = format!("$graph:/deviceManagement/groupPolicyDefinitions('{id}')");
    let mut item = Map::new();
    if let Some(there) = there {
        item.insert("id".to_owned(), child_id(there)?);
    }
    let enabled = value.get("enabled").cloned().unwrap_or(Value::Bool(false));
    item.insert("enabled".to_owned(), enabled);
    if let Some(kind) = value.get("configurationType")
        && kind.as_str().is_some_and(|kind| kind != "policy")
    {
        item.insert("configurationType".to_owned(), kind.clone());
    }
    item.insert("definition@odata.bind".to_owned(), json!(link));
    let standing = inner(there.unwrap_or(&Value::Null));
    let mut presentations = Vec::new();
    for value in inner(value) {
        presentations.push(presentation(value, standing, definition, &link)?);
    }
    item.insert(PRESENTATIONS.to_owned(), Value::Array(presentations));
    Ok(Value::Object(item))
}

fn inner(value: &Value) -> &[Value] {
    value
        .get(PRESENTATIONS)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

fn presentation(
    value: &Value,
    standing: &[Value],
    definition: &Value,
    link: &str,
) -> Result<Value, StepError> {
    let kind = value.get("@odata.type").filter(|kind| kind.is_string());
    let Some(kind) = kind else {
        return refuse(
            "invalid_for_create",
            format!(
                "The value of {:?} in {:?} does not say its type; sync the source again.",
                label(value),
                definition_name(definition)
            ),
        );
    };
    let mut body = Map::new();
    body.insert("@odata.type".to_owned(), kind.clone());
    let id = value
        .get("presentation")
        .map_or("", |one| text_of(one, "id"));
    let same = standing.iter().find(|there| {
        let at = there
            .get("presentation")
            .map_or("", |one| text_of(one, "id"));
        at.eq_ignore_ascii_case(id) && odata_type(there) == odata_type(value)
    });
    if let Some(there) = same.filter(|_| !id.is_empty()) {
        body.insert("id".to_owned(), child_id(there)?);
    }
    let bind = match safe_id(id) {
        Some(id) => format!("{link}/presentations('{id}')"),
        // Its id is looked up in the target before anything is sent.
        None => format!("$presentation:{}", label(value)),
    };
    body.insert("presentation@odata.bind".to_owned(), Value::String(bind));
    for member in ["value", "values"] {
        if let Some(said) = value.get(member) {
            body.insert(member.to_owned(), said.clone());
        }
    }
    Ok(Value::Object(body))
}

fn child_id(value: &Value) -> Result<Value, StepError> {
    match value.get("id").filter(|id| id.is_string()) {
        Some(id) => Ok(id.clone()),
        None => refuse(
            "invalid_for_create",
            format!("/{VALUES} of the target holds a value without an id; sync the target again."),
        ),
    }
}

/// An id that can stand in an address.
fn safe_id(id: &str) -> Option<&str> {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (!id.is_empty() && id.len() <= 128 && id.bytes().all(safe)).then_some(id)
}
