//! Over every type and every place where a payload or a text can stand: the source tenant's identity
//! in any spelling is found with its path, replaced by a mapping in the same spelling, and bytes that
//! devices execute are compared byte for byte.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use domain::canonical::{self, Reading};
use domain::diff;
use domain::mapping;
use domain::model::{CapturedPolicy, Facet};
use domain::policy_type::{self, PolicyType};
use domain::references::{DIRECTORY_OBJECT, Overrides, ReferenceCatalog, ReferenceObject};
use domain::selection::{Mapping, Scope, Selection};
use domain::steps::{self, Landed, StepInput, TextSearch};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::model::{self, KEEP};
use crate::samples;

const OLD: &str = "f768064f-9585-47ad-a39e-ded24c2c063f";
const NEW: &str = "0b1c2d3e-4f50-4617-8293-a4b5c6d7e8f9";

/// Name, and the text around and with a GUID in that spelling.
type Spelling = (&'static str, fn(&str) -> String);

fn wide(text: &str, unit: fn(u16) -> [u8; 2], mark: &[u8]) -> String {
    let bytes: Vec<u8> = text.encode_utf16().flat_map(unit).collect();
    STANDARD.encode([mark, &bytes].concat())
}

const SPELLINGS: &[Spelling] = &[
    ("plain", |id| format!("tenant {id}")),
    ("capitals in braces", |id| {
        format!("{{{}}}", id.to_uppercase())
    }),
    ("no hyphens", |id| id.replace('-', "")),
    ("percent", |id| {
        format!("tenantId={}&x", id.replace('-', "%2D"))
    }),
    ("percent twice", |id| {
        format!("tenantId={}&x", id.replace('-', "%252d"))
    }),
    ("json", |id| id.replace('-', "\\u002d")),
    ("xml", |id| format!("<t>{}</t>", id.replace('-', "&#x2d;"))),
    ("base64", |id| {
        STANDARD.encode(format!("# setup\n$t = '{id}'\n"))
    }),
    ("base64 in base64", |id| {
        STANDARD.encode(format!(
            "$x = '{}'",
            STANDARD.encode(format!("<t>{id}</t>"))
        ))
    }),
    ("base64 for addresses", |id| {
        URL_SAFE_NO_PAD.encode(format!("??>>{id}"))
    }),
    ("windows-1252", |id| {
        STANDARD.encode([&b"# \xfc\r\n$t=\""[..], id.as_bytes(), b"\"\x07\r\n"].concat())
    }),
    ("utf-16", |id| {
        wide(&format!("$t=\"{id}\"\r\n"), u16::to_le_bytes, b"")
    }),
    ("utf-16 with a mark", |id| {
        wide(&format!("$t=\"{id}\"\r\n"), u16::to_le_bytes, b"\xff\xfe")
    }),
    ("utf-16 big endian", |id| {
        wide(&format!("$t=\"{id}\"\r\n"), u16::to_be_bytes, b"")
    }),
    ("bytes of windows", |id| {
        STANDARD.encode(Uuid::try_parse(id).unwrap().to_bytes_le())
    }),
];

/// Every text of a sample that is no reference, no name and no word of an enum, by its path.
fn places(policy: &CapturedPolicy, row: &PolicyType) -> Vec<String> {
    let mut found = Vec::new();
    collect(&policy.content, "", &mut found);
    let used: Vec<&str> = policy
        .references
        .iter()
        .map(|used| used.path.as_str())
        .collect();
    let payload = |path: &String| {
        row.base64
            .iter()
            .any(|place| domain::json::pattern::names(place, path))
    };
    let free = ["/description", "/value", "/notes", "/publisher"];
    found.retain(|path| {
        !used.contains(&path.as_str())
            && (payload(path) || free.iter().any(|tail| path.ends_with(tail)))
    });
    found
}

fn collect(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::String(_) => found.push(at.to_owned()),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let name = name.replace('~', "~0").replace('/', "~1");
                collect(member, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

fn with(policy: &CapturedPolicy, path: &str, text: impl Into<String>) -> CapturedPolicy {
    let mut policy = policy.clone();
    *policy.content.pointer_mut(path).unwrap() = Value::String(text.into());
    policy
}

#[test]
fn b1_b2_every_spelling_is_found_at_every_place_of_every_type_and_replaced_in_it() {
    let search = TextSearch::literals([OLD]);
    let overrides = Overrides {
        literals: BTreeMap::from([(OLD.to_owned(), NEW.to_owned())]),
        ..Overrides::default()
    };
    let mut payloads = 0;
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let policy = model::captured(row, object);
        let (_, _, landing) = model::tenants(&policy);
        for path in places(&policy, row) {
            payloads += usize::from(!path.ends_with("/description"));
            for (name, spelling) in SPELLINGS {
                let source = with(&policy, &path, spelling(OLD));
                let found = search.literals_in(&source, KEEP);
                let paths: Vec<&String> = found.get(OLD).into_iter().flatten().collect();
                assert_eq!(paths, [&path], "{key} {name}");
                let built = steps::build(StepInput {
                    row,
                    source: &source,
                    target: None,
                    landing: &landing,
                    overrides: &overrides,
                    options: KEEP,
                    adjustments: domain::adjust::Adjustments::default(),
                });
                // What is never written needs no other spelling.
                let Ok(written) = built else { continue };
                let expected = written.expected.content.pointer(&path);
                if let Some(text) = expected {
                    assert_eq!(text, &json!(spelling(NEW)), "{key} {path} {name}");
                }
                let meant = canonical::fingerprints(
                    row,
                    &source,
                    Reading::MeaningWith(&ReferenceCatalog::default(), &overrides),
                );
                let target = with(&policy, &path, spelling(NEW));
                let there = canonical::fingerprints(
                    row,
                    &target,
                    Reading::Meaning(&ReferenceCatalog::default()),
                );
                assert_eq!(meant.facets, there.facets, "{key} {path} {name}");
            }
        }
    }
    assert!(payloads > 20, "{payloads}");
}

fn sid(id: &str) -> String {
    let bytes = Uuid::try_parse(id).unwrap().to_bytes_le();
    let words: Vec<String> = bytes
        .chunks(4)
        .map(|word| u32::from_le_bytes(word.try_into().unwrap()).to_string())
        .collect();
    format!("S-1-12-1-{}", words.join("-"))
}

fn catalog(kind: &str, id: &str, name: &str) -> ReferenceCatalog {
    ReferenceCatalog::new(
        [ReferenceObject {
            id: Uuid::from_u128(7),
            kind: kind.to_owned(),
            external_id: id.to_owned(),
            name: Some(name.to_owned()),
            discriminator: String::new(),
        }],
        ["group", "user", "directory_role"].map(str::to_owned),
    )
}

#[test]
fn b3_a_security_identifier_is_a_reference_wherever_it_stands() {
    let forms: &[Spelling] = &[
        ("alone", |sid| sid.to_owned()),
        ("in xml", |sid| {
            format!("<accessgroup desc=\"Administrators\"><add member=\"{sid}\"/></accessgroup>")
        }),
        ("escaped", |sid| format!("x={}", sid.replace('-', "%2D"))),
        ("base64", |sid| {
            STANDARD.encode(format!("<add member=\"{sid}\"/>"))
        }),
        ("utf-16", |sid| wide(sid, u16::to_le_bytes, b"\xff\xfe")),
    ];
    let (source_catalog, target_catalog) = (
        catalog("group", OLD, "Local \u{e4}dmins"),
        catalog("group", NEW, "Local \u{e4}dmins"),
    );
    let mut tried = 0;
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let policy = model::captured(row, object.clone());
        for path in places(&policy, row) {
            // Captured anew with the identifier in it, where the object has the text at that path.
            let mut object = object.clone();
            if object.pointer(&path).is_none() {
                continue;
            }
            for (name, form) in forms {
                *object.pointer_mut(&path).unwrap() = json!(form(&sid(OLD)));
                let source = model::captured(row, object.clone());
                let used: Vec<_> = source
                    .references
                    .iter()
                    .filter(|used| used.within.is_some())
                    .collect();
                let [used] = used[..] else {
                    panic!("{key} {path} {name}: {used:?}")
                };
                assert_eq!(
                    (used.path.as_str(), used.external_id.as_str()),
                    (path.as_str(), OLD)
                );
                assert_eq!(used.kind, DIRECTORY_OBJECT);
                let (_, _, mut landing) = model::tenants(&policy);
                landing.insert(
                    (DIRECTORY_OBJECT.to_owned(), OLD.to_owned()),
                    Landed::Id(NEW.to_owned()),
                );
                let target = with(&source, &path, form(&sid(NEW)));
                *object.pointer_mut(&path).unwrap() = json!(form(&sid(NEW)));
                let target_again = model::captured(row, object.clone());
                let read = |policy, catalog| {
                    let value = |facet| {
                        canonical::facet_value(row, policy, facet, Reading::Meaning(catalog))
                    };
                    (value(Facet::Settings), value(Facet::Description))
                };
                assert_eq!(
                    read(&source, &source_catalog),
                    read(&target_again, &target_catalog),
                    "{key} {path} {name}"
                );
                assert_ne!(
                    read(&source, &source_catalog),
                    read(&target_again, &catalog("group", NEW, "Others")),
                    "{key} {path} {name}"
                );
                let built = model::build(row, &source, None, &landing, KEEP);
                let Ok(written) = built else { continue };
                if let Some(text) = written.expected.content.pointer(&path) {
                    assert_eq!(
                        Some(text),
                        target.content.pointer(&path),
                        "{key} {path} {name}"
                    );
                    tried += 1;
                }
            }
        }
    }
    assert!(tried > 50, "{tried}");
}

#[test]
fn f1_bytes_that_devices_execute_are_bytes() {
    let one = "#!/bin/sh\necho a\n";
    let others: &[(&str, &str)] = &[
        (
            "#!/bin/sh\r\necho a\r\n",
            "Line ends: CR LF in the target, LF in the source.",
        ),
        (
            "#!/bin/sh\necho a\r\n",
            "Line ends: mixed (CR LF, LF) in the target, LF in the source.",
        ),
        (
            "\u{feff}#!/bin/sh\necho a\n",
            "Byte order mark: present in the target, absent in the source.",
        ),
        (
            "#!/bin/sh\necho a",
            "Last line: ends without a line end in the target, ends with a line end in the source.",
        ),
        ("#!/bin/sh\necho a\n\n", "+"),
        ("#!/bin/sh\necho b\n", "-echo b"),
    ];
    let mut tried = 0;
    for (key, object) in samples::all() {
        let row = policy_type::find(key).unwrap();
        let policy = model::captured(row, object);
        for path in places(&policy, row) {
            let of_row = |place: &str| domain::json::pattern::names(place, &path);
            if !row.base64.iter().any(|place| of_row(place)) {
                continue;
            }
            tried += 1;
            let source = with(&policy, &path, STANDARD.encode(one));
            for (other, said) in others {
                let target = with(&policy, &path, STANDARD.encode(other));
                let changes = diff::diff(row, (&source, Reading::Raw), (&target, Reading::Raw));
                let [change] = &changes[..] else {
                    panic!("{key} {path} {other:?}: {changes:?}")
                };
                let text = change.source.as_ref().and_then(Value::as_str).unwrap();
                assert!(text.contains(said), "{key} {path}: {text}");
            }
        }
    }
    assert!(tried >= 10, "{tried}");
}

#[test]
fn b3_what_the_source_lost_can_be_mapped_to_any_object_of_the_directory() {
    let lost = ReferenceObject {
        id: Uuid::from_u128(1),
        kind: DIRECTORY_OBJECT.to_owned(),
        external_id: OLD.to_owned(),
        name: None,
        discriminator: String::new(),
    };
    let source = ReferenceCatalog::new([lost], []);
    let overrides = |kind: &str| {
        let mapping = Mapping::Reference {
            kind: DIRECTORY_OBJECT.to_owned(),
            source_id: Uuid::from_u128(1),
            target_id: Uuid::from_u128(7),
        };
        let selection = Selection {
            source_tenant_id: Uuid::from_u128(2),
            target_tenant_id: Uuid::from_u128(3),
            scope: Scope::default(),
            pairings: [].into(),
            mappings: [mapping].into(),
            options: KEEP,
        };
        mapping::overrides(&selection, &source, &catalog(kind, NEW, "New"), &[])
    };
    for kind in ["group", "directory_role", "user"] {
        assert_eq!(overrides(kind).unwrap().references.len(), 1, "{kind}");
    }
    assert!(overrides("mobile_app").is_err());
}
