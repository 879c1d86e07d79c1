//! A model of how Graph carries out the calls of one subject: enough to read back what was written.

use std::collections::BTreeMap;

use domain::capture::{self, RawPolicy};
use domain::device_preparation::TARGETS;
use domain::enrollment_notification::goes_to_template;
use domain::model::CapturedPolicy;
use domain::policy_type::{self, Adapter, PolicyType};
use domain::references::{Meaning, Overrides, ReferenceCatalog, ReferenceObject};
use domain::secret::SecretKey;
use domain::selection::{Carry, ConditionalAccessState, Options};
use domain::steps::{Landed, Landing, StepError, StepInput, StepKind, WriteStep, Written};
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(crate) fn key() -> SecretKey {
    SecretKey {
        key_id: "k1".to_owned(),
        key: b"test key".to_vec(),
    }
}

pub(crate) const MAP: Options = Options {
    assignments: Carry::Map,
    scope_tags: Carry::Map,
    conditional_access_state: ConditionalAccessState::AsSource,
    ..Options::DEFAULT
};

pub(crate) const KEEP: Options = Options {
    assignments: Carry::KeepTarget,
    scope_tags: Carry::KeepTarget,
    conditional_access_state: ConditionalAccessState::ReportOnly,
    ..Options::DEFAULT
};

/// One object of an export, its sub-collections and assignments inside, as it would be read.
pub(crate) fn raw(row: &PolicyType, mut object: Value) -> RawPolicy {
    let members = object.as_object_mut().expect("an object");
    members
        .entry("id")
        .or_insert_with(|| json!("5a000000-0000-4000-8000-000000000001"));
    let list = |value: Option<Value>| match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
    };
    let assignments = row.assignments.map(|_| list(members.remove("assignments")));
    let sub_collections = row
        .sub_collections
        .iter()
        .map(|sub| (sub.property.to_owned(), list(members.remove(sub.property))))
        .collect();
    // Graph counts what it has; files that people edited do not, and exports leave assignments out.
    for name in ["settingCount", "deployedAppCount", "isAssigned"] {
        members.remove(name);
    }
    look_for_links(row, &mut object);
    RawPolicy {
        item: object,
        sub_collections,
        assignments,
    }
}

/// Every link is looked for; one that leads nowhere says so.
fn look_for_links(row: &PolicyType, item: &mut Value) {
    for link in policy_type::links_of(row, item) {
        let none = if link.many { json!([]) } else { Value::Null };
        let members = item.as_object_mut().expect("an object");
        members.entry(link.property).or_insert(none);
    }
}

pub(crate) fn captured(row: &PolicyType, object: Value) -> CapturedPolicy {
    capture::capture(row, raw(row, object), &key()).expect("captured")
}

/// Both tenants' catalogues in which every reference of the policy has one name, and the landing.
pub(crate) fn tenants(policy: &CapturedPolicy) -> (ReferenceCatalog, ReferenceCatalog, Landing) {
    let empty = ReferenceCatalog::default();
    let mut source = Vec::new();
    let mut target = Vec::new();
    let mut landing = Landing::new();
    let mut kinds = Vec::new();
    for (number, used) in policy.references.iter().enumerate() {
        kinds.push(used.kind.clone());
        if empty.meaning(&used.kind, &used.external_id) == Meaning::Constant {
            continue;
        }
        let key = (used.kind.clone(), used.external_id.to_ascii_lowercase());
        if landing.contains_key(&key) {
            continue;
        }
        let there = Uuid::from_u128(0xb000_0000 + number as u128).to_string();
        let object = |id: &str| ReferenceObject {
            id: Uuid::new_v4(),
            kind: used.kind.clone(),
            external_id: id.to_owned(),
            name: Some(format!("{} {number}", used.kind)),
            discriminator: String::new(),
        };
        // An application has the same id in both tenants.
        let there = if used.kind == "application" {
            used.external_id.clone()
        } else {
            there
        };
        source.push(object(&used.external_id));
        target.push(object(&there));
        landing.insert(key, Landed::Id(there));
    }
    (
        ReferenceCatalog::new(source, kinds.clone()),
        ReferenceCatalog::new(target, kinds),
        landing,
    )
}

pub(crate) fn build(
    row: &PolicyType,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    landing: &Landing,
    options: Options,
) -> Result<Written, StepError> {
    let mut landing = landing.clone();
    if row.adapter == Adapter::AuthenticationContext && target.is_none() {
        let key = (
            "authentication_context_id".to_owned(),
            source.external_id.clone(),
        );
        landing.insert(key, Landed::Id("c9".to_owned()));
    }
    domain::steps::build(StepInput {
        row,
        source,
        target,
        landing: &landing,
        overrides: &Overrides::default(),
        options,
        adjustments: domain::adjust::Adjustments::default(),
    })
}

const ITEM: &str = "7b000000-0000-4000-8000-000000000002";

/// Carries the steps out; `standing` is what an update finds.
pub(crate) fn carry_out(
    row: &PolicyType,
    written: &Written,
    standing: Option<RawPolicy>,
) -> RawPolicy {
    let mut object = standing.unwrap_or_default();
    for planned in &written.steps {
        let mut planned = planned.clone();
        if let domain::steps::StepKind::DeleteFound { value, .. } = &planned.kind {
            planned.path = planned.path.replace("{child}", value);
        }
        if goes_to_template(&planned) {
            crate::notifications::carry_out(&planned, &mut object);
            continue;
        }
        let step =
            domain::steps::fill(&planned, Some(ITEM), &BTreeMap::new()).expect("nothing is open");
        assert!(!step.path.contains('{'), "{}", step.path);
        if step.kind == domain::steps::StepKind::ChangeChildren {
            crate::group_policy::carry_out(&step, &written.expected.content, &mut object);
            continue;
        }
        apply(row, &step, &mut object);
        crate::notifications::serve(&mut object.item);
        crate::store_apps::show_categories(&mut object.item);
    }
    object.item["id"] = json!(ITEM);
    look_for_links(row, &mut object.item);
    object
}

/// One call on a navigation property.
fn link(step: &WriteStep, item: &mut Value) {
    let (StepKind::Link { property } | StepKind::Unlink { property, .. }) = &step.kind else {
        panic!("{} is no link", step.name);
    };
    let id = step.body.as_ref().map(|body| body["@odata.id"].clone());
    let cast = match property.as_str() {
        "categories" => "/categories/".to_owned(),
        _ => format!("/microsoft.graph.{}/", policy_type::odata_type(item)),
    };
    assert!(step.path.contains(&cast), "{}", step.path);
    match (step.method.as_str(), &mut item[property]) {
        ("POST", Value::Array(items)) => items.push(id.expect("an id")),
        ("POST", slot) => *slot = json!([id.expect("an id")]),
        ("PUT", slot) => *slot = id.expect("an id"),
        ("DELETE", Value::Array(items)) => {
            let gone = step.path.split('/').rev().nth(1).expect("an id");
            items.retain(|one| one != gone && one["id"] != *gone);
        }
        (_, slot) => *slot = Value::Null,
    }
}

fn apply(row: &PolicyType, step: &WriteStep, object: &mut RawPolicy) {
    let item = format!("{}/{ITEM}", row.path);
    let body = step.body.clone().unwrap_or(Value::Null);
    let messages = "localizedNotificationMessages";
    let configurations = "combinationConfigurations";
    let below = step.path.strip_prefix(row.path).expect("a path of the row");
    if below.ends_with("/$ref") {
        return link(step, &mut object.item);
    }
    match (step.method.as_str(), below) {
        ("POST", "") => {
            assert!(body.get("assignments").is_none());
            *object = RawPolicy {
                assignments: row.assignments.map(|_| Vec::new()),
                ..RawPolicy::default()
            };
            replace(row, object, body);
        }
        ("PUT", _) if step.path == item => {
            let group = object.item.get(TARGETS).cloned();
            replace(row, object, body);
            if let Some(group) = group {
                object.item[TARGETS] = group;
            }
        }
        ("POST", path) if path.ends_with("/setEnrollmentTimeDeviceMembershipTarget") => {
            let mut groups = body[TARGETS].clone();
            for group in groups.as_array_mut().expect("a list") {
                let kind = group.as_object_mut().unwrap().remove("@odata.type");
                assert!(kind.is_some() && group["targetId"].is_string());
            }
            object.item[TARGETS] = groups;
        }
        ("POST", path) if path.ends_with("/clearEnrollmentTimeDeviceMembershipTarget") => {
            assert!(step.body.is_none());
            object.item[TARGETS] = json!([]);
        }
        ("PATCH", _) if step.path == item => merge(&mut object.item, body),
        ("POST", path) if path.ends_with("/assign") => {
            let wrapper = row.assignments.unwrap().wrapper;
            object.assignments = body[wrapper].as_array().cloned();
            assert!(object.assignments.is_some());
        }
        ("POST", path) if path.ends_with("/targetApps") => {
            let apps = body["apps"].as_array().cloned().expect("apps");
            object.sub_collections.insert("apps".to_owned(), apps);
            if let Some(group) = body.get("appGroupType") {
                object.item["appGroupType"] = group.clone();
            }
        }
        ("POST", path) if path.ends_with("/changeSettings") => {
            let settings = body["settings"].as_array().cloned().expect("settings");
            object
                .sub_collections
                .insert("settings".to_owned(), settings);
        }
        ("POST", path) if path.ends_with("/scheduleActionsForRules") => {
            object.item["scheduledActionsForRule"] =
                body["deviceComplianceScheduledActionForRules"].clone();
        }
        ("POST", path) if path.ends_with("/setScheduledActions") => {
            let rules = body["scheduledActions"].as_array().cloned();
            object
                .sub_collections
                .insert("scheduledActionsForRule".to_owned(), rules.expect("a list"));
        }
        ("POST", path) if path.ends_with("/updateAllowedCombinations") => {
            object.item["allowedCombinations"] = body["allowedCombinations"].clone();
        }
        (method, path) if path.contains(configurations) => {
            let standing = object
                .sub_collections
                .entry(configurations.to_owned())
                .or_default();
            assert!(body.get("id").is_none());
            if method == "POST" {
                let mut made = body;
                made["id"] = json!(Uuid::from_u128(standing.len() as u128 + 1).to_string());
                standing.push(made);
                return;
            }
            let id = path.rsplit_once('/').expect("an id").1;
            let at = standing
                .iter()
                .position(|made| made["id"] == json!(id))
                .expect("the configuration stands");
            match method {
                "DELETE" => drop(standing.remove(at)),
                _ => merge(&mut standing[at], body),
            }
        }
        ("POST", path) if path.ends_with("/setPriority") => merge(&mut object.item, body),
        ("POST", path) if path.ends_with("/assignments") => {
            object.assignments.get_or_insert_default().push(body);
        }
        ("DELETE", path) if path.contains("/assignments/") => {
            let key = path.rsplit_once('/').unwrap().1;
            let standing = object.assignments.as_mut().expect("assignments");
            let at = standing
                .iter()
                .position(|one| domain::steps::is_child(one, "target", key))
                .expect("the assignment stands");
            standing.remove(at);
        }
        (method, path) if path.contains(messages) => {
            let standing = object
                .sub_collections
                .entry(messages.to_owned())
                .or_default();
            message(standing, method, path, body);
        }
        (method, path) => panic!("no such call: {method} {path}"),
    }
}

/// One call on the localized messages of a template.
pub(crate) fn message(standing: &mut Vec<Value>, method: &str, path: &str, body: Value) {
    if body["isDefault"] == json!(true) {
        for message in standing.iter_mut() {
            message["isDefault"] = json!(false);
        }
    }
    if method == "POST" {
        standing.push(body);
        return;
    }
    let locale = path.rsplit_once('_').expect("id and locale").1;
    let at = standing
        .iter()
        .position(|m| m["locale"].as_str().unwrap().eq_ignore_ascii_case(locale))
        .expect("the message stands");
    match method {
        "DELETE" => drop(standing.remove(at)),
        _ => merge(&mut standing[at], body),
    }
}

fn replace(row: &PolicyType, object: &mut RawPolicy, mut body: Value) {
    let members = body.as_object_mut().expect("a body");
    for sub in row.sub_collections {
        if let Some(Value::Array(items)) = members.remove(sub.property) {
            object
                .sub_collections
                .insert(sub.property.to_owned(), items);
        }
    }
    object.item = body;
}

/// Complex members merge, lists are replaced, null clears.
pub(crate) fn merge(standing: &mut Value, body: Value) {
    let (Value::Object(standing), Value::Object(body)) = (standing, body) else {
        panic!("a merge of objects");
    };
    for (name, value) in body {
        match (standing.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(new))
                if inner.get("@odata.type") == new.get("@odata.type") =>
            {
                let mut whole = Value::Object(std::mem::take(inner));
                merge(&mut whole, Value::Object(new));
                standing.insert(name, whole);
            }
            (_, value) => {
                standing.insert(name, value);
            }
        }
    }
}

/// A copy of a JSON object with its members in another order and its sets reversed is not easily
/// made without knowing the sets; the order of members is all this changes.
pub(crate) fn reordered(value: &Value) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .rev()
                .map(|(name, member)| (name.clone(), reordered(member)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(reordered).collect()),
        other => other.clone(),
    }
}
