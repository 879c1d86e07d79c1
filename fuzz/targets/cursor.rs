//! Any text as a cursor: refused, or exactly what packing its parts gives again.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/api/src/cursor.rs"]
mod cursor;

fuzz_target!(|input: (u8, &str)| {
    let (parts, text) = input;
    let parts = usize::from(parts % 4);
    for list in ["runs", "tenants"] {
        if let Some(found) = cursor::decode(text, list, parts) {
            assert_eq!(found.len(), parts);
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            let packed = cursor::encode(list, &found);
            assert_eq!(packed, text, "two texts for one cursor");
            assert_eq!(
                cursor::decode(&packed, list, parts).map(|again| again.len()),
                Some(parts)
            );
        }
    }
    // What is packed comes back, unless a part holds what no part of ours holds.
    if !text.contains(['\0', '\u{1f}']) && text.len() < 1_000 {
        let packed = cursor::encode("runs", &[text, "x"]);
        assert_eq!(
            cursor::decode(&packed, "runs", 2),
            Some(vec![text.to_owned(), "x".to_owned()])
        );
    }
});
