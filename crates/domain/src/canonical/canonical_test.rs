//! What is equal, what is different, and what cannot be told.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::capture::{RawPolicy, capture};
use crate::policy_type;
use crate::references::{Override, ReferenceObject};
use crate::secret::SecretKey;

const ID: &str = "0aaa0000-0000-4000-8000-00000000000";

fn row(name: &str) -> &'static PolicyType {
    policy_type::find(name).expect("a row")
}

fn policy(name: &str, mut item: Value) -> CapturedPolicy {
    let row = row(name);
    let members = item.as_object_mut().expect("an object");
    members.insert("id".to_owned(), json!("1"));
    members.insert(row.name_property.to_owned(), json!("N"));
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

fn settings(name: &str, item: Value) -> Value {
    facet_value(
        row(name),
        &policy(name, item),
        Facet::Settings,
        Reading::Raw,
    )
}

fn same(name: &str, one: Value, two: Value) -> bool {
    settings(name, one) == settings(name, two)
}

fn object(kind: &str, id: &str, name: Option<&str>) -> ReferenceObject {
    ReferenceObject {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes()),
        kind: kind.to_owned(),
        external_id: id.to_owned(),
        name: name.map(str::to_owned),
        discriminator: String::new(),
    }
}

#[test]
fn absence_null_and_documented_defaults_are_one_where_the_rules_say_so() {
    assert!(same(
        "deviceConfigurations",
        json!({"a": null, "b": false}),
        json!({"b": false})
    ));
    assert!(!same(
        "deviceConfigurations",
        json!({"b": false}),
        json!({})
    ));
    assert!(!same("deviceConfigurations", json!({"b": 0}), json!({})));
    assert!(!same("deviceConfigurations", json!({"b": ""}), json!({})));
    assert!(same("deviceConfigurations", json!({"b": []}), json!({})));
    assert!(!same("assignmentFilters", json!({"b": []}), json!({})));
    assert!(same(
        "assignmentFilters",
        json!({"assignmentFilterManagementType": "devices"}),
        json!({})
    ));
    assert!(same(
        "conditionalAccessPolicies",
        json!({"conditions": {"users": {"excludeUsers": []}, "platforms": null}, "sessionControls": {"disableResilienceDefaults": false}}),
        json!({"conditions": {}})
    ));
}

#[test]
fn numbers_dates_times_and_guids_have_one_spelling() {
    let one = json!({"n": 1.0, "g": "ABCDEF00-0000-4000-8000-000000000001", "d": "2026-01-02T05:04:05.0000000+02:00", "t": "08:00:00.0000000"});
    let two = json!({"n": 1, "g": "abcdef00-0000-4000-8000-000000000001", "d": "2026-01-02T03:04:05Z", "t": "08:00:00"});
    assert!(same("deviceConfigurations", one, two));
    let large = |n: u64| json!({"n": n});
    assert!(!same(
        "deviceConfigurations",
        large(9_007_199_254_740_992),
        large(9_007_199_254_740_993)
    ));
    assert!(!same(
        "deviceConfigurations",
        json!({"n": 1.5}),
        json!({"n": 1})
    ));
}

#[test]
fn sets_and_flags_have_no_order_and_lists_have_one() {
    let conditions = |list: [&str; 2]| json!({"conditions": {"clientAppTypes": list}});
    assert!(same(
        "conditionalAccessPolicies",
        conditions(["a", "b"]),
        conditions(["b", "a"])
    ));
    let flags = |text: &str| json!({"keyUsage": text});
    assert!(same("deviceConfigurations", flags("a,b"), flags("b, a")));
    let list = |list: [&str; 2]| json!({"homeScreenPages": list});
    assert!(!same(
        "deviceConfigurations",
        list(["a", "b"]),
        list(["b", "a"])
    ));
}

#[test]
fn keyed_arrays_go_by_their_key() {
    let oma = |items: Value| json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "omaSettings": items});
    let (a, b) = (
        json!({"omaUri": "./a", "value": 1}),
        json!({"omaUri": "./b", "value": 2}),
    );
    assert!(same(
        "deviceConfigurations",
        oma(json!([a, b])),
        oma(json!([b, a]))
    ));
    let value = settings("deviceConfigurations", oma(json!([a, b])));
    assert_eq!(value.pointer("/omaSettings/.~1b/value"), Some(&json!(2)));
    // Two items of one key stay two.
    assert!(!same(
        "deviceConfigurations",
        oma(json!([a, a])),
        oma(json!([a]))
    ));
}

#[test]
fn compliance_actions_go_by_kind_and_time_whatever_the_rule_is_called() {
    let rule = |name: Value, template: Value| {
        json!({"scheduledActionsForRule": [{"ruleName": name, "scheduledActionConfigurations": [
            {"actionType": "block", "gracePeriodHours": 0, "notificationTemplateId": template, "notificationMessageCCList": []}]}]})
    };
    let name = "deviceCompliancePolicies";
    let zero = json!("00000000-0000-0000-0000-000000000000");
    assert!(same(
        name,
        rule(Value::Null, zero),
        rule(json!("PasswordRequired"), json!(""))
    ));
    let value = settings(name, rule(Value::Null, Value::Null));
    assert!(
        value
            .pointer("/scheduledActionsForRule/0/scheduledActionConfigurations/block+0")
            .is_some()
    );
}

#[test]
fn payloads_are_compared_decoded() {
    let name = "deviceCompliancePolicies";
    // {"a":1,"b":2} in two spellings.
    let rules = |text: &str| json!({"deviceCompliancePolicyScript": {"rulesContent": text}});
    assert!(same(
        name,
        rules("eyJhIjoxLCJiIjoyfQ=="),
        rules("eyAiYiI6IDIsICJhIjogMSB9")
    ));
    // <a>\r\n</a> and <a>\n</a>: the service hands on the bytes, so that they count.
    let plist = |text: &str| json!({"@odata.type": "#microsoft.graph.macOSCustomConfiguration", "payload": text});
    assert!(!same(
        "deviceConfigurations",
        plist("PGE+DQo8L2E+"),
        plist("PGE+CjwvYT4=")
    ));
    let value = settings("deviceConfigurations", plist("PGE+CjwvYT4="));
    assert_eq!(value.pointer("/payload/$text"), Some(&json!("<a>\n</a>")));
    // UTF-16 with its mark is text too, and another file than UTF-8: "<a>\r\n" against "<a>\n".
    assert!(!same(
        "deviceConfigurations",
        plist("//48AGEAPgANAAoA"),
        plist("//48AGEAPgAKAA==")
    ));
    assert!(!same(
        "deviceConfigurations",
        plist("//48AGEAPgAKAA=="),
        plist("PGE+Cg==")
    ));
    // Not text: stays as it stands.
    assert_eq!(
        settings("deviceConfigurations", plist("AAD/")).pointer("/payload"),
        Some(&json!("AAD/"))
    );
}

#[test]
fn a_catalogue_is_a_tree_by_definition_without_template_noise() {
    let name = "configurationPolicies";
    let group = |names: [&str; 2]| {
        let item = |name: &str| json!({"children": [{"settingDefinitionId": "list_name", "simpleSettingValue": {"value": name}}]});
        json!({"settingDefinitionId": "list", "groupSettingCollectionValue": [item(names[0]), item(names[1])]})
    };
    let choice = |reference: Value, children: Value, option: &str| {
        json!({"settingDefinitionId": "Choice", "settingInstanceTemplateReference": reference, "auditRuleInformation": null,
            "choiceSettingValue": {"settingValueTemplateReference": null, "value": option, "children": children}})
    };
    let whole = |instances: Vec<Value>| {
        let settings: Vec<Value> = instances
            .into_iter()
            .enumerate()
            .map(|(id, instance)| json!({"id": id.to_string(), "settingInstance": instance}))
            .collect();
        json!({"settings": settings, "templateReference": {"templateId": "", "templateFamily": "none"}})
    };
    let template = json!({"settingInstanceTemplateId": "X"});
    assert!(same(
        name,
        whole(vec![choice(template, Value::Null, "on"), group(["a", "b"])]),
        whole(vec![
            group(["b", "a"]),
            choice(Value::Null, json!([]), "on")
        ])
    ));
    assert!(!same(
        name,
        whole(vec![choice(Value::Null, json!([]), "on")]),
        whole(vec![choice(Value::Null, json!([]), "off")])
    ));
    assert!(!same(
        name,
        whole(vec![group(["a", "a"])]),
        whole(vec![group(["a", "b"])])
    ));
    assert_eq!(
        settings(name, whole(vec![choice(Value::Null, json!([]), "on")])),
        json!({"settings": {"choice": {"choiceSettingValue": {"value": "on"}}}})
    );
    // Typed text keeps its letters; only a GUID is one in any case.
    let text = |value: &str| {
        whole(vec![
            json!({"settingDefinitionId": "s", "simpleSettingValue": {"value": value}}),
        ])
    };
    assert!(!same(name, text("Abc"), text("abc")));
    assert!(!same(
        name,
        text("2026-01-02T00:00:00Z"),
        text("2026-01-02T00:00:00.0Z")
    ));
}

#[test]
fn facets_are_apart_and_the_state_is_none_of_them() {
    let ca = |state: &str| {
        policy(
            "conditionalAccessPolicies",
            json!({"state": state, "conditions": {}}),
        )
    };
    let read = |policy: &CapturedPolicy| {
        fingerprints(row("conditionalAccessPolicies"), policy, Reading::Raw)
    };
    assert_eq!(read(&ca("enabled")).facets, read(&ca("disabled")).facets);
    assert_eq!(read(&ca("enabled")).state.as_deref(), Some("enabled"));
    let filter = |tags: Value, description: Value| {
        let item = json!({"roleScopeTags": tags, "description": description});
        fingerprints(
            row("assignmentFilters"),
            &policy("assignmentFilters", item),
            Reading::Raw,
        )
    };
    let (one, two) = (
        filter(json!(["0", "3"]), json!("")),
        filter(json!(["3", "0"]), Value::Null),
    );
    assert_eq!(one, two);
    let other = filter(json!([]), json!("text"));
    assert_eq!(
        one.facets.get(&Facet::Settings),
        other.facets.get(&Facet::Settings)
    );
    assert_ne!(
        one.facets.get(&Facet::ScopeTags),
        other.facets.get(&Facet::ScopeTags)
    );
    assert_ne!(
        one.facets.get(&Facet::Description),
        other.facets.get(&Facet::Description)
    );
    // No tags at all is the default tag.
    assert_eq!(
        other.facets.get(&Facet::ScopeTags),
        filter(json!(["0"]), Value::Null)
            .facets
            .get(&Facet::ScopeTags)
    );
}

#[test]
fn references_stand_by_meaning_or_are_uncertain() {
    let excluding = |ids: &[String]| {
        policy(
            "conditionalAccessPolicies",
            json!({"conditions": {"users": {"excludeGroups": ids}}}),
        )
    };
    let id = |n: u8| format!("{ID}{n}");
    let row = row("conditionalAccessPolicies");
    let source = ReferenceCatalog::new(
        [object("group", &id(1), Some("Pilot"))],
        ["group".to_owned()],
    );
    let target = ReferenceCatalog::new(
        [
            object("group", &id(2), Some("Pilot")),
            object("group", &id(3), Some("Twin")),
            object("group", &id(4), Some("Twin")),
            object("group", &id(5), None),
        ],
        ["group".to_owned()],
    );
    let read = |ids: &[u8], catalog: &ReferenceCatalog| {
        let ids: Vec<String> = ids.iter().map(|n| id(*n).to_ascii_uppercase()).collect();
        fingerprints(row, &excluding(&ids), Reading::Meaning(catalog))
    };
    assert_eq!(read(&[1], &source), read(&[2], &target));
    assert!(read(&[1], &source).uncertain.is_empty());
    let codes = |prints: &Fingerprints| {
        let found = prints
            .uncertain
            .get(&Facet::Settings)
            .cloned()
            .unwrap_or_default();
        found
            .into_iter()
            .map(|u| (u.code, u.reference))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        codes(&read(&[3], &target)),
        [(
            "reference_ambiguous".to_owned(),
            Some(("group".to_owned(), id(3)))
        )]
    );
    for gone in [5, 9] {
        assert_eq!(
            codes(&read(&[gone], &target)),
            [(
                "reference_unresolved".to_owned(),
                Some(("group".to_owned(), id(gone)))
            )]
        );
    }

    // A mapping of the request decides, and is certain even onto one of two twins.
    let chosen = |n: u8, ambiguous_in_target| {
        let object = target
            .by_external_id("group", &id(n))
            .expect("listed")
            .clone();
        let chosen = Override {
            object,
            ambiguous_in_target,
        };
        Overrides {
            references: [(("group".to_owned(), id(1)), chosen)].into(),
            ..Overrides::default()
        }
    };
    let from = excluding(&[id(1)]);
    let mapped = chosen(2, false);
    assert_eq!(
        fingerprints(row, &from, Reading::MeaningWith(&source, &mapped)),
        read(&[2], &target)
    );
    let twin = chosen(3, true);
    let prints = fingerprints(row, &from, Reading::MeaningWith(&source, &twin));
    assert!(prints.uncertain.is_empty());
    assert_eq!(prints.facets, read(&[3], &target).facets);
    assert_ne!(prints.facets, read(&[4], &target).facets);
}

#[test]
fn literals_are_replaced_in_values_but_not_in_the_names_of_references() {
    let source = ReferenceCatalog::new(
        [object(
            "group",
            &format!("{ID}1"),
            Some("users of contoso.com"),
        )],
        ["group".to_owned()],
    );
    let item = |text: &str| {
        json!({"@odata.type": "#microsoft.graph.windowsKioskConfiguration", "url": text, "description": text,
            "kioskProfiles": [{"userAccountsConfiguration": [{"groupId": format!("{ID}1")}]}]})
    };
    let overrides = Overrides {
        literals: [("contoso.com".to_owned(), "fabrikam.com".to_owned())].into(),
        ..Overrides::default()
    };
    let row = row("deviceConfigurations");
    let read = |text: &str, reading| {
        fingerprints(row, &policy("deviceConfigurations", item(text)), reading)
    };
    assert_eq!(
        read(
            "https://Contoso.com/x",
            Reading::MeaningWith(&source, &overrides)
        ),
        read("https://fabrikam.com/x", Reading::Meaning(&source))
    );
}

#[test]
fn an_unreadable_secret_is_never_equal() {
    let item = json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration",
        "omaSettings": [{"omaUri": "a", "isEncrypted": true, "value": "****"}]});
    let policy = policy("deviceConfigurations", item);
    let catalog = ReferenceCatalog::default();
    let prints = fingerprints(
        row("deviceConfigurations"),
        &policy,
        Reading::Meaning(&catalog),
    );
    let uncertain = prints
        .uncertain
        .get(&Facet::Settings)
        .and_then(|list| list.first());
    assert_eq!(
        uncertain.map(|u| (u.code.as_str(), u.path.as_str())),
        Some(("secret_not_comparable", "/omaSettings/0/value"))
    );
}
