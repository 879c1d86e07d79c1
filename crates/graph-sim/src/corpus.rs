//! The synthetic corpus: two tenants of our own making, the same at every start.
//!
//! "Contoso Lab" is the source; "Fabrikam" holds some of the same policies, equal or changed, some
//! twice, some of its own, and lacks a few of the objects that policies refer to. Objects are made
//! by name, so equal policies of the two tenants still have different ids everywhere.

#[expect(
    clippy::needless_pass_by_value,
    reason = "literals read best as values"
)]
mod administration;
mod apps;
#[expect(
    clippy::indexing_slicing,
    reason = "drafts are built from literals: a member is set on an object just made"
)]
mod compliance;
#[expect(
    clippy::needless_pass_by_value,
    reason = "literals read best as values"
)]
mod conditional_access;
#[expect(
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "drafts are built from literals: a member is set on an object just made"
)]
mod device_configurations;
mod enrollment;
mod foundations;
mod notifications;
mod scripts;
#[expect(
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "drafts are built from literals: a member is set on an object just made"
)]
mod settings_catalog;
mod templates;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::graph::insert_behind;
use crate::rules;
use crate::state::{Tenant, World};

/// Which of the two synthetic tenants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// "Contoso Lab": what is promoted.
    Source,
    /// "Fabrikam": where to.
    Target,
}

/// An object to be made in a tenant.
struct Draft {
    collection: &'static str,
    body: Value,
    assignments: Vec<Value>,
}

impl Draft {
    fn new(collection: &'static str, body: Value) -> Self {
        Self {
            collection,
            body,
            assignments: Vec::new(),
        }
    }

    fn assigned(mut self, assignments: Vec<Value>) -> Self {
        self.assignments = assignments;
        self
    }

    fn name(&self) -> &str {
        ["profileName", "displayName", "name"]
            .iter()
            .find_map(|property| self.body.get(*property).and_then(Value::as_str))
            .unwrap_or_default()
    }
}

/// Looks names up in the tenant being filled. A name the tenant lacks becomes an id nobody has.
struct Names<'a>(&'a Tenant);

impl Names<'_> {
    fn id(&self, key: &str, name: &str) -> String {
        self.0.find_by_name(key, name).map_or_else(
            || {
                Uuid::new_v5(
                    &Uuid::NAMESPACE_URL,
                    format!("missing/{key}/{name}").as_bytes(),
                )
                .to_string()
            },
            |object| object.id.clone(),
        )
    }

    fn group(&self, name: &str) -> String {
        self.id("groups", name)
    }

    fn tag(&self, name: &str) -> String {
        self.0
            .find_by_name("roleScopeTags", name)
            .map_or_else(|| "0".to_owned(), |tag| tag.id.clone())
    }

    fn include(&self, group: &str) -> Value {
        json!({"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget",
            "groupId": self.group(group),
            "deviceAndAppManagementAssignmentFilterId": null,
            "deviceAndAppManagementAssignmentFilterType": "none"}})
    }

    fn include_filtered(&self, group: &str, filter: &str, kind: &str) -> Value {
        json!({"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget",
            "groupId": self.group(group),
            "deviceAndAppManagementAssignmentFilterId": self.id("assignmentFilters", filter),
            "deviceAndAppManagementAssignmentFilterType": kind}})
    }

    fn exclude(&self, group: &str) -> Value {
        json!({"target": {"@odata.type": "#microsoft.graph.exclusionGroupAssignmentTarget",
            "groupId": self.group(group),
            "deviceAndAppManagementAssignmentFilterId": null,
            "deviceAndAppManagementAssignmentFilterType": "none"}})
    }
}

fn all_devices() -> Value {
    json!({"target": {"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget",
        "deviceAndAppManagementAssignmentFilterId": null,
        "deviceAndAppManagementAssignmentFilterType": "none"}})
}

fn all_users() -> Value {
    json!({"target": {"@odata.type": "#microsoft.graph.allLicensedUsersAssignmentTarget",
        "deviceAndAppManagementAssignmentFilterId": null,
        "deviceAndAppManagementAssignmentFilterType": "none"}})
}

/// Policies the target already holds as they are in the source.
const EQUAL: [&str; 13] = [
    "Role - Helpdesk",
    "Keys or Hello",
    "Win - Edge - Security Baseline",
    "Win - Updates - Delivery Optimization",
    "macOS - FileVault",
    "iOS - Software Updates",
    "Win - Compliance - BitLocker",
    "iOS - Compliance - Corporate",
    "Win - Update Ring - Production",
    "macOS - Login Window Banner",
    "CA001 - Block legacy authentication",
    "Head Office",
    "Windows 11 Corporate",
];

/// Policies the target holds with other settings.
const DIFFERENT: [&str; 13] = [
    "Role - Kiosk Operator",
    "Win - Office - Hardening",
    "Win - Defender - Antivirus",
    "macOS - Gatekeeper",
    "Android - Device Restrictions",
    "Win - Compliance - Operating System",
    "Android - Compliance - Work Profile",
    "Win - Update Ring - Pilot",
    "Win - Health Monitoring",
    "CA003 - Require MFA for administrators",
    "Allowed Countries",
    "macOS Corporate",
    "Noncompliance Warning",
];

/// Policies the target holds twice under one name.
const TWICE: [&str; 2] = ["Win - Power Settings", "Win - Compliance - Firewall"];

fn is_equal(name: &str) -> bool {
    [
        &EQUAL[..],
        &scripts::EQUAL,
        &apps::EQUAL,
        &templates::EQUAL,
        &notifications::EQUAL,
    ]
    .concat()
    .contains(&name)
}

fn is_different(name: &str) -> bool {
    [
        &DIFFERENT[..],
        &scripts::DIFFERENT,
        &apps::DIFFERENT,
        &templates::DIFFERENT,
        &notifications::DIFFERENT,
    ]
    .concat()
    .contains(&name)
}

fn policies(tenant: &Tenant) -> Vec<Draft> {
    let names = Names(tenant);
    let mut drafts = settings_catalog::policies(&names, &tenant.id);
    drafts.extend(compliance::policies(&names));
    drafts.extend(device_configurations::policies(&names));
    drafts.extend(conditional_access::policies(&names));
    drafts.extend(scripts::policies(&names));
    drafts.extend(apps::policies(&names));
    drafts.extend(enrollment::policies(&names));
    drafts.extend(templates::policies(&names));
    drafts.extend(notifications::policies(&names, &tenant.id));
    drafts
}

/// Fills a tenant that has only the built-in objects.
pub(crate) fn fill(world: &mut World, tid: &str, side: Side) {
    let wanted = |name: &str| side == Side::Source || is_equal(name) || is_different(name);
    for draft in foundations::references(side) {
        put(world, tid, draft, 0);
    }
    for draft in templates::definitions(side, tid) {
        put(world, tid, draft, 0);
    }
    for draft in notifications::templates(side, tid) {
        put(world, tid, draft, 0);
    }
    for draft in apps::apps(side) {
        put(world, tid, draft, 0);
    }
    let promoted = foundations::promoted().into_iter();
    for draft in promoted.chain(scripts::foundations()) {
        if wanted(draft.name()) {
            put(world, tid, adapt(draft, side), 0);
        }
    }
    for draft in administration::promoted(side) {
        if wanted(draft.name()) || draft.name() == "Fabrikam guests" {
            put(world, tid, adapt(draft, side), 0);
        }
    }
    let compared = |tenant| administration::compared(&Names(tenant), side);
    for draft in world.tenant(tid).map(compared).unwrap_or_default() {
        put(world, tid, draft, 0);
    }
    let Some(drafts) = world.tenant(tid).map(policies) else {
        return;
    };
    for draft in drafts {
        if TWICE.contains(&draft.name()) && side == Side::Target {
            let again = Draft {
                collection: draft.collection,
                body: draft.body.clone(),
                assignments: Vec::new(),
            };
            put(world, tid, draft, 0);
            put(world, tid, again, 1);
        } else if wanted(draft.name()) {
            put(world, tid, adapt(draft, side), 0);
        }
    }
    if side == Side::Target {
        for draft in foundations::target_only() {
            put(world, tid, draft, 0);
        }
    }
}

/// In the target, the policies of the second list differ from the source.
fn adapt(mut draft: Draft, side: Side) -> Draft {
    if side == Side::Target
        && is_different(draft.name())
        && let Some(body) = draft.body.as_object_mut()
    {
        crate::control::change_body(body);
        if draft.collection == "namedLocations" {
            body.insert("countriesAndRegions".to_owned(), json!(["DE", "FR"]));
        }
        if draft.collection == "assignmentFilters" {
            let rule =
                "(device.deviceOwnership -eq \"Corporate\") and (device.model -contains \"Mac\")";
            body.insert("rule".to_owned(), json!(rule));
        }
    }
    draft
}

fn put(world: &mut World, tid: &str, draft: Draft, copy: usize) {
    let Some(rule) = rules::by_key(draft.collection) else {
        return;
    };
    let name = draft.name().to_owned();
    let mut body: Map<String, Value> = draft.body.as_object().cloned().unwrap_or_default();
    let seed = format!("{}/{}/{name}/{copy}", tid.to_lowercase(), rule.key);
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, seed.as_bytes());
    let day = 1 + id.as_u128() % 28;
    for property in ["createdDateTime", "lastModifiedDateTime"] {
        body.entry(property)
            .or_insert_with(|| json!(format!("2025-03-{day:02}T08:30:00.0000000Z")));
    }
    let known = |property: &str| {
        world.schema.find_type(rule.entity).is_none()
            || world
                .schema
                .find_property(rule.entity, property, crate::schema::Version::Beta)
                .is_some()
    };
    body.retain(|property, _| !property.ends_with("DateTime") || known(property));
    crate::rules::learn_templates(&mut world.templates, &body);
    let own = body
        .remove("id")
        .and_then(|id| id.as_str().map(str::to_owned));
    let id = (rule.key != "roleScopeTags").then(|| own.unwrap_or_else(|| id.to_string()));
    insert_behind(world, tid, rule, id, body, draft.assignments);
}

#[cfg(test)]
#[path = "corpus_test.rs"]
mod corpus_test;
