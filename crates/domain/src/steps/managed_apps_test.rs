//! The calls of app policies: the object, its settings, its apps, its assignments.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use serde_json::{Value, json};

use super::steps_test::{KEEP, body, built, calls, code, landing, policy};
use super::*;
use crate::policy_type;

fn app(bundle: &str) -> Value {
    json!({"id": format!("{bundle}.ios"), "version": "-7", "mobileAppIdentifier":
        {"@odata.type": "#microsoft.graph.iosMobileAppIdentifier", "bundleId": bundle}})
}

fn ios(id: &str, group: &str, apps: &[&str], pin: u8) -> CapturedPolicy {
    let apps: Vec<Value> = apps.iter().map(|bundle| app(bundle)).collect();
    policy(
        "iosManagedAppProtections",
        id,
        json!({"appGroupType": group, "minimumPinLength": pin, "deployedAppCount": apps.len(), "apps": apps,
            "version": "\"1\"", "targetedAppManagementLevels": "unspecified"}),
    )
}

#[test]
fn a_new_app_policy_gets_its_apps_by_their_own_action() {
    let none = landing(&[]);
    let source = ios("1", "selectedPublicApps", &["b", "a"], 6);
    let written = built(&source, None, &none, KEEP).expect("built");
    let names: Vec<&str> = written.steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["create", "target_apps"]);
    let create = body(&written, "create");
    assert_eq!(
        create.get("@odata.type"),
        Some(&json!("#microsoft.graph.iosManagedAppProtection"))
    );
    for member in ["apps", "version", "deployedAppCount"] {
        assert_eq!(create.get(member), None, "{member}");
    }
    let identifier = |id: &str| {
        json!({"mobileAppIdentifier":
        {"@odata.type": "#microsoft.graph.iosMobileAppIdentifier", "bundleId": id}})
    };
    assert_eq!(
        body(&written, "target_apps"),
        json!({"appGroupType": "selectedPublicApps", "apps": [identifier("b"), identifier("a")]})
    );
    assert_eq!(written_later(&written.steps), ["apps"]);

    let empty = ios("1", "selectedPublicApps", &[], 6);
    let written = built(&empty, None, &none, KEEP).expect("built");
    assert_eq!(written.steps.len(), 1);
}

#[test]
fn apps_alone_are_written_alone_and_settings_leave_the_apps() {
    let none = landing(&[]);
    let source = ios("1", "selectedPublicApps", &["b", "a"], 6);
    let apps = ios("9", "selectedPublicApps", &["a", "c"], 6);
    let written = built(&source, Some(&apps), &none, KEEP).expect("built");
    let path = "/deviceAppManagement/iosManagedAppProtections/{item}/targetApps";
    assert_eq!(calls(&written), [("target_apps", "POST", path)]);

    let pin = ios("9", "selectedPublicApps", &["a", "b"], 4);
    let written = built(&source, Some(&pin), &none, KEEP).expect("built");
    let path = "/deviceAppManagement/iosManagedAppProtections/{item}";
    assert_eq!(calls(&written), [("update", "PATCH", path)]);
    assert_eq!(body(&written, "update").get("apps"), None);
}

#[test]
fn of_a_group_the_service_makes_the_list() {
    let none = landing(&[]);
    let source = ios("1", "allMicrosoftApps", &["a", "b"], 6);
    let other = ios("9", "allMicrosoftApps", &["a", "b", "new"], 6);
    let written = built(&source, Some(&other), &none, KEEP).expect("built");
    assert_eq!(written.steps.len(), 1);
    let row = policy_type::find("iosManagedAppProtections").expect("row");
    let read = |policy| canonical::facet_value(row, policy, Facet::Settings, Reading::Raw);
    assert_eq!(read(&source), read(&other));
    // The group itself is a setting.
    let chosen = ios("9", "selectedPublicApps", &["a", "b"], 6);
    assert_ne!(read(&source), read(&chosen));
    let written = built(&source, Some(&chosen), &none, KEEP).expect("built");
    let names: Vec<&str> = written.steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["update", "target_apps"]);
}

#[test]
fn windows_apps_have_no_group_and_an_app_without_a_name_is_not_written() {
    let none = landing(&[]);
    let windows = |apps: Value| policy("windowsManagedAppProtections", "1", json!({"apps": apps}));
    let identifier =
        json!({"@odata.type": "#microsoft.graph.windowsAppIdentifier", "windowsAppId": "edge"});
    let source = windows(json!([{"id": "x", "mobileAppIdentifier": identifier}]));
    let written = built(&source, None, &none, KEEP).expect("built");
    assert_eq!(
        body(&written, "target_apps"),
        json!({"apps": [{"mobileAppIdentifier": identifier}]})
    );
    let nameless = windows(json!([{"id": "x", "mobileAppIdentifier": null}]));
    assert_eq!(
        code(built(&nameless, None, &none, KEEP)),
        "invalid_for_create"
    );
}

#[test]
fn settings_in_the_catalogues_way_have_their_own_action() {
    let none = landing(&[]);
    let config = |id: &str, value: &str| {
        let instance = json!({"@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
            "settingDefinitionId": "edge_home", "simpleSettingValue": {
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationStringSettingValue", "value": value}});
        policy(
            "targetedManagedAppConfigurations",
            id,
            json!({"customSettings": [{"name": "k", "value": "{{userprincipalname}}"}],
                "appGroupType": "selectedPublicApps", "apps": [app("edge")],
                "settings": [{"id": "0", "settingInstance": instance}]}),
        )
    };
    let written = built(&config("1", "x"), None, &none, KEEP).expect("built");
    let names: Vec<&str> = written.steps.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["create", "change_settings", "target_apps"]);
    assert_eq!(body(&written, "create").get("settings"), None);
    assert_eq!(
        body(&written, "create").pointer("/customSettings/0/value"),
        Some(&json!("{{userprincipalname}}"))
    );
    let written = built(&config("1", "x"), Some(&config("9", "y")), &none, KEEP).expect("built");
    let path = "/deviceAppManagement/targetedManagedAppConfigurations/{item}/changeSettings";
    assert_eq!(calls(&written), [("change_settings", "POST", path)]);

    let mut secret = config("1", "x");
    let place = "/settings/0/settingInstance/simpleSettingValue/value";
    *secret.content.pointer_mut(place).expect("a value") = json!({"$secret": {}});
    let found = built(&secret, None, &none, KEEP);
    assert!(found.is_err());
}

fn device(id: &str, apps: &[&str], value: &str) -> CapturedPolicy {
    policy(
        "mobileAppConfigurations",
        id,
        json!({"@odata.type": "#microsoft.graph.iosMobileAppConfiguration", "targetedMobileApps": apps,
            "version": 3, "settings": [{"appConfigKey": "mail", "appConfigKeyType": "stringType",
                "appConfigKeyValue": value}]}),
    )
}

#[test]
fn a_device_configuration_names_the_targets_apps_and_keeps_its_tokens() {
    let landed = landing(&[("mobile_app", "a1", "T1"), ("mobile_app", "a2", "T2")]);
    let source = device("1", &["a1", "a2"], "{{mail}}");
    let written = built(&source, None, &landed, KEEP).expect("built");
    let create = body(&written, "create");
    assert_eq!(create.get("targetedMobileApps"), Some(&json!(["T1", "T2"])));
    assert_eq!(
        create.pointer("/settings/0/appConfigKeyValue"),
        Some(&json!("{{mail}}"))
    );

    // Which apps it is for cannot change; the order and the case of ids say nothing.
    let standing = device("9", &["t2", "t1"], "other");
    let written = built(&source, Some(&standing), &landed, KEEP).expect("built");
    assert_eq!(body(&written, "update").get("targetedMobileApps"), None);
    let other = device("9", &["T1"], "other");
    assert_eq!(
        code(built(&source, Some(&other), &landed, KEEP)),
        "immutable_differs"
    );
    let open = landing(&[("mobile_app", "a1", "T1")]);
    assert_eq!(
        code(built(&source, None, &open, KEEP)),
        "reference_not_landed"
    );
}

/// Every call of the app types that can ever be written.
pub(super) fn pinned() -> Vec<String> {
    let typed = "POST {item}/microsoft.graph.managedDeviceMobileAppConfiguration/assign";
    let protection = [
        "POST",
        "PATCH {item}",
        "POST {item}/targetApps",
        "POST {item}/assign",
    ];
    let of = |collection: &str, calls: &[&str]| -> Vec<String> {
        calls
            .iter()
            .map(|call| {
                let (method, below) = call.split_once(' ').unwrap_or((call, ""));
                let slash = if below.is_empty() { "" } else { "/" };
                format!("{method} beta/deviceAppManagement/{collection}{slash}{below}")
            })
            .collect()
    };
    let configurations = "targetedManagedAppConfigurations";
    [
        of("androidManagedAppProtections", &protection),
        of("iosManagedAppProtections", &protection),
        of("windowsManagedAppProtections", &protection),
        of(configurations, &protection),
        of(configurations, &["POST {item}/changeSettings"]),
        of("mobileAppConfigurations", &["POST", "PATCH {item}", typed]),
        of("mobileAppCategories", &["POST", "PATCH {item}"]),
    ]
    .concat()
}

#[test]
fn ids_are_replaced_where_they_stand_and_nowhere_else() {
    let id = "0aaa0000-0000-4000-8000-0000000000a1";
    let source = policy(
        "mobileAppConfigurations",
        "1",
        json!({"@odata.type": "#microsoft.graph.iosMobileAppConfiguration", "targetedMobileApps": [id],
            "description": format!("Made for {id}"), "settings": [
                {"appConfigKey": id, "appConfigKeyType": "stringType", "appConfigKeyValue": id}]}),
    );
    let landed = landing(&[("mobile_app", id, "T1")]);
    let create = body(
        &built(&source, None, &landed, KEEP).expect("built"),
        "create",
    );
    assert_eq!(create.get("targetedMobileApps"), Some(&json!(["T1"])));
    assert_eq!(
        create.get("description"),
        Some(&json!(format!("Made for {id}")))
    );
    for member in ["appConfigKey", "appConfigKeyValue"] {
        let place = format!("/settings/0/{member}");
        assert_eq!(create.pointer(&place), Some(&json!(id)), "{member}");
    }
}
