//! The body form of device configuration profiles, and the ones that cannot be written whole.

use serde_json::Value;

use super::{StepError, StepInput, refuse};
use crate::json::pattern;
use crate::policy_type::{PolicyType, known};

/// `isEncrypted` is the service's word about a value, and refused in a create.
pub(super) fn shape(row: &PolicyType, body: &mut Value) {
    pattern::remove(body, "omaSettings[].isEncrypted");
    if known::is_navigation(row, body, ACCESS) {
        pattern::remove(body, ACCESS);
    }
}

/// Of macOS a setting like any other; of Windows objects of their own, behind a link.
const ACCESS: &str = "privacyAccessControls";

/// What has an action of its own that is not carried.
pub(super) fn check(input: &StepInput<'_>) -> Result<(), StepError> {
    let there = |content: &Value| {
        let access = content.get(ACCESS).and_then(Value::as_array);
        let some = access.is_some_and(|items| !items.is_empty());
        some && known::is_navigation(input.row, content, ACCESS)
    };
    let standing = input.target.is_some_and(|target| there(&target.content));
    if there(&input.source.content) || standing {
        return refuse(
            "invalid_for_create",
            "/privacyAccessControls has an action of its own that cannot be carried yet; write it by hand.",
        );
    }
    Ok(())
}
