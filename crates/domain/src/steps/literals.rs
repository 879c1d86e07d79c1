//! Literals of the source tenant in what would be written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use crate::json::{self, pattern};
use crate::literal::{self, Needles, Replacements, What};
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::{self, PolicyType};
use crate::selection::{Carry, Options};

/// What is looked for in the texts of policies: made once, used for many.
#[derive(Debug)]
pub struct TextSearch(Needles);

/// Where something stands: paths (JSON Pointers into content or assignments).
pub type Places = BTreeSet<String>;

impl TextSearch {
    /// Literals, in every spelling.
    pub fn literals<'l>(literals: impl IntoIterator<Item = &'l str>) -> Self {
        Self(Needles::texts(literals))
    }

    /// Any GUID that stands in a text.
    pub fn ids() -> Self {
        Self(Needles::texts_and_ids([]))
    }

    /// Security identifiers of objects of the directory: what a capture looks for.
    pub fn security_identifiers() -> Self {
        Self(Needles::sids())
    }

    /// Literals with their places.
    ///
    /// The name is left out (it is the identity), and so are places that are references.
    pub fn literals_in(&self, policy: &CapturedPolicy, options: Options) -> BTreeMap<&str, Places> {
        let mut found: BTreeMap<&str, Places> = BTreeMap::new();
        each_carried_text(policy, options, &mut |pointer, text| {
            for what in literal::find(text, &self.0) {
                if let Some(literal) = self.0.text(what) {
                    found.entry(literal).or_default().insert(pointer.to_owned());
                }
            }
        });
        found
    }

    /// GUIDs with their places, by the same rule.
    pub fn ids_in(&self, policy: &CapturedPolicy, options: Options) -> BTreeMap<Uuid, Places> {
        let mut found: BTreeMap<Uuid, Places> = BTreeMap::new();
        each_carried_text(policy, options, &mut |pointer, text| {
            for what in literal::find(text, &self.0) {
                if let What::Any(id) = what {
                    found.entry(id).or_default().insert(pointer.to_owned());
                }
            }
        });
        found
    }
}

/// Literals that are mapped and cannot be replaced where they stand, with their places: no other
/// spelling of the same length and form is known for what they are mapped to.
pub(crate) fn irreplaceable<'l>(
    policy: &CapturedPolicy,
    literals: &'l BTreeMap<String, String>,
    options: Options,
) -> BTreeMap<String, Places> {
    let mut found: BTreeMap<String, Places> = BTreeMap::new();
    let replacements: Replacements<'l> = Replacements::of(literals);
    if replacements.is_empty() {
        return found;
    }
    each_carried_text(policy, options, &mut |pointer, text| {
        let mut written = text.to_owned();
        replacements.apply(&mut written);
        for literal in replacements.left(&written) {
            let places = found.entry(literal.to_owned()).or_default();
            places.insert(pointer.to_owned());
        }
    });
    found
}

/// Calls `visit` with every text that would be written as it stands, and its path.
fn each_carried_text(policy: &CapturedPolicy, options: Options, visit: &mut dyn FnMut(&str, &str)) {
    let row = policy_type::find(&policy.policy_type);
    let name = row.map(|row| json::below("", row.name_property));
    let mut search = |facets: &[Facet], value: &Value, name: Option<&str>| {
        let references: BTreeSet<&str> = policy
            .references
            .iter()
            .filter(|used| facets.contains(&used.facet) && used.within.is_none())
            .map(|used| used.path.as_str())
            .collect();
        json::each_text(value, "", &mut |pointer, text| {
            let is_reference = references.contains(pointer);
            if !is_reference && !pointer.ends_with("/@odata.type") && Some(pointer) != name {
                visit(pointer, text);
            }
        });
    };
    let of_content = [Facet::Settings, Facet::ScopeTags, Facet::Description];
    search(&of_content, &policy.content, name.as_deref());
    if options.assignments == Carry::Map {
        search(&[Facet::Assignments], &policy.assignments, None);
    }
}

/// Replaces literals in a content, in whatever spelling they stand; leaves the name, type names and
/// what the content holds besides.
pub(crate) fn replace(row: &PolicyType, content: &mut Value, literals: &BTreeMap<String, String>) {
    let replacements = Replacements::of(literals);
    if replacements.is_empty() {
        return;
    }
    let name = pattern::get(content, row.name_property).cloned();
    replace_texts(content, &replacements);
    if let (Value::Object(members), Some(name)) = (content, name) {
        members.insert(row.name_property.to_owned(), name);
    }
}

fn replace_texts(value: &mut Value, replacements: &Replacements<'_>) {
    match value {
        Value::String(text) => replacements.apply(text),
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace_texts(item, replacements)),
        Value::Object(members) => members
            .iter_mut()
            .filter(|(name, _)| name.as_str() != "@odata.type")
            .for_each(|(_, member)| replace_texts(member, replacements)),
        _ => {}
    }
}
