//! What the documents name exists.
#![expect(clippy::unwrap_used, reason = "tests may stop where they stand")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every Rust file of a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                files(&path, found);
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// Every Rust file of the repository.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in ["crates", "tests"] {
        files(&root().join(folder), &mut found);
    }
    found
}

/// Every function of the repository's Rust files, by name.
fn functions() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for path in sources() {
        for line in fs::read_to_string(&path).unwrap().lines() {
            let Some((_, rest)) = line.split_once("fn ") else {
                continue;
            };
            let name: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            found.insert(name);
        }
    }
    found
}

/// Words in code font that can only be the name of a test.
fn named(text: &str) -> BTreeSet<String> {
    text.split('`')
        .skip(1)
        .step_by(2)
        .filter(|word| word.matches('_').count() >= 3)
        .filter(|word| {
            word.chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        })
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_test_that_answers_a_complaint_exists() {
    let known = functions();
    let text = fs::read_to_string(root().join("docs/complaints.md")).unwrap();
    let named = named(&text);
    assert!(named.len() > 25, "{named:?}");
    let missing: Vec<&String> = named.difference(&known).collect();
    assert!(missing.is_empty(), "docs/complaints.md names {missing:?}");
}

/// The names of environment variables in a text.
fn variables(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'))
        .filter(|word| word.starts_with("PROMOTION_") && word.len() > 12)
        .filter(|word| !word.starts_with("PROMOTION_TEST_") && !word.ends_with('_'))
        .collect()
}

#[test]
fn every_setting_of_the_documents_is_one_that_is_read() {
    let known: BTreeSet<&str> = store::settings::KNOWN.iter().copied().collect();
    for file in ["docs/operations.md", "docker-compose.yml", "README.md"] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let strange: Vec<_> = variables(&text).difference(&known).copied().collect();
        assert!(strange.is_empty(), "{file} names {strange:?}");
    }
    let operations = fs::read_to_string(root().join("docs/operations.md")).unwrap();
    let silent: Vec<_> = known.difference(&variables(&operations)).copied().collect();
    assert!(
        silent.is_empty(),
        "docs/operations.md is silent on {silent:?}"
    );
    // What a process reads is known, or it would be warned of.
    for file in [
        "api/src/config.rs",
        "worker/src/config.rs",
        "cli/src/environment.rs",
    ] {
        let text = fs::read_to_string(root().join("crates").join(file)).unwrap();
        let strange: Vec<_> = variables(&text).difference(&known).copied().collect();
        assert!(
            strange.is_empty(),
            "{file} reads {strange:?}: store/src/settings.rs"
        );
    }
}

#[test]
fn the_compose_file_has_no_default_password_and_pins_its_images() {
    let text = fs::read_to_string(root().join("docker-compose.yml")).unwrap();
    for line in text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
    {
        let secret = line.contains("PASSWORD") || line.contains("_KEY");
        assert!(!(secret && line.contains(":-")), "a default: {line}");
        let image = line.trim().strip_prefix("image: ").unwrap_or_default();
        let ours = image.is_empty() || image.ends_with(":local");
        assert!(ours || image.contains('.'), "not an exact tag: {image}");
    }
    for role in ["promotion_api:", "promotion_worker:"] {
        assert!(text.contains(&format!("postgres://{role}")), "{role}");
    }
}

#[test]
fn every_rust_file_begins_with_what_it_is_about() {
    let sources = sources();
    assert!(sources.len() > 300, "{}", sources.len());
    let silent: Vec<PathBuf> = sources
        .into_iter()
        .filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "no `//!` line: {silent:#?}");
}
