//! What the service makes of a group of apps.

use serde_json::Value;

/// Groups whose apps the service lists itself, and changes as apps come and go.
const DERIVED: [&str; 3] = ["allApps", "allCoreMicrosoftApps", "allMicrosoftApps"];

/// Whether the service lists the apps of this content by itself.
pub(crate) fn is_derived(content: &Value) -> bool {
    content
        .get("appGroupType")
        .and_then(Value::as_str)
        .is_some_and(|group| DERIVED.contains(&group))
}

/// Where the group says which apps are meant, the list says nothing more.
pub(super) fn drop_derived(content: &mut Value) {
    if is_derived(content)
        && let Value::Object(members) = content
    {
        members.remove("apps");
    }
}
