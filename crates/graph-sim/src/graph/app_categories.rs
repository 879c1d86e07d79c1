//! The categories of an app: `POST {id}/categories/$ref` adds one by its address,
//! `DELETE {id}/categories/{category}/$ref` removes one.

use serde_json::{Value, json};

use super::read::{self, find};
use super::{Call, Done, Place};
use crate::answer::{Answer, Refusal};
use crate::journal::Effect;
use crate::rules::{self, CollectionRule};
use crate::state::World;

const SEGMENT: &str = "categories";
const REFERENCE: &str = "$ref";
const COLLECTION: &str = "deviceAppManagement/mobileAppCategories";

/// Whether a request writes a category of an app.
pub(super) fn is_link(place: &Place) -> bool {
    let is = |at: usize, name: &str| place.rest.get(at).is_some_and(|segment| segment == name);
    place.rule.key == "mobileApps"
        && is(1, SEGMENT)
        && place.rest.last().is_some_and(|last| last == REFERENCE)
}

/// Answers one such request.
pub(super) fn handle(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    rest: &[&str],
) -> Result<Done, Refusal> {
    let tenant = read::tenant(world, tid)?;
    let id = rest.first().copied().unwrap_or_default();
    let object = find(tenant, rule, id)?;
    let mut changed = object.clone();
    let mut linked: Vec<Value> = object
        .body
        .get(SEGMENT)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let has = |linked: &[Value], id: &str| linked.iter().any(|one| one["id"] == json!(id));
    match (call.method, rest) {
        ("POST", [_, _, _]) => {
            let category = wanted(world, tid, call)?;
            let known = rules::by_key("mobileAppCategories")
                .and_then(|rule| read::tenant(world, tid).ok()?.find(rule.key, &category));
            let Some(category) = known else {
                let text = format!("The category {category} was not found.");
                return Err(Refusal::by_service(rule.family, text));
            };
            if has(&linked, &category.id) {
                let text = format!("The app has the category {} already.", category.id);
                return Err(Refusal::by_service(rule.family, text));
            }
            let name = category.text("displayName").unwrap_or_default();
            linked.push(json!({"id": category.id, "displayName": name}));
        }
        ("DELETE", [_, _, category, _]) => {
            if !has(&linked, category) {
                return Err(Refusal::not_found(rule.family, SEGMENT, category));
            }
            linked.retain(|one| one["id"] != json!(category));
        }
        _ => return Err(Refusal::method_not_allowed()),
    }
    changed
        .body
        .insert(SEGMENT.to_owned(), Value::Array(linked));
    let id = world.replace(tid, rule.key, changed);
    Ok(Done {
        answer: Answer::empty(204),
        effect: Effect::Updated,
        object_id: Some(id),
    })
}

/// The id of the category that the body names by its address on this very Graph.
fn wanted(world: &World, tid: &str, call: &Call<'_>) -> Result<String, Refusal> {
    read::tenant(world, tid)?;
    let body = call.object()?;
    let address = body.get("@odata.id").and_then(Value::as_str);
    let (Some(address), 1) = (address, body.len()) else {
        return Err(Refusal::bad_request(
            "A reference has the one member '@odata.id'.",
        ));
    };
    let collection = format!("{}/{}/{COLLECTION}", call.base, call.version.segment());
    let key = address.strip_prefix(&collection).and_then(|below| {
        below
            .strip_prefix("('")
            .and_then(|key| key.strip_suffix("')"))
            .or_else(|| below.strip_prefix('/'))
    });
    key.map(str::to_owned).ok_or_else(|| {
        Refusal::bad_request(format!("The address '{address}' is not one of this Graph."))
    })
}
