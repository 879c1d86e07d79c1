//! Settings catalog policies: what the service demands of the settings tree and of templates.
//!
//! Template ids are compared letter by letter, as the service does. Templates themselves are the
//! same in every tenant; the catalogue knows a few and learns the others from loaded exports.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Scene, member};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::{Object, TemplateCatalogue, Tenant};

const WELL_KNOWN: [(&str, &str); 5] = [
    (
        "80d33118-b7b4-40d8-b15f-81be745e053f_1",
        "enrollmentConfiguration",
    ),
    (
        "804339ad-1553-4478-a742-138fb5807418_1",
        "endpointSecurityAntivirus",
    ),
    (
        "19c8aa67-f286-4861-9aa0-f23541d31680_1",
        "endpointSecurityFirewall",
    ),
    (
        "46ddfc50-d10f-4867-b852-9434254b3bff_1",
        "endpointSecurityDiskEncryption",
    ),
    (
        "e8c053d6-9f95-42b1-a7f1-ebfd71c67a4b_1",
        "endpointSecurityAttackSurfaceReduction",
    ),
];

/// Which member carries the value of an instance type, and whether it is a list.
const VALUES: [(&str, &str, bool); 8] = [
    ("ChoiceSettingInstance", "choiceSettingValue", false),
    (
        "ChoiceSettingCollectionInstance",
        "choiceSettingCollectionValue",
        true,
    ),
    ("GroupSettingInstance", "groupSettingValue", false),
    (
        "GroupSettingCollectionInstance",
        "groupSettingCollectionValue",
        true,
    ),
    ("SettingGroupInstance", "", false),
    ("SettingGroupCollectionInstance", "", false),
    ("SimpleSettingInstance", "simpleSettingValue", false),
    (
        "SimpleSettingCollectionInstance",
        "simpleSettingCollectionValue",
        true,
    ),
];

/// Its value names a reusable setting.
const DISCOVERY_SCRIPT: &str = "linux_customcompliance_discoveryscript";
const SECRET: &str = "#microsoft.graph.deviceManagementConfigurationSecretSettingValue";
const REFERENCE: &str = "#microsoft.graph.deviceManagementConfigurationReferenceSettingValue";

impl TemplateCatalogue {
    /// The templates known before anything is loaded.
    pub fn builtin() -> Self {
        let mut catalogue = Self::default();
        for (id, family) in WELL_KNOWN {
            catalogue
                .templates
                .insert(id.to_lowercase(), (id.to_owned(), family.to_owned()));
        }
        catalogue
    }
}

/// The family of the template a policy was made from.
pub(crate) fn template_family(body: &Map<String, Value>) -> &str {
    member(body, &["templateReference", "templateFamily"])
        .and_then(Value::as_str)
        .unwrap_or("none")
}

/// Remembers the templates a loaded policy was made from.
pub(crate) fn learn_templates(catalogue: &mut TemplateCatalogue, body: &Map<String, Value>) {
    let id = member(body, &["templateReference", "templateId"]).and_then(Value::as_str);
    if let Some(id) = id.filter(|id| !id.is_empty()) {
        let family = member(body, &["templateReference", "templateFamily"])
            .and_then(Value::as_str)
            .unwrap_or("none");
        catalogue
            .templates
            .entry(id.to_lowercase())
            .or_insert_with(|| (id.to_owned(), family.to_owned()));
        learn_references(catalogue, body.get("settings").unwrap_or(&Value::Null), 0);
    }
}

fn learn_references(catalogue: &mut TemplateCatalogue, value: &Value, depth: usize) {
    match value {
        Value::Object(members) if depth < 128 => {
            for (name, inner) in members {
                match inner.as_str() {
                    Some(id)
                        if matches!(
                            name.as_str(),
                            "settingInstanceTemplateId" | "settingValueTemplateId"
                        ) =>
                    {
                        catalogue
                            .references
                            .entry(id.to_lowercase())
                            .or_insert_with(|| id.to_owned());
                    }
                    _ => learn_references(catalogue, inner, depth + 1),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                learn_references(catalogue, item, depth + 1);
            }
        }
        _ => {}
    }
}

pub(super) fn judge(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    judge_template(scene, write, body, before)?;
    judge_token(scene, body, before)?;
    let Some(settings) = body.get("settings") else {
        return Ok(());
    };
    if write == Write::Merge {
        return Err(scene.refuse(
            "Settings of a configuration policy cannot be updated by PATCH; replace the policy.",
        ));
    }
    let Some(settings) = settings.as_array() else {
        return Err(
            scene.refuse("Property settings in payload has a value that does not match schema.")
        );
    };
    let mut seen = BTreeSet::new();
    for setting in settings {
        let Some(instance) = setting.get("settingInstance").and_then(Value::as_object) else {
            return Err(scene.refuse("Setting instance is missing in payload."));
        };
        let definition = instance
            .get("settingDefinitionId")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !seen.insert(definition) {
            return Err(scene.refuse(format!(
                "Duplicate setting definition id {definition} found in payload."
            )));
        }
        judge_instance(scene, instance, before, 0)?;
    }
    Ok(())
}

/// A policy of an enrolment token names its token in every write. The tokens are known by the policies
/// that stand under them.
fn judge_token(
    scene: &Scene<'_>,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let token = |body: &Map<String, Value>| {
        let text = body.get("creationSource").and_then(Value::as_str);
        text.filter(|text| text.starts_with("DepTokenId_"))
            .map(str::to_owned)
    };
    let sent = token(body);
    let known = |wanted: &str| {
        let policies = scene.tenant.list(scene.rule.key);
        policies
            .iter()
            .any(|policy| token(&policy.body).as_deref() == Some(wanted))
    };
    let right = match before {
        Some(before) => token(&before.body) == sent,
        None => sent.as_deref().is_none_or(known),
    };
    if right {
        return Ok(());
    }
    Err(scene.refuse("An error has occurred"))
}

fn judge_template(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let id = member(body, &["templateReference", "templateId"])
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some(before) = before {
        let current = member(&before.body, &["templateReference", "templateId"])
            .and_then(Value::as_str)
            .unwrap_or_default();
        let named = write == Write::Replace || body.contains_key("templateReference");
        if named && id != current {
            return Err(scene.refuse("The template of an existing policy cannot be changed."));
        }
        return Ok(());
    }
    if id.is_empty() {
        return Ok(());
    }
    let family = member(body, &["templateReference", "templateFamily"]).and_then(Value::as_str);
    match scene.templates.templates.get(&id.to_lowercase()) {
        Some((exact, _)) if exact != id => Err(invalid_reference(scene, id)),
        Some((_, known)) => match family {
            Some(given) if given != known => Err(scene.refuse(format!(
                "Template family {given} does not match the template {id}."
            ))),
            _ => Ok(()),
        },
        None if looks_like_template(id) => Ok(()),
        None => Err(invalid_reference(scene, id)),
    }
}

fn invalid_reference(scene: &Scene<'_>, id: &str) -> Refusal {
    scene.refuse(format!(
        "Invalid Reference id found in Policy created from Template: {id}."
    ))
}

/// A lower-case GUID, an underscore and a version number.
fn looks_like_template(id: &str) -> bool {
    id.rsplit_once('_').is_some_and(|(guid, version)| {
        Uuid::try_parse(guid).is_ok()
            && guid.len() == 36
            && !guid.chars().any(|c| c.is_ascii_uppercase())
            && !version.is_empty()
            && version.chars().all(|c| c.is_ascii_digit())
    })
}

pub(super) fn judge_instance(
    scene: &Scene<'_>,
    instance: &Map<String, Value>,
    before: Option<&Object>,
    depth: usize,
) -> Result<(), Refusal> {
    if depth > 64 {
        return Err(scene.refuse("The settings are nested too deeply."));
    }
    if member(instance, &["settingDefinitionId"])
        .and_then(Value::as_str)
        .is_none_or(str::is_empty)
    {
        return Err(scene.refuse("Property settingDefinitionId in payload is missing."));
    }
    judge_reference(
        scene,
        instance,
        "settingInstanceTemplateReference",
        "settingInstanceTemplateId",
    )?;
    let kind = instance
        .get("@odata.type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let found = VALUES.iter().find(|(suffix, _, _)| {
        kind.strip_prefix("#microsoft.graph.deviceManagementConfiguration") == Some(suffix)
    });
    let Some((_, property, many)) = found.filter(|(_, property, _)| !property.is_empty()) else {
        return Ok(());
    };
    let mismatch = || {
        scene.refuse(format!(
            "Property {property} in payload has a value that does not match schema."
        ))
    };
    let values: Vec<&Value> = match instance.get(*property) {
        Some(Value::Array(items)) if *many => items.iter().collect(),
        Some(single @ Value::Object(_)) if !many => vec![single],
        _ => return Err(mismatch()),
    };
    for value in values {
        let value = value.as_object().ok_or_else(mismatch)?;
        judge_value(scene, property, value, before, depth)?;
    }
    let definition = instance.get("settingDefinitionId").and_then(Value::as_str);
    if definition == Some(DISCOVERY_SCRIPT)
        && let Some(id) = member(instance, &["simpleSettingValue", "value"]).and_then(Value::as_str)
        && !scene.tenant.has("reusablePolicySettings", id)
    {
        return Err(scene.refuse(format!("Discovery script {id} was not found.")));
    }
    Ok(())
}

fn judge_value(
    scene: &Scene<'_>,
    property: &str,
    value: &Map<String, Value>,
    before: Option<&Object>,
    depth: usize,
) -> Result<(), Refusal> {
    judge_reference(
        scene,
        value,
        "settingValueTemplateReference",
        "settingValueTemplateId",
    )?;
    match value.get("children") {
        None => {}
        Some(Value::Array(children)) => {
            for child in children {
                let child = child.as_object().ok_or_else(|| children_mismatch(scene))?;
                judge_instance(scene, child, before, depth + 1)?;
            }
        }
        Some(_) => return Err(children_mismatch(scene)),
    }
    if property.starts_with("choice") && value.get("value").is_none_or(|text| !text.is_string()) {
        return Err(scene.refuse("A choice setting in payload has no value."));
    }
    if property.starts_with("simple") {
        judge_simple(scene, value, before)?;
    }
    Ok(())
}

fn judge_simple(
    scene: &Scene<'_>,
    value: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let kind = value
        .get("@odata.type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let text = value
        .get("value")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if value.get("value").is_none_or(Value::is_null) {
        return Err(scene.refuse("A simple setting in payload has no value."));
    }
    if kind == REFERENCE && !scene.tenant.has("reusablePolicySettings", text) {
        return Err(scene.refuse(format!("Reusable setting {text} was not found.")));
    }
    if kind == SECRET {
        let state = value
            .get("valueState")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let known = before.is_some_and(|object| object.secrets.contains_key(text));
        if state == "encryptedValueToken" && !known {
            return Err(scene.refuse("The encrypted value token in payload is not valid."));
        }
    }
    Ok(())
}

fn judge_reference(
    scene: &Scene<'_>,
    holder: &Map<String, Value>,
    property: &str,
    id_property: &str,
) -> Result<(), Refusal> {
    let Some(id) = member(holder, &[property, id_property]).and_then(Value::as_str) else {
        return Ok(());
    };
    let exact = scene.templates.references.get(&id.to_lowercase());
    if Uuid::try_parse(id).is_err() || exact.is_some_and(|exact| exact != id) {
        return Err(invalid_reference(scene, id));
    }
    Ok(())
}

fn children_mismatch(scene: &Scene<'_>) -> Refusal {
    scene.refuse("Property children in payload has a value that does not match schema.")
}

pub(super) fn complete(scene: &Scene<'_>, object: &mut Object) {
    let id = member(&object.body, &["templateReference", "templateId"])
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let given = member(&object.body, &["templateReference", "templateFamily"])
        .and_then(Value::as_str)
        .unwrap_or("none")
        .to_owned();
    let family = scene
        .templates
        .templates
        .get(&id.to_lowercase())
        .map_or(given, |(_, f)| f.clone());
    let name = (!id.is_empty()).then(|| format!("Template {family}"));
    let version =
        (!id.is_empty()).then(|| format!("Version {}", id.rsplit('_').next().unwrap_or_default()));
    object.body.insert(
        "templateReference".to_owned(),
        json!({
            "templateId": id,
            "templateFamily": family,
            "templateDisplayName": name,
            "templateDisplayVersion": version,
        }),
    );
    complete_settings(object);
}

/// Numbers the settings and hides what is secret in them.
pub(super) fn complete_settings(object: &mut Object) {
    let mut secrets = std::mem::take(&mut object.secrets);
    if let Some(settings) = object
        .body
        .get_mut("settings")
        .and_then(Value::as_array_mut)
    {
        for (index, setting) in settings.iter_mut().enumerate() {
            if let Some(setting) = setting.as_object_mut() {
                // The type of this entity is never in doubt, so reads do not repeat it.
                setting.remove("@odata.type");
                setting.insert("id".to_owned(), json!(index.to_string()));
            }
            hide_secrets(setting, &mut secrets);
        }
    }
    object.secrets = secrets;
}

fn hide_secrets(value: &mut Value, secrets: &mut std::collections::BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            let secret = members.get("@odata.type").and_then(Value::as_str) == Some(SECRET);
            let plain =
                members.get("valueState").and_then(Value::as_str) != Some("encryptedValueToken");
            let text = members
                .get("value")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if let (true, Some(text)) = (secret, text) {
                if plain {
                    let token = Uuid::new_v4().to_string();
                    secrets.insert(token.clone(), text);
                    members.insert("value".to_owned(), json!(token));
                    members.insert("valueState".to_owned(), json!("encryptedValueToken"));
                } else {
                    secrets.entry(text).or_default();
                }
                return;
            }
            members
                .values_mut()
                .for_each(|inner| hide_secrets(inner, secrets));
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| hide_secrets(item, secrets)),
        _ => {}
    }
}

pub(super) fn present(_: &Tenant, object: &Object, body: &mut Map<String, Value>, _: bool) {
    let count = object
        .body
        .get("settings")
        .and_then(Value::as_array)
        .map_or(0, Vec::len);
    // Only an action answers it.
    body.remove(crate::graph::device_group::KEPT);
    body.insert("settingCount".to_owned(), json!(count));
    body.insert(
        "isAssigned".to_owned(),
        json!(!object.assignments.is_empty()),
    );
}
