//! The table of collections: where each lives, how it pages, what may be done to it.
//!
//! A further policy type is one entry here and, when the service behind it has rules no schema
//! states, one module below. Nothing here talks HTTP.

mod administration;
mod compliance;
mod conditional_access;
mod device_configurations;
mod enrollment;
mod foundations;
mod group_policy;
mod managed_apps;
mod mobile_apps;
mod named_locations;
mod notifications;
mod scripts;
mod settings_catalog;
mod settings_compliance;
mod table;
mod tenant_wide;
mod windows_updates;

use serde_json::{Map, Value};

use crate::answer::{Family, Refusal};
use crate::check::Write;
use crate::schema::Schema;
use crate::state::{Object, TemplateCatalogue, Tenant};

pub(crate) use administration::{CONTEXTS, STRENGTHS, judge_combinations, judge_configuration};
pub(crate) use compliance::judge_rules as judge_scheduled_actions;
pub(crate) use conditional_access::refuse_preview;
pub(crate) use device_configurations::plain_text as oma_plain_text;
pub(crate) use enrollment::{
    CONFIGURATIONS_KEY, IMAGES, assigns_one_by_one, is_default, ranks, takes_target,
};
pub(crate) use foundations::furnish;
pub(crate) use group_policy::{DEFINITIONS, TEMPLATES, VALUES, definition, judge_values};
pub(crate) use managed_apps::{judge_apps, targets_apps};
pub(crate) use mobile_apps::not_ready;
pub(crate) use notifications::companions;
pub(crate) use settings_catalog::{learn_templates, template_family};
pub(crate) use table::{TABLE, by_key, by_path};
pub(crate) use tenant_wide::SETTINGS as TENANT_SETTINGS;

/// What a rule may look at while it judges a write.
pub(crate) struct Scene<'a> {
    pub schema: &'a Schema,
    pub tenant: &'a Tenant,
    pub templates: &'a TemplateCatalogue,
    pub rule: &'static CollectionRule,
}

impl Scene<'_> {
    /// 400 in the words of the service that owns the collection.
    pub fn refuse(&self, message: impl Into<String>) -> Refusal {
        Refusal::by_service(self.rule.family, message)
    }
}

/// Judges a body beyond the schema. `before` is the stored object of an update.
pub(crate) type Judge =
    fn(&Scene<'_>, Write, &Map<String, Value>, Option<&Object>) -> Result<(), Refusal>;
/// Completes an object just before it is stored.
pub(crate) type Complete = fn(&Scene<'_>, &mut Object);
/// Changes how a stored object reads; `in_list` when it is one of many.
pub(crate) type Present = fn(&Tenant, &Object, &mut Map<String, Value>, bool);

/// How a collection is assigned to groups.
#[derive(Debug)]
pub(crate) struct AssignRule {
    /// The entity type of one assignment.
    pub entity: &'static str,
    /// The parameter that carries the list.
    pub wrapper: &'static str,
    /// Parameters that may be sent besides.
    pub also: &'static [&'static str],
    /// Whether assignment filters and virtual groups are taken.
    pub filters: bool,
}

/// A collection below an object.
#[derive(Debug)]
pub(crate) struct Part {
    pub segment: &'static str,
    pub page: usize,
    /// Further parts that `$expand` may name inside.
    pub nested: &'static [&'static str],
    /// Whether `$expand` on the list of objects fills it, or leaves it empty as Graph is seen to.
    pub expands_in_list: bool,
}

/// Who wrote what in one collection: everything generic handling needs.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one independent permission of the table"
)]
pub(crate) struct CollectionRule {
    /// The name the rest of the world uses for the type.
    pub key: &'static str,
    /// Paths below the version segment; the first is the one shown.
    pub paths: &'static [&'static str],
    /// Short name of the entity type; unknown to the schema means: not checked.
    pub entity: &'static str,
    /// `@odata.type` is mandatory on writes and shown on reads.
    pub polymorphic: bool,
    pub name_property: &'static str,
    pub beta: bool,
    pub v1: bool,
    pub page: usize,
    pub max_top: usize,
    pub create: bool,
    pub patch: bool,
    pub put: bool,
    pub delete: bool,
    pub scope_tags: Option<&'static str>,
    pub assign: Option<AssignRule>,
    pub parts: &'static [Part],
    /// Absent from list answers though present on items.
    pub hidden_in_list: &'static [&'static str],
    /// Absent unless `$select` names them.
    pub only_selected: &'static [&'static str],
    pub immutable: &'static [&'static str],
    /// Needed to create, beyond what the schema states.
    pub required: &'static [&'static str],
    pub family: Family,
    /// Any one of these lets a caller read.
    pub read_roles: &'static [&'static str],
    /// All of these are needed to write.
    pub write_roles: &'static [&'static str],
    pub judge: Judge,
    pub complete: Complete,
    pub present: Present,
}

impl CollectionRule {
    pub fn path(&self) -> &'static str {
        self.paths.first().copied().unwrap_or_default()
    }

    pub fn part(&self, segment: &str) -> Option<&'static Part> {
        self.parts.iter().find(|part| part.segment == segment)
    }
}

/// Every role some collection asks for: what a tenant grants until told otherwise.
pub(crate) fn all_roles() -> impl Iterator<Item = &'static str> {
    TABLE
        .iter()
        .flat_map(|rule| rule.read_roles.iter().chain(rule.write_roles).copied())
}

#[expect(clippy::unnecessary_wraps, reason = "has the signature of a judge")]
fn accept(
    _: &Scene<'_>,
    _: Write,
    _: &Map<String, Value>,
    _: Option<&Object>,
) -> Result<(), Refusal> {
    Ok(())
}

fn leave(_: &Scene<'_>, _: &mut Object) {}

fn show(_: &Tenant, _: &Object, _: &mut Map<String, Value>, _: bool) {}

/// The strings of an array property; a missing or null one has none.
fn strings<'a>(body: &'a Map<String, Value>, property: &str) -> Vec<&'a str> {
    body.get(property)
        .and_then(Value::as_array)
        .map(|items| items.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// Follows object members; `None` as soon as one is missing or null.
fn member<'a>(body: &'a Map<String, Value>, path: &[&str]) -> Option<&'a Value> {
    let (last, parents) = path.split_last()?;
    let mut current = body;
    for parent in parents {
        current = current.get(*parent)?.as_object()?;
    }
    current.get(*last).filter(|value| !value.is_null())
}
