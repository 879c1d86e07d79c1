//! Scheduled actions of compliance policies: one rule in the create body, an action of their own
//! afterwards.

use serde_json::{Value, json};

use super::{StepError, StepKind, WriteStep, body, refuse, step};
use crate::canonical::{self, Reading};
use crate::capture;
use crate::model::{CapturedPolicy, Facet};
use crate::policy_type::PolicyType;

/// Graph's name for the one rule that every policy has.
const RULE_NAME: &str = "PasswordRequired";

/// Graph refuses a create without exactly one rule of this name with a `block` action in it.
pub(super) fn require_one_rule(body: &mut Value) -> Result<(), StepError> {
    let rule = rule(body)?;
    if let Some(members) = body::members(body) {
        members.insert("scheduledActionsForRule".to_owned(), json!([rule]));
    }
    Ok(())
}

/// The rule of a policy made of settings has the same name; whether it must block is for Graph to
/// say, and the source has it as it is.
pub(super) fn name_rule(body: &mut Value) {
    if let Some(rule) = named_rule(body)
        && let Some(members) = body::members(body)
    {
        members.insert("scheduledActionsForRule".to_owned(), json!([rule]));
    }
}

/// Adds the action that sets them, after a create as after a replacement: neither is known to keep
/// what it was given.
pub(super) fn set(
    row: &PolicyType,
    content: &Value,
    target: Option<&Value>,
    steps: &mut Vec<WriteStep>,
) {
    let rules: Vec<Value> = named_rule(content).into_iter().collect();
    if rules.is_empty() && target.is_none_or(|standing| named_rule(standing).is_none()) {
        return;
    }
    steps.push(step(
        row,
        "schedule_actions",
        StepKind::ReplaceAction,
        "POST",
        "/{item}/setScheduledActions",
        Some(json!({"scheduledActions": rules})),
    ));
}

fn named_rule(content: &Value) -> Option<Value> {
    let actions = actions_of(content);
    (!actions.is_empty())
        .then(|| json!({"ruleName": RULE_NAME, "scheduledActionConfigurations": actions}))
}

/// Adds the replace-all action when the actions differ.
pub(super) fn schedule(
    row: &PolicyType,
    content: &Value,
    target: &Value,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    if actions(row, content) == actions(row, target) {
        return Ok(());
    }
    let body = json!({"deviceComplianceScheduledActionForRules": [rule(content)?]});
    steps.push(step(
        row,
        "schedule_actions",
        StepKind::ReplaceAction,
        "POST",
        "/{item}/scheduleActionsForRules",
        Some(body),
    ));
    Ok(())
}

fn rule(content: &Value) -> Result<Value, StepError> {
    let actions = actions_of(content);
    let blocks = actions
        .iter()
        .any(|action| action.get("actionType").and_then(Value::as_str) == Some("block"));
    if !blocks {
        return refuse(
            "invalid_for_create",
            "/scheduledActionsForRule holds no block action, which Graph requires; sync the source again.",
        );
    }
    Ok(json!({"ruleName": RULE_NAME, "scheduledActionConfigurations": actions}))
}

fn actions_of(content: &Value) -> Vec<Value> {
    let rules = content
        .get("scheduledActionsForRule")
        .and_then(Value::as_array);
    rules
        .into_iter()
        .flatten()
        .filter_map(|rule| rule.get("scheduledActionConfigurations")?.as_array())
        .flatten()
        .cloned()
        .map(|mut action| {
            body::drop_nulls(&mut action);
            action
        })
        .collect()
}

/// The actions alone, in canonical form.
fn actions(row: &PolicyType, content: &Value) -> Value {
    let only = json!({"scheduledActionsForRule": content.get("scheduledActionsForRule")});
    let policy = CapturedPolicy {
        policy_type: row.key.to_owned(),
        external_id: String::new(),
        display_name: String::new(),
        platform: None,
        identity_key: String::new(),
        references: capture::references::collect(row, &only, &Value::Null),
        content: only,
        assignments: Value::Null,
        content_hash: String::new(),
        has_secrets: false,
    };
    canonical::facet_value(row, &policy, Facet::Settings, Reading::Raw)
}
