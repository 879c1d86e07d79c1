//! What a read-back may and may not show.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use serde_json::json;

use super::*;
use crate::capture::{RawPolicy, capture};
use crate::policy_type;
use crate::secret::SecretKey;

const KEEP: Options = Options {
    assignments: Carry::KeepTarget,
    scope_tags: Carry::KeepTarget,
    conditional_access_state: crate::selection::ConditionalAccessState::ReportOnly,
    ..Options::DEFAULT
};
const MAP: Options = Options {
    assignments: Carry::Map,
    scope_tags: Carry::Map,
    ..KEEP
};

fn policy(name: &str, mut item: Value) -> CapturedPolicy {
    let row = policy_type::find(name).expect("a row");
    let members = item.as_object_mut().expect("an object");
    members.insert("id".to_owned(), json!("1"));
    members.entry(row.name_property).or_insert(json!("N"));
    let assignments = members
        .remove("assignments")
        .and_then(|list| list.as_array().cloned());
    let raw = RawPolicy {
        item,
        assignments,
        ..RawPolicy::default()
    };
    let key = SecretKey {
        key_id: "k".to_owned(),
        key: vec![1],
    };
    capture(row, raw, &key).expect("captured")
}

fn paths(
    name: &str,
    expected: &Value,
    live: &Value,
    options: Options,
    created: bool,
) -> Vec<String> {
    let row = policy_type::find(name).expect("a row");
    let (expected, live) = (policy(name, expected.clone()), policy(name, live.clone()));
    check(row, &expected, &live, &BTreeMap::new(), options, created)
        .err()
        .unwrap_or_default()
        .into_iter()
        .map(|mismatch| mismatch.path)
        .collect()
}

const PROFILE: &str = "deviceConfigurations";

#[test]
fn defaults_of_the_server_are_accepted_and_dropped_settings_are_not() {
    let plan = json!({"@odata.type": "#microsoft.graph.iosCustomConfiguration", "a": 1, "deep": {"b": true}, "empty": []});
    let more = json!({"@odata.type": "#microsoft.graph.iosCustomConfiguration", "a": 1, "deep": {"b": true, "c": false}, "default": "x"});
    assert_eq!(
        paths(PROFILE, &plan, &more, KEEP, true),
        Vec::<String>::new()
    );
    let less =
        json!({"@odata.type": "#microsoft.graph.iosCustomConfiguration", "deep": {"b": false}});
    assert_eq!(paths(PROFILE, &plan, &less, KEEP, true), ["/a", "/deep/b"]);
}

#[test]
fn a_catalogue_and_a_keyed_list_hold_exactly_what_was_planned() {
    let setting = |name: &str, value: u8| json!({"settingInstance": {"settingDefinitionId": name, "simpleSettingValue": {"value": value}}});
    let whole = |settings: Value| json!({"settings": settings});
    assert_eq!(
        paths(
            "configurationPolicies",
            &whole(json!([setting("a", 1), setting("b", 2)])),
            &whole(json!([setting("a", 1), setting("c", 2)])),
            KEEP,
            true
        ),
        ["/settings/b", "/settings/c"]
    );
    let oma = |uris: &[&str]| {
        let items: Vec<Value> = uris
            .iter()
            .map(|uri| json!({"omaUri": uri, "value": 1}))
            .collect();
        json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "omaSettings": items})
    };
    assert_eq!(
        paths(PROFILE, &oma(&["a"]), &oma(&["a", "b"]), KEEP, true),
        ["/omaSettings/b"]
    );
}

#[test]
fn what_an_update_clears_must_be_gone() {
    let row = policy_type::find("assignmentFilters").expect("a row");
    let mut expected = policy("assignmentFilters", json!({"rule": "r"}));
    expected.content["gone"] = Value::Null;
    expected.content["list"] = json!([]);
    let live = |item: Value| policy("assignmentFilters", item);
    let found = |item, created_now| {
        check(
            row,
            &expected,
            &live(item),
            &BTreeMap::new(),
            KEEP,
            created_now,
        )
        .is_err()
    };
    assert!(!found(
        json!({"rule": "r", "gone": null, "list": []}),
        false
    ));
    assert!(!found(json!({"rule": "r", "gone": "notConfigured"}), false));
    assert!(found(
        json!({"rule": "r", "gone": "still there", "list": []}),
        false
    ));
    assert!(found(json!({"rule": "r", "list": ["x"]}), false));
    assert!(!found(
        json!({"rule": "r", "gone": "a default", "list": []}),
        true
    ));
}

#[test]
fn name_state_description_and_tags_are_checked_as_written() {
    let plan = json!({"displayName": "N", "description": "d", "rule": "r", "roleScopeTags": ["0"]});
    let live =
        json!({"displayName": "M", "description": "e", "rule": "r", "roleScopeTags": ["0", "2"]});
    let name = "assignmentFilters";
    assert_eq!(
        paths(name, &plan, &live, KEEP, true),
        ["/name", "/description", "/scope_tags"]
    );
    assert_eq!(
        paths(name, &plan, &live, KEEP, false),
        ["/name", "/description"]
    );
    assert_eq!(
        paths(name, &plan, &live, MAP, false),
        ["/name", "/description", "/scope_tags"]
    );
    let state = |state: &str| json!({"state": state});
    assert_eq!(
        paths(
            "conditionalAccessPolicies",
            &state("disabled"),
            &state("enabled"),
            KEEP,
            true
        ),
        ["/state"]
    );
}

#[test]
fn a_new_policy_is_unassigned_unless_assignments_were_mapped() {
    let to = |group: &str| json!({"assignments": [{"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}}]});
    let name = "roleScopeTags";
    assert_eq!(
        paths(name, &json!({}), &to("a"), KEEP, true),
        ["/assignments"]
    );
    assert_eq!(
        paths(name, &json!({}), &to("a"), KEEP, false),
        Vec::<String>::new()
    );
    assert_eq!(
        paths(name, &to("A"), &to("a"), MAP, true),
        Vec::<String>::new()
    );
    assert_eq!(
        paths(name, &to("b"), &to("a"), MAP, false),
        ["/assignments"]
    );
}

#[test]
fn a_plan_with_open_placeholders_waits() {
    let row = policy_type::find("conditionalAccessPolicies").expect("a row");
    let excluding = |id: &str| {
        policy(
            "conditionalAccessPolicies",
            json!({"conditions": {"users": {"excludeGroups": [id]}}}),
        )
    };
    let (expected, live) = (excluding("$created:s"), excluding("42"));
    let created = BTreeMap::from([("s".to_owned(), "42".to_owned())]);
    assert_eq!(check(row, &expected, &live, &created, KEEP, true), Ok(()));
    assert!(check(row, &expected, &live, &BTreeMap::new(), KEEP, true).is_err());
}

#[test]
fn the_reviewed_fingerprint_covers_what_a_promotion_may_overwrite() {
    let row = policy_type::find("roleScopeTags").expect("a row");
    let tag = |name: &str, description: &str, group: &str| {
        policy(
            "roleScopeTags",
            json!({"displayName": name, "description": description,
            "assignments": [{"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}}]}),
        )
    };
    let print = |policy: &CapturedPolicy, options| reviewed_fingerprint(row, policy, options);
    let one = tag("N", "d", "a");
    assert_ne!(print(&one, KEEP), print(&tag("M", "d", "a"), KEEP));
    assert_ne!(print(&one, KEEP), print(&tag("N", "e", "a"), KEEP));
    assert_eq!(print(&one, KEEP), print(&tag("N", "d", "b"), KEEP));
    assert_ne!(print(&one, MAP), print(&tag("N", "d", "b"), MAP));
    assert_eq!(print(&one, MAP), print(&tag("N", "d", "A"), MAP));
}
