//! Actions on objects: assignments, scheduled actions, secrets of custom settings.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::read::{self, find};
use super::{Call, Done};
use crate::answer::{Answer, Refusal};
use crate::body;
use crate::check::Check;
use crate::journal::Effect;
use crate::rules::{self, AssignRule, CollectionRule, Scene};
use crate::schema::{Schema, Version};
use crate::state::World;

pub(super) const ALL_USERS: &str = "acacacac-9df4-4c7d-9d50-4ef0226f57a9";
pub(super) const ALL_DEVICES: &str = "adadadad-808e-44e2-905a-0b7873a8a531";

/// The only member of an action's body.
pub(super) fn parameter<'a>(
    sent: &'a Map<String, Value>,
    name: &str,
    optional: &[&str],
) -> Result<&'a Vec<Value>, Refusal> {
    for other in sent.keys() {
        let known =
            other == name || other.starts_with("@odata.") || optional.contains(&other.as_str());
        if !known {
            return Err(Refusal::bad_request(format!(
                "The parameter '{other}' in the request payload is not a valid parameter for the operation."
            )));
        }
    }
    sent.get(name).and_then(Value::as_array).ok_or_else(|| {
        Refusal::bad_request(format!(
            "The parameter '{name}' is missing or not a collection."
        ))
    })
}

/// `POST {item}/assign`: the list sent becomes the whole set.
pub(super) fn assign(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let (id, assignments) = {
        let tenant = read::tenant(world, tid)?;
        let object = find(tenant, rule, id)?;
        let sent = call.object()?;
        let assign = rule
            .assign
            .as_ref()
            .ok_or_else(Refusal::method_not_allowed)?;
        let wanted = parameter(&sent, assign.wrapper, assign.also)?;
        if let Some(refusal) = rules::not_ready(rule, object) {
            return Err(refusal);
        }
        if rules::is_default(object) {
            return Err(Refusal::by_service(
                rule.family,
                "The default object cannot be assigned.",
            ));
        }
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        let mut seen = BTreeSet::new();
        let mut stored = Vec::new();
        for entry in wanted {
            let (key, value) = judge_assignment(&scene, call, &object.id, entry)?;
            if !seen.insert(key) {
                return Err(scene.refuse("Duplicate assignment targets are not allowed."));
            }
            stored.push(value);
        }
        (object.id.clone(), stored)
    };
    let path = format!("{}('{id}')/assignments", rule.path());
    let answer = Answer::json(
        200,
        json!({
            "@odata.context": format!(
                "https://graph.microsoft.com/{}/$metadata#{path}", call.version.segment()
            ),
            "value": assignments,
        }),
    );
    if let Some(object) = world
        .tenant_mut(tid)
        .and_then(|tenant| tenant.find_mut(rule.key, &id))
    {
        object.assignments = assignments;
    }
    Ok(Done {
        answer,
        effect: Effect::Assigned,
        object_id: Some(id),
    })
}

/// Judges one assignment; answers its target's key and how it is stored.
pub(super) fn judge_assignment(
    scene: &Scene<'_>,
    call: &Call<'_>,
    owner: &str,
    entry: &Value,
) -> Result<(String, Value), Refusal> {
    let Some(assign) = &scene.rule.assign else {
        return Err(Refusal::method_not_allowed());
    };
    let sent = entry.as_object().ok_or_else(|| {
        Refusal::bad_request("An assignment in the request payload is not an object.")
    })?;
    let check = Check {
        schema: scene.schema,
        version: call.version,
        own_id: sent.get("id").and_then(Value::as_str),
    };
    check
        .entity(sent, assign.entity)
        .map_err(|violation| Refusal::bad_request(violation.0))?;
    let target = sent
        .get("target")
        .and_then(Value::as_object)
        .ok_or_else(|| scene.refuse("The target of an assignment is missing."))?;
    let kind = target
        .get("@odata.type")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let kind = kind.trim_start_matches("#microsoft.graph.");
    let group = target.get("groupId").and_then(Value::as_str);
    if !rules::takes_target(scene.rule.key, kind) {
        return Err(scene.refuse(format!("Assignment target {kind} is not supported here.")));
    }
    let (key, excluded) = match (kind, group) {
        ("groupAssignmentTarget", Some(group)) => (group.to_lowercase(), false),
        ("exclusionGroupAssignmentTarget", Some(group)) => (group.to_lowercase(), true),
        ("allDevicesAssignmentTarget", None) if assign.filters => (ALL_DEVICES.to_owned(), false),
        ("allLicensedUsersAssignmentTarget", None) if assign.filters => {
            (ALL_USERS.to_owned(), false)
        }
        ("groupAssignmentTarget" | "exclusionGroupAssignmentTarget", None) => {
            return Err(scene.refuse("The groupId of an assignment target is missing."));
        }
        _ => return Err(scene.refuse(format!("Assignment target {kind} is not supported here."))),
    };
    if excluded && !assign.filters {
        return Err(scene.refuse("Exclusion targets are not supported here."));
    }
    // App policies have no target "all users": they take the virtual groups instead.
    let by_group_alone = rules::targets_apps(scene.rule);
    if by_group_alone && group.is_none() {
        return Err(scene.refuse(format!("Assignment target {kind} is not supported here.")));
    }
    let is_virtual = by_group_alone && matches!(key.as_str(), ALL_USERS | ALL_DEVICES);
    if let Some(group) = group
        && !is_virtual
        && !scene.tenant.has("groups", group)
    {
        return Err(scene.refuse(format!("Group {group} was not found in the directory.")));
    }
    let mut stored = target.clone();
    if assign.filters {
        judge_filter(scene, target, excluded, &mut stored)?;
    }
    let mut whole = json!({
        "id": format!("{owner}_{key}"),
        "target": stored,
    });
    if let Some(members) = whole.as_object_mut() {
        if tells_source(scene.schema, assign) {
            members.insert("source".to_owned(), json!("direct"));
            members.insert("sourceId".to_owned(), json!(owner));
        }
        if assign.entity == "deviceHealthScriptAssignment" {
            // Whatever was sent, no answer ever says that it remediates.
            members.insert("runRemediationScript".to_owned(), json!(false));
            let schedule = sent.get("runSchedule").cloned().unwrap_or_default();
            members.insert("runSchedule".to_owned(), schedule);
        }
        if assign.entity == "mobileAppAssignment" {
            let intent = sent
                .get("intent")
                .cloned()
                .ok_or_else(|| scene.refuse("The intent of an assignment is missing."))?;
            members.insert("intent".to_owned(), intent);
            let settings = sent.get("settings").cloned().unwrap_or_default();
            members.insert("settings".to_owned(), settings);
        }
        if assign.entity == "deviceConfigurationAssignment" {
            let intent = sent
                .get("intent")
                .cloned()
                .unwrap_or_else(|| json!("apply"));
            members.insert("intent".to_owned(), intent);
        }
    }
    body::strip_annotations(&mut whole);
    Ok((key, whole))
}

/// Whether an assignment of this kind says who made it.
pub(super) fn tells_source(schema: &Schema, assign: &AssignRule) -> bool {
    assign.filters
        && schema
            .find_property(assign.entity, "source", Version::Beta)
            .is_some()
}

fn judge_filter(
    scene: &Scene<'_>,
    target: &Map<String, Value>,
    excluded: bool,
    stored: &mut Map<String, Value>,
) -> Result<(), Refusal> {
    let id = target
        .get("deviceAndAppManagementAssignmentFilterId")
        .and_then(Value::as_str)
        .filter(|id| !id.is_empty());
    let kind = target
        .get("deviceAndAppManagementAssignmentFilterType")
        .and_then(Value::as_str)
        .unwrap_or("none");
    match id {
        Some(_) if excluded => {
            return Err(scene.refuse("Assignment filters cannot be used with exclusion targets."));
        }
        Some(id) if !scene.tenant.has("assignmentFilters", id) => {
            return Err(scene.refuse(format!("Scope Tags validation failed : Filters {id}")));
        }
        Some(_) if kind == "none" => {
            return Err(scene.refuse("An assignment filter needs the type include or exclude."));
        }
        None if kind != "none" => {
            return Err(scene.refuse("An assignment filter type needs a filter id."));
        }
        _ => {}
    }
    stored.insert(
        "deviceAndAppManagementAssignmentFilterId".to_owned(),
        json!(id),
    );
    stored.insert(
        "deviceAndAppManagementAssignmentFilterType".to_owned(),
        json!(kind),
    );
    Ok(())
}

/// The action that replaces the scheduled actions of a collection's objects: its name, its parameter
/// and the type of a rule.
pub(super) fn scheduling(
    rule: &CollectionRule,
) -> Option<(&'static str, &'static str, &'static str)> {
    match rule.key {
        "deviceCompliancePolicies" => Some((
            "scheduleActionsForRules",
            "deviceComplianceScheduledActionForRules",
            "deviceComplianceScheduledActionForRule",
        )),
        "compliancePolicies" => Some((
            "setScheduledActions",
            "scheduledActions",
            "deviceManagementComplianceScheduledActionForRule",
        )),
        _ => None,
    }
}

/// `POST {item}/scheduleActionsForRules` or `setScheduledActions`: replaces the scheduled actions.
pub(super) fn schedule_actions(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let changed = {
        let tenant = read::tenant(world, tid)?;
        let before = find(tenant, rule, id)?;
        let sent = call.object()?;
        let (_, name, entity) = scheduling(rule).ok_or_else(Refusal::method_not_allowed)?;
        let wanted = parameter(&sent, name, &[])?;
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
        for entry in wanted {
            let members = entry.as_object().cloned().unwrap_or_default();
            let mut free = members;
            free.remove("id");
            check
                .entity(&free, entity)
                .map_err(|violation| Refusal::bad_request(violation.0))?;
        }
        rules::judge_scheduled_actions(&scene, wanted)?;
        let mut after = before.clone();
        let mut value = Value::Array(wanted.clone());
        body::strip_annotations(&mut value);
        after
            .body
            .insert("scheduledActionsForRule".to_owned(), value);
        (rule.complete)(&scene, &mut after);
        after
    };
    Ok(Done::updated(world.replace(tid, rule.key, changed)))
}

/// `GET {item}/getOmaSettingPlainTextValue(secretReferenceValueId='...')`.
pub(super) fn oma_secret(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
    function: &str,
) -> Result<Done, Refusal> {
    let object = find(read::tenant(world, tid)?, rule, id)?;
    let reference = function
        .split_once("secretReferenceValueId='")
        .and_then(|(_, rest)| rest.split('\'').next())
        .unwrap_or_default();
    let value = rules::oma_plain_text(object, reference)
        .ok_or_else(|| Refusal::not_found(rule.family, "Secret", reference))?;
    Ok(Done::read(Answer::json(
        200,
        json!({
            "@odata.context": format!(
                "https://graph.microsoft.com/{}/$metadata#Edm.String", call.version.segment()
            ),
            "value": value,
        }),
    )))
}
