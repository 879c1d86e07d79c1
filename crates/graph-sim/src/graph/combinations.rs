//! Authentication strengths: the action that changes their combinations and the configurations that
//! narrow them, written one by one.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::read::{self, find};
use super::{Call, Done};
use crate::answer::{Answer, Refusal};
use crate::body;
use crate::check::Check;
use crate::clock;
use crate::journal::Effect;
use crate::rules::{self, CollectionRule, Scene};
use crate::state::{Object, World};

const COLLECTION: &str = "combinationConfigurations";

/// `POST {item}/updateAllowedCombinations`: the list sent becomes the whole set.
pub(super) fn update_allowed(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    let sent = call.object()?;
    if let Some(other) = sent.keys().find(|name| *name != "allowedCombinations") {
        return Err(Refusal::bad_request(format!(
            "The parameter '{other}' in the request payload is not a valid parameter for the operation."
        )));
    }
    let changed = {
        let tenant = read::tenant(world, tid)?;
        let before = find(tenant, rule, id)?;
        let scene = scene(world, tid, rule)?;
        check(world, call, None, &sent, rule.entity)?;
        if before.text("policyType") == Some("builtIn") {
            return Err(scene.refuse("A built-in authentication strength cannot be changed."));
        }
        rules::judge_combinations(&scene, &sent, Some(before))?;
        let mut after = before.clone();
        after.body = body::merge(&before.body, &sent);
        after
    };
    store(world, tid, rule, changed);
    let answer =
        json!({"previousCombinations": [], "currentCombinations": sent.get("allowedCombinations")});
    Ok(done(Answer::json(200, answer), Effect::Updated, id))
}

/// `POST`, `PATCH` and `DELETE` of one configuration.
pub(super) fn write(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    (id, child): (&str, Option<&str>),
) -> Result<Done, Refusal> {
    let (changed, answer, effect) = {
        let before = find(read::tenant(world, tid)?, rule, id)?;
        let scene = scene(world, tid, rule)?;
        let mut list: Vec<Value> = before
            .body
            .get(COLLECTION)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default();
        let at = child.map(|child| {
            list.iter()
                .position(|one| one.get("id").and_then(Value::as_str) == Some(child))
                .ok_or_else(|| Refusal::not_found(rule.family, COLLECTION, child))
        });
        let at = at.transpose()?;
        let (answer, effect) = if call.method == "DELETE" {
            if before.text("policyType") == Some("builtIn") {
                return Err(scene.refuse("A built-in authentication strength cannot be changed."));
            }
            if let Some(at) = at {
                list.remove(at);
            }
            (Answer::empty(204), Effect::Deleted)
        } else {
            let sent = call.object()?;
            check(
                world,
                call,
                child,
                &sent,
                "authenticationCombinationConfiguration",
            )?;
            let standing = at.and_then(|at| list.get(at)?.as_object().cloned());
            let mut whole = Value::Object(body::merge(&standing.unwrap_or_default(), &sent));
            body::strip_annotations(&mut whole);
            let mut whole = whole.as_object().cloned().unwrap_or_default();
            rules::judge_configuration(&scene, before, &whole, child)?;
            whole
                .entry("id")
                .or_insert_with(|| json!(Uuid::new_v4().to_string()));
            let whole = Value::Object(whole);
            match at.and_then(|at| list.get_mut(at)) {
                Some(slot) => *slot = whole.clone(),
                None => list.push(whole.clone()),
            }
            let status = if at.is_some() { 200 } else { 201 };
            let effect = if at.is_some() {
                Effect::Updated
            } else {
                Effect::Created
            };
            (Answer::json(status, whole), effect)
        };
        let mut after = before.clone();
        after.body.insert(COLLECTION.to_owned(), Value::Array(list));
        (after, answer, effect)
    };
    store(world, tid, rule, changed);
    Ok(done(answer, effect, child.unwrap_or(id)))
}

fn scene<'a>(
    world: &'a World,
    tid: &str,
    rule: &'static CollectionRule,
) -> Result<Scene<'a>, Refusal> {
    Ok(Scene {
        schema: &world.schema,
        tenant: read::tenant(world, tid)?,
        templates: &world.templates,
        rule,
    })
}

fn check(
    world: &World,
    call: &Call<'_>,
    own_id: Option<&str>,
    sent: &Map<String, Value>,
    entity: &str,
) -> Result<(), Refusal> {
    let check = Check {
        schema: &world.schema,
        version: call.version,
        own_id,
    };
    check
        .entity(sent, entity)
        .map(|_| ())
        .map_err(|violation| Refusal::bad_request(violation.0))
}

fn store(world: &mut World, tid: &str, rule: &'static CollectionRule, mut changed: Object) {
    changed
        .body
        .insert("modifiedDateTime".to_owned(), json!(clock::graph_time()));
    world.replace(tid, rule.key, changed);
}

fn done(answer: Answer, effect: Effect, id: &str) -> Done {
    Done {
        answer,
        effect,
        object_id: Some(id.to_owned()),
    }
}
