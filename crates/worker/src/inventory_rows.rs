//! Turns stored rows back into what the domain works on. Decides nothing.

use domain::capture;
use domain::model::{CapturedPolicy, ReferenceUse};
use domain::policy_type::{self, PolicyType};
use domain::references::{ReferenceCatalog, ReferenceObject};
use serde_json::Value;
use store::inventory;
use store::references::{self, ReferenceChoice, ReferenceRow};
use store::versions::{self, VersionRow};
use store::{PgConnection, StoreError, policies};
use uuid::Uuid;

/// A tenant's references as the domain sees them.
#[derive(Clone, Debug, Default)]
pub(crate) struct References {
    pub(crate) objects: Vec<ReferenceObject>,
    pub(crate) complete_kinds: Vec<String>,
}

impl References {
    /// The catalogue of these references.
    pub(crate) fn catalog(&self) -> ReferenceCatalog {
        ReferenceCatalog::new(
            self.objects.iter().cloned(),
            self.complete_kinds.iter().cloned(),
        )
    }
}

/// Coverage rows of reference kinds begin with this.
pub(crate) const KIND_PREFIX: &str = "reference:";

/// Every live reference of a tenant and the kinds that were read to their end.
pub(crate) fn references(
    conn: &mut PgConnection,
    tenant_id: Uuid,
) -> Result<References, StoreError> {
    let rows = references::load_reference_catalog(conn, tenant_id, &ReferenceChoice::default())?;
    let coverage = inventory::list_coverage(conn, tenant_id)?;
    Ok(References {
        objects: rows.into_iter().map(object).collect(),
        complete_kinds: coverage
            .into_iter()
            .filter(|row| row.status == "complete")
            .filter_map(|row| row.subject.strip_prefix(KIND_PREFIX).map(str::to_owned))
            .collect(),
    })
}

fn object(row: ReferenceRow) -> ReferenceObject {
    ReferenceObject {
        id: row.id,
        kind: row.kind,
        external_id: row.external_id,
        name: row.name,
        discriminator: row.discriminator,
    }
}

/// A version with its policy, as captured. `None`: there is none such in this tenant, or its type
/// is not known.
pub(crate) fn captured(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    version_id: Uuid,
) -> Result<Option<CapturedPolicy>, StoreError> {
    let version = match versions::load_versions(conn, tenant_id, &[version_id]) {
        Ok(rows) => rows.into_iter().next(),
        Err(StoreError::NotFound(_)) => None,
        Err(error) => return Err(error),
    };
    let Some(version) = version else {
        return Ok(None);
    };
    let policy = policies::find_policy(conn, workspace_id, tenant_id, version.policy_id)?;
    let Some(policy) = policy else {
        return Ok(None);
    };
    let Some(row) = policy_type::find(&policy.policy_type) else {
        return Ok(None);
    };
    Ok(Some(rebuild(row, version, policy.external_id)))
}

/// A captured policy from its stored version. Name and identity are those of that version.
pub(crate) fn rebuild(
    row: &PolicyType,
    version: VersionRow,
    external_id: String,
) -> CapturedPolicy {
    let content = version.content;
    let text = |place: &str| {
        let pointer = format!("/{}", place.replace('.', "/"));
        content
            .pointer(&pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let references: Vec<ReferenceUse> =
        serde_json::from_value(version.references_used).unwrap_or_default();
    CapturedPolicy {
        policy_type: row.key.to_owned(),
        external_id,
        display_name: text(row.name_property).unwrap_or_default(),
        platform: row.platform_property.and_then(text),
        identity_key: capture::identity_of_list_item(row, &content).unwrap_or_default(),
        assignments: version.assignments,
        references,
        content_hash: version.content_hash,
        has_secrets: version.fingerprint_key_id.is_some(),
        content,
    }
}
