//! The canonical form of each facet and its fingerprint.
//!
//! Two policies are equal in a facet exactly when their fingerprints are equal and neither side is
//! uncertain there. Members that are null and members that are absent are one for every type here;
//! `""` is null in the description alone; what else is one stands in the type's row. Must not decide
//! what a difference means: that is [`crate::compare`]'s business.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::json::{self, pattern};
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::{Adapter, Link, PolicyType, REGISTRY_VERSION, known, links_of};
use crate::references::{Overrides, ReferenceCatalog};
use crate::{secret, steps};

mod catalog;
mod group_policy;
pub(crate) mod left_behind;
mod managed_apps;
mod payload;
mod token;
mod tree;

pub(crate) use group_policy::definition_value;
pub(crate) use managed_apps::is_derived;
pub(crate) use tree::flag_set;

/// Whose eyes read the references.
#[derive(Clone, Copy, Debug)]
pub enum Reading<'a> {
    /// Ids as they stand (to see whether one and the same object changed).
    Raw,
    /// By meaning, in the tenant of this catalogue.
    Meaning(&'a ReferenceCatalog),
    /// A source policy as it would stand in the target: overrides first, then by meaning.
    MeaningWith(&'a ReferenceCatalog, &'a Overrides),
}

/// Why equality cannot be told in a facet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Uncertainty {
    /// `reference_ambiguous`, `reference_unresolved`, `secret_not_comparable`, `unknown_value`.
    pub code: String,
    /// JSON Pointer.
    pub path: String,
    /// Kind and Graph's id (lower case) of the reference that is uncertain, where it is one: a
    /// mapping onto exactly this object settles it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<(String, String)>,
    /// Whether the tenant is known not to have the object of the reference any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// Fingerprints of the four facets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprints {
    /// Facet -> `sha256:` digest. A facet the type does not have is absent.
    pub facets: BTreeMap<Facet, String>,
    /// Facet -> what makes it uncertain; empty when all is certain.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub uncertain: BTreeMap<Facet, Vec<Uncertainty>>,
    /// Conditional Access `state`, kept out of the settings facet because options decide it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Ids of the keys under which secrets of this policy are fingerprinted: secrets under
    /// different keys cannot be compared.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub secret_keys: BTreeSet<String>,
    /// Properties that this product does not know -> digest of their value: never written, so that what
    /// differs there stays different.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, String>,
    /// What stays with the source's object (its row says which members) and stands here -> digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_behind: BTreeMap<String, String>,
    /// The registry under which the content was captured: by other rules, something else may have been
    /// read of the same object. `None`: before this was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<String>,
}

impl Fingerprints {
    /// Whether the content was captured by the rules of this build.
    pub fn is_current(&self) -> bool {
        self.registry.as_deref() == Some(REGISTRY_VERSION)
    }

    /// The same, of a content that was captured as long ago as that of `stored`.
    #[must_use]
    pub fn captured_as(self, stored: Option<&Self>) -> Self {
        Self {
            registry: stored.and_then(|stored| stored.registry.clone()),
            ..self
        }
    }
}

/// The canonical value of one facet: noise removed, sets sorted, keyed arrays keyed, payloads
/// decoded, references by meaning.
pub fn facet_value(
    row: &PolicyType,
    policy: &CapturedPolicy,
    facet: Facet,
    reading: Reading<'_>,
) -> Value {
    read(row, policy, facet, reading, &mut Vec::new())
}

/// Fingerprints of every facet the type has.
pub fn fingerprints(
    row: &PolicyType,
    policy: &CapturedPolicy,
    reading: Reading<'_>,
) -> Fingerprints {
    let mut prints = Fingerprints {
        state: state(row, policy).map(str::to_owned),
        secret_keys: secret_keys(&policy.content),
        left_behind: left_behind::standing(row, &policy.content),
        registry: Some(REGISTRY_VERSION.to_owned()),
        ..Fingerprints::default()
    };
    for facet in Facet::ALL {
        if !row.has_facet(facet) {
            continue;
        }
        let mut uncertain = Vec::new();
        let value = read(row, policy, facet, reading, &mut uncertain);
        uncertain.extend(unnamed(row, policy, facet));
        prints.facets.insert(facet, json::digest(&value));
        if facet == Facet::Settings {
            prints.unknown = unknown(row, &value);
        }
        if !uncertain.is_empty() {
            uncertain.sort();
            uncertain.dedup();
            prints.uncertain.insert(facet, uncertain);
        }
    }
    prints
}

/// A word that stands for any of several values equals nothing, not even itself.
fn unnamed(row: &PolicyType, policy: &CapturedPolicy, facet: Facet) -> Vec<Uncertainty> {
    let places = match facet {
        Facet::Settings => known::unnamed(row, &policy.content),
        Facet::Assignments => known::unnamed_anywhere(&policy.assignments)
            .into_iter()
            .map(|at| format!("/assignments{at}"))
            .collect(),
        Facet::ScopeTags | Facet::Description => Vec::new(),
    };
    let uncertain = |path| Uncertainty {
        code: "unknown_value".to_owned(),
        path,
        reference: None,
        gone: false,
    };
    places.into_iter().map(uncertain).collect()
}

/// The state of a Conditional Access policy.
pub(crate) fn state<'p>(row: &PolicyType, policy: &'p CapturedPolicy) -> Option<&'p str> {
    if row.adapter != Adapter::ConditionalAccess {
        return None;
    }
    policy.content.get("state").and_then(Value::as_str)
}

/// One digest of everything a policy says, ids as they stand.
pub(crate) fn content_hash(row: &PolicyType, policy: &CapturedPolicy) -> String {
    let facets: BTreeMap<Facet, Value> = Facet::ALL
        .into_iter()
        .filter(|facet| row.has_facet(*facet))
        .map(|facet| (facet, facet_value(row, policy, facet, Reading::Raw)))
        .collect();
    let mut covered = serde_json::json!({
        "name": policy.display_name,
        "state": state(row, policy),
        "facets": facets,
    });
    add_child_ids(row, policy, &mut covered);
    // What is told has to be told anew when it changes.
    let left_behind = left_behind::standing(row, &policy.content);
    if let (false, Value::Object(members)) = (left_behind.is_empty(), &mut covered) {
        members.insert("left_behind".to_owned(), serde_json::json!(left_behind));
    }
    // That there is no link says more than that nobody looked.
    let links = links_of(row, &policy.content);
    let read = |link: &Link| policy.content.get(link.property).is_some();
    if let (false, true, Value::Object(members)) =
        (links.is_empty(), links.iter().all(read), &mut covered)
    {
        members.insert("links".to_owned(), Value::Bool(true));
    }
    json::digest(&covered)
}

/// Adds the ids of children to what a digest covers: a child that was made anew is another one.
pub(crate) fn add_child_ids(row: &PolicyType, policy: &CapturedPolicy, covered: &mut Value) {
    let mut ids = BTreeSet::new();
    for place in row.child_ids {
        pattern::visit(&policy.content, place, &mut |_, value| {
            ids.insert(json::canonical(value).to_ascii_lowercase());
        });
    }
    if let (false, Value::Object(members)) = (ids.is_empty(), covered) {
        members.insert("child_ids".to_owned(), serde_json::json!(ids));
    }
}

fn read(
    row: &PolicyType,
    policy: &CapturedPolicy,
    facet: Facet,
    reading: Reading<'_>,
    uncertain: &mut Vec<Uncertainty>,
) -> Value {
    match facet {
        Facet::Settings => settings(row, policy, reading, uncertain),
        Facet::Assignments => {
            let mut value = policy.assignments.clone();
            if let Value::Array(items) = &mut value {
                for item in items.iter_mut() {
                    row.drop_fixed(item);
                }
            }
            token::replace(policy, facet, reading, &mut value, uncertain);
            tree::normalize(&mut value);
            if let Value::Array(items) = &mut value {
                json::sort_set(items);
            }
            value
        }
        Facet::ScopeTags => {
            let mut value = policy.content.clone();
            token::replace(policy, facet, reading, &mut value, uncertain);
            let tags = row.scope_tags.and_then(|property| value.get(property));
            let mut tags = tags.and_then(Value::as_array).cloned().unwrap_or_default();
            if tags.is_empty() {
                // A policy without tags gets tag 0 from the service.
                tags.push(Value::String("0".to_owned()));
            }
            json::sort_set(&mut tags);
            Value::Array(tags)
        }
        Facet::Description => match policy.content.get("description") {
            Some(text @ Value::String(_)) if text != "" => {
                let mut described = serde_json::json!({ "description": text });
                steps::replace_literals(row, &mut described, literals(reading));
                token::replace_sids(policy, facet, reading, &mut described, uncertain);
                described
                    .get_mut("description")
                    .map_or(Value::Null, Value::take)
            }
            _ => Value::Null,
        },
    }
}

fn settings(
    row: &PolicyType,
    policy: &CapturedPolicy,
    reading: Reading<'_>,
    uncertain: &mut Vec<Uncertainty>,
) -> Value {
    let mut value = policy.content.clone();
    left_behind::strip(row, &mut value);
    known::strip_computed(row, &mut value);
    if !matches!(reading, Reading::Raw) {
        for found in secret::find(&value) {
            if !found.comparable {
                uncertain.push(Uncertainty {
                    code: "secret_not_comparable".to_owned(),
                    path: found.pointer,
                    reference: None,
                    gone: false,
                });
            }
        }
    }
    for place in row.child_ids {
        pattern::remove(&mut value, place);
    }
    // Literals before references: the name of a referred object is not a text of this policy.
    steps::replace_literals(row, &mut value, literals(reading));
    token::replace_sids(policy, Facet::Settings, reading, &mut value, uncertain);
    payload::decode(row, &mut value);
    if row.adapter == Adapter::GroupPolicy {
        group_policy::arrange(&mut value, reading);
    }
    token::replace(policy, Facet::Settings, reading, &mut value, uncertain);
    if let Value::Object(members) = &mut value {
        members.remove(row.name_property);
        members.remove("description");
        if let Some(property) = row.scope_tags {
            members.remove(property);
        }
        if row.adapter == Adapter::ConditionalAccess {
            members.remove("state");
        }
    }
    for place in row.ignored {
        pattern::remove(&mut value, place);
    }
    // The tree has rules of its own: what stands in it are the texts that people typed.
    let settings = match (&mut value, row.catalog_tree()) {
        (Value::Object(members), Some(property)) => members.remove_entry(property),
        _ => None,
    };
    if row.adapter == Adapter::ManagedApps {
        managed_apps::drop_derived(&mut value);
    }
    tree::canonicalize(row, &mut value);
    if let (Value::Object(members), Some((property, settings))) = (&mut value, settings) {
        members.insert(property, catalog::tree(settings));
    }
    value
}

fn literals(reading: Reading<'_>) -> &BTreeMap<String, String> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    match reading {
        Reading::MeaningWith(_, overrides) => &overrides.literals,
        Reading::Raw | Reading::Meaning(_) => &NONE,
    }
}

fn unknown(row: &PolicyType, settings: &Value) -> BTreeMap<String, String> {
    known::unknown_in_form(row, settings)
        .into_iter()
        .filter_map(|place| {
            let digest = json::digest(settings.pointer(&place)?);
            Some((place, digest))
        })
        .collect()
}

fn secret_keys(content: &Value) -> BTreeSet<String> {
    secret::find(content)
        .into_iter()
        .filter_map(|found| {
            let marker = content.pointer(&found.pointer)?;
            let key = marker.get("$secret")?.get("key_id")?.as_str()?;
            Some(key.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod canonical_test;
