//! Where a policy points to other objects: by position, and by security identifiers of the directory,
//! which are what they are wherever they stand. Ids in texts are not searched for.

use serde_json::Value;

use crate::device_preparation;
use crate::group_policy;
use crate::json::{self, pattern};
use crate::literal;
use crate::model::{Facet, ReferenceUse};
use crate::policy_type::{Adapter, PolicyType, odata_type};
use crate::references::DIRECTORY_OBJECT;

/// Kinds that content or assignments point to by code, and not by a rule of their row.
#[cfg(test)]
pub(crate) const KINDS_BEYOND_THE_REGISTRY: [&str; 11] = [
    DIRECTORY_OBJECT,
    "assignment_filter",
    "built_in_group_policy_definition",
    "configuration_manager_collection",
    "group",
    "group_policy_definition",
    "mobile_app",
    "platform_script",
    "reusable_setting",
    "scope_tag",
    "directory_role",
];

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
                within: None,
            });
        }
    };
    for rule in row.references {
        pattern::visit(content, rule.path, &mut |pointer, value| {
            add(Facet::Settings, rule.kind, rule.exclusion, pointer, value);
        });
    }
    if row.adapter == Adapter::GroupPolicy {
        group_policy::definitions(content, &mut |kind, pointer, id| {
            add(Facet::Settings, kind, false, pointer, id);
        });
    }
    if row.adapter == Adapter::DevicePreparation {
        device_preparation::references(content, &mut |kind, pointer, id| {
            add(Facet::Settings, kind, false, pointer, id);
        });
    }
    if let Some(property) = row.scope_tags {
        pattern::visit(content, &format!("{property}[]"), &mut |pointer, value| {
            add(Facet::ScopeTags, "scope_tag", false, pointer, value);
        });
    }
    if let Some(property) = row.catalog_tree()
        && let Some(settings) = content.get(property)
    {
        catalog(
            settings,
            &json::below("", property),
            &mut |pointer, value| {
                add(Facet::Settings, "reusable_setting", false, pointer, value);
            },
        );
    }
    let name = json::below("", row.name_property);
    let mut sids = Vec::new();
    json::each_text(content, "", &mut |pointer, text| {
        if pointer == name {
            return;
        }
        for id in literal::sids(text) {
            sids.push(ReferenceUse {
                path: pointer.to_owned(),
                facet: match pointer {
                    "/description" => Facet::Description,
                    _ => Facet::Settings,
                },
                kind: DIRECTORY_OBJECT.to_owned(),
                external_id: id.to_string(),
                exclusion: false,
                within: Some(literal::sid_of(id)),
            });
        }
    });
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
    found.extend(sids);
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

/// The discovery script of a Linux compliance policy is a reusable setting, whatever the type of
/// its value.
const DISCOVERY_SCRIPT: &str = "linux_customcompliance_discoveryscript";
const REFERENCE_VALUE: &str = "deviceManagementConfigurationReferenceSettingValue";

/// A settings catalogue value that names a reusable setting says so by its type.
fn catalog(value: &Value, pointer: &str, add: &mut dyn FnMut(&str, &Value)) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                catalog(item, &json::below(pointer, index), add);
            }
        }
        Value::Object(members) => {
            if odata_type(value) == REFERENCE_VALUE
                && let Some(id) = members.get("value")
            {
                add(&json::below(pointer, "value"), id);
            }
            let discovers = members
                .get("settingDefinitionId")
                .and_then(Value::as_str)
                .is_some_and(|definition| definition.eq_ignore_ascii_case(DISCOVERY_SCRIPT));
            if discovers
                && let Some(simple) = members.get("simpleSettingValue")
                && odata_type(simple) != REFERENCE_VALUE
                && let Some(id) = simple.get("value")
            {
                let at = json::below(&json::below(pointer, "simpleSettingValue"), "value");
                add(&at, id);
            }
            for (name, member) in members {
                catalog(member, &json::below(pointer, name), add);
            }
        }
        _ => {}
    }
}
