//! What an object says of its parts, over every type that has parts.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use serde_json::json;

use super::*;
use crate::policy_type;

fn raw(row: &PolicyType, item: Value, children: usize, assignments: usize) -> RawPolicy {
    let some = |count: usize| {
        let one = |n: usize| {
            let target = json!({"@odata.type": "#microsoft.graph.groupAssignmentTarget"});
            json!({"id": n.to_string(), "target": target})
        };
        (0..count).map(one).collect()
    };
    RawPolicy {
        item,
        sub_collections: row
            .sub_collections
            .iter()
            .map(|sub| (sub.property.to_owned(), some(children)))
            .collect(),
        assignments: row.assignments.map(|_| some(assignments)),
    }
}

fn said(row: &PolicyType, item: Value, children: usize, assignments: usize) -> Option<String> {
    let refused = check(row, &raw(row, item, children, assignments)).err()?;
    assert_eq!(refused.code, "parts_incomplete");
    Some(refused.message)
}

#[test]
fn a_part_is_whole_when_every_count_of_it_agrees_in_every_type() {
    let mut tried = 0;
    for row in policy_type::all() {
        for sub in row.sub_collections {
            let part = sub.property;
            let singular = part.strip_suffix('s').unwrap_or(part);
            let names = [
                format!("{singular}Count"),
                format!("{part}Count"),
                format!("{part}@odata.count"),
                format!("{part}@count"),
            ];
            let own = (part == "apps").then(|| "deployedAppCount".to_owned());
            for name in names.into_iter().chain(own) {
                let item = |count: u64| json!({"id": "1", &name: count});
                let message = said(row, item(60), 25, 0).unwrap();
                assert!(
                    message.contains("60") && message.contains("25"),
                    "{message}"
                );
                assert!(message.contains(&format!("/{part}")), "{message}");
                assert_eq!(said(row, item(25), 25, 0), None, "{} {name}", row.key);
                assert!(said(row, item(0), 25, 0).is_some(), "{} {name}", row.key);
                tried += 1;
            }
        }
        if row.assignments.is_some() {
            let flag = json!({"id": "1", "isAssigned": true, "assignments": []});
            let none = said(row, flag.clone(), 0, 0).unwrap();
            assert!(none.contains("isAssigned"), "{none}");
            assert_eq!(said(row, flag, 0, 1), None, "{}", row.key);
            // Exclusions alone.
            assert_eq!(said(row, json!({"isAssigned": false}), 0, 2), None);
            let counted = json!({"id": "1", "assignments@odata.count": 3, "assignments": []});
            let read_apart = row.assignments.is_some_and(|rule| !rule.read.is_empty());
            assert!(said(row, counted, 0, 1).is_some() || !read_apart);
        }
    }
    assert!(tried > 20, "{tried}");
}

#[test]
fn what_came_with_the_item_is_never_more_than_the_part() {
    let row = policy_type::find("configurationPolicies").unwrap();
    let item = json!({"id": "1", "assignments": [{"id": "a"}, {"id": "b"}]});
    let message = said(row, item.clone(), 1, 1).unwrap();
    assert!(
        message.contains("1 were read") && message.contains('2'),
        "{message}"
    );
    assert_eq!(said(row, item, 1, 2), None);
}

#[test]
fn a_list_inside_says_how_long_it_is_and_whether_it_goes_on() {
    let row = policy_type::find("deviceConfigurations").unwrap();
    let inside = |annotation: &str, value: Value| {
        said(row, json!({"a": {"list": [1, 2], annotation: value}}), 0, 0)
    };
    assert!(
        inside("list@odata.count", json!(3))
            .unwrap()
            .contains("/a/list")
    );
    assert_eq!(inside("list@odata.count", json!(2)), None);
    assert!(inside("list@odata.nextLink", json!("https://x")).is_some());
    assert_eq!(inside("list@odata.nextLink", Value::Null), None);
    assert!(inside("listCount", json!(3)).is_some());
    assert_eq!(inside("list@odata.navigationLink", json!("x")), None);
    assert_eq!(inside("other@odata.count", json!(3)), None);
}

#[test]
fn an_error_in_the_middle_of_a_success_is_no_success() {
    let row = policy_type::find("deviceConfigurations").unwrap();
    for name in [
        "@odata.error",
        "list@odata.error",
        "list@Core.ValueException",
        "@Org.OData.Core.V1.ResourceException",
    ] {
        let item = json!({"a": [{"list": [], name: {"code": "x"}}]});
        assert!(said(row, item, 0, 0).is_some(), "{name}");
    }
    assert_eq!(
        said(row, json!({"errorCode": 0, "error@odata.type": "x"}), 0, 0),
        None
    );
}

#[test]
fn a_link_to_more_of_what_was_read_apart_says_nothing() {
    let row = policy_type::find("groupPolicyConfigurations").unwrap();
    let values = json!([{
        "id": "1", "presentationValues": [1], "presentationValues@odata.nextLink": "https://x"
    }]);
    let mut raw = raw(
        row,
        json!({"id": "1", "definitionValues@odata.nextLink": "x"}),
        0,
        0,
    );
    raw.sub_collections.insert(
        "definitionValues".to_owned(),
        values.as_array().unwrap().clone(),
    );
    assert_eq!(check(row, &raw), Ok(()));
}

#[test]
fn what_comes_twice_counts_once_and_null_is_no_part_in_every_type() {
    let mut tried = 0;
    for row in policy_type::all() {
        for sub in row.sub_collections {
            let count = format!("{}@odata.count", sub.property);
            let mut read = raw(row, json!({"id": "1", &count: 3}), 3, 0);
            assert_eq!(check(row, &read).err(), None, "{}", row.key);
            let items = read.sub_collections.get_mut(sub.property).unwrap();
            items[2] = items[0].clone();
            let message = check(row, &read).unwrap_err().message;
            assert!(message.contains("2 were read"), "{message}");
            let items = read.sub_collections.get_mut(sub.property).unwrap();
            items[2] = Value::Null;
            assert!(check(row, &read).is_err(), "{}", row.key);
            tried += 1;
        }
    }
    assert!(tried > 5, "{tried}");
    let row = policy_type::find("deviceCompliancePolicies").unwrap();
    let actions = json!({"id": "1", "scheduledActionsForRule": [{"id": "a"}, null]});
    assert!(said(row, actions, 0, 0).is_some());
    // Of words and ids, null is one that says nothing.
    assert_eq!(said(row, json!({"words": ["a", null]}), 0, 0), None);
}

#[test]
fn an_assignment_that_does_not_say_to_whom_was_not_read_in_any_type() {
    for row in policy_type::all()
        .iter()
        .filter(|row| row.assignments.is_some())
    {
        for odd in [
            json!({"id": "1"}),
            json!({"id": "1", "target": null}),
            json!({"id": "1", "target": {"groupId": "g"}}),
            json!(null),
            json!("x"),
        ] {
            let mut read = raw(row, json!({"id": "1"}), 0, 2);
            read.assignments.as_mut().unwrap()[1] = odd.clone();
            assert!(check(row, &read).is_err(), "{} {odd}", row.key);
        }
    }
}

#[test]
fn what_a_policy_is_there_for_is_never_nothing() {
    for row in policy_type::all() {
        for place in CONTENT.iter().filter(|place| !place.contains('.')) {
            for nothing in [Value::Null, json!("")] {
                let message = said(row, json!({"id": "1", *place: nothing}), 0, 0).unwrap();
                assert!(message.contains(place), "{message}");
            }
            assert_eq!(said(row, json!({"id": "1", *place: "x"}), 0, 0), None);
            assert_eq!(said(row, json!({"id": "1"}), 0, 0), None);
        }
    }
    let row = policy_type::find("conditionalAccessPolicies").unwrap();
    let unread = json!({"id": "1", "conditions": {"users": null}});
    assert!(said(row, unread, 0, 0).is_some());
}
