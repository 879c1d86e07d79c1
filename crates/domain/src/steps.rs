//! The Graph calls that create or update one object: pure data, in order.
//!
//! Every call that can ever be written is built here and nowhere else; [`write_templates`] lists
//! them for the pin test.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::{CapturedPolicy, GraphVersion};
use crate::policy_type::PolicyType;
use crate::references::Overrides;
use crate::selection::Options;

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
    /// Removes a child that the source does not have.
    DeleteChild,
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
}

/// Why no safe call can be built. Holds the subject at preflight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// Stable reason code: `immutable_differs`, `secret_value_required`, `template_retired`,
    /// `reference_not_landed`, `invalid_for_create`.
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

/// Builds the calls.
pub fn build(input: StepInput<'_>) -> Result<Written, StepError> {
    let _ = input;
    Err(StepError {
        code: "invalid_for_create",
        message: String::new(),
    })
}

/// The references (kind, external id) of a source policy that this write would carry: settings
/// always, assignments and scope tags only under `map`.
pub fn carried_references(
    source: &CapturedPolicy,
    options: Options,
) -> Vec<crate::model::ReferenceUse> {
    let _ = (source, options);
    Vec::new()
}

/// Paths (JSON Pointers into content or assignments) where the texts of `literals` stand, alone or
/// inside a longer string, ignoring ASCII case.
pub fn literal_paths(
    policy: &CapturedPolicy,
    literals: &[String],
    options: Options,
) -> Vec<(String, String)> {
    let _ = (policy, literals, options);
    Vec::new()
}

/// Replaces `$created:` placeholders and `{item}`; `None` when an id is not known yet.
pub fn fill(
    step: &WriteStep,
    item: Option<&str>,
    created: &BTreeMap<String, String>,
) -> Option<WriteStep> {
    let _ = (step, item, created);
    None
}

/// Every `(method, version, path template)` that can ever be written, sorted.
pub fn write_templates() -> Vec<(String, GraphVersion, String)> {
    Vec::new()
}
