//! Kinds of fault that the field found, each tried on every type that can have it: empty ids, tokens,
//! ranks that would leave a gap, names, answers that are always the same.

use domain::json::pattern;
use domain::policy_type::{self, PolicyType};
use domain::preflight::Readiness;
use serde_json::{Value, json};

use crate::model::{self, KEEP, MAP};
use crate::samples;
use crate::two_tenants::{Side, preflight};

fn samples_of(row: &PolicyType) -> Vec<Value> {
    let all = samples::all().into_iter();
    all.filter(|(key, _)| *key == row.key)
        .map(|(_, object)| object)
        .collect()
}

fn promotable() -> impl Iterator<Item = &'static PolicyType> {
    policy_type::all().iter().filter(|row| row.promotable())
}

#[test]
fn no_empty_id_is_written_whatever_the_type() {
    let mut tried = 0;
    for row in promotable() {
        let lists = row.references.iter().map(|rule| rule.path);
        for list in lists.filter_map(|path| path.strip_suffix("[]")) {
            for object in samples_of(row) {
                let mut holed = object.clone();
                let mut there = false;
                pattern::edit(&mut holed, list, &mut |value| {
                    if let Value::Array(items) = value
                        && items.iter().any(Value::is_string)
                    {
                        there = true;
                        items.insert(0, json!(""));
                        items.push(Value::Null);
                    }
                });
                if !there {
                    continue;
                }
                tried += 1;
                let whole = model::captured(row, object);
                let holed = model::captured(row, holed);
                let (_, _, landing) = model::tenants(&holed);
                let plain = model::build(row, &whole, None, &landing, KEEP).expect(row.key);
                let written = model::build(row, &holed, None, &landing, KEEP).expect(row.key);
                assert_eq!(written.steps, plain.steps, "{} {list}", row.key);
            }
        }
    }
    assert!(tried > 5, "{tried}");
}

#[test]
fn a_list_of_nothing_but_empty_ids_is_refused_and_an_exclusion_of_them_is_dropped() {
    let row = policy_type::find("conditionalAccessPolicies").unwrap();
    let object = samples_of(row).remove(0);
    for (place, refused) in [("includeGroups", true), ("excludeGroups", false)] {
        let mut object = object.clone();
        object["conditions"]["users"][place] = json!(["", null]);
        let policy = model::captured(row, object);
        let (_, _, landing) = model::tenants(&policy);
        let built = model::build(row, &policy, None, &landing, KEEP);
        assert_eq!(
            built.is_err_and(|error| error.code == "empty_value"),
            refused,
            "{place}"
        );
    }
}

#[test]
fn a_token_holds_every_type_that_can_name_one_in_create_and_update() {
    let mut tried = 0;
    for row in promotable().filter(|row| row.server_state.contains(&"creationSource")) {
        let object = samples_of(row).remove(0);
        let of = |source: &str| {
            let mut object = object.clone();
            object["creationSource"] = json!(source);
            model::captured(row, object)
        };
        let (plain, ours, theirs) = (of("PolicyStudio"), of("DepTokenId_1"), of("DepTokenId_2"));
        let (_, _, landing) = model::tenants(&plain);
        let code = |source: &_, target: Option<&_>| {
            let built = model::build(row, source, target, &landing, MAP);
            built.err().map(|error| error.code)
        };
        let held = Some("token_specific");
        assert_eq!(code(&plain, None), None, "{}", row.key);
        assert_eq!(code(&ours, None), held, "{}", row.key);
        assert_eq!(code(&ours, Some(&theirs)), held, "{}", row.key);
        assert_eq!(code(&plain, Some(&theirs)), held, "{}", row.key);
        // Within one tenant (a restore) the token is the policy's own, and is written.
        let own = model::build(row, &ours, Some(&ours), &landing, MAP).expect(row.key);
        assert_eq!(own.expected.content["creationSource"], "DepTokenId_1");
        tried += 1;
    }
    assert!(tried >= 2, "{tried}");
}

#[test]
fn a_rank_that_would_leave_a_gap_is_appended_in_every_ranked_type() {
    let mut tried = 0;
    for row in promotable() {
        let Some(property) = row.priority else {
            continue;
        };
        let Some(mut object) = samples_of(row)
            .into_iter()
            .find(|object| object[property].as_i64().is_some_and(|rank| rank > 0))
        else {
            continue;
        };
        object[property] = json!(7);
        // Nothing else holds it.
        for place in ["assignments", "selectedMobileAppIds"] {
            object[place] = json!([]);
        }
        let policy = model::captured(row, object);
        let side = |number, policies| Side::new(number, policies, Vec::new());
        let found = preflight(&side(1, vec![(row, policy)]), &side(2, Vec::new()));
        let subject = &found.subjects[0];
        let held = subject
            .reasons
            .iter()
            .any(|reason| reason.code == "priority_conflict");
        assert!(!held, "{}: {:?}", row.key, subject.reasons);
        if subject.readiness == Readiness::Ready {
            let planned = &found.plan.subjects[0];
            assert_eq!(
                planned.written.expected.content[property],
                json!(1),
                "{}",
                row.key
            );
            let said = found.warnings.iter().any(|one| one.code == "rank_appended");
            assert!(said, "{}: {:?}", row.key, found.warnings);
            tried += 1;
        }
    }
    assert!(tried > 0);
}

#[test]
fn what_graph_always_answers_alike_is_sent_as_its_portal_does_and_never_compared() {
    for row in promotable() {
        let Some(rule) = row.assignments.filter(|rule| !rule.fixed.is_empty()) else {
            continue;
        };
        let (member, text) = rule.fixed[0];
        let sent: Value = serde_json::from_str(text).unwrap();
        let of = |value: Value| {
            let mut object = samples_of(row).remove(0);
            let target = json!({"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"});
            object["assignments"] = json!([{"target": target, member: value}]);
            model::captured(row, object)
        };
        let (no, yes) = (of(json!(false)), of(json!(true)));
        let (_, _, landing) = model::tenants(&no);
        let built = model::build(row, &no, None, &landing, MAP).expect(row.key);
        let assign = built
            .steps
            .iter()
            .find(|step| step.name == "assign")
            .expect("assigned");
        assert_eq!(assign.body.as_ref().unwrap()[rule.wrapper][0][member], sent);
        let facet = |policy| {
            domain::canonical::facet_value(
                row,
                policy,
                domain::model::Facet::Assignments,
                domain::canonical::Reading::Raw,
            )
        };
        assert_eq!(facet(&no), facet(&yes), "{}", row.key);
    }
}
