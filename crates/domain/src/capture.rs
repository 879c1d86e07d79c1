//! Turns what Graph answered for one object into a [`CapturedPolicy`].
//!
//! Drops transport noise and server state, replaces secrets by markers, brings assignments into
//! normal form and lists every reference by its position. Keeps what it does not know. Judges
//! nothing: what equals what is [`crate::canonical`]'s business.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::canonical;
use crate::device_preparation;
use crate::enrollment_notification;
use crate::group_policy;
use crate::json::{self, pattern};
use crate::model::CapturedPolicy;
use crate::policy_type::{Adapter, Kinds, PolicyType, odata_type};
use crate::secret::{self, SecretKey};

mod assignments;
pub(crate) mod default_object;
mod identity;
pub(crate) mod noise;
mod one_object;
pub(crate) mod references;
mod secrets;
mod stored;
mod whole;

pub(crate) use identity::key as identity_key;
pub use one_object::one_object;
pub use stored::StoredVersion;
pub use whole::is_statement;

/// Deepest nesting that is captured; the deepest real policy nests 20 levels.
const MAX_DEPTH: usize = 100;
/// Longest name that is captured, in bytes: Intune's own limit is 1,000 characters, the index of
/// names ends at 2,700 bytes.
const MAX_NAME_BYTES: usize = 2_000;
/// Largest object that is captured, in bytes of JSON: Graph takes no request above 4 MB, so that a
/// larger one could never be written. The largest real policy at hand has half a megabyte.
const MAX_BYTES: usize = 4 * 1024 * 1024;
/// Most children of one kind that an object is captured with; the largest real policy at hand has 330
/// settings.
const MAX_CHILDREN: usize = 2_000;

/// One object as read: the item, its sub-collections, its assignments.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RawPolicy {
    /// The item (of the list, or of its own GET when the row asks for one).
    pub item: Value,
    /// By [`crate::policy_type::SubCollection::property`].
    pub sub_collections: BTreeMap<String, Vec<Value>>,
    /// `None` when the type has none.
    pub assignments: Option<Vec<Value>>,
}

/// Why an object cannot be captured. The object is recorded as unreadable; others go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CaptureError {
    /// Stable code: `not_an_object`, `id_missing`, `name_missing`, `too_deep`, `too_large`, `invalid_text`,
    /// `definition_missing`, `parts_incomplete`.
    pub code: &'static str,
    /// For the operator; names the path, never a value.
    pub message: String,
}

fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, CaptureError> {
    Err(CaptureError {
        code,
        message: message.into(),
    })
}

/// Captures one object.
pub fn capture(
    row: &PolicyType,
    raw: RawPolicy,
    secrets: &SecretKey,
) -> Result<CapturedPolicy, CaptureError> {
    check_limits(&raw)?;
    whole::check(row, &raw)?;
    let Value::Object(mut item) = raw.item else {
        return refuse(
            "not_an_object",
            "Graph answered something other than an object.",
        );
    };
    let external_id = external_id(&item)?;
    let display_name = match item.get(row.name_property) {
        Some(Value::String(name)) if !name.is_empty() => name.clone(),
        _ => {
            return refuse(
                "name_missing",
                format!("The object has no {}.", row.name_property),
            );
        }
    };
    if display_name.len() > MAX_NAME_BYTES {
        return refuse(
            "too_large",
            format!(
                "{} is longer than {MAX_NAME_BYTES} bytes.",
                row.name_property
            ),
        );
    }
    for (property, items) in raw.sub_collections {
        item.insert(property, Value::Array(items));
    }
    noise::strip_root(&mut item);
    let mut content = Value::Object(item);
    if row.adapter == Adapter::GroupPolicy {
        group_policy::reduce(&mut content)?;
    }
    if row.adapter == Adapter::DevicePreparation {
        device_preparation::open_apps(&mut content);
    }
    for (list, key) in row.keyed {
        if *key == "locale" {
            pattern::edit(&mut content, &format!("{list}[].{key}"), &mut lower_case);
        }
    }
    if row.adapter == Adapter::App {
        only_ids(&mut content, "categories");
    }
    if enrollment_notification::has_templates(row) {
        enrollment_notification::settle(&mut content);
    }
    noise::strip_transport(&mut content);
    if row.adapter == Adapter::ConditionalAccess {
        keep_only_id(&mut content, "grantControls.authenticationStrength");
    }
    secrets::replace(row, &mut content, secrets);
    for place in row.server_state {
        if !noise::names_token(place, &content) {
            pattern::remove(&mut content, place);
        }
    }
    let is_default = default_object::normalize(row, &external_id, &mut content);
    let assignments = match row.assignments {
        Some(_) if !is_default => assignments::normal_form(raw.assignments.unwrap_or_default()),
        _ => Value::Array(Vec::new()),
    };
    let mut policy = CapturedPolicy {
        policy_type: row.key.to_owned(),
        external_id,
        identity_key: identity::key(row, &display_name, &content),
        display_name,
        platform: row
            .platform_property
            .and_then(|place| pattern::get(&content, place))
            .and_then(Value::as_str)
            .map(str::to_owned),
        references: references::collect(row, &content, &assignments),
        has_secrets: !secret::find(&content).is_empty(),
        content,
        assignments,
        content_hash: String::new(),
    };
    policy.content_hash = canonical::content_hash(row, &policy);
    Ok(policy)
}

/// Whether an object of a (possibly shared) collection belongs to this row and is governed at all.
pub fn belongs(row: &PolicyType, item: &Value) -> bool {
    if !item.is_object() {
        return false;
    }
    let name = odata_type(item);
    let of_kind = match row.kinds {
        Kinds::All => true,
        Kinds::Only(names) => names.contains(&name),
        Kinds::Except(names) => !names.contains(&name),
        Kinds::OfTemplates(rule) => rule.covers(item),
        Kinds::NotOfTemplates(rule) => !rule.covers(item),
    };
    of_kind
        && !row.skip_when.iter().any(|(place, text)| {
            pattern::get(item, place).is_some_and(|value| json::canonical(value) == *text)
        })
}

/// The identity of a list item, for looking an object up by identity without reading it whole.
/// `None` when the item has no usable name.
pub fn identity_of_list_item(row: &PolicyType, item: &Value) -> Option<String> {
    let name = item.get(row.name_property)?.as_str()?;
    (!name.is_empty()).then(|| identity::key(row, name, item))
}

/// Whether a list item says enough to tell whether it is the object that is looked for: its name, and
/// its kind where the collection holds several. Of what does not, absence cannot be concluded.
pub fn tells_identity(row: &PolicyType, item: &Value) -> bool {
    let of_kinds = matches!(row.kinds, Kinds::Only(_));
    let kind_said = !of_kinds || !odata_type(item).is_empty();
    let elsewhere = kind_said && !belongs(row, item);
    elsewhere || (kind_said && item.get(row.name_property).is_some_and(Value::is_string))
}

/// Whether a list item is, or stands in the place of, the object of an identity: an app is the same
/// under any name.
pub fn is_identity(row: &PolicyType, item: &Value, identity_key: &str) -> bool {
    identity_of_list_item(row, item).as_deref() == Some(identity_key)
        || identity::is_same_app(row, identity_key, item)
}

/// Graph's ids are GUIDs, small integers or words joined by `_`; anything else would not be safe
/// in a path.
fn external_id(item: &Map<String, Value>) -> Result<String, CaptureError> {
    let Some(Value::String(id)) = item.get("id") else {
        return refuse("id_missing", "The object has no id.");
    };
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if id.is_empty() || id.len() > 256 || !id.bytes().all(safe) || id.starts_with('.') {
        return refuse("id_missing", "The object has no usable id.");
    }
    Ok(id.clone())
}

/// Graph expands a navigation property that is written by id alone.
fn keep_only_id(content: &mut Value, place: &str) {
    pattern::edit(content, place, &mut |value| {
        if let Value::Object(members) = value {
            members.retain(|name, _| name == "id");
        }
    });
}

/// Graph answers locales in lower case, however they were written.
fn lower_case(value: &mut Value) {
    if let Value::String(text) = value {
        text.make_ascii_lowercase();
    }
}

/// Objects that are linked and not owned: their ids. None is an answer too; one without an id stays as
/// it is, so that no call is built from it.
fn only_ids(content: &mut Value, member: &str) {
    let Value::Object(members) = content else {
        return;
    };
    let linked = members.remove(member);
    let ids = linked.as_ref().and_then(Value::as_array).into_iter();
    let ids = ids
        .flatten()
        .map(|one| one.get("id").unwrap_or(one).clone());
    members.insert(member.to_owned(), ids.collect());
}

fn check_limits(raw: &RawPolicy) -> Result<(), CaptureError> {
    let parts = || {
        std::iter::once(&raw.item)
            .chain(raw.sub_collections.values().flatten())
            .chain(raw.assignments.iter().flatten())
    };
    if parts().any(|part| json::deeper_than(part, MAX_DEPTH)) {
        return refuse(
            "too_deep",
            format!("The object nests deeper than {MAX_DEPTH} levels."),
        );
    }
    for (property, children) in &raw.sub_collections {
        if children.len() > MAX_CHILDREN {
            return refuse(
                "too_large",
                format!(
                    "/{property} has {} items; more than {MAX_CHILDREN} are not captured.",
                    children.len()
                ),
            );
        }
    }
    let mut bytes = 0_usize;
    for part in parts() {
        let mut nul = None;
        measure(part, "", &mut bytes, &mut nul);
        if let Some(pointer) = nul {
            return refuse(
                "invalid_text",
                format!("The text at {pointer} holds a NUL character."),
            );
        }
    }
    if bytes > MAX_BYTES {
        return refuse(
            "too_large",
            format!("The object is larger than {MAX_BYTES} bytes."),
        );
    }
    Ok(())
}

/// Adds up the bytes of texts, names and punctuation; remembers the first NUL character.
fn measure(value: &Value, pointer: &str, bytes: &mut usize, nul: &mut Option<String>) {
    let mut text = |text: &str, at: &str| {
        *bytes += text.len() + 3;
        if nul.is_none() && text.contains('\0') {
            *nul = Some(at.replace('\0', "?"));
        }
    };
    match value {
        Value::String(content) => text(content, pointer),
        Value::Array(items) => {
            *bytes += 2;
            for (index, item) in items.iter().enumerate() {
                measure(item, &json::below(pointer, index), bytes, nul);
            }
        }
        Value::Object(members) => {
            for name in members.keys() {
                text(name, pointer);
            }
            for (name, member) in members {
                measure(member, &json::below(pointer, name), bytes, nul);
            }
        }
        _ => *bytes += 6,
    }
}

#[cfg(test)]
mod capture_test;
