//! The opaque text of a list's cursor: the list's name and the key of its last item, packed. Decides
//! what is one of ours; must not decide what the parts mean.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Stands between the parts; no name of a list and no key holds it.
const SEPARATOR: char = '\u{1f}';
/// Longest content of a cursor, in bytes.
const LONGEST: usize = 4096;

/// Packs the key of an item.
pub fn encode(list: &str, parts: &[&str]) -> String {
    let mut text = list.to_owned();
    for part in parts {
        text.push(SEPARATOR);
        text.push_str(part);
    }
    URL_SAFE_NO_PAD.encode(text)
}

/// The parts of a cursor of this list; `None` when it is not one that the list gave out.
pub fn decode(text: &str, list: &str, parts: usize) -> Option<Vec<String>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    if text.contains('\0') || text.len() > LONGEST {
        return None;
    }
    let mut pieces = text.split(SEPARATOR).map(str::to_owned);
    let named = pieces.next()? == list;
    let rest: Vec<String> = pieces.collect();
    (named && rest.len() == parts).then_some(rest)
}
