//! Brings any JSON into canonical form by the rules of a row: nulls gone, numbers, dates and GUIDs
//! in one spelling, flags and sets sorted, keyed arrays by key.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Number, Value};

use crate::json::{self, pattern};
use crate::policy_type::PolicyType;

/// Applies all rules of the row. Applying them twice changes nothing more.
pub(super) fn canonicalize(row: &PolicyType, value: &mut Value) {
    for place in row.flags {
        pattern::edit(value, place, &mut |flags| {
            if let Value::String(text) = flags {
                *flags = flag_set(text);
            }
        });
    }
    normalize(value);
    for (place, text) in row.defaults {
        drop_default(value, place, text);
    }
    for place in row.sets {
        pattern::edit(value, place, &mut |set| {
            if let Value::Array(items) = set {
                json::sort_set(items);
            }
        });
    }
    for (place, key) in row.keyed {
        pattern::edit(value, place, &mut |array| {
            if let Value::Array(items) = array {
                *array = keyed(std::mem::take(items), key);
            }
        });
    }
    for place in row.empty_is_absent {
        let mut empty = false;
        pattern::edit(value, place, &mut |subtree| {
            drop_empty(subtree);
            empty = is_empty(subtree);
        });
        if empty {
            pattern::remove(value, place);
        }
    }
}

/// The words of a flags text, sorted, as an array.
pub(crate) fn flag_set(text: &str) -> Value {
    let mut words: Vec<Value> = text
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(|word| Value::String(word.to_owned()))
        .collect();
    json::sort_set(&mut words);
    Value::Array(words)
}

/// Drops nulls and gives numbers, GUIDs, dates and times one spelling. Markers and decoded texts
/// are left as they are.
pub(super) fn normalize(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if is_opaque(members) {
                return;
            }
            members.retain(|_, member| !member.is_null());
            members.iter_mut().for_each(|(_, member)| normalize(member));
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        Value::String(text) => {
            if let Some(spelling) = canonical_text(text) {
                *text = spelling;
            }
        }
        Value::Number(number) => *value = canonical_number(number),
        Value::Null | Value::Bool(_) => {}
    }
}

fn is_opaque(members: &Map<String, Value>) -> bool {
    let marks = members.contains_key("$encoding").into();
    members.len() == 1_usize.saturating_add(marks)
        && ["$secret", "$text", "ref"]
            .iter()
            .any(|name| members.contains_key(*name))
}

/// Whole numbers without a fraction; numbers that a double cannot hold exactly as text, so that two
/// of them never become one.
pub(super) fn canonical_number(number: &Number) -> Value {
    const EXACT: u64 = 1 << 53;
    if let Some(whole) = number.as_i64() {
        if whole.unsigned_abs() > EXACT {
            return Value::String(whole.to_string());
        }
        return Value::Number(whole.into());
    }
    if let Some(large) = number.as_u64() {
        return Value::String(large.to_string());
    }
    match number.as_f64() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "guarded: whole and within the exact range of a double"
        )]
        Some(float) if float.fract() == 0.0 && float.abs() <= EXACT as f64 => {
            Value::Number((float as i64).into())
        }
        _ => Value::Number(number.clone()),
    }
}

fn canonical_text(text: &str) -> Option<String> {
    if is_guid(text) {
        return Some(text.to_ascii_lowercase());
    }
    let bytes = text.as_bytes();
    if bytes.get(4) == Some(&b'-') && bytes.get(10) == Some(&b'T') && bytes.len() <= 40 {
        let date = DateTime::parse_from_rfc3339(text).ok()?;
        return Some(
            date.with_timezone(&Utc)
                .to_rfc3339_opts(SecondsFormat::AutoSi, true),
        );
    }
    // A time of day: `08:00:00.0000000` and `08:00:00` are one.
    if bytes.get(2) == Some(&b':') && bytes.get(5) == Some(&b':') && bytes.get(8) == Some(&b'.') {
        let (time, fraction) = text.split_at(9);
        let digits = time
            .bytes()
            .chain(fraction.bytes())
            .all(|byte| byte.is_ascii_digit() || byte == b':' || byte == b'.');
        if digits {
            let trimmed = text.trim_end_matches('0').trim_end_matches('.');
            return Some(trimmed.to_owned());
        }
    }
    None
}

/// Whether the text is a GUID in the form Graph writes.
pub(super) fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn drop_default(value: &mut Value, place: &str, text: &str) {
    let Ok(default) = serde_json::from_str::<Value>(text) else {
        return;
    };
    // The holder is edited, so that the member can be removed where it stands.
    let (holder, member) = place.rsplit_once('.').unwrap_or(("", place));
    pattern::edit(value, holder, &mut |at| {
        if let Value::Object(members) = at
            && members.get(member) == Some(&default)
        {
            members.remove(member);
        }
    });
}

fn keyed(items: Vec<Value>, key: &str) -> Value {
    let mut items = items;
    json::sort_bag(&mut items);
    let mut by_key = Map::new();
    for item in items {
        let name = key_of(&item, key);
        let mut unique = name.clone();
        let mut count = 1;
        while by_key.contains_key(&unique) {
            count += 1;
            unique = format!("{name}#{count}");
        }
        by_key.insert(unique, item);
    }
    Value::Object(by_key)
}

fn key_of(item: &Value, key: &str) -> String {
    let parts: Vec<String> = key
        .split('+')
        .map(|member| match item.get(member) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => json::canonical(other),
            None => String::new(),
        })
        .collect();
    parts.join("+")
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

fn drop_empty(value: &mut Value) {
    if let Value::Object(members) = value {
        members
            .iter_mut()
            .for_each(|(_, member)| drop_empty(member));
        members.retain(|_, member| !is_empty(member));
    }
}
