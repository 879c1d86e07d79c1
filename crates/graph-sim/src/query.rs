//! OData query options: `$filter`, `$select`, `$expand`, `$top`, `$skiptoken`, `$orderby`.
//!
//! Only what the served collections need; everything else is refused as Graph refuses it.

mod filter;

use serde_json::{Map, Value};

use crate::answer::Refusal;

pub(crate) use filter::Filter;

/// The parsed options of one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub filter: Option<Filter>,
    pub select: Option<Vec<String>>,
    pub expand: Vec<Expansion>,
    pub top: Option<usize>,
    pub skip: usize,
    pub order_by: Option<(String, bool)>,
    pub count: bool,
    /// The pairs as sent, to build the next link from.
    pairs: Vec<(String, String)>,
}

/// One entry of `$expand`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expansion {
    pub name: String,
    pub nested: Vec<String>,
}

impl Query {
    /// Parses a raw query string.
    pub fn parse(raw: &str) -> Result<Self, Refusal> {
        let mut query = Self {
            pairs: decode_pairs(raw),
            ..Self::default()
        };
        for (name, value) in query.pairs.clone() {
            let number = || {
                value.parse::<usize>().map_err(|_| {
                    Refusal::bad_request(format!(
                        "Invalid value '{value}' for {name} query option found."
                    ))
                })
            };
            match name.to_lowercase().trim_start_matches('$') {
                "filter" => query.filter = Some(Filter::parse(&value)?),
                "select" => {
                    query.select = Some(
                        value
                            .split(',')
                            .map(|part| part.trim().to_owned())
                            .collect(),
                    );
                }
                "expand" => query.expand = parse_expand(&value)?,
                "top" => query.top = Some(number()?),
                "skip" => query.skip = number()?,
                "skiptoken" => query.skip = decode_token(&value)?,
                "orderby" => {
                    let mut words = value.split_whitespace();
                    let property = words.next().unwrap_or_default().to_owned();
                    query.order_by = Some((property, words.next() == Some("desc")));
                }
                "count" => query.count = value == "true",
                "search" | "apply" => {
                    return Err(Refusal::bad_request(format!(
                        "The query option '{name}' is not supported."
                    )));
                }
                _ if name.starts_with('$') => {
                    return Err(Refusal::bad_request(format!(
                        "The query parameter '{name}' is not supported."
                    )));
                }
                _ => {}
            }
        }
        Ok(query)
    }

    pub fn expansion(&self, name: &str) -> Option<&Expansion> {
        self.expand
            .iter()
            .find(|entry| entry.name.eq_ignore_ascii_case(name))
    }

    /// Whether this request continues an earlier page.
    pub fn is_continuation(&self) -> bool {
        self.pairs
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("$skiptoken"))
    }

    /// The same options with another place to continue from.
    pub fn with_skip(&self, skip: usize) -> String {
        let mut parts: Vec<String> = self
            .pairs
            .iter()
            .filter(|(name, _)| {
                !name.eq_ignore_ascii_case("$skiptoken") && !name.eq_ignore_ascii_case("$skip")
            })
            .map(|(name, value)| format!("{}={}", name, encode(value)))
            .collect();
        parts.push(format!("$skiptoken={}", encode_token(skip)));
        parts.join("&")
    }

    /// Applies `$select` to a presented object.
    pub fn project(&self, body: &mut Map<String, Value>) {
        let Some(select) = &self.select else { return };
        body.retain(|name, _| {
            name.starts_with("@odata.")
                || select.iter().any(|wanted| {
                    wanted == "*"
                        || wanted.eq_ignore_ascii_case(name)
                        || name.split_once('@').is_some_and(|(base, _)| base == wanted)
                })
                || self
                    .expansion(name.split('@').next().unwrap_or(name))
                    .is_some()
        });
    }
}

/// Tokens are opaque to callers: an offset, disguised enough that nobody counts with it.
fn encode_token(skip: usize) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(format!("sim:{skip}"))
}

fn decode_token(token: &str) -> Result<usize, Refusal> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .and_then(|text| text.strip_prefix("sim:").and_then(|rest| rest.parse().ok()))
        .ok_or_else(|| Refusal::bad_request("The skip token is not valid."))
}

fn parse_expand(text: &str) -> Result<Vec<Expansion>, Refusal> {
    let invalid = || Refusal::bad_request(format!("Invalid $expand clause: '{text}'."));
    let mut entries = Vec::new();
    for part in split_top_level(text) {
        let part = part.trim();
        let Some((name, inner)) = part.split_once('(') else {
            if part.is_empty() {
                return Err(invalid());
            }
            entries.push(Expansion {
                name: part.to_owned(),
                nested: Vec::new(),
            });
            continue;
        };
        let inner = inner.strip_suffix(')').ok_or_else(invalid)?;
        let nested = match inner.strip_prefix("$expand=") {
            Some(names) => names
                .split(',')
                .map(|name| name.trim().to_owned())
                .collect(),
            None if inner.starts_with("$select=") || inner.starts_with("$top=") => Vec::new(),
            None => return Err(invalid()),
        };
        entries.push(Expansion {
            name: name.trim().to_owned(),
            nested,
        });
    }
    Ok(entries)
}

fn split_top_level(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0_usize);
    for (index, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(text.get(start..index).unwrap_or_default());
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// Splits and decodes a query string.
pub(crate) fn decode_pairs(raw: &str) -> Vec<(String, String)> {
    raw.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// Percent-decodes; a plus sign is a space, as in forms.
pub(crate) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                decoded.push(b' ');
                rest = tail;
            }
            (byte, _) => {
                decoded.push(*byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// Percent-encodes everything but unreserved characters and a few that are legal in a query.
pub(crate) fn encode(text: &str) -> String {
    use std::fmt::Write as _;
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~$,()'=:/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}
