//! Turns stored rows back into what the domain works on. Decides nothing.

use std::collections::BTreeSet;

use domain::capture::StoredVersion;
use domain::model::CapturedPolicy;
use domain::policy_type::{self, PolicyType};
use domain::references::{
    DIRECTORY_KINDS, DIRECTORY_OBJECT, ReferenceCatalog, ReferenceObject, has_stable_id,
};
use domain::restore::TenantVersion;
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
    Ok(References {
        objects: rows.into_iter().map(object).collect(),
        complete_kinds: complete_kinds(conn, tenant_id)?,
    })
}

/// What a tenant knows of everything that a policy points to, and of whatever shares a name with
/// it. A tenant may have 100,000 groups; a policy points to a few.
pub(crate) fn catalog_of(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    policy: &CapturedPolicy,
) -> Result<ReferenceCatalog, StoreError> {
    let used = &policy.references;
    let mut kinds: BTreeSet<String> = used.iter().map(|used| used.kind.clone()).collect();
    if kinds.contains(DIRECTORY_OBJECT) {
        kinds.extend(DIRECTORY_KINDS.map(str::to_owned));
    }
    let external_ids: BTreeSet<String> = used.iter().map(|used| used.external_id.clone()).collect();
    let choice = ReferenceChoice {
        kinds: Some(kinds.into_iter().collect()),
        external_ids: Some(external_ids.into_iter().collect()),
        ..ReferenceChoice::default()
    };
    with_namesakes(conn, tenant_id, &choice)
}

/// What a tenant knows of these references of ours, and of whatever shares a name with them.
pub(crate) fn catalog_of_ids(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: Vec<Uuid>,
) -> Result<ReferenceCatalog, StoreError> {
    let choice = ReferenceChoice {
        ids: Some(ids),
        ..ReferenceChoice::default()
    };
    with_namesakes(conn, tenant_id, &choice)
}

/// A name decides what an id means, and whether it is unique; or an id that is the same in every
/// tenant, whatever the name.
fn with_namesakes(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    choice: &ReferenceChoice,
) -> Result<ReferenceCatalog, StoreError> {
    let mut rows = references::load_reference_catalog(conn, tenant_id, choice)?;
    let kinds: BTreeSet<String> = rows.iter().map(|row| row.kind.clone()).collect();
    let names: BTreeSet<String> = rows.iter().filter_map(|row| row.name.clone()).collect();
    let stable: BTreeSet<String> = rows
        .iter()
        .filter(|row| has_stable_id(&row.kind, &row.discriminator))
        .map(|row| row.discriminator.clone())
        .collect();
    let kinds: Vec<String> = kinds.into_iter().collect();
    if !stable.is_empty() {
        let same = ReferenceChoice {
            kinds: Some(kinds.clone()),
            discriminators: Some(stable.into_iter().collect()),
            ..ReferenceChoice::default()
        };
        rows.extend(references::load_reference_catalog(conn, tenant_id, &same)?);
    }
    if !names.is_empty() {
        let namesakes = ReferenceChoice {
            kinds: Some(kinds),
            names: Some(names.into_iter().collect()),
            ..ReferenceChoice::default()
        };
        rows.extend(references::load_reference_catalog(
            conn, tenant_id, &namesakes,
        )?);
    }
    // Twice in the catalogue, an object would be ambiguous with itself.
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    Ok(ReferenceCatalog::new(
        rows.into_iter().map(object),
        complete_kinds(conn, tenant_id)?,
    ))
}

/// The kinds that were read to their end.
fn complete_kinds(conn: &mut PgConnection, tenant_id: Uuid) -> Result<Vec<String>, StoreError> {
    let coverage = inventory::list_coverage(conn, tenant_id)?;
    Ok(coverage
        .into_iter()
        .filter(|row| row.status == "complete")
        .filter_map(|row| row.subject.strip_prefix(KIND_PREFIX).map(str::to_owned))
        .collect())
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

/// A version of one policy of one tenant, for a restore: no other is ever found.
pub(crate) fn own_version(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    tenant_id: Uuid,
    policy_id: Uuid,
    version_id: Uuid,
) -> Result<Option<TenantVersion>, StoreError> {
    let Some(policy) = policies::find_policy(conn, workspace_id, tenant_id, policy_id)? else {
        return Ok(None);
    };
    let version = versions::find_version(conn, workspace_id, tenant_id, policy_id, version_id)?;
    let (Some(version), Some(row)) = (version, policy_type::find(&policy.policy_type)) else {
        return Ok(None);
    };
    let (of_tenant, of_policy) = (version.tenant_id, version.policy_id);
    let captured = rebuild(row, version, policy.external_id);
    Ok(Some(TenantVersion::new(
        of_tenant, of_policy, version_id, captured,
    )))
}

/// A captured policy from its stored version. Name and identity are those of that version.
pub(crate) fn rebuild(
    row: &PolicyType,
    version: VersionRow,
    external_id: String,
) -> CapturedPolicy {
    let stored = StoredVersion {
        has_secrets: version.fingerprint_key_id.is_some(),
        content: version.content,
        assignments: version.assignments,
        references_used: version.references_used,
        content_hash: version.content_hash,
    };
    stored.into_policy(row, external_id)
}
