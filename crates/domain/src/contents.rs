//! The contents that a derivation reads, small in memory: a large tenant's policies as trees of JSON
//! values take many times the memory of their text, and a derivation looks at a few at a time.
//!
//! Decides how a policy is kept and gives it back as it was. It must not judge what it keeps.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use uuid::Uuid;

use crate::model::{CapturedPolicy, ReferenceUse};
use crate::policy_type;

/// Captured policies by our version id.
#[derive(Debug, Default)]
pub struct Contents {
    kept: HashMap<Uuid, Kept>,
    /// What was given last is mostly what is wanted next.
    last: Mutex<Option<(Uuid, Arc<CapturedPolicy>)>>,
}

#[derive(Debug)]
enum Kept {
    Whole(Arc<CapturedPolicy>),
    /// The content as text; everything else as it is.
    Packed(Box<CapturedPolicy>, Box<[u8]>),
}

impl Kept {
    fn policy(&self) -> Option<Arc<CapturedPolicy>> {
        match self {
            Self::Whole(policy) => Some(Arc::clone(policy)),
            Self::Packed(frame, text) => {
                let mut policy = CapturedPolicy::clone(frame);
                policy.content = serde_json::from_slice(text).ok()?;
                Some(Arc::new(policy))
            }
        }
    }
}

/// Whether each object of the type is looked at once for every other one.
fn has_peers(policy: &CapturedPolicy) -> bool {
    let row = policy_type::find(&policy.policy_type);
    row.is_none_or(|row| row.priority.is_some() || row.one_for_all_devices)
}

impl Contents {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a policy.
    pub fn insert(&mut self, version_id: Uuid, mut policy: CapturedPolicy) {
        let text = if has_peers(&policy) {
            None
        } else {
            serde_json::to_vec(&policy.content).ok()
        };
        let kept = match text {
            None => Kept::Whole(Arc::new(policy)),
            Some(text) => {
                policy.content = Value::Null;
                Kept::Packed(Box::new(policy), text.into_boxed_slice())
            }
        };
        *self.last.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
        self.kept.insert(version_id, kept);
    }

    /// A policy.
    pub fn get(&self, version_id: &Uuid) -> Option<Arc<CapturedPolicy>> {
        let kept = self.kept.get(version_id)?;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((id, policy)) = last.as_ref()
            && id == version_id
        {
            return Some(Arc::clone(policy));
        }
        let policy = kept.policy()?;
        *last = Some((*version_id, Arc::clone(&policy)));
        Some(policy)
    }

    /// All policies, one after the other.
    pub fn iter(&self) -> impl Iterator<Item = (Uuid, Arc<CapturedPolicy>)> {
        let all = self.kept.iter();
        all.filter_map(|(id, kept)| Some((*id, kept.policy()?)))
    }

    /// Every reference of every policy.
    pub fn references(&self) -> impl Iterator<Item = &ReferenceUse> {
        self.kept.values().flat_map(|kept| match kept {
            Kept::Whole(policy) => &policy.references,
            Kept::Packed(frame, _) => &frame.references,
        })
    }
}

impl Extend<(Uuid, CapturedPolicy)> for Contents {
    fn extend<T: IntoIterator<Item = (Uuid, CapturedPolicy)>>(&mut self, policies: T) {
        for (version_id, policy) in policies {
            self.insert(version_id, policy);
        }
    }
}

impl FromIterator<(Uuid, CapturedPolicy)> for Contents {
    fn from_iter<T: IntoIterator<Item = (Uuid, CapturedPolicy)>>(policies: T) -> Self {
        let mut contents = Self::new();
        contents.extend(policies);
        contents
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    /// A policy of every type, with numbers and texts that a careless text form would change.
    #[test]
    fn a_policy_of_any_type_comes_back_as_it_was() {
        let mut deep = json!(1);
        for _ in 0..120 {
            deep = json!([deep]);
        }
        for row in policy_type::all() {
            let policy = CapturedPolicy {
                policy_type: row.key.to_owned(),
                external_id: "e".to_owned(),
                display_name: "\u{1F600}\u{0}\u{2028}".to_owned(),
                platform: None,
                identity_key: "k".to_owned(),
                content: json!({
                    "texts": ["\u{0}\u{2028}\u{1F600}\\\"", ""],
                    "numbers": [0, -1, u64::MAX, i64::MIN, 0.1, 1e300, 5e-324, -0.0, 1.0, 0.300_000_000_000_000_04],
                    "deep": deep,
                    "nothing": null,
                }),
                assignments: json!([{"target": {"groupId": "g"}}]),
                references: Vec::new(),
                content_hash: "h".to_owned(),
                has_secrets: false,
            };
            let id = Uuid::from_u128(7);
            let contents: Contents = [(id, policy.clone())].into_iter().collect();
            assert_eq!(*contents.get(&id).unwrap(), policy, "{}", row.key);
            assert_eq!(*contents.get(&id).unwrap(), policy, "{}", row.key);
            assert_eq!(*contents.iter().next().unwrap().1, policy, "{}", row.key);
            assert_eq!(contents.get(&Uuid::from_u128(8)), None);
        }
    }

    #[test]
    fn what_is_kept_anew_takes_the_place_of_what_was() {
        let id = Uuid::from_u128(7);
        let policy = |name: &str| CapturedPolicy {
            policy_type: "configurationPolicies".to_owned(),
            external_id: "e".to_owned(),
            display_name: name.to_owned(),
            platform: None,
            identity_key: "k".to_owned(),
            content: json!({"name": name}),
            assignments: json!([]),
            references: Vec::new(),
            content_hash: "h".to_owned(),
            has_secrets: false,
        };
        let mut contents: Contents = [(id, policy("first"))].into_iter().collect();
        assert_eq!(contents.get(&id).unwrap().display_name, "first");
        contents.insert(id, policy("second"));
        assert_eq!(*contents.get(&id).unwrap(), policy("second"));
    }
}
