//! Mistakes with Conditional Access policies.

use serde_json::{Value, json};

use super::{Bad, bad, with, without};
use crate::harness::*;

pub(super) fn cases(id: &str, body: &Value) -> Vec<Bad> {
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
