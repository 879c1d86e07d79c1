//! Laws of the canonical form, family by family, on generated policies: bringing it into form twice is
//! once; what the normal form calls noise changes nothing (order of sets, bags and keyed lists, order
//! of flags, letter case of ids, nulls, annotations, what is empty where that says nothing); and every
//! real change of any leaf changes the form.

use domain::capture;
use domain::enrollment_notification;
use domain::json::pattern;
use domain::model::CapturedPolicy;
use domain::policy_type::{self, PolicyType};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::{families, model, roundtrip, samples};

/// What capture drops at the root of every type, and the names of children's own ids.
const STATE: [&str; 9] = [
    "id",
    "createdDateTime",
    "lastModifiedDateTime",
    "modifiedDateTime",
    "createdBy",
    "lastModifiedBy",
    "supportsScopeTags",
    "isAssigned",
    "assignments",
];

/// The form as one digest: name, state and every facet, ids as they stand.
fn form(row: &PolicyType, object: &Value) -> String {
    captured(row, object).content_hash
}

fn captured(row: &PolicyType, object: &Value) -> CapturedPolicy {
    model::captured(row, object.clone())
}

/// Pointers of all leaves.
fn leaves(value: &Value, pointer: &str, found: &mut Vec<String>) {
    let below = |name: &str| format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                leaves(member, &below(name), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &below(&index.to_string()), found);
            }
        }
        Value::Null => {}
        _ => found.push(pointer.to_owned()),
    }
}

/// Whether the registry or the normal form says that the place is noise.
fn is_noise(row: &PolicyType, pointer: &str) -> bool {
    let segments: Vec<&str> = pointer.split('/').skip(1).collect();
    let root = segments[0];
    if STATE.contains(&root) && !(root == "id" && segments.len() > 1) {
        return true;
    }
    // Annotations; which version of a template a value came from; the kind of a setting, which
    // follows from its definition; words of the service on an assignment.
    let in_tree = segments.contains(&"settingInstance") || root == "settings";
    let noise = |name: &&str| {
        name.contains('@') && (in_tree || *name != "@odata.type")
            || name.ends_with("TemplateReference")
    };
    if segments.iter().any(noise) && root != "templateReference" {
        return true;
    }
    // An app category is linked by its id; the rest is its own.
    if row.key == "mobileApps" && root == "categories" && segments.last() != Some(&"id") {
        return true;
    }
    // The templates say what holds.
    if enrollment_notification::has_templates(row)
        && enrollment_notification::ECHOES.contains(&root)
    {
        return true;
    }
    // Graph expands a strength that is written by its id alone.
    let strength = "/grantControls/authenticationStrength/";
    if pointer.starts_with(strength) && pointer != format!("{strength}id") {
        return true;
    }
    let said = [row.server_state, row.ignored].concat();
    (1..=segments.len()).any(|length| {
        let prefix = format!("/{}", segments[..length].join("/"));
        said.iter().any(|place| pattern::names(place, &prefix))
    })
}

/// Another value of the same kind that stands nowhere else.
fn changed(row: &PolicyType, pointer: &str, value: &Value) -> Value {
    let base64 = row
        .base64
        .iter()
        .any(|place| pattern::names(place, pointer));
    match value {
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => json!(number.as_f64().unwrap() + 1.0),
        // YWZ0ZXI= is a text of its own.
        Value::String(_) if base64 => json!("YWZ0ZXI="),
        Value::String(text) if text.len() == 36 && text.contains('-') => {
            json!("deadbeef-0000-4000-8000-00000000beef")
        }
        Value::String(text) if text.starts_with('#') => json!("#microsoft.graph.another"),
        Value::String(text) if text.contains('T') && text.ends_with('Z') => {
            json!("2031-07-08T09:10:11Z")
        }
        _ => json!("changed-beyond-doubt"),
    }
}

/// Every leaf that is not noise: changing it changes the form.
fn assert_sensitive(row: &PolicyType, object: &Value, only: Option<prop::sample::Index>) {
    let before = form(row, object);
    let mut places = Vec::new();
    leaves(object, "", &mut places);
    places.retain(|place| !is_noise(row, place));
    // Where the group says which apps are meant, the service makes the list.
    if object["appGroupType"]
        .as_str()
        .is_some_and(|group| group.starts_with("all"))
    {
        places.retain(|place| !place.starts_with("/apps/"));
    }
    if let Some(only) = only {
        places = places
            .get(only.index(places.len().max(1)))
            .cloned()
            .into_iter()
            .collect();
    }
    for place in places {
        let mut other = object.clone();
        let leaf = other.pointer_mut(&place).unwrap();
        *leaf = changed(row, &place, leaf);
        let raw = model::raw(row, other);
        if let Ok(policy) = capture::capture(row, raw, &model::key()) {
            assert_ne!(
                policy.content_hash, before,
                "{} {place} of {object:#}",
                row.key
            );
        }
    }
}

/// Whether the order of the items at a pointer says nothing.
fn is_unordered(row: &PolicyType, pointer: &str) -> bool {
    let tree = row
        .sub_collections
        .iter()
        .any(|sub| sub.property == "settings")
        || pointer.starts_with("/settingInstance");
    let in_tree = tree
        && (pointer == "/settings"
            || pointer.ends_with("CollectionValue")
            || pointer.ends_with("/children"));
    in_tree
        || pointer == "/assignments"
        || row
            .scope_tags
            .is_some_and(|name| pointer == format!("/{name}"))
        || row.sets.iter().any(|place| pattern::names(place, pointer))
        || row
            .keyed
            .iter()
            .any(|(place, _)| pattern::names(place, pointer))
}

fn is_guid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// A copy full of noise; `seed` decides which.
fn noisy(row: &PolicyType, value: &Value, pointer: &str, seed: u64) -> Value {
    let next = |salt: usize| {
        seed.wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(salt as u64 + 1)
            >> 3
    };
    match value {
        Value::Object(members) => {
            let mut copy: Map<String, Value> = members
                .iter()
                .rev()
                .enumerate()
                .map(|(salt, (name, member))| {
                    let at = format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"));
                    (name.clone(), noisy(row, member, &at, next(salt)))
                })
                .collect();
            copy.insert(format!("absent{}", seed % 5), Value::Null);
            copy.insert("value@odata.context".to_owned(), json!("https://graph"));
            if pointer.is_empty() {
                copy.insert("#microsoft.graph.assign".to_owned(), json!({"target": "x"}));
                copy.insert("createdDateTime".to_owned(), json!("2020-01-01T00:00:00Z"));
                if row.empty_is_absent.contains(&"") {
                    copy.insert("emptyList".to_owned(), json!([]));
                    copy.insert("hollow".to_owned(), json!({"inside": [], "more": {}}));
                }
            }
            Value::Object(copy)
        }
        Value::Array(items) => {
            let mut items: Vec<Value> = items
                .iter()
                .enumerate()
                .map(|(index, item)| noisy(row, item, &format!("{pointer}/{index}"), next(index)))
                .collect();
            if is_unordered(row, pointer) && !items.is_empty() {
                let by = usize::try_from(seed % items.len() as u64).unwrap();
                items.rotate_left(by);
                if seed.is_multiple_of(2) {
                    items.reverse();
                }
            }
            Value::Array(items)
        }
        Value::String(text) if is_guid(text) && seed.is_multiple_of(2) => {
            json!(text.to_ascii_uppercase())
        }
        Value::String(text) if row.flags.iter().any(|place| pattern::names(place, pointer)) => {
            let words: Vec<&str> = text.split(',').rev().collect();
            json!(words.join(if seed.is_multiple_of(2) { "," } else { ", " }))
        }
        other => other.clone(),
    }
}

fn assert_noise_says_nothing(row: &PolicyType, object: &Value, seed: u64) {
    let noise = noisy(row, object, "", seed);
    assert_eq!(
        form(row, object),
        form(row, &noise),
        "{}: {object:#} and {noise:#}",
        row.key
    );
}

#[test]
fn every_leaf_of_every_sample_matters_or_the_registry_says_why_not() {
    for (key, object) in samples::all() {
        assert_sensitive(policy_type::find(key).unwrap(), &object, None);
    }
}

fn families_hold(key: &str, object: &Value, seed: u64, leaf: prop::sample::Index) {
    let row = policy_type::find(key).unwrap();
    roundtrip::is_stable(row, object);
    assert_noise_says_nothing(row, object, seed);
    assert_sensitive(row, object, Some(leaf));
}

macro_rules! laws_of {
    ($($name:ident: $key:literal, $strategy:expr;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig::with_cases(200))]
            $(
                #[test]
                fn $name(object in $strategy, seed in any::<u64>(), leaf in any::<prop::sample::Index>()) {
                    families_hold($key, &object, seed, leaf);
                }
            )*
        }
    };
}

laws_of! {
    settings_catalogue: "configurationPolicies", families::settings_catalogue();
    settings_catalogue_compliance: "compliancePolicies", families::settings_compliance();
    reusable_setting: "reusablePolicySettings", families::reusable_setting();
    custom_profile: "deviceConfigurations", families::custom_profile();
    update_ring: "windowsUpdateRings", families::update_ring();
    compliance: "deviceCompliancePolicies", families::compliance();
    conditional_access: "conditionalAccessPolicies", families::conditional_access();
    named_location: "namedLocations", families::named_location();
    notification_template: "notificationMessageTemplates", families::notification_template();
    app_protection: "iosManagedAppProtections", families::app_protection();
    script: "deviceManagementScripts", families::script();
    role: "roleDefinitions", families::role();
}
