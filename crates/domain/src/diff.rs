//! The changes between two policies of one type, facet by facet.
//!
//! Works on the canonical facet values: what does not count as a difference is not a change.
//! Secrets are masked; long texts and scripts come as a unified diff.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::canonical::{self, Reading};
use crate::json;
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::{PolicyType, known};
use crate::secret;

mod text;

/// Stands for a secret.
const MASK: &str = "•••";
/// Deeper differences are one change of the whole subtree.
const MAX_DEPTH: usize = 100;

/// What happened at a path, seen from the target: `added` = only the source has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// Only in the source.
    Added,
    /// Only in the target.
    Removed,
    /// In both, different.
    Changed,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Facet.
    pub facet: Facet,
    /// JSON Pointer into the canonical form (keyed arrays by key).
    pub path: String,
    /// Kind.
    pub kind: ChangeKind,
    /// The source's value by meaning; secrets masked; a unified diff text for script bodies.
    pub source: Option<Value>,
    /// The target's value.
    pub target: Option<Value>,
    /// False for a property that the registry does not know: shown, never written.
    pub writable: bool,
}

/// All changes, in facet and path order.
pub fn diff(
    row: &PolicyType,
    source: (&CapturedPolicy, Reading<'_>),
    target: (&CapturedPolicy, Reading<'_>),
) -> Vec<Change> {
    let mut changes = Vec::new();
    for facet in Facet::ALL.into_iter().filter(|facet| row.has_facet(*facet)) {
        let from = canonical::facet_value(row, source.0, facet, source.1);
        let to = canonical::facet_value(row, target.0, facet, target.1);
        let mut unknown = Vec::new();
        if facet == Facet::Settings {
            unknown.extend(known::unknown_in_form(row, &from));
            unknown.extend(known::unknown_in_form(row, &to));
        }
        let mut found = Found {
            facet,
            unknown,
            changes: &mut changes,
        };
        found.compare(&from, &to, "", 0);
        if facet == Facet::Settings {
            let state = |policy| canonical::state(row, policy).map_or(Value::Null, Value::from);
            found.compare(&state(source.0), &state(target.0), "/state", 0);
        }
    }
    changes.sort_by(|a, b| (a.facet, &a.path).cmp(&(b.facet, &b.path)));
    changes
}

struct Found<'a> {
    facet: Facet,
    /// Places of either side that the registry does not know.
    unknown: Vec<String>,
    changes: &'a mut Vec<Change>,
}

impl Found<'_> {
    fn compare(&mut self, from: &Value, to: &Value, pointer: &str, depth: usize) {
        if from == to {
            return;
        }
        if depth >= MAX_DEPTH || secret::marker(from).is_some() || secret::marker(to).is_some() {
            self.add(pointer, Some(from), Some(to));
            return;
        }
        if let Some((from, to)) = text::payloads(from, to) {
            // The diff holds both sides: the target's is left out.
            self.changes.push(Change {
                facet: self.facet,
                path: pointer.to_owned(),
                kind: ChangeKind::Changed,
                source: Some(Value::String(text::unified(to, from))),
                target: None,
                writable: self.is_writable(pointer),
            });
            return;
        }
        match (from, to) {
            (Value::Object(here), Value::Object(there)) if !is_token(from) && !is_token(to) => {
                for (name, value) in here {
                    let at = json::below(pointer, name);
                    match there.get(name) {
                        Some(other) => self.compare(value, other, &at, depth + 1),
                        None => self.add(&at, Some(value), None),
                    }
                }
                for (name, value) in there.iter().filter(|(name, _)| !here.contains_key(*name)) {
                    self.add(&json::below(pointer, name), None, Some(value));
                }
            }
            (Value::Array(here), Value::Array(there)) => {
                self.compare_lists(here, there, pointer, depth);
            }
            _ => self.add(pointer, Some(from), Some(to)),
        }
    }

    /// Items that both have are no change, wherever they stand; what is left is paired in order
    /// where it are as many objects on both sides.
    fn compare_lists(&mut self, here: &[Value], there: &[Value], pointer: &str, depth: usize) {
        let (left, right) = unmatched(here, there);
        if left.is_empty() && right.is_empty() {
            let whole = |items: &[Value]| Value::Array(items.to_vec());
            self.add(pointer, Some(&whole(here)), Some(&whole(there)));
            return;
        }
        let nodes = |items: &[(usize, &Value)]| {
            items
                .iter()
                .all(|(_, item)| item.is_object() && !is_token(item))
        };
        if left.len() == right.len() && nodes(&left) && nodes(&right) {
            for ((index, from), (_, to)) in left.into_iter().zip(right) {
                self.compare(from, to, &json::below(pointer, index), depth + 1);
            }
            return;
        }
        for (index, item) in left {
            self.add(&json::below(pointer, index), Some(item), None);
        }
        for (index, item) in right {
            self.add(&json::below(pointer, index), None, Some(item));
        }
    }

    fn add(&mut self, pointer: &str, from: Option<&Value>, to: Option<&Value>) {
        let present = |value: Option<&Value>| value.filter(|value| !value.is_null()).map(masked);
        let (source, target) = (present(from), present(to));
        let kind = match (&source, &target) {
            (None, None) => return,
            (Some(_), None) => ChangeKind::Added,
            (None, Some(_)) => ChangeKind::Removed,
            (Some(_), Some(_)) => ChangeKind::Changed,
        };
        self.changes.push(Change {
            facet: self.facet,
            path: pointer.to_owned(),
            kind,
            source,
            target,
            writable: self.is_writable(pointer),
        });
    }

    fn is_writable(&self, pointer: &str) -> bool {
        !known::covers(&self.unknown, pointer)
    }
}

/// Items of a list with their places.
type Placed<'v> = Vec<(usize, &'v Value)>;

/// The items of either side that the other does not have.
fn unmatched<'v>(here: &'v [Value], there: &'v [Value]) -> (Placed<'v>, Placed<'v>) {
    let mut counts: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for item in there {
        *counts.entry(json::canonical(item)).or_default() += 1;
    }
    let mut left = Vec::new();
    let mut common: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
    for (index, item) in here.iter().enumerate() {
        let text = json::canonical(item);
        match counts.get_mut(&text) {
            Some(count) if *count > 0 => {
                *count -= 1;
                *common.entry(text).or_default() += 1;
            }
            _ => left.push((index, item)),
        }
    }
    let mut right = Vec::new();
    for (index, item) in there.iter().enumerate() {
        match common.get_mut(&json::canonical(item)) {
            Some(count) if *count > 0 => *count -= 1,
            _ => right.push((index, item)),
        }
    }
    (left, right)
}

/// A reference by meaning is one value.
fn is_token(value: &Value) -> bool {
    value
        .as_object()
        .is_some_and(|members| members.len() == 1 && members.contains_key("ref"))
}

fn masked(value: &Value) -> Value {
    if secret::marker(value).is_some() {
        return Value::String(MASK.to_owned());
    }
    match value {
        Value::Array(items) => Value::Array(items.iter().map(masked).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), masked(member)))
                .collect(),
        ),
        other => text::payload(other).map_or_else(|| other.clone(), |(text, _)| Value::from(text)),
    }
}

#[cfg(test)]
mod diff_test;
