//! Writes characters in the spelling in which others stand: escaped as they are, digit for digit
//! where a GUID takes the place of a GUID.

use std::collections::HashMap;

use uuid::Uuid;

use super::scan::is_digit;
use super::stream::{Escape, Form, NAMES};

/// One character and how it is written.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    character: u8,
    escape: Option<(Form, Vec<Unit>)>,
}

/// The characters of a stretch with this many layers of escapes taken away.
pub(super) fn units(raw: &[u8], layers: usize) -> Vec<Unit> {
    let mut units: Vec<Unit> = raw
        .iter()
        .map(|character| Unit {
            character: *character,
            escape: None,
        })
        .collect();
    for _ in 0..layers {
        let characters = characters(&units);
        let mut place = 0;
        let mut next = Vec::with_capacity(units.len());
        while let Some(unit) = units.get(place) {
            let escape = Escape::at(&characters, place);
            let parts = escape.and_then(|escape| units.get(place..place + escape.length));
            let (Some(escape), Some(parts)) = (escape, parts) else {
                next.push(unit.clone());
                place += 1;
                continue;
            };
            next.push(Unit {
                character: escape.character,
                escape: Some((escape.form, parts.to_vec())),
            });
            place += escape.length;
        }
        units = next;
    }
    units
}

pub(super) fn characters(units: &[Unit]) -> Vec<u8> {
    units.iter().map(|unit| unit.character).collect()
}

/// A GUID in the place of another, digit for digit; what stands between the digits stays.
/// `mixed`: in the order in which Windows stores the bytes.
pub(super) fn guid(units: &[Unit], to: Uuid, mixed: bool) -> Vec<u8> {
    let bytes = if mixed {
        to.to_bytes_le()
    } else {
        *to.as_bytes()
    };
    let old = characters(units);
    let is_letter = |letters: fn(&u8) -> bool| {
        old.iter()
            .enumerate()
            .any(|(place, byte)| is_digit(&old, place) && letters(byte))
    };
    let capitals = is_letter(u8::is_ascii_uppercase) && !is_letter(u8::is_ascii_lowercase);
    let mut digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|value| hex_digit(value, capitals));
    let cases = Cases::of(units);
    let mut out = Vec::new();
    for (place, unit) in units.iter().enumerate() {
        let new = is_digit(&old, place).then(|| digits.next()).flatten();
        out.extend(spelled(new.unwrap_or(unit.character), unit, &cases));
    }
    out
}

fn hex_digit(value: u8, capital: bool) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ if capital => b'A' + value - 10,
        _ => b'a' + value - 10,
    }
}

/// A text in the spelling of another: each character as the same one stood there, else as one of
/// its sort did.
pub(super) fn text(text: &[u8], like: &[Unit]) -> Vec<u8> {
    written(text, like, &Cases::of(like))
}

fn written(text: &[u8], like: &[Unit], cases: &Cases) -> Vec<u8> {
    let mut same: HashMap<u8, &Unit> = HashMap::new();
    for unit in like {
        same.entry(unit.character).or_insert(unit);
    }
    let sort = |byte: u8| byte.is_ascii_alphanumeric();
    let first = |of: bool| like.iter().find(|unit| sort(unit.character) == of);
    let (word, sign) = (first(true), first(false));
    let aligned = text.len() == like.len();
    let mut out = Vec::with_capacity(text.len());
    for (index, character) in text.iter().enumerate() {
        let beside = like
            .get(index)
            .filter(|unit| aligned && sort(unit.character) == sort(*character));
        let unit = beside
            .or_else(|| same.get(character).copied())
            .or(if sort(*character) { word } else { sign })
            .or(like.first());
        match unit {
            Some(unit) => out.extend(spelled(*character, unit, cases)),
            None => out.push(*character),
        }
    }
    out
}

/// Whether the digits of escapes are capitals, layer by layer from the innermost: one escape alone
/// may have no digit that tells.
struct Cases(Vec<Option<bool>>);

impl Cases {
    fn of(units: &[Unit]) -> Self {
        let mut cases = Vec::new();
        learn(units, 0, &mut cases);
        Self(cases)
    }

    fn capital(&self, form: Form) -> bool {
        let learnt = self.0.first().copied().flatten();
        learnt.unwrap_or(matches!(form, Form::Percent | Form::PercentU))
    }

    /// Those of the layer around.
    fn outer(&self) -> Self {
        Self(self.0.get(1..).unwrap_or_default().to_vec())
    }
}

fn learn(units: &[Unit], layer: usize, cases: &mut Vec<Option<bool>>) {
    for (form, parts) in units.iter().filter_map(|unit| unit.escape.as_ref()) {
        if cases.len() <= layer {
            cases.push(None);
        }
        if let Some(case @ None) = cases.get_mut(layer) {
            let letter = parts.iter().skip(before_digits(*form)).find(|part| {
                part.character.is_ascii_alphabetic() && part.character.is_ascii_hexdigit()
            });
            *case = letter.map(|letter| letter.character.is_ascii_uppercase());
        }
        learn(parts, layer + 1, cases);
    }
}

/// Characters of an escape before its digits.
const fn before_digits(form: Form) -> usize {
    match form {
        Form::Percent => 1,
        Form::PercentU | Form::Unicode | Form::Hex | Form::Entity => 2,
        Form::UnicodeBraces | Form::EntityHex => 3,
        // No digits: all of it is passed over.
        Form::Backslash | Form::EntityName => usize::MAX,
    }
}

/// A character, escaped as another is.
fn spelled(character: u8, unit: &Unit, cases: &Cases) -> Vec<u8> {
    match &unit.escape {
        None => vec![character],
        Some((form, parts)) => {
            let old = characters(parts);
            let outer = cases.outer();
            if character == unit.character {
                return written(&old, parts, &outer);
            }
            let new = escaped(character, *form, &old, cases.capital(*form));
            written(&new, parts, &outer)
        }
    }
}

fn escaped(character: u8, form: Form, old: &[u8], capital: bool) -> Vec<u8> {
    // Leading zeros stay.
    let width = old
        .iter()
        .skip(before_digits(form))
        .take_while(|byte| byte.is_ascii_hexdigit())
        .count();
    let hex = if capital {
        format!("{character:0width$X}")
    } else {
        format!("{character:0width$x}")
    };
    let sign = |count: usize| String::from_utf8_lossy(old.get(..count).unwrap_or_default());
    let text = match form {
        Form::Percent => format!("%{hex}"),
        Form::PercentU | Form::Unicode | Form::Hex => format!("{}{hex}", sign(2)),
        Form::UnicodeBraces => format!("{}{{{hex}}}", sign(2)),
        Form::EntityHex => format!("{}{hex};", sign(3)),
        Form::Entity => format!("&#{character:0width$};"),
        Form::Backslash if matches!(character, b'/' | b'\\' | b'"' | b'\'' | b'.' | b'-') => {
            return vec![b'\\', character];
        }
        Form::EntityName => match NAMES.iter().find(|(_, named)| *named == character) {
            Some((name, _)) => format!("&{name};"),
            // There is no name for it, and it needs no escape.
            None => return vec![character],
        },
        Form::Backslash => return vec![character],
    };
    text.into_bytes()
}
