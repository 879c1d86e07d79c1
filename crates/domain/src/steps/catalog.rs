//! The body form of a settings catalogue policy and its relatives.

use serde_json::{Map, Value, json};

use super::body::members;

/// Keeps of the template reference its id alone, of every setting its instance, and gives every
/// choice and group its (possibly empty) children, which Graph wants as a list.
pub(super) fn shape(body: &mut Value) {
    let Some(members) = members(body) else {
        return;
    };
    let template = members
        .remove("templateReference")
        .and_then(|reference| reference.get("templateId").cloned())
        .filter(|id| id.as_str().is_some_and(|id| !id.is_empty()));
    if let Some(id) = template {
        members.insert("templateReference".to_owned(), json!({"templateId": id}));
    }
    if let Some(Value::Array(settings)) = members.get_mut("settings") {
        for setting in settings {
            *setting = wrapped(setting.take());
        }
    }
}

/// The same for the one instance of a reusable setting.
pub(super) fn shape_instance(body: &mut Value) {
    if let Some(instance) = body.get_mut("settingInstance") {
        clean(instance);
    }
}

fn wrapped(setting: Value) -> Value {
    let Value::Object(mut members) = setting else {
        return setting;
    };
    let mut instance = members.remove("settingInstance").unwrap_or(Value::Null);
    clean(&mut instance);
    json!({
        "@odata.type": "#microsoft.graph.deviceManagementConfigurationSetting",
        "settingInstance": instance,
    })
}

fn clean(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(clean),
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            for (name, member) in members.iter_mut() {
                match name.as_str() {
                    "choiceSettingValue" | "groupSettingValue" => give_children(member),
                    "choiceSettingCollectionValue" | "groupSettingCollectionValue" => {
                        for item in member.as_array_mut().into_iter().flatten() {
                            give_children(item);
                        }
                    }
                    _ => {}
                }
                clean(member);
            }
        }
        _ => {}
    }
}

fn give_children(value: &mut Value) {
    let Value::Object(members) = value else {
        return;
    };
    if lacks_children(members) {
        members.insert("children".to_owned(), Value::Array(Vec::new()));
    }
}

fn lacks_children(members: &Map<String, Value>) -> bool {
    members.get("children").is_none_or(Value::is_null)
}
