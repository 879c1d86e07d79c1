//! Properties that the registry does not know: shown in the diff, never written by a merge, a reason
//! to write nothing where a policy is replaced whole. And the other side of it: nothing of a real
//! export is called unknown.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::canonical::Reading;
use domain::diff;
use domain::policy_type::{self, PolicyType, UpdateVerb};
use domain::references::ReferenceCatalog;
use domain::verify;
use serde_json::{Value, json};

use crate::model::{self, KEEP, MAP};
use crate::{corpus, samples};

/// A copy of the object that grew a member at its root.
fn grown(object: &Value) -> Value {
    let mut object = object.clone();
    object["grownByGraph"] = json!({"level": 3});
    object
}

fn writes_it(written: &domain::steps::Written) -> bool {
    written.steps.iter().any(|step| {
        step.body
            .as_ref()
            .is_some_and(|body| body.to_string().contains("grownByGraph"))
    })
}

fn is_judged(row: &PolicyType, object: &Value) -> bool {
    let policy = model::captured(row, grown(object));
    let other = model::captured(row, object.clone());
    unwritable(row, &policy, &other) == ["/grownByGraph"]
}

fn unwritable(
    row: &PolicyType,
    source: &domain::model::CapturedPolicy,
    target: &domain::model::CapturedPolicy,
) -> Vec<String> {
    let catalog = ReferenceCatalog::default();
    let reading = Reading::Meaning(&catalog);
    diff::diff(row, (source, reading), (target, reading))
        .into_iter()
        .filter(|change| !change.writable)
        .map(|change| change.path)
        .collect()
}

#[test]
fn every_sample_that_grows_a_property_shows_it_and_does_not_write_it() {
    let mut put = BTreeSet::new();
    let mut patch = BTreeSet::new();
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let plain = model::captured(row, object.clone());
        let (_, _, landing) = model::tenants(&plain);
        if !row.promotable() || model::build(row, &plain, None, &landing, MAP).is_err() {
            continue;
        }
        assert!(is_judged(row, &object), "{key}");
        let source = model::captured(row, grown(&object));
        let made = model::build(row, &source, None, &landing, MAP);
        let update = model::build(row, &source, Some(&plain), &landing, MAP);
        let overwrite = model::build(row, &plain, Some(&source), &landing, MAP);
        if row.update == UpdateVerb::Put {
            put.insert(key);
            for refused in [made, update, overwrite] {
                let error = refused.unwrap_err();
                assert_eq!(error.code, "unknown_property", "{key}");
                assert!(error.message.contains("/grownByGraph"), "{error}");
            }
            continue;
        }
        patch.insert(key);
        let written = made.unwrap();
        assert!(!writes_it(&written), "{key}");
        let copy = model::carry_out(row, &written, None);
        let copy = domain::capture::capture(row, copy, &model::key()).unwrap();
        let nothing = BTreeMap::new();
        verify::check(row, &written.expected, &copy, &nothing, MAP, true)
            .unwrap_or_else(|found| panic!("{key}: {found:?}"));
        // Neither brought nor cleared by an update.
        for written in [update, overwrite].into_iter().flatten() {
            assert!(!writes_it(&written), "{key}");
        }
    }
    assert!(put.len() >= 3 && patch.len() >= 20, "{put:?} {patch:?}");
}

#[test]
fn a_condition_nobody_knows_holds_a_conditional_access_policy() {
    let row = policy_type::find("conditionalAccessPolicies").unwrap();
    let (_, mut object) = samples::all()
        .into_iter()
        .find(|(key, _)| *key == "conditionalAccessPolicies")
        .unwrap();
    object["conditions"]["grownCondition"] = json!({"include": ["x"]});
    let source = model::captured(row, object);
    let (_, _, landing) = model::tenants(&source);
    let error = model::build(row, &source, None, &landing, KEEP).unwrap_err();
    assert_eq!(error.code, "unknown_property");
    assert!(
        error.message.contains("/conditions/grownCondition"),
        "{error}"
    );
}

#[test]
fn nothing_of_a_real_export_is_called_unknown() {
    let Some(exports) = corpus::exports() else {
        return;
    };
    let mut judged: BTreeMap<&str, usize> = BTreeMap::new();
    let mut wrong = Vec::new();
    for export in exports
        .iter()
        .filter(|export| export.origin == "real-export")
    {
        let bare = json!({"id": "1", export.row.name_property: "A name"});
        let policy = model::captured(export.row, export.object.clone());
        let found = unwritable(export.row, &policy, &model::captured(export.row, bare));
        let (_, _, landing) = model::tenants(&policy);
        let refused = model::build(export.row, &policy, None, &landing, MAP)
            .is_err_and(|error| error.code == "unknown_property");
        if !found.is_empty() || refused {
            wrong.push((&export.file, found));
        }
        *judged.entry(export.row.key).or_default() += 1;
    }
    println!("judged {judged:?}");
    // Three files hold names that Graph never answered: their exporter or their author put them in.
    let planted = [
        "deviceConfigurationId",
        "deviceConfigurationODataType",
        "managedEmailProfileRequired",
        "windows10CustomConfigurationReferenceUrl",
    ];
    wrong.retain(|(_, found)| {
        found.is_empty() || !found.iter().all(|place| planted.contains(&&place[1..]))
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Root members that the type is known to have as plain values, that the object does not set and that
/// the row says nothing of.
pub(crate) fn free_names(row: &PolicyType, object: &Value) -> Vec<String> {
    let text = include_str!("../../schema/known-properties.txt");
    let declared = text
        .lines()
        .find_map(|line| line.strip_prefix(&format!("{} = ", row.path)));
    let own = policy_type::odata_type(object);
    let mut kind = if own.is_empty() {
        declared.unwrap_or_default()
    } else {
        own
    };
    let mut names = Vec::new();
    while !kind.is_empty() {
        let mut lines = text.lines().skip_while(|line| {
            let head = line.trim_start_matches("open ");
            head.starts_with([' ', '#', '/']) || head.split(' ').next() != Some(kind)
        });
        let head = lines.next().unwrap();
        let own = lines.take_while(|line| line.starts_with("  "));
        names.extend(own.flat_map(str::split_whitespace).map(str::to_owned));
        kind = head.split_once(" : ").map_or("", |(_, base)| base);
    }
    let row_text = format!("{row:?}");
    let state = [
        "createdDateTime",
        "modifiedDateTime",
        "lastModifiedDateTime",
        "createdBy",
        "lastModifiedBy",
    ];
    names.retain(|name| {
        let said = row_text.contains(bare(name)) || state.contains(&bare(name));
        // Plain values that are written.
        !name.contains([':', '!', '~'])
            && object.get(bare(name)).is_none()
            && !said
            && bare(name) != "id"
            && bare(name) != "assignments"
    });
    for name in &mut names {
        *name = bare(name).to_owned();
    }
    names
}

/// A name without what the list says of its value.
fn bare(word: &str) -> &str {
    word.split([':', '=', '!', '~']).next().unwrap_or(word)
}

/// The list, read without the code that reads it in the product.
fn listed() -> BTreeMap<String, BTreeSet<String>> {
    let text = include_str!("../../schema/known-properties.txt");
    let mut list: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| !line.starts_with(['#', '/'])) {
        if let Some(words) = line.strip_prefix("  ") {
            let names = words.split(' ').map(bare);
            list.get_mut(&current)
                .unwrap()
                .extend(names.map(str::to_owned));
        } else {
            let name = line.trim_start_matches("open ").split(' ').next();
            name.unwrap().clone_into(&mut current);
            list.insert(current.clone(), BTreeSet::new());
        }
    }
    list
}

#[test]
fn the_list_is_the_published_description_of_graph() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/graph-contract.json");
    let Ok(text) = std::fs::read(&path) else {
        println!(
            "skipped: the description of Graph is not at hand (shared/data/graph-contract.json)"
        );
        return;
    };
    let contract: Value = serde_json::from_slice(&text).unwrap();
    let mut differing = Vec::new();
    for (name, ours) in listed() {
        let full = format!("microsoft.graph.{name}");
        let mut theirs = BTreeSet::new();
        for version in ["beta", "v1.0"] {
            let kind = &contract["versions"][version]["types"][&full];
            for part in ["properties", "navigationProperties"] {
                theirs.extend(
                    kind[part]
                        .as_object()
                        .into_iter()
                        .flatten()
                        .map(|(name, _)| name.clone()),
                );
            }
        }
        let seen = contract["observedUnlisted"].as_object().unwrap().keys();
        theirs.extend(
            seen.filter_map(|key| key.strip_prefix(&format!("{full}/")).map(str::to_owned)),
        );
        if ours != theirs {
            differing.push(format!("{name}: {:?}", ours.symmetric_difference(&theirs)));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn whatever_the_simulator_takes_is_known() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../graph-sim/schema");
    let ours = listed();
    let mut compared = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let Some(words) = line.strip_prefix("  ") else {
                let words: Vec<&str> = line
                    .split(' ')
                    .filter(|word| *word != "abstract" && *word != "open")
                    .collect();
                let is_type = matches!(words.first(), Some(&"entity" | &"complex"));
                current = if is_type {
                    words[1].to_owned()
                } else {
                    String::new()
                };
                continue;
            };
            let Some(known) = ours.get(&current) else {
                continue;
            };
            for word in words.split_whitespace() {
                let name = word.split(':').next().unwrap();
                assert!(known.contains(name), "{current}/{name}");
                compared += 1;
            }
        }
    }
    assert!(compared > 500, "{compared}");
}
