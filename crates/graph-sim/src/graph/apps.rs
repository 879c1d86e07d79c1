//! Actions of app policies: their apps, and settings in the catalogue's way. Both replace all.

use serde_json::{Map, Value, json};

use super::actions::parameter;
use super::read::{self, find};
use super::{Call, Done};
use crate::answer::Refusal;
use crate::body;
use crate::check::Check;
use crate::rules::{self, CollectionRule, Scene};
use crate::state::World;

/// `POST {item}/targetApps`.
pub(super) fn target_apps(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let sent = call.object()?;
    let grouped = world
        .schema
        .find_property(rule.entity, "appGroupType", call.version)
        .is_some();
    let optional: &[&str] = if grouped { &["appGroupType"] } else { &[] };
    let apps = parameter(&sent, "apps", optional)?.clone();
    let group = sent.get("appGroupType").cloned();
    replace(world, tid, call, rule, id, |scene, check, members| {
        for app in &apps {
            let app = app.as_object().cloned().unwrap_or_default();
            check
                .entity(&app, "managedMobileApp")
                .map_err(|violation| Refusal::bad_request(violation.0))?;
        }
        rules::judge_apps(scene, &apps)?;
        let group = group.unwrap_or_else(|| json!("selectedPublicApps"));
        if grouped {
            let only = Map::from_iter([("appGroupType".to_owned(), group.clone())]);
            check
                .entity(&only, rule.entity)
                .map_err(|violation| Refusal::bad_request(violation.0))?;
            members.insert("appGroupType".to_owned(), group.clone());
        }
        // Of a group the service makes the list itself, whatever was sent.
        let derived = group.as_str().is_some_and(|text| text.starts_with("all"));
        let apps = if derived { Vec::new() } else { apps };
        members.insert("apps".to_owned(), Value::Array(apps));
        Ok(())
    })
}

/// `POST {item}/changeSettings`.
pub(super) fn change_settings(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let sent = call.object()?;
    let settings = parameter(&sent, "settings", &[])?.clone();
    replace(world, tid, call, rule, id, |scene, check, members| {
        let mut stored = Vec::with_capacity(settings.len());
        for (index, setting) in settings.into_iter().enumerate() {
            let mut setting = setting.as_object().cloned().unwrap_or_default();
            check
                .entity(&setting, "deviceManagementConfigurationSetting")
                .map_err(|violation| Refusal::bad_request(violation.0))?;
            if !setting.contains_key("settingInstance") {
                return Err(scene.refuse("A setting needs a settingInstance."));
            }
            setting.insert("id".to_owned(), json!(index.to_string()));
            stored.push(Value::Object(setting));
        }
        members.insert("settings".to_owned(), Value::Array(stored));
        Ok(())
    })
}

/// Judges and changes a copy of the object, then puts it in the place of the old one.
fn replace(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
    change: impl FnOnce(&Scene<'_>, &Check<'_>, &mut Map<String, Value>) -> Result<(), Refusal>,
) -> Result<Done, Refusal> {
    let changed = {
        let tenant = read::tenant(world, tid)?;
        let mut after = find(tenant, rule, id)?.clone();
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        let check = Check {
            schema: scene.schema,
            version: call.version,
            own_id: None,
        };
        change(&scene, &check, &mut after.body)?;
        let mut stored = Value::Object(std::mem::take(&mut after.body));
        body::strip_annotations(&mut stored);
        after.body = stored.as_object().cloned().unwrap_or_default();
        (rule.complete)(&scene, &mut after);
        after
    };
    Ok(Done::updated(world.replace(tid, rule.key, changed)))
}
