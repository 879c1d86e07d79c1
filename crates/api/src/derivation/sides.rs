//! One tenant of a compare as loaded: facts, inventory, contents on demand.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::inventory::{Inventory, InventoryPolicy};
use domain::model::CapturedPolicy;
use domain::preflight::Contents;
use domain::references::KindProblem;
use domain::selection::Selection;
use serde_json::Value;
use store::inventory::InventoryPolicyRow;
use store::tenants::TenantRow;
use store::versions::VersionRow;
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::gone::Watch;
use crate::wire::compare::{SideView, inventory_view};

/// The prefix under which coverage speaks of reference kinds.
const REFERENCE: &str = "reference:";
/// The code under which a worker records that a tenant does not offer a collection.
const TYPE_NOT_SERVED: &str = "type_not_served";
/// Versions loaded by one statement.
const BATCH: usize = 200;

/// One tenant of a compare.
pub struct Side {
    /// Its facts; `inventory_generation` names the moment.
    pub tenant: TenantRow,
    /// Its live policies.
    pub inventory: Inventory,
    /// Reference kinds that were read to the end.
    pub complete_kinds: BTreeSet<String>,
    /// Why the others were not.
    pub kind_problems: BTreeMap<String, KindProblem>,
    /// When the last read of each policy type ended.
    pub ended: HashMap<String, DateTime<Utc>>,
    /// When each policy type was last read completely.
    pub complete_at: HashMap<String, DateTime<Utc>>,
}

impl Side {
    /// Loads a tenant's inventory, without content.
    pub fn load(
        conn: &mut PgConnection,
        workspace_id: Uuid,
        tenant_id: Uuid,
    ) -> Result<Self, StoreError> {
        let rows = store::inventory::load_inventory(conn, workspace_id, tenant_id)?;
        let mut side = Self {
            inventory: Inventory {
                tenant_id,
                policies: rows.policies.into_iter().map(policy).collect(),
                ..Inventory::default()
            },
            tenant: rows.tenant,
            complete_kinds: BTreeSet::new(),
            kind_problems: BTreeMap::new(),
            ended: HashMap::new(),
            complete_at: HashMap::new(),
        };
        for row in rows.coverage {
            let complete = row.status == "complete";
            if let Some(kind) = row.subject.strip_prefix(REFERENCE) {
                if complete {
                    side.complete_kinds.insert(kind.to_owned());
                } else {
                    let problem = KindProblem {
                        code: row.reason_code.unwrap_or_default(),
                        message: row.message.unwrap_or_default(),
                    };
                    side.kind_problems.insert(kind.to_owned(), problem);
                }
                continue;
            }
            if complete {
                side.inventory.complete_types.insert(row.subject.clone());
            } else if row.reason_code.as_deref() == Some(TYPE_NOT_SERVED) {
                side.inventory.unserved_types.insert(row.subject.clone());
            }
            side.ended.insert(row.subject.clone(), row.read_ended_at);
            if let Some(at) = row.complete_at {
                side.complete_at.insert(row.subject.clone(), at);
            }
            side.inventory.known_types.insert(row.subject);
        }
        Ok(side)
    }

    /// The texts that belong to this tenant alone: its GUID and its verified domains.
    pub fn literals(&self) -> Vec<String> {
        let mut literals = vec![self.tenant.entra_tenant_id.to_string()];
        literals.extend(self.tenant.verified_domains.iter().cloned());
        literals
    }

    /// The contents of current versions.
    pub fn load_contents(
        &self,
        conn: &mut PgConnection,
        version_ids: &[Uuid],
        watch: &Watch,
    ) -> Result<Contents, StoreError> {
        let policies: HashMap<Uuid, &InventoryPolicy> = self
            .inventory
            .policies
            .iter()
            .filter_map(|policy| Some((policy.version_id?, policy)))
            .collect();
        let mut contents = Contents::new();
        for ids in version_ids.chunks(BATCH) {
            watch.check()?;
            for row in store::versions::load_versions(conn, self.tenant.id, ids)? {
                if let Some(policy) = policies.get(&row.id) {
                    contents.insert(row.id, captured(policy, row));
                }
            }
        }
        Ok(contents)
    }

    /// The tenant on the wire; `other` is the one it is compared with.
    pub fn view(&self, selection: &Selection, other: &Self) -> SideView {
        SideView {
            tenant_id: self.tenant.id,
            display_name: self.tenant.display_name.clone(),
            inventory: inventory_view(selection, &self.inventory, &other.inventory, &self.ended),
        }
    }
}

fn policy(row: InventoryPolicyRow) -> InventoryPolicy {
    let readable = row.capture_state == "ok";
    let unreadable = (!readable).then(|| {
        row.capture_reason
            .unwrap_or_else(|| "its content could not be captured".to_owned())
    });
    let parse = |value: Option<Value>| value.filter(|_| readable);
    InventoryPolicy {
        id: row.id,
        policy_type: row.policy_type,
        external_id: row.external_id,
        display_name: row.display_name,
        platform: row.platform,
        identity_key: row.identity_key,
        version_id: row.current_version_id.filter(|_| readable),
        unreadable,
        fingerprints: parse(row.fingerprints).and_then(|v| serde_json::from_value(v).ok()),
        verified_pairs: parse(row.verified_pairs)
            .and_then(|v| serde_json::from_value(v).ok())
            .unwrap_or_default(),
    }
}

fn captured(policy: &InventoryPolicy, row: VersionRow) -> CapturedPolicy {
    let has_secrets = holds_secret(&row.content);
    CapturedPolicy {
        policy_type: policy.policy_type.clone(),
        external_id: policy.external_id.clone(),
        display_name: policy.display_name.clone(),
        platform: policy.platform.clone(),
        identity_key: policy.identity_key.clone(),
        content: row.content,
        assignments: row.assignments,
        references: serde_json::from_value(row.references_used).unwrap_or_default(),
        content_hash: row.content_hash,
        has_secrets,
    }
}

/// Whether a `$secret` marker stands anywhere. Captured content has a bounded depth; the walk is
/// iterative all the same.
fn holds_secret(content: &Value) -> bool {
    let mut open = vec![content];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if map.contains_key("$secret") {
                    return true;
                }
                open.extend(map.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    false
}
