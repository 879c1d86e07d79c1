//! The body form of device configuration profiles, and the ones that cannot be written whole.

use serde_json::Value;

use super::{StepError, refuse};
use crate::json::pattern;

/// `isEncrypted` is the service's word about a value, and refused in a create.
pub(super) fn shape(body: &mut Value) {
    pattern::remove(body, "omaSettings[].isEncrypted");
    pattern::remove(body, "privacyAccessControls");
}

/// What has an action of its own that is not carried.
pub(super) fn check(content: &Value) -> Result<(), StepError> {
    let access = content
        .get("privacyAccessControls")
        .and_then(Value::as_array);
    if access.is_some_and(|items| !items.is_empty()) {
        return refuse(
            "invalid_for_create",
            "/privacyAccessControls has an action of its own that cannot be carried yet; write it by hand.",
        );
    }
    Ok(())
}
