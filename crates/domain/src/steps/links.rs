//! Links between device configuration profiles: which calls set and remove them, what holds a
//! profile whose links are not known or not complete, and whether a live object has a link.
//!
//! A new profile is bound by its create (`rootCertificate@odata.bind`), so that it never stands
//! without. A link that changes is written after the object itself and before its assignments: `PUT
//! .../$ref` where there is one, `POST .../$ref` where there are several, `DELETE` for one that the
//! source does not have. A new profile's plan has these calls too: they are left out where the look
//! before them shows the link, and set it where Graph refused the bind ([`unbind`]). A body names the
//! other object by its address in the target's own cloud; the plan holds its id, [`address`] makes it
//! the address when the call is sent.

use serde_json::{Value, json};

use super::binds::{BIND, GRAPH};
use super::placeholder::CREATED;
use super::{StepError, StepInput, StepKind, WriteStep, refuse, step};
use crate::policy_type::{Adapter, Link, LinkTarget, PolicyType, is_issued, links_of, odata_type};

/// Why a profile with links is held.
const CODE: &str = "certificate_binding_not_captured";
const ID: &str = "@odata.id";

/// Path templates of every call on a link.
pub(super) fn templates(row: &PolicyType) -> [(&'static str, String); 4] {
    let (reference, linked) = templates_of(row, LinkTarget::Profile);
    [
        ("PUT", reference.clone()),
        ("POST", reference.clone()),
        ("DELETE", reference),
        ("DELETE", linked),
    ]
}

/// The same for the categories of apps.
pub(super) fn category_templates(row: &PolicyType) -> [(&'static str, String); 2] {
    let (reference, linked) = templates_of(row, LinkTarget::Category);
    [("POST", reference), ("DELETE", linked)]
}

/// Path templates of setting a link, and of removing one of several.
fn templates_of(row: &PolicyType, to: LinkTarget) -> (String, String) {
    let link = match to {
        LinkTarget::Category => format!("{}/{{item}}/categories", row.path),
        LinkTarget::Profile | LinkTarget::OwnCredential => {
            format!("{}/{{item}}/{{type}}/{{link}}", row.path)
        }
    };
    (format!("{link}/$ref"), format!("{link}/{{linked}}/$ref"))
}

/// The path of a link below the collection.
fn below(kind: &str, link: &Link) -> String {
    match link.to {
        LinkTarget::Category => format!("/{{item}}/{}", link.property),
        LinkTarget::Profile | LinkTarget::OwnCredential => {
            format!("/{{item}}/microsoft.graph.{kind}/{}", link.property)
        }
    }
}

/// The ids a link of a content leads to.
fn ids<'c>(content: &'c Value, link: &Link) -> Vec<&'c str> {
    match content.get(link.property) {
        Some(Value::String(id)) if !id.is_empty() => vec![id],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

fn holds(ids: &[&str], wanted: &str) -> bool {
    ids.iter().any(|id| id.eq_ignore_ascii_case(wanted))
}

/// A profile whose links were not read, or whose own settings need a link that it does not have, is
/// held: written without, it would not work.
pub(super) fn check(input: &StepInput<'_>) -> Result<(), StepError> {
    let content = &input.source.content;
    let links = links_of(input.row, content);
    let kind = odata_type(content);
    let sides = [
        ("source", Some(content)),
        ("target", input.target.map(|target| &target.content)),
    ];
    for (side, content) in sides {
        let unread = |link: &&Link| content.is_some_and(|it| it.get(link.property).is_none());
        if let Some(link) = links.iter().find(unread) {
            return refuse(
                CODE,
                format!(
                    "/{} of the {side} was not read when it was captured; sync the {side} again.",
                    link.property
                ),
            );
        }
    }
    let method = content.get("authenticationMethod").and_then(Value::as_str);
    let lacks = |wanted: &dyn Fn(&Link) -> bool| {
        let mut wanted = links.iter().filter(|link| wanted(link)).peekable();
        wanted.peek().is_some() && wanted.all(|link| ids(content, link).is_empty())
    };
    let identity = |link: &Link| link.property.starts_with("identityCertificate");
    let derived = |link: &Link| link.to == LinkTarget::OwnCredential;
    if is_issued(links) && ids_of_all(content, links) == 0 {
        return refuse(
            CODE,
            format!(
                "A {kind} is issued below a trusted root, and Graph shows none; bind it in the source."
            ),
        );
    }
    if method == Some("certificate") && lacks(&identity) {
        return refuse(
            CODE,
            format!(
                "The {kind} authenticates by certificate, and Graph shows no certificate profile that it is bound to; bind it in the source."
            ),
        );
    }
    if method == Some("derivedCredential") && lacks(&derived) {
        return refuse(
            CODE,
            format!(
                "The {kind} authenticates by derived credential, and Graph shows none that it is bound to; bind it in the source."
            ),
        );
    }
    let standing = input.target.map(|target| &target.content);
    for link in links.iter().filter(|link| derived(link)) {
        let there = standing.is_some_and(|standing| !ids(standing, link).is_empty());
        if !there && !ids(content, link).is_empty() {
            return refuse(
                CODE,
                format!(
                    "/{} leads to the derived credential configuration of the source tenant; bind the {kind} to the target's own by hand.",
                    link.property
                ),
            );
        }
    }
    Ok(())
}

fn ids_of_all(content: &Value, links: &[Link]) -> usize {
    links.iter().map(|link| ids(content, link).len()).sum()
}

/// Takes the links out of a body: Graph refuses them there.
pub(super) fn strip(row: &PolicyType, body: &mut Value) {
    let links = links_of(row, body);
    if let Value::Object(members) = body {
        for link in links {
            members.remove(link.property);
        }
    }
}

/// Binds a new profile to what its links lead to, in the body of its create.
pub(super) fn bind(row: &PolicyType, content: &Value, body: &mut Value) -> Result<(), StepError> {
    let Value::Object(members) = body else {
        return Ok(());
    };
    for link in links_of(row, content) {
        let wanted = ids(content, link);
        if link.to != LinkTarget::Profile || wanted.is_empty() {
            continue;
        }
        for id in wanted.iter().filter(|id| !id.starts_with(CREATED)) {
            safe(link, id)?;
        }
        let bound = if link.many {
            json!(wanted)
        } else {
            json!(wanted.first())
        };
        members.insert(format!("{}{BIND}", link.property), bound);
    }
    Ok(())
}

/// The names under which a create binds links of its object.
fn binds<'s>(row: &PolicyType, step: &'s WriteStep) -> impl Iterator<Item = String> + use<'s> {
    let body = step
        .body
        .as_ref()
        .filter(|_| step.kind == StepKind::CreateObject);
    let links = body.map_or(&[][..], |body| links_of(row, body));
    let names = links.iter().map(|link| format!("{}{BIND}", link.property));
    names.filter(move |name| body.is_some_and(|body| body.get(name).is_some()))
}

/// Whether a step creates an object and binds its links.
pub fn is_bound(row: &PolicyType, step: &WriteStep) -> bool {
    binds(row, step).next().is_some()
}

/// Takes the bound links out of a create: Graph refused them, and the calls behind it set them.
pub fn unbind(row: &PolicyType, step: &mut WriteStep) {
    let names: Vec<String> = binds(row, step).collect();
    if let Some(Value::Object(members)) = &mut step.body {
        members.retain(|name, _| !names.contains(name));
    }
}

/// Adds the calls that lead from the links that stand to the wanted ones.
pub(super) fn write(
    row: &PolicyType,
    content: &Value,
    standing: Option<&Value>,
    steps: &mut Vec<WriteStep>,
) -> Result<(), StepError> {
    let kind = odata_type(content);
    for link in links_of(row, content) {
        let wanted = ids(content, link);
        let there = standing.map_or_else(Vec::new, |standing| ids(standing, link));
        let missing = wanted.iter().filter(|id| !holds(&there, id));
        if link.to != LinkTarget::OwnCredential {
            for (number, id) in missing.enumerate() {
                steps.push(set(row, kind, link, number, id)?);
            }
        }
        if !link.many && !wanted.is_empty() {
            continue;
        }
        let surplus = there.iter().filter(|id| !holds(&wanted, id));
        for (number, id) in surplus.enumerate() {
            steps.push(unset(row, kind, link, number, id)?);
        }
    }
    Ok(())
}

fn set(
    row: &PolicyType,
    kind: &str,
    link: &Link,
    number: usize,
    id: &str,
) -> Result<WriteStep, StepError> {
    if !id.starts_with(CREATED) {
        safe(link, id)?;
    }
    let method = if link.many { "POST" } else { "PUT" };
    let property = link.property;
    let mut planned = step(
        row,
        &format!("bind:{property}:{number}"),
        StepKind::Link {
            property: property.to_owned(),
        },
        method,
        &format!("{}/$ref", below(kind, link)),
        Some(json!({ ID: id })),
    );
    planned.path_template = templates_of(row, link.to).0;
    Ok(planned)
}

fn unset(
    row: &PolicyType,
    kind: &str,
    link: &Link,
    number: usize,
    id: &str,
) -> Result<WriteStep, StepError> {
    let property = link.property;
    let (reference, linked) = templates_of(row, link.to);
    let below = below(kind, link);
    let (path, template) = if link.many {
        safe(link, id)?;
        (format!("{below}/{id}/$ref"), linked)
    } else {
        (format!("{below}/$ref"), reference)
    };
    let mut planned = step(
        row,
        &format!("unbind:{property}:{number}"),
        StepKind::Unlink {
            property: property.to_owned(),
            id: id.to_owned(),
        },
        "DELETE",
        &path,
        None,
    );
    planned.path_template = template;
    Ok(planned)
}

/// An id becomes part of an address.
fn safe(link: &Link, id: &str) -> Result<(), StepError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !id.is_empty() && id.bytes().all(plain) {
        return Ok(());
    }
    refuse(
        "invalid_for_create",
        format!("/{} leads to an object without a usable id.", link.property),
    )
}

/// Makes the id in the body of a link the address of the object below `graph_base`, the scheme and
/// host of the target's Graph, and the ids that a create binds such that
/// [`super::complete_links`] completes them. The step is filled before.
pub fn address(row: &PolicyType, step: &mut WriteStep, graph_base: &str) {
    let collection = match row.adapter {
        Adapter::App => "/deviceAppManagement/mobileAppCategories",
        _ => row.path,
    };
    let names: Vec<String> = binds(row, step).collect();
    let version = step.version.segment();
    let place = |base: &str, id: &mut Value| {
        if let Value::String(id) = id {
            *id = format!("{base}{collection}('{id}')");
        }
    };
    let Some(Value::Object(body)) = &mut step.body else {
        return;
    };
    if let (StepKind::Link { .. }, Some(id)) = (&step.kind, body.get_mut(ID)) {
        place(&format!("{graph_base}/{version}"), id);
    }
    for name in names {
        match body.get_mut(&name) {
            Some(Value::Array(ids)) => ids.iter_mut().for_each(|id| place(GRAPH, id)),
            Some(id) => place(GRAPH, id),
            None => {}
        }
    }
}

/// Whether a live object has the link as a filled step leaves it; `false` for every other step.
pub fn is_linked(step: &WriteStep, live: &Value) -> bool {
    let has = |property: &str, id: &str| match live.get(property) {
        Some(Value::String(there)) => there.eq_ignore_ascii_case(id),
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_str)
            .any(|there| there.eq_ignore_ascii_case(id)),
        _ => false,
    };
    match &step.kind {
        StepKind::Link { property } => {
            let id = step.body.as_ref().and_then(|body| body.get(ID)?.as_str());
            id.is_some_and(|id| has(property, id))
        }
        StepKind::Unlink { property, id } => !has(property, id),
        _ => false,
    }
}

/// The members that steps link after the object was created.
pub fn linked_later(steps: &[WriteStep]) -> impl Iterator<Item = &str> {
    steps.iter().filter_map(|step| match &step.kind {
        StepKind::Link { property } => Some(property.as_str()),
        _ => None,
    })
}

/// Links that differ between a plan and a live object: here an extra one is no default of the
/// server.
pub(crate) fn differing(row: &PolicyType, expected: &Value, live: &Value) -> Vec<&'static str> {
    let lower = |content: &Value, link: &Link| {
        let mut ids: Vec<String> = ids(content, link)
            .into_iter()
            .map(str::to_ascii_lowercase)
            .collect();
        ids.sort();
        ids
    };
    links_of(row, expected)
        .iter()
        .filter(|link| lower(expected, link) != lower(live, link))
        .map(|link| link.property)
        .collect()
}

/// What a live link may be while the calls are on their way: as reviewed, as planned, and of several
/// each one or the other, with none lost that stays.
pub fn on_its_way(link: &Link, reviewed: &Value, expected: &Value, live: &Value) -> bool {
    let (was, will, is) = (ids(reviewed, link), ids(expected, link), ids(live, link));
    let same = |left: &[&str], right: &[&str]| {
        left.iter().all(|id| holds(right, id)) && right.iter().all(|id| holds(left, id))
    };
    if !link.many {
        return same(&is, &was) || same(&is, &will);
    }
    is.iter().all(|id| holds(&was, id) || holds(&will, id))
        && was
            .iter()
            .filter(|id| holds(&will, id))
            .all(|id| holds(&is, id))
}

#[cfg(test)]
mod links_test;
