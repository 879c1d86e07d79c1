//! What Graph's resources look like: types, properties and enumerations.
//!
//! One table serves both API versions; what only beta knows is marked. The table comes from the
//! built-in list (`schema/graph-types.txt`) or, more complete, from a contract file. This module
//! decides nothing about requests: `check` does.

mod builtin;
mod contract;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use contract::ContractError;

/// The API version segment of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// `/beta`.
    #[serde(rename = "beta")]
    Beta,
    /// `/v1.0`.
    #[serde(rename = "v1.0")]
    V1,
}

impl Version {
    /// The path segment.
    pub const fn segment(self) -> &'static str {
        match self {
            Self::Beta => "beta",
            Self::V1 => "v1.0",
        }
    }
}

/// How strictly the service treats a value for a property it manages itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Clients may write it.
    Writable,
    /// A value other than null is refused.
    ReadOnly,
    /// Documented as read-only, but the service tolerates it.
    ReadOnlyByDocumentation,
    /// Returned by the service, unknown to its schema: refused unless null.
    Unlisted,
}

/// One property of a type.
#[derive(Clone, Debug)]
pub(crate) struct Property {
    /// `String`, `Int32`, ..., or the short name of a type or enumeration.
    pub kind: String,
    pub collection: bool,
    pub nullable: bool,
    pub access: Access,
    /// `Some(true)`: contained navigation, `Some(false)`: a reference to be bound by `@odata.bind`.
    pub navigation: Option<bool>,
    pub beta_only: bool,
}

/// One entity or complex type.
#[derive(Clone, Debug, Default)]
pub(crate) struct Type {
    pub base: Option<String>,
    pub is_abstract: bool,
    /// Accepts properties the table does not name.
    pub open: bool,
    pub beta_only: bool,
    pub properties: BTreeMap<String, Property>,
}

/// One enumeration; names are case-sensitive here, unlike in some of the real services.
#[derive(Clone, Debug, Default)]
pub(crate) struct Enumeration {
    pub flags: bool,
    pub members: Vec<String>,
}

/// The whole table.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    types: BTreeMap<String, Type>,
    enumerations: BTreeMap<String, Enumeration>,
    /// Lower-case name to exact name: Graph finds types whatever their letter case.
    exact: BTreeMap<String, String>,
}

impl Schema {
    fn seal(mut self) -> Self {
        self.exact = self
            .types
            .keys()
            .map(|name| (name.to_lowercase(), name.clone()))
            .collect();
        self
    }

    pub(crate) fn find_type(&self, name: &str) -> Option<&Type> {
        self.types.get(name)
    }

    pub(crate) fn find_enumeration(&self, name: &str) -> Option<&Enumeration> {
        self.enumerations.get(name)
    }

    /// The exact short name of `@odata.type` text such as `#microsoft.graph.iosCompliancePolicy`.
    pub(crate) fn resolve_annotation(&self, annotation: &str) -> Option<&str> {
        let bare = annotation.trim_start_matches('#');
        let short = bare.strip_prefix("microsoft.graph.")?;
        self.exact.get(&short.to_lowercase()).map(String::as_str)
    }

    /// The type and its bases, the type first.
    pub(crate) fn lineage<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        let mut chain = Vec::new();
        let mut next = Some(name);
        while let Some(current) = next {
            if chain.contains(&current) || chain.len() > 32 {
                break;
            }
            chain.push(current);
            next = self
                .types
                .get(current)
                .and_then(|found| found.base.as_deref());
        }
        chain
    }

    pub(crate) fn is_a(&self, name: &str, base: &str) -> bool {
        self.lineage(name).contains(&base)
    }

    pub(crate) fn is_open(&self, name: &str) -> bool {
        self.lineage(name)
            .iter()
            .any(|step| self.types.get(*step).is_some_and(|found| found.open))
    }

    /// Finds a property on the type or its bases; beta-only ones are invisible to v1.0.
    pub(crate) fn find_property(
        &self,
        type_name: &str,
        property: &str,
        version: Version,
    ) -> Option<&Property> {
        self.lineage(type_name)
            .into_iter()
            .find_map(|step| self.types.get(step)?.properties.get(property))
            .filter(|found| version == Version::Beta || !found.beta_only)
    }

    /// Every property of the type and its bases that `version` knows, bases first.
    pub(crate) fn list_properties(
        &self,
        type_name: &str,
        version: Version,
    ) -> Vec<(&str, &Property)> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for step in self.lineage(type_name).into_iter().rev() {
            let Some(type_) = self.types.get(step) else {
                continue;
            };
            for (name, property) in &type_.properties {
                if (version == Version::Beta || !property.beta_only) && seen.insert(name.as_str()) {
                    found.push((name.as_str(), property));
                }
            }
        }
        found
    }

    /// Exact spelling of a property that differs from `name` only in letter case.
    pub(crate) fn respell(&self, type_name: &str, name: &str) -> Option<&str> {
        self.list_properties(type_name, Version::Beta)
            .into_iter()
            .map(|(known, _)| known)
            .find(|known| known.eq_ignore_ascii_case(name))
    }
}
