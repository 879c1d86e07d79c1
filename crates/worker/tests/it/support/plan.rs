//! A plan of everything ready, derived as the API derives it.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::{BTreeSet, HashMap};

use domain::compare::{self, Comparison};
use domain::inventory::{Inventory, InventoryPolicy};
use domain::model::CapturedPolicy;
use domain::plan::PinnedSubject;
use domain::policy_type::REGISTRY_VERSION;
use domain::preflight::{self, Contents, Preflight, PreflightInput};
use domain::references::{Overrides, ReferenceCatalog, ReferenceObject};
use domain::selection::{Options, Scope, Selection};
use serde_json::{Value, json};
use store::references::ReferenceChoice;
use store::run_items::NewItem;
use store::{PgConnection, StoreError, inventory, references, versions};
use uuid::Uuid;

use super::Stack;

/// What a run stores.
pub struct Plan {
    pub context: Value,
    pub items: Vec<NewItem>,
    pub subjects: Vec<PinnedSubject>,
    pub comparison: Comparison,
    pub preflight: Preflight,
}

struct Side {
    inventory: Inventory,
    catalog: ReferenceCatalog,
    contents: Contents,
    literals: Vec<String>,
}

impl Stack {
    /// Derives the plan of a scope.
    pub async fn plan(&self, types: &[&str], options: Options) -> Plan {
        let selection = Selection {
            source_tenant_id: self.source_id,
            target_tenant_id: self.target_id,
            scope: Scope {
                policy_types: types.iter().map(|t| (*t).to_owned()).collect(),
                ..Scope::default()
            },
            pairings: BTreeSet::new(),
            mappings: BTreeSet::new(),
            options,
        };
        let (workspace_id, source_id, target_id) =
            (self.workspace_id, self.source_id, self.target_id);
        let (source, target) = self
            .db
            .read_view(move |conn| {
                Ok::<_, StoreError>((
                    load(conn, workspace_id, source_id)?,
                    load(conn, workspace_id, target_id)?,
                ))
            })
            .await
            .unwrap();
        derive(&selection, &source, &target)
    }
}

fn derive(selection: &Selection, source: &Side, target: &Side) -> Plan {
    let comparison = compare::compare(selection, &source.inventory, &target.inventory);
    let overrides = Overrides::default();
    let preflight = preflight::preflight(PreflightInput {
        selection,
        comparison: &comparison,
        source: &source.inventory,
        target: &target.inventory,
        source_catalog: &source.catalog,
        target_catalog: &target.catalog,
        overrides: &overrides,
        source_literals: &source.literals,
        source_secrets_readable: true,
        source_contents: &source.contents,
        target_contents: &target.contents,
        previously_promoted: &HashMap::new(),
        now: chrono::Utc::now(),
        keep_calls: true,
    });
    let subjects: Vec<PinnedSubject> = preflight
        .plan
        .subjects
        .iter()
        .map(|subject| subject.pinned.clone())
        .collect();
    let items = subjects
        .iter()
        .zip(0..)
        .map(|(subject, position)| NewItem {
            operation_run_id: Uuid::nil(),
            position,
            subject_key: subject.subject_key.clone(),
            policy_type: subject.policy_type.clone(),
            display_name: subject.display_name.clone(),
            action: subject.action.as_str().to_owned(),
            source_policy_id: Some(subject.source_policy_id),
            source_version_id: Some(subject.source_version_id),
            target_policy_id: subject.target.as_ref().map(|t| t.policy_id),
            target_version_id: subject.target.as_ref().map(|t| t.version_id),
            target_external_id: subject.target.as_ref().map(|t| t.external_id.clone()),
        })
        .collect();
    let context = json!({
        "selection": selection,
        "plan_digest": preflight.plan.plan_digest,
        "registry_version": REGISTRY_VERSION,
        "excluded": {"blocked": 0, "manual_mapping_required": 0, "unchanged": 0},
        "subjects": subjects,
    });
    Plan {
        context,
        items,
        subjects,
        comparison,
        preflight,
    }
}

fn load(conn: &mut PgConnection, workspace_id: Uuid, tenant_id: Uuid) -> Result<Side, StoreError> {
    let rows = inventory::load_inventory(conn, workspace_id, tenant_id)?;
    let mut side = Inventory {
        tenant_id,
        ..Inventory::default()
    };
    let mut complete_kinds = Vec::new();
    for row in rows.coverage {
        let complete = row.status == "complete";
        if let Some(kind) = row.subject.strip_prefix("reference:") {
            if complete {
                complete_kinds.push(kind.to_owned());
            }
            continue;
        }
        if complete {
            side.complete_types.insert(row.subject.clone());
        }
        side.known_types.insert(row.subject);
    }
    let mut contents = Contents::new();
    for row in rows.policies {
        let readable = row.capture_state == "ok";
        let policy = InventoryPolicy {
            id: row.id,
            policy_type: row.policy_type,
            external_id: row.external_id,
            display_name: row.display_name,
            platform: row.platform,
            identity_key: row.identity_key,
            version_id: row.current_version_id.filter(|_| readable),
            unreadable: (!readable).then(|| row.capture_reason.unwrap_or_default()),
            fingerprints: row
                .fingerprints
                .and_then(|value| serde_json::from_value(value).ok()),
            verified_pairs: row
                .verified_pairs
                .and_then(|value| serde_json::from_value(value).ok())
                .unwrap_or_default(),
        };
        if let Some(id) = policy.version_id {
            for version in versions::load_versions(conn, tenant_id, &[id])? {
                contents.insert(
                    id,
                    CapturedPolicy {
                        policy_type: policy.policy_type.clone(),
                        external_id: policy.external_id.clone(),
                        display_name: policy.display_name.clone(),
                        platform: policy.platform.clone(),
                        identity_key: policy.identity_key.clone(),
                        content: version.content,
                        assignments: version.assignments,
                        references: serde_json::from_value(version.references_used).unwrap(),
                        content_hash: version.content_hash,
                        has_secrets: version.fingerprint_key_id.is_some(),
                    },
                );
            }
        }
        side.policies.push(policy);
    }
    let objects = references::load_reference_catalog(conn, tenant_id, &ReferenceChoice::default())?
        .into_iter()
        .map(|row| ReferenceObject {
            id: row.id,
            kind: row.kind,
            external_id: row.external_id,
            name: row.name,
            discriminator: row.discriminator,
        });
    let mut literals = vec![rows.tenant.entra_tenant_id.to_string()];
    literals.extend(rows.tenant.verified_domains);
    Ok(Side {
        inventory: side,
        catalog: ReferenceCatalog::new(objects, complete_kinds),
        contents,
        literals,
    })
}
