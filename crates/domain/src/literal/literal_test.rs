//! Every spelling is found, and replaced in its own spelling with every other byte kept: what is
//! written is what the same spelling of the other text would be.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

const OLD: &str = "f768064f-9585-47ad-a39e-ded24c2c063f";
const NEW: &str = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9";
const OLD_DOMAIN: &str = "contoso-eu.onmicrosoft.com";
const NEW_DOMAIN: &str = "fabrikam.example";

fn literals() -> BTreeMap<String, String> {
    [(OLD, NEW), (OLD_DOMAIN, NEW_DOMAIN)]
        .map(|(from, to)| (from.to_owned(), to.to_owned()))
        .into()
}

#[derive(Clone, Copy, Debug)]
enum Guid {
    Plain,
    Capitals,
    Bare,
    Braces,
    Parentheses,
    /// As .NET's format X writes it.
    Fields,
    /// Bytes as Windows stores them: `hex:4f,06,..`.
    Bytes,
}

impl Guid {
    fn write(self, guid: &str) -> String {
        let id = Uuid::try_parse(guid).unwrap_or_default();
        match self {
            Self::Plain => guid.to_owned(),
            Self::Capitals => guid.to_uppercase(),
            Self::Bare => id.simple().to_string(),
            Self::Braces => format!("{{{}}}", guid.to_uppercase()),
            Self::Parentheses => format!("({guid})"),
            Self::Fields => {
                let (a, b, c, rest) = id.as_fields();
                let rest: Vec<String> = rest.iter().map(|byte| format!("0x{byte:02x}")).collect();
                format!("{{0x{a:08x},0x{b:04x},0x{c:04x},{{{}}}}}", rest.join(","))
            }
            Self::Bytes => {
                let bytes: Vec<String> = id
                    .to_bytes_le()
                    .iter()
                    .map(|byte| format!("{byte:02x}"))
                    .collect();
                format!("hex:{}", bytes.join(","))
            }
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Layer {
    Percent {
        all: bool,
        capitals: bool,
    },
    PercentU,
    Json,
    JsonCapitals,
    Slashes,
    EntityHex,
    EntityDecimal,
    Base64,
    Base64NoPadding,
    Base64Url,
    Base64UrlNoPadding,
    /// In lines of 76 characters.
    Mime,
    Utf16Le {
        mark: bool,
    },
    Utf16Be {
        mark: bool,
    },
    Utf32Le,
    /// Not UTF-8, and with a control character.
    EightBit,
}

fn each(bytes: &[u8], write: impl Fn(u8) -> String) -> Vec<u8> {
    let written = bytes.iter().map(|byte| write(*byte));
    written.collect::<String>().into_bytes()
}

fn plain(byte: u8) -> String {
    char::from(byte).to_string()
}

impl Layer {
    fn write(self, bytes: &[u8]) -> Vec<u8> {
        let word = |byte: u8| byte.is_ascii_alphanumeric();
        match self {
            Self::Percent { all, capitals } => {
                each(bytes, |byte| match (word(byte) && !all, capitals) {
                    (true, _) => plain(byte),
                    (_, true) => format!("%{byte:02X}"),
                    (_, false) => format!("%{byte:02x}"),
                })
            }
            Self::PercentU => each(bytes, |byte| format!("%u{byte:04x}")),
            Self::Json => each(bytes, |byte| format!("\\u{byte:04x}")),
            Self::JsonCapitals => each(bytes, |byte| format!("\\u{byte:04X}")),
            Self::Slashes => each(bytes, |byte| match byte {
                b'/' | b'\\' => format!("\\{}", plain(byte)),
                _ => plain(byte),
            }),
            Self::EntityHex => each(bytes, |byte| format!("&#x{byte:x};")),
            Self::EntityDecimal => each(bytes, |byte| format!("&#{byte:04};")),
            Self::Base64 => STANDARD.encode(bytes).into_bytes(),
            Self::Base64NoPadding => STANDARD_NO_PAD.encode(bytes).into_bytes(),
            Self::Base64Url => URL_SAFE.encode(bytes).into_bytes(),
            Self::Base64UrlNoPadding => URL_SAFE_NO_PAD.encode(bytes).into_bytes(),
            Self::Mime => {
                let text = STANDARD.encode(bytes).into_bytes();
                text.chunks(76).collect::<Vec<_>>().join(&b"\r\n"[..])
            }
            Self::Utf16Le { mark } => wide(bytes, mark, |byte| vec![byte, 0], &[0xff, 0xfe]),
            Self::Utf16Be { mark } => wide(bytes, mark, |byte| vec![0, byte], &[0xfe, 0xff]),
            Self::Utf32Le => wide(bytes, false, |byte| vec![byte, 0, 0, 0], &[]),
            Self::EightBit => [&b"# \xfc\x01\xff\r\n"[..], bytes, b"\x1b\xe9\n"].concat(),
        }
    }

    /// Whether it cannot be told from the text that padding is left out, or would be written.
    const fn is_unpadded(self) -> bool {
        matches!(
            self,
            Self::Base64NoPadding | Self::Base64Url | Self::Base64UrlNoPadding
        )
    }
}

fn wide(bytes: &[u8], mark: bool, write: impl Fn(u8) -> Vec<u8>, of_mark: &[u8]) -> Vec<u8> {
    let mark = if mark { of_mark } else { &[] };
    let bytes: Vec<u8> = bytes.iter().flat_map(|byte| write(*byte)).collect();
    [mark, &bytes].concat()
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let escape = prop_oneof![
        (any::<bool>(), any::<bool>()).prop_map(|(all, capitals)| Layer::Percent { all, capitals }),
        Just(Layer::PercentU),
        Just(Layer::Json),
        Just(Layer::JsonCapitals),
        Just(Layer::Slashes),
        Just(Layer::EntityHex),
        Just(Layer::EntityDecimal),
    ];
    let base64 = prop_oneof![
        Just(Layer::Base64),
        Just(Layer::Base64NoPadding),
        Just(Layer::Base64Url),
        Just(Layer::Base64UrlNoPadding),
        Just(Layer::Mime),
    ];
    let encoding = prop_oneof![
        any::<bool>().prop_map(|mark| Layer::Utf16Le { mark }),
        any::<bool>().prop_map(|mark| Layer::Utf16Be { mark }),
        Just(Layer::Utf32Le),
        Just(Layer::EightBit),
    ];
    let escapes = || prop::collection::vec(escape.clone(), 0..=2);
    let inner = (
        escapes(),
        prop::option::of(encoding),
        base64.clone(),
        escapes(),
    );
    let deep = prop::collection::vec(base64, 0..=1);
    prop_oneof![
        escapes(),
        (inner, deep).prop_map(|((inner, encoding, base64, outer), deep)| {
            inner
                .into_iter()
                .chain(encoding)
                .chain([base64])
                .chain(outer)
                .chain(deep)
                .collect()
        }),
    ]
}

fn spelled(around: (&str, &str), text: &str, layers: &[Layer]) -> String {
    let text = format!("{}{text}{}", around.0, around.1);
    let bytes = layers
        .iter()
        .fold(text.into_bytes(), |bytes, layer| layer.write(&bytes));
    String::from_utf8(bytes).unwrap_or_default()
}

fn check(around: (&str, &str), from: &str, to: &str, layers: &[Layer]) {
    let literals = literals();
    let replacements = Replacements::of(&literals);
    let text = spelled(around, from, layers);
    assert!(!text.is_empty(), "{layers:?}");
    assert_eq!(
        find(&text, &replacements.needles).len(),
        1,
        "{layers:?} {text}"
    );
    let mut written = text.clone();
    replacements.apply(&mut written);
    assert_eq!(written, spelled(around, to, layers), "{layers:?} {text}");
    assert!(
        replacements.left(&written).is_empty(),
        "{layers:?} {written}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_guid_is_replaced_in_its_spelling(
        layers in layers(),
        guid in prop::sample::select(vec![Guid::Plain, Guid::Capitals, Guid::Bare, Guid::Braces,
            Guid::Parentheses, Guid::Fields, Guid::Bytes]),
        around in prop::sample::select(vec![("", ""), ("tenantId=", "&webUrl=x"), ("<a b=\"", "\"/>\r\n"),
            ("# setup\r\n$t = '", "'\r\nWrite-Host $t\r\n")]),
    ) {
        check(around, &guid.write(OLD), &guid.write(NEW), &layers);
    }

    #[test]
    fn a_domain_is_replaced_in_its_spelling(
        layers in layers(),
        around in prop::sample::select(vec![("", ""), ("https://login.example/", "/oauth2"), ("\"user@", "\";\n")]),
    ) {
        // Whether there would be padding at another length is not said by a length that needs none.
        prop_assume!(!layers.iter().any(|layer| layer.is_unpadded()));
        // Nor whether padding would be escaped, where nothing else had to be.
        let open = |inner: &[Layer]| {
            let percent = matches!(inner,
                [.., Layer::Base64 | Layer::Mime, Layer::Percent { all: false, .. }]);
            percent && !spelled(around, OLD_DOMAIN, inner).contains('%')
        };
        prop_assume!(!(1..=layers.len()).filter_map(|count| layers.get(..count)).any(open));
        check(around, OLD_DOMAIN, NEW_DOMAIN, &layers);
    }

    #[test]
    fn no_input_panics_and_what_holds_nothing_stays(text in "[ -~\\r\\n]{0,200}|\\PC{0,80}") {
        let literals = literals();
        let mut written = text.clone();
        Replacements::of(&literals).apply(&mut written);
        prop_assert_eq!(&written, &text);
        prop_assert!(sids(&text).is_empty());
    }
}

#[test]
fn the_cases_of_the_field() {
    let literals = literals();
    let replacements = Replacements::of(&literals);
    let mut text =
        "tenantId=f768064f%2D9585%2D47ad%2Da39e%2Dded24c2c063f&webUrl=https%3A%2F%2Fx".to_owned();
    replacements.apply(&mut text);
    assert_eq!(
        text,
        "tenantId=0b1c2d3e%2D4f50%2D4617%2D8293%2Da4b5c6d7e8f9&webUrl=https%3A%2F%2Fx"
    );
    // The 16 bytes of a GUID in base64, in both orders, between others.
    let [old, new] = [OLD, NEW].map(|text| Uuid::try_parse(text).unwrap_or_default());
    for (from, to) in [
        (old.to_bytes_le(), new.to_bytes_le()),
        (*old.as_bytes(), *new.as_bytes()),
    ] {
        let mut text = STANDARD.encode([&b"id:"[..], &from, b"."].concat());
        replacements.apply(&mut text);
        assert_eq!(text, STANDARD.encode([&b"id:"[..], &to, b"."].concat()));
    }
    // A path before base64 is part of its alphabet.
    let path = |id: &str| format!("/api/v1/{}", STANDARD.encode(format!("tenant {id}")));
    let mut text = path(OLD);
    replacements.apply(&mut text);
    assert_eq!(text, path(NEW));
}

#[test]
fn longer_literals_win_and_letter_case_does_not_matter() {
    let literals = BTreeMap::from([
        ("contoso.com".to_owned(), "fabrikam.com".to_owned()),
        ("eu.contoso.com".to_owned(), "eu.fabrikam.com".to_owned()),
    ]);
    let replacements = Replacements::of(&literals);
    let mut text = "https://EU.Contoso.com/ü/contoso.COM".to_owned();
    replacements.apply(&mut text);
    assert_eq!(text, "https://eu.fabrikam.com/ü/fabrikam.com");
}

#[test]
fn what_cannot_be_replaced_is_left_and_told() {
    // A GUID as bytes has no room for a name.
    let literals = BTreeMap::from([(OLD.to_owned(), "fabrikam.com".to_owned())]);
    let replacements = Replacements::of(&literals);
    let id = Uuid::try_parse(OLD).unwrap_or_default();
    let text = STANDARD.encode([&b"id:"[..], &id.to_bytes_le()].concat());
    let mut written = text.clone();
    replacements.apply(&mut written);
    assert_eq!(written, text);
    assert_eq!(replacements.left(&written).len(), 1);
    // What it is mapped to may hold it.
    let literals = BTreeMap::from([("a.example".to_owned(), "new.a.example".to_owned())]);
    let replacements = Replacements::of(&literals);
    assert!(replacements.left("new.a.example").is_empty());
}

#[test]
fn any_guid_in_a_text_is_found_where_it_stands_apart() {
    let needles = Needles::texts_and_ids([]);
    let id = Uuid::try_parse(OLD).unwrap_or_default();
    for (text, found) in [
        (OLD.to_owned(), true),
        (format!("x={};", id.simple()), true),
        (OLD.replace('-', "%2D"), true),
        (format!("{}0", id.simple()), false),
        (STANDARD.encode(format!("$g = '{OLD}'")), true),
    ] {
        assert_eq!(
            find(&text, &needles).contains(&What::Any(id)),
            found,
            "{text}"
        );
    }
}
