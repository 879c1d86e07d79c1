//! A captured policy as it comes back out of a stored version. Name and identity are those of that
//! version, whatever the policy is called now.

use serde_json::Value;

use super::identity_of_list_item;
use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::policy_type::PolicyType;

/// What a stored version holds of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredVersion {
    /// The object with its sub-collections embedded.
    pub content: Value,
    /// Its assignments in normal form.
    pub assignments: Value,
    /// `[{"path","facet","kind","external_id"}]`.
    pub references_used: Value,
    /// Digest of content and assignments.
    pub content_hash: String,
    /// Whether a secret was replaced by a marker.
    pub has_secrets: bool,
}

impl StoredVersion {
    /// The policy it is a version of.
    pub fn into_policy(self, row: &PolicyType, external_id: String) -> CapturedPolicy {
        let text = |place: &str| {
            pattern::get(&self.content, place)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        CapturedPolicy {
            policy_type: row.key.to_owned(),
            external_id,
            display_name: text(row.name_property).unwrap_or_default(),
            platform: row.platform_property.and_then(text),
            identity_key: identity_of_list_item(row, &self.content).unwrap_or_default(),
            references: serde_json::from_value(self.references_used).unwrap_or_default(),
            content: self.content,
            assignments: self.assignments,
            content_hash: self.content_hash,
            has_secrets: self.has_secrets,
        }
    }
}
