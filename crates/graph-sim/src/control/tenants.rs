//! Tenants: added, provisioned from one another, given roles, secrets and switches.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Misuse, objects, read};
use crate::graph::insert_behind;
use crate::pipeline::Request;
use crate::rules;
use crate::setup::{self, TenantSource, TenantSpec};
use crate::state::{Object, Tenant, TenantOptions, World};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    id: String,
    folder: Option<PathBuf>,
    builtin: Option<String>,
    #[serde(default)]
    only: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Provision {
    from: String,
    kinds: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Copy {
    from: String,
    collection: Option<String>,
    fraction: f64,
    #[serde(default)]
    change: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Roles {
    roles: BTreeSet<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    client_id: Option<String>,
    /// The only secret accepted for the client; `null` accepts any again.
    client_secret: Option<String>,
    /// Secrets refused for everybody.
    rejected: Option<BTreeSet<String>>,
    /// Whether the client's secret has expired.
    expired: Option<bool>,
    /// Whether the tenant does not know the client.
    unknown: Option<bool>,
}

pub(super) fn route(
    world: &mut World,
    request: &Request,
    segments: &[&str],
) -> Result<Value, Misuse> {
    let method = request.method.as_str();
    if let ("POST", []) = (method, segments) {
        let new: NewTenant = read(request)?;
        let source = match (new.folder, new.builtin) {
            (Some(path), None) => TenantSource::Folder {
                path,
                only: new.only,
            },
            (None, Some(name)) => TenantSource::builtin(&name)
                .ok_or_else(|| Misuse::bad("builtin must be source or target"))?,
            (None, None) => TenantSource::Empty,
            (Some(_), Some(_)) => return Err(Misuse::bad("folder and builtin exclude each other")),
        };
        setup::add_tenant(
            world,
            &TenantSpec {
                id: new.id.clone(),
                source,
            },
        )
        .map_err(|error| Misuse::bad(error.to_string()))?;
        return Ok(json!({ "id": new.id }));
    }
    let [tid, rest @ ..] = segments else {
        return Err(Misuse::unknown("this control endpoint"));
    };
    if world.tenant(tid).is_none() {
        return Err(Misuse::unknown("this tenant"));
    }
    match (method, rest) {
        (_, ["objects", rest @ ..]) => objects::route(world, request, tid, rest),
        ("GET", ["load-report"]) => Ok(json!(world.tenant(tid).map(|tenant| &tenant.report))),
        ("POST", ["provision"]) => {
            let wanted: Provision = read(request)?;
            let kinds: Vec<&str> = wanted.kinds.iter().map(String::as_str).collect();
            provision(world, &wanted.from, tid, &kinds)
        }
        ("POST", ["copy-objects"]) => {
            let wanted: Copy = read(request)?;
            copy_objects(
                world,
                &wanted.from,
                tid,
                wanted.collection.as_deref(),
                wanted.fraction,
                wanted.change,
            )
        }
        ("PUT", ["roles"]) => {
            let wanted: Roles = read(request)?;
            set(world, tid, |tenant| tenant.roles = wanted.roles)
        }
        ("PUT", ["options"]) => {
            let wanted: TenantOptions = read(request)?;
            set(world, tid, |tenant| tenant.options = wanted)
        }
        ("PUT", ["secret"]) => {
            let wanted: Login = read(request)?;
            set(world, tid, |tenant| set_secret(tenant, wanted))
        }
        _ => Err(Misuse::unknown("this control endpoint")),
    }
}

fn set(world: &mut World, tid: &str, change: impl FnOnce(&mut Tenant)) -> Result<Value, Misuse> {
    let tenant = world
        .tenant_mut(tid)
        .ok_or_else(|| Misuse::unknown("this tenant"))?;
    change(tenant);
    Ok(json!({}))
}

fn set_secret(tenant: &mut Tenant, wanted: Login) {
    let rules = &mut tenant.login;
    if let Some(rejected) = wanted.rejected {
        rules.rejected = rejected;
    }
    let Some(client) = wanted.client_id.map(|id| id.to_lowercase()) else {
        return;
    };
    match wanted.client_secret {
        Some(secret) => rules.expected.insert(client.clone(), secret),
        None => rules.expected.remove(&client),
    };
    let mark = |set: &mut BTreeSet<String>, on: Option<bool>| match on {
        Some(true) => {
            set.insert(client.clone());
        }
        Some(false) => {
            set.remove(&client);
        }
        None => {}
    };
    mark(&mut rules.expired_clients, wanted.expired);
    mark(&mut rules.unknown_clients, wanted.unknown);
}

/// Copies the named objects the target lacks, under new ids; what they refer to is translated.
fn provision(world: &mut World, from: &str, to: &str, kinds: &[&str]) -> Result<Value, Misuse> {
    let mut created = Map::new();
    for kind in kinds {
        let rule = rules::by_key(kind).ok_or_else(|| Misuse::unknown(kind))?;
        let source = world
            .tenant(from)
            .ok_or_else(|| Misuse::unknown("the source tenant"))?
            .list(rule.key)
            .to_vec();
        let mut count = 0;
        let translation = translation(world, from, to)?;
        for object in source {
            let target = world
                .tenant(to)
                .ok_or_else(|| Misuse::unknown("this tenant"))?;
            let name = object.text(rule.name_property).unwrap_or_default();
            if target.find_by_name(rule.key, name).is_some() {
                continue;
            }
            let (body, _, _) = translate(&object, &translation, rule.scope_tags);
            let id = (rule.key != "roleScopeTags").then(|| {
                let name = format!("{}/{}/{}", to.to_lowercase(), rule.key, object.id);
                Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes()).to_string()
            });
            insert_behind(world, to, rule, id, body, Vec::new());
            count += 1;
        }
        created.insert((*kind).to_owned(), json!(count));
    }
    Ok(json!({ "created": created }))
}

/// Ids of the source by the id of the target's object of the same name; scope tags apart.
struct Translation {
    ids: BTreeMap<String, Option<String>>,
    tags: BTreeMap<String, Option<String>>,
}

const REFERENCES: [&str; 11] = [
    "groups",
    "directoryRoles",
    "users",
    "assignmentFilters",
    "notificationMessageTemplates",
    "namedLocations",
    "reusablePolicySettings",
    "deviceComplianceScripts",
    "termsOfUse",
    "servicePrincipals",
    "authenticationStrengthPolicies",
];

fn translation(world: &World, from: &str, to: &str) -> Result<Translation, Misuse> {
    let source = world
        .tenant(from)
        .ok_or_else(|| Misuse::unknown("the source tenant"))?;
    let target = world
        .tenant(to)
        .ok_or_else(|| Misuse::unknown("this tenant"))?;
    let counterpart = |key: &str, object: &Object| {
        let name = object.text("displayName").unwrap_or_default();
        target.find_by_name(key, name).map(|found| found.id.clone())
    };
    let ids = REFERENCES
        .iter()
        .flat_map(|key| source.list(key).iter().map(move |object| (*key, object)))
        .map(|(key, object)| (object.id.to_lowercase(), counterpart(key, object)))
        .collect();
    let tags = source
        .list("roleScopeTags")
        .iter()
        .map(|object| (object.id.clone(), counterpart("roleScopeTags", object)))
        .collect();
    Ok(Translation { ids, tags })
}

/// The body and assignments with the target's ids; the third answer is whether all were found.
fn translate(
    object: &Object,
    translation: &Translation,
    scope_tags: Option<&str>,
) -> (Map<String, Value>, Vec<Value>, bool) {
    let mut whole = true;
    let mut body = Value::Object(object.body.clone());
    let tags = scope_tags
        .and_then(|property| body.get_mut(property))
        .map(Value::take);
    replace(&mut body, translation, &mut whole);
    if let (Some(property), Some(Value::Array(tags))) = (scope_tags, tags) {
        let mapped: Vec<Value> = tags
            .iter()
            .map(|tag| {
                let found = tag
                    .as_str()
                    .and_then(|id| translation.tags.get(id))
                    .cloned()
                    .flatten();
                json!(found.unwrap_or_else(|| "0".to_owned()))
            })
            .collect();
        if let Some(slot) = body.get_mut(property) {
            *slot = Value::Array(mapped);
        }
    }
    let mut assignments = Vec::new();
    for assignment in &object.assignments {
        let mut copy = assignment.clone();
        let mut found = true;
        replace(&mut copy, translation, &mut found);
        if found {
            assignments.push(copy);
        }
    }
    (
        body.as_object().cloned().unwrap_or_default(),
        assignments,
        whole,
    )
}

fn replace(value: &mut Value, translation: &Translation, whole: &mut bool) {
    match value {
        Value::String(text) => match translation.ids.get(&text.to_lowercase()) {
            Some(Some(id)) => id.clone_into(text),
            Some(None) => *whole = false,
            None => {}
        },
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| replace(item, translation, whole)),
        Value::Object(members) => {
            members
                .values_mut()
                .for_each(|item| replace(item, translation, whole));
        }
        _ => {}
    }
}

const POLICIES: [&str; 4] = [
    "configurationPolicies",
    "deviceCompliancePolicies",
    "deviceConfigurations",
    "conditionalAccessPolicies",
];

/// Copies every n-th policy so that `fraction` of them exist in the target, changed if asked.
fn copy_objects(
    world: &mut World,
    from: &str,
    to: &str,
    collection: Option<&str>,
    fraction: f64,
    change: bool,
) -> Result<Value, Misuse> {
    let keys: Vec<&str> = collection.map_or_else(|| POLICIES.to_vec(), |key| vec![key]);
    let (mut copied, mut skipped) = (Vec::new(), Vec::new());
    let mut share = 0.0_f64;
    for key in keys {
        let rule = rules::by_key(key).ok_or_else(|| Misuse::unknown(key))?;
        let source = world
            .tenant(from)
            .ok_or_else(|| Misuse::unknown("the source tenant"))?
            .list(rule.key)
            .to_vec();
        let translation = translation(world, from, to)?;
        for object in source {
            share += fraction;
            if share < 1.0 {
                continue;
            }
            share -= 1.0;
            let name = object
                .text(rule.name_property)
                .unwrap_or_default()
                .to_owned();
            let (mut body, assignments, whole) = translate(&object, &translation, rule.scope_tags);
            if !whole || !object.secrets.is_empty() {
                skipped.push(json!({"collection": key, "name": name}));
                continue;
            }
            if change {
                change_body(&mut body);
            }
            let name_of_id = format!("{}/{key}/copy/{}", to.to_lowercase(), object.id);
            let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, name_of_id.as_bytes()).to_string();
            insert_behind(world, to, rule, Some(id), body, assignments);
            copied.push(json!({"collection": key, "name": name}));
        }
    }
    Ok(json!({ "copied": copied, "skipped": skipped }))
}

/// Makes a copy differ from its original in its settings and in its description.
pub(crate) fn change_body(body: &mut Map<String, Value>) {
    if body.contains_key("description") {
        body.insert("description".to_owned(), json!("Changed in this tenant."));
    }
    if let Some(Value::Array(settings)) = body.get_mut("settings") {
        if settings.len() > 1 {
            settings.pop();
        }
        return;
    }
    if let Some(Value::Array(values)) = body.get_mut("definitionValues") {
        if values.len() > 1 {
            values.pop();
        }
        if let Some(value) = values.first_mut().and_then(Value::as_object_mut) {
            let enabled = value.get("enabled") == Some(&Value::Bool(true));
            value.insert("enabled".to_owned(), json!(!enabled));
        }
        return;
    }
    if body.contains_key("conditions") {
        body.insert("state".to_owned(), json!("disabled"));
        return;
    }
    let flag = body
        .iter_mut()
        .find(|(name, value)| value.is_boolean() && !name.ends_with("IsSet"))
        .map(|(_, value)| value);
    if let Some(Value::Bool(flag)) = flag {
        *flag = !*flag;
        return;
    }
    if let Some(Value::Array(settings)) = body.get_mut("omaSettings")
        && settings.len() > 1
    {
        settings.pop();
    }
}
