//! What is known, what is not, and what is never judged.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use serde_json::json;

use super::*;
use crate::policy_type::{self, Support};

fn row(key: &str) -> &'static PolicyType {
    policy_type::find(key).unwrap()
}

#[test]
fn a_grown_property_is_found_at_any_depth_and_taken_out() {
    let mut content = json!({
        "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
        "displayName": "W", "grown/one": {"a": 1}, "grownNull": null, "grownEmpty": [],
        "omaSettings": [
            {"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": "./A", "value": "v", "grown": true},
            {"@odata.type": "#microsoft.graph.omaSettingGrown", "whatever": true}
        ],
        "deviceManagementApplicabilityRuleOsEdition": {"osEditionTypes": [], "name": "n", "grown": 0}
    });
    let row = row("deviceConfigurations");
    let found = unknown(row, &content);
    assert_eq!(
        found,
        [
            "/deviceManagementApplicabilityRuleOsEdition/grown",
            "/grown~1one",
            "/omaSettings/0/grown"
        ]
    );
    strip(row, &mut content);
    assert!(unknown(row, &content).is_empty());
    assert_eq!(content["omaSettings"][0]["value"], "v");
    assert_eq!(content["omaSettings"][1]["whatever"], true);
}

#[test]
fn what_only_some_kind_knows_is_known_where_no_kind_is_given() {
    let instance = json!({"settings": [{"settingInstance": {
        "settingDefinitionId": "d", "choiceSettingValue": {"value": "v", "children": [], "grown": 1}
    }}]});
    assert_eq!(
        unknown(row("configurationPolicies"), &instance),
        ["/settings/0/settingInstance/choiceSettingValue/grown"]
    );
}

#[test]
fn a_kind_nobody_here_has_heard_of_is_not_judged() {
    let content = json!({"@odata.type": "#microsoft.graph.brandNewConfiguration", "anything": 1});
    assert!(unknown(row("deviceConfigurations"), &content).is_empty());
}

#[test]
fn every_type_has_its_collection_in_the_list_unless_it_says_why_not() {
    let undescribed = "Graph's public description of it is not at hand: it is not judged";
    let app = "never written, and its kinds are those of the apps";
    let left_out = [
        ("/deviceManagement/managedDeviceCleanupRules", undescribed),
        ("/deviceManagement/inventoryPolicies", undescribed),
        ("/identityGovernance/termsOfUse/agreements", undescribed),
        ("/deviceAppManagement/policySets", app),
    ];
    for row in policy_type::all() {
        let excused = left_out.iter().find(|(path, _)| *path == row.path);
        let listed = TABLE.collections.contains_key(row.path);
        assert!(listed || excused.is_some(), "{}", row.key);
        let why = excused.map(|(_, why)| *why);
        assert!(
            why != Some(app) || listed || row.support != Support::Full,
            "{}",
            row.key
        );
    }
    for (kind, entry) in &TABLE.kinds {
        let named = entry
            .members
            .values()
            .filter_map(|member| member.kind)
            .chain(entry.base);
        for name in named {
            assert!(TABLE.kinds.contains_key(name), "{kind} names {name}");
        }
    }
}

#[test]
fn keyed_lists_of_the_canonical_form_are_looked_into_by_key() {
    let form = json!({
        "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
        "omaSettings": {"./A": {"omaUri": "./A", "grown": 1}}
    });
    let found = unknown_in_form(row("deviceConfigurations"), &form);
    assert_eq!(found, ["/omaSettings/.~1A/grown"]);
    assert!(covers(&found, "/omaSettings/.~1A/grown/deeper"));
    assert!(!covers(&found, "/omaSettings/.~1A/grownMore"));
}
