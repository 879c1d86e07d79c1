//! Compliance policies: exactly one rule with a blocking action, and references that exist.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Scene, member, strings};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::Object;

/// "No template": what the service stores when an action sends no message.
pub(crate) const NO_TEMPLATE: &str = "00000000-0000-0000-0000-000000000000";

pub(super) fn judge(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    _before: Option<&Object>,
) -> Result<(), Refusal> {
    let script = member(
        body,
        &["deviceCompliancePolicyScript", "deviceComplianceScriptId"],
    );
    if let Some(id) = script.and_then(Value::as_str).filter(|id| !id.is_empty()) {
        if !scene.tenant.has("deviceComplianceScripts", id) {
            return Err(scene.refuse(format!("Device compliance script {id} was not found.")));
        }
        if member(body, &["deviceCompliancePolicyScript", "rulesContent"]).is_none() {
            return Err(scene.refuse("A custom compliance policy needs rulesContent."));
        }
    }
    match (write, body.get("scheduledActionsForRule")) {
        (Write::Create, Some(Value::Array(rules))) => judge_rules(scene, rules),
        (Write::Create, _) => Err(scene.refuse(
            "At least one block action with scheduledActionsForRule is required to create a \
             compliance policy.",
        )),
        (_, Some(_)) => Err(scene.refuse(
            "scheduledActionsForRule cannot be updated with the policy; use \
             scheduleActionsForRules.",
        )),
        (_, None) => Ok(()),
    }
}

/// Judges the complete list of rules, as sent on create or to `scheduleActionsForRules`.
pub(crate) fn judge_rules(scene: &Scene<'_>, rules: &[Value]) -> Result<(), Refusal> {
    let [rule] = rules else {
        return Err(
            scene.refuse("A compliance policy must have exactly one scheduled action rule.")
        );
    };
    let actions = rule
        .get("scheduledActionConfigurations")
        .and_then(Value::as_array)
        .filter(|actions| !actions.is_empty())
        .ok_or_else(|| scene.refuse("A scheduled action rule must have action configurations."))?;
    if !actions
        .iter()
        .any(|action| action.get("actionType") == Some(&json!("block")))
    {
        return Err(scene.refuse("A scheduled action rule must contain one block action."));
    }
    for action in actions.iter().filter_map(Value::as_object) {
        let hours = action
            .get("gracePeriodHours")
            .and_then(Value::as_i64)
            .unwrap_or(0);
        if !(0..=8760).contains(&hours) {
            return Err(scene.refuse("gracePeriodHours must lie between 0 and 8760."));
        }
        let template = action
            .get("notificationTemplateId")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let none = template.is_empty() || template == NO_TEMPLATE;
        if !none && !scene.tenant.has("notificationMessageTemplates", template) {
            return Err(scene.refuse(format!(
                "Notification message template {template} was not found."
            )));
        }
        for group in strings(action, "notificationMessageCCList") {
            if !scene.tenant.has("groups", group) {
                return Err(scene.refuse(format!("Group {group} was not found.")));
            }
        }
    }
    Ok(())
}

pub(super) fn complete(_: &Scene<'_>, object: &mut Object) {
    let Some(Value::Array(rules)) = object.body.get_mut("scheduledActionsForRule") else {
        return;
    };
    for rule in rules.iter_mut().filter_map(Value::as_object_mut) {
        rule.entry("id")
            .or_insert_with(|| json!(Uuid::new_v4().to_string()));
        rule.entry("ruleName").or_insert(Value::Null);
        let Some(Value::Array(actions)) = rule.get_mut("scheduledActionConfigurations") else {
            continue;
        };
        for action in actions.iter_mut().filter_map(Value::as_object_mut) {
            action
                .entry("id")
                .or_insert_with(|| json!(Uuid::new_v4().to_string()));
            action.entry("gracePeriodHours").or_insert_with(|| json!(0));
            let template = action
                .entry("notificationTemplateId")
                .or_insert(Value::Null);
            if template.as_str().is_none_or(str::is_empty) {
                *template = json!(NO_TEMPLATE);
            }
            let copies = action
                .entry("notificationMessageCCList")
                .or_insert(Value::Null);
            if copies.is_null() {
                *copies = json!([]);
            }
        }
    }
}
