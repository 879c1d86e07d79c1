//! Writes of one part of an object: one assignment, its rank; and the reading of what is no
//! collection: one picture, the settings of the tenant.

use serde_json::{Map, Value, json};

use super::actions::judge_assignment;
use super::read::{self, find};
use super::{Call, Done};
use crate::answer::{Answer, Refusal};
use crate::journal::Effect;
use crate::rules::{self, CollectionRule, Scene};
use crate::state::{Object, World};

/// `POST {item}/assignments`: adds one.
pub(super) fn assign(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let (id, stored) = {
        let tenant = read::tenant(world, tid)?;
        let object = find(tenant, rule, id)?;
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        let sent = Value::Object(call.object()?);
        if sent.get("source").is_some() || sent.get("sourceId").is_some() {
            return Err(scene.refuse("The source of an assignment cannot be written."));
        }
        if has_filter(&sent) {
            return Err(scene.refuse("Assignment filters are not supported here."));
        }
        let (_, stored) = judge_assignment(&scene, call, &object.id, &sent)?;
        if object
            .assignments
            .iter()
            .any(|one| one.get("id") == stored.get("id"))
        {
            return Err(Refusal::new(
                409,
                "Conflict",
                "The object is assigned to this target already.",
            ));
        }
        if rule.key == "windowsAutopilotDeploymentProfiles"
            && reaches_all_devices(&stored)
            && let Some(other) = holder_of_all_devices(tenant.list(rule.key), &object.id)
        {
            return Err(scene.refuse(format!(
                "Another Profile {other} is already assigned to All Devices."
            )));
        }
        (object.id.clone(), stored)
    };
    let answer = Answer::json(201, stored.clone());
    if let Some(object) = world
        .tenant_mut(tid)
        .and_then(|tenant| tenant.find_mut(rule.key, &id))
    {
        object.assignments.push(stored);
    }
    Ok(Done {
        answer,
        effect: Effect::Assigned,
        object_id: Some(id),
    })
}

fn has_filter(assignment: &Value) -> bool {
    assignment
        .pointer("/target/deviceAndAppManagementAssignmentFilterId")
        .is_some_and(|id| !id.is_null())
}

fn reaches_all_devices(assignment: &Value) -> bool {
    assignment
        .pointer("/target/@odata.type")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("allDevicesAssignmentTarget"))
}

fn holder_of_all_devices(objects: &[Object], but: &str) -> Option<String> {
    objects
        .iter()
        .filter(|object| object.id != but)
        .find(|object| object.assignments.iter().any(reaches_all_devices))
        .map(|object| object.text("displayName").unwrap_or_default().to_owned())
}

/// `DELETE {item}/assignments/{id}`.
pub(super) fn unassign(
    world: &mut World,
    tid: &str,
    rule: &'static CollectionRule,
    id: &str,
    child: &str,
) -> Result<Done, Refusal> {
    let id = find(read::tenant(world, tid)?, rule, id)?.id.clone();
    let is_it = |one: &Value| {
        one.get("id")
            .and_then(Value::as_str)
            .is_some_and(|id| id.eq_ignore_ascii_case(child))
    };
    let Some(object) = world
        .tenant_mut(tid)
        .and_then(|tenant| tenant.find_mut(rule.key, &id))
    else {
        return Err(Refusal::not_found(rule.family, rule.entity, &id));
    };
    let Some(one) = object.assignments.iter().find(|one| is_it(one)) else {
        return Err(Refusal::not_found(rule.family, "Assignment", child));
    };
    if one.get("source").is_some_and(|source| source != "direct") {
        return Err(Refusal::by_service(
            rule.family,
            "The assignment belongs to a policy set.",
        ));
    }
    object.assignments.retain(|one| !is_it(one));
    Ok(Done {
        answer: Answer::empty(204),
        effect: Effect::Assigned,
        object_id: Some(id),
    })
}

/// `POST {item}/setPriority`: takes the rank of the object that has it, which gets this one's.
pub(super) fn set_priority(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let (id, changes) = {
        let tenant = read::tenant(world, tid)?;
        let object = find(tenant, rule, id)?;
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        let changes = rules::ranks(&scene, object, &call.object()?)?;
        (object.id.clone(), changes)
    };
    for (changed, rank) in changes {
        if let Some(object) = world
            .tenant_mut(tid)
            .and_then(|tenant| tenant.find_mut(rule.key, &changed))
        {
            object.body.insert("priority".to_owned(), rank);
        }
    }
    Ok(Done::updated(id))
}

/// `GET {item}/{image}`: one picture, or nothing.
pub(super) fn image(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
    image: &str,
) -> Result<Done, Refusal> {
    let object = find(read::tenant(world, tid)?, rule, id)?;
    let Some(Value::Object(mut shown)) = object.body.get(image).cloned() else {
        return Ok(Done::read(Answer::empty(204)));
    };
    shown.insert(
        "@odata.context".to_owned(),
        json!(format!(
            "https://graph.microsoft.com/{}/$metadata#microsoft.graph.mimeContent",
            call.version.segment()
        )),
    );
    Ok(Done::read(Answer::json(200, Value::Object(shown))))
}

/// `GET /deviceManagement`: the tenant itself. Its settings are shown only to who names them.
pub(super) fn tenant_settings(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
) -> Result<Done, Refusal> {
    const MEMBER: &str = "settings";
    let tenant = read::tenant(world, tid)?;
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(tenant.id));
    let named = call.query.select.as_ref();
    if named.is_some_and(|names| names.iter().any(|name| name == MEMBER)) {
        let settings = tenant.list(rule.key).first();
        let settings = settings.map_or(Value::Null, |one| Value::Object(one.body.clone()));
        shown.insert(MEMBER.to_owned(), settings);
    }
    call.query.project(&mut shown);
    shown.insert(
        "@odata.context".to_owned(),
        json!(format!(
            "https://graph.microsoft.com/{}/$metadata#deviceManagement",
            call.version.segment()
        )),
    );
    Ok(Done::read(Answer::json(200, Value::Object(shown))))
}
