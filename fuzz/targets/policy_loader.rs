//! Any file as an export, any document as an object of any type: loaded and captured, or refused
//! with a code. Never a panic, never a capture that contradicts itself.
#![no_main]

use domain::capture::{self, RawPolicy};
use domain::policy_type;
use domain::secret::SecretKey;
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

#[path = "../../crates/graph-sim/src/loader/decode.rs"]
mod decode;

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let Ok(document) = decode::json(bytes) else {
        return;
    };
    // What was loaded is JSON that loads as itself.
    let text = document.to_string();
    if !document.is_string() {
        assert_eq!(decode::json(text.as_bytes()).as_ref(), Ok(&document));
    }
    let rows = policy_type::all();
    let Some(row) = rows.get(usize::from(choice) % rows.len()) else {
        return;
    };
    let key = SecretKey {
        key_id: "k".to_owned(),
        key: vec![7; 32],
    };
    let mut item = document;
    let belongs = capture::belongs(row, &item);
    assert!(!belongs || item.is_object());
    let part = item.get("parts").cloned();
    if let Value::Object(members) = &mut item {
        members.entry("id").or_insert_with(|| "id-1".into());
        members
            .entry(row.name_property)
            .or_insert_with(|| "A name".into());
    }
    let raw = RawPolicy {
        sub_collections: row
            .sub_collections
            .iter()
            .map(|sub| (sub.property.to_owned(), part.iter().cloned().collect()))
            .collect(),
        assignments: row.assignments.map(|_| part.iter().cloned().collect()),
        item,
    };
    match capture::capture(row, raw.clone(), &key) {
        Ok(policy) => {
            assert!(!policy.external_id.is_empty() && !policy.display_name.is_empty());
            assert_eq!(capture::capture(row, raw, &key).as_ref(), Ok(&policy));
        }
        Err(error) => assert!(!error.code.is_empty() && !error.message.is_empty()),
    }
});
