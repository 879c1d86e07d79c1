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
    /// An earlier key made the entry after a later one had taken over.
    EarlierKey,
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
            Self::Content => "the entry was changed, or made with a key that is not at hand",
            Self::EarlierKey => {
                "the entry was made with an earlier key after a later one had taken over"
            }
            Self::Head => "the chain does not end where its head says",
            Self::ExpectedHead => "the chain does not contain the head that was exported",
        }
    }
}

/// The keys a chain may have been made with, and how strictly one takes over from the other.
#[derive(Clone, Debug)]
pub struct ChainKeys {
    oldest_first: Vec<AuditKey>,
    overlap: i64,
}

impl ChainKeys {
    /// One key for the whole chain.
    pub fn one(key: AuditKey) -> Self {
        Self::in_turn(Vec::new(), key)
    }

    /// Keys that took over from each other, the oldest first. Once a key has made an entry, none of
    /// the earlier ones may: who got hold of a key that was retired cannot append with it.
    pub fn in_turn(earlier: Vec<AuditKey>, current: AuditKey) -> Self {
        let mut oldest_first = earlier;
        oldest_first.push(current);
        Self {
            oldest_first,
            overlap: 0,
        }
    }

    /// The key that made a row; `None` when none of them did.
    pub(super) fn maker(&self, row: &AuditRow) -> Option<&AuditKey> {
        let mut newest_first = self.oldest_first.iter().rev();
        newest_first.find(|key| same(&row.mac, &mac(key, row)))
    }

    /// The key of a chain that begins now.
    pub(super) fn current(&self) -> Option<&AuditKey> {
        self.oldest_first.last()
    }

    /// Lets entries of earlier keys pass among the first `entries` after a key took over: while
    /// processes are restarted one by one, some still hold the earlier key. Counted in entries,
    /// since a forger can write any time but no other place.
    #[must_use]
    pub fn with_overlap(mut self, entries: u32) -> Self {
        self.overlap = i64::from(entries);
        self
    }
}

/// What checking a chain with several keys found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedVerification {
    /// Whether it holds.
    pub verification: Verification,
    /// The first entry of each key that took over from another.
    pub changes: Vec<i64>,
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
    let keys = ChainKeys::one(key.clone());
    Ok(verify_with_keys(conn, &keys, workspace_id, expected)?.verification)
}

/// [`verify`] over a chain that several keys made one after the other.
pub fn verify_with_keys(
    conn: &mut PgConnection,
    keys: &ChainKeys,
    workspace_id: Uuid,
    expected: Option<&AuditHead>,
) -> Result<KeyedVerification, StoreError> {
    let head = find_head(conn, workspace_id)?;
    let mut walk = Walk::new(keys, workspace_id, expected);
    // From the very bottom: an inserted row may carry any sequence the table allows.
    let mut after = i64::MIN;
    let mut broken = None;
    'chain: loop {
        let rows = list_after(conn, workspace_id, after)?;
        let Some(end) = rows.last() else { break };
        after = end.sequence;
        for row in &rows {
            if let Err(why) = walk.step(row) {
                broken = Some((row.sequence, why));
                break 'chain;
            }
        }
    }
    let verification = match broken.or_else(|| walk.end(head.as_ref())) {
        Some((sequence, why)) => Verification::Broken { sequence, why },
        None => Verification::Whole {
            entries: u64::try_from(walk.last.sequence).unwrap_or_default(),
            head,
        },
    };
    Ok(KeyedVerification {
        verification,
        changes: walk.changes,
    })
}

/// The state of a verification between two entries.
struct Walk<'a> {
    keys: &'a ChainKeys,
    workspace_id: Uuid,
    expected: Option<&'a AuditHead>,
    met: bool,
    last: AuditHead,
    /// Place of the key that made the newest entries.
    current: usize,
    /// First entries of the keys that took over.
    changes: Vec<i64>,
}

impl<'a> Walk<'a> {
    fn new(keys: &'a ChainKeys, workspace_id: Uuid, expected: Option<&'a AuditHead>) -> Self {
        Self {
            keys,
            workspace_id,
            expected,
            met: expected.is_none_or(|expected| expected.sequence == 0),
            last: AuditHead {
                sequence: 0,
                mac: Vec::new(),
            },
            current: 0,
            changes: Vec::new(),
        }
    }

    fn step(&mut self, row: &AuditRow) -> Result<(), Broken> {
        if row.sequence != self.last.sequence + 1 {
            return Err(Broken::Gap);
        }
        if self.last.sequence == 0 {
            // The key that began the chain made what its first entry follows.
            self.current = self.genesis_key(&row.previous_mac).ok_or(Broken::Link)?;
        } else if !same(&row.previous_mac, &self.last.mac) {
            return Err(Broken::Link);
        }
        self.check_key(row)?;
        if let Some(expected) = self.expected
            && expected.sequence == row.sequence
        {
            if !same(&expected.mac, &row.mac) {
                return Err(Broken::ExpectedHead);
            }
            self.met = true;
        }
        self.last = AuditHead {
            sequence: row.sequence,
            mac: row.mac.clone(),
        };
        Ok(())
    }

    fn genesis_key(&self, previous_mac: &[u8]) -> Option<usize> {
        self.keys
            .oldest_first
            .iter()
            .position(|key| same(previous_mac, &genesis(key, self.workspace_id)))
    }

    /// The entry is of the current key, of one that takes over, or of an earlier one in time.
    fn check_key(&mut self, row: &AuditRow) -> Result<(), Broken> {
        let made_with = |key: &AuditKey| same(&row.mac, &mac(key, row));
        let keys = &self.keys.oldest_first;
        let later = keys.iter().enumerate().skip(self.current);
        if let Some((place, _)) = later.into_iter().find(|(_, key)| made_with(key)) {
            if place > self.current {
                self.current = place;
                self.changes.push(row.sequence);
            }
            return Ok(());
        }
        if !keys.iter().take(self.current).any(made_with) {
            return Err(Broken::Content);
        }
        let since = self.changes.last().copied().unwrap_or(1);
        if row.sequence - since <= self.keys.overlap {
            return Ok(());
        }
        Err(Broken::EarlierKey)
    }

    /// What is wrong where the chain ends.
    fn end(&self, head: Option<&AuditHead>) -> Option<(i64, Broken)> {
        let sequence = self.last.sequence;
        let ends_at_head = match head {
            None => sequence == 0,
            Some(head) if sequence == 0 => {
                head.sequence == 0 && self.genesis_key(&head.mac).is_some()
            }
            Some(head) => head.sequence == sequence && same(&head.mac, &self.last.mac),
        };
        if !ends_at_head {
            return Some((sequence, Broken::Head));
        }
        (!self.met).then_some((sequence, Broken::ExpectedHead))
    }
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
