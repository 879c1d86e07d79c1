//! What the published description of Graph says of a property is what this product does with it, for
//! every type, every kind derived from it and every property at any depth: two policies that differ in
//! one property alone are never equal, a word that Graph does not name is never comparable, and what
//! the service computes stands in no body.

use std::collections::{BTreeMap, BTreeSet};

use domain::canonical::{self, Fingerprints, Reading};
use domain::capture;
use domain::model::CapturedPolicy;
use domain::policy_type::{self, PolicyType, Support};
use domain::references::ReferenceCatalog;
use serde_json::{Map, Value, json};

use crate::model::{self, KEEP, MAP};
use crate::server_state::SERVER_STATE;

/// A property as the list describes it.
#[derive(Clone, Debug)]
struct Property {
    name: String,
    /// `s`, `e`, ...; empty where nothing is said.
    code: String,
    /// The type of the value, where the list has it.
    into: Option<String>,
    list: bool,
    computed: bool,
    navigation: bool,
}

#[derive(Debug, Default)]
struct Kind {
    base: Option<String>,
    derived: Vec<String>,
    own: Vec<Property>,
}

#[derive(Debug, Default)]
struct List {
    kinds: BTreeMap<String, Kind>,
    collections: BTreeMap<String, String>,
}

impl List {
    /// Read without the code that reads it in the product.
    fn read() -> Self {
        let text = include_str!("../../schema/known-properties.txt");
        let mut list = Self::default();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(words) = line.strip_prefix("  ") {
                let kind = list.kinds.get_mut(&current).unwrap();
                kind.own.extend(words.split(' ').map(property));
            } else if let Some((path, kind)) = line.split_once(" = ") {
                list.collections.insert(path.to_owned(), kind.to_owned());
            } else {
                let mut words = line.trim_start_matches("open ").split(' ');
                words.next().unwrap().clone_into(&mut current);
                let base = words.nth(1).map(str::to_owned);
                if let Some(base) = &base {
                    let above = list.kinds.entry(base.clone()).or_default();
                    above.derived.push(current.clone());
                }
                list.kinds.entry(current.clone()).or_default().base = base;
            }
        }
        list
    }

    fn properties(&self, kind: &str) -> Vec<&Property> {
        let mut all = Vec::new();
        let mut next = self.kinds.get(kind);
        while let Some(found) = next {
            all.extend(&found.own);
            next = found.base.as_ref().and_then(|base| self.kinds.get(base));
        }
        all
    }

    /// The kind and all that derive from it.
    fn family(&self, kind: &str) -> Vec<String> {
        let mut all = vec![kind.to_owned()];
        for derived in &self.kinds[kind].derived {
            all.extend(self.family(derived));
        }
        all
    }

    /// Every place of a kind with the object that has the two values there and nothing else.
    fn places(&self, kind: &str, above: &[String]) -> Vec<Place> {
        let mut places = Vec::new();
        for property in self.properties(kind) {
            if property.navigation || property.computed {
                continue;
            }
            let path = &property.name;
            let Some(into) = &property.into else {
                let (one, other) = values(&property.code);
                let wrap = |value| if property.list { json!([value]) } else { value };
                let two = [wrap(one), wrap(other)].map(|value| json!({path: value}));
                places.push(Place {
                    path: path.clone(),
                    code: property.code.clone(),
                    two,
                });
                continue;
            };
            if above.contains(into) || above.len() > 5 {
                continue;
            }
            let above: Vec<String> = above.iter().chain([into]).cloned().collect();
            for inner in self.family(into) {
                for mut place in self.places(&inner, &above) {
                    for value in &mut place.two {
                        value["@odata.type"] = json!(format!("#microsoft.graph.{inner}"));
                        let inside = value.take();
                        let wrapped = if property.list {
                            json!([inside])
                        } else {
                            inside
                        };
                        *value = json!({path: wrapped});
                    }
                    place.path = format!("{path}.{}", place.path);
                    places.push(place);
                }
            }
        }
        places
    }
}

/// One place of an object.
struct Place {
    path: String,
    code: String,
    two: [Value; 2],
}

fn property(word: &str) -> Property {
    let mut word = word;
    let mut take = |mark: &str| {
        let rest = word.strip_suffix(mark);
        word = rest.unwrap_or(word);
        rest.is_some()
    };
    let navigation = take("~");
    let computed = take("!");
    let list = take("[]");
    let (name, into) = word
        .split_once(':')
        .map_or((word, None), |(name, into)| (name, Some(into)));
    let (name, code) = name.split_once('=').unwrap_or((name, ""));
    Property {
        name: name.to_owned(),
        code: code.to_owned(),
        into: into.map(str::to_owned),
        list,
        computed,
        navigation,
    }
}

/// Two values of one sort.
fn values(code: &str) -> (Value, Value) {
    match code {
        "b" => (json!(true), json!(false)),
        "i" => (json!(3), json!(4)),
        "n" => (json!(1.5), json!(2.5)),
        "t" => (json!("2030-01-01T00:00:00Z"), json!("2031-01-01T00:00:00Z")),
        "d" => (json!("2030-01-01"), json!("2031-01-01")),
        "h" => (json!("08:00:00"), json!("09:00:00")),
        "p" => (json!("PT1H"), json!("PT2H")),
        "g" => (
            json!("0aaa0000-0000-4000-8000-000000000001"),
            json!("0aaa0000-0000-4000-8000-000000000002"),
        ),
        "x" => (json!("b25l"), json!("dHdv")),
        "o" => (json!({"a": 1}), json!({"a": 2})),
        _ => (json!("one"), json!("two")),
    }
}

/// The kinds of a row: those of its collection that belong to it.
fn kinds_of(list: &List, row: &PolicyType) -> Vec<String> {
    let Some(declared) = list.collections.get(row.path) else {
        return Vec::new();
    };
    let belongs = |kind: &String| {
        let item = json!({"@odata.type": format!("#microsoft.graph.{kind}")});
        capture::belongs(row, &item)
    };
    list.family(declared).into_iter().filter(belongs).collect()
}

fn object(row: &PolicyType, kind: &str, members: &Value) -> Value {
    let mut object = Map::new();
    object.insert(
        "@odata.type".to_owned(),
        json!(format!("#microsoft.graph.{kind}")),
    );
    object.insert(
        "id".to_owned(),
        json!("5a000000-0000-4000-8000-000000000001"),
    );
    object.insert(row.name_property.to_owned(), json!("P"));
    object.extend(members.as_object().unwrap().clone());
    Value::Object(object)
}

fn prints(row: &PolicyType, policy: &CapturedPolicy) -> Fingerprints {
    let catalog = ReferenceCatalog::default();
    canonical::fingerprints(row, policy, Reading::Meaning(&catalog))
}

fn taken(row: &PolicyType, object: Value) -> Option<CapturedPolicy> {
    capture::capture(row, model::raw(row, object), &model::key()).ok()
}

/// Whether a compare would call the two equal.
fn matches(row: &PolicyType, one: &CapturedPolicy, other: &CapturedPolicy) -> bool {
    let (left, right) = (prints(row, one), prints(row, other));
    one.identity_key == other.identity_key
        && one.display_name == other.display_name
        && left.facets == right.facets
        && left.state == right.state
        && left.uncertain.is_empty()
        && right.uncertain.is_empty()
}

/// The position in [`SERVER_STATE`] of what covers a place.
fn server_state(row: &PolicyType, path: &str) -> Option<usize> {
    SERVER_STATE.iter().position(|(of, place, _)| {
        let below = path.strip_prefix(place);
        (*of == "*" || *of == row.key)
            && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

#[test]
fn j1_policies_that_differ_in_one_property_alone_are_never_equal() {
    let list = List::read();
    let mut equal = BTreeSet::new();
    let mut excused = BTreeSet::new();
    let mut tried = 0_usize;
    for row in policy_type::all() {
        if matches!(row.support, Support::CaptureOnly(_)) {
            continue;
        }
        for kind in kinds_of(&list, row) {
            for place in list.places(&kind, &[]) {
                if let Some(of) = server_state(row, &place.path) {
                    excused.insert(of);
                    continue;
                }
                let [one, other] = place.two.map(|two| taken(row, object(row, &kind, &two)));
                let (Some(one), Some(other)) = (one, other) else {
                    continue;
                };
                tried += 1;
                if matches(row, &one, &other) {
                    equal.insert(format!("{} {kind} {}", row.key, place.path));
                }
            }
        }
    }
    assert!(equal.is_empty(), "{} of {tried}: {equal:#?}", equal.len());
    assert!(tried > 5_000, "{tried}");
    let idle = (0..SERVER_STATE.len()).filter(|at| !excused.contains(at));
    let idle: Vec<_> = idle.map(|at| SERVER_STATE[at]).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn e1_a_word_that_graph_does_not_name_is_comparable_nowhere_and_never_written() {
    let list = List::read();
    let (mut tried, mut wrong) = (0_usize, BTreeSet::new());
    for row in policy_type::all() {
        for kind in kinds_of(&list, row) {
            let enumerations = list.places(&kind, &[]);
            for place in enumerations {
                if !matches!(place.code.as_str(), "e" | "f")
                    || server_state(row, &place.path).is_some()
                {
                    continue;
                }
                let text = place.two[0].to_string();
                let word = if place.code == "f" {
                    "one,unknownFutureValue"
                } else {
                    "unknownFutureValue"
                };
                let masked = text.replace("\"one\"", &format!("{word:?}"));
                let masked: Value = serde_json::from_str(&masked).unwrap();
                let Some(policy) = taken(row, object(row, &kind, &masked)) else {
                    continue;
                };
                // What no version keeps is no part of anything.
                if !policy.content.to_string().contains("unknownFutureValue") {
                    continue;
                }
                tried += 1;
                let name = format!("{} {kind} {}", row.key, place.path);
                let certain = prints(row, &policy).uncertain;
                let said = certain
                    .values()
                    .flatten()
                    .any(|u| u.code == "unknown_value");
                if !said || matches(row, &policy, &policy) {
                    wrong.insert(name.clone());
                }
                let (_, _, landing) = model::tenants(&policy);
                for target in [None, Some(&policy)] {
                    if let Ok(written) = model::build(row, &policy, target, &landing, MAP) {
                        wrong.insert(format!("{name}: {:?}", written.steps));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}: {wrong:#?}", wrong.len());
    assert!(tried > 500, "{tried}");
}

#[test]
fn e1_an_assignment_with_a_word_that_graph_does_not_name_is_held_where_it_is_carried() {
    let row = policy_type::find("configurationPolicies").unwrap();
    let mut policy = taken(
        row,
        object(row, "deviceManagementConfigurationPolicy", &json!({})),
    )
    .unwrap();
    policy.assignments = json!([{"target": {
        "@odata.type": "#microsoft.graph.allDevicesAssignmentTarget",
        "deviceAndAppManagementAssignmentFilterType": "unknownFutureValue"}}]);
    let (_, _, landing) = model::tenants(&policy);
    let refused = model::build(row, &policy, None, &landing, MAP).unwrap_err();
    assert_eq!(refused.code, "unknown_value");
    assert!(
        refused.message.contains("/assignments/0/target/"),
        "{refused}"
    );
    model::build(row, &policy, None, &landing, KEEP).unwrap();
    assert!(
        prints(row, &policy)
            .uncertain
            .contains_key(&domain::model::Facet::Assignments)
    );
}

#[test]
fn e1_free_text_is_free() {
    let row = policy_type::find("configurationPolicies").unwrap();
    let mut catalog = crate::samples::catalog(&[crate::samples::simple(
        "device_text",
        "String",
        &json!("unknownFutureValue"),
    )]);
    catalog["description"] = json!("unknownFutureValue");
    let policy = model::captured(row, catalog);
    let uncertain = prints(row, &policy).uncertain;
    let unnamed = uncertain
        .values()
        .flatten()
        .any(|u| u.code == "unknown_value");
    assert!(!unnamed, "{uncertain:?}");
}

/// Names of properties of a body that the service computes, by the kind that each object is of.
fn computed_in(list: &List, declared: &str, body: &Value, found: &mut BTreeSet<String>) {
    let Value::Object(members) = body else {
        if let Value::Array(items) = body {
            for item in items {
                computed_in(list, declared, item, found);
            }
        }
        return;
    };
    let own = policy_type::odata_type(body);
    let kind = if own.is_empty() { declared } else { own };
    for property in list.properties(kind) {
        let Some(value) = members.get(&property.name) else {
            continue;
        };
        if property.computed {
            found.insert(format!("{kind}.{}", property.name));
        } else if let Some(into) = &property.into {
            computed_in(list, into, value, found);
        }
    }
}

#[test]
fn g10_no_body_has_a_property_that_the_service_computes() {
    let list = List::read();
    let (mut built, mut found) = (0_usize, BTreeSet::new());
    for row in policy_type::all() {
        for kind in kinds_of(&list, row) {
            let mut full = json!({});
            for property in list.properties(&kind) {
                if property.computed {
                    let (one, _) = values(&property.code);
                    let value = if property.list { json!([one]) } else { one };
                    full[&property.name] = value;
                }
            }
            let Some(policy) = taken(row, object(row, &kind, &full)) else {
                continue;
            };
            let (_, _, landing) = model::tenants(&policy);
            let mut poorer = policy.clone();
            poorer.content["description"] = json!("another");
            for target in [None, Some(&poorer)] {
                let Ok(written) = model::build(row, &policy, target, &landing, KEEP) else {
                    continue;
                };
                built += 1;
                for body in written.steps.iter().filter_map(|step| step.body.as_ref()) {
                    computed_in(&list, &kind, body, &mut found);
                }
            }
        }
    }
    for (key, sample) in crate::samples::all() {
        let row = policy_type::find(key).unwrap();
        let Some(declared) = list.collections.get(row.path) else {
            continue;
        };
        let policy = model::captured(row, sample);
        let (_, _, landing) = model::tenants(&policy);
        let Ok(written) = model::build(row, &policy, None, &landing, KEEP) else {
            continue;
        };
        for body in written.steps.iter().filter_map(|step| step.body.as_ref()) {
            computed_in(&list, declared, body, &mut found);
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    assert!(built > 150, "{built}");
}
