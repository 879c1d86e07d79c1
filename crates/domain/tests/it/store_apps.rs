//! Apps that need no files: what a create and an update may say, and their categories.

use domain::policy_type::{self, PolicyType, Support};
use domain::steps::{StepKind, waits_for_publishing};
use domain::verify;
use serde_json::{Value, json};
use std::collections::BTreeMap;

use crate::model::{self, KEEP, MAP};
use crate::samples::{GROUP, OTHER_GROUP};

const CATEGORY: &str = "0a990000-0000-4000-8000-0000000000c1";

fn row() -> &'static PolicyType {
    policy_type::find("mobileApps").unwrap()
}

fn app(kind: &str, name: &str, more: &Value) -> Value {
    let mut app = json!({
        "@odata.type": format!("#microsoft.graph.{kind}"),
        "id": "0a990000-0000-4000-8000-0000000000d1", "displayName": name,
        "description": "For work", "publisher": "Publisher", "developer": "Maker", "owner": "IT",
        "notes": "n", "isFeatured": false, "publishingState": "published", "isAssigned": true,
        "createdDateTime": "2026-01-02T03:04:05Z", "uploadState": 1, "dependentAppCount": 0,
        "largeIcon": {"type": "image/png", "value": "iVBORw0KGgo="}, "roleScopeTagIds": ["0"],
        "categories": [{"id": CATEGORY, "displayName": "Productivity",
            "lastModifiedDateTime": "2026-01-02T03:04:05Z"}],
        "assignments": [
            {"id": "x_1", "intent": "required", "source": "direct", "sourceId": "x",
                "settings": {"@odata.type": format!("#microsoft.graph.{kind}AssignmentSettings"),
                    "notifications": "showAll"},
                "target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget",
                    "groupId": GROUP}},
            {"id": "x_2", "intent": "available", "source": "direct", "sourceId": "x",
                "settings": null,
                "target": {"@odata.type": "#microsoft.graph.exclusionGroupAssignmentTarget",
                    "groupId": OTHER_GROUP}}
        ]
    });
    for (name, value) in more.as_object().unwrap() {
        app[name] = value.clone();
    }
    app
}

fn win_get() -> Value {
    app(
        "winGetApp",
        "VLC",
        &json!({"packageIdentifier": "XPDM1ZW6815MQM", "manifestHash": "abc",
            "installExperience": {"runAsAccount": "system"}}),
    )
}

fn suite() -> Value {
    app(
        "officeSuiteApp",
        "Office",
        &json!({"officePlatformArchitecture": "x64", "autoAcceptEula": true,
            "officeSuiteAppDefaultFileFormat": "officeOpenXMLFormat",
            "productIds": ["o365ProPlusRetail"], "updateChannel": "monthlyEnterprise",
            "excludedApps": {"groove": true, "lync": true}}),
    )
}

pub(crate) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("mobileApps", win_get()),
        ("mobileApps", suite()),
        (
            "mobileApps",
            app(
                "webApp",
                "Intranet",
                &json!({"appUrl": "https://intranet.example"}),
            ),
        ),
        (
            "mobileApps",
            app(
                "iosStoreApp",
                "Outlook",
                &json!({"bundleId": "com.microsoft.Office.Outlook",
                "appStoreUrl": "https://apps.apple.com/app/id951937596",
                "applicableDeviceType": {"iPad": true, "iPhoneAndIPod": true}}),
            ),
        ),
    ]
}

/// A linked category as the item shows it.
pub(crate) fn show_categories(item: &mut Value) {
    if let Some(Value::Array(linked)) = item.get_mut("categories") {
        for one in linked {
            if one.is_string() {
                *one = json!({"id": one.clone(), "displayName": "Some"});
            }
        }
    }
}

#[test]
fn an_app_is_made_then_categorised_then_assigned() {
    let source = model::captured(row(), win_get());
    assert_eq!(source.content["categories"], json!([CATEGORY]));
    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row(), &source, None, &landing, MAP).unwrap();
    let names: Vec<&str> = written
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["create", "bind:categories:0", "assign"]);
    let body = written.steps[0].body.as_ref().unwrap();
    for gone in [
        "publishingState",
        "categories",
        "isFeatured",
        "manifestHash",
        "uploadState",
        "id",
    ] {
        assert!(body.get(gone).is_none(), "{gone}");
    }
    assert_eq!(body["largeIcon"]["type"], "image/png");
    assert!(written.steps[1].path.ends_with("/{item}/categories/$ref"));
    let assigned = &written.steps[2].body.as_ref().unwrap()["mobileAppAssignments"];
    assert_eq!(assigned.as_array().unwrap().len(), 2);
    assert!(assigned.to_string().contains("\"intent\":\"required\""));

    // Nothing but the create before the service has published it.
    for (state, waits) in [("processing", true), ("published", false)] {
        let live = json!({"publishingState": state});
        let waiting: Vec<bool> = written
            .steps
            .iter()
            .map(|step| waits_for_publishing(row(), step, &live))
            .collect();
        assert_eq!(waiting, [false, waits, waits], "{state}");
    }
}

#[test]
fn a_featured_app_is_featured_by_a_call_of_its_own() {
    let mut featured = win_get();
    featured["isFeatured"] = json!(true);
    let source = model::captured(row(), featured);
    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row(), &source, None, &landing, KEEP).unwrap();
    assert_eq!(
        written.steps[0].body.as_ref().unwrap().get("isFeatured"),
        None
    );
    assert_eq!(written.steps[1].name, "complete");
    assert_eq!(
        written.steps[1].body.as_ref().unwrap()["isFeatured"],
        json!(true)
    );
}

#[test]
fn what_is_settled_is_neither_sent_nor_silently_different() {
    for object in [win_get(), suite()] {
        let source = model::captured(row(), object.clone());
        let (_, _, landing) = model::tenants(&source);
        let copy = model::build(row(), &source, None, &landing, KEEP).unwrap();
        let mut other = model::carry_out(row(), &copy, None);
        other.item["notes"] = json!("other");
        let target = domain::capture::capture(row(), other.clone(), &model::key()).unwrap();
        let written = model::build(row(), &source, Some(&target), &landing, KEEP).unwrap();
        let body = written.steps[0].body.as_ref().unwrap();
        assert!(body.get("@odata.type").is_some());
        for gone in [
            "packageIdentifier",
            "installExperience",
            "officePlatformArchitecture",
            "publishingState",
            "categories",
        ] {
            assert!(body.get(gone).is_none(), "{gone}");
        }
        let is_suite = object["officePlatformArchitecture"].is_string();
        assert_eq!(body.get("developer").is_none(), is_suite);
        let settled = if is_suite {
            "publisher"
        } else {
            "installExperience"
        };
        other.item[settled] = json!({"runAsAccount": "user"});
        if is_suite {
            other.item[settled] = json!("Somebody");
        }
        let target = domain::capture::capture(row(), other, &model::key()).unwrap();
        let refused = model::build(row(), &source, Some(&target), &landing, KEEP).unwrap_err();
        assert_eq!(refused.code, "immutable_differs");
        assert!(refused.message.contains(settled), "{}", refused.message);
    }
}

#[test]
fn categories_follow_by_meaning_and_surplus_ones_go() {
    let source = model::captured(row(), win_get());
    let (_, _, landing) = model::tenants(&source);
    let copy = model::build(row(), &source, None, &landing, KEEP).unwrap();
    let mut other = model::carry_out(row(), &copy, None);
    let surplus = "0a990000-0000-4000-8000-0000000000c9";
    other.item["categories"] = json!([{"id": surplus, "displayName": "Old"}]);
    let target = domain::capture::capture(row(), other.clone(), &model::key()).unwrap();
    let written = model::build(row(), &source, Some(&target), &landing, KEEP).unwrap();
    let kinds: Vec<bool> = written
        .steps
        .iter()
        .map(|step| matches!(step.kind, StepKind::Unlink { .. }))
        .collect();
    assert_eq!(kinds, [false, true]);
    assert!(
        written.steps[1]
            .path
            .ends_with(&format!("/categories/{surplus}/$ref"))
    );
    let done = model::carry_out(row(), &written, Some(other));
    let done = domain::capture::capture(row(), done, &model::key()).unwrap();
    verify::check(
        row(),
        &written.expected,
        &done,
        &BTreeMap::new(),
        KEEP,
        false,
    )
    .unwrap();
}

#[test]
fn an_assignment_that_names_a_vpn_of_the_source_is_not_carried() {
    let mut object = win_get();
    object["assignments"][0]["settings"]["vpnConfigurationId"] = json!(CATEGORY);
    let source = model::captured(row(), object);
    let (_, _, landing) = model::tenants(&source);
    let refused = model::build(row(), &source, None, &landing, MAP).unwrap_err();
    assert_eq!(refused.code, "reference_not_landed");
    assert!(refused.message.contains("settings/vpnConfigurationId"));
    model::build(row(), &source, None, &landing, KEEP).unwrap();
}

#[test]
fn apps_with_files_or_licences_say_why_they_are_not_made() {
    assert!(matches!(row().support, Support::ByKind(_)));
    for (kind, word) in [
        ("win32LobApp", "installation file"),
        ("iosVppApp", "volume purchase"),
        ("androidManagedStoreApp", "Google Play"),
        ("microsoftStoreForBusinessApp", "no longer"),
        ("somethingNew", "public store"),
    ] {
        let content = app(kind, "x", &json!({}));
        let why = policy_type::why_not_promoted(row(), Some(&content)).unwrap();
        assert!(why.contains(word), "{kind}: {why}");
    }
    for (_, object) in all() {
        assert_eq!(policy_type::why_not_promoted(row(), Some(&object)), None);
    }
}

#[test]
fn an_app_with_relationships_is_held_and_their_count_is_no_difference() {
    for name in [
        "dependentAppCount",
        "supersededAppCount",
        "supersedingAppCount",
    ] {
        let plain = app("winGetApp", "x", &json!({"packageIdentifier": "9N"}));
        let mut related = plain.clone();
        related[name] = json!(1);
        let (plain, related) = (
            model::captured(row(), plain),
            model::captured(row(), related),
        );
        assert_eq!(
            policy_type::why_not_promoted(row(), Some(&plain.content)),
            None
        );
        let why = policy_type::why_not_promoted(row(), Some(&related.content)).unwrap();
        assert!(why.contains("not carried over"), "{name}: {why}");
        assert_eq!(plain.content_hash, related.content_hash);
    }
}

#[test]
fn a_filter_on_edge_and_what_the_suite_does_not_take_back_are_held() {
    let filtered = json!([{"intent": "required", "target": {
        "@odata.type": "#microsoft.graph.allDevicesAssignmentTarget",
        "deviceAndAppManagementAssignmentFilterId": "0f110000-0000-4000-8000-0000000000f1",
        "deviceAndAppManagementAssignmentFilterType": "include"}}]);
    let mut edge = app(
        "windowsMicrosoftEdgeApp",
        "x",
        &json!({"channel": "stable"}),
    );
    edge["assignments"] = filtered;
    let edge = model::captured(row(), edge);
    let (_, _, landing) = model::tenants(&edge);
    let error = model::build(row(), &edge, None, &landing, MAP).unwrap_err();
    assert_eq!(error.code, "invalid_for_create");
    assert!(model::build(row(), &edge, None, &landing, model::KEEP).is_ok());

    let suite = |format: &str| {
        let more =
            json!({"officePlatformArchitecture": "x64", "officeSuiteAppDefaultFileFormat": format});
        model::captured(row(), app("officeSuiteApp", "x", &more))
    };
    let (unset, chosen) = (suite("notConfigured"), suite("officeOpenXMLFormat"));
    let (_, _, landing) = model::tenants(&unset);
    let error = model::build(row(), &unset, Some(&chosen), &landing, model::KEEP).unwrap_err();
    assert_eq!(error.code, "immutable_differs");
    assert!(model::build(row(), &chosen, Some(&unset), &landing, model::KEEP).is_ok());
}

#[test]
fn an_app_is_the_same_under_any_name() {
    let own = model::captured(row(), win_get());
    let mut other = win_get();
    other["displayName"] = json!("VLC media player");
    other["packageIdentifier"] = json!("xpdm1zw6815mqm");
    assert!(domain::capture::is_identity(
        row(),
        &other,
        &own.identity_key
    ));
    other["packageIdentifier"] = json!("another");
    assert!(!domain::capture::is_identity(
        row(),
        &other,
        &own.identity_key
    ));
}
