//! Compliance policies and reusable settings made of the settings catalog's tree.

use serde_json::{Map, Value, json};

use super::table::{ASSIGN, ASSIGNMENTS, INTUNE};
use super::{AssignRule, CollectionRule, Part, Scene, compliance, settings_catalog};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::{Object, Tenant};

pub(super) const COMPLIANCE: CollectionRule = CollectionRule {
    key: "compliancePolicies",
    paths: &["deviceManagement/compliancePolicies"],
    entity: "deviceManagementCompliancePolicy",
    name_property: "name",
    page: 25,
    put: true,
    assign: Some(AssignRule {
        entity: "deviceManagementConfigurationPolicyAssignment",
        ..ASSIGN
    }),
    parts: &[
        Part {
            segment: "settings",
            page: 25,
            nested: &["settingDefinitions"],
            expands_in_list: true,
        },
        Part {
            segment: "scheduledActionsForRule",
            nested: &["scheduledActionConfigurations"],
            ..ASSIGNMENTS
        },
        ASSIGNMENTS,
    ],
    immutable: &["platforms", "technologies"],
    required: &["name", "platforms", "technologies", "settings"],
    judge: judge_policy,
    complete: complete_policy,
    present: settings_catalog::present,
    ..INTUNE
};

pub(super) const REUSABLE: CollectionRule = CollectionRule {
    key: "reusablePolicySettings",
    paths: &["deviceManagement/reusablePolicySettings"],
    entity: "deviceManagementReusablePolicySetting",
    scope_tags: None,
    put: true,
    only_selected: &["settingInstance"],
    immutable: &["settingDefinitionId"],
    required: &["displayName", "settingDefinitionId", "settingInstance"],
    judge: judge_reusable,
    present: present_reusable,
    ..INTUNE
};

fn judge_policy(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    settings_catalog::judge(scene, write, body, before)?;
    match (write, body.get("scheduledActionsForRule")) {
        (Write::Create, Some(Value::Array(rules))) => compliance::judge_rules(scene, rules),
        (Write::Create, _) => Err(scene.refuse(
            "At least one block action with scheduledActionsForRule is required to create a \
             compliance policy.",
        )),
        (_, Some(_)) => Err(scene.refuse(
            "scheduledActionsForRule cannot be updated with the policy; use setScheduledActions.",
        )),
        (_, None) => Ok(()),
    }
}

fn complete_policy(scene: &Scene<'_>, object: &mut Object) {
    settings_catalog::complete_settings(object);
    compliance::complete(scene, object);
}

fn judge_reusable(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    match body.get("settingInstance") {
        Some(Value::Object(instance)) => {
            settings_catalog::judge_instance(scene, instance, before, 0)
        }
        None if write == Write::Merge => Ok(()),
        _ => Err(scene.refuse("Setting instance is missing in payload.")),
    }
}

/// The service counts the policies that use a reusable setting.
fn present_reusable(tenant: &Tenant, object: &Object, body: &mut Map<String, Value>, _: bool) {
    let quoted = format!("\"{}\"", object.id.to_lowercase());
    let count = tenant
        .list("configurationPolicies")
        .iter()
        .filter(|policy| {
            let settings = policy.body.get("settings").unwrap_or(&Value::Null);
            settings.to_string().to_lowercase().contains(&quoted)
        })
        .count();
    body.insert(
        "referencingConfigurationPolicyCount".to_owned(),
        json!(count),
    );
}
