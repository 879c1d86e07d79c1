//! Real exports, where they are at hand beside the repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use domain::canonical::Reading;
use domain::capture;
use domain::compare::SubjectState;
use domain::model::CapturedPolicy;
use domain::policy_type::{self, PolicyType};
use domain::references::ReferenceCatalog;
use serde_json::Value;

use crate::two_tenants::{Side, comparison};
use crate::{model, roundtrip};

pub(crate) struct Export {
    pub(crate) file: String,
    pub(crate) origin: String,
    repo: String,
    pub(crate) object: Value,
    pub(crate) row: &'static PolicyType,
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

pub(crate) fn exports() -> Option<Vec<Export>> {
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
    assert!(total > 300, "{total}");
    // Three policies stand on agents, which no published description of Graph has.
    assert!(
        held.keys()
            .all(|(_, code)| *code == "condition_not_writable"),
        "{held:#?}"
    );
    assert!(held.values().map(Vec::len).sum::<usize>() <= 3, "{held:#?}");
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

/// The one of the nineteen that was edited between its two exports, and what was edited: three options.
const EDITED: &str = "MacOS - OIB - Microsoft AutoUpdate - D - MAU Configuration - v1.0";
const EDITED_SETTINGS: [&str; 3] = [
    "com.apple.managedclient.preferences_channelname",
    "com.apple.managedclient.preferences_guardagainstappmodification",
    "com.apple.managedclient.preferences_updateroptimization",
];

/// Gives the options of the edited settings in `object` the values they have in `other`.
fn undo_edit(object: &mut Value, other: &Value) {
    let option = |value: &Value, definition: &str| {
        let settings = value["settings"].as_array().unwrap();
        let at = settings
            .iter()
            .position(|one| one["settingInstance"]["settingDefinitionId"] == definition);
        let at = at.unwrap();
        (
            at,
            settings[at]["settingInstance"]["choiceSettingValue"]["value"].clone(),
        )
    };
    for definition in EDITED_SETTINGS {
        let (at, ours) = option(object, definition);
        let (_, theirs) = option(other, definition);
        assert_ne!(ours, theirs, "{definition}");
        object["settings"][at]["settingInstance"]["choiceSettingValue"]["value"] = theirs;
    }
}

/// Nineteen policies are present as IntuneManagement wrote them and as Graph answered them. One of
/// them was edited in between: in its own two forms it differs in exactly the three options that were
/// edited, and in nothing once they are alike.
#[test]
fn nineteen_policies_in_two_export_forms_match_themselves() {
    let Some(exports) = exports() else { return };
    let mut by_identity: BTreeMap<String, Vec<&Export>> = BTreeMap::new();
    for export in exports
        .iter()
        .filter(|export| export.repo.ends_with("OpenIntuneBaseline"))
    {
        let policy = model::captured(export.row, export.object.clone());
        by_identity
            .entry(format!("{} {}", export.row.key, policy.identity_key))
            .or_default()
            .push(export);
    }
    by_identity.retain(|_, forms| forms.len() > 1);
    assert_eq!(by_identity.len(), 19);
    let mut edited = 0;
    for forms in by_identity.values() {
        let [managed, native] = forms[..] else {
            panic!("{} forms of {}", forms.len(), forms[0].file)
        };
        let row = managed.row;
        let native_policy = model::captured(row, native.object.clone());
        let mut object = managed.object.clone();
        if native_policy.display_name == EDITED {
            let found = changes(row, &model::captured(row, object.clone()), &native_policy);
            let paths =
                EDITED_SETTINGS.map(|one| format!("/settings/{one}/choiceSettingValue/value"));
            assert_eq!(found, paths);
            undo_edit(&mut object, &native.object);
            edited += 1;
        }
        let policy = model::captured(row, object);
        assert!(
            changes(row, &policy, &native_policy).is_empty(),
            "{}",
            native.file
        );
        assert_eq!(
            compared(row, policy, native_policy),
            SubjectState::Match,
            "{}",
            native.file
        );
    }
    assert_eq!(edited, 1);
}

fn changes(row: &PolicyType, source: &CapturedPolicy, target: &CapturedPolicy) -> Vec<String> {
    let catalog = ReferenceCatalog::new([], ["scope_tag".to_owned()]);
    let reading = Reading::Meaning(&catalog);
    let changes = domain::diff::diff(row, (source, reading), (target, reading));
    changes.into_iter().map(|change| change.path).collect()
}

/// The state that a compare of two tenants gives, each of which holds one of the two.
fn compared(
    row: &'static PolicyType,
    source: CapturedPolicy,
    target: CapturedPolicy,
) -> SubjectState {
    let side = |tenant, policy| Side::new(tenant, vec![(row, policy)], Vec::new());
    let comparison = comparison(&side(1, source), &side(2, target));
    assert_eq!(comparison.subjects.len(), 1);
    comparison.subjects[0].state
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
