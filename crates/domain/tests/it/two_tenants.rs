//! Two tenants with a few policies each, as a preflight sees them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use domain::canonical::{self, Reading};
use domain::compare::{self, Comparison};
use domain::inventory::{Inventory, InventoryPolicy};
use domain::model::CapturedPolicy;
use domain::policy_type::{self, PolicyType};
use domain::preflight::{self, Contents, Preflight, PreflightInput};
use domain::references::{Overrides, ReferenceCatalog, ReferenceObject};
use domain::selection::{Scope, Selection};
use uuid::Uuid;

use crate::model::MAP;

/// One tenant, read to its end.
pub(crate) struct Side {
    inventory: Inventory,
    contents: Contents,
    catalog: ReferenceCatalog,
}

impl Side {
    pub(crate) fn new(
        tenant: u128,
        policies: Vec<(&'static PolicyType, CapturedPolicy)>,
        references: Vec<ReferenceObject>,
    ) -> Self {
        let kinds = ["scope_tag", "configuration_template"].map(str::to_owned);
        let catalog = ReferenceCatalog::new(references, kinds);
        let types: BTreeSet<String> = policy_type::all()
            .iter()
            .map(|row| row.key.to_owned())
            .collect();
        let mut side = Self {
            inventory: Inventory {
                tenant_id: Uuid::from_u128(tenant),
                policies: Vec::new(),
                complete_types: types.clone(),
                known_types: types,
                unserved_types: BTreeSet::new(),
            },
            contents: Contents::new(),
            catalog,
        };
        for (number, (row, policy)) in policies.into_iter().enumerate() {
            side.add(row, policy, tenant * 1_000 + number as u128);
        }
        side
    }

    fn add(&mut self, row: &PolicyType, policy: CapturedPolicy, number: u128) {
        let version_id = Uuid::from_u128(number + 500);
        let reading = Reading::Meaning(&self.catalog);
        self.inventory.policies.push(InventoryPolicy {
            id: Uuid::from_u128(number),
            policy_type: row.key.to_owned(),
            external_id: policy.external_id.clone(),
            display_name: policy.display_name.clone(),
            platform: policy.platform.clone(),
            identity_key: policy.identity_key.clone(),
            version_id: Some(version_id),
            unreadable: None,
            fingerprints: Some(canonical::fingerprints(row, &policy, reading)),
            verified_pairs: BTreeMap::new(),
        });
        self.contents.insert(version_id, policy);
    }
}

fn selection(source: &Side, target: &Side) -> Selection {
    Selection {
        source_tenant_id: source.inventory.tenant_id,
        target_tenant_id: target.inventory.tenant_id,
        scope: Scope::default(),
        pairings: BTreeSet::new(),
        mappings: BTreeSet::new(),
        options: MAP,
    }
}

/// The compare of the two, everything in scope.
pub(crate) fn comparison(source: &Side, target: &Side) -> Comparison {
    compare::compare(
        &selection(source, target),
        &source.inventory,
        &target.inventory,
    )
}

/// The preflight of the two; it sees just the contents it asked for.
pub(crate) fn preflight(source: &Side, target: &Side) -> Preflight {
    let comparison = comparison(source, target);
    let (ours, theirs) =
        preflight::versions_needed(&comparison, &source.inventory, &target.inventory);
    let asked = |side: &Side, ids: Vec<Uuid>| -> Contents {
        let found = ids
            .into_iter()
            .filter_map(|id| Some((id, CapturedPolicy::clone(&*side.contents.get(&id)?))));
        found.collect()
    };
    preflight::preflight(PreflightInput {
        selection: &selection(source, target),
        comparison: &comparison,
        source: &source.inventory,
        target: &target.inventory,
        source_catalog: &source.catalog,
        target_catalog: &target.catalog,
        overrides: &Overrides::default(),
        source_literals: &[],
        source_secrets_readable: true,
        source_contents: &asked(source, ours),
        target_contents: &asked(target, theirs),
        previously_promoted: &HashMap::new(),
        now: chrono::Utc::now(),
        keep_calls: true,
    })
}
