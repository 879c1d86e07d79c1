//! Scripts of all kinds: contents only on the item, remediations of Microsoft's own, custom
//! attributes that keep their name.

use serde_json::{Map, Value, json};

use super::table::{ASSIGN, ASSIGNMENTS, INTUNE};
use super::{AssignRule, CollectionRule, Scene};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::Object;

const READ: &[&str] = &[
    "DeviceManagementScripts.Read.All",
    "DeviceManagementScripts.ReadWrite.All",
    "DeviceManagementConfiguration.Read.All",
];
const WRITE: &[&str] = &["DeviceManagementScripts.ReadWrite.All"];

/// What the collections of scripts have in common.
const SCRIPT: CollectionRule = CollectionRule {
    assign: Some(AssignRule {
        entity: "deviceManagementScriptAssignment",
        wrapper: "deviceManagementScriptAssignments",
        also: &["deviceManagementScriptGroupAssignments"],
        ..ASSIGN
    }),
    parts: &[ASSIGNMENTS],
    hidden_in_list: &["scriptContent"],
    required: &["displayName", "fileName", "scriptContent"],
    read_roles: READ,
    write_roles: WRITE,
    judge,
    ..INTUNE
};

pub(super) const PLATFORM: CollectionRule = CollectionRule {
    key: "deviceManagementScripts",
    paths: &["deviceManagement/deviceManagementScripts"],
    entity: "deviceManagementScript",
    ..SCRIPT
};

pub(super) const SHELL: CollectionRule = CollectionRule {
    key: "deviceShellScripts",
    paths: &["deviceManagement/deviceShellScripts"],
    entity: "deviceShellScript",
    ..SCRIPT
};

pub(super) const CUSTOM_ATTRIBUTES: CollectionRule = CollectionRule {
    key: "deviceCustomAttributeShellScripts",
    paths: &["deviceManagement/deviceCustomAttributeShellScripts"],
    entity: "deviceCustomAttributeShellScript",
    immutable: &["customAttributeName", "customAttributeType", "displayName"],
    ..SCRIPT
};

pub(super) const REMEDIATIONS: CollectionRule = CollectionRule {
    key: "deviceHealthScripts",
    paths: &["deviceManagement/deviceHealthScripts"],
    entity: "deviceHealthScript",
    assign: Some(AssignRule {
        entity: "deviceHealthScriptAssignment",
        wrapper: "deviceHealthScriptAssignments",
        ..ASSIGN
    }),
    hidden_in_list: &["detectionScriptContent", "remediationScriptContent"],
    required: &["displayName", "detectionScriptContent"],
    judge: judge_remediation,
    complete: complete_remediation,
    ..SCRIPT
};

pub(super) const COMPLIANCE: CollectionRule = CollectionRule {
    key: "deviceComplianceScripts",
    paths: &["deviceManagement/deviceComplianceScripts"],
    entity: "deviceComplianceScript",
    assign: None,
    parts: &[],
    hidden_in_list: &["detectionScriptContent"],
    required: &["displayName", "detectionScriptContent"],
    ..SCRIPT
};

/// The members that hold a script's text.
const CONTENTS: [&str; 3] = [
    "scriptContent",
    "detectionScriptContent",
    "remediationScriptContent",
];

/// The largest script Intune takes, in characters of base64.
const MAX_CONTENT: usize = 280_000;

fn judge(
    scene: &Scene<'_>,
    _: Write,
    body: &Map<String, Value>,
    _: Option<&Object>,
) -> Result<(), Refusal> {
    for name in CONTENTS {
        match body.get(name) {
            Some(Value::Null) if scene.rule.required.contains(&name) => {
                return Err(scene.refuse(format!("Property {name} must not be null.")));
            }
            Some(Value::String(text)) if text.len() > MAX_CONTENT => {
                return Err(scene.refuse(format!("The script in {name} is larger than 200 KB.")));
            }
            _ => {}
        }
    }
    let frequency = body.get("executionFrequency").and_then(Value::as_str);
    if frequency.is_some_and(|text| text.starts_with('-')) {
        return Err(scene.refuse("executionFrequency must not be negative."));
    }
    let retries = body.get("retryCount").and_then(Value::as_i64).unwrap_or(0);
    if !(0..=10).contains(&retries) {
        return Err(scene.refuse("retryCount must lie between 0 and 10."));
    }
    Ok(())
}

fn judge_remediation(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let global = |object: &Object| object.body.get("isGlobalScript") == Some(&json!(true));
    if before.is_some_and(global) {
        return Err(scene.refuse("A script supplied by Microsoft cannot be changed."));
    }
    let mut kept = vec!["version", "isGlobalScript", "highestAvailableVersion"];
    if write != Write::Create {
        kept.push("deviceHealthScriptType");
    }
    for name in kept {
        if body.get(name).is_some_and(|value| !value.is_null()) {
            return Err(scene.refuse(format!("Property {name} cannot be set by a client.")));
        }
    }
    judge(scene, write, body, before)
}

fn complete_remediation(_: &Scene<'_>, object: &mut Object) {
    let body = &mut object.body;
    body.entry("isGlobalScript").or_insert(json!(false));
    body.entry("deviceHealthScriptType")
        .or_insert(json!("deviceHealthScript"));
    body.entry("highestAvailableVersion").or_insert(Value::Null);
    // A revision of the service's own, a text.
    let version = body
        .get("version")
        .and_then(Value::as_str)
        .and_then(|text| text.parse::<u32>().ok())
        .unwrap_or(0);
    body.insert("version".to_owned(), json!((version + 1).to_string()));
}
