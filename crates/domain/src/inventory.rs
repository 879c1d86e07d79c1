//! The live inventory of a tenant as compare sees it: names, identities, fingerprints; no content.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::canonical::Fingerprints;
use crate::model::Facet;
use crate::references::Overrides;

/// A live policy of an inventory, without its content.
#[derive(Clone, Debug)]
pub struct InventoryPolicy {
    /// Our id.
    pub id: Uuid,
    /// Registry key.
    pub policy_type: String,
    /// Graph's id.
    pub external_id: String,
    /// Name.
    pub display_name: String,
    /// Platform in Graph's words.
    pub platform: Option<String>,
    /// Identity across tenants.
    pub identity_key: String,
    /// Current version; `None` when the object could not be read.
    pub version_id: Option<Uuid>,
    /// Why it could not be read.
    pub unreadable: Option<String>,
    /// Fingerprints by meaning; recomputed by the caller where a mapping touches the policy.
    pub fingerprints: Option<Fingerprints>,
    /// Pairs of fingerprints that a verified write proved equal.
    pub verified_pairs: BTreeMap<Facet, VerifiedPair>,
}

/// A verified write read back more than was sent (the server's defaults): these two are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedPair {
    /// The source's fingerprint at that time.
    pub source: String,
    /// This policy's own fingerprint at that time.
    pub own: String,
}

/// One tenant's inventory.
#[derive(Clone, Debug, Default)]
pub struct Inventory {
    /// Our tenant id.
    pub tenant_id: Uuid,
    /// Live policies.
    pub policies: Vec<InventoryPolicy>,
    /// Types whose last read was complete.
    pub complete_types: BTreeSet<String>,
    /// Types that were ever read, completely or not.
    pub known_types: BTreeSet<String>,
    /// Types whose collection this tenant does not offer (its cloud or licence lacks it). Not
    /// complete either: nothing is concluded of them, they only stand in nobody's way unasked.
    pub unserved_types: BTreeSet<String>,
}

impl Inventory {
    /// Whether the tenant holds a live policy of the type.
    pub fn holds(&self, policy_type: &str) -> bool {
        self.policies.iter().any(|p| p.policy_type == policy_type)
    }

    /// Whether nothing was ever read.
    pub fn never_synced(&self) -> bool {
        self.known_types.is_empty()
    }

    /// Drops what was uncertain in this (target) inventory only because several objects have one
    /// name, where the request's mappings name exactly that object; and what points to an object
    /// that the tenant is known not to have any more. That is no object of the source: such a
    /// policy differs from the source's for certain.
    pub fn settle(&mut self, overrides: &Overrides) {
        let mapped: BTreeSet<(String, String)> = overrides
            .references
            .values()
            .map(|chosen| {
                (
                    chosen.object.kind.clone(),
                    chosen.object.external_id.to_ascii_lowercase(),
                )
            })
            .collect();
        for prints in self
            .policies
            .iter_mut()
            .filter_map(|p| p.fingerprints.as_mut())
        {
            for uncertain in prints.uncertain.values_mut() {
                uncertain.retain(|u| {
                    let settled = u.code == "reference_ambiguous"
                        && u.reference.as_ref().is_some_and(|of| mapped.contains(of));
                    !settled && !u.gone
                });
            }
            prints
                .uncertain
                .retain(|_, uncertain| !uncertain.is_empty());
        }
    }
}
