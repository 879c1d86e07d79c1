//! The normal form of assignments: direct ones only, without ids and without empty filters.

use serde_json::{Map, Value};

use super::noise;
use crate::json;

const FILTER_ID: &str = "deviceAndAppManagementAssignmentFilterId";
const FILTER_TYPE: &str = "deviceAndAppManagementAssignmentFilterType";
const ZERO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// A sorted array without repeats. An assignment that a policy set or another source made is not
/// the policy's own and cannot be written through it: left out.
pub(super) fn normal_form(assignments: Vec<Value>) -> Value {
    let mut kept: Vec<Value> = assignments
        .into_iter()
        .filter_map(|mut assignment| {
            noise::strip_transport(&mut assignment);
            let Value::Object(mut members) = assignment else {
                return None;
            };
            let direct = members
                .get("source")
                .and_then(Value::as_str)
                .is_none_or(|source| source.eq_ignore_ascii_case("direct"));
            if !direct {
                return None;
            }
            members.retain(|name, value| {
                !matches!(name.as_str(), "id" | "source" | "sourceId" | "@odata.type")
                    && !value.is_null()
            });
            // What Graph answers where nothing was sent.
            if members.get("intent").and_then(Value::as_str) == Some("apply") {
                members.remove("intent");
            }
            if let Some(Value::Object(target)) = members.get_mut("target") {
                target.retain(|_, value| !value.is_null());
                drop_empty_filter(target);
            }
            Some(Value::Object(members))
        })
        .collect();
    json::sort_set(&mut kept);
    Value::Array(kept)
}

fn drop_empty_filter(target: &mut Map<String, Value>) {
    let text = |name: &str| target.get(name).and_then(Value::as_str).unwrap_or_default();
    let none = matches!(text(FILTER_ID), "" | ZERO_ID) || text(FILTER_TYPE) == "none";
    if none {
        target.remove(FILTER_ID);
        target.remove(FILTER_TYPE);
    }
}
