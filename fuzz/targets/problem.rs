//! Whatever stands where the API should be answers: a problem document is read or it is not, and
//! nothing that is shown of it steers a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/cli/src/show/problem.rs"]
mod problem;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let steers = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}');
    assert!(!problem::clean(&text).contains(steers));
    let Some(document) = problem::read(&text) else {
        return;
    };
    // As `promotionctl` shows it: the first line cleaned line by line, the details already clean.
    for line in problem::line(&document).lines() {
        assert!(!problem::clean(line).contains(steers));
    }
    let details = problem::details(&document);
    assert!(!details.contains(|c| c != '\n' && steers(c)));
    // Nothing a server writes makes a line of its own: each begins as ours do.
    assert!(details.lines().skip(1).all(|line| line.starts_with("  ")));
});
