//! The categories of an app: `POST {id}/categories/$ref` adds one by its address,
//! `DELETE {id}/categories/{category}/$ref` removes one.

use serde_json::{Value, json};

use super::read::{self, find};
use super::{Call, Done, Place, links};
use crate::answer::{Answer, Refusal};
use crate::journal::Effect;
use crate::rules::CollectionRule;
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
            let category = links::named_key(call, COLLECTION)?;
            let Some(category) = tenant.find("mobileAppCategories", &category) else {
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
