//! The journal of the model: marks small enough to be compared by the hundred thousand, and the real
//! journal they stand for.

use chrono::DateTime;
use uuid::Uuid;

use super::super::journal::{Ending, Entry, Intent, Journal, StepResult};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Create,
    Assign,
}

impl Step {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Assign => "assign",
        }
    }
}

/// What a worker heard of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Heard {
    /// That it took effect.
    Done,
    /// Nothing clear.
    Lost,
    /// That Graph makes no object with these links: it is sent once more without them.
    LinksRefused,
}

/// One line of the journal; `n` numbers the intents of the whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Mark {
    Intent { n: u8, step: Step },
    Answered { n: u8, step: Step, heard: Heard },
    Adopted { n: u8, object: u8 },
    Absent { n: u8 },
    SeenLanded { n: u8 },
}

pub(super) fn journal_of(marks: &[Mark]) -> Journal {
    let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
    let id = |n: u8| Uuid::from_u128(u128::from(n));
    let mut journal = Journal::default();
    for mark in marks {
        journal.push(match *mark {
            Mark::Intent { n, step } => Entry::Intent(Intent {
                step: step.name().to_owned(),
                client_request_id: id(n),
                method: "POST".to_owned(),
                path: String::new(),
                body_hash: String::new(),
                known_ids: Vec::new(),
                graph_time: None,
                at,
            }),
            Mark::Answered { n, step, heard } => Entry::Result(StepResult {
                step: step.name().to_owned(),
                client_request_id: id(n),
                ending: match heard {
                    Heard::Done => Ending::Done,
                    Heard::Lost => Ending::Unknown,
                    Heard::LinksRefused => Ending::LinksRefused,
                },
                status: None,
                request_id: None,
                date: None,
                object_id: (heard == Heard::Done && step == Step::Create).then(|| n.to_string()),
                approval_code: None,
                approval_expires_at: None,
                error: None,
                at,
            }),
            Mark::Adopted { n, object } => Entry::Adopted {
                step: Step::Create.name().to_owned(),
                client_request_id: id(n),
                object_id: object.to_string(),
                at,
            },
            Mark::Absent { n } => Entry::ProvedAbsent {
                step: Step::Create.name().to_owned(),
                client_request_id: id(n),
                at,
            },
            Mark::SeenLanded { n } => Entry::SeenLanded {
                step: Step::Assign.name().to_owned(),
                client_request_id: id(n),
                at,
            },
        });
    }
    journal
}

pub(super) fn number_of(intent: &Intent) -> u8 {
    u8::try_from(intent.client_request_id.as_u128()).unwrap_or(u8::MAX)
}
