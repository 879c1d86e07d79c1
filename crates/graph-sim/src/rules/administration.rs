//! Roles, authentication strengths and authentication contexts.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::table::{ASSIGNMENTS, CONDITIONAL_ACCESS, INTUNE};
use super::{CollectionRule, Part, Scene, strings};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::Object;

/// Collection of the authentication strengths.
pub(crate) const STRENGTHS: &str = "authenticationStrengthPolicies";
/// Collection of the authentication contexts, whose ids the caller chooses.
pub(crate) const CONTEXTS: &str = "authenticationContextClassReferences";

/// Custom strengths a tenant may have.
const MOST_STRENGTHS: usize = 15;

pub(super) const STRENGTH_RULE: CollectionRule = CollectionRule {
    key: STRENGTHS,
    paths: &[
        "policies/authenticationStrengthPolicies",
        "identity/conditionalAccess/authenticationStrength/policies",
        "identity/conditionalAccess/authenticationStrengths/policies",
    ],
    entity: "authenticationStrengthPolicy",
    parts: &[Part {
        segment: "combinationConfigurations",
        ..ASSIGNMENTS
    }],
    required: &["displayName", "allowedCombinations"],
    judge: judge_strength,
    complete: complete_strength,
    ..CONDITIONAL_ACCESS
};

pub(super) const CONTEXT_RULE: CollectionRule = CollectionRule {
    key: CONTEXTS,
    paths: &["identity/conditionalAccess/authenticationContextClassReferences"],
    entity: "authenticationContextClassReference",
    read_roles: &["Policy.Read.All", "AuthenticationContext.Read.All"],
    required: &["displayName"],
    judge: judge_context,
    ..CONDITIONAL_ACCESS
};

pub(super) const ROLE_RULE: CollectionRule = CollectionRule {
    key: "roleDefinitions",
    paths: &["deviceManagement/roleDefinitions"],
    entity: "roleDefinition",
    v1: true,
    required: &["displayName", "rolePermissions"],
    read_roles: &[
        "DeviceManagementRBAC.Read.All",
        "DeviceManagementRBAC.ReadWrite.All",
    ],
    write_roles: &["DeviceManagementRBAC.ReadWrite.All"],
    judge: judge_role,
    complete: complete_role,
    present: present_role,
    ..INTUNE
};

const BUILT_IN: [(&str, &str, &[&str]); 3] = [
    (
        "00000000-0000-0000-0000-000000000002",
        "Multifactor authentication",
        &[
            "windowsHelloForBusiness",
            "fido2",
            "password,microsoftAuthenticatorPush",
            "password,sms",
        ],
    ),
    (
        "00000000-0000-0000-0000-000000000003",
        "Passwordless MFA",
        &["windowsHelloForBusiness", "fido2", "deviceBasedPush"],
    ),
    (
        "00000000-0000-0000-0000-000000000004",
        "Phishing-resistant MFA",
        &[
            "windowsHelloForBusiness",
            "fido2",
            "x509CertificateMultiFactor",
        ],
    ),
];

/// What every tenant has of these from its first day: collection, id, object.
pub(super) fn built_in() -> Vec<(&'static str, String, Value)> {
    let mut found: Vec<(&'static str, String, Value)> = BUILT_IN
        .into_iter()
        .map(|(id, name, combinations)| {
            let body = json!({
                "displayName": name,
                "description": "Built in.",
                "policyType": "builtIn",
                "requirementsSatisfied": "mfa",
                "allowedCombinations": combinations,
                "createdDateTime": "2021-12-01T00:00:00Z",
                "modifiedDateTime": "2021-12-01T00:00:00Z",
            });
            (STRENGTHS, id.to_owned(), body)
        })
        .collect();
    for number in 1..=3 {
        let body = json!({
            "displayName": format!("Authentication context {number}"),
            "description": null,
            "isAvailable": true,
        });
        found.push((CONTEXTS, format!("c{number}"), body));
    }
    let body = json!({
        "displayName": "Help Desk Operator",
        "description": "Built in.",
        "isBuiltIn": true,
        "isBuiltInRoleDefinition": true,
        "roleScopeTagIds": [],
        "rolePermissions": [{"actions": [], "resourceActions": [
            {"allowedResourceActions": ["Microsoft.Intune_ManagedDevices_Read"], "notAllowedResourceActions": []}
        ]}],
    });
    let id = "9e0cc482-82df-4ab2-a24c-0c23a3f52e1e".to_owned();
    found.push(("roleDefinitions", id, body));
    found
}

fn judge_strength(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    if before.is_some_and(|object| object.text("policyType") == Some("builtIn")) {
        return Err(scene.refuse("A built-in authentication strength cannot be changed."));
    }
    if body.contains_key("combinationConfigurations") {
        return Err(scene
            .refuse("Combination configurations must be written through their own collection."));
    }
    if write != Write::Create {
        if body.contains_key("allowedCombinations") {
            return Err(scene.refuse(
                "Allowed combinations cannot be updated here; use updateAllowedCombinations.",
            ));
        }
        return Ok(());
    }
    judge_combinations(scene, body, None)?;
    let custom = scene
        .tenant
        .list(STRENGTHS)
        .iter()
        .filter(|object| object.text("policyType") == Some("custom"))
        .count();
    if custom >= MOST_STRENGTHS {
        return Err(scene.refuse("The tenant has the most custom authentication strengths."));
    }
    Ok(())
}

/// Judges the combinations a strength would have, and what narrows them.
pub(crate) fn judge_combinations(
    scene: &Scene<'_>,
    body: &Map<String, Value>,
    strength: Option<&Object>,
) -> Result<(), Refusal> {
    let combinations = strings(body, "allowedCombinations");
    if combinations.is_empty() {
        return Err(scene.refuse("At least one allowed combination is required."));
    }
    let unique: BTreeSet<&str> = combinations.iter().copied().collect();
    if unique.len() < combinations.len() {
        return Err(scene.refuse("An allowed combination is repeated."));
    }
    let narrowed = strength
        .and_then(|object| object.body.get("combinationConfigurations")?.as_array())
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|configuration| strings(configuration, "appliesToCombinations"));
    for combination in narrowed {
        if !unique.contains(combination) {
            return Err(scene.refuse(format!(
                "The combination {combination} has a configuration and cannot be removed."
            )));
        }
    }
    Ok(())
}

/// Judges one configuration of a strength; `own` is the one it replaces.
pub(crate) fn judge_configuration(
    scene: &Scene<'_>,
    strength: &Object,
    configuration: &Map<String, Value>,
    own: Option<&str>,
) -> Result<(), Refusal> {
    if strength.text("policyType") == Some("builtIn") {
        return Err(scene.refuse("A built-in authentication strength cannot be changed."));
    }
    let kind = configuration.get("@odata.type").and_then(Value::as_str);
    let fitting: &[&str] = match kind {
        Some("#microsoft.graph.fido2CombinationConfiguration") => &["fido2"],
        _ => &["x509CertificateMultiFactor", "x509CertificateSingleFactor"],
    };
    let applies_to = strings(configuration, "appliesToCombinations");
    if applies_to.is_empty() {
        return Err(scene.refuse("appliesToCombinations must not be empty."));
    }
    let allowed = strings(&strength.body, "allowedCombinations");
    for combination in &applies_to {
        if !fitting.contains(combination) {
            return Err(scene.refuse(format!("The configuration cannot apply to {combination}.")));
        }
        if !allowed.contains(combination) {
            return Err(scene.refuse(format!(
                "The combination {combination} is not allowed by the authentication strength."
            )));
        }
    }
    let others = strength
        .body
        .get("combinationConfigurations")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .filter(|other| other.get("id").and_then(Value::as_str) != own);
    for other in others {
        let taken = strings(other, "appliesToCombinations");
        if taken
            .iter()
            .any(|combination| applies_to.contains(combination))
        {
            return Err(scene.refuse("A configuration for this combination already exists."));
        }
    }
    Ok(())
}

fn complete_strength(_: &Scene<'_>, object: &mut Object) {
    let built_in = BUILT_IN.iter().any(|(id, _, _)| *id == object.id);
    let kind = if built_in { "builtIn" } else { "custom" };
    object.body.insert("policyType".to_owned(), json!(kind));
    object
        .body
        .insert("requirementsSatisfied".to_owned(), json!("mfa"));
    object
        .body
        .entry("combinationConfigurations")
        .or_insert_with(|| json!([]));
}

fn judge_context(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    _before: Option<&Object>,
) -> Result<(), Refusal> {
    if write != Write::Create {
        return Ok(());
    }
    let id = body.get("id").and_then(Value::as_str).unwrap_or_default();
    let valid = (1..=99).any(|number| id == format!("c{number}"));
    if !valid {
        return Err(scene.refuse("The id of an authentication context must be c1 to c99."));
    }
    if scene.tenant.has(CONTEXTS, id) {
        return Err(scene.refuse(format!("An authentication context {id} already exists.")));
    }
    Ok(())
}

fn judge_role(
    scene: &Scene<'_>,
    _write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    if before.is_some_and(|object| object.body.get("isBuiltIn") == Some(&Value::Bool(true))) {
        return Err(scene.refuse("A built-in role cannot be changed."));
    }
    let permissions = body.get("rolePermissions").and_then(Value::as_array);
    let actions: Vec<&str> = permissions
        .into_iter()
        .flatten()
        .filter_map(|permission| permission.get("resourceActions")?.as_array())
        .flatten()
        .filter_map(Value::as_object)
        .flat_map(|action| {
            let mut named = strings(action, "allowedResourceActions");
            named.extend(strings(action, "notAllowedResourceActions"));
            named
        })
        .collect();
    if let Some(unknown) = actions
        .iter()
        .find(|action| !action.starts_with("Microsoft.Intune_"))
    {
        return Err(scene.refuse(format!("The resource action {unknown} is not known.")));
    }
    Ok(())
}

fn complete_role(_: &Scene<'_>, object: &mut Object) {
    let built_in = object.body.get("isBuiltIn") == Some(&Value::Bool(true));
    for name in ["isBuiltIn", "isBuiltInRoleDefinition"] {
        object.body.insert(name.to_owned(), json!(built_in));
    }
    object.body.remove("permissions");
}

/// Actions show twice more, in older spellings.
fn present_role(
    _: &crate::state::Tenant,
    _: &Object,
    shown: &mut Map<String, Value>,
    _in_list: bool,
) {
    if let Some(Value::Array(permissions)) = shown.get_mut("rolePermissions") {
        for permission in permissions.iter_mut().filter_map(Value::as_object_mut) {
            let actions: Vec<Value> = permission
                .get("resourceActions")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|action| action.get("allowedResourceActions")?.as_array())
                .flatten()
                .cloned()
                .collect();
            permission.insert("actions".to_owned(), Value::Array(actions));
        }
    }
    if let Some(permissions) = shown.get("rolePermissions").cloned() {
        shown.insert("permissions".to_owned(), permissions);
    }
    shown.insert(
        "@odata.type".to_owned(),
        json!("#microsoft.graph.deviceAndAppManagementRoleDefinition"),
    );
}
