//! Reads a Graph contract file (types, properties, enumerations of beta and v1.0) into a table.
//!
//! The file is given by the operator; nothing of it is part of this crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::{Access, Enumeration, Property, Schema, Type};

/// Why a contract file was not usable.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// The file could not be read.
    #[error("contract file could not be read")]
    Read(#[source] std::io::Error),
    /// The file is not a contract.
    #[error("contract file is not what was expected")]
    Parse(#[source] serde_json::Error),
    /// The file has no beta version.
    #[error("contract file describes no beta version")]
    NoBeta,
}

#[derive(Deserialize)]
struct File {
    versions: BTreeMap<String, FileVersion>,
    #[serde(default, rename = "observedUnlisted")]
    unlisted: BTreeMap<String, serde_json::Value>,
}

#[derive(Deserialize)]
struct FileVersion {
    types: BTreeMap<String, FileType>,
    enums: BTreeMap<String, FileEnumeration>,
}

#[derive(Deserialize)]
struct FileType {
    base: Option<String>,
    #[serde(default, rename = "abstract")]
    is_abstract: bool,
    #[serde(default)]
    open: bool,
    #[serde(default)]
    properties: BTreeMap<String, FileProperty>,
    #[serde(default, rename = "navigationProperties")]
    navigation: BTreeMap<String, FileProperty>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FileProperty {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    collection: bool,
    #[serde(default = "yes")]
    nullable: Option<bool>,
    #[serde(default)]
    read_only: Vec<String>,
    #[serde(default)]
    contains_target: bool,
}

#[derive(Deserialize)]
struct FileEnumeration {
    members: Vec<String>,
    #[serde(default)]
    flags: bool,
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the default of an optional member"
)]
const fn yes() -> Option<bool> {
    Some(true)
}

fn short(name: &str) -> String {
    name.trim_start_matches("microsoft.graph.")
        .trim_start_matches("Edm.")
        .to_owned()
}

impl Schema {
    /// Reads a contract file.
    pub fn from_contract(path: &Path) -> Result<Self, ContractError> {
        let text = std::fs::read(path).map_err(ContractError::Read)?;
        let file: File = serde_json::from_slice(&text).map_err(ContractError::Parse)?;
        let beta = file.versions.get("beta").ok_or(ContractError::NoBeta)?;
        let v1 = file.versions.get("v1.0");
        let mut schema = Self::default();
        for (name, type_) in &beta.types {
            let stable = v1.and_then(|version| version.types.get(name));
            schema.types.insert(short(name), read_type(type_, stable));
        }
        for (name, enumeration) in &beta.enums {
            let enumeration = Enumeration {
                flags: enumeration.flags,
                members: enumeration.members.clone(),
            };
            schema.enumerations.insert(short(name), enumeration);
        }
        for path in file.unlisted.keys() {
            let Some((owner, property)) = path.rsplit_once('/') else {
                continue;
            };
            if let Some(type_) = schema.types.get_mut(&short(owner)) {
                type_
                    .properties
                    .entry(property.to_owned())
                    .or_insert_with(|| Property {
                        kind: "Untyped".to_owned(),
                        collection: false,
                        nullable: true,
                        access: Access::Unlisted,
                        navigation: None,
                        beta_only: true,
                    });
            }
        }
        Ok(schema.seal())
    }
}

fn read_type(type_: &FileType, stable: Option<&FileType>) -> Type {
    let in_v1: BTreeSet<&String> = stable
        .map(|found| {
            found
                .properties
                .keys()
                .chain(found.navigation.keys())
                .collect()
        })
        .unwrap_or_default();
    let plain = type_
        .properties
        .iter()
        .map(|(name, property)| (name, property, false));
    let navigation = type_
        .navigation
        .iter()
        .map(|(name, property)| (name, property, true));
    let properties = plain
        .chain(navigation)
        .map(|(name, property, navigates)| {
            let access = if property.read_only.is_empty() {
                Access::Writable
            } else if property
                .read_only
                .iter()
                .all(|source| source.starts_with("doc"))
            {
                Access::ReadOnlyByDocumentation
            } else {
                Access::ReadOnly
            };
            let read = Property {
                kind: short(&property.kind),
                collection: property.collection,
                nullable: navigates || property.nullable != Some(false),
                access,
                navigation: navigates.then_some(property.contains_target),
                beta_only: stable.is_some() && !in_v1.contains(name),
            };
            (name.clone(), read)
        })
        .collect();
    Type {
        base: type_.base.as_deref().map(short),
        is_abstract: type_.is_abstract,
        open: type_.open,
        beta_only: stable.is_none(),
        properties,
    }
}
