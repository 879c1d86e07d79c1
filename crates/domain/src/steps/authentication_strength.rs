//! Authentication strengths: combinations are changed by an action of their own, and what narrows
//! one of them (keys by AAGUID, certificates by issuer) is a child with calls of its own.
//!
//! A configuration is known by its kind and the combinations it applies to. On an update those that
//! the source does not have go first, then the combinations change, then the others are written.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{StepError, StepKind, WriteStep, body, refuse, step};
use crate::policy_type::{PolicyType, odata_type};

const COLLECTION: &str = "combinationConfigurations";
const APPLIES_TO: &str = "appliesToCombinations";

type Key = (String, BTreeSet<Vec<String>>);

/// Configurations of a new strength.
pub(super) fn create(
    row: &PolicyType,
    content: &Value,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    for (number, (_, configuration)) in configurations(content)?.into_iter().enumerate() {
        steps.push(post(row, number, configuration));
    }
    Ok(())
}

/// Combinations and configurations of a strength that stands.
pub(super) fn update(
    row: &PolicyType,
    content: &Value,
    target: &Value,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    let wanted = configurations(content)?;
    let standing = configurations(target)?;
    for (key, there) in &standing {
        if !wanted.contains_key(key) {
            let name = "delete_configuration";
            steps.push(child(row, there, name, "DELETE", StepKind::DeleteChild)?);
        }
    }
    if combinations(content) != combinations(target) {
        let list = content.get("allowedCombinations").cloned();
        steps.push(step(
            row,
            "combinations",
            StepKind::ReplaceAction,
            "POST",
            "/{item}/updateAllowedCombinations",
            Some(json!({"allowedCombinations": list.unwrap_or_else(|| json!([]))})),
        ));
    }
    for (number, (key, configuration)) in wanted.into_iter().enumerate() {
        match standing.get(&key) {
            None => steps.push(post(row, number, configuration)),
            Some(there) if differs(&configuration, there) => {
                let name = "configuration";
                let mut patch = child(row, there, name, "PATCH", StepKind::Replace)?;
                patch.body = Some(configuration);
                steps.push(patch);
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The combinations, each as the words it is made of.
fn combinations(content: &Value) -> BTreeSet<Vec<String>> {
    words(content.get("allowedCombinations"))
}

fn words(list: Option<&Value>) -> BTreeSet<Vec<String>> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|text| {
            let mut words: Vec<String> = text.split(',').map(|w| w.trim().to_owned()).collect();
            words.sort();
            words
        })
        .collect()
}

/// The configurations by kind and combinations; two of one key could not be told apart.
fn configurations(content: &Value) -> Result<BTreeMap<Key, Value>, StepError> {
    let mut found = BTreeMap::new();
    for item in content
        .get(COLLECTION)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let kind = odata_type(item).to_owned();
        let applies_to = words(item.get(APPLIES_TO));
        if kind.is_empty() || applies_to.is_empty() {
            return refuse(
                "invalid_for_create",
                format!("/{COLLECTION} holds one whose kind or {APPLIES_TO} Graph did not say."),
            );
        }
        let mut configuration = item.clone();
        body::drop_nulls(&mut configuration);
        if found.insert((kind, applies_to), configuration).is_some() {
            return refuse(
                "invalid_for_create",
                format!("/{COLLECTION} holds two of one kind for the same combinations; keep one."),
            );
        }
    }
    Ok(found)
}

/// Whether the standing one has to change: lists compare as sets.
fn differs(wanted: &Value, there: &Value) -> bool {
    let (Some(wanted), Some(there)) = (wanted.as_object(), there.as_object()) else {
        return true;
    };
    let as_set = |value: &Value| match value {
        Value::Array(items) => {
            let texts = items
                .iter()
                .map(|item| item.to_string().to_ascii_lowercase());
            texts.collect::<BTreeSet<String>>()
        }
        other => BTreeSet::from([other.to_string()]),
    };
    let none = Value::Array(Vec::new());
    wanted
        .keys()
        .chain(there.keys())
        .filter(|name| *name != "id" && *name != APPLIES_TO)
        .any(|name| {
            as_set(wanted.get(name).unwrap_or(&none)) != as_set(there.get(name).unwrap_or(&none))
        })
}

fn post(row: &PolicyType, number: usize, configuration: Value) -> WriteStep {
    let mut applies_to: Vec<&str> = configuration
        .get(APPLIES_TO)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    applies_to.sort_unstable();
    let kind = StepKind::CreateChild {
        collection: COLLECTION.to_owned(),
        key: APPLIES_TO.to_owned(),
        value: applies_to.join("+"),
    };
    step(
        row,
        &format!("configuration:{number}"),
        kind,
        "POST",
        &format!("/{{item}}/{COLLECTION}"),
        Some(configuration),
    )
}

/// A call on one configuration of the reviewed target, by the id it has there.
fn child(
    row: &PolicyType,
    there: &Value,
    name: &str,
    method: &str,
    kind: StepKind,
) -> Result<WriteStep, StepError> {
    let id = there.get("id").and_then(Value::as_str).unwrap_or_default();
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if id.is_empty() || !id.bytes().all(safe) {
        return refuse(
            "invalid_for_create",
            format!("/{COLLECTION} of the target holds one without a usable id; sync it again."),
        );
    }
    let mut step = step(row, &format!("{name}:{id}"), kind, method, "", None);
    step.path = format!("{}/{{item}}/{COLLECTION}/{id}", row.path);
    step.path_template = configuration_template(row);
    Ok(step)
}

/// The path of one configuration with its variable parts named.
pub(super) fn configuration_template(row: &PolicyType) -> String {
    format!("{}/{{item}}/{COLLECTION}/{{configuration}}", row.path)
}

/// The path of the configurations with its variable part named.
pub(super) fn configurations_template(row: &PolicyType) -> String {
    format!("{}/{{item}}/{COLLECTION}", row.path)
}
