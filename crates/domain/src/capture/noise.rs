//! What Graph adds to an answer that is not part of the policy.

use serde_json::{Map, Value};

use crate::policy_type::{is_plain_type, odata_type};

/// Server state of every type, at the root only: below it, such names are settings.
const ROOT_STATE: &[&str] = &[
    "id",
    "createdDateTime",
    "lastModifiedDateTime",
    "modifiedDateTime",
    "createdBy",
    "lastModifiedBy",
    "supportsScopeTags",
    "isAssigned",
    "assignments",
];

/// Drops server state from the root.
pub(super) fn strip_root(item: &mut Map<String, Value>) {
    item.retain(|name, _| !ROOT_STATE.contains(&name.as_str()));
}

/// Drops annotations, action advertisements and tips everywhere; keeps the `@odata.type` of every
/// node that could be one of several types.
pub(super) fn strip_transport(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(strip_transport),
        Value::Object(_) => {
            let plain = is_plain_type(odata_type(value));
            let Value::Object(members) = value else {
                return;
            };
            members.retain(|name, _| {
                if name == "@odata.type" {
                    return !plain;
                }
                !is_noise(name)
            });
            members
                .iter_mut()
                .for_each(|(_, member)| strip_transport(member));
        }
        _ => {}
    }
}

/// Member that says what made a policy: the service's own word, except where it is a token that the
/// policy belongs to.
pub(crate) const CREATION_SOURCE: &str = "creationSource";
/// What such a token's word holds before the id.
const TOKEN: &str = "tokenid_";

/// Whether a place of the service's own state holds a token instead, which is part of the policy.
pub(super) fn names_token(place: &str, content: &Value) -> bool {
    place == CREATION_SOURCE && content.get(CREATION_SOURCE).is_some_and(is_token)
}

/// Whether a value names a token.
pub(crate) fn is_token(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.to_ascii_lowercase().contains(TOKEN))
}

fn is_noise(name: &str) -> bool {
    name.contains("@odata.") || name.contains("@microsoft.graph.") || name.starts_with('#')
}
