//! Texts of the source tenant (its GUID, its domains) and ids of its objects inside values: finding
//! and replacing them, in every spelling that a program would understand.
//!
//! A value is bytes. They are searched as they stand, as UTF-16 and UTF-32, with percent, JSON and
//! XML escapes taken away layer by layer, and inside base64 of either alphabet, all of it in each
//! other to a fixed depth. What is replaced is written as it was found; every other byte stays.

use std::collections::{BTreeMap, BTreeSet};

use std::sync::LazyLock;

use uuid::Uuid;

mod encoded;
mod scan;
mod spell;
mod stream;

pub(crate) use scan::{Needles, What, sid_of};

use scan::Hit;
use stream::{Lane, Level};

static SIDS: LazyLock<Needles> = LazyLock::new(Needles::sids);

/// Base64 in base64 is followed this far.
const DEPTH: usize = 4;

/// What takes the place of a find; `None` leaves it.
type Replace<'r> = &'r dyn Fn(What) -> Option<String>;

/// One stretch of bytes with a find in it.
struct Edit {
    start: usize,
    end: usize,
    found: Vec<What>,
    /// What stands there instead; `None` where nothing can or should.
    bytes: Option<Vec<u8>>,
}

/// Everything that stands in a text.
pub(crate) fn find(text: &str, needles: &Needles) -> BTreeSet<What> {
    if needles.is_empty() {
        return BTreeSet::new();
    }
    let edits = walk(text.as_bytes(), needles, None, DEPTH);
    edits.into_iter().flat_map(|edit| edit.found).collect()
}

/// The text with every find replaced; `None` when nothing is.
pub(crate) fn rewritten(text: &str, needles: &Needles, to: Replace<'_>) -> Option<String> {
    if needles.is_empty() {
        return None;
    }
    let edits = walk(text.as_bytes(), needles, Some(to), DEPTH);
    let changed = edits.iter().any(|edit| edit.bytes.is_some());
    changed.then(|| String::from_utf8(apply(text.as_bytes(), &edits)).ok())?
}

/// The literals of a request, ready to be replaced.
pub(crate) struct Replacements<'l> {
    needles: Needles,
    literals: &'l BTreeMap<String, String>,
}

impl<'l> Replacements<'l> {
    pub(crate) fn of(literals: &'l BTreeMap<String, String>) -> Self {
        Self {
            needles: Needles::texts(literals.keys().map(String::as_str)),
            literals,
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.literals.is_empty()
    }

    /// Replaces them in a text.
    pub(crate) fn apply(&self, text: &mut String) {
        let to = |what| self.literals.get(self.needles.text(what)?).cloned();
        if let Some(changed) = rewritten(text, &self.needles, &to) {
            *text = changed;
        }
    }

    /// The literals that stand in a text, replaced or not.
    pub(crate) fn left(&self, text: &str) -> BTreeSet<&str> {
        // A replacement may contain what it replaces.
        let found = find(text, &self.needles).into_iter();
        found
            .filter_map(|what| self.literals.get_key_value(self.needles.text(what)?))
            .filter(|(from, to)| {
                let itself = Needles::texts([from.as_str()]);
                find(to, &itself).is_empty()
            })
            .map(|(from, _)| from.as_str())
            .collect()
    }
}

/// A text with the security identifiers of these objects replaced by other texts.
pub(crate) fn replace_sids(text: &mut String, to: &dyn Fn(Uuid) -> Option<String>) {
    let replace = |what| match what {
        What::Sid(id) => to(id),
        _ => None,
    };
    if let Some(changed) = rewritten(text, &SIDS, &replace) {
        *text = changed;
    }
}

/// The objects of the directory whose security identifiers stand in a text.
pub(crate) fn sids(text: &str) -> BTreeSet<Uuid> {
    let found = find(text, &SIDS).into_iter();
    found
        .filter_map(|what| match what {
            What::Sid(id) => Some(id),
            _ => None,
        })
        .collect()
}

/// All finds of bytes, in order and without overlaps.
fn walk(bytes: &[u8], needles: &Needles, to: Option<Replace<'_>>, depth: usize) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    if bytes.len() < needles.shortest() {
        return edits;
    }
    for (lane, first) in stream::lanes(bytes) {
        let mut level = first;
        for layer in 0..=stream::PASSES {
            let at = At {
                bytes,
                lane,
                level: &level,
                layer,
            };
            at.hits(needles, to, &mut edits);
            if depth > 0 {
                at.base64(needles, to, depth, &mut edits);
            }
            match level.unescaped() {
                Some(plainer) if layer < stream::PASSES => level = plainer,
                _ => break,
            }
        }
    }
    if depth < DEPTH {
        for hit in needles.scan_binary(bytes) {
            let replaced = to.and_then(|to| binary(hit.what, to));
            add(&mut edits, (hit.start, hit.end), vec![hit.what], replaced);
        }
    }
    edits.sort_by_key(|edit| edit.start);
    edits
}

/// The bytes of a GUID for those of another.
fn binary(what: What, to: Replace<'_>) -> Option<Vec<u8>> {
    let id = Uuid::try_parse(&to(what)?).ok()?;
    match what {
        What::Guid { mixed: true, .. } => Some(id.to_bytes_le().to_vec()),
        _ => Some(id.as_bytes().to_vec()),
    }
}

/// Adds an edit unless an earlier one stands there: what was found with fewer layers taken away is
/// the same in its plainer spelling. One that could not be written gives way to one that can.
fn add(
    edits: &mut Vec<Edit>,
    (start, end): (usize, usize),
    found: Vec<What>,
    bytes: Option<Vec<u8>>,
) {
    let apart = |known: &Edit| known.end <= start || end <= known.start;
    let free = |known: &Edit| apart(known) || (known.bytes.is_none() && bytes.is_some());
    if edits.iter().all(free) {
        edits.retain(apart);
        edits.push(Edit {
            start,
            end,
            found,
            bytes,
        });
    }
}

fn apply(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = 0;
    for edit in edits {
        if let Some(new) = &edit.bytes {
            out.extend_from_slice(bytes.get(rest..edit.start).unwrap_or_default());
            out.extend_from_slice(new);
            rest = edit.end;
        }
    }
    out.extend_from_slice(bytes.get(rest..).unwrap_or_default());
    out
}

/// One reading of some bytes.
struct At<'a> {
    bytes: &'a [u8],
    lane: Lane,
    level: &'a Level<'a>,
    /// Layers of escapes that were taken away.
    layer: usize,
}

impl At<'_> {
    /// The bytes of these characters.
    fn range(&self, start: usize, end: usize) -> (usize, usize) {
        let (start, end) = (self.level.start(start), self.level.start(end));
        (self.lane.start(start), self.lane.end(end))
    }

    /// These characters with their spelling.
    fn units(&self, start: usize, end: usize) -> Vec<spell::Unit> {
        let (start, end) = self.range(start, end);
        let bytes = self.bytes.get(start..end).unwrap_or_default();
        let raw: Vec<u8> = bytes.iter().copied().step_by(self.lane.stride).collect();
        spell::units(&raw, self.layer)
    }

    fn hits(&self, needles: &Needles, to: Option<Replace<'_>>, edits: &mut Vec<Edit>) {
        let mut hits = needles.scan(&self.level.characters);
        hits.sort_by_key(|hit| (hit.start, std::cmp::Reverse(hit.end)));
        for hit in hits {
            let new = to.and_then(|to| self.replaced(hit, &to(hit.what)?));
            add(edits, self.range(hit.start, hit.end), vec![hit.what], new);
        }
    }

    fn replaced(&self, hit: Hit, to: &str) -> Option<Vec<u8>> {
        let units = self.units(hit.start, hit.end);
        let characters = match (hit.what, Uuid::try_parse(to)) {
            (What::Guid { mixed, .. }, Ok(id)) => spell::guid(&units, id, mixed),
            // There is no such order of anything but a GUID.
            (What::Guid { mixed: true, .. }, Err(_)) => return None,
            _ if to.is_ascii() => spell::text(to.as_bytes(), &units),
            // Letters beyond ASCII are written where nothing is escaped.
            _ if self.lane.stride == 1 && self.layer == 0 => to.as_bytes().to_vec(),
            _ => return None,
        };
        Some(self.lane.bytes(&characters))
    }

    /// Finds inside base64.
    fn base64(
        &self,
        needles: &Needles,
        to: Option<Replace<'_>>,
        depth: usize,
        edits: &mut Vec<Edit>,
    ) {
        let characters = self.level.characters.as_ref();
        // Four characters are three bytes.
        let shortest = needles.shortest().saturating_mul(4).div_ceil(3);
        for run in encoded::runs(characters, shortest.max(8)) {
            for beginning in run.beginnings(characters) {
                let inside = run.decode(characters, beginning);
                let finds = walk(&inside, needles, to, depth - 1);
                if finds.is_empty() {
                    continue;
                }
                let start = run.places.first().copied().unwrap_or_default();
                let changed = finds.iter().any(|find| find.bytes.is_some());
                let new = changed
                    .then(|| run.written(characters, beginning, &apply(&inside, &finds)))
                    .flatten()
                    .map(|text| {
                        let spelled = spell::text(&text, &self.units(start, run.end));
                        self.lane.bytes(&spelled)
                    });
                let found = finds.into_iter().flat_map(|find| find.found).collect();
                add(edits, self.range(start, run.end), found, new);
                break;
            }
        }
    }
}

#[cfg(test)]
mod literal_test;
