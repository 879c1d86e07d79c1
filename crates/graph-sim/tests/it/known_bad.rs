//! Requests the real service refuses: every one must be refused here, with Graph's kind of error,
//! and must leave no trace.

use serde_json::{Value, json};

use crate::harness::*;

/// A request, the status it must get and a part of the message.
struct Bad {
    method: &'static str,
    path: String,
    body: Option<Value>,
    status: u16,
    says: &'static str,
}

fn bad(method: &'static str, path: impl Into<String>, body: Value, says: &'static str) -> Bad {
    Bad {
        method,
        path: path.into(),
        body: Some(body),
        status: 400,
        says,
    }
}

fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut changed = body.clone();
    changed[name] = value;
    changed
}

fn without(body: &Value, name: &str) -> Value {
    let mut changed = body.clone();
    changed.as_object_mut().unwrap().remove(name);
    changed
}

fn name_of(path: &str) -> &'static str {
    if path == SETTINGS_CATALOG {
        "name"
    } else {
        "displayName"
    }
}

/// The same mistakes with every object there is.
fn general(path: &'static str, id: &str, body: &Value) -> Vec<Bad> {
    let name = name_of(path);
    let item = format!("{path}/{id}");
    let mut cases = vec![
        bad(
            "POST",
            path,
            with(body, "inventedProperty", json!(1)),
            "does not exist on type",
        ),
        bad(
            "POST",
            path,
            with(body, name, json!(7)),
            "Cannot convert the literal",
        ),
        bad("POST", path, without(body, name), "is required"),
        bad(
            "POST",
            path,
            with(body, "id", json!("11111111-1111-4111-8111-111111111111")),
            "read-only",
        ),
        bad(
            "POST",
            path,
            with(body, "#microsoft.graph.assign", json!({})),
            "does not exist on type",
        ),
        Bad {
            method: "POST",
            path: item.clone(),
            body: Some(body.clone()),
            status: 405,
            says: "not allowed",
        },
        Bad {
            method: "DELETE",
            path: path.to_owned(),
            body: None,
            status: 405,
            says: "not allowed",
        },
    ];
    if path != SETTINGS_CATALOG {
        let case = Bad {
            method: "PUT",
            path: item.clone(),
            body: Some(body.clone()),
            status: 405,
            says: "not allowed",
        };
        cases.push(case);
    }
    if body.get("@odata.type").is_some() {
        cases.push(bad(
            "POST",
            path,
            without(body, "@odata.type"),
            "@odata.type",
        ));
        cases.push(bad(
            "PATCH",
            item.clone(),
            json!({name: "x"}),
            "@odata.type",
        ));
        let invented = with(body, "@odata.type", json!("#microsoft.graph.inventedType"));
        cases.push(bad("POST", path, invented, "could not be resolved"));
        let foreign = with(body, "@odata.type", json!("#microsoft.graph.roleScopeTag"));
        cases.push(bad("POST", path, foreign, "not assignable"));
    }
    for tags in ["roleScopeTagIds", "roleScopeTags"] {
        if body.get(tags).is_some() {
            cases.push(bad(
                "POST",
                path,
                with(body, tags, json!(["4711"])),
                "Scope Tags validation failed",
            ));
            cases.push(bad(
                "POST",
                path,
                with(body, tags, json!("0")),
                "StartArray",
            ));
        }
    }
    if [SETTINGS_CATALOG, COMPLIANCE, CONFIGURATIONS].contains(&path) {
        cases.extend(assignments(&item));
    }
    cases
}

fn assignments(item: &str) -> Vec<Bad> {
    let path = format!("{item}/assign");
    let target = |members: Value| json!({"assignments": [{ "target": members }]});
    let nobody = "22222222-2222-4222-8222-222222222222";
    let group = json!({"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": nobody});
    let all = json!({"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"});
    let mut filtered = all.clone();
    filtered["deviceAndAppManagementAssignmentFilterId"] = json!(nobody);
    filtered["deviceAndAppManagementAssignmentFilterType"] = json!("include");
    let mut halved = all.clone();
    halved["deviceAndAppManagementAssignmentFilterType"] = json!("include");
    vec![
        bad("POST", path.clone(), target(group), "was not found"),
        bad(
            "POST",
            path.clone(),
            target(filtered),
            "Scope Tags validation failed : Filters",
        ),
        bad("POST", path.clone(), target(halved), "needs a filter id"),
        bad(
            "POST",
            path.clone(),
            target(json!({"groupId": nobody})),
            "abstract",
        ),
        bad(
            "POST",
            path.clone(),
            json!({"assignments": [{"target": all}, {"target": all}]}),
            "Duplicate",
        ),
        bad(
            "POST",
            path.clone(),
            json!({"configurationAssignments": []}),
            "not a valid parameter",
        ),
        bad(
            "POST",
            path.clone(),
            json!({}),
            "missing or not a collection",
        ),
        Bad {
            method: "PATCH",
            path,
            body: Some(json!({"assignments": []})),
            status: 405,
            says: "not allowed",
        },
    ]
}

fn settings_catalog(id: &str, body: &Value) -> Vec<Bad> {
    let path = SETTINGS_CATALOG;
    let item = format!("{path}/{id}");
    let prefix = "#microsoft.graph.deviceManagementConfiguration";
    let one = |instance: Value| with(body, "settings", json!([{ "settingInstance": instance }]));
    let choice = |value: Value| {
        one(
            json!({"@odata.type": format!("{prefix}ChoiceSettingInstance"),
            "settingDefinitionId": "some_setting", "choiceSettingValue": value}),
        )
    };
    let simple = |value: Value| {
        one(
            json!({"@odata.type": format!("{prefix}SimpleSettingInstance"),
            "settingDefinitionId": "some_setting", "simpleSettingValue": value}),
        )
    };
    let template = |id: &str| with(body, "templateReference", json!({ "templateId": id }));
    let twice = json!([body["settings"][0], body["settings"][0]]);
    vec![
        bad(
            "PATCH",
            item.clone(),
            json!({"settings": body["settings"]}),
            "PATCH",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"platforms": "linux"}),
            "cannot be changed",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"templateReference": {"templateId": "804339ad-1553-4478-a742-138fb5807418_1"}}),
            "cannot be changed",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"assignments": []}),
            "cannot be updated",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"name": null}),
            "must not be null",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"name": ""}),
            "must not be empty",
        ),
        bad("PUT", item.clone(), json!({"name": "x"}), "is required"),
        bad(
            "PUT",
            item,
            with(body, "technologies", json!("linuxMdm")),
            "cannot be changed",
        ),
        bad(
            "POST",
            path,
            with(body, "settingCount", json!(1)),
            "read-only",
        ),
        bad(
            "POST",
            path,
            with(body, "isAssigned", json!(false)),
            "read-only",
        ),
        bad(
            "POST",
            path,
            with(body, "createdDateTime", json!("2025-01-01T00:00:00Z")),
            "read-only",
        ),
        bad("POST", path, without(body, "settings"), "is required"),
        bad("POST", path, without(body, "platforms"), "is required"),
        bad(
            "POST",
            path,
            with(body, "platforms", json!("windows12")),
            "not a member",
        ),
        bad(
            "POST",
            path,
            with(body, "platforms", Value::Null),
            "does not allow null",
        ),
        bad(
            "POST",
            path,
            with(body, "technologies", json!("mdm,teleport")),
            "not a member",
        ),
        bad(
            "POST",
            path,
            with(body, "settings", twice),
            "Duplicate setting",
        ),
        bad("POST", path, with(body, "settings", json!([{}])), "missing"),
        bad(
            "POST",
            path,
            one(json!({"settingDefinitionId": "x"})),
            "abstract",
        ),
        bad(
            "POST",
            path,
            one(
                json!({"@odata.type": format!("{prefix}ChoiceSettingInstance"), "settingDefinitionId": "x"}),
            ),
            "does not match schema",
        ),
        bad(
            "POST",
            path,
            choice(json!({"value": "some_setting_1", "children": null})),
            "Property children",
        ),
        bad(
            "POST",
            path,
            choice(json!({"children": []})),
            "has no value",
        ),
        bad(
            "POST",
            path,
            choice(json!({"value": 1, "children": []})),
            "Cannot convert",
        ),
        bad(
            "POST",
            path,
            simple(json!({"value": "text without type"})),
            "abstract",
        ),
        bad(
            "POST",
            path,
            simple(json!({"@odata.type": format!("{prefix}IntegerSettingValue"), "value": "5"})),
            "Cannot convert",
        ),
        bad(
            "POST",
            path,
            simple(json!({"@odata.type": format!("{prefix}StringSettingValue"), "value": 5})),
            "Cannot convert",
        ),
        bad(
            "POST",
            path,
            simple(
                json!({"@odata.type": format!("{prefix}ReferenceSettingValue"), "value": "33333333-3333-4333-8333-333333333333"}),
            ),
            "was not found",
        ),
        bad(
            "POST",
            path,
            simple(
                json!({"@odata.type": format!("{prefix}SecretSettingValue"), "value": "33333333-3333-4333-8333-333333333333", "valueState": "encryptedValueToken"}),
            ),
            "token",
        ),
        bad(
            "POST",
            path,
            template("804339AD-1553-4478-A742-138FB5807418_1"),
            "Invalid Reference id",
        ),
        bad(
            "POST",
            path,
            template("no-template"),
            "Invalid Reference id",
        ),
        bad(
            "POST",
            path,
            with(
                body,
                "templateReference",
                json!({"templateId": "", "templateDisplayName": "x"}),
            ),
            "read-only",
        ),
        bad(
            "POST",
            path,
            with(
                body,
                "templateReference",
                json!({"templateId": "804339ad-1553-4478-a742-138fb5807418_1", "templateFamily": "baseline"}),
            ),
            "does not match",
        ),
    ]
}

fn compliance(id: &str, body: &Value) -> Vec<Bad> {
    let path = COMPLIANCE;
    let item = format!("{path}/{id}");
    let kind = body["@odata.type"].clone();
    let rules = "scheduledActionsForRule";
    let rule = |actions: Value| json!([{"ruleName": "PasswordRequired", "scheduledActionConfigurations": actions}]);
    let block = json!({"actionType": "block", "gracePeriodHours": 0});
    let two = json!([rule(json!([block]))[0], rule(json!([block]))[0]]);
    let template = json!([block, {"actionType": "notification", "notificationTemplateId": "44444444-4444-4444-8444-444444444444"}]);
    let copies = json!([block, {"actionType": "notification", "notificationMessageCCList": ["44444444-4444-4444-8444-444444444444"]}]);
    let action = format!("{item}/scheduleActionsForRules");
    let parameter = "deviceComplianceScheduledActionForRules";
    vec![
        bad(
            "POST",
            path,
            without(body, rules),
            "At least one block action",
        ),
        bad(
            "POST",
            path,
            with(body, rules, Value::Null),
            "At least one block action",
        ),
        bad("POST", path, with(body, rules, json!([])), "exactly one"),
        bad("POST", path, with(body, rules, two), "exactly one"),
        bad(
            "POST",
            path,
            with(body, rules, rule(json!([]))),
            "must have action",
        ),
        bad(
            "POST",
            path,
            with(body, rules, rule(json!([{"actionType": "retire"}]))),
            "one block action",
        ),
        bad(
            "POST",
            path,
            with(body, rules, rule(json!([{"actionType": "explode"}]))),
            "not a member",
        ),
        bad(
            "POST",
            path,
            with(
                body,
                rules,
                rule(json!([{"actionType": "block", "gracePeriodHours": -1}])),
            ),
            "gracePeriodHours",
        ),
        bad(
            "POST",
            path,
            with(body, rules, rule(template.clone())),
            "was not found",
        ),
        bad(
            "POST",
            path,
            with(body, rules, rule(copies)),
            "was not found",
        ),
        bad("POST", path, with(body, "version", json!(3)), "read-only"),
        bad(
            "POST",
            path,
            with(
                body,
                "deviceCompliancePolicyScript",
                json!({"deviceComplianceScriptId": "44444444-4444-4444-8444-444444444444", "rulesContent": "e30="}),
            ),
            "was not found",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"@odata.type": kind, "scheduledActionsForRule": body[rules]}),
            "cannot be updated",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"@odata.type": "#microsoft.graph.iosCompliancePolicy", "displayName": "x"}),
            "cannot be changed",
        ),
        bad(
            "PATCH",
            item,
            json!({"@odata.type": kind, "bitLockerEnabled": "yes"}),
            "Cannot convert",
        ),
        bad(
            "POST",
            action.clone(),
            json!({parameter: []}),
            "exactly one",
        ),
        bad(
            "POST",
            action.clone(),
            json!({parameter: rule(template)}),
            "was not found",
        ),
        bad(
            "POST",
            action.clone(),
            json!({"scheduledActionsForRule": []}),
            "not a valid parameter",
        ),
        Bad {
            method: "GET",
            path: action,
            body: None,
            status: 405,
            says: "not allowed",
        },
    ]
}

fn configurations(id: &str, body: &Value) -> Vec<Bad> {
    let path = CONFIGURATIONS;
    let item = format!("{path}/{id}");
    let setting = |members: Value| {
        let mut setting = json!({"@odata.type": "#microsoft.graph.omaSettingString",
            "displayName": "One", "omaUri": "./a", "value": "x"});
        setting
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        with(body, "omaSettings", json!([setting]))
    };
    let same = body["omaSettings"][0].clone();
    vec![
        bad(
            "POST",
            path,
            setting(json!({"secretReferenceValueId": "x"})),
            "SecretReferenceValueId invalid for create",
        ),
        bad(
            "POST",
            path,
            setting(json!({"isEncrypted": true})),
            "read-only",
        ),
        bad("POST", path, setting(json!({"omaUri": ""})), "OmaUri"),
        bad(
            "POST",
            path,
            setting(json!({"displayName": ""})),
            "DisplayName",
        ),
        bad(
            "POST",
            path,
            setting(json!({"value": null})),
            "does not allow null",
        ),
        bad("POST", path, setting(json!({"value": 3})), "Cannot convert"),
        bad(
            "POST",
            path,
            setting(json!({"@odata.type": "#microsoft.graph.omaSettingInteger"})),
            "Cannot convert",
        ),
        bad(
            "POST",
            path,
            setting(json!({"@odata.type": "#microsoft.graph.omaSetting"})),
            "abstract",
        ),
        bad(
            "POST",
            path,
            with(body, "omaSettings", json!([same, same])),
            "more than once",
        ),
        bad("POST", path, with(body, "version", json!(2)), "read-only"),
        bad(
            "POST",
            path,
            with(body, "supportsScopeTags", json!(true)),
            "read-only",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"@odata.type": "#microsoft.graph.iosCustomConfiguration"}),
            "cannot be changed",
        ),
        bad(
            "PATCH",
            item,
            json!({"@odata.type": body["@odata.type"], "assignments": []}),
            "cannot be updated",
        ),
    ]
}

fn conditional_access(id: &str, body: &Value) -> Vec<Bad> {
    let path = CONDITIONAL_ACCESS;
    let item = format!("{path}/{id}");
    let nobody = "55555555-5555-4555-8555-555555555555";
    let conditions = |part: &str, value: Value| {
        let mut changed = body.clone();
        changed["conditions"][part] = value;
        changed
    };
    let grant = |value: Value| with(body, "grantControls", value);
    vec![
        bad(
            "POST",
            path,
            with(body, "state", json!("on")),
            "not a member",
        ),
        bad("POST", path, without(body, "state"), "is required"),
        bad("POST", path, without(body, "conditions"), "is required"),
        bad(
            "POST",
            path,
            with(body, "templateIdentifier", json!("x")),
            "does not exist on type",
        ),
        bad(
            "POST",
            path,
            with(body, "createdDateTime", json!("2025-01-01T00:00:00Z")),
            "read-only",
        ),
        bad(
            "POST",
            path,
            conditions("users", json!({"includeUsers": []})),
            "1011",
        ),
        bad("POST", path, conditions("users", Value::Null), "1011"),
        bad(
            "POST",
            path,
            conditions("applications", json!({"includeApplications": []})),
            "1011",
        ),
        bad(
            "POST",
            path,
            conditions("clientAppTypes", json!([])),
            "1011",
        ),
        bad(
            "POST",
            path,
            conditions("clientAppTypes", json!(["telnet"])),
            "not a member",
        ),
        bad(
            "POST",
            path,
            conditions("locations", json!({"includeLocations": []})),
            "1011",
        ),
        bad(
            "POST",
            path,
            conditions("platforms", json!({"includePlatforms": []})),
            "1011",
        ),
        bad(
            "POST",
            path,
            conditions("users", json!({"includeUsers": [nobody]})),
            "1007",
        ),
        bad(
            "POST",
            path,
            conditions(
                "users",
                json!({"includeUsers": ["All"], "excludeUsers": [nobody]}),
            ),
            "1007",
        ),
        bad(
            "POST",
            path,
            conditions("users", json!({"includeGroups": [nobody]})),
            "1008",
        ),
        bad(
            "POST",
            path,
            conditions(
                "users",
                json!({"includeUsers": ["All"], "excludeGroups": [nobody]}),
            ),
            "1008",
        ),
        bad(
            "POST",
            path,
            conditions("users", json!({"includeRoles": ["Global Administrator"]})),
            "1009",
        ),
        bad(
            "POST",
            path,
            conditions("locations", json!({"includeLocations": [nobody]})),
            "1040",
        ),
        bad(
            "POST",
            path,
            conditions(
                "locations",
                json!({"includeLocations": ["All"], "excludeLocations": ["Head Office"]}),
            ),
            "1040",
        ),
        bad(
            "POST",
            path,
            conditions("applications", json!({"includeApplications": ["Exchange"]})),
            "1010",
        ),
        bad(
            "POST",
            path,
            conditions(
                "applications",
                json!({"includeAuthenticationContextClassReferences": ["c99"]}),
            ),
            "1074",
        ),
        bad(
            "POST",
            path,
            conditions("deviceStates", json!({})),
            "does not exist on type",
        ),
        bad("POST", path, grant(Value::Null), "1013"),
        bad(
            "POST",
            path,
            grant(json!({"builtInControls": ["mfa"]})),
            "1014",
        ),
        bad(
            "POST",
            path,
            grant(json!({"operator": "XOR", "builtInControls": ["mfa"]})),
            "1014",
        ),
        bad(
            "POST",
            path,
            grant(json!({"operator": "OR", "builtInControls": ["block", "mfa"]})),
            "1032",
        ),
        bad(
            "POST",
            path,
            grant(json!({"operator": "OR", "builtInControls": ["password"]})),
            "not a member",
        ),
        bad(
            "POST",
            path,
            grant(json!({"operator": "OR", "authenticationStrength": {"id": nobody}})),
            "1075",
        ),
        bad(
            "POST",
            path,
            grant(json!({"operator": "AND", "builtInControls": ["mfa"], "termsOfUse": [nobody]})),
            "1012",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"conditions": {"users": {"excludeGroups": [nobody]}}}),
            "1008",
        ),
        bad(
            "PATCH",
            item.clone(),
            json!({"state": "off"}),
            "not a member",
        ),
        bad(
            "PATCH",
            item,
            json!({"displayName": null}),
            "does not allow null",
        ),
    ]
}

fn foundations() -> Vec<Bad> {
    let ip = |address: &str| {
        json!({"@odata.type": "#microsoft.graph.ipNamedLocation", "displayName": "x", "isTrusted": false,
        "ipRanges": [{"@odata.type": "#microsoft.graph.iPv4CidrRange", "cidrAddress": address}]})
    };
    let country = |codes: Value| {
        json!({"@odata.type": "#microsoft.graph.countryNamedLocation", "displayName": "x",
        "countriesAndRegions": codes, "includeUnknownCountriesAndRegions": false})
    };
    let filter =
        |rule: &str| json!({"displayName": "x", "platform": "windows10AndLater", "rule": rule});
    let missing = |method, path: &str| Bad {
        method,
        path: path.to_owned(),
        body: Some(json!({})),
        status: 404,
        says: "",
    };
    let closed = |method, path: &str| Bad {
        method,
        path: path.to_owned(),
        body: Some(json!({})),
        status: 405,
        says: "not allowed",
    };
    let nobody = "66666666-6666-4666-8666-666666666666";
    let mut cases = vec![
        bad("POST", LOCATIONS, ip("203.0.113.0"), "1052"),
        bad("POST", LOCATIONS, ip("203.0.113.0/40"), "1052"),
        bad("POST", LOCATIONS, ip("everywhere/8"), "1052"),
        bad(
            "POST",
            LOCATIONS,
            with(&ip("10.0.0.0/8"), "ipRanges", json!([])),
            "1053",
        ),
        bad("POST", LOCATIONS, country(json!([])), "1054"),
        bad("POST", LOCATIONS, country(json!(["Germany"])), "1055"),
        bad("POST", LOCATIONS, country(json!(["de"])), "1055"),
        bad(
            "POST",
            LOCATIONS,
            json!({"@odata.type": "#microsoft.graph.namedLocation", "displayName": "x"}),
            "",
        ),
        bad("POST", FILTERS, filter("device.model"), "invalid syntax"),
        bad(
            "POST",
            FILTERS,
            filter("(device.model -eq \"x\""),
            "invalid syntax",
        ),
        bad("POST", FILTERS, filter(""), "is required"),
        bad(
            "POST",
            FILTERS,
            with(
                &filter("(device.model -eq \"x\")"),
                "platform",
                json!("plan9"),
            ),
            "not a member",
        ),
        bad(
            "POST",
            FILTERS,
            with(
                &filter("(device.model -eq \"x\")"),
                "roleScopeTagIds",
                json!(["0"]),
            ),
            "does not exist on type",
        ),
        bad(
            "POST",
            TAGS,
            json!({"description": "no name"}),
            "is required",
        ),
        bad(
            "POST",
            TAGS,
            json!({"displayName": "Default"}),
            "already exists",
        ),
        bad(
            "POST",
            TAGS,
            json!({"displayName": "x", "isBuiltIn": true}),
            "read-only",
        ),
        bad(
            "PATCH",
            format!("{TAGS}/0"),
            json!({"description": "x"}),
            "built-in",
        ),
        Bad {
            method: "DELETE",
            path: format!("{TAGS}/0"),
            body: None,
            status: 400,
            says: "built-in",
        },
        bad(
            "POST",
            TEMPLATES,
            json!({"displayName": "x", "localizedNotificationMessages": []}),
            "own collection",
        ),
        bad(
            "POST",
            TEMPLATES,
            json!({"displayName": "x", "brandingOptions": "includeEverything"}),
            "not a member",
        ),
        Bad {
            method: "POST",
            path: "/beta/unknown/things".to_owned(),
            body: Some(json!({})),
            status: 400,
            says: "Resource not found for the segment 'things'",
        },
        Bad {
            method: "GET",
            path: "/v1.0/deviceManagement/configurationPolicies".to_owned(),
            body: None,
            status: 400,
            says: "segment 'configurationPolicies'",
        },
        Bad {
            method: "GET",
            path: format!("{SETTINGS_CATALOG}?$expand=everything"),
            body: None,
            status: 400,
            says: "Could not find a property",
        },
        Bad {
            method: "GET",
            path: format!("{SETTINGS_CATALOG}?$select=everything"),
            body: None,
            status: 400,
            says: "Could not find a property",
        },
        Bad {
            method: "GET",
            path: format!("{SETTINGS_CATALOG}?$top=zero"),
            body: None,
            status: 400,
            says: "Invalid value",
        },
        Bad {
            method: "GET",
            path: format!("{SETTINGS_CATALOG}?$filter=name like 'x'"),
            body: None,
            status: 400,
            says: "Invalid filter",
        },
        Bad {
            method: "GET",
            path: "/v1.0/groups?$top=1000".to_owned(),
            body: None,
            status: 400,
            says: "page size",
        },
        Bad {
            method: "GET",
            path: "/beta/deviceManagement/reusablePolicySettings?$expand=assignments".to_owned(),
            body: None,
            status: 400,
            says: "Could not find a property",
        },
        Bad {
            method: "GET",
            path: format!("{SETTINGS_CATALOG}?$skiptoken=forged"),
            body: None,
            status: 400,
            says: "skip token",
        },
        closed("POST", "/v1.0/groups"),
        closed("PATCH", &format!("/v1.0/groups/{nobody}")),
        closed("POST", "/beta/deviceManagement/operationApprovalPolicies"),
    ];
    for path in [
        SETTINGS_CATALOG,
        COMPLIANCE,
        CONFIGURATIONS,
        CONDITIONAL_ACCESS,
        LOCATIONS,
        FILTERS,
        TEMPLATES,
    ] {
        cases.push(missing("GET", &format!("{path}/{nobody}")));
        cases.push(missing("PATCH", &format!("{path}/{nobody}")));
        cases.push(missing("DELETE", &format!("{path}/{nobody}")));
    }
    cases
}

/// Two objects of each type, the specific mistakes with a suitable one.
async fn cases(sim: &Sim) -> Vec<Bad> {
    let objects = writable_objects(sim).await;
    let mut cases = foundations();
    for path in [
        SETTINGS_CATALOG,
        COMPLIANCE,
        CONFIGURATIONS,
        CONDITIONAL_ACCESS,
        LOCATIONS,
        FILTERS,
        TEMPLATES,
    ] {
        let of_type = objects.iter().filter(|(found, _, _)| *found == path);
        for (path, id, body) in of_type.take(3) {
            cases.extend(general(path, id, body));
        }
    }
    let named = |path: &str, name: &str| {
        let found = objects
            .iter()
            .find(|(at, _, body)| *at == path && body[name_of(path)] == name);
        found
            .map(|(_, id, body)| (id.clone(), body.clone()))
            .unwrap()
    };
    let (id, body) = named(SETTINGS_CATALOG, "Win - Power Settings");
    cases.extend(settings_catalog(&id, &body));
    let (id, body) = named(COMPLIANCE, "Win - Compliance - BitLocker");
    cases.extend(compliance(&id, &body));
    let (id, body) = named(CONFIGURATIONS, "Win - Custom - Kernel Protection");
    cases.extend(configurations(&id, &body));
    let (id, body) = named(CONDITIONAL_ACCESS, "CA002 - Require MFA for everyone");
    cases.extend(conditional_access(&id, &body));
    cases
}

#[tokio::test]
async fn at_least_two_hundred_bad_requests_are_refused_and_change_nothing() {
    let sim = Sim::start(SOURCE).await;
    let cases = cases(&sim).await;
    let before = sim
        .control(
            "GET",
            &format!("/__sim/tenants/{SOURCE}/objects"),
            json!({}),
        )
        .await;
    for case in &cases {
        let answer = sim.send(case.method, &case.path, case.body.as_ref()).await;
        let what = format!("{} {} {:?}", case.method, case.path, case.body);
        assert_eq!(answer.status, case.status, "{what}: {}", answer.body);
        assert!(
            answer.message().contains(case.says),
            "{what}: {} / {}",
            answer.message(),
            case.says
        );
        assert!(!answer.code().is_empty(), "{what}");
        assert!(
            answer.body["error"]["innerError"]["request-id"].is_string(),
            "{what}"
        );
    }
    let after = sim
        .control(
            "GET",
            &format!("/__sim/tenants/{SOURCE}/objects"),
            json!({}),
        )
        .await;
    assert_eq!(before, after, "a refused request left a trace");
    eprintln!("{} bad requests refused", cases.len());
    assert!(cases.len() >= 200, "{}", cases.len());
}

#[tokio::test]
async fn bodies_that_are_not_json_objects_are_refused() {
    let sim = Sim::start(SOURCE).await;
    let send = |kind: &'static str, body: &'static str| {
        let request = sim
            .client
            .post(sim.url(SETTINGS_CATALOG))
            .bearer_auth(&sim.token)
            .header("content-type", kind)
            .body(body);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(send("application/json", "{\"name\": ").await, 400);
    assert_eq!(send("application/json", "[]").await, 400);
    assert_eq!(send("application/json", "").await, 400);
    assert_eq!(send("text/plain", "{}").await, 415);
}
