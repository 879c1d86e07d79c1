//! The table of links is Graph's own: held to its published description, where that is at hand.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test may stop where it stands, and says what it skips"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::*;

/// A link: property, whether it leads to several, and to what.
type Row = (String, bool, LinkTarget);
type Table = BTreeMap<String, Vec<Row>>;

/// Links to another profile that the table leaves out on purpose: type, property, why.
const LEFT_OUT: [(&str, &str, &str); 0] = [];

const PREFIX: &str = "microsoft.graph.";
const PROFILE: &str = "microsoft.graph.deviceConfiguration";
const CREDENTIAL: &str = "microsoft.graph.deviceManagementDerivedCredentialSettings";

/// The type and its bases, nearest first.
fn chain<'v>(types: &'v Value, name: &'v str) -> Vec<&'v str> {
    let mut names = Vec::new();
    let mut next = Some(name);
    while let Some(name) = next {
        names.push(name);
        next = types[name]["base"].as_str();
    }
    names
}

/// What the navigation properties of every concrete profile type lead to, its bases' among them.
fn published(types: &Value) -> Table {
    let mut table = Table::new();
    for (name, entry) in types.as_object().expect("types") {
        let bases = chain(types, name);
        if !bases.contains(&PROFILE) || entry["abstract"] == true {
            continue;
        }
        let properties = bases
            .iter()
            .filter_map(|base| types[*base]["navigationProperties"].as_object())
            .flatten();
        for (property, navigation) in properties {
            let leads_to = navigation["type"].as_str().expect("a type");
            let to = if chain(types, leads_to).contains(&PROFILE) {
                LinkTarget::Profile
            } else if leads_to == CREDENTIAL {
                LinkTarget::OwnCredential
            } else {
                continue;
            };
            let name = name.strip_prefix(PREFIX).expect("a name of Graph");
            let row = (property.clone(), navigation["collection"] == true, to);
            table.entry(name.to_owned()).or_default().push(row);
        }
    }
    table
}

#[test]
fn every_link_is_published_and_every_published_one_is_a_link() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/graph-contract.json");
    let Ok(text) = std::fs::read(&path) else {
        println!(
            "skipped: the description of Graph is not at hand (shared/data/graph-contract.json)"
        );
        return;
    };
    let contract: Value = serde_json::from_slice(&text).expect("the description");
    let mut theirs = published(&contract["versions"]["beta"]["types"]);
    for (kind, property, why) in LEFT_OUT {
        assert!(!why.is_empty(), "{kind} {property}");
        let links = theirs.get_mut(kind).expect("a type with links");
        let before = links.len();
        links.retain(|(name, ..)| name != property);
        assert_eq!(links.len() + 1, before, "{kind} has no {property}");
    }
    theirs.retain(|_, links| !links.is_empty());
    assert!(theirs.len() > 40, "{}", theirs.len());
    for links in theirs.values_mut() {
        links.sort_by(|left, right| left.0.cmp(&right.0));
    }
    let mut ours = Table::new();
    for (kind, links) in TYPES {
        let mut rows: Vec<Row> = links
            .iter()
            .map(|link| (link.property.to_owned(), link.many, link.to))
            .collect();
        rows.sort_by(|left, right| left.0.cmp(&right.0));
        ours.insert((*kind).to_owned(), rows);
    }
    let kinds: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let differing: Vec<String> = kinds
        .into_iter()
        .filter(|kind| ours.get(*kind) != theirs.get(*kind))
        .map(|kind| format!("{kind}: {:?} / {:?}", ours.get(kind), theirs.get(kind)))
        .collect();
    assert!(differing.is_empty(), "ours / published: {differing:#?}");
}
