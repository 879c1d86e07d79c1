//! Whatever Graph answers: an error body of any bytes is decoded into short clean texts, any
//! `Retry-After` gives a wait within its bounds.
#![no_main]

use chrono::DateTime;
use libfuzzer_sys::fuzz_target;

#[path = "../../crates/graph/src/error_body.rs"]
#[allow(
    dead_code,
    reason = "the graph crate's own file; not all of it is used here"
)]
mod error_body;
#[path = "../../crates/graph/src/retry_after.rs"]
#[allow(
    dead_code,
    reason = "the graph crate's own file; not all of it is used here"
)]
mod retry_after;

fuzz_target!(|bytes: &[u8]| {
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
    let text = String::from_utf8_lossy(bytes);
    let mut hints = vec![text.clone().into_owned()];
    if let Some(error) = error_body::GraphError::decode(bytes) {
        assert!(error.message.chars().count() <= 600, "{error:?}");
        assert!(error.code.chars().count() <= 120, "{error:?}");
        assert!(error.evidence.chars().count() <= 4_000, "{error:?}");
        for shown in [&error.message, &error.code] {
            assert!(!shown.chars().any(char::is_control), "{error:?}");
        }
        assert_eq!(error_body::GraphError::decode(bytes).as_ref(), Some(&error));
        hints.extend(error.retry_after);
    }
    for (attempt, hint) in hints.iter().enumerate() {
        let asked = retry_after::parse(hint, now);
        let attempt = u32::try_from(attempt).unwrap_or_default();
        for random in [0.0, 0.5, 1.0, f64::NAN] {
            let wait = retry_after::wait(asked, attempt, random);
            assert!(
                (retry_after::FLOOR..=retry_after::CAP).contains(&wait),
                "{hint:?}"
            );
            assert!(
                asked.is_none_or(|asked| wait >= asked.min(retry_after::CAP)),
                "{hint:?}"
            );
        }
    }
});
