//! What was asked of the simulator, in order: the evidence tests assert on.

use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// What a request did to the tenant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Effect {
    #[default]
    None,
    Created,
    Updated,
    Assigned,
    Deleted,
}

/// One request.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry {
    pub seq: u64,
    pub at: String,
    pub tenant: Option<String>,
    pub method: String,
    pub path: String,
    pub path_template: String,
    pub version: Option<String>,
    /// `null` when the connection was cut instead of answered.
    pub status: Option<u16>,
    pub client_request_id: Option<String>,
    pub request_id: String,
    /// `x-msft-approval-code` of the request.
    pub approval_code: Option<String>,
    /// `x-msft-approval-justification` of the request, as sent.
    pub approval_justification: Option<String>,
    pub body_sha256: Option<String>,
    /// Bodies of writes; `null` for reads.
    pub body: Option<Value>,
    pub effect: Effect,
    pub object_id: Option<String>,
    pub fault: Option<String>,
    /// The error message of a refusal, to tell at a glance why something was refused.
    pub error: Option<String>,
}

impl Entry {
    /// A question that Graph takes only by POST is none.
    fn is_write(&self) -> bool {
        self.method != "GET" && !self.path.ends_with(crate::graph::device_group::RETRIEVE)
    }
}

/// All requests since the start or the last clearing.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    entries: Vec<Entry>,
    next: u64,
}

impl Journal {
    pub fn add(&mut self, mut entry: Entry) {
        self.next += 1;
        entry.seq = self.next;
        self.entries.push(entry);
    }

    /// Entries after `since`, of one tenant or all; logins count as reads.
    pub fn list(&self, tenant: Option<&str>, since: u64, writes_only: bool) -> Vec<&Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.seq > since)
            .filter(|entry| {
                tenant.is_none_or(|wanted| {
                    entry
                        .tenant
                        .as_deref()
                        .is_some_and(|have| have.eq_ignore_ascii_case(wanted))
                })
            })
            .filter(|entry| {
                !writes_only || (entry.is_write() && entry.path_template != "/oauth2/v2.0/token")
            })
            .collect()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }
}

/// Lower-case hexadecimal SHA-256.
pub(crate) fn digest(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
