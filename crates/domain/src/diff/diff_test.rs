//! What a reader of a diff sees.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use serde_json::json;

use super::*;
use crate::capture::{RawPolicy, capture};
use crate::policy_type;
use crate::secret::SecretKey;

fn changes(name: &str, source: Value, target: Value) -> Vec<Change> {
    let row = policy_type::find(name).expect("a row");
    let policy = |mut item: Value| {
        let members = item.as_object_mut().expect("an object");
        members.insert("id".to_owned(), json!("1"));
        members.insert(row.name_property.to_owned(), json!("N"));
        let raw = RawPolicy {
            item,
            ..RawPolicy::default()
        };
        let key = SecretKey {
            key_id: "k".to_owned(),
            key: vec![1],
        };
        capture(row, raw, &key).expect("captured")
    };
    let (source, target) = (policy(source), policy(target));
    diff(row, (&source, Reading::Raw), (&target, Reading::Raw))
}

fn brief(changes: &[Change]) -> Vec<(Facet, &str, ChangeKind)> {
    changes
        .iter()
        .map(|change| (change.facet, change.path.as_str(), change.kind))
        .collect()
}

#[test]
fn changes_carry_facet_path_kind_and_both_values() {
    let found = changes(
        "assignmentFilters",
        json!({"rule": "new", "added": 1, "description": "d", "roleScopeTags": ["0"]}),
        json!({"rule": "old", "removed": {"x": [1]}, "roleScopeTags": ["0", "2"]}),
    );
    assert_eq!(
        brief(&found),
        [
            (Facet::Settings, "/added", ChangeKind::Added),
            (Facet::Settings, "/removed", ChangeKind::Removed),
            (Facet::Settings, "/rule", ChangeKind::Changed),
            (Facet::ScopeTags, "/1", ChangeKind::Removed),
            (Facet::Description, "", ChangeKind::Added),
        ]
    );
    let rule = found.iter().find(|change| change.path == "/rule");
    assert_eq!(
        rule.map(|change| (change.source.clone(), change.target.clone())),
        Some((Some(json!("new")), Some(json!("old"))))
    );
}

#[test]
fn catalogue_changes_are_addressed_by_definition() {
    let policy = |value: u8| {
        json!({"settings": [{"settingInstance": {"settingDefinitionId": "parent", "choiceSettingValue": {"value": "on", "children": [
            {"settingDefinitionId": "child", "simpleSettingValue": {"value": value}}]}}}]})
    };
    assert_eq!(
        brief(&changes("configurationPolicies", policy(1), policy(2))),
        [(
            Facet::Settings,
            "/settings/parent/choiceSettingValue/children/child/simpleSettingValue/value",
            ChangeKind::Changed
        )]
    );
}

#[test]
fn secrets_are_masked() {
    let wifi = |key: &str| json!({"@odata.type": "#microsoft.graph.iosWiFiConfiguration", "preSharedKey": key});
    let found = changes("deviceConfigurations", wifi("one"), wifi("two"));
    assert_eq!(
        brief(&found),
        [(Facet::Settings, "/preSharedKey", ChangeKind::Changed)]
    );
    let text = serde_json::to_string(&found).expect("json");
    assert!(text.contains(MASK) && !text.contains("hmac"), "{text}");
    assert!(changes("deviceConfigurations", wifi("one"), wifi("one")).is_empty());
}

#[test]
fn payload_texts_come_as_a_unified_diff() {
    use base64::Engine as _;
    let profile = |text: &str| {
        let payload = base64::engine::general_purpose::STANDARD.encode(text);
        json!({"@odata.type": "#microsoft.graph.macOSCustomConfiguration", "payload": payload})
    };
    let found = changes(
        "deviceConfigurations",
        profile("a\nb\nc\n"),
        profile("a\nx\nc\n"),
    );
    assert_eq!(
        brief(&found),
        [(Facet::Settings, "/payload", ChangeKind::Changed)]
    );
    let text = found
        .first()
        .and_then(|change| change.source.clone())
        .unwrap_or_default();
    let text = text.as_str().unwrap_or_default();
    assert!(text.contains("-x\n+b\n"), "{text}");
    let long = "line\n".repeat(9000);
    let found = changes("deviceConfigurations", profile(&long), profile("short"));
    let text = found
        .first()
        .and_then(|change| change.source.clone())
        .unwrap_or_default();
    assert!(
        text.as_str()
            .unwrap_or_default()
            .contains("9000 in the source")
    );
}

#[test]
fn a_list_shows_the_items_that_differ_and_a_new_order_as_a_whole() {
    let pages = |items: Value| json!({"@odata.type": "#microsoft.graph.iosCustomConfiguration", "pages": items});
    let name = "deviceConfigurations";
    assert_eq!(
        brief(&changes(
            name,
            pages(json!(["a", "b", "c"])),
            pages(json!(["a", "c"]))
        )),
        [(Facet::Settings, "/pages/1", ChangeKind::Added)]
    );
    assert_eq!(
        brief(&changes(
            name,
            pages(json!(["a", "b"])),
            pages(json!(["b", "a"]))
        )),
        [(Facet::Settings, "/pages", ChangeKind::Changed)]
    );
    assert_eq!(
        brief(&changes(
            name,
            pages(json!([{"n": 1, "v": 1}])),
            pages(json!([{"n": 1, "v": 2}]))
        )),
        [(Facet::Settings, "/pages/0/v", ChangeKind::Changed)]
    );
}

#[test]
fn the_state_of_conditional_access_is_shown() {
    let found = changes(
        "conditionalAccessPolicies",
        json!({"state": "enabled"}),
        json!({"state": "disabled"}),
    );
    assert_eq!(
        brief(&found),
        [(Facet::Settings, "/state", ChangeKind::Changed)]
    );
}
