//! Literals of the source tenant in what would be written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::canonical::{Payload, each_payload};
use crate::json::{self, pattern};
use crate::literal;
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::{self, PolicyType};
use crate::selection::{Carry, Options};

/// Paths (JSON Pointers into content or assignments) where the texts of `literals` stand, alone or
/// inside a longer string, ignoring ASCII case: `(path, literal)`.
///
/// The name is left out (it is the identity), and so are places that hold references.
pub fn literal_paths(
    policy: &CapturedPolicy,
    literals: &[String],
    options: Options,
) -> Vec<(String, String)> {
    if literals.is_empty() {
        return Vec::new();
    }
    let row = policy_type::find(&policy.policy_type);
    let mut found = BTreeSet::new();
    let mut search = |facets: &[Facet], value: &Value| {
        let references: BTreeSet<&str> = policy
            .references
            .iter()
            .filter(|used| facets.contains(&used.facet))
            .map(|used| used.path.as_str())
            .collect();
        json::each_text(value, "", &mut |pointer, text| {
            if references.contains(pointer) || pointer.ends_with("/@odata.type") {
                return;
            }
            for (_, literal) in literal::find(text, &literals.iter().map(String::as_str)) {
                found.insert((pointer.to_owned(), literal.to_owned()));
            }
        });
    };
    let mut content = policy.content.clone();
    if let Some(row) = row {
        pattern::remove(&mut content, row.name_property);
        each_payload(row, &mut content, &mut |value| {
            if let Value::String(text) = value
                && let Some(payload) = Payload::read(text)
            {
                *text = payload.text;
            }
        });
    }
    search(&[Facet::Settings, Facet::ScopeTags], &content);
    if options.assignments == Carry::Map {
        search(&[Facet::Assignments], &policy.assignments);
    }
    found.into_iter().collect()
}

/// Replaces literals in a content, inside base64 payloads too; leaves the name and type names.
pub(super) fn replace(row: &PolicyType, content: &mut Value, literals: &BTreeMap<String, String>) {
    if literals.is_empty() {
        return;
    }
    let name = content.get(row.name_property).cloned();
    each_payload(row, content, &mut |value| {
        if let Value::String(text) = value
            && let Some(payload) = Payload::read(text)
        {
            let changed = literal::replaced(&payload.text, literals);
            if changed != payload.text {
                *text = payload.write(&changed);
            }
        }
    });
    replace_texts(content, literals);
    if let (Value::Object(members), Some(name)) = (content, name) {
        members.insert(row.name_property.to_owned(), name);
    }
}

fn replace_texts(value: &mut Value, literals: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => *text = literal::replaced(text, literals),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace_texts(item, literals)),
        Value::Object(members) => members
            .iter_mut()
            .filter(|(name, _)| name.as_str() != "@odata.type")
            .for_each(|(_, member)| replace_texts(member, literals)),
        _ => {}
    }
}
