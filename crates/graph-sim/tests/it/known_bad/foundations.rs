//! Mistakes with foundations, paths and query options.

use serde_json::{Value, json};

use super::{Bad, bad, with};
use crate::harness::*;

pub(super) fn cases() -> Vec<Bad> {
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
        closed("POST", "/beta/deviceManagement/roleAssignments"),
        closed("POST", "/beta/deviceManagement/inventoryPolicies"),
        closed("PATCH", "/beta/deviceManagement"),
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
