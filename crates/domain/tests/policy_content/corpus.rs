//! Real exports, where they are at hand beside the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::canonical::{self, Reading};
use domain::capture;
use domain::policy_type::{self, PolicyType};
use domain::references::ReferenceCatalog;
use serde_json::Value;

use crate::{model, roundtrip};

struct Export {
    file: String,
    origin: String,
    repo: String,
    object: Value,
    row: &'static PolicyType,
}

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/corpus");
    if folder.join("manifest.jsonl").is_file() {
        return Some(folder);
    }
    println!("skipped: the real exports are not at hand (shared/data/corpus)");
    None
}

fn text_of(bytes: &[u8]) -> String {
    let wide = |order: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..]
            .chunks_exact(2)
            .map(|pair| order([pair[0], pair[1]]))
            .collect();
        String::from_utf16(&units).unwrap()
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8(rest.to_vec()).unwrap(),
        _ => String::from_utf8(bytes.to_vec()).unwrap(),
    }
}

fn exports() -> Option<Vec<Export>> {
    let folder = folder()?;
    let manifest = std::fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    let exports = manifest
        .lines()
        .filter_map(|line| {
            let entry: Value = serde_json::from_str(line).unwrap();
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            let rows: Vec<&PolicyType> = policy_type::all()
                .iter()
                .filter(|row| {
                    row.path
                        .ends_with(&format!("/{}", collection(&text("policyType"))))
                })
                .collect();
            if rows.is_empty() || text("shape") != "object" {
                return None;
            }
            let bytes = std::fs::read(folder.join(text("file"))).unwrap();
            let object: Value = serde_json::from_str(&text_of(&bytes)).unwrap();
            let row = rows
                .into_iter()
                .find(|row| capture::belongs(row, &object))?;
            Some(Export {
                file: text("file"),
                origin: text("origin"),
                repo: text("sourceRepo"),
                object,
                row,
            })
        })
        .collect();
    Some(exports)
}

fn collection(policy_type: &str) -> &str {
    match policy_type {
        "conditionalAccessPolicies" => "conditionalAccess/policies",
        other => other,
    }
}

#[test]
fn every_real_export_is_captured_created_and_read_back_as_planned() {
    let Some(exports) = exports() else { return };
    let mut created: BTreeMap<&str, usize> = BTreeMap::new();
    let mut held: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for export in exports
        .iter()
        .filter(|export| export.origin == "real-export")
    {
        let policy = roundtrip::is_stable(export.row, &export.object);
        // What every tenant has, and what is only shown, is never created.
        let default = export.object.get("priority") == Some(&serde_json::json!(0));
        if default || !export.row.promotable() {
            continue;
        }
        match roundtrip::create(export.row, &policy) {
            Ok(_) => *created.entry(export.row.key).or_default() += 1,
            Err(code) => held
                .entry((export.row.key, code))
                .or_default()
                .push(export.file.clone()),
        }
    }
    println!("created {created:?}\nheld {held:#?}");
    let total: usize = created.values().sum();
    let holds: usize = held.values().map(Vec::len).sum();
    assert!(total > 300, "{total}");
    assert!(holds * 50 < total, "{held:#?}");
    assert!(
        held.keys()
            .all(|(_, code)| *code == "certificate_binding_not_captured"),
        "{held:#?}"
    );
}

#[test]
fn hand_written_templates_never_panic() {
    let Some(exports) = exports() else { return };
    for export in &exports {
        if let Ok(policy) = capture::capture(
            export.row,
            model::raw(export.row, export.object.clone()),
            &model::key(),
        ) {
            let (_, _, landing) = model::tenants(&policy);
            let _ = model::build(export.row, &policy, None, &landing, model::MAP);
        }
    }
}

#[test]
fn two_export_forms_of_one_policy_are_equal() {
    let Some(exports) = exports() else { return };
    let catalog = ReferenceCatalog::default();
    let mut by_identity: BTreeMap<String, Vec<(&Export, String)>> = BTreeMap::new();
    for export in exports
        .iter()
        .filter(|export| export.repo.ends_with("OpenIntuneBaseline"))
    {
        let policy = model::captured(export.row, export.object.clone());
        let prints = canonical::fingerprints(export.row, &policy, Reading::Meaning(&catalog));
        let settings = prints.facets[&domain::model::Facet::Settings].clone();
        by_identity
            .entry(format!("{} {}", export.row.key, policy.identity_key))
            .or_default()
            .push((export, settings));
    }
    let pairs: Vec<_> = by_identity
        .values()
        .filter(|forms| forms.len() > 1)
        .collect();
    assert!(pairs.len() >= 19, "{}", pairs.len());
    let equal = |forms: &Vec<(&Export, String)>| forms.iter().all(|form| form.1 == forms[0].1);
    let (same, edited): (Vec<_>, Vec<_>) = pairs.into_iter().partition(|forms| equal(forms));
    assert!(same.len() >= 18, "{}", same.len());
    // What differs was edited between the two exports.
    for forms in edited {
        let modified = |index: usize| forms[index].0.object["lastModifiedDateTime"].clone();
        assert_ne!(modified(0), modified(1), "{}", forms[0].0.file);
    }
}

#[test]
fn a_changed_copy_of_a_real_policy_is_updated_to_the_source() {
    let Some(exports) = exports() else { return };
    let mut previous: BTreeMap<(&str, String), Value> = BTreeMap::new();
    let mut updated = 0;
    for export in exports
        .iter()
        .filter(|export| export.origin == "real-export")
    {
        let policy = model::captured(export.row, export.object.clone());
        let Ok(_) = roundtrip::create(export.row, &policy) else {
            continue;
        };
        // Whatever else of the same kind stands in the target becomes the source's copy.
        let kind = (export.row.key, identity_parts(&policy.identity_key));
        if let Some(other) = previous.insert(kind, export.object.clone())
            && same_template(&other, &export.object)
        {
            let other = model::captured(export.row, other);
            let (_, _, landing) = model::tenants(&other);
            let written = model::build(export.row, &other, None, &landing, model::MAP).unwrap();
            let standing = model::carry_out(export.row, &written, None);
            roundtrip::update(export.row, &policy, standing);
            updated += 1;
        }
    }
    assert!(updated > 150, "{updated}");
}

fn identity_parts(key: &str) -> String {
    let value: Value = serde_json::from_str(key).unwrap();
    value["parts"].to_string()
}

fn same_template(a: &Value, b: &Value) -> bool {
    let id = |value: &Value| {
        value["templateReference"]["templateId"]
            .as_str()
            .unwrap_or("")
            .to_ascii_lowercase()
    };
    id(a) == id(b)
}
