//! Kinds of fault that the field found, each tried on every type that can have it: empty ids, tokens,
//! ranks that would leave a gap, names, answers that are always the same.

use domain::capture;
use domain::compare::{Reason, SubjectState};
use domain::json::pattern;
use domain::model::CapturedPolicy;
use domain::policy_type::{self, PolicyType};
use domain::preflight::Readiness;
use serde_json::{Value, json};

use crate::model::{self, KEEP, MAP};
use crate::samples;
use crate::two_tenants::{Side, comparison, preflight};

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

#[test]
fn h_what_stays_with_the_sources_object_is_said_and_neither_compared_nor_written() {
    let mut tried = 0;
    for row in promotable() {
        for (place, words) in row.left_behind {
            let mut sample = samples_of(row).remove(0);
            // Nothing else holds it.
            if !sample["settings"].is_null() {
                let one = samples::simple("d", "String", &json!("v"));
                sample["settings"] = json!([{"id": "0", "settingInstance": one}]);
            }
            sample["enrollmentTimeDeviceMembershipTargets"] = json!([]);
            if let Some(tags) = row.scope_tags {
                sample[tags] = json!(["0"]);
            }
            let with = |value: Value, text: &str| {
                let mut object = sample.clone();
                object[*place] = value;
                object["description"] = json!(text);
                object["assignments"] = json!([]);
                model::captured(row, object)
            };
            let (on, off) = if place.starts_with("priority") {
                (json!({"priority": 2}), Value::Null)
            } else {
                (json!(true), json!(false))
            };
            let (paused, plain) = (with(on.clone(), "one"), with(off, "one"));
            let side = |number, policy: &_| {
                Side::new(
                    number,
                    vec![(row, CapturedPolicy::clone(policy))],
                    Vec::new(),
                )
            };
            let at = format!("/{place}");
            let said = |reasons: &[Reason]| {
                let mut of_code = reasons.iter().filter(|reason| reason.code == "not_carried");
                of_code.any(|reason| reason.message.contains(&at) && reason.message.contains(words))
            };
            // Of a pair that is the same in everything else, for as long as the two differ there.
            let pair = |source, target| {
                let found = comparison(&side(1, source), &side(2, target));
                let subject = found.subjects[0].clone();
                assert_eq!(subject.state, SubjectState::Match, "{} {place}", row.key);
                said(&subject.reasons)
            };
            assert!(pair(&paused, &plain), "{} {place}", row.key);
            assert!(!pair(&plain, &paused), "the target's own is its own");
            assert!(!pair(&paused, &paused), "{} {place}", row.key);
            assert!(!pair(&plain, &plain), "{} {place}", row.key);
            // What it says is recorded when it changes.
            assert_ne!(
                paused.content_hash, plain.content_hash,
                "{} {place}",
                row.key
            );
            // Of what would be written, beforehand.
            let empty = Side::new(2, Vec::new(), Vec::new());
            let created = preflight(&side(1, &paused), &empty);
            if created.subjects[0].readiness == Readiness::Ready {
                assert!(said(&created.warnings), "{:?}", created.warnings);
                tried += 1;
            }
            // In no body, whichever side has it.
            let (_, _, landing) = model::tenants(&plain);
            for (source, target) in [
                (&paused, None),
                (&paused, Some(with(json!(null), "two"))),
                (&plain, Some(with(on.clone(), "two"))),
            ] {
                let built = model::build(row, source, target.as_ref(), &landing, KEEP);
                let steps = built.expect(row.key).steps;
                let text = serde_json::to_string(&steps).unwrap();
                assert!(!text.contains(*place), "{} {text}", row.key);
            }
        }
    }
    assert!(tried >= 5, "{tried}");
}

#[test]
fn g_a_name_that_is_longer_than_its_type_takes_is_held_in_every_type() {
    let mut tried = 0;
    for row in promotable() {
        let longest = if row.name_longest > 0 {
            row.name_longest
        } else {
            1_000
        };
        let Some(mut object) = samples_of(row).into_iter().next() else {
            continue;
        };
        object[row.name_property] = json!("n".repeat(longest + 1));
        let Ok(policy) = capture::capture(row, model::raw(row, object), &model::key()) else {
            continue;
        };
        let empty = Side::new(2, Vec::new(), Vec::new());
        let found = preflight(&Side::new(1, vec![(row, policy)], Vec::new()), &empty);
        let Some(subject) = found.subjects.first() else {
            continue;
        };
        let said = subject
            .reasons
            .iter()
            .any(|reason| reason.code == "name_not_allowed");
        // The one object that each tenant has is never made.
        if row.default_object.is_some_and(|default| default.only) || row.one_object.is_some() {
            continue;
        }
        assert!(said, "{}: {:?}", row.key, subject.reasons);
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
}
