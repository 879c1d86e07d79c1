//! Templates of settings catalogue policies: Graph makes no policy from one that the target does not
//! have (its licence lacks the feature, or the version is gone) or that is no longer current.

use serde_json::Value;

use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::policy_type::PolicyType;
use crate::preflight::{Holds, PreflightInput};

/// The reference kind under which a sync lists the templates of a tenant; an object's discriminator is
/// its state of life.
pub(crate) const KIND: &str = "configuration_template";
const PLACE: &str = "templateReference.templateId";

/// Holds a new policy whose template the target cannot make one from. A tenant whose templates are not
/// known, or that lists none at all, is not judged.
pub(crate) fn hold(
    input: &PreflightInput<'_>,
    row: &PolicyType,
    source: &CapturedPolicy,
    holds: &mut Holds,
) {
    let id = pattern::get(&source.content, PLACE).and_then(Value::as_str);
    let Some(id) = id.filter(|id| !id.is_empty() && row.identity.contains(&PLACE)) else {
        return;
    };
    let catalog = input.target_catalog;
    if !catalog.is_complete(KIND) || catalog.external_ids(KIND).next().is_none() {
        return;
    }
    let Some(template) = catalog.by_external_id(KIND, id) else {
        let text = format!(
            "/templateReference/templateId is {id}, a template that the target does not offer: license \
             the feature there, or rebuild the policy from a template that it has."
        );
        holds.block("template_missing", text);
        return;
    };
    let state = template.discriminator.as_str();
    if matches!(
        state,
        "retired" | "deprecated" | "superseded" | "invalid" | "draft"
    ) {
        let name = template.name.as_deref().unwrap_or(id);
        let text = format!(
            "/templateReference/templateId is {id} ({name}), which is {state} in the target; Graph makes \
             no new policy from it. Rebuild the policy from the current version."
        );
        holds.block("template_retired", text);
    }
}
