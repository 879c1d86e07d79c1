//! Laws that hold for every object, ours or generated.

use std::collections::BTreeMap;

use domain::canonical::{self, Reading};
use domain::capture::{self, RawPolicy};
use domain::model::Facet;
use domain::references::ReferenceCatalog;
use domain::{diff, policy_type, steps, verify};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::model::{self, KEEP, MAP};
use crate::{roundtrip, samples, unknown};

#[test]
fn every_sample_belongs_to_its_row_alone() {
    for (key, object) in samples::all() {
        let of = |path: &str| {
            policy_type::all()
                .iter()
                .filter(|row| row.path == path && capture::belongs(row, &object))
                .map(|row| row.key)
                .collect::<Vec<_>>()
        };
        let row = policy_type::find(key).unwrap();
        assert_eq!(of(row.path), [key]);
    }
}

#[test]
fn every_sample_is_created_and_read_back_as_planned() {
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let policy = roundtrip::is_stable(row, &object);
        roundtrip::create(row, &policy).unwrap();
    }
}

#[test]
fn a_poorer_or_richer_target_becomes_equal_to_the_source() {
    let mut cleared = 0;
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let source = model::captured(row, object.clone());
        let (_, _, landing) = model::tenants(&source);
        let copy = model::build(row, &source, None, &landing, KEEP).unwrap();
        let standing = model::carry_out(row, &copy, None);

        roundtrip::update(row, &source, standing.clone());

        let mut other = standing.clone();
        other.item["description"] = json!("something else");
        other.item[row.name_property] = json!("Another name");
        if row.update == policy_type::UpdateVerb::Patch {
            // An update clears what Graph is known to have, and leaves alone what it grew.
            let free = unknown::free_names(row, &object);
            cleared += usize::from(!free.is_empty());
            let values = [json!("set"), json!({"deep": {"value": 1}, "list": ["x"]})];
            for (name, value) in free.iter().zip(values) {
                other.item[name] = value;
            }
            other.item["grownByGraph"] = json!(1);
        }
        for link in policy_type::links_of(row, &object) {
            if link.to == policy_type::LinkTarget::Profile {
                let elsewhere = json!("0bbb0000-0000-4000-8000-0000000000ff");
                let several = json!([elsewhere]);
                other.item[link.property] = if link.many { several } else { elsewhere };
            }
        }
        for items in other.sub_collections.values_mut() {
            items.reverse();
            items.truncate(1);
        }
        roundtrip::update(row, &source, other);
    }
    assert!(cleared > 15, "{cleared}");
}

#[test]
fn an_item_of_a_list_has_the_identity_of_the_captured_object() {
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let policy = model::captured(row, object.clone());
        assert_eq!(
            capture::identity_of_list_item(row, &object),
            Some(policy.identity_key)
        );
    }
}

#[test]
fn every_call_is_one_of_the_listed_templates() {
    let listed = steps::write_templates();
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let policy = model::captured(row, object);
        let (_, _, landing) = model::tenants(&policy);
        let mut bare = policy.clone();
        bare.assignments = json!([]);
        if let Some(messages) = bare.content.get_mut("localizedNotificationMessages") {
            *messages = json!([{"locale": "fr-fr", "subject": "s", "messageTemplate": "m"}]);
        }
        for target in [None, Some(&bare)] {
            // The copy still has the source's ids: where those cannot change, it is no target.
            let is_list = |place: &&str| policy.content[*place].is_array();
            if target.is_some() && row.immutable.iter().any(is_list) {
                continue;
            }
            let written = model::build(row, &policy, target, &landing, MAP).unwrap();
            for step in written.steps {
                assert!(listed.contains(&(step.method, step.version, step.path_template)));
            }
        }
    }
}

#[test]
fn reads_of_the_source_are_never_writes() {
    for (method, _, path) in steps::write_templates() {
        assert!(matches!(
            method.as_str(),
            "POST" | "PATCH" | "PUT" | "DELETE"
        ));
        // All that is ever deleted: messages of a template, narrowings of a strength, single
        // assignments, links (never what they lead to), the device group of a policy.
        if method == "DELETE" {
            let child = path.contains("localizedNotificationMessages")
                || path.contains("combinationConfigurations")
                || path.ends_with("/assignments/{child}")
                || path.ends_with("/$ref")
                || path.ends_with("/clearEnrollmentTimeDeviceMembershipTarget");
            assert!(child, "{path}");
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("#microsoft.graph.omaSettingStringXml".to_owned()),
        Just("00000000-0000-0000-0000-000000000000".to_owned()),
        Just("2026-01-02T03:04:05Z".to_owned()),
        Just("block".to_owned()),
        Just("PGE+".to_owned()),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 48, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((member_name(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn member_name() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "@odata.type",
        "id",
        "name",
        "displayName",
        "description",
        "settings",
        "settingInstance",
        "settingDefinitionId",
        "children",
        "choiceSettingValue",
        "simpleSettingValue",
        "value",
        "groupSettingCollectionValue",
        "definitionValues",
        "definition",
        "presentationValues",
        "presentation",
        "classType",
        "label",
        "omaSettings",
        "omaUri",
        "conditions",
        "users",
        "excludeGroups",
        "grantControls",
        "authenticationStrength",
        "scheduledActionsForRule",
        "scheduledActionConfigurations",
        "actionType",
        "gracePeriodHours",
        "notificationTemplateId",
        "localizedNotificationMessages",
        "locale",
        "isDefault",
        "roleScopeTagIds",
        "assignments",
        "target",
        "groupId",
        "templateReference",
        "templateId",
        "payload",
        "$secret",
        "ref",
        "$text",
        "technologies",
        "a/b~c",
        "",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Whatever Graph answers: no panic, and what is captured is stable, equal to itself and
    /// covered by itself.
    #[test]
    fn any_answer_is_captured_or_refused(
        row in 0..policy_type::all().len(),
        mut item in any_json(),
        parts in prop::collection::vec(any_json(), 0..3),
        named in any::<bool>(),
    ) {
        let row = &policy_type::all()[row];
        if let (Value::Object(members), true) = (&mut item, named) {
            members.insert(row.name_property.to_owned(), json!("A name"));
            members.insert("id".to_owned(), json!("id-1"));
        }
        let _ = capture::belongs(row, &item);
        let _ = capture::identity_of_list_item(row, &item);
        let raw = RawPolicy {
            sub_collections: row.sub_collections.iter().map(|sub| (sub.property.to_owned(), parts.clone())).collect(),
            assignments: Some(parts),
            item,
        };
        let mut backwards = raw.clone();
        backwards.item = model::reordered(&raw.item);
        let Ok(policy) = capture::capture(row, raw, &model::key()) else { return Ok(()) };
        let again = capture::capture(row, backwards, &model::key()).unwrap();
        prop_assert_eq!(&policy.content_hash, &again.content_hash);
        let catalog = ReferenceCatalog::default();
        let reading = Reading::Meaning(&catalog);
        prop_assert_eq!(diff::diff(row, (&policy, reading), (&again, reading)), vec![]);
        prop_assert_eq!(canonical::fingerprints(row, &policy, reading), canonical::fingerprints(row, &again, reading));
        prop_assert_eq!(verify::reviewed_fingerprint(row, &policy, MAP), verify::reviewed_fingerprint(row, &again, MAP));
        let (_, _, landing) = model::tenants(&policy);
        for target in [None, Some(&again)] {
            if let Ok(written) = model::build(row, &policy, target, &landing, KEEP) {
                let _ = verify::check(row, &written.expected, &policy, &BTreeMap::new(), KEEP, target.is_none());
                let found = verify::check(row, &written.expected, &written.expected, &BTreeMap::new(), MAP, target.is_none());
                prop_assert!(found.is_ok(), "{:?}", found);
            }
        }
    }

    /// Sets and keyed arrays in any order, flags in any order: the same fingerprint.
    #[test]
    fn the_order_of_sets_says_nothing(seed in any::<u64>()) {
        for (key, object) in samples::all() {
            let row = policy_type::find(key).unwrap();
            let mut shuffled = object.clone();
            shuffle(&mut shuffled, seed);
            let one = model::captured(row, object);
            let two = model::captured(row, shuffled);
            let (catalog, _, _) = model::tenants(&one);
            let read = |policy| canonical::fingerprints(row, policy, Reading::Meaning(&catalog));
            prop_assert_eq!(read(&one), read(&two), "{}", key);
        }
    }
}

/// All lists of our samples are sets, bags or keyed.
fn shuffle(value: &mut Value, seed: u64) {
    match value {
        Value::Array(items) => {
            if !items.is_empty() {
                let by = usize::try_from(seed % items.len() as u64).unwrap();
                items.rotate_left(by);
            }
            for item in items {
                shuffle(item, seed / 3 + 1);
            }
        }
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if let (true, Some(text)) = (
                    name == "technologies" || name == "updateWeeks",
                    member.as_str(),
                ) {
                    let words: Vec<&str> = text.split(',').rev().collect();
                    *member = json!(words.join(","));
                } else {
                    shuffle(member, seed);
                }
            }
        }
        _ => {}
    }
}

#[test]
fn every_facet_of_every_sample_has_a_value() {
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let policy = model::captured(row, object);
        let prints = canonical::fingerprints(row, &policy, Reading::Raw);
        for facet in Facet::ALL {
            assert_eq!(prints.facets.contains_key(&facet), row.has_facet(facet));
        }
    }
}
