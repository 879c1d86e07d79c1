//! Open approval requests of earlier runs on the same target (Multi Admin Approval).
//!
//! A later run whose request has the very method, address and body sends the code it was given
//! instead of asking again. Read once per run; decides nothing about a write.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::Value;
use store::run_items;

use super::journal::{Ending, Entry};
use super::send::APPROVAL_DAYS;
use crate::interrupt::Interrupt;
use crate::job::Job;

/// Codes by method, path and body hash; one that Graph refused is not among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Approvals(HashMap<(String, String, String), String>);

impl Approvals {
    /// The code of an open request that is identical.
    pub(crate) fn find(&self, method: &str, path: &str, body_hash: &str) -> Option<&str> {
        let key = (method.to_owned(), path.to_owned(), body_hash.to_owned());
        self.0.get(&key).map(String::as_str)
    }

    /// Adds what one journal tells; later journals win.
    fn learn(&mut self, journal: &Value, now: DateTime<Utc>) {
        let entries = super::journal::entries(journal);
        for entry in &entries {
            let Entry::Result(result) = entry else {
                continue;
            };
            let Some(code) = &result.approval_code else {
                continue;
            };
            let intent = entries.iter().find_map(|entry| match entry {
                Entry::Intent(intent) if intent.client_request_id == result.client_request_id => {
                    Some(intent)
                }
                _ => None,
            });
            let Some(intent) = intent else { continue };
            let key = (
                intent.method.clone(),
                intent.path.clone(),
                intent.body_hash.clone(),
            );
            let open = result.ending == Ending::ApprovalRequired
                && result.approval_expires_at.is_none_or(|until| until > now);
            if open {
                self.0.insert(key, code.clone());
            } else if result.ending == Ending::Refused {
                self.0.remove(&key);
            }
        }
    }
}

/// Loads the open requests of the run's target, whichever operation made them.
pub(crate) async fn load(job: &Job) -> Result<Approvals, Interrupt> {
    let tenant_id = job.run.tenant_id;
    let now = job.now();
    let since = now - chrono::Duration::days(APPROVAL_DAYS);
    job.read(move |conn| {
        let mut approvals = Approvals::default();
        // Oldest first, so that the newest code of a request stands.
        for journal in run_items::list_journals_held_for(conn, tenant_id, &REASONS, since)? {
            approvals.learn(&journal, now);
        }
        Ok(approvals)
    })
    .await
}

/// Reason codes of items that wait for an approval, or whose code Graph refused.
const REASONS: [&str; 2] = ["approval_required", "approval_refused"];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_code_is_found_for_the_identical_request_until_it_lapses() {
        let id = "00000000-0000-0000-0000-000000000001";
        let journal = |until: &str| {
            json!([
                {"entry": "intent", "step": "create", "client_request_id": id, "method": "POST",
                 "path": "/x", "body_hash": "sha256:1", "known_ids": [], "at": "2026-01-01T00:00:00Z"},
                {"entry": "result", "step": "create", "client_request_id": id,
                 "ending": "approval_required", "status": 412, "request_id": null, "date": null,
                 "object_id": null, "approval_code": "code", "approval_expires_at": until,
                 "at": "2026-01-01T00:00:00Z"},
            ])
        };
        let now = DateTime::parse_from_rfc3339("2026-01-02T00:00:00Z")
            .unwrap_or_default()
            .with_timezone(&Utc);
        let mut approvals = Approvals::default();
        approvals.learn(&journal("2026-01-01T12:00:00Z"), now);
        assert_eq!(approvals.find("POST", "/x", "sha256:1"), None);
        approvals.learn(&journal("2026-01-04T00:00:00Z"), now);
        assert_eq!(approvals.find("POST", "/x", "sha256:1"), Some("code"));
        assert_eq!(approvals.find("POST", "/x", "sha256:2"), None);
    }
}
