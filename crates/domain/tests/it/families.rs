//! Generated policies, one strategy per family of types, in the shape Graph answers.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::samples::simple;

fn guid() -> impl Strategy<Value = String> {
    any::<u128>().prop_map(|bits| {
        let text = format!("{bits:032x}");
        format!(
            "{}-{}-{}-{}-{}",
            &text[..8],
            &text[8..12],
            &text[12..16],
            &text[16..20],
            &text[20..]
        )
    })
}

fn guids() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set(guid(), 0..4).prop_map(|set| set.into_iter().collect())
}

fn word() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9]{2,8}"
}

fn text() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9 ./_-]{0,16}[a-z]"
}

fn words(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set(word(), count).prop_map(|set| set.into_iter().collect())
}

/// A base of every object.
fn with(name: &str, mut object: Value, description: Option<&str>) -> Value {
    object["id"] = json!("0a000000-0000-4000-8000-000000000001");
    object[name] = json!("A policy");
    object["description"] = json!(description);
    object
}

/// One instance of the tree; definitions of children are numbered so that none repeats.
fn instance() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        text().prop_map(|value| simple("d", "String", &json!(value))),
        any::<i32>().prop_map(|value| simple("d", "Integer", &json!(value))),
        prop::collection::vec(text(), 1..4).prop_map(|values| {
            let values: Vec<Value> = values
                .into_iter()
                .map(|value| json!({
                    "@odata.type": "#microsoft.graph.deviceManagementConfigurationStringSettingValue",
                    "settingValueTemplateReference": null, "value": value
                }))
                .collect();
            json!({
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingCollectionInstance",
                "settingDefinitionId": "d", "simpleSettingCollectionValue": values
            })
        }),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let children = prop::collection::vec(inner, 0..4).prop_map(numbered);
        prop_oneof![
            (word(), children.clone()).prop_map(|(option, children)| json!({
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
                "settingDefinitionId": "d",
                "choiceSettingValue": {"value": option, "children": children}
            })),
            prop::collection::vec(children, 1..4).prop_map(|groups| {
                let groups: Vec<Value> =
                    groups.into_iter().map(|children| json!({"children": children})).collect();
                json!({
                    "@odata.type": "#microsoft.graph.deviceManagementConfigurationGroupSettingCollectionInstance",
                    "settingDefinitionId": "d", "groupSettingCollectionValue": groups
                })
            }),
        ]
    })
}

fn numbered(instances: Vec<Value>) -> Vec<Value> {
    let mut instances = instances;
    for (number, instance) in instances.iter_mut().enumerate() {
        instance["settingDefinitionId"] = json!(format!("definition_{number}"));
    }
    instances
}

fn settings() -> impl Strategy<Value = Value> {
    prop::collection::vec(instance(), 1..5).prop_map(|instances| {
        let settings: Vec<Value> = numbered(instances)
            .into_iter()
            .enumerate()
            .map(|(id, instance)| json!({"id": id.to_string(), "settingInstance": instance}))
            .collect();
        json!(settings)
    })
}

pub(crate) fn settings_catalogue() -> impl Strategy<Value = Value> {
    let technologies =
        prop::sample::subsequence(vec!["mdm", "microsoftSense", "configManager"], 1..=3);
    (settings(), technologies, prop::option::of(text())).prop_map(|(settings, technologies, description)| {
        let object = json!({
            "platforms": "windows10", "technologies": technologies.join(","),
            "roleScopeTagIds": ["0", "7"], "templateReference": {"templateId": "", "templateFamily": "none"},
            "settings": settings
        });
        with("name", object, description.as_deref())
    })
}

fn actions() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::btree_map(0_u32..2_000, guids(), 0..4).prop_map(|actions| {
        actions
            .into_iter()
            .map(|(hours, copies)| {
                json!({
                    "actionType": "notification", "gracePeriodHours": hours,
                    "notificationTemplateId": "0eee0000-0000-4000-8000-0000000000e1",
                    "notificationMessageCCList": copies
                })
            })
            .collect()
    })
}

pub(crate) fn settings_compliance() -> impl Strategy<Value = Value> {
    (settings(), actions()).prop_map(|(settings, actions)| {
        let object = json!({
            "platforms": "linux", "technologies": "linuxMdm", "roleScopeTagIds": ["0"],
            "settings": settings,
            "scheduledActionsForRule": [{"ruleName": "r", "scheduledActionConfigurations": actions}]
        });
        with("name", object, None)
    })
}

pub(crate) fn reusable_setting() -> impl Strategy<Value = Value> {
    (instance(), text()).prop_map(|(instance, description)| {
        let object = json!({"settingDefinitionId": "d", "settingInstance": instance});
        with("displayName", object, Some(&description))
    })
}

pub(crate) fn custom_profile() -> impl Strategy<Value = Value> {
    prop::collection::btree_map(
        "\\./[A-Z][a-z]{2,6}",
        (text(), any::<i32>(), any::<bool>()),
        1..5,
    )
    .prop_map(|settings| {
        let settings: Vec<Value> = settings
            .into_iter()
            .map(|(uri, (value, number, as_number))| {
                let kind = if as_number { "Integer" } else { "String" };
                let value = if as_number {
                    json!(number)
                } else {
                    json!(value)
                };
                json!({
                    "@odata.type": format!("#microsoft.graph.omaSetting{kind}"),
                    "displayName": "n", "omaUri": uri, "isEncrypted": false, "value": value
                })
            })
            .collect();
        let object = json!({
            "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
            "roleScopeTagIds": ["0"], "omaSettings": settings
        });
        with("displayName", object, Some("d"))
    })
}

pub(crate) fn update_ring() -> impl Strategy<Value = Value> {
    let weeks = prop::sample::subsequence(
        vec!["firstWeek", "secondWeek", "thirdWeek", "fourthWeek"],
        1..=4,
    );
    (weeks, any::<i32>(), any::<bool>()).prop_map(|(weeks, days, drivers)| {
        let object = json!({
            "@odata.type": "#microsoft.graph.windowsUpdateForBusinessConfiguration",
            "roleScopeTagIds": ["0"], "updateWeeks": weeks.join(","),
            "qualityUpdatesDeferralPeriodInDays": days, "driversExcluded": drivers,
            "installationSchedule": {
                "@odata.type": "#microsoft.graph.windowsUpdateActiveHoursInstall",
                "activeHoursStart": "08:00:00.0000000", "activeHoursEnd": "17:00:00.0000000"
            }
        });
        with("displayName", object, None)
    })
}

pub(crate) fn compliance() -> impl Strategy<Value = Value> {
    (actions(), any::<bool>(), "1[01]\\.[0-9]{1,3}").prop_map(|(actions, required, version)| {
        let object = json!({
            "@odata.type": "#microsoft.graph.windows10CompliancePolicy",
            "roleScopeTagIds": ["0"], "passwordRequired": required, "osMinimumVersion": version,
            "scheduledActionsForRule": [{"ruleName": null, "scheduledActionConfigurations": actions}]
        });
        with("displayName", object, Some("d"))
    })
}

pub(crate) fn conditional_access() -> impl Strategy<Value = Value> {
    (guids(), guids(), guids(), any::<bool>(), 1_u8..30).prop_map(
        |(users, groups, roles, all_apps, hours)| {
            let object = json!({
                "state": "enabled",
                "conditions": {
                    "clientAppTypes": ["browser", "mobileAppsAndDesktopClients"],
                    "users": {
                        "includeUsers": ["All"], "excludeUsers": users,
                        "includeGroups": [], "excludeGroups": groups, "includeRoles": roles
                    },
                    "applications": {"includeApplications": [if all_apps { "All" } else { "Office365" }]},
                    "platforms": {"includePlatforms": ["iOS", "android"], "excludePlatforms": []}
                },
                "grantControls": {"operator": "OR", "builtInControls": ["mfa", "compliantDevice"]},
                "sessionControls": {"signInFrequency": {
                    "value": hours, "type": "hours", "isEnabled": true,
                    "authenticationType": "primaryAndSecondaryAuthentication", "frequencyInterval": "timeBased"
                }}
            });
            with("displayName", object, None)
        },
    )
}

pub(crate) fn named_location() -> impl Strategy<Value = Value> {
    (prop::collection::btree_set("[A-Z]{2}", 1..5), any::<bool>()).prop_map(
        |(countries, unknown)| {
            let object = json!({
                "@odata.type": "#microsoft.graph.countryNamedLocation",
                "countriesAndRegions": countries, "includeUnknownCountriesAndRegions": unknown,
                "countryLookupMethod": "clientIpAddress"
            });
            let mut object = with("displayName", object, None);
            object.as_object_mut().unwrap().remove("description");
            object
        },
    )
}

pub(crate) fn notification_template() -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-z]{2}-[a-z]{2}", (text(), text()), 1..4).prop_map(|messages| {
        let messages: Vec<Value> = messages
            .into_iter()
            .enumerate()
            .map(|(number, (locale, (subject, body)))| {
                json!({
                    "id": format!("t_{locale}"), "locale": locale, "subject": subject,
                    "messageTemplate": body, "isDefault": number == 0
                })
            })
            .collect();
        let object = json!({
            "brandingOptions": "includeCompanyLogo,includeCompanyName", "defaultLocale": "en-us",
            "roleScopeTagIds": ["0"], "localizedNotificationMessages": messages
        });
        with("displayName", object, None)
    })
}

pub(crate) fn app_protection() -> impl Strategy<Value = Value> {
    (words(1..4), words(0..3), any::<bool>()).prop_map(|(apps, locations, pin)| {
        let apps: Vec<Value> = apps
            .into_iter()
            .map(|app| {
                json!({
                    "id": format!("{app}.x"), "version": "-1",
                    "mobileAppIdentifier": {
                        "@odata.type": "#microsoft.graph.iosMobileAppIdentifier", "bundleId": app
                    }
                })
            })
            .collect();
        let object = json!({
            "@odata.type": "#microsoft.graph.iosManagedAppProtection",
            "targetedAppManagementLevels": "unmanaged", "appGroupType": "selectedPublicApps",
            "allowedDataStorageLocations": locations, "pinRequired": pin,
            "periodOfflineBeforeAccessCheck": "PT12H", "roleScopeTagIds": ["0"], "apps": apps
        });
        with("displayName", object, Some("d"))
    })
}

pub(crate) fn script() -> impl Strategy<Value = Value> {
    (text(), text(), any::<bool>()).prop_map(|(line, other, user)| {
        use base64::Engine as _;
        let body = base64::engine::general_purpose::STANDARD.encode(format!("{line}\n{other}\n"));
        let object = json!({
            "fileName": "a.ps1", "scriptContent": body, "enforceSignatureCheck": false,
            "runAsAccount": if user { "user" } else { "system" }, "roleScopeTagIds": ["0"]
        });
        with("displayName", object, Some("d"))
    })
}

pub(crate) fn role() -> impl Strategy<Value = Value> {
    words(1..6).prop_map(|actions| {
        let object = json!({
            "@odata.type": "#microsoft.graph.deviceAndAppManagementRoleDefinition",
            "isBuiltIn": false, "roleScopeTagIds": ["0"],
            "rolePermissions": [{"resourceActions": [
                {"allowedResourceActions": actions, "notAllowedResourceActions": []}
            ]}]
        });
        with("displayName", object, Some("d"))
    })
}
