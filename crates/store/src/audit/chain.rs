//! What a link of the audit chain covers, and whether a chain holds. Pure but for reading rows.

use diesel::PgConnection;
use hmac::{Hmac, Mac};
use serde_json::{Number, Value};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use super::{AuditHead, AuditRow, find_head, list_after};
use crate::error::StoreError;
use crate::keys::AuditKey;

/// What checking a chain found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verification {
    /// Every entry is where and what it was.
    Whole {
        /// How many entries.
        entries: u64,
        /// The end of the chain, to be kept outside.
        head: Option<AuditHead>,
    },
    /// Something was changed.
    Broken {
        /// Where it shows first.
        sequence: i64,
        /// How.
        why: Broken,
    },
}

/// How a chain can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// An entry is missing before this one, or one was put in.
    Gap,
    /// The entry does not follow the one before.
    Link,
    /// A column of the entry was changed.
    Content,
    /// The chain ends elsewhere than its head says.
    Head,
    /// The chain does not pass through the head exported earlier: it was cut or rewritten.
    ExpectedHead,
}

impl Broken {
    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::Gap => "entries are missing or were inserted",
            Self::Link => "the entry does not follow the one before it",
            Self::Content => "the entry was changed",
            Self::Head => "the chain does not end where its head says",
            Self::ExpectedHead => "the chain does not contain the head that was exported",
        }
    }
}

/// Checks a workspace's whole chain, streaming; with `expected`, also that it still contains a head
/// exported earlier. Run it in a read view, so that entries and head are of one moment.
///
/// It proves that nobody without the audit key changed, removed or inserted an entry. Cutting the
/// end off together with the head row shows only against an expected head.
pub fn verify(
    conn: &mut PgConnection,
    key: &AuditKey,
    workspace_id: Uuid,
    expected: Option<&AuditHead>,
) -> Result<Verification, StoreError> {
    let head = find_head(conn, workspace_id)?;
    let mut last = AuditHead {
        sequence: 0,
        mac: genesis(key, workspace_id),
    };
    let broken = |sequence, why| Ok(Verification::Broken { sequence, why });
    let mut met = expected.is_none_or(|expected| expected.sequence == 0);
    // From the very bottom: an inserted row may carry any sequence the table allows.
    let mut after = i64::MIN;
    loop {
        let rows = list_after(conn, workspace_id, after)?;
        let Some(end) = rows.last() else { break };
        after = end.sequence;
        for row in &rows {
            if row.sequence != last.sequence + 1 {
                return broken(row.sequence, Broken::Gap);
            }
            if !same(&row.previous_mac, &last.mac) {
                return broken(row.sequence, Broken::Link);
            }
            if !same(&row.mac, &mac(key, row)) {
                return broken(row.sequence, Broken::Content);
            }
            if let Some(expected) = expected
                && expected.sequence == row.sequence
            {
                if !same(&expected.mac, &row.mac) {
                    return broken(row.sequence, Broken::ExpectedHead);
                }
                met = true;
            }
            last = AuditHead {
                sequence: row.sequence,
                mac: row.mac.clone(),
            };
        }
    }
    let ends_at_head = head.as_ref().map_or(last.sequence == 0, |head| {
        head.sequence == last.sequence && same(&head.mac, &last.mac)
    });
    if !ends_at_head {
        return broken(last.sequence, Broken::Head);
    }
    if !met {
        return broken(last.sequence, Broken::ExpectedHead);
    }
    Ok(Verification::Whole {
        entries: u64::try_from(last.sequence).unwrap_or_default(),
        head,
    })
}

/// What the first entry of a workspace follows.
pub(super) fn genesis(key: &AuditKey, workspace_id: Uuid) -> Vec<u8> {
    let mut link = Link::new(key, b"promotion/audit-genesis/v1");
    link.field(Some(workspace_id.as_bytes()));
    link.finish()
}

/// The MAC of an entry: over the previous MAC and every column, each preceded by its length (or
/// marked absent), so that no two entries give the same bytes.
pub(super) fn mac(key: &AuditKey, row: &AuditRow) -> Vec<u8> {
    let mut link = Link::new(key, b"promotion/audit-entry/v1");
    link.field(Some(&row.previous_mac));
    link.field(Some(row.id.as_bytes()));
    link.field(Some(row.workspace_id.as_bytes()));
    link.field(Some(&row.sequence.to_be_bytes()));
    link.field(Some(row.action.as_bytes()));
    for id in [
        row.actor_user_id,
        row.actor_token_id,
        row.tenant_id,
        row.operation_run_id,
    ] {
        link.field(id.as_ref().map(|id| id.as_bytes().as_slice()));
    }
    link.field(row.request_id.as_deref().map(str::as_bytes));
    link.json(&row.detail);
    link.field(Some(&row.recorded_at.timestamp_micros().to_be_bytes()));
    link.finish()
}

struct Link(Hmac<Sha256>);

impl Link {
    fn new(key: &AuditKey, label: &[u8]) -> Self {
        // The key has exactly 32 bytes, so it fits the block.
        let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
        for (to, from) in block.iter_mut().zip(key.bytes()) {
            *to = *from;
        }
        let mut link = Self(Hmac::new(&block));
        link.field(Some(label));
        link
    }

    fn field(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            None => self.0.update(&[0]),
            Some(bytes) => {
                self.0.update(&[1]);
                self.0.update(&(bytes.len() as u64).to_be_bytes());
                self.0.update(bytes);
            }
        }
    }

    /// JSON by value, not by text: PostgreSQL reorders members and rewrites numbers (`1e3` comes
    /// back as `1000`, `-0.0` as `0.0`), and both must give the same bytes.
    fn json(&mut self, value: &Value) {
        match value {
            Value::Null => self.field(Some(b"null")),
            Value::Bool(true) => self.field(Some(b"true")),
            Value::Bool(false) => self.field(Some(b"false")),
            Value::Number(number) => self.field(Some(number_text(number).as_bytes())),
            Value::String(text) => {
                self.field(Some(b"string"));
                self.field(Some(text.as_bytes()));
            }
            Value::Array(items) => {
                self.field(Some(b"array"));
                self.field(Some(&(items.len() as u64).to_be_bytes()));
                for item in items {
                    self.json(item);
                }
            }
            Value::Object(members) => {
                self.field(Some(b"object"));
                self.field(Some(&(members.len() as u64).to_be_bytes()));
                let mut members: Vec<(&String, &Value)> = members.iter().collect();
                members.sort_unstable_by_key(|(name, _)| *name);
                for (name, item) in members {
                    self.field(Some(name.as_bytes()));
                    self.json(item);
                }
            }
        }
    }

    fn finish(self) -> Vec<u8> {
        self.0.finalize().into_bytes().to_vec()
    }
}

/// One text per number: whole ones as integers, others by the shortest form of the double.
fn number_text(number: &Number) -> String {
    /// Below this every whole double is an exact integer of 64 bits.
    const WHOLE: f64 = 9.0e18;
    match number.as_f64() {
        Some(double) if !number.is_i64() && !number.is_u64() => {
            if double.fract() == 0.0 && double.abs() < WHOLE {
                // The cast is exact: the value is whole and in range.
                #[expect(clippy::cast_possible_truncation, reason = "checked on the line above")]
                let whole = double as i64;
                whole.to_string()
            } else {
                format!("{double:e}")
            }
        }
        _ => number.to_string(),
    }
}

fn same(left: &[u8], right: &[u8]) -> bool {
    left.ct_eq(right).into()
}
