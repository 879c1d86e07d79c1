//! Lists and items: paging, expansion, projection, and what Graph leaves out.

use serde_json::{Map, Value, json};

use super::{Call, Done};
use crate::answer::{Answer, Family, Refusal};
use crate::body;
use crate::faults::Kind;
use crate::query::Query;
use crate::rules::{CollectionRule, Part};
use crate::schema::{Schema, Version};
use crate::state::{Object, Tenant, World};

/// Turns a stored object into what a caller reads.
pub(super) fn present(
    schema: &Schema,
    tenant: &Tenant,
    rule: &CollectionRule,
    object: &Object,
    call: &Call<'_>,
    in_list: bool,
) -> Map<String, Value> {
    let kind = object.kind().unwrap_or(rule.entity);
    let deep = rule.family == Family::ConditionalAccess;
    let is_part = |name: &str| rule.part(name).is_some();
    let mut shown: Map<String, Value> = object
        .body
        .iter()
        .filter(|(name, _)| !is_part(name) && (rule.polymorphic || *name != "@odata.type"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    body::fill_defaults(schema, kind, &mut shown, call.version, deep);
    if call.version == Version::V1 {
        body::restrict_to_v1(schema, kind, &mut shown, deep);
    }
    (rule.present)(tenant, object, &mut shown, in_list);
    // Corpora bring the flag without the assignments.
    if object.assignments.is_empty() && shown.contains_key("isAssigned") {
        shown.insert("isAssigned".to_owned(), json!(false));
    }
    if !call.names_all {
        body::mask_newer(schema, kind, &mut shown);
    }
    shown.insert("id".to_owned(), json!(object.id));
    for part in rule.parts {
        let Some(expansion) = call.query.expansion(part.segment) else {
            continue;
        };
        if in_list && !part.expands_in_list {
            shown.insert(part.segment.to_owned(), json!([]));
            continue;
        }
        if let Some(Value::Object(one)) = object.body.get(part.segment) {
            shown.insert(part.segment.to_owned(), json!(one));
            continue;
        }
        let items = part_items(object, part);
        let whole = items.len();
        let mut items: Vec<Value> = items.into_iter().take(part.page).collect();
        for item in &mut items {
            hide_nested(part, item, &expansion.nested);
        }
        shown.insert(part.segment.to_owned(), Value::Array(items));
        if whole > part.page {
            let link = format!(
                "{}/{}/{}('{}')/{}?$skiptoken={}",
                call.base,
                call.version.segment(),
                rule.path(),
                object.id,
                part.segment,
                Query::default()
                    .with_skip(part.page)
                    .trim_start_matches("$skiptoken=")
            );
            shown.insert(format!("{}@odata.nextLink", part.segment), json!(link));
        }
    }
    if in_list {
        for name in rule.hidden_in_list {
            shown.insert((*name).to_owned(), Value::Null);
        }
    }
    for name in rule.only_selected {
        let named = call
            .query
            .select
            .as_ref()
            .is_some_and(|select| select.iter().any(|s| s == name));
        if !named {
            shown.remove(*name);
        }
    }
    call.query.project(&mut shown);
    shown
}

/// Parts inside parts are shown only when asked for.
fn hide_nested(part: &Part, item: &mut Value, wanted: &[String]) {
    if let Value::Object(members) = item {
        for name in part.nested {
            if !wanted.iter().any(|have| have.eq_ignore_ascii_case(name)) {
                members.remove(*name);
            }
        }
    }
}

fn check_query(schema: &Schema, rule: &CollectionRule, query: &Query) -> Result<(), Refusal> {
    let unknown = |name: &str| {
        Refusal::bad_request(format!(
            "Parsing OData Select and Expand failed: Could not find a property named '{name}' on \
             type 'microsoft.graph.{}'.",
            rule.entity
        ))
    };
    for expansion in &query.expand {
        let part = rule
            .part(&expansion.name)
            .ok_or_else(|| unknown(&expansion.name))?;
        for nested in &expansion.nested {
            if !part.nested.contains(&nested.as_str()) {
                return Err(unknown(nested));
            }
        }
    }
    if rule.family == Family::Directory
        && query
            .filter
            .as_ref()
            .is_some_and(|filter| !filter.is_basic())
    {
        return Err(Refusal::new(
            400,
            "Request_UnsupportedQuery",
            "Unsupported or invalid query filter clause specified for property of resource.",
        ));
    }
    let closed = schema.find_type(rule.entity).is_some() && !rule.polymorphic;
    if let Some(select) = query.select.as_ref().filter(|_| closed) {
        for name in select {
            let known = name == "*"
                || rule.part(name).is_some()
                || schema.respell(rule.entity, name).is_some();
            if !known {
                return Err(unknown(name));
            }
        }
    }
    Ok(())
}

fn page_size(rule: &CollectionRule, query: &Query, default: usize) -> Result<usize, Refusal> {
    match query.top {
        None => Ok(default),
        Some(0) => Err(Refusal::bad_request("Invalid page size specified: '0'.")),
        Some(top) if top > rule.max_top && rule.family == Family::Directory => {
            Err(Refusal::bad_request(format!(
                "Invalid page size specified: '{top}'. Must be between 1 and {} inclusive.",
                rule.max_top
            )))
        }
        Some(top) => Ok(top.min(rule.max_top)),
    }
}

/// One page of already presented items, with the link to the next one.
pub(super) fn page(
    call: &Call<'_>,
    path: &str,
    items: Vec<Value>,
    size: usize,
    context: &str,
) -> Answer {
    let lags = |twist: &Kind| matches!(twist, Kind::LaggingList);
    let mut items = if call.twists.iter().any(lags) {
        Vec::new()
    } else {
        items
    };
    let mut said = None;
    for twist in call.twists {
        match twist {
            Kind::ShortList { items: most } => items.truncate(*most),
            Kind::OddList { item } => {
                items = vec![item.clone()];
            }
            Kind::Miscount { said: count } => said = Some(*count),
            _ => {}
        }
    }
    let total = items.len();
    let start = call.query.skip.min(total);
    let empty = call
        .twists
        .iter()
        .any(|twist| matches!(twist, Kind::EmptyPage));
    let end = if empty {
        start
    } else {
        (start + size).min(total)
    };
    let mut answer = Map::new();
    answer.insert("@odata.context".to_owned(), json!(context));
    if let Some(said) = said {
        answer.insert("@odata.count".to_owned(), json!(said));
    } else if call.query.count {
        answer.insert("@odata.count".to_owned(), json!(total));
    }
    let shown: Vec<Value> = items.into_iter().skip(start).take(end - start).collect();
    answer.insert("value".to_owned(), Value::Array(shown));
    if end < total || empty {
        let link = format!(
            "{}/{}/{path}?{}",
            call.base,
            call.version.segment(),
            call.query.with_skip(end)
        );
        answer.insert("@odata.nextLink".to_owned(), json!(link));
    }
    Answer::json(200, Value::Object(answer))
}

pub(super) fn context(call: &Call<'_>, suffix: &str) -> String {
    format!(
        "https://graph.microsoft.com/{}/$metadata#{suffix}",
        call.version.segment()
    )
}

pub(super) fn list(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
) -> Result<Done, Refusal> {
    let schema = &world.schema;
    check_query(schema, rule, &call.query)?;
    let size = page_size(rule, &call.query, rule.page)?;
    let tenant = tenant(world, tid)?;
    if rule.key == "configurationPolicyTemplates" {
        let items = templates(world);
        let answer = page(call, rule.path(), items, size, &context(call, rule.path()));
        return Ok(Done::read(answer));
    }
    let mut objects: Vec<&Object> = tenant
        .list(rule.key)
        .iter()
        .filter(|object| object.is_visible())
        .filter(|object| {
            call.query.filter.as_ref().is_none_or(|filter| {
                let mut body = object.body.clone();
                body.insert("id".to_owned(), json!(object.id));
                filter.fits(&Value::Object(body), object.kind().unwrap_or(rule.entity))
            })
        })
        .collect();
    if let Some((property, descending)) = &call.query.order_by {
        objects.sort_by_key(|object| object.text(property).unwrap_or_default().to_lowercase());
        if *descending {
            objects.reverse();
        }
    }
    let (start, total) = (call.query.skip.min(objects.len()), objects.len());
    // Only the page is presented; the others keep their place as nulls.
    let items: Vec<Value> = objects
        .into_iter()
        .enumerate()
        .map(|(index, object)| {
            if index < start || index >= (start + size).min(total) {
                return Value::Null;
            }
            Value::Object(present(schema, tenant, rule, object, call, true))
        })
        .collect();
    Ok(Done::read(page(
        call,
        rule.path(),
        items,
        size,
        &context(call, rule.path()),
    )))
}

fn templates(world: &World) -> Vec<Value> {
    world
        .templates
        .templates
        .values()
        .map(|(id, family)| template(id, family))
        .collect()
}

fn template(id: &str, family: &str) -> Value {
    let (base, version) = id.rsplit_once('_').unwrap_or((id, "1"));
    json!({
        "id": id,
        "baseId": base,
        "version": version.parse::<u32>().unwrap_or(1),
        "displayName": format!("Template {family}"),
        "displayVersion": format!("Version {version}"),
        "lifecycleState": "active",
        "templateFamily": family,
        "allowUnmanagedSettings": false,
    })
}

pub(super) fn item(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
) -> Result<Done, Refusal> {
    check_query(&world.schema, rule, &call.query)?;
    let tenant = tenant(world, tid)?;
    let shown = if rule.key == "configurationPolicyTemplates" {
        let (exact, family) = world
            .templates
            .templates
            .get(&id.to_lowercase())
            .filter(|(exact, _)| exact == id)
            .ok_or_else(|| Refusal::not_found(rule.family, rule.entity, id))?;
        template(exact, family)
            .as_object()
            .cloned()
            .unwrap_or_default()
    } else {
        let object = find(tenant, rule, id)?;
        present(&world.schema, tenant, rule, object, call, false)
    };
    Ok(Done::read(entity_answer(call, rule, 200, shown)))
}

/// An entity with its context.
pub(super) fn entity_answer(
    call: &Call<'_>,
    rule: &CollectionRule,
    status: u16,
    mut shown: Map<String, Value>,
) -> Answer {
    let suffix = format!("{}/$entity", rule.path());
    shown.insert("@odata.context".to_owned(), json!(context(call, &suffix)));
    Answer::json(status, Value::Object(shown))
}

pub(super) fn part(
    world: &World,
    tid: &str,
    call: &Call<'_>,
    rule: &'static CollectionRule,
    id: &str,
    part: &'static Part,
) -> Result<Done, Refusal> {
    for expansion in &call.query.expand {
        if !part.nested.contains(&expansion.name.as_str()) {
            return Err(Refusal::bad_request(format!(
                "Parsing OData Select and Expand failed: Could not find a property named '{}'.",
                expansion.name
            )));
        }
    }
    let object = find(tenant(world, tid)?, rule, id)?;
    let size = page_size(rule, &call.query, part.page)?;
    let wanted: Vec<String> = call
        .query
        .expand
        .iter()
        .map(|entry| entry.name.clone())
        .collect();
    let mut items = part_items(object, part);
    for item in &mut items {
        hide_nested(part, item, &wanted);
        if let Value::Object(members) = item {
            call.query.project(members);
        }
    }
    let path = format!("{}('{}')/{}", rule.path(), object.id, part.segment);
    Ok(Done::read(page(
        call,
        &path,
        items,
        size,
        &context(call, &path),
    )))
}

fn part_items(object: &Object, part: &Part) -> Vec<Value> {
    if part.segment == "assignments" {
        return object.assignments.clone();
    }
    object
        .body
        .get(part.segment)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

pub(super) fn part_item(
    world: &World,
    tid: &str,
    rule: &'static CollectionRule,
    id: &str,
    part: &'static Part,
    child: &str,
) -> Result<Done, Refusal> {
    let object = find(tenant(world, tid)?, rule, id)?;
    let found = part_items(object, part)
        .into_iter()
        .find(|item| item.get("id").and_then(Value::as_str) == Some(child))
        .ok_or_else(|| Refusal::not_found(rule.family, part.segment, child))?;
    Ok(Done::read(Answer::json(200, found)))
}

pub(super) fn tenant<'a>(world: &'a World, tid: &str) -> Result<&'a Tenant, Refusal> {
    world.tenant(tid).ok_or_else(|| {
        Refusal::new(
            401,
            "InvalidAuthenticationToken",
            "The tenant of the token is not known.",
        )
    })
}

pub(super) fn find<'a>(
    tenant: &'a Tenant,
    rule: &CollectionRule,
    id: &str,
) -> Result<&'a Object, Refusal> {
    tenant
        .find(rule.key, id)
        .ok_or_else(|| Refusal::not_found(rule.family, rule.entity, id))
}
