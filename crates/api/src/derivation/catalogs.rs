//! The references a derivation needs to know: all of the small kinds, and of the large ones (a
//! tenant may have 100,000 groups) just those in use with everything of the same names.

use std::collections::BTreeSet;

use domain::preflight::Contents;
use domain::references::{
    DIRECTORY_OBJECT, Facts, ReferenceCatalog, ReferenceObject, USER, has_stable_id, local_part,
};
use domain::selection::{Mapping, Selection};
use domain::steps::TextSearch;
use serde_json::Value;
use store::references::{ReferenceChoice, ReferenceRow, load_reference_catalog};
use store::{PgConnection, StoreError};
use uuid::Uuid;

use super::sides::Side;

/// Kinds that are never loaded whole.
const LARGE: [&str; 4] = ["group", "user", "application", "service_principal"];
/// Kinds that every policy with assignments or scope tags may use, and the templates that gates ask
/// for; the registry names the others.
const IMPLIED: [&str; 4] = [
    "assignment_filter",
    "configuration_template",
    "directory_role",
    "scope_tag",
];

/// The references of both tenants.
pub struct Catalogs {
    /// Of the source.
    pub source: ReferenceCatalog,
    /// Of the target.
    pub target: ReferenceCatalog,
}

impl Catalogs {
    /// Loads what the selection's mappings and these contents point to.
    pub fn load(
        conn: &mut PgConnection,
        selection: &Selection,
        source: (&Side, &Contents),
        target: (&Side, &Contents),
    ) -> Result<Self, StoreError> {
        let kinds = small_kinds(selection, [source.1, target.1]);
        let mut source_rows = whole_kinds(conn, source.0.tenant.id, &kinds)?;
        let mut target_rows = whole_kinds(conn, target.0.tenant.id, &kinds)?;
        let (source_ids, target_ids) = mapped_ids(selection);
        source_rows.extend(by_ids(conn, source.0.tenant.id, source_ids)?);
        target_rows.extend(by_ids(conn, target.0.tenant.id, target_ids)?);
        source_rows.extend(in_use(conn, source.0.tenant.id, source.1)?);
        source_rows.extend(in_texts(conn, source.0.tenant.id, source.1, selection)?);
        target_rows.extend(in_use(conn, target.0.tenant.id, target.1)?);

        // A name decides where a reference lands, and whether it is unique, in both tenants.
        let names: BTreeSet<String> = source_rows
            .iter()
            .chain(&target_rows)
            .filter(|row| LARGE.contains(&row.kind.as_str()))
            .filter_map(|row| row.name.clone())
            .collect();
        let names: Vec<String> = names.into_iter().collect();
        source_rows.extend(by_names(conn, source.0.tenant.id, &names)?);
        target_rows.extend(by_names(conn, target.0.tenant.id, &names)?);
        // An application id means the same application in every tenant, known to the source or not.
        let applications: BTreeSet<String> = source
            .1
            .references()
            .filter(|used| used.kind == "application")
            .map(|used| used.external_id.clone())
            .collect();
        target_rows.extend(load_reference_catalog(
            conn,
            target.0.tenant.id,
            &ReferenceChoice {
                kinds: Some(vec!["application".to_owned()]),
                external_ids: Some(applications.into_iter().collect()),
                ..ReferenceChoice::default()
            },
        )?);
        target_rows.extend(of_stable_ids(conn, target.0.tenant.id, &source_rows)?);
        target_rows.extend(people_like(conn, target.0.tenant.id, &source_rows)?);
        Ok(Self {
            source: catalog(source_rows, source.0),
            target: catalog(target_rows, target.0),
        })
    }
}

/// Every kind that is loaded whole: those the registry, the contents and the mappings name.
fn small_kinds(selection: &Selection, contents: [&Contents; 2]) -> Vec<String> {
    let mut kinds: BTreeSet<&str> = IMPLIED.into_iter().collect();
    for row in domain::policy_type::all() {
        kinds.extend(row.reference_kind);
        kinds.extend(row.references.iter().map(|rule| rule.kind));
    }
    let used = contents.into_iter().flat_map(Contents::references);
    kinds.extend(used.map(|used| used.kind.as_str()));
    kinds.extend(
        selection
            .mappings
            .iter()
            .filter_map(|mapping| match mapping {
                Mapping::Reference { kind, .. } => Some(kind.as_str()),
                Mapping::Literal { .. } => None,
            }),
    );
    kinds
        .into_iter()
        .filter(|kind| !LARGE.contains(kind))
        .map(str::to_owned)
        .collect()
}

fn whole_kinds(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    kinds: &[String],
) -> Result<Vec<ReferenceRow>, StoreError> {
    load_reference_catalog(
        conn,
        tenant_id,
        &ReferenceChoice {
            kinds: Some(kinds.to_vec()),
            removed: true,
            ..ReferenceChoice::default()
        },
    )
}

fn mapped_ids(selection: &Selection) -> (Vec<Uuid>, Vec<Uuid>) {
    selection
        .mappings
        .iter()
        .filter_map(|mapping| match mapping {
            Mapping::Reference {
                source_id,
                target_id,
                ..
            } => Some((*source_id, *target_id)),
            Mapping::Literal { .. } => None,
        })
        .unzip()
}

fn by_ids(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    ids: Vec<Uuid>,
) -> Result<Vec<ReferenceRow>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load_reference_catalog(
        conn,
        tenant_id,
        &ReferenceChoice {
            ids: Some(ids),
            // What a tenant has lost can still be mapped from.
            removed: true,
            ..ReferenceChoice::default()
        },
    )
}

fn by_names(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    names: &[String],
) -> Result<Vec<ReferenceRow>, StoreError> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    load_reference_catalog(
        conn,
        tenant_id,
        &ReferenceChoice {
            kinds: Some(LARGE.into_iter().map(str::to_owned).collect()),
            names: Some(names.to_vec()),
            ..ReferenceChoice::default()
        },
    )
}

/// Objects of large kinds that have an id of these that means the same in every tenant.
fn of_stable_ids(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    rows: &[ReferenceRow],
) -> Result<Vec<ReferenceRow>, StoreError> {
    let ids: BTreeSet<String> = rows
        .iter()
        .filter(|row| LARGE.contains(&row.kind.as_str()))
        .filter(|row| has_stable_id(&row.kind, &row.discriminator))
        .map(|row| row.discriminator.clone())
        .collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load_reference_catalog(
        conn,
        tenant_id,
        &ReferenceChoice {
            kinds: Some(LARGE.into_iter().map(str::to_owned).collect()),
            discriminators: Some(ids.into_iter().collect()),
            ..ReferenceChoice::default()
        },
    )
}

/// People who may be the same ones as these.
fn people_like(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    rows: &[ReferenceRow],
) -> Result<Vec<ReferenceRow>, StoreError> {
    let marks: BTreeSet<String> = rows
        .iter()
        .filter(|row| row.kind == USER)
        .flat_map(|row| {
            [
                row.name.as_deref().and_then(local_part),
                facts(row).employee_id,
            ]
        })
        .flatten()
        .collect();
    if marks.is_empty() {
        return Ok(Vec::new());
    }
    load_reference_catalog(
        conn,
        tenant_id,
        &ReferenceChoice {
            kinds: Some(vec![USER.to_owned()]),
            people: Some(marks.into_iter().collect()),
            ..ReferenceChoice::default()
        },
    )
}

/// Objects of large kinds that these contents point to, however they spell the id, and whether the
/// tenant still has them or not.
fn in_use(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    contents: &Contents,
) -> Result<Vec<ReferenceRow>, StoreError> {
    let ids: BTreeSet<String> = contents
        .references()
        .filter(|used| LARGE.contains(&used.kind.as_str()) || used.kind == DIRECTORY_OBJECT)
        .map(|used| used.external_id.clone())
        .collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load_reference_catalog(
        conn,
        tenant_id,
        &ReferenceChoice {
            kinds: Some(LARGE.into_iter().map(str::to_owned).collect()),
            external_ids: Some(ids.into_iter().collect()),
            removed: true,
            ..ReferenceChoice::default()
        },
    )
}

/// Objects whose ids stand inside longer texts of these contents.
fn in_texts(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    contents: &Contents,
    selection: &Selection,
) -> Result<Vec<ReferenceRow>, StoreError> {
    let search = TextSearch::ids();
    let ids: BTreeSet<String> = contents
        .iter()
        .flat_map(|(_, content)| search.ids_in(&content, selection.options).into_keys())
        .flat_map(|id| {
            let id = id.to_string();
            [id.to_ascii_uppercase(), id]
        })
        .collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    load_reference_catalog(
        conn,
        tenant_id,
        &ReferenceChoice {
            kinds: Some(LARGE.into_iter().map(str::to_owned).collect()),
            external_ids: Some(ids.into_iter().collect()),
            ..ReferenceChoice::default()
        },
    )
}

fn catalog(mut rows: Vec<ReferenceRow>, side: &Side) -> ReferenceCatalog {
    // The same object may have come by id and by name; twice in the catalogue it would be
    // ambiguous with itself.
    rows.sort_by_key(|row| row.id);
    rows.dedup_by_key(|row| row.id);
    let facts: Vec<(String, String, Facts)> = rows
        .iter()
        .map(|row| (row.kind.clone(), row.external_id.clone(), facts(row)))
        .filter(|(_, _, facts)| *facts != Facts::default())
        .collect();
    ReferenceCatalog::new(
        rows.into_iter().map(|row| ReferenceObject {
            id: row.id,
            kind: row.kind,
            external_id: row.external_id,
            // What was removed is there only to be mapped from.
            name: row.name.filter(|_| row.removed_at.is_none()),
            discriminator: row.discriminator,
        }),
        side.complete_kinds.iter().cloned(),
    )
    .with_facts(facts)
    .with_problems(side.kind_problems.clone())
}

fn facts(row: &ReferenceRow) -> Facts {
    let text = |name: &str| row.facts.get(name).and_then(Value::as_str);
    Facts {
        employee_id: text("employee_id").map(str::to_owned),
        former_name: row.name.clone().filter(|_| row.removed_at.is_some()),
    }
}
