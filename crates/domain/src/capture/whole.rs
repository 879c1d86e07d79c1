//! Holds what an object says about its own parts against what was read of them.
//!
//! An answer that ends early looks like a whole one. But Graph often says by other means how much
//! there is: a count beside the object, an annotation, a flag, a link to more, an error in the middle
//! of a success. A read that contradicts any of them is none: not a smaller object, not an absent one.
//! Every read that leads to a capture comes through here, that of a sync and every live one.
//!
//! Counts hold in both directions. A flag holds in one: Intune calls an app policy unassigned when all
//! it has are exclusions, so that `false` beside an assignment says nothing.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{CaptureError, RawPolicy, refuse};
use crate::json::{self, pattern};
use crate::policy_type::{PolicyType, links_of, odata_type};

/// Counts whose name does not follow from that of the part.
const COUNTS: &[(&str, &str)] = &[("deployedAppCount", "apps")];
/// Flags that say that there is at least one of a part.
const FLAGS: &[(&str, &str)] = &[("isAssigned", "assignments")];

/// What a policy is there for, by where it stands. Without it there is nothing to carry, and null is
/// how Graph answers what it has not loaded.
const CONTENT: &[&str] = &[
    "scriptContent",
    "detectionScriptContent",
    "payload",
    "payloadJson",
    "trustedRootCertificate",
    "omaSettings",
    "ipRanges",
    "conditions",
    "conditions.users",
    "conditions.applications",
];

/// Parts of the object that were read by requests of their own, with how many came.
type Apart<'a> = Vec<(&'a str, usize)>;

/// Refuses a read that the object itself contradicts.
pub(super) fn check(row: &PolicyType, raw: &RawPolicy) -> Result<(), CaptureError> {
    let mut apart: Apart<'_> = raw
        .sub_collections
        .iter()
        .map(|(part, items)| (part.as_str(), distinct(items)))
        .collect();
    let own_read = row.assignments.is_some_and(|rule| !rule.read.is_empty());
    if let (true, Some(assignments)) = (own_read, &raw.assignments) {
        apart.push(("assignments", distinct(assignments)));
    }
    if let Value::Object(item) = &raw.item {
        for (part, read) in &apart {
            expanded(item, part, *read)?;
            counts(item, "", part, *read)?;
        }
        if let (false, Some(assignments)) = (own_read, &raw.assignments) {
            flags(item, "assignments", assignments.len())?;
        }
    }
    for place in CONTENT {
        let nothing = match pattern::get(&raw.item, place) {
            Some(Value::String(text)) => text.is_empty(),
            Some(value) => value.is_null(),
            None => false,
        };
        if nothing {
            let at = format!("/{}", place.replace('.', "/"));
            return refuse(
                "parts_incomplete",
                format!("{at}: what the policy is there for was not read, Graph answered nothing."),
            );
        }
    }
    // Links are followed one by one, whatever the item says beside them.
    for link in links_of(row, &raw.item) {
        let several = raw.item.get(link.property).and_then(Value::as_array);
        apart.push((link.property, several.map_or(1, |items| distinct(items))));
    }
    walk(&raw.item, "", &apart)?;
    let below: Apart<'_> = row
        .below_each
        .iter()
        .map(|sub| (sub.property, usize::MAX))
        .collect();
    for (part, items) in &raw.sub_collections {
        walk_all(items, &json::below("", part), &below)?;
    }
    let assignments = raw.assignments.as_deref().unwrap_or_default();
    targets(assignments)?;
    walk_all(assignments, "/assignments", &Vec::new())
}

/// An assignment says to whom; one that does not was not read, and must be neither dropped nor sent.
fn targets(assignments: &[Value]) -> Result<(), CaptureError> {
    for (index, assignment) in assignments.iter().enumerate() {
        let target = assignment.get("target").unwrap_or(&Value::Null);
        if odata_type(target).is_empty() {
            return refuse(
                "parts_incomplete",
                format!("/assignments/{index}: it does not say to whom."),
            );
        }
    }
    Ok(())
}

/// Members of an item that say how much there is of it: to be kept where a second answer about the
/// same object leaves them out.
pub fn is_statement(name: &str) -> bool {
    COUNTS.iter().chain(FLAGS).any(|(own, _)| *own == name) || name == "settingCount"
}

/// What came with the object may be a beginning of the part; it is never more than the part.
fn expanded(item: &Map<String, Value>, part: &str, read: usize) -> Result<(), CaptureError> {
    match item.get(part).and_then(Value::as_array) {
        Some(with_it) if with_it.len() > read => short(
            &json::below("", part),
            with_it.len(),
            "the object itself",
            read,
        ),
        _ => flags(item, part, read),
    }
}

fn flags(item: &Map<String, Value>, part: &str, read: usize) -> Result<(), CaptureError> {
    for (flag, of) in FLAGS {
        if *of == part && read == 0 && item.get(*flag) == Some(&Value::Bool(true)) {
            return refuse(
                "parts_incomplete",
                format!("/{part}: 0 were read, but {flag} says that there is at least 1."),
            );
        }
    }
    Ok(())
}

/// Numbers beside a part whose names say that they count it.
fn counts(
    holder: &Map<String, Value>,
    pointer: &str,
    part: &str,
    read: usize,
) -> Result<(), CaptureError> {
    let singular = part.strip_suffix('s').unwrap_or(part);
    for (name, value) in holder {
        let counted = name.strip_suffix("Count");
        let names_it = counted.is_some_and(|counted| counted == part || counted == singular)
            || COUNTS.contains(&(name.as_str(), part));
        if let (true, Some(said)) = (names_it, number(value))
            && said != read
        {
            return short(&json::below(pointer, part), said, name, read);
        }
    }
    Ok(())
}

fn number(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => usize::try_from(other.as_u64()?).ok(),
    }
}

/// How many elements of a part were read: one that comes twice is one, and stands in the place of
/// another that is missing.
fn distinct(items: &[Value]) -> usize {
    let mut ids = HashSet::new();
    let repeated = items.iter().filter(|item| {
        let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
        // Apps of two platforms may share an id.
        let of_app = item.get("mobileAppIdentifier").map(Value::to_string);
        !id.is_empty() && !ids.insert((id, of_app))
    });
    items.len() - repeated.count()
}

/// No list of objects has null in it: that too stands in the place of one that is missing. (A list of
/// words or ids may, and it means nothing there.)
fn walk_all(items: &[Value], pointer: &str, apart: &Apart<'_>) -> Result<(), CaptureError> {
    let null = items.iter().position(Value::is_null);
    if let (Some(index), true) = (null, items.iter().any(Value::is_object)) {
        let at = json::below(pointer, index);
        return refuse(
            "parts_incomplete",
            format!("{at}: null stands where an object belongs."),
        );
    }
    items
        .iter()
        .enumerate()
        .try_for_each(|(index, item)| walk(item, &json::below(pointer, index), apart))
}

/// Looks at every object of a value; `apart` holds for the outermost one.
fn walk(value: &Value, pointer: &str, apart: &Apart<'_>) -> Result<(), CaptureError> {
    let members = match value {
        Value::Array(items) => return walk_all(items, pointer, apart),
        Value::Object(members) => members,
        _ => return Ok(()),
    };
    let nothing = Vec::new();
    for (name, value) in members {
        if let Some((about, word)) = json::annotation(name) {
            annotation(members, pointer, (name, about, word), value, apart)?;
        }
        let came_apart = apart.iter().any(|(part, _)| part == name);
        if let (Value::Array(items), false) = (value, came_apart) {
            counts(members, pointer, name, distinct(items))?;
        }
        walk(value, &json::below(pointer, name), &nothing)?;
    }
    Ok(())
}

fn annotation(
    members: &Map<String, Value>,
    pointer: &str,
    (name, about, word): (&str, &str, &str),
    value: &Value,
    apart: &Apart<'_>,
) -> Result<(), CaptureError> {
    if value.is_null() {
        return Ok(());
    }
    if json::is_error_annotation(name) {
        let at = json::below(pointer, name);
        return refuse(
            "parts_incomplete",
            format!("{at} says that an error cut the answer short."),
        );
    }
    let own = apart.iter().find(|(part, _)| *part == about);
    let here = members
        .get(about)
        .and_then(Value::as_array)
        .map(|items| distinct(items));
    let at = json::below(pointer, about);
    match word {
        "count" if !about.is_empty() => {
            let read = match own {
                Some((_, usize::MAX)) | None => here,
                Some((_, read)) => Some(*read),
            };
            match (number(value), read) {
                (Some(said), Some(read)) if said != read => short(&at, said, name, read),
                _ => Ok(()),
            }
        }
        "nextLink" if !about.is_empty() && own.is_none() => {
            let read = here.unwrap_or_default();
            refuse(
                "parts_incomplete",
                format!("{at}: {read} were read, and {name} says that there are more."),
            )
        }
        _ => Ok(()),
    }
}

fn short(at: &str, said: usize, by: &str, read: usize) -> Result<(), CaptureError> {
    refuse(
        "parts_incomplete",
        format!("{at}: {read} were read, but {by} says {said}."),
    )
}

#[cfg(test)]
mod whole_test;
