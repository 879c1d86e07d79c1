//! What stands in one reading of some bytes. A GUID is its 32 digits, whatever stands between them:
//! hyphens, braces, commas, `0x`, line ends, nothing.

use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::HashMap;
use uuid::Uuid;

/// The digits of a GUID.
const DIGITS: usize = 32;
/// How the identifier of an object of the directory begins as a Windows security identifier; four
/// numbers follow.
const SID: &str = "S-1-12-1-";

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// One of the texts, by position.
    Text(usize),
    /// One of the texts that is a GUID. `mixed`: in the order in which Windows stores its bytes.
    Guid {
        /// Position of the text.
        index: usize,
        /// Byte order.
        mixed: bool,
    },
    /// A security identifier of the directory, as the object id it stands for.
    Sid(Uuid),
    /// Any GUID.
    Any(Uuid),
}

/// What is looked for.
#[derive(Debug, Default)]
pub(crate) struct Needles {
    texts: Vec<String>,
    guids: HashMap<u128, What>,
    words: Option<AhoCorasick>,
    /// What a word of `words` is; the last one may be [`SID`].
    meanings: Vec<Option<What>>,
    binary: Option<AhoCorasick>,
    binaries: Vec<What>,
    any: bool,
    /// Fewer characters than this hold nothing.
    shortest: usize,
}

/// One find, in characters of the level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub(super) what: What,
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Needles {
    /// These texts; GUIDs in every spelling, other texts in any letter case.
    pub(crate) fn texts<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::new(texts, false, false)
    }

    /// These texts, and any GUID.
    pub(crate) fn texts_and_ids<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        Self::new(texts, false, true)
    }

    /// Security identifiers of objects of the directory.
    pub(crate) fn sids() -> Self {
        Self::new([], true, false)
    }

    fn new<'t>(texts: impl IntoIterator<Item = &'t str>, sids: bool, any: bool) -> Self {
        let mut needles = Self {
            any,
            shortest: if any { 22 } else { usize::MAX },
            ..Self::default()
        };
        let mut words: Vec<&str> = Vec::new();
        for text in texts.into_iter().filter(|text| !text.is_empty()) {
            let index = needles.texts.len();
            needles.texts.push(text.to_owned());
            let Ok(guid) = Uuid::try_parse(text) else {
                words.push(text);
                needles.meanings.push(Some(What::Text(index)));
                needles.shortest = needles.shortest.min(text.len());
                continue;
            };
            let [plain, mixed] = [false, true].map(|mixed| What::Guid { index, mixed });
            needles.guids.insert(guid.as_u128(), plain);
            let stored = u128::from_be_bytes(guid.to_bytes_le());
            needles.guids.entry(stored).or_insert(mixed);
            needles.binaries.extend([plain, mixed]);
            needles.shortest = needles.shortest.min(16);
        }
        if sids {
            words.push(SID);
            needles.meanings.push(None);
            needles.shortest = needles.shortest.min(SID.len() + 7);
        }
        // A set of patterns that is too large for the automaton's limits is not possible here; the
        // search for GUIDs would go on without it.
        needles.words = (!words.is_empty())
            .then(|| {
                AhoCorasick::builder()
                    .ascii_case_insensitive(true)
                    .match_kind(MatchKind::LeftmostLongest)
                    .build(&words)
                    .ok()
            })
            .flatten();
        let patterns: Vec<[u8; 16]> = needles
            .binaries
            .iter()
            .filter_map(|what| match what {
                What::Guid { index, mixed } => {
                    let guid = Uuid::try_parse(needles.texts.get(*index)?).ok()?;
                    Some(if *mixed {
                        guid.to_bytes_le()
                    } else {
                        *guid.as_bytes()
                    })
                }
                _ => None,
            })
            .collect();
        needles.binary = (!patterns.is_empty())
            .then(|| AhoCorasick::new(&patterns).ok())
            .flatten();
        needles
    }

    /// A text by its position.
    pub(crate) fn text(&self, what: What) -> Option<&str> {
        match what {
            What::Text(index) | What::Guid { index, .. } => {
                self.texts.get(index).map(String::as_str)
            }
            What::Sid(_) | What::Any(_) => None,
        }
    }

    /// Whether anything is looked for at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.texts.is_empty() && self.meanings.is_empty() && !self.any
    }

    /// Fewest characters that can hold anything.
    pub(super) const fn shortest(&self) -> usize {
        self.shortest
    }

    /// Everything in the characters, in no order, overlaps included.
    pub(super) fn scan(&self, characters: &[u8]) -> Vec<Hit> {
        let mut hits = Vec::new();
        if characters.len() < self.shortest {
            return hits;
        }
        if let Some(words) = &self.words {
            for found in words.find_iter(characters) {
                let hit = match self.meanings.get(found.pattern().as_usize()) {
                    Some(Some(what)) => Some((*what, found.end())),
                    Some(None) => {
                        sid(characters, found.end()).map(|(id, end)| (What::Sid(id), end))
                    }
                    None => None,
                };
                hits.extend(hit.map(|(what, end)| Hit {
                    what,
                    start: found.start(),
                    end,
                }));
            }
        }
        if (self.any || !self.guids.is_empty()) && characters.len() >= DIGITS {
            self.digits(characters, &mut hits);
        }
        hits
    }

    /// GUIDs as the 16 bytes they are.
    pub(super) fn scan_binary(&self, bytes: &[u8]) -> Vec<Hit> {
        let found = self
            .binary
            .iter()
            .flat_map(|binary| binary.find_iter(bytes));
        found
            .filter_map(|found| {
                Some(Hit {
                    what: *self.binaries.get(found.pattern().as_usize())?,
                    start: found.start(),
                    end: found.end(),
                })
            })
            .collect()
    }

    fn digits(&self, characters: &[u8], hits: &mut Vec<Hit>) {
        let mut window = Window::default();
        let mut place = 0;
        while let Some(character) = characters.get(place) {
            match CLASSES.get(usize::from(*character)).copied() {
                Some(value @ 0..=15) => {
                    if value == 0 && matches!(characters.get(place + 1), Some(b'x' | b'X')) {
                        // `0x` introduces digits; the last digit of a GUID may stand before an x.
                        let mut last = window;
                        last.push(value, place);
                        self.look(&last, characters, hits);
                        place += 2;
                        continue;
                    }
                    window.push(value, place);
                    self.look(&window, characters, hits);
                }
                Some(BETWEEN) => {}
                _ => window.count = 0,
            }
            place += 1;
        }
    }

    fn look(&self, window: &Window, characters: &[u8], hits: &mut Vec<Hit>) {
        if window.count < DIGITS {
            return;
        }
        let (start, end) = window.range();
        let known = self.guids.get(&window.digits).copied();
        let what = known.or_else(|| {
            let shaped = self.any && is_apart(characters, start, end);
            shaped.then(|| What::Any(Uuid::from_u128(window.digits)))
        });
        hits.extend(what.map(|what| Hit { what, start, end }));
    }
}

/// Whether the digits are a GUID in itself: with all hyphens or none, and no more digits around.
fn is_apart(characters: &[u8], start: usize, end: usize) -> bool {
    let alone = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let hyphens = |text: &[u8]| {
        [8, 13, 18, 23]
            .iter()
            .all(|place| text.get(*place) == Some(&b'-'))
    };
    let shaped = match end - start {
        DIGITS => true,
        36 => characters.get(start..end).is_some_and(hyphens),
        _ => false,
    };
    let before = start.checked_sub(1).and_then(|place| characters.get(place));
    shaped && alone(before) && alone(characters.get(end))
}

/// The last digits and where they stand.
#[derive(Clone, Copy, Default)]
struct Window {
    digits: u128,
    places: [usize; DIGITS],
    count: usize,
}

impl Window {
    fn push(&mut self, value: u8, place: usize) {
        if let Some(slot) = self.places.get_mut(self.count % DIGITS) {
            *slot = place;
        }
        self.digits = self.digits << 4 | u128::from(value);
        self.count += 1;
    }

    /// From the first digit of the window to behind its last one.
    fn range(&self) -> (usize, usize) {
        let place = |index: usize| self.places.get(index % DIGITS).copied().unwrap_or_default();
        (place(self.count), place(self.count + DIGITS - 1) + 1)
    }
}

/// May stand between digits.
const BETWEEN: u8 = 16;
/// Ends a row of digits.
const BREAK: u8 = 17;
/// Per byte: the value of a hexadecimal digit, [`BETWEEN`] or [`BREAK`].
const CLASSES: [u8; 256] = classes();

const fn classes() -> [u8; 256] {
    let mut classes = [BREAK; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let class = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            0 => BREAK,
            _ if byte.is_ascii_alphabetic() => BREAK,
            _ => BETWEEN,
        };
        #[expect(clippy::indexing_slicing, reason = "a byte is an index of 256 places")]
        {
            classes[byte as usize] = class;
        }
        byte += 1;
    }
    classes
}

/// Whether a character is a digit of a GUID, at this place of these characters.
pub(super) fn is_digit(characters: &[u8], place: usize) -> bool {
    let introduces = characters.get(place) == Some(&b'0')
        && matches!(characters.get(place + 1), Some(b'x' | b'X'));
    characters.get(place).is_some_and(u8::is_ascii_hexdigit) && !introduces
}

/// The object id in the four numbers that begin at a place, and their end.
fn sid(characters: &[u8], start: usize) -> Option<(Uuid, usize)> {
    let mut bytes = [0_u8; 16];
    let mut place = start;
    for (index, word) in bytes.chunks_exact_mut(4).enumerate() {
        if index > 0 {
            (characters.get(place) == Some(&b'-')).then_some(())?;
            place += 1;
        }
        let mut value: Option<u32> = None;
        while let Some(digit) = characters.get(place).filter(|byte| byte.is_ascii_digit()) {
            let digit = u32::from(digit - b'0');
            value = Some(value.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
            place += 1;
        }
        word.copy_from_slice(&value?.to_le_bytes());
    }
    // A longer identifier is another one.
    let longer = characters.get(place) == Some(&b'-')
        && characters.get(place + 1).is_some_and(u8::is_ascii_digit);
    (!longer).then(|| (Uuid::from_bytes_le(bytes), place))
}

/// The security identifier of an object of the directory.
pub(crate) fn sid_of(id: Uuid) -> String {
    let bytes = id.to_bytes_le();
    let (words, _) = bytes.as_chunks::<4>();
    let numbers: Vec<String> = words
        .iter()
        .map(|word| u32::from_le_bytes(*word).to_string())
        .collect();
    format!("{SID}{}", numbers.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_security_identifier_and_its_object_id_are_one() {
        // Windows documentation's own example has these four words for this object.
        let id = Uuid::from_u128(0xf768_064f_9585_47ad_a39e_ded2_4c2c_063f);
        let text = sid_of(id);
        let needles = Needles::sids();
        for (around, found) in [
            (format!("x{text}y"), true),
            (text.to_lowercase(), true),
            (format!("{text}-1"), false),
            ("S-1-12-1-1-2-3".to_owned(), false),
            ("S-1-12-1-1-2-3-4294967296".to_owned(), false),
        ] {
            let hits = needles.scan(around.as_bytes());
            let first = hits.first().map(|hit| hit.what);
            assert_eq!(first, found.then_some(What::Sid(id)), "{around}");
        }
    }
}
