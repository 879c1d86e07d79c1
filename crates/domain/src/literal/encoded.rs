//! Base64 inside longer texts, in either alphabet, in one line or many: where it stands, what it
//! says, and how it is written again with everything else kept.

use super::stream::Escape;

/// A line of base64 that goes on in the next one has at least this many characters.
const LINE: usize = 40;
/// No escape that is read has more characters.
const LONGEST_ESCAPE: usize = 12;

/// A row of characters that may be base64.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Place of each character, in order; line ends are left out.
    pub(super) places: Vec<usize>,
    /// Behind the last character and its padding.
    pub(super) end: usize,
    padding: usize,
    /// `-` and `_` instead of `+` and `/`.
    url: bool,
}

/// All rows of at least `shortest` characters. Words of one letter case only are none: base64 of
/// anything that is looked for has both.
pub(super) fn runs(characters: &[u8], shortest: usize) -> Vec<Run> {
    let mut found = Vec::new();
    let mut place = 0;
    while place < characters.len() {
        if !characters.get(place).is_some_and(|byte| is_of(*byte, None)) {
            place += 1;
            continue;
        }
        let mut seen = Seen::default();
        let start = place;
        let mut line = place;
        let mut lines = false;
        loop {
            while let Some(byte) = characters.get(place).filter(|byte| is_of(**byte, None)) {
                seen.add(*byte);
                place += 1;
            }
            match next_line(characters, line, place) {
                Some(next) => {
                    lines = true;
                    line = next;
                    place = next;
                }
                None => break,
            }
        }
        if place - start < shortest || !(seen.upper && seen.lower) {
            continue;
        }
        if seen.standard && seen.url {
            // Both alphabets do not mix: each has rows of its own.
            for url in [false, true] {
                split(characters, (start, place), url, shortest, &mut found);
            }
        } else {
            let whole = (start..place).filter(|place| {
                !lines
                    || characters
                        .get(*place)
                        .is_some_and(|byte| is_of(*byte, None))
            });
            found.push(run(characters, whole.collect(), place, seen.url));
        }
    }
    found
}

#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for a class of characters"
)]
struct Seen {
    upper: bool,
    lower: bool,
    standard: bool,
    url: bool,
}

impl Seen {
    const fn add(&mut self, byte: u8) {
        match byte {
            b'A'..=b'Z' => self.upper = true,
            b'a'..=b'z' => self.lower = true,
            b'+' | b'/' => self.standard = true,
            b'-' | b'_' => self.url = true,
            _ => {}
        }
    }
}

/// Whether a character belongs to an alphabet: to the one for addresses, the other, or any.
const fn is_of(byte: u8, url: Option<bool>) -> bool {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => true,
        b'+' | b'/' => !matches!(url, Some(true)),
        b'-' | b'_' => !matches!(url, Some(false)),
        _ => false,
    }
}

/// Where the next line begins, when a long line of base64 ends here.
fn next_line(characters: &[u8], line: usize, end: usize) -> Option<usize> {
    if end - line < LINE || !matches!(characters.get(end), Some(b'\r' | b'\n')) {
        return None;
    }
    let white = characters
        .get(end..)?
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace());
    let next = end + white.count();
    characters
        .get(next)
        .is_some_and(|byte| is_of(*byte, None))
        .then_some(next)
}

fn split(
    characters: &[u8],
    range: (usize, usize),
    url: bool,
    shortest: usize,
    found: &mut Vec<Run>,
) {
    let mut places: Vec<usize> = Vec::new();
    for place in range.0..=range.1 {
        let byte = characters.get(place).filter(|_| place < range.1);
        match byte {
            Some(byte) if is_of(*byte, Some(url)) => places.push(place),
            Some(byte) if byte.is_ascii_whitespace() => {}
            _ => {
                if places.len() >= shortest {
                    found.push(run(characters, std::mem::take(&mut places), place, url));
                }
                places.clear();
            }
        }
    }
}

fn run(characters: &[u8], places: Vec<usize>, end: usize, url: bool) -> Run {
    let after = characters.get(end..).unwrap_or_default();
    let padding = after
        .iter()
        .take(2)
        .take_while(|byte| **byte == b'=')
        .count();
    Run {
        places,
        end: end + padding,
        padding,
        url,
    }
}

impl Run {
    /// Where in the row base64 may begin: at its start, or behind a sign that is part of the
    /// alphabet and of addresses and paths as well. One place for each way to group by four.
    pub(super) fn beginnings(&self, characters: &[u8]) -> Vec<usize> {
        let mut found = vec![0];
        for (index, place) in self.places.iter().enumerate() {
            let sign = characters
                .get(*place)
                .is_some_and(|byte| !byte.is_ascii_alphanumeric());
            let next = index + 1;
            if sign && found.iter().all(|known| known % 4 != next % 4) {
                found.push(next);
                if found.len() == 4 {
                    break;
                }
            }
        }
        found
    }

    /// The bytes from a beginning on.
    pub(super) fn decode(&self, characters: &[u8], beginning: usize) -> Vec<u8> {
        let places = self.places.get(beginning..).unwrap_or_default();
        let mut out = Vec::with_capacity(places.len() / 4 * 3 + 2);
        let mut bits = 0_u32;
        let mut count = 0_u32;
        for place in places {
            let byte = characters.get(*place).copied().unwrap_or_default();
            bits = bits << 6 | value(byte);
            count += 6;
            if count >= 8 {
                count -= 8;
                out.push(u8::try_from(bits >> count & 0xff).unwrap_or_default());
            }
        }
        out
    }

    /// What stands instead of the row when these are its bytes: the row's characters (line ends and
    /// padding included) as they would be. `None` where it cannot be told what is base64.
    pub(super) fn written(
        &self,
        characters: &[u8],
        beginning: usize,
        bytes: &[u8],
    ) -> Option<Vec<u8>> {
        let known = self.places.len() - beginning;
        let mut digits = digits(bytes, self.url);
        let same_length = bytes.len() == known * 6 / 8;
        // An escape that follows may be padding: with it taken away that is seen.
        let may_go_on = Escape::at(characters, self.end).is_some();
        let start = *self.places.first()?;
        // Nor is its spelling known while its first characters belong to an escape before it.
        if !same_length && (beginning > 0 || may_go_on || in_escape(characters, start)) {
            return None;
        }
        if same_length {
            // Bits that belong to no byte stay, and so does an odd last character.
            let mut out = characters.get(start..self.end)?.to_vec();
            let whole = bytes.len() * 8 / 6;
            digits.truncate(whole);
            for (place, digit) in self.places.get(beginning..)?.iter().zip(digits) {
                *out.get_mut(place - start)? = digit;
            }
            if !(bytes.len() * 8).is_multiple_of(6) {
                let place = *self.places.get(beginning + whole)?;
                let free = 6 - bytes.len() * 8 % 6;
                let old = value(*characters.get(place)?) & ((1 << free) - 1);
                let last = u32::from(*bytes.last()?) << free & 0x3f;
                *out.get_mut(place - start)? = digit_of(last | old, self.url);
            }
            return Some(out);
        }
        let width = self
            .places
            .windows(2)
            .position(|pair| matches!(pair, [a, b] if *b > a + 1))
            .map(|index| index + 1);
        let mut out = Vec::with_capacity(digits.len() + digits.len() / 32);
        let gap = width.and_then(|width| {
            let from = self.places.get(width - 1)? + 1;
            characters.get(from..*self.places.get(width)?)
        });
        let line = width.unwrap_or(usize::MAX);
        for (index, digit) in digits.iter().enumerate() {
            if index > 0 && index % line == 0 {
                out.extend_from_slice(gap.unwrap_or_default());
            }
            out.push(*digit);
        }
        // Base64 that was padded, or did not have to be, is padded.
        if self.padding > 0 || (known.is_multiple_of(4) && !self.url) {
            out.extend(std::iter::repeat_n(b'=', (4 - digits.len() % 4) % 4));
        }
        Some(out)
    }
}

/// Whether an escape that begins before a place goes on in it.
fn in_escape(characters: &[u8], place: usize) -> bool {
    (place.saturating_sub(LONGEST_ESCAPE)..place)
        .any(|from| Escape::at(characters, from).is_some_and(|escape| from + escape.length > place))
}

fn value(byte: u8) -> u32 {
    match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' | b'-' => 62,
        _ => 63,
    }
}

fn digit_of(value: u32, url: bool) -> u8 {
    const SIGNS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let value = usize::try_from(value & 0x3f).unwrap_or_default();
    match (SIGNS.get(value), value, url) {
        (Some(sign), _, _) => *sign,
        (None, 62, false) => b'+',
        (None, 62, true) => b'-',
        (None, _, false) => b'/',
        (None, _, true) => b'_',
    }
}

/// The digits of bytes, without padding.
fn digits(bytes: &[u8], url: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 4 / 3 + 2);
    for three in bytes.chunks(3) {
        let bits = three.iter().enumerate().fold(0_u32, |bits, (index, byte)| {
            bits | u32::from(*byte) << (16 - 8 * index)
        });
        for index in 0..=three.len() {
            out.push(digit_of(bits >> (18 - 6 * index), url));
        }
    }
    out
}
