//! The Graph calls that create or update one object: pure data, in order.
//!
//! Every call that can ever be written is built here and nowhere else; [`write_templates`] lists
//! them for the pin test.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::adjust::Adjustments;
use crate::canonical::{self, Reading};
use crate::capture;
use crate::chosen_id;
use crate::json;
use crate::model::{CapturedPolicy, Facet, GraphVersion, ReferenceUse};
use crate::policy_type::{Adapter, PolicyType, UpdateVerb, known};
use crate::references::Overrides;
use crate::secret;
use crate::selection::{Carry, Options};

mod apps;
mod authentication_strength;
mod binds;
mod body;
mod catalog;
mod checks;
mod compliance;
mod conditional_access;
mod default_object;
mod desired;
mod detour;
mod device_configuration;
mod device_preparation;
mod empties;
mod enrollment_notification;
mod group_policy;
mod links;
mod literals;
mod managed_apps;
mod notification;
mod parts;
mod per_target;
mod placeholder;
mod templates;

pub use apps::waits_for_publishing;
pub use binds::complete_links;
pub use detour::{detour, other_version};
pub(crate) use device_preparation::ACTIONS as DEVICE_GROUP_ACTIONS;
pub(crate) use empties::empty_entries;
pub use group_policy::remaining;
pub(crate) use links::differing as differing_links;
pub use links::{address, is_bound, is_linked, linked_later, on_its_way, unbind};
pub use literals::{Places, TextSearch};
pub(crate) use literals::{irreplaceable, replace as replace_literals};
pub use managed_apps::written_later;
pub use parts::{brought_later, is_ranked};
pub use per_target::is_child;
pub use placeholder::{fill, fill_policy};
pub use templates::write_templates;

/// What kind of effect a step has: decides how an unknown outcome is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Makes the object: needs proof of absence before it may be sent again.
    CreateObject,
    /// Makes a child with a natural key (a localised message by locale): look for the child first.
    CreateChild {
        /// Sub-collection path below the item.
        collection: String,
        /// Member of the child that is its key.
        key: String,
        /// Value of that member.
        value: String,
    },
    /// PUT or PATCH: sending the same again has the same effect.
    Replace,
    /// Replace-all action (assign, scheduleActionsForRules): the same.
    ReplaceAction,
    /// Adds, changes and removes children by their natural keys, in one call. What is left to do is
    /// worked out anew from what stands there before every sending, and after a lost answer only
    /// once the whole window has passed.
    ChangeChildren,
    /// Removes a child that the source does not have.
    DeleteChild,
    /// The same where the child's id is not known before: it takes the place of `{child}` in the path.
    DeleteFound {
        /// Sub-collection path below the item.
        collection: String,
        /// What tells the child.
        key: String,
        /// Its value.
        value: String,
    },
    /// Sets a link to another object, by the id in the body: PUT where there is one link, POST where
    /// there are several.
    Link {
        /// Navigation property, and the member of the content that holds what it leads to.
        property: String,
    },
    /// Removes a link.
    Unlink {
        /// Navigation property.
        property: String,
        /// What it led to.
        id: String,
    },
}

/// One call. `{item}` in `path` stands for the object's id; a string `$created:<subject key>` in
/// `path` or `body` for the id of an object that the same plan creates.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WriteStep {
    /// Stable within the subject: `create`, `update`, `message:en-us`, `schedule_actions`, `assign`.
    pub name: String,
    /// Kind.
    pub kind: StepKind,
    /// `POST`, `PATCH`, `PUT`, `DELETE`.
    pub method: String,
    /// Version segment.
    pub version: GraphVersion,
    /// Path below the version.
    pub path: String,
    /// The same with every variable part named, for metrics and the pin test.
    pub path_template: String,
    /// JSON body.
    pub body: Option<Value>,
}

/// Where a reference of the source lands, by `(kind, lower-case source external id)`.
pub type Landing = BTreeMap<(String, String), Landed>;

/// One landed reference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Landed {
    /// The target's id.
    Id(String),
    /// Made by this plan: the subject that makes it.
    CreatedByPlan(String),
}

/// Everything the steps of one subject depend on.
#[derive(Clone, Copy, Debug)]
pub struct StepInput<'a> {
    /// Row.
    pub row: &'a PolicyType,
    /// The reviewed source version.
    pub source: &'a CapturedPolicy,
    /// The reviewed target version for an update; `None` creates.
    pub target: Option<&'a CapturedPolicy>,
    /// Every non-constant reference of what is written.
    pub landing: &'a Landing,
    /// Literal replacements (the `references` part is not used here).
    pub overrides: &'a Overrides,
    /// Options.
    pub options: Options,
    /// What the day and the target settled.
    pub adjustments: Adjustments,
}

/// Why no safe call can be built. Holds the subject at preflight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// Stable reason code: `immutable_differs`, `secret_value_required`, `template_retired`,
    /// `reference_not_landed`, `invalid_for_create`, `tenant_specific_blob`, `unknown_property`,
    /// `unknown_value`, `certificate_binding_not_captured`, `token_specific`, `empty_value`.
    pub code: &'static str,
    /// Names the path and the remedy.
    pub message: String,
}

/// The calls and the policy that should be there afterwards, in the target's own ids
/// (`$created:` placeholders included).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Written {
    /// In order.
    pub steps: Vec<WriteStep>,
    /// What a read-back must show in the facets that are written.
    pub expected: CapturedPolicy,
}

fn refuse<T>(code: &'static str, message: impl Into<String>) -> Result<T, StepError> {
    Err(StepError {
        code,
        message: message.into(),
    })
}

/// Builds the calls.
pub fn build(input: StepInput<'_>) -> Result<Written, StepError> {
    let row = input.row;
    checks::source(&input)?;
    checks::unknown(&input)?;
    checks::token(&input)?;
    checks::unnamed(&input)?;
    default_object::check(row, input.source, input.target)?;
    let desired = desired::desired(&input)?;
    if let Some(target) = input.target {
        checks::immutable(row, &desired.content, target)?;
    }
    if row.adapter == Adapter::App {
        apps::check(&input, &desired.content)?;
    }
    let mut steps = Vec::new();
    let mut content = desired.content;
    match input.target {
        None => {
            let mut body = body::create(row, &content)?;
            choose_id(&input, &mut body)?;
            checks::secrets(row, &body)?;
            let (mut body, rest) = parts::split(row, body);
            links::bind(row, &content, &mut body)?;
            steps.push(step(
                row,
                "create",
                StepKind::CreateObject,
                "POST",
                "",
                Some(body),
            ));
            steps.extend(rest.map(|rest| parts::complete(row, rest)));
            match row.adapter {
                Adapter::NotificationTemplate => {
                    let place = notification::itself(row);
                    notification::create(row, &place, &content, &mut steps)?;
                }
                Adapter::EnrollmentNotification => {
                    enrollment_notification::write(row, &content, None, &mut steps)?;
                }
                Adapter::ManagedApps => {
                    managed_apps::write(row, &mut content, None, &mut steps)?;
                }
                Adapter::AuthenticationStrength => {
                    authentication_strength::create(row, &content, &mut steps)?;
                }
                Adapter::GroupPolicy => {
                    group_policy::write(row, &content, None, &mut steps)?;
                }
                Adapter::DevicePreparation => {
                    device_preparation::write(row, &content, None, &mut steps)?;
                }
                _ => {}
            }
            if row.adapter == Adapter::SettingsCompliance {
                compliance::set(row, &content, None, &mut steps);
            }
        }
        Some(target) => {
            body::clear(row, &mut content, &target.content);
            let body = body::update(&input, &content, target)?;
            checks::secrets(row, &body)?;
            let verb = match row.update {
                UpdateVerb::Patch => "PATCH",
                UpdateVerb::Put => "PUT",
            };
            steps.push(step(
                row,
                "update",
                StepKind::Replace,
                verb,
                "/{item}",
                Some(body),
            ));
            match row.adapter {
                Adapter::NotificationTemplate => {
                    let place = notification::itself(row);
                    notification::update(row, &place, &content, &target.content, &mut steps)?;
                }
                Adapter::EnrollmentNotification => {
                    let there = Some(&target.content);
                    enrollment_notification::write(row, &content, there, &mut steps)?;
                }
                Adapter::Compliance => {
                    compliance::schedule(row, &content, &target.content, &mut steps)?;
                }
                Adapter::SettingsCompliance => {
                    compliance::set(row, &content, Some(&target.content), &mut steps);
                }
                Adapter::ManagedApps => {
                    managed_apps::write(row, &mut content, Some(&target.content), &mut steps)?;
                }
                Adapter::AuthenticationStrength => {
                    authentication_strength::update(row, &content, &target.content, &mut steps)?;
                    body::drop_idle_update(&mut steps, &target.content);
                }
                Adapter::GroupPolicy => {
                    group_policy::write(row, &content, Some(&target.content), &mut steps)?;
                }
                Adapter::DevicePreparation => {
                    let there = Some(&target.content);
                    device_preparation::write(row, &content, there, &mut steps)?;
                }
                Adapter::Plain
                | Adapter::App
                | Adapter::AuthenticationContext
                | Adapter::SettingsCatalog
                | Adapter::ReusableSetting
                | Adapter::DeviceConfiguration
                | Adapter::ConditionalAccess => {}
            }
        }
    }
    let standing = input.target.map(|target| &target.content);
    links::write(row, &content, standing, &mut steps)?;
    let assignments = assign(&input, desired.assignments, &mut steps);
    parts::rank(row, &content, standing, &mut steps);
    let expected = expected(&input, content, assignments);
    let of_itself = |step: &WriteStep| matches!(step.name.as_str(), "update" | "schedule_actions");
    if let Some(target) = input.target
        && !steps.iter().all(of_itself)
        && stands(&input, &expected, target)
    {
        steps.retain(|step| !of_itself(step));
    }
    Ok(Written { steps, expected })
}

/// Gives a new object the id that the plan chose for it, where the caller chooses it.
fn choose_id(input: &StepInput<'_>, body: &mut Value) -> Result<(), StepError> {
    if input.row.adapter != Adapter::AuthenticationContext {
        return Ok(());
    }
    let (Some(id), Value::Object(members)) = (chosen_id::of_landing(input.landing), body) else {
        return refuse("no_free_id", "No id was chosen for the new object.");
    };
    members.insert("id".to_owned(), Value::String(id.to_owned()));
    Ok(())
}

/// Whether the object itself is as planned already, so that only what hangs on it is written: a
/// change of assignments alone does not rewrite settings.
fn stands(input: &StepInput<'_>, expected: &CapturedPolicy, target: &CapturedPolicy) -> bool {
    let row = input.row;
    // What has an action of its own is no reason to rewrite the object.
    let itself = |policy: &CapturedPolicy| {
        let mut policy = policy.clone();
        known::strip(row, &mut policy.content);
        if matches!(
            row.adapter,
            Adapter::ManagedApps
                | Adapter::GroupPolicy
                | Adapter::DevicePreparation
                | Adapter::EnrollmentNotification
        ) {
            for place in row.strip_update {
                json::pattern::remove(&mut policy.content, place);
            }
        }
        links::strip(row, &mut policy.content);
        policy
    };
    let (wanted, standing) = (itself(expected), itself(target));
    let same = |facet| {
        canonical::facet_value(row, &wanted, facet, Reading::Raw)
            == canonical::facet_value(row, &standing, facet, Reading::Raw)
    };
    let tags_stay = input.options.scope_tags == Carry::KeepTarget;
    // A restore may give a name back.
    let name =
        |policy: &CapturedPolicy| json::pattern::get(&policy.content, row.name_property).cloned();
    name(expected) == name(target)
        && canonical::state(row, expected) == canonical::state(row, target)
        && same(Facet::Settings)
        && same(Facet::Description)
        && (!row.has_facet(Facet::ScopeTags) || tags_stay || same(Facet::ScopeTags))
}

/// Adds the replace-all step where the final set differs from what stands there; answers what
/// should stand there afterwards.
fn assign(input: &StepInput<'_>, wanted: Value, steps: &mut Vec<WriteStep>) -> Value {
    let standing = input.target.map_or_else(
        || Value::Array(Vec::new()),
        |target| target.assignments.clone(),
    );
    let (Some(rule), Carry::Map) = (input.row.assignments, input.options.assignments) else {
        return standing;
    };
    if same_assignments(input.row, &wanted, &standing) {
        return standing;
    }
    if rule.per_target {
        steps.extend(per_target::steps(input.row, rule.read, &wanted, &standing));
        return wanted;
    }
    let mut sent = wanted.clone();
    apps::shape_assignments(input.row, &mut sent);
    let body = serde_json::json!({ rule.wrapper: sent });
    let path = format!("/{{item}}/{}", rule.action);
    steps.push(step(
        input.row,
        "assign",
        StepKind::ReplaceAction,
        "POST",
        &path,
        Some(body),
    ));
    wanted
}

fn same_assignments(row: &PolicyType, wanted: &Value, standing: &Value) -> bool {
    let canonical = |assignments: &Value| {
        let policy = CapturedPolicy {
            policy_type: row.key.to_owned(),
            external_id: String::new(),
            display_name: String::new(),
            platform: None,
            identity_key: String::new(),
            content: Value::Null,
            assignments: assignments.clone(),
            references: capture::references::collect(row, &Value::Null, assignments),
            content_hash: String::new(),
            has_secrets: false,
        };
        canonical::facet_value(row, &policy, Facet::Assignments, Reading::Raw)
    };
    canonical(wanted) == canonical(standing)
}

fn expected(input: &StepInput<'_>, content: Value, assignments: Value) -> CapturedPolicy {
    let row = input.row;
    let display_name = input.target.unwrap_or(input.source).display_name.clone();
    let mut expected = CapturedPolicy {
        policy_type: row.key.to_owned(),
        external_id: input
            .target
            .map(|target| target.external_id.clone())
            .unwrap_or_default(),
        identity_key: capture::identity_key(row, &display_name, &content),
        display_name,
        platform: input.source.platform.clone(),
        references: capture::references::collect(row, &content, &assignments),
        has_secrets: !secret::find(&content).is_empty(),
        content,
        assignments,
        content_hash: String::new(),
    };
    expected.content_hash = canonical::content_hash(row, &expected);
    expected
}

fn step(
    row: &PolicyType,
    name: &str,
    kind: StepKind,
    method: &str,
    below: &str,
    body: Option<Value>,
) -> WriteStep {
    let path = format!("{}{below}", row.path);
    let version = match (row.adapter, &body) {
        (Adapter::ConditionalAccess, Some(body)) => conditional_access::version(body),
        _ => row.version,
    };
    WriteStep {
        name: name.to_owned(),
        kind,
        method: method.to_owned(),
        version,
        path_template: path.clone(),
        path,
        body,
    }
}

/// The references (kind, external id) of a source policy that this write would carry: settings
/// always, assignments and scope tags only under `map`.
pub fn carried_references(source: &CapturedPolicy, options: Options) -> Vec<ReferenceUse> {
    source
        .references
        .iter()
        .filter(|used| match used.facet {
            Facet::Settings | Facet::Description => true,
            Facet::Assignments => options.assignments == Carry::Map,
            Facet::ScopeTags => options.scope_tags == Carry::Map,
        })
        .cloned()
        .collect()
}

#[cfg(test)]
mod managed_apps_test;
#[cfg(test)]
mod pin_test;
#[cfg(test)]
mod shapes_test;
#[cfg(test)]
pub(crate) mod steps_test;
