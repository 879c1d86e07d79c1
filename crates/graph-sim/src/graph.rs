//! Answers one Graph request of an authenticated caller: finds the collection, asks for the right
//! role and hands over to reading, writing or an action.
//!
//! Knows nothing of transport, faults or the journal.

mod actions;
mod app_categories;
mod apps;
mod behind;
mod combinations;
mod definition_values;
pub(crate) mod device_group;
mod links;
mod messages;
mod read;
mod single;
mod write;

use bytes::Bytes;
use serde_json::Value;

use crate::answer::{Answer, Refusal};
use crate::faults::Kind;
use crate::journal::Effect;
use crate::login::Claims;
use crate::query::Query;
use crate::rules::{self, CollectionRule};
use crate::schema::Version;
use crate::state::World;

pub(crate) use behind::insert_behind;
pub(crate) use links::shown as shown_links;

/// One request below the version segment.
pub(crate) struct Call<'a> {
    pub method: &'a str,
    pub version: Version,
    /// Decoded segments, keys in parentheses already split off.
    pub segments: Vec<String>,
    pub query: Query,
    pub content_type: Option<&'a str>,
    pub body: Bytes,
    /// Whether the caller asked for enumeration members by the names that came later.
    pub names_all: bool,
    /// Scheme and host for links in answers.
    pub base: &'a str,
    /// Faults that change what the request does instead of whether it is done.
    pub twists: &'a [Kind],
}

/// What a request did.
pub(crate) struct Handled {
    pub outcome: Result<Answer, Refusal>,
    pub effect: Effect,
    pub object_id: Option<String>,
    pub template: String,
}

/// What the parts of this module answer.
pub(crate) struct Done {
    pub answer: Answer,
    pub effect: Effect,
    pub object_id: Option<String>,
}

impl Done {
    const fn read(answer: Answer) -> Self {
        Self {
            answer,
            effect: Effect::None,
            object_id: None,
        }
    }

    /// An action that changed an object and answers nothing.
    fn updated(id: String) -> Self {
        Self {
            answer: Answer::empty(204),
            effect: Effect::Updated,
            object_id: Some(id),
        }
    }
}

/// Where in the table a request points.
pub(crate) struct Place {
    pub rule: &'static CollectionRule,
    pub rest: Vec<String>,
}

impl Call<'_> {
    /// The JSON body of a write.
    pub fn json(&self) -> Result<Value, Refusal> {
        let json = self
            .content_type
            .is_some_and(|kind| kind.starts_with("application/json"));
        if !json && !self.body.is_empty() {
            return Err(Refusal::new(
                415,
                "UnsupportedMediaType",
                "The content type of the request is not supported; send application/json.",
            ));
        }
        if self.body.is_empty() {
            return Err(Refusal::bad_request(
                "Empty Payload. JSON content expected.",
            ));
        }
        serde_json::from_slice(&self.body).map_err(|_| {
            Refusal::bad_request(
                "Unable to read JSON request payload. Please ensure Content-Type header is set \
                 and payload is of valid JSON format.",
            )
        })
    }

    /// The JSON body of a write that must be an object.
    pub fn object(&self) -> Result<serde_json::Map<String, Value>, Refusal> {
        match self.json()? {
            Value::Object(members) => Ok(members),
            _ => Err(Refusal::bad_request(
                "An unexpected node was found when reading from the JSON reader. A 'StartObject' \
                 node was expected.",
            )),
        }
    }
}

/// Splits a decoded path into segments: `x('id')` is two, a qualified action loses its namespace.
pub(crate) fn split_path(path: &str) -> Vec<String> {
    let mut segments = Vec::new();
    for raw in path.split('/').filter(|segment| !segment.is_empty()) {
        let segment = crate::query::decode(&raw.replace('+', "%2B"));
        let bare = segment.strip_prefix("microsoft.graph.").unwrap_or(&segment);
        match bare.split_once('(') {
            Some((name, key)) if !key.contains('=') && key.len() > 1 => {
                let key = key
                    .trim_end_matches(')')
                    .trim_matches('\'')
                    .replace("''", "'");
                segments.push(name.to_owned());
                segments.push(key);
            }
            _ => segments.push(bare.trim_end_matches("()").to_owned()),
        }
    }
    segments
}

/// Finds the place, or says which segment is unknown.
pub(crate) fn locate(segments: &[String], version: Version) -> Result<Place, Refusal> {
    let borrowed: Vec<&str> = segments.iter().map(String::as_str).collect();
    let last = borrowed.last().copied().unwrap_or_default();
    let (rule, length) = rules::by_path(&borrowed).ok_or_else(|| Refusal::segment(last))?;
    let served = match version {
        Version::Beta => rule.beta,
        Version::V1 => rule.v1,
    };
    if !served {
        let segment = borrowed.get(length - 1).copied().unwrap_or_default();
        return Err(Refusal::segment(segment));
    }
    let mut rest = segments.get(length..).unwrap_or_default().to_vec();
    // A cast to the entity's own type says nothing new: `{id}/microsoft.graph.type/assign`.
    if rest.get(1).is_some_and(|segment| segment == rule.entity) {
        rest.remove(1);
    }
    Ok(Place { rule, rest })
}

/// The path with `{id}` in place of ids.
pub(crate) fn template_of(place: &Place) -> String {
    if links::is_link(place) {
        return links::template(place);
    }
    let mut template = format!("/{}", place.rule.path());
    for (index, segment) in place.rest.iter().enumerate() {
        template.push('/');
        let name = segment.split('(').next().unwrap_or(segment);
        template.push_str(if index % 2 == 0 { "{id}" } else { name });
    }
    template
}

/// Handles one call in the tenant the token names.
pub(crate) fn handle(world: &mut World, claims: &Claims, call: &Call<'_>) -> Handled {
    let place = match locate(&call.segments, call.version) {
        Ok(place) => place,
        Err(refusal) => {
            let template = format!("/{}", call.segments.join("/"));
            return Handled {
                outcome: Err(refusal),
                effect: Effect::None,
                object_id: None,
                template,
            };
        }
    };
    let template = template_of(&place);
    match dispatch(world, claims, call, &place) {
        Ok(done) => Handled {
            outcome: Ok(done.answer),
            effect: done.effect,
            object_id: done.object_id,
            template,
        },
        Err(refusal) => Handled {
            outcome: Err(refusal),
            effect: Effect::None,
            object_id: None,
            template,
        },
    }
}

fn dispatch(
    world: &mut World,
    claims: &Claims,
    call: &Call<'_>,
    place: &Place,
) -> Result<Done, Refusal> {
    let rule = place.rule;
    let rest: Vec<&str> = place.rest.iter().map(String::as_str).collect();
    let reads = call.method == "GET";
    let writes = ["POST", "PATCH", "PUT", "DELETE"].contains(&call.method);
    let allow = |allowed: bool| {
        if allowed {
            Ok(())
        } else {
            Err(Refusal::method_not_allowed())
        }
    };
    allow(reads || writes)?;
    let tid = claims.tid.as_str();
    match (call.method, rest.as_slice()) {
        ("GET", []) if rule.key == rules::TENANT_SETTINGS => {
            authorize(rule, claims, true)?;
            single::tenant_settings(world, tid, call, rule)
        }
        (_, []) => {
            allow(reads || (call.method == "POST" && rule.create))?;
            authorize(rule, claims, reads)?;
            if reads {
                read::list(world, tid, call, rule)
            } else {
                write::create(world, tid, call, rule)
            }
        }
        (method, [id]) => {
            allow(match method {
                "GET" => true,
                "PATCH" => rule.patch,
                "PUT" => rule.put,
                "DELETE" => rule.delete,
                _ => false,
            })?;
            authorize(rule, claims, reads)?;
            match method {
                "GET" => read::item(world, tid, call, rule, id),
                "DELETE" => write::delete(world, tid, rule, id),
                _ => write::update(world, tid, call, rule, id),
            }
        }
        (_, [_, _, _, ..]) if app_categories::is_link(place) => {
            authorize(rule, claims, false)?;
            app_categories::handle(world, tid, call, rule, &rest)
        }
        (_, [_, _, _, ..]) if links::is_link(place) => {
            authorize(rule, claims, reads)?;
            links::handle(world, tid, call, rule, &rest)
        }
        (method, [id, "assignments"]) if rules::assigns_one_by_one(rule.key) && method != "GET" => {
            allow(method == "POST")?;
            authorize(rule, claims, false)?;
            single::assign(world, tid, call, rule, id)
        }
        (method, [id, "assignments", child])
            if rules::assigns_one_by_one(rule.key) && method != "GET" =>
        {
            allow(method == "DELETE")?;
            authorize(rule, claims, false)?;
            single::unassign(world, tid, rule, id, child)
        }
        (method, [id, "setPriority"]) if rule.key == rules::CONFIGURATIONS_KEY => {
            allow(method == "POST")?;
            authorize(rule, claims, false)?;
            single::set_priority(world, tid, call, rule, id)
        }
        ("GET", [id, image])
            if rule.key == "intuneBrandingProfiles" && rules::IMAGES.contains(image) =>
        {
            authorize(rule, claims, true)?;
            single::image(world, tid, call, rule, id, image)
        }
        (method, [id, "assign"])
            if rule.assign.is_some() && !rules::assigns_one_by_one(rule.key) =>
        {
            allow(method == "POST")?;
            authorize(rule, claims, false)?;
            actions::assign(world, tid, call, rule, id)
        }
        (method, [id, "targetApps"]) if rules::targets_apps(rule) => {
            allow(method == "POST")?;
            authorize(rule, claims, false)?;
            apps::target_apps(world, tid, call, rule, id)
        }
        (method, [id, "changeSettings"]) if rule.key == "targetedManagedAppConfigurations" => {
            allow(method == "POST")?;
            authorize(rule, claims, false)?;
            apps::change_settings(world, tid, call, rule, id)
        }
        (method, [id, "updateDefinitionValues"]) if rule.key == rules::TEMPLATES => {
            allow(method == "POST")?;
            authorize(rule, claims, false)?;
            definition_values::update(world, tid, call, rule, id)
        }
        ("GET", [id, "definitionValues"]) if rule.key == rules::TEMPLATES => {
            authorize(rule, claims, true)?;
            definition_values::list(world, tid, call, rule, (id, None))
        }
        ("GET", [id, "definitionValues", value, "presentationValues"])
            if rule.key == rules::TEMPLATES =>
        {
            authorize(rule, claims, true)?;
            definition_values::list(world, tid, call, rule, (id, Some(value)))
        }
        (method, [id, action]) if device_group::action(rule, action).is_some() => {
            device_group::route(world, tid, method, action)?;
            let only_answers = device_group::action(rule, action) == Some(true);
            authorize(rule, claims, only_answers)?;
            device_group::handle(world, tid, call, rule, (id, action))
        }
        (method, [id, "updateAllowedCombinations"]) if rule.key == rules::STRENGTHS => {
            allow(method == "POST")?;
            authorize(rule, claims, false)?;
            combinations::update_allowed(world, tid, call, rule, id)
        }
        ("POST", [id, "combinationConfigurations"]) if rule.key == rules::STRENGTHS => {
            authorize(rule, claims, false)?;
            combinations::write(world, tid, call, rule, (id, None))
        }
        ("PATCH" | "DELETE", [id, "combinationConfigurations", child])
            if rule.key == rules::STRENGTHS =>
        {
            authorize(rule, claims, false)?;
            combinations::write(world, tid, call, rule, (id, Some(child)))
        }
        (method, [id, action])
            if actions::scheduling(rule).is_some_and(|(name, _, _)| name == *action) =>
        {
            allow(method == "POST")?;
            authorize(rule, claims, false)?;
            actions::schedule_actions(world, tid, call, rule, id)
        }
        (method, [id, function])
            if rule.key == "deviceConfigurations"
                && function.starts_with("getOmaSettingPlainTextValue(") =>
        {
            allow(method == "GET")?;
            // The documentation asks for the read role, the service for the write role.
            authorize(rule, claims, false)?;
            actions::oma_secret(world, tid, call, rule, id, function)
        }
        (method, [id, segment]) => {
            let part = rule
                .part(segment)
                .ok_or_else(|| Refusal::segment(segment))?;
            let messages = part.segment == "localizedNotificationMessages";
            allow(reads || (method == "POST" && messages))?;
            authorize(rule, claims, reads)?;
            if reads {
                read::part(world, tid, call, rule, id, part)
            } else {
                messages::create(world, tid, call, rule, id)
            }
        }
        (method, [id, segment, child]) => {
            let part = rule
                .part(segment)
                .ok_or_else(|| Refusal::segment(segment))?;
            let messages = part.segment == "localizedNotificationMessages";
            allow(reads || (messages && (method == "PATCH" || method == "DELETE")))?;
            authorize(rule, claims, reads)?;
            match method {
                "GET" => read::part_item(world, tid, rule, id, part, child),
                "PATCH" => messages::update(world, tid, call, rule, id, child),
                _ => messages::delete(world, tid, rule, id, child),
            }
        }
        (_, [.., last]) => Err(Refusal::segment(last)),
    }
}

fn authorize(rule: &CollectionRule, claims: &Claims, reads: bool) -> Result<(), Refusal> {
    let holds = |role: &&str| claims.roles.iter().any(|have| have == role);
    let allowed = if reads {
        rule.read_roles.iter().any(holds)
    } else {
        rule.write_roles.iter().all(holds)
    };
    if allowed {
        return Ok(());
    }
    let needed = if reads {
        rule.read_roles
    } else {
        rule.write_roles
    };
    Err(match rule.family {
        crate::answer::Family::Intune => {
            let mut refusal = Refusal::new(
                403,
                "Forbidden",
                format!(
                    "Application is not authorized to perform this operation. Application must \
                     have one of the following scopes: {}",
                    needed.join(", ")
                ),
            );
            refusal.nested = true;
            refusal
        }
        crate::answer::Family::ConditionalAccess => Refusal::new(
            403,
            "AccessDenied",
            "You cannot perform the requested operation, required scopes are missing in the token.",
        ),
        crate::answer::Family::Directory => Refusal::new(
            403,
            "Authorization_RequestDenied",
            "Insufficient privileges to complete the operation.",
        ),
    })
}
