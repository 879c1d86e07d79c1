//! What an administrative template (ADMX) policy is made of: values of definitions, and in each the
//! values of its presentations (text boxes, lists, check boxes).
//!
//! A definition is known by class, path and name, a presentation by its label: the ids of uploaded
//! ADMX files are made anew with every upload. Decides what is kept of both and what they are called;
//! what is written is [`crate::steps`]' business.

use serde_json::{Map, Value};

use crate::canonical;
use crate::capture::CaptureError;
use crate::json;
use crate::policy_type::odata_type;
use crate::references::{Overrides, ReferenceObject};

/// Member with the values of definitions.
pub(crate) const VALUES: &str = "definitionValues";
/// Member of such a value with the values of presentations.
pub(crate) const PRESENTATIONS: &str = "presentationValues";
/// Reference kind of a definition that came with an uploaded ADMX file.
pub const DEFINITION: &str = "group_policy_definition";
/// Reference kind of a definition that every tenant has.
pub const BUILT_IN_DEFINITION: &str = "built_in_group_policy_definition";

const DEFINITION_MEMBERS: &[&str] = &[
    "id",
    "classType",
    "categoryPath",
    "displayName",
    "policyType",
];
const PRESENTATION_MEMBERS: &[&str] = &["id", "label"];
/// Stamps of the service on every value.
const STAMPS: &[&str] = &["createdDateTime", "lastModifiedDateTime"];

/// Keeps of every definition and presentation what tells it. A value that names none cannot be
/// carried and makes the object unreadable.
pub(crate) fn reduce(content: &mut Value) -> Result<(), CaptureError> {
    let Some(Value::Array(values)) = content.get_mut(VALUES) else {
        return Ok(());
    };
    for (index, value) in values.iter_mut().enumerate() {
        let at = json::below(&json::below("", VALUES), index);
        reduce_one(value, "definition", DEFINITION_MEMBERS, &at)?;
        let Some(Value::Array(inner)) = value.get_mut(PRESENTATIONS) else {
            continue;
        };
        for (index, value) in inner.iter_mut().enumerate() {
            let at = json::below(&json::below(&at, PRESENTATIONS), index);
            reduce_one(value, "presentation", PRESENTATION_MEMBERS, &at)?;
        }
    }
    Ok(())
}

/// Reduces what a value is a value of; where it was written as a link, its id is all that is known.
fn reduce_one(
    value: &mut Value,
    member: &str,
    kept: &[&str],
    at: &str,
) -> Result<(), CaptureError> {
    let unnamed = || CaptureError {
        code: "definition_missing",
        message: format!("The value at {at} does not say what {member} it is of."),
    };
    let Value::Object(members) = value else {
        return Err(unnamed());
    };
    let link = members.remove(&format!("{member}@odata.bind"));
    let mut of = match members.remove(member) {
        Some(Value::Object(of)) => of,
        _ => Map::new(),
    };
    of.retain(|name, _| kept.contains(&name.as_str()));
    if let (false, Some(id)) = (has_id(&of), link.as_ref().and_then(last_key)) {
        of.insert("id".to_owned(), Value::String(id.to_owned()));
    }
    if !has_id(&of) {
        return Err(unnamed());
    }
    members.retain(|name, _| !STAMPS.contains(&name.as_str()));
    members.insert(member.to_owned(), Value::Object(of));
    Ok(())
}

fn has_id(of: &Map<String, Value>) -> bool {
    of.get("id")
        .and_then(Value::as_str)
        .is_some_and(|id| !id.is_empty())
}

/// The last key of a link: `..groupPolicyDefinitions('a')/presentations('b')` names `b`.
fn last_key(link: &Value) -> Option<&str> {
    let text = link.as_str()?.strip_suffix("')")?;
    text.rsplit_once("('").map(|(_, key)| key)
}

/// Calls `visit` with kind, pointer and id of every definition that the content names.
pub(crate) fn definitions(content: &Value, visit: &mut dyn FnMut(&'static str, &str, &Value)) {
    let values = content.get(VALUES).and_then(Value::as_array);
    for (index, value) in values.into_iter().flatten().enumerate() {
        let Some(definition) = value.get("definition") else {
            continue;
        };
        if let Some(id) = definition.get("id") {
            let at = json::below(&json::below("", VALUES), index);
            let pointer = json::below(&json::below(&at, "definition"), "id");
            let kind = if is_built_in(definition) {
                BUILT_IN_DEFINITION
            } else {
                DEFINITION
            };
            visit(kind, &pointer, id);
        }
    }
}

/// Whether every tenant has the definition, and under the same id.
fn is_built_in(definition: &Value) -> bool {
    definition.get("policyType").and_then(Value::as_str) == Some("admxBacked")
}

/// Gives definitions that the request maps by hand the names of what they are mapped to.
pub(crate) fn rename(content: &mut Value, overrides: &Overrides) {
    let Some(Value::Array(values)) = content.get_mut(VALUES) else {
        return;
    };
    for definition in values
        .iter_mut()
        .filter_map(|value| value.get_mut("definition"))
    {
        let id = text_of(definition, "id").to_ascii_lowercase();
        let chosen = [DEFINITION, BUILT_IN_DEFINITION]
            .iter()
            .find_map(|kind| overrides.references.get(&((*kind).to_owned(), id.clone())));
        if let (Some(chosen), Value::Object(members)) = (chosen, definition) {
            members.extend(names_of(&chosen.object));
        }
    }
}

/// Class, path and name of a definition as its reference carries them.
fn names_of(object: &ReferenceObject) -> [(String, Value); 3] {
    let (class, path) = object
        .discriminator
        .split_once('/')
        .unwrap_or((object.discriminator.as_str(), ""));
    let name = object.name.clone().unwrap_or_default();
    [
        ("classType".to_owned(), Value::String(class.to_owned())),
        ("categoryPath".to_owned(), Value::String(path.to_owned())),
        ("displayName".to_owned(), Value::String(name)),
    ]
}

/// Class, path and name in one line; the id where none of them is known.
pub(crate) fn definition_name(definition: &Value) -> String {
    let name = text_of(definition, "displayName");
    if name.is_empty() {
        return definition_id(definition);
    }
    let class = text_of(definition, "classType");
    let path = text_of(definition, "categoryPath").trim_matches('\\');
    [class, path, name].join("\\")
}

/// The id of a definition in one spelling.
pub(crate) fn definition_id(definition: &Value) -> String {
    text_of(definition, "id").to_ascii_lowercase()
}

/// What a presentation is called.
pub(crate) fn label(presentation_value: &Value) -> &str {
    let presentation = presentation_value.get("presentation");
    presentation.map_or("", |presentation| text_of(presentation, "label").trim())
}

pub(crate) fn text_of<'v>(value: &'v Value, member: &str) -> &'v str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// Forgets the ids of presentations whose definition is another object in the target: they are
/// found there by their labels, right before the write.
pub(crate) fn forget_foreign_presentations(content: &mut Value, source: &Value) {
    let before = source.get(VALUES).and_then(Value::as_array);
    let Some(Value::Array(values)) = content.get_mut(VALUES) else {
        return;
    };
    for (value, before) in values.iter_mut().zip(before.into_iter().flatten()) {
        let id = |value: &Value| value.get("definition").map(definition_id);
        if id(value) == id(before) {
            continue;
        }
        let Some(Value::Array(inner)) = value.get_mut(PRESENTATIONS) else {
            continue;
        };
        for presentation in inner
            .iter_mut()
            .filter_map(|value| value.get_mut("presentation")?.as_object_mut())
        {
            presentation.remove("id");
        }
    }
}

/// Graph's ids of the definitions in whose presentations labels have to be looked up.
pub fn unlabelled(content: &Value) -> Vec<String> {
    let values = content.get(VALUES).and_then(Value::as_array);
    let mut ids: Vec<String> = values
        .into_iter()
        .flatten()
        .filter(|value| {
            let inner = value.get(PRESENTATIONS).and_then(Value::as_array);
            inner.into_iter().flatten().any(is_open)
        })
        .filter_map(|value| Some(text_of(value.get("definition")?, "id").to_owned()))
        .collect();
    ids.sort();
    ids.dedup();
    ids
}

fn is_open(presentation_value: &Value) -> bool {
    presentation_value
        .get("presentation")
        .is_some_and(|presentation| text_of(presentation, "id").is_empty())
}

/// Gives every presentation of a definition that has no id the one of the target's presentation of
/// its label; the error says which one cannot be told.
pub fn label_presentations(
    content: &mut Value,
    definition: &str,
    presentations: &[Value],
) -> Result<(), String> {
    let Some(Value::Array(values)) = content.get_mut(VALUES) else {
        return Ok(());
    };
    for value in values {
        let of = value.get("definition").cloned().unwrap_or_default();
        if !text_of(&of, "id").eq_ignore_ascii_case(definition) {
            continue;
        }
        let Some(Value::Array(inner)) = value.get_mut(PRESENTATIONS) else {
            continue;
        };
        for one in inner.iter_mut().filter(|one| is_open(one)) {
            let found: Vec<&str> = presentations
                .iter()
                .filter(|there| text_of(there, "label").trim() == label(one) && takes(there, one))
                .map(|there| text_of(there, "id"))
                .filter(|id| !id.is_empty())
                .collect();
            let [id] = found[..] else {
                return Err(format!(
                    "The definition {:?} of the target has {} fields {:?} that take this value; it has to have one.",
                    definition_name(&of),
                    found.len(),
                    label(one),
                ));
            };
            let id = Value::String(id.to_owned());
            if let Some(presentation) = one.get_mut("presentation").and_then(Value::as_object_mut) {
                presentation.insert("id".to_owned(), id);
            }
        }
    }
    Ok(())
}

/// Whether a presentation takes values of this type; one that does not say its type may.
fn takes(presentation: &Value, value: &Value) -> bool {
    let fields: &[&str] = match odata_type(value) {
        "groupPolicyPresentationValueBoolean" => &["groupPolicyPresentationCheckBox"],
        "groupPolicyPresentationValueDecimal" => &["groupPolicyPresentationDecimalTextBox"],
        "groupPolicyPresentationValueLongDecimal" => &["groupPolicyPresentationLongDecimalTextBox"],
        "groupPolicyPresentationValueList" => &["groupPolicyPresentationListBox"],
        "groupPolicyPresentationValueMultiText" => &["groupPolicyPresentationMultiTextBox"],
        "groupPolicyPresentationValueText" => &[
            "groupPolicyPresentationTextBox",
            "groupPolicyPresentationDropdownList",
            "groupPolicyPresentationComboBox",
        ],
        _ => return true,
    };
    let field = odata_type(presentation);
    field.is_empty() || fields.contains(&field)
}

/// What stands between two steps: of every definition what is live, where that is as it was reviewed
/// or as it is planned, and otherwise what is planned.
pub fn between(reviewed: &Value, expected: &Value, live: &Value) -> Vec<Value> {
    let list = |content: &Value| -> Vec<(String, Value)> {
        let values = content.get(VALUES).and_then(Value::as_array);
        values
            .into_iter()
            .flatten()
            .map(|value| (value.get("definition").map(definition_id), value.clone()))
            .map(|(id, value)| (id.unwrap_or_default(), value))
            .collect()
    };
    let (was, will, is) = (list(reviewed), list(expected), list(live));
    let says = |side: &[(String, Value)], id: &str, value: &Value| {
        side.iter().any(|(of, there)| {
            of == id && canonical::definition_value(there) == canonical::definition_value(value)
        })
    };
    let has = |side: &[(String, Value)], id: &str| side.iter().any(|(of, _)| of == id);
    let mut between = Vec::new();
    for (id, value) in &is {
        if says(&was, id, value) || says(&will, id, value) {
            between.push(value.clone());
        }
    }
    for (id, value) in &will {
        // What is planned and not there yet is no difference, unless it stood there when reviewed.
        let pending = !has(&is, id) && !has(&was, id);
        let shown = is
            .iter()
            .any(|(of, there)| of == id && (says(&was, id, there) || says(&will, id, there)));
        if !pending && !shown {
            between.push(value.clone());
        }
    }
    between
}
