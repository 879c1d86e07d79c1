//! The ways in which bytes can be read as characters: byte by byte, as UTF-16 or UTF-32 of either
//! byte order at any alignment, and each of them with its escapes taken away, several times over.
//!
//! Only ASCII matters, because all that is looked for is ASCII; a byte that is not ASCII is one that
//! nothing matches, so that no encoding has to be known or valid.

use std::borrow::Cow;

use memchr::{memchr, memchr3};

/// Escapes within escapes that are taken away; `%25252D` is three.
pub(super) const PASSES: usize = 5;

/// Which bytes are characters: every `stride`-th one, from `offset` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lane {
    pub(super) stride: usize,
    offset: usize,
}

impl Lane {
    /// Where a character of the lane stands.
    pub(super) const fn start(self, unit: usize) -> usize {
        self.offset + unit * self.stride
    }

    /// The end of the bytes of characters up to (not including) this one. What fills up the last
    /// one is not part of it: it stays, whichever byte order it belongs to.
    pub(super) const fn end(self, unit: usize) -> usize {
        match unit.checked_sub(1) {
            Some(last) => self.start(last) + 1,
            None => self.offset,
        }
    }

    /// Characters as bytes of the lane.
    pub(super) fn bytes(self, characters: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(characters.len() * self.stride);
        for (index, character) in characters.iter().enumerate() {
            if index > 0 {
                out.resize(out.len() + self.stride - 1, 0);
            }
            out.push(*character);
        }
        out
    }
}

/// Characters, and for each the place of its first character in the lane.
#[derive(Clone, Debug)]
pub(super) struct Level<'b> {
    pub(super) characters: Cow<'b, [u8]>,
    /// `None`: every character stands for itself.
    starts: Option<Vec<usize>>,
}

impl Level<'_> {
    /// The place in the lane of a character, or of the end.
    pub(super) fn start(&self, place: usize) -> usize {
        match &self.starts {
            None => place,
            Some(starts) => starts.get(place).copied().unwrap_or_default(),
        }
    }

    /// The same with one layer of escapes taken away; `None` where there is none.
    pub(super) fn unescaped(&self) -> Option<Level<'static>> {
        let characters = self.characters.as_ref();
        let mut out = Vec::new();
        let mut starts = Vec::new();
        let mut rest = 0;
        let mut at = 0;
        while let Some(found) = characters
            .get(at..)
            .and_then(|tail| memchr3(b'%', b'\\', b'&', tail))
        {
            let place = at + found;
            let Some(escape) = Escape::at(characters, place) else {
                at = place + 1;
                continue;
            };
            if out.is_empty() {
                out.reserve(characters.len());
                starts.reserve(characters.len() + 1);
            }
            out.extend_from_slice(characters.get(rest..place).unwrap_or_default());
            starts.extend((rest..place).map(|place| self.start(place)));
            out.push(escape.character);
            starts.push(self.start(place));
            at = place + escape.length;
            rest = at;
        }
        if rest == 0 {
            return None;
        }
        out.extend_from_slice(characters.get(rest..).unwrap_or_default());
        starts.extend((rest..=characters.len()).map(|place| self.start(place)));
        Some(Level {
            characters: Cow::Owned(out),
            starts: Some(starts),
        })
    }
}

/// Every way to read the bytes as characters, escapes not yet taken away.
pub(super) fn lanes(bytes: &[u8]) -> Vec<(Lane, Level<'_>)> {
    let plain = Level {
        characters: Cow::Borrowed(bytes),
        starts: None,
    };
    let mut lanes = vec![(
        Lane {
            stride: 1,
            offset: 0,
        },
        plain,
    )];
    if memchr(0, bytes).is_none() {
        return lanes;
    }
    for stride in [2, 4] {
        for offset in 0..stride {
            let level = Level {
                characters: Cow::Owned(wide(bytes, stride, offset)),
                starts: None,
            };
            lanes.push((Lane { stride, offset }, level));
        }
    }
    lanes
}

/// A byte is a character where nothing but zeros stands between it and the next one, or the one
/// before.
fn wide(bytes: &[u8], stride: usize, offset: usize) -> Vec<u8> {
    const NOTHING: u8 = 0x80;
    let zeros = |from: usize, to: usize| {
        bytes
            .get(from..to.min(bytes.len()))
            .is_some_and(|between| between.iter().all(|byte| *byte == 0))
    };
    (offset..bytes.len())
        .step_by(stride)
        .map(|place| {
            let after = zeros(place + 1, place + stride);
            let before = place >= stride - 1 && zeros(place + 1 - stride, place);
            match bytes.get(place) {
                Some(byte) if after || before => *byte,
                _ => NOTHING,
            }
        })
        .collect()
}

/// How a character is escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `%66`
    Percent,
    /// `%u0066`
    PercentU,
    /// `\u0066`
    Unicode,
    /// `\u{66}`
    UnicodeBraces,
    /// `\x66`
    Hex,
    /// `\/`
    Backslash,
    /// `&#x66;`
    EntityHex,
    /// `&#102;`
    Entity,
    /// `&period;`
    EntityName,
}

/// One escaped character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Escape {
    pub(super) form: Form,
    pub(super) character: u8,
    pub(super) length: usize,
}

/// Named characters that stand in identifiers, addresses and escapes themselves.
pub(super) const NAMES: [(&str, u8); 15] = [
    ("amp", b'&'),
    ("lt", b'<'),
    ("gt", b'>'),
    ("quot", b'"'),
    ("apos", b'\''),
    ("period", b'.'),
    ("sol", b'/'),
    ("bsol", b'\\'),
    ("percnt", b'%'),
    ("num", b'#'),
    ("lcub", b'{'),
    ("rcub", b'}'),
    ("lowbar", b'_'),
    ("equals", b'='),
    ("plus", b'+'),
];

impl Escape {
    /// The escape that begins at a place.
    pub(super) fn at(characters: &[u8], place: usize) -> Option<Self> {
        let tail = characters.get(place..)?;
        let made = |form, value: u32, length| {
            Some(Self {
                form,
                character: u8::try_from(value).unwrap_or(0x80),
                length,
            })
        };
        match tail {
            [b'%', b'u' | b'U', digits @ ..] => made(Form::PercentU, fixed(digits, 4)?, 6),
            [b'%', digits @ ..] => made(Form::Percent, fixed(digits, 2)?, 3),
            [b'\\', b'u', b'{', digits @ ..] => {
                let (value, count) = number(digits, 16, 6)?;
                (digits.get(count) == Some(&b'}')).then_some(())?;
                made(Form::UnicodeBraces, value, count + 4)
            }
            [b'\\', b'u' | b'U', digits @ ..] => made(Form::Unicode, fixed(digits, 4)?, 6),
            [b'\\', b'x' | b'X', digits @ ..] => made(Form::Hex, fixed(digits, 2)?, 4),
            [
                b'\\',
                plain @ (b'/' | b'\\' | b'"' | b'\'' | b'.' | b'-'),
                ..,
            ] => made(Form::Backslash, u32::from(*plain), 2),
            [b'&', b'#', b'x' | b'X', digits @ ..] => {
                let (value, count) = number(digits, 16, 8)?;
                let closed = usize::from(digits.get(count) == Some(&b';'));
                made(Form::EntityHex, value, count + 3 + closed)
            }
            [b'&', b'#', digits @ ..] => {
                let (value, count) = number(digits, 10, 8)?;
                let closed = usize::from(digits.get(count) == Some(&b';'));
                made(Form::Entity, value, count + 2 + closed)
            }
            [b'&', name @ ..] => NAMES.iter().find_map(|(word, character)| {
                let after = name.strip_prefix(word.as_bytes())?;
                (after.first() == Some(&b';')).then_some(())?;
                made(Form::EntityName, u32::from(*character), word.len() + 2)
            }),
            _ => None,
        }
    }
}

fn digit(byte: u8, radix: u32) -> Option<u32> {
    char::from(byte).to_digit(radix)
}

fn fixed(digits: &[u8], count: usize) -> Option<u32> {
    let digits = digits.get(..count)?;
    digits
        .iter()
        .try_fold(0, |value, byte| Some(value * 16 + digit(*byte, 16)?))
}

/// A number of at least one and at most `most` digits, and how many it has.
fn number(digits: &[u8], radix: u32, most: usize) -> Option<(u32, usize)> {
    let mut value = 0_u32;
    let mut count = 0;
    while let Some(next) = digits.get(count).and_then(|byte| digit(*byte, radix)) {
        if count == most {
            return None;
        }
        value = value.checked_mul(radix)?.checked_add(next)?;
        count += 1;
    }
    (count > 0).then_some((value, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_is_taken_away_and_its_place_remembered() {
        for (text, wanted) in [
            ("a%2Db", "a-b"),
            ("a%u002Db", "a-b"),
            ("a\\u002db", "a-b"),
            ("a\\u{2d}b", "a-b"),
            ("a\\x2Db", "a-b"),
            ("a\\/b", "a/b"),
            ("a&#x2d;b", "a-b"),
            ("a&#45;b", "a-b"),
            ("a&#0045 b", "a- b"),
            ("a&period;b", "a.b"),
        ] {
            let lanes = lanes(text.as_bytes());
            let [(_, level)] = &lanes[..] else {
                unreachable!("one lane")
            };
            let plain = level.unescaped().map(|level| {
                assert_eq!(level.start(0), 0);
                assert_eq!(level.start(1), 1);
                assert_eq!(level.start(level.characters.len()), text.len());
                String::from_utf8_lossy(&level.characters).into_owned()
            });
            assert_eq!(plain.as_deref(), Some(wanted), "{text}");
        }
        for text in ["100%", "a\\b", "a & b", "&#;", "%zz", "\\u00", "&copy;"] {
            let lanes = lanes(text.as_bytes());
            assert!(
                lanes.iter().all(|(_, level)| level.unescaped().is_none()),
                "{text}"
            );
        }
    }

    #[test]
    fn wide_characters_are_read_at_every_alignment_and_in_both_orders() {
        let little: Vec<u8> = "ab.c".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "ab.c".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [&little, &big, &[&b"x"[..], &little].concat()] {
            let found = lanes(bytes)
                .into_iter()
                .any(|(_, level)| level.characters.windows(4).any(|four| four == b"ab.c"));
            assert!(found, "{bytes:?}");
        }
    }
}
