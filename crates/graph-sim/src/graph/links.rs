//! Links between device configuration profiles: navigation properties below a type cast.
//!
//! `GET {id}/microsoft.graph.{type}/{link}` shows what it leads to; `PUT .../$ref` sets one link,
//! `POST .../$ref` adds one of several, `DELETE` removes; a create binds by `{link}@odata.bind`. A link to something that is not there, or
//! not of the type that the schema states, is refused.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::read::{self, find, present};
use super::write::stamp;
use super::{Call, Done, Place};
use crate::answer::{Answer, Refusal};
use crate::rules::{CollectionRule, Scene};
use crate::schema::Property;
use crate::state::{Object, World};

const REFERENCE: &str = "$ref";
const BIND: &str = "@odata.bind";

/// Whether a request points below a type cast of a profile.
pub(super) fn is_link(place: &Place) -> bool {
    place.rule.key == "deviceConfigurations"
        && place.rest.len() >= 3
        && place
            .rest
            .get(1)
            .is_some_and(|segment| segment != "assignments")
}

/// The path of such a request with ids named.
pub(super) fn template(place: &Place) -> String {
    let mut template = format!("/{}", place.rule.path());
    for (index, segment) in place.rest.iter().enumerate() {
        let is_id = index == 0 || (index == 3 && segment != REFERENCE);
        template.push('/');
        template.push_str(if is_id { "{id}" } else { segment });
    }
    template
}

/// What a request names, found.
struct Named {
    id: String,
    kind: String,
    property: String,
    several: bool,
    /// The type that a linked object has.
    to: String,
    /// What the link leads to now.
    linked: Vec<String>,
}

fn name(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    (id, kind, property): (&str, &str, &str),
) -> Result<Named, Refusal> {
    let schema = &world.schema;
    let kind = schema
        .resolve_annotation(&format!("#microsoft.graph.{kind}"))
        .filter(|kind| schema.is_a(kind, rule.entity))
        .ok_or_else(|| Refusal::segment(kind))?;
    let Property {
        kind: to,
        collection,
        ..
    } = schema
        .find_property(kind, property, call.version)
        .filter(|found| found.navigation == Some(false))
        .ok_or_else(|| Refusal::segment(property))?;
    let object = find(read::tenant(world, tid)?, rule, id)?;
    if !schema.is_a(object.kind().unwrap_or_default(), kind) {
        return Err(Refusal::not_found(rule.family, kind, id));
    }
    Ok(Named {
        id: object.id.clone(),
        kind: object.kind().unwrap_or_default().to_owned(),
        property: property.to_owned(),
        several: *collection,
        to: to.clone(),
        linked: object.links.get(property).cloned().unwrap_or_default(),
    })
}

/// Answers one request below a type cast.
pub(super) fn handle(
    world: &mut World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    rest: &[&str],
) -> Result<Done, Refusal> {
    let [id, kind, property, below @ ..] = rest else {
        return Err(Refusal::segment(rest.last().copied().unwrap_or_default()));
    };
    let named = name(world, tid, call, rule, (id, kind, property))?;
    match (call.method, below) {
        ("GET", []) => show(world, tid, call, rule, &named),
        ("PUT", [REFERENCE]) if !named.several => {
            let to = wanted(world, tid, call, rule, &named)?;
            Ok(store(world, tid, rule, &named, vec![to]))
        }
        ("POST", [REFERENCE]) if named.several => {
            let to = wanted(world, tid, call, rule, &named)?;
            if named.linked.contains(&to) {
                return Err(Refusal::by_service(
                    rule.family,
                    format!("{} leads to {to} already.", named.property),
                ));
            }
            let linked = named.linked.iter().cloned().chain([to]).collect();
            Ok(store(world, tid, rule, &named, linked))
        }
        ("DELETE", [REFERENCE]) if !named.several => {
            if named.linked.is_empty() {
                return Err(Refusal::not_found(rule.family, &named.property, &named.id));
            }
            Ok(store(world, tid, rule, &named, Vec::new()))
        }
        ("DELETE", [child, REFERENCE]) if named.several => {
            let mut linked = named.linked.clone();
            linked.retain(|one| !one.eq_ignore_ascii_case(child));
            if linked.len() == named.linked.len() {
                return Err(Refusal::not_found(rule.family, &named.property, child));
            }
            Ok(store(world, tid, rule, &named, linked))
        }
        (method, [.., REFERENCE]) => Err(Refusal::bad_request(format!(
            "No OData route exists that match template \
             ~/singleton/navigation/key/cast/navigation/$ref with http verb {method} for request \
             /{}('{}')/{}/$ref.",
            rule.path(),
            named.id,
            named.property
        ))),
        (_, [.., last]) => Err(Refusal::segment(last)),
        (_, []) => Err(Refusal::method_not_allowed()),
    }
}

fn show(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    named: &Named,
) -> Result<Done, Refusal> {
    let tenant = read::tenant(world, tid)?;
    let one = |id: &String| match tenant.find(rule.key, id) {
        Some(object) => Value::Object(present(&world.schema, tenant, rule, object, call, false)),
        // Other collections are no part of this: their id is all that matters.
        None => json!({ "id": id }),
    };
    if named.several {
        let value: Vec<Value> = named.linked.iter().map(one).collect();
        return Ok(Done::read(Answer::json(200, json!({ "value": value }))));
    }
    match named.linked.first() {
        Some(id) => Ok(Done::read(Answer::json(200, one(id)))),
        None if tenant.options.empty_links => Ok(Done::read(Answer::empty(204))),
        None => Err(Refusal::not_found(rule.family, &named.property, &named.id)),
    }
}

/// The id in the address of an object of a collection, by which a body names it on this very Graph.
pub(super) fn named_key(call: &Call<'_>, collection: &str) -> Result<String, Refusal> {
    let body = call.object()?;
    let address = body.get("@odata.id").and_then(Value::as_str);
    let (Some(address), 1) = (address, body.len()) else {
        return Err(Refusal::bad_request(
            "A reference has the one member '@odata.id'.",
        ));
    };
    key_of(call, collection, address)
}

/// The id in an address on this very Graph.
fn key_of(call: &Call<'_>, collection: &str, address: &str) -> Result<String, Refusal> {
    let collection = format!("{}/{}/{collection}", call.base, call.version.segment());
    let below = address.strip_prefix(&collection).ok_or_else(|| {
        Refusal::bad_request(format!("The address '{address}' is not one of this Graph."))
    })?;
    let key = below
        .strip_prefix("('")
        .and_then(|key| key.strip_suffix("')"))
        .or_else(|| below.strip_prefix('/'));
    Ok(key.unwrap_or_default().to_owned())
}

/// Takes what a create binds its object to out of the body: property to ids. Each has to be there,
/// of the right type, and named by its address on this very Graph.
pub(super) fn bound(
    scene: &Scene<'_>,
    call: &Call<'_>,
    kind: &str,
    sent: &mut Map<String, Value>,
) -> Result<BTreeMap<String, Vec<String>>, Refusal> {
    let names: Vec<String> = sent
        .keys()
        .filter(|name| scene.rule.key == "deviceConfigurations" && name.ends_with(BIND))
        .cloned()
        .collect();
    let mut links = BTreeMap::new();
    for name in names {
        let value = sent.remove(&name).unwrap_or_default();
        let property = name.trim_end_matches(BIND);
        let found = scene.schema.find_property(kind, property, call.version);
        let found = found
            .filter(|found| found.navigation == Some(false))
            .ok_or_else(|| Refusal::bad_request(format!("'{name}' binds nothing of a {kind}.")))?;
        let addresses = match (&value, found.collection) {
            (Value::String(address), false) => vec![address.as_str()],
            (Value::Array(items), true) => items.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        if addresses.is_empty() {
            return Err(Refusal::bad_request(format!(
                "The value of '{name}' is not {}.",
                if found.collection {
                    "a list of addresses"
                } else {
                    "an address"
                }
            )));
        }
        let mut ids: Vec<String> = Vec::new();
        for address in addresses {
            let key = key_of(call, scene.rule.path(), address)?;
            let id = linked(scene, property, &found.kind, &key)?;
            if ids.contains(&id) {
                return Err(scene.refuse(format!("{property} leads to {id} already.")));
            }
            ids.push(id);
        }
        links.insert(property.to_owned(), ids);
    }
    Ok(links)
}

/// The id of an object that a link may lead to.
fn linked(scene: &Scene<'_>, property: &str, to: &str, key: &str) -> Result<String, Refusal> {
    let linked = scene
        .tenant
        .find(scene.rule.key, key)
        .ok_or_else(|| scene.refuse(format!("The linked object {key} was not found.")))?;
    let kind = linked.kind().unwrap_or_default();
    if !scene.schema.is_a(kind, to) {
        return Err(scene.refuse(format!("{property} leads to a {to}, not to a {kind}.")));
    }
    Ok(linked.id.clone())
}

/// The id of the object that the body names, which has to be there and of the right type.
fn wanted(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    named: &Named,
) -> Result<String, Refusal> {
    let key = named_key(call, rule.path())?;
    let scene = Scene {
        schema: &world.schema,
        tenant: read::tenant(world, tid)?,
        templates: &world.templates,
        rule,
    };
    linked(&scene, &named.property, &named.to, &key)
}

fn store(
    world: &mut World,
    tid: &str,
    rule: &'static CollectionRule,
    named: &Named,
    linked: Vec<String>,
) -> Done {
    let mut body = world
        .tenant(tid)
        .and_then(|tenant| tenant.find(rule.key, &named.id))
        .map(|object| object.body.clone())
        .unwrap_or_default();
    if let Some(tenant) = world.tenant(tid) {
        let scene = Scene {
            schema: &world.schema,
            tenant,
            templates: &world.templates,
            rule,
        };
        stamp(&scene, &named.kind, &mut body, false);
    }
    if let Some(object) = world
        .tenant_mut(tid)
        .and_then(|tenant| tenant.find_mut(rule.key, &named.id))
    {
        object.body = body;
        object.links.insert(named.property.clone(), linked);
    }
    Done::updated(named.id.clone())
}

/// Takes `links` out of an object that is stored behind everybody's back: property to ids.
pub(super) fn take(sent: &mut Map<String, Value>) -> BTreeMap<String, Vec<String>> {
    sent.remove("links")
        .and_then(|links| serde_json::from_value(links).ok())
        .unwrap_or_default()
}

/// What an object is linked to, for the control endpoints.
pub(crate) fn shown(object: &Object) -> Option<Value> {
    (!object.links.is_empty()).then(|| json!(object.links))
}
