//! The journal of one item: what was about to be sent, what came of it, and what that means now.
//!
//! Pure: folds entries into a state from which a successor can continue in the middle. Committing
//! an intent before sending is the caller's duty; here an intent without a result means "may have
//! landed".

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One line of an item's journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// Committed before the request is sent.
    Intent(Intent),
    /// What the request led to.
    Result(StepResult),
    /// An object found by identity after a lost answer is taken for the one the step made.
    Adopted {
        /// Step name.
        step: String,
        /// Intent it settles.
        client_request_id: Uuid,
        /// Graph's id.
        object_id: String,
        /// When.
        at: DateTime<Utc>,
    },
    /// The whole window proved that an intent did not land.
    ProvedAbsent {
        /// Step name.
        step: String,
        /// Intent it settles.
        client_request_id: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// A read showed that a repeatable step had landed.
    SeenLanded {
        /// Step name.
        step: String,
        /// Intent it settles.
        client_request_id: Uuid,
        /// When.
        at: DateTime<Utc>,
    },
    /// Everything known when the worker stopped for a human.
    Evidence {
        /// Step name.
        step: String,
        /// In words.
        what: String,
        /// Ids seen.
        object_ids: Vec<String>,
        /// When.
        at: DateTime<Utc>,
    },
}

/// What is about to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Step name.
    pub step: String,
    /// Sent as `client-request-id`.
    pub client_request_id: Uuid,
    /// Method.
    pub method: String,
    /// Path below the version.
    pub path: String,
    /// `sha256:` of the body as sent.
    pub body_hash: String,
    /// Ids that already carried the identity.
    pub known_ids: Vec<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// Graph's own time at the last look before: what Graph dates is compared with this alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph_time: Option<DateTime<Utc>>,
}

/// How a request ended, as far as the journal cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It took effect.
    Done,
    /// Nobody can tell.
    Unknown,
    /// Not executed: wait and send again.
    Throttled,
    /// Not executed: what it needs is not visible yet.
    NotYet,
    /// Not executed: the token was refused.
    Unauthorized,
    /// Refused with the links that a create binds: sent once more without them.
    LinksRefused,
    /// Refused for good.
    Refused,
    /// Refused with a word on the other way to send it, which is taken once.
    Redirected,
    /// Waits for a human's approval in the tenant.
    ApprovalRequired,
    /// It was never put on the wire.
    NotSent,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepResult {
    /// Step name.
    pub step: String,
    /// Of the intent.
    pub client_request_id: Uuid,
    /// How it ended.
    pub ending: Ending,
    /// HTTP status, if any answer came.
    pub status: Option<u16>,
    /// Graph's `request-id`.
    pub request_id: Option<String>,
    /// Graph's `Date`.
    pub date: Option<String>,
    /// Id in the answer to a create.
    pub object_id: Option<String>,
    /// Approval code, when one was handed out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_code: Option<String>,
    /// When an approval request lapses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_expires_at: Option<DateTime<Utc>>,
    /// Error code and cleaned message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// Where a step stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepState {
    /// Never sent, or every sending is known not to have been executed.
    Open,
    /// The last sending may have landed.
    InDoubt(Intent),
    /// It took effect.
    Done,
}

/// An item's journal, read back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    entries: Vec<Entry>,
}

/// The entries of a stored journal; those this build does not know are passed over.
pub(crate) fn entries(stored: &serde_json::Value) -> Vec<Entry> {
    let entries = stored.as_array().map_or(&[][..], Vec::as_slice);
    entries
        .iter()
        .filter_map(|entry| Entry::deserialize(entry).ok())
        .collect()
}

impl Journal {
    /// Reads the stored array; entries this build does not know are passed over.
    pub fn read(stored: &serde_json::Value) -> Self {
        Self {
            entries: entries(stored),
        }
    }

    /// Adds what was just recorded.
    pub fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    /// Where a step stands: the last intent decides, by what settled it.
    pub fn state_of(&self, step: &str) -> StepState {
        let mut state = StepState::Open;
        for entry in &self.entries {
            match entry {
                Entry::Intent(intent) if intent.step == step => {
                    state = StepState::InDoubt(intent.clone());
                }
                Entry::Result(result) if result.step == step => match result.ending {
                    Ending::Done => state = StepState::Done,
                    Ending::Unknown => {}
                    Ending::Throttled
                    | Ending::NotYet
                    | Ending::Unauthorized
                    | Ending::LinksRefused
                    | Ending::Refused
                    | Ending::Redirected
                    | Ending::ApprovalRequired
                    | Ending::NotSent => state = StepState::Open,
                },
                Entry::Adopted { step: of, .. } | Entry::SeenLanded { step: of, .. }
                    if of == step =>
                {
                    state = StepState::Done;
                }
                Entry::ProvedAbsent { step: of, .. } if of == step => state = StepState::Open,
                Entry::Intent(_)
                | Entry::Result(_)
                | Entry::Adopted { .. }
                | Entry::SeenLanded { .. }
                | Entry::ProvedAbsent { .. }
                | Entry::Evidence { .. } => {}
            }
        }
        state
    }

    /// The id of the object that this item's create step made, once known.
    pub fn created_id(&self, step: &str) -> Option<&str> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Result(result) if result.step == step && result.ending == Ending::Done => {
                result.object_id.as_deref()
            }
            Entry::Adopted {
                step: of,
                object_id,
                ..
            } if of == step => Some(object_id.as_str()),
            _ => None,
        })
    }

    /// The last intent of a step.
    pub fn last_intent(&self, step: &str) -> Option<&Intent> {
        self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Intent(intent) if intent.step == step => Some(intent),
            _ => None,
        })
    }

    /// When the answer to an intent was seen to be unclear; `None` when nobody saw one.
    pub fn lost_at(&self, step: &str, client_request_id: Uuid) -> Option<DateTime<Utc>> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Result(result)
                if result.step == step
                    && result.client_request_id == client_request_id
                    && result.ending == Ending::Unknown =>
            {
                Some(result.at)
            }
            _ => None,
        })
    }

    /// How often a step was proved absent after a lost answer: one new create is allowed, no more.
    pub fn proofs_of_absence(&self, step: &str) -> usize {
        self.entries
            .iter()
            .filter(|entry| matches!(entry, Entry::ProvedAbsent { step: of, .. } if of == step))
            .count()
    }

    /// How often the outcome of a step stayed unclear.
    pub fn unknowns(&self, step: &str) -> usize {
        self.ended(step, Ending::Unknown)
    }

    /// Whether Graph put a sending of a step off: for load, for a token, for what it needs.
    pub fn was_put_off(&self, step: &str) -> bool {
        self.entries.iter().any(|entry| {
            matches!(entry, Entry::Result(result) if result.step == step
                && matches!(result.ending, Ending::Throttled | Ending::NotYet | Ending::Unauthorized))
        })
    }

    /// What Graph said when it refused a sending of a step and named the other way.
    pub fn redirection(&self, step: &str) -> Option<&str> {
        self.entries.iter().find_map(|entry| match entry {
            Entry::Result(result) if result.step == step && result.ending == Ending::Redirected => {
                result.error.as_deref()
            }
            _ => None,
        })
    }

    /// How often a sending of a step ended so.
    pub fn ended(&self, step: &str, ending: Ending) -> usize {
        let so = |entry: &&Entry| matches!(entry, Entry::Result(r) if r.step == step && r.ending == ending);
        self.entries.iter().filter(so).count()
    }

    /// What Graph said when it answered the last sending of a step with 409; `None` for any other
    /// answer. Such a step is settled by looking, and given up with Graph's words.
    pub fn conflict(&self, step: &str) -> Option<&str> {
        let last = self.entries.iter().rev().find_map(|entry| match entry {
            Entry::Result(result) if result.step == step => Some(result),
            _ => None,
        })?;
        let conflict = last.ending == Ending::Unknown && last.status == Some(409);
        conflict.then(|| last.error.as_deref().unwrap_or("Graph gave no reason."))
    }

    /// Whether any request of this item took or may have taken effect.
    pub fn may_have_written(&self) -> bool {
        self.entries.iter().any(|entry| match entry {
            Entry::Intent(intent) => !matches!(self.state_of(&intent.step), StepState::Open),
            _ => false,
        })
    }
}

#[cfg(test)]
#[path = "journal_test.rs"]
mod tests;
