//! Reads objects of a policy type completely: list, item, sub-collections, assignments.
//!
//! One reader for sync, for the look before a write and for the look after it, so that "the same"
//! means the same. Knows rows, not types. Never writes.

use domain::capture::{self, RawPolicy};
use domain::policy_type::{Adapter, PolicyType, SubCollection};
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde_json::Value;

use crate::device_group;
use crate::inventory_sync::flat;
use crate::links;
use crate::notification_texts;
use crate::oma_secrets;
use crate::provider::Reader;
use crate::read_problem::ReadProblem;

/// Path of a row's collection with what its list needs.
pub(crate) fn list_path(row: &PolicyType) -> String {
    match row.list_expand {
        Some(expand) => format!("{}?$expand={expand}", row.path),
        None => row.path.to_owned(),
    }
}

/// Path of one object.
pub(crate) fn item_path(row: &PolicyType, external_id: &str) -> String {
    format!("{}/{}", row.path, encode(external_id))
}

/// Percent-encodes everything but unreserved characters.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Reads the rest of a listed object: its own item where the list is partial, its sub-collections,
/// its assignments.
pub(crate) async fn read_rest(
    reader: &Reader,
    row: &PolicyType,
    listed: Value,
) -> Result<RawPolicy, ReadProblem> {
    let id = listed
        .get("id")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let item = if row.item_get || row.item_select.is_some() {
        keep_listed(read_item(reader, row, &id).await?, &listed)
    } else {
        listed
    };
    read_parts(reader, row, &id, item).await
}

/// How often an object that changes while it is read is read again.
const ROUNDS: usize = 3;

/// Reads one object by id, completely.
///
/// What is read in several requests is of one moment only if the object is still the same after the
/// last of them: otherwise it is read again, so that a change between the parts is seen.
pub(crate) async fn read_object(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
) -> Result<RawPolicy, ReadProblem> {
    let in_one = row.sub_collections.is_empty()
        && row.item_parts.is_empty()
        && row.item_select.is_none()
        && row.assignments.is_none();
    let mut item = read_item(reader, row, external_id).await?;
    broken_variant!("single_look", {
        return read_parts(reader, row, external_id, item).await;
    });
    let mut round = 1;
    loop {
        let raw = read_parts(reader, row, external_id, item.clone()).await?;
        if in_one || round == ROUNDS {
            return Ok(raw);
        }
        let again = read_item(reader, row, external_id).await?;
        if again == item {
            return Ok(raw);
        }
        item = again;
        round += 1;
    }
}

/// The item, and what only an answer that names it has.
async fn read_item(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
) -> Result<Value, ReadProblem> {
    let mut item = get_item(reader, row, external_id, "expand", row.item_expand).await?;
    if row.item_select.is_some() {
        let named = get_item(reader, row, external_id, "select", row.item_select).await?;
        if let (Some(item), Value::Object(named)) = (item.as_object_mut(), named) {
            item.extend(named);
        }
    }
    Ok(item)
}

async fn get_item(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
    option: &str,
    value: Option<&str>,
) -> Result<Value, ReadProblem> {
    let mut path = item_path(row, external_id);
    if let Some(value) = value {
        path = format!("{path}?${option}={value}");
    }
    let version = reader.version_of(row);
    match reader.get(row.family, version, &path).await {
        Err(ReadProblem::NotFound | ReadProblem::Rejected { .. }) if version != row.version => {
            reader.get(row.family, row.version, &path).await
        }
        other => other,
    }
}

async fn read_parts(
    reader: &Reader,
    row: &PolicyType,
    external_id: &str,
    item: Value,
) -> Result<RawPolicy, ReadProblem> {
    let mut item = item;
    oma_secrets::learn(reader, row, external_id, &mut item).await?;
    links::learn(reader, row, external_id, &mut item).await?;
    device_group::learn(reader, row, external_id, &mut item).await?;
    notification_texts::learn(reader, row, &mut item).await?;
    let mut raw = RawPolicy {
        item,
        ..RawPolicy::default()
    };
    for part in row.item_parts {
        let path = format!("{}/{part}", item_path(row, external_id));
        let value = reader
            .get_part(row.family, reader.version_of(row), &path)
            .await?;
        if let (Value::Object(item), false) = (&mut raw.item, value.is_null()) {
            item.insert((*part).to_owned(), value);
        }
    }
    for sub in row.sub_collections {
        let mut path = format!("{}/{}", item_path(row, external_id), sub.path);
        if let Some(top) = sub.top {
            let separator = if path.contains('?') { '&' } else { '?' };
            path = format!("{path}{separator}$top={top}");
        }
        let children = match read_all(reader, row, &path).await {
            Err(problem) if is_not_served(row, sub, &problem) => Vec::new(),
            read => read?,
        };
        let children = match row.below_each {
            Some(below) => with_parts(reader, row, &path, children, &below).await?,
            None => children,
        };
        raw.sub_collections
            .insert(sub.property.to_owned(), children);
    }
    if let Some(rule) = row.assignments {
        if rule.read.is_empty() {
            raw.assignments = Some(expanded_assignments(&raw.item)?);
            return Ok(raw);
        }
        let path = format!("{}/{}", item_path(row, external_id), rule.read);
        raw.assignments = Some(read_all(reader, row, &path).await?);
    }
    Ok(raw)
}

/// Items of a sub-collection whose own parts are read beside each other.
const ITEMS_AT_ONCE: usize = 4;

/// The items of a sub-collection with what hangs on each.
async fn with_parts(
    reader: &Reader,
    row: &PolicyType,
    collection: &str,
    items: Vec<Value>,
    below: &SubCollection,
) -> Result<Vec<Value>, ReadProblem> {
    let collection = collection.split('?').next().unwrap_or(collection);
    let reads: Vec<BoxFuture<'_, Result<Value, ReadProblem>>> = items
        .into_iter()
        .map(|mut item| {
            async move {
                let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
                let path = format!("{collection}/{}/{}", encode(id), below.path);
                let parts = match read_all(reader, row, &path).await {
                    // The item was listed a moment ago: the object is being changed.
                    Err(ReadProblem::NotFound) => Err(ReadProblem::Unavailable {
                        code: "changed_while_read",
                        message: "A part of an object vanished while it was read.".to_owned(),
                    }),
                    read => read,
                };
                if let Value::Object(members) = &mut item {
                    members.insert(below.property.to_owned(), Value::Array(parts?));
                }
                Ok(item)
            }
            .boxed()
        })
        .collect();
    futures::stream::iter(reads)
        .buffered(ITEMS_AT_ONCE)
        .try_collect()
        .await
}

/// Settings in the catalogue's way are new to app configuration: a Graph that does not know the
/// segment says so, and no policy there has any. An object that is not found is another answer.
fn is_not_served(row: &PolicyType, sub: &SubCollection, problem: &ReadProblem) -> bool {
    let ReadProblem::Rejected { message } = problem else {
        return false;
    };
    row.adapter == Adapter::ManagedApps
        && sub.property == "settings"
        && message.contains("not found for the segment 'settings'")
}

/// Assignments that come with the item; a cut list would make the object look less assigned.
fn expanded_assignments(item: &Value) -> Result<Vec<Value>, ReadProblem> {
    let whole = item
        .get("assignments")
        .and_then(Value::as_array)
        .filter(|_| item.get("assignments@odata.nextLink").is_none());
    whole.cloned().ok_or_else(|| ReadProblem::Unusable {
        code: "assignments_incomplete",
        message: "The assignments of an object were not answered whole.".to_owned(),
    })
}

/// A whole small collection. An item that cannot be parsed makes the object unreadable.
pub(crate) async fn read_all(
    reader: &Reader,
    row: &PolicyType,
    path: &str,
) -> Result<Vec<Value>, ReadProblem> {
    let mut items = Vec::new();
    let mut pages = reader.list(row.family, reader.version_of(row), path);
    while let Some(page) = pages.next().await? {
        for raw in page {
            let item = serde_json::from_str(raw.get()).map_err(|_| ReadProblem::Unusable {
                code: "unparsable_item",
                message: format!("A part of an object of {} cannot be parsed.", row.path),
            })?;
            items.push(item);
        }
    }
    Ok(items)
}

/// `@odata.type` may be missing in an item although the list had it; so may what the list says of the
/// object's parts.
fn keep_listed(mut item: Value, listed: &Value) -> Value {
    if let (Some(object), Some(listed)) = (item.as_object_mut(), listed.as_object()) {
        for (name, value) in listed {
            if name == "@odata.type" || capture::is_statement(name) {
                object.entry(name).or_insert_with(|| value.clone());
            }
        }
    }
    item
}

/// All list items of this identity, to the end of the list. Asks by name where the type allows it
/// and falls back to the whole list when the tenant does not.
pub(crate) async fn find_by_identity(
    reader: &Reader,
    row: &PolicyType,
    identity_key: &str,
    display_name: &str,
) -> Result<Vec<Value>, ReadProblem> {
    if row.name_filter {
        let quoted = encode(&display_name.replace('\'', "''"));
        let path = format!(
            "{}?$filter={}%20eq%20%27{quoted}%27",
            row.path, row.name_property
        );
        match matching(reader, row, &path, identity_key).await {
            Err(ReadProblem::Rejected { .. }) => {}
            other => return other,
        }
    }
    matching(reader, row, row.path, identity_key).await
}

async fn matching(
    reader: &Reader,
    row: &PolicyType,
    path: &str,
    identity_key: &str,
) -> Result<Vec<Value>, ReadProblem> {
    let mut found = Vec::new();
    let mut pages = reader.list(row.family, reader.version_of(row), path);
    loop {
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break,
            Err(problem) if found.is_empty() && reader.narrows(row, &problem) => {
                pages = reader.list(row.family, row.version, path);
                continue;
            }
            Err(problem) => return Err(problem),
        };
        for raw in page {
            // An item that cannot be parsed still has its name.
            let item = serde_json::from_str::<Value>(raw.get()).unwrap_or_else(|_| flat(&raw));
            if !capture::tells_identity(row, &item) {
                let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
                return Err(ReadProblem::Unusable {
                    code: "list_incomplete",
                    message: format!(
                        "The object {id:?} of {} does not say what it is: what is absent cannot be told.",
                        row.path
                    ),
                });
            }
            if capture::belongs(row, &item) && capture::is_identity(row, &item, identity_key) {
                found.push(item);
            }
        }
    }
    Ok(found)
}
