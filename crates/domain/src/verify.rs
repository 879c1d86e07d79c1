//! Compares what was read back with what was planned, and what is live with what was reviewed.
//!
//! Both sides are read raw, in the target's own ids: by meaning is [`crate::compare`]'s way.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::canonical::{self, Reading};
use crate::json::{self, pattern};
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::{PolicyType, UpdateVerb};
use crate::selection::{Carry, Options};
use crate::{secret, steps};

/// What a promotion may overwrite of an object, as one fingerprint: settings, description, name and
/// scope tags always, assignments only when they are mapped. Raw ids: it says "the same object, unchanged".
pub fn reviewed_fingerprint(row: &PolicyType, policy: &CapturedPolicy, options: Options) -> String {
    let facets: BTreeMap<Facet, Value> = Facet::ALL
        .into_iter()
        .filter(|facet| row.has_facet(*facet))
        .filter(|facet| *facet != Facet::Assignments || options.assignments == Carry::Map)
        .map(|facet| {
            (
                facet,
                canonical::facet_value(row, policy, facet, Reading::Raw),
            )
        })
        .collect();
    let mut covered = serde_json::json!({
        "name": policy.display_name,
        "state": canonical::state(row, policy),
        "facets": facets,
    });
    canonical::add_child_ids(row, policy, &mut covered);
    json::digest(&covered)
}

/// Differences between plan and read-back that no default of the server explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// JSON Pointer.
    pub path: String,
    /// In words, without values.
    pub message: String,
}

/// Checks a read-back. `created` fills `$created:` placeholders of the plan.
/// Members that the plan does not have are the server's defaults unless they stand inside a
/// settings catalogue tree, where an extra setting is a mismatch.
pub fn check(
    row: &PolicyType,
    expected: &CapturedPolicy,
    live: &CapturedPolicy,
    created: &BTreeMap<String, String>,
    options: Options,
    created_now: bool,
) -> Result<(), Vec<Mismatch>> {
    let mut found = Mismatches::default();
    let Some(expected) = steps::fill_policy(row, expected, created) else {
        found.add("", "the plan waits for an object that was not created");
        return Err(found.0);
    };
    if expected.display_name != live.display_name {
        found.add("/name", "the name is not the planned one");
    }
    if canonical::state(row, &expected) != canonical::state(row, live) {
        found.add("/state", "the state is not the planned one");
    }
    let read =
        |policy: &CapturedPolicy, facet| canonical::facet_value(row, policy, facet, Reading::Raw);
    let settings = (
        read(&expected, Facet::Settings),
        read(live, Facet::Settings),
    );
    covers(row, &settings.0, &settings.1, "", &mut found);
    for property in steps::differing_links(row, &expected.content, &live.content) {
        found.add(
            &json::below("", property),
            "the links are not the planned ones",
        );
    }
    if !created_now && row.update == UpdateVerb::Patch {
        cleared(&expected.content, &live.content, "", &mut found);
    }
    if read(&expected, Facet::Description) != read(live, Facet::Description) {
        found.add("/description", "the description is not the planned one");
    }
    let tags_written =
        created_now || options.scope_tags == Carry::Map || row.update == UpdateVerb::Put;
    if row.has_facet(Facet::ScopeTags)
        && tags_written
        && read(&expected, Facet::ScopeTags) != read(live, Facet::ScopeTags)
    {
        found.add("/scope_tags", "the scope tags are not the planned ones");
    }
    if row.has_facet(Facet::Assignments) {
        let mapped = options.assignments == Carry::Map;
        let standing = read(live, Facet::Assignments);
        if mapped && read(&expected, Facet::Assignments) != standing {
            found.add("/assignments", "the assignments are not the planned ones");
        }
        if created_now && !mapped && standing.as_array().is_some_and(|items| !items.is_empty()) {
            found.add(
                "/assignments",
                "the new policy is assigned, which was not planned",
            );
        }
    }
    if found.0.is_empty() {
        return Ok(());
    }
    Err(found.0)
}

#[derive(Default)]
struct Mismatches(Vec<Mismatch>);

impl Mismatches {
    fn add(&mut self, path: &str, message: &str) {
        self.0.push(Mismatch {
            path: path.to_owned(),
            message: message.to_owned(),
        });
    }
}

/// Whether `live` has everything of `expected`.
fn covers(row: &PolicyType, expected: &Value, live: &Value, pointer: &str, found: &mut Mismatches) {
    if let (Some(wanted), Some(there)) = (secret::marker(expected), secret::marker(live)) {
        let both_known = wanted.get("hmac").is_some() && there.get("hmac").is_some();
        if both_known && wanted.get("key_id") == there.get("key_id") && wanted != there {
            found.add(pointer, "the secret is not the planned one");
        }
        return;
    }
    if secret::marker(expected).is_some() || secret::marker(live).is_some() {
        return;
    }
    match (expected, live) {
        (Value::Object(wanted), Value::Object(there)) => {
            for (name, want) in wanted {
                let at = json::below(pointer, name);
                match there.get(name) {
                    Some(has) => covers(row, want, has, &at, found),
                    None if is_blank(want) => {}
                    None => found.add(&at, "planned, and not there"),
                }
            }
            if is_exact(row, pointer) {
                for name in there.keys().filter(|name| !wanted.contains_key(*name)) {
                    found.add(&json::below(pointer, name), "there, and not planned");
                }
            }
        }
        (Value::Array(wanted), Value::Array(there)) if wanted.len() == there.len() => {
            for (index, (want, has)) in wanted.iter().zip(there).enumerate() {
                covers(row, want, has, &json::below(pointer, index), found);
            }
        }
        _ if expected == live => {}
        _ => found.add(pointer, "not as planned"),
    }
}

/// Empty lists and texts may read back as nothing.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::String(text) => text.is_empty(),
        _ => false,
    }
}

/// Places where an extra member is an extra setting and not a default of the server.
fn is_exact(row: &PolicyType, pointer: &str) -> bool {
    let in_catalog = row.catalog_tree().is_some_and(|property| {
        let below = pointer.strip_prefix(json::below("", property).as_str());
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    });
    in_catalog
        || row
            .keyed
            .iter()
            .any(|(place, _)| pattern::names_keyed(place, pointer))
}

/// Members that the update had to clear must say nothing now. The service may answer its default
/// where it does not know null.
fn cleared(expected: &Value, live: &Value, pointer: &str, found: &mut Mismatches) {
    let (Value::Object(wanted), Value::Object(there)) = (expected, live) else {
        return;
    };
    for (name, want) in wanted {
        let at = json::below(pointer, name);
        let clears = want.is_null() || want.as_array().is_some_and(Vec::is_empty);
        match (want, there.get(name)) {
            (_, Some(has)) if clears && !is_default(has) => {
                found.add(&at, "cleared in the plan, and still there");
            }
            (want, Some(has)) => cleared(want, has, &at, found),
            (_, None) => {}
        }
    }
}

fn is_default(value: &Value) -> bool {
    const WORDS: &[&str] = &[
        "",
        "none",
        "notConfigured",
        "deviceDefault",
        "userDefined",
        "unavailable",
        "unknown",
    ];
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => WORDS.contains(&text.as_str()),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_default),
        Value::Bool(true) => false,
    }
}

#[cfg(test)]
mod verify_test;
