//! Where a policy points to other objects: by position, never by searching its text.

use serde_json::Value;

use crate::json::{self, pattern};
use crate::model::{Facet, ReferenceUse};
use crate::policy_type::{PolicyType, odata_type};

/// Every reference of a content and its assignments, sorted. Reserved words of workload identities
/// are no references.
pub(crate) fn collect(row: &PolicyType, content: &Value, assignments: &Value) -> Vec<ReferenceUse> {
    let mut found = Vec::new();
    let mut add = |facet, kind: &str, exclusion, pointer: &str, value: &Value| {
        if let Value::String(id) = value
            && !id.is_empty()
            && !(kind == "service_principal" && matches!(id.as_str(), "All" | "None"))
        {
            found.push(ReferenceUse {
                path: pointer.to_owned(),
                facet,
                kind: kind.to_owned(),
                external_id: id.clone(),
                exclusion,
            });
        }
    };
    for rule in row.references {
        pattern::visit(content, rule.path, &mut |pointer, value| {
            add(Facet::Settings, rule.kind, rule.exclusion, pointer, value);
        });
    }
    if let Some(property) = row.scope_tags {
        pattern::visit(content, &format!("{property}[]"), &mut |pointer, value| {
            add(Facet::ScopeTags, "scope_tag", false, pointer, value);
        });
    }
    if row.adapter.has_settings_tree()
        && let Some(settings) = content.get("settings")
    {
        catalog(settings, "/settings", &mut |pointer, value| {
            add(Facet::Settings, "reusable_setting", false, pointer, value);
        });
    }
    for (index, assignment) in assignments.as_array().into_iter().flatten().enumerate() {
        let Some(target) = assignment.get("target") else {
            continue;
        };
        let pointer = json::below(&json::below("", index), "target");
        let exclusion = odata_type(target) == "exclusionGroupAssignmentTarget";
        for (member, kind) in TARGET_MEMBERS {
            if let Some(value) = target.get(member) {
                let at = json::below(&pointer, member);
                add(Facet::Assignments, kind, exclusion, &at, value);
            }
        }
    }
    found.sort();
    found
}

/// Members of an assignment target that point to another object.
const TARGET_MEMBERS: [(&str, &str); 3] = [
    ("groupId", "group"),
    (
        "deviceAndAppManagementAssignmentFilterId",
        "assignment_filter",
    ),
    ("collectionId", "configuration_manager_collection"),
];

/// A settings catalogue value that names a reusable setting says so by its type.
fn catalog(value: &Value, pointer: &str, add: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                catalog(item, &json::below(pointer, index), add);
            }
        }
        Value::Object(members) => {
            if odata_type(value) == "deviceManagementConfigurationReferenceSettingValue"
                && let Some(id) = members.get("value")
            {
                add(&json::below(pointer, "value"), id);
            }
            for (name, member) in members {
                catalog(member, &json::below(pointer, name), add);
            }
        }
        _ => {}
    }
}
