//! The laws of the canonical form and the diff on any content of any type: the order of members says
//! nothing, reading twice gives the same, an object never differs from itself, and two objects
//! differ exactly when the diff shows a change.
#![no_main]

use domain::canonical::{self, Reading};
use domain::capture::{self, RawPolicy};
use domain::diff;
use domain::model::{CapturedPolicy, Facet};
use domain::policy_type::{self, PolicyType};
use domain::secret::SecretKey;
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fn reversed(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .rev()
                .map(|(name, member)| (name.clone(), reversed(member)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => items.iter().map(reversed).collect(),
        other => other.clone(),
    }
}

fn captured(row: &PolicyType, content: &Value, backwards: bool) -> Option<CapturedPolicy> {
    let mut item = if backwards {
        reversed(content)
    } else {
        content.clone()
    };
    let members = item.as_object_mut()?;
    members.insert("id".to_owned(), "id-1".into());
    members.insert(row.name_property.to_owned(), "A name".into());
    let parts = |members: &mut Map<String, Value>, name: &str| match members.remove(name) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    };
    let raw = RawPolicy {
        sub_collections: row
            .sub_collections
            .iter()
            .map(|sub| (sub.property.to_owned(), parts(members, sub.property)))
            .collect(),
        assignments: row.assignments.map(|_| parts(members, "assignments")),
        item,
    };
    let key = SecretKey {
        key_id: "k".to_owned(),
        key: vec![7; 32],
    };
    capture::capture(row, raw, &key).ok()
}

fuzz_target!(|input: (u8, &str)| {
    let (choice, text) = input;
    let Ok(Value::Array(pair)) = serde_json::from_str::<Value>(text) else {
        return;
    };
    let rows = policy_type::all();
    let Some(row) = rows.get(usize::from(choice) % rows.len()) else {
        return;
    };
    let read = |content: &Value, backwards| captured(row, content, backwards);
    let policies: Vec<CapturedPolicy> =
        pair.iter().take(2).filter_map(|c| read(c, false)).collect();
    for (content, policy) in pair
        .iter()
        .filter(|content| content.is_object())
        .zip(&policies)
    {
        let Some(again) = read(content, true) else {
            continue;
        };
        assert_eq!(
            canonical::fingerprints(row, policy, Reading::Raw),
            canonical::fingerprints(row, &again, Reading::Raw)
        );
        assert_eq!(
            diff::diff(row, (policy, Reading::Raw), (&again, Reading::Raw)),
            vec![]
        );
    }
    let [one, other] = policies.as_slice() else {
        return;
    };
    let prints = |policy| canonical::fingerprints(row, policy, Reading::Raw);
    let changes = diff::diff(row, (one, Reading::Raw), (other, Reading::Raw));
    for facet in Facet::ALL {
        let same = prints(one).facets.get(&facet) == prints(other).facets.get(&facet);
        let shown = changes
            .iter()
            .any(|change| change.facet == facet && change.path != "/state");
        assert_eq!(same, !shown, "{facet:?}: {changes:?}");
    }
});
