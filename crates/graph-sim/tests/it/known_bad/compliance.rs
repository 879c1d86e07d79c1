//! Mistakes with compliance policies.

use serde_json::{Value, json};

use super::{Bad, bad, with, without};
use crate::harness::*;

pub(super) fn cases(id: &str, body: &Value) -> Vec<Bad> {
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
