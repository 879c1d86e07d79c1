//! Empty entries of lists: `""` or null where an id or a word belongs. Graph shows what was once
//! written and refuses to take it again.
//!
//! Such an entry names nothing, so that it can be left out; a list that would be empty without it could
//! make the policy apply to more, and is nobody's wish: that is refused. An exclusion of nothing
//! excludes nothing.

use serde_json::Value;

use super::{StepError, refuse};
use crate::json::{self, pattern};
use crate::policy_type::{Adapter, PolicyType};

/// Parts of a Conditional Access policy whose lists all hold ids or words.
const CONDITIONAL_ACCESS: [&str; 3] = ["conditions", "grantControls", "sessionControls"];

/// JSON Pointers of the empty entries of a content, in order.
pub(crate) fn empty_entries(row: &PolicyType, content: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (list, items) in lists(row, content) {
        for (index, item) in items.iter().enumerate() {
            if is_empty(item) {
                found.push(json::below(&list, index));
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Leaves them out.
pub(super) fn drop(row: &PolicyType, content: &mut Value) -> Result<(), StepError> {
    let holed: Vec<String> = lists(row, content)
        .into_iter()
        .filter(|(_, items)| items.iter().any(is_empty))
        .map(|(list, _)| list)
        .collect();
    for list in holed {
        let Some(Value::Array(items)) = content.pointer_mut(&list) else {
            continue;
        };
        items.retain(|item| !is_empty(item));
        let name = list.rsplit('/').next().unwrap_or_default();
        if items.is_empty() && !name.starts_with("exclude") {
            return refuse(
                "empty_value",
                format!(
                    "{list} holds nothing but empty entries, which Graph refuses; without them the \
                     policy would mean something else. Mend it in the source."
                ),
            );
        }
    }
    Ok(())
}

/// Pointers and items of the lists in which an empty entry is refused: every list of texts in
/// Conditional Access, every list of references elsewhere.
fn lists<'v>(row: &PolicyType, content: &'v Value) -> Vec<(String, &'v Vec<Value>)> {
    let mut found: Vec<(String, &Vec<Value>)> = Vec::new();
    if row.adapter == Adapter::ConditionalAccess {
        for part in CONDITIONAL_ACCESS {
            if let Some(value) = content.get(part) {
                texts(value, &json::below("", part), &mut found);
            }
        }
        return found;
    }
    for rule in row.references {
        let Some(list) = rule.path.strip_suffix("[]") else {
            continue;
        };
        pattern::visit(content, list, &mut |pointer, _| {
            if let Some(Value::Array(items)) = content.pointer(pointer) {
                found.push((pointer.to_owned(), items));
            }
        });
    }
    found
}

fn texts<'v>(value: &'v Value, pointer: &str, found: &mut Vec<(String, &'v Vec<Value>)>) {
    match value {
        Value::Array(items) if items.iter().all(|item| item.is_string() || item.is_null()) => {
            found.push((pointer.to_owned(), items));
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                texts(item, &json::below(pointer, index), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                texts(member, &json::below(pointer, name), found);
            }
        }
        _ => {}
    }
}

fn is_empty(item: &Value) -> bool {
    match item {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}
