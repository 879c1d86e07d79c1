//! From a selection to a compare and a preflight: loads one moment of the database and lets
//! `domain` decide.
//!
//! Decides what is loaded (no more than the answer needs) and which ids of a request are unusable.
//! It must not decide equality or readiness, and never writes.

mod catalogs;
mod changes;
mod gates;
mod sides;

use std::collections::{BTreeMap, HashMap, HashSet};

use domain::canonical::{self, Reading};
use domain::compare::{self, Comparison, SubjectState};
use domain::mapping::{self, MappingProblem};
use domain::model::CapturedPolicy;
use domain::pairing::{self, PairingProblem};
use domain::policy_type;
use domain::preflight::{self, Contents, Preflight, PreflightInput};
use domain::references::{DIRECTORY_KINDS, DIRECTORY_OBJECT, Overrides, ReferenceCatalog};
use domain::selection::{Carry, Options, Selection};
use domain::steps::TextSearch;
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::gone::Watch;
use crate::problem::{FieldError, Problem};
use crate::wire::selection::SelectionBody;

pub use catalogs::Catalogs;
pub use changes::{Caches, change_counts, diff_subject};
pub use gates::{connection_gates, run_level};
pub use sides::Side;

/// Policies whose content is in memory at a time while they are searched.
const SEARCHED_AT_ONCE: usize = 200;

/// What a derivation yields: the value, or a refusal that is no failure.
pub type Derived<T> = Result<Result<T, Problem>, StoreError>;

/// A compare with everything it was made from.
pub struct Compared {
    /// The canonical selection.
    pub selection: Selection,
    /// The source.
    pub source: Side,
    /// The target.
    pub target: Side,
    /// The request's mappings.
    pub overrides: Overrides,
    /// The result.
    pub comparison: Comparison,
}

/// A preflight and the compare it is based on.
pub struct Preflighted {
    /// The compare.
    pub compared: Compared,
    /// The result without run-level gates.
    pub preflight: Preflight,
}

/// Loads both inventories, checks the ids of the request (422), compares.
pub fn compare(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    body: &SelectionBody,
    watch: &Watch,
) -> Derived<Compared> {
    let selection = body.selection.clone();
    let mut source = Side::load(conn, workspace_id, selection.source_tenant_id)?;
    let mut target = Side::load(conn, workspace_id, selection.target_tenant_id)?;
    watch.check()?;
    let mut errors = Vec::new();
    check_subject_keys(body, &source, &target, &mut errors);
    check_pairings(body, &source, &target, &mut errors);
    let overrides = read_mappings(conn, body, &source, &target, &mut errors)?;
    if !errors.is_empty() {
        return Ok(Err(Problem::invalid(errors)));
    }
    recompute_touched(conn, &selection, &mut source, &target, &overrides, watch)?;
    target.inventory.settle(&overrides);
    let comparison = compare::compare(&selection, &source.inventory, &target.inventory);
    Ok(Ok(Compared {
        selection,
        source,
        target,
        overrides,
        comparison,
    }))
}

/// Compares, then decides readiness and derives the plan.
pub fn preflight(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    body: &SelectionBody,
    watch: &Watch,
) -> Derived<Preflighted> {
    let compared = match compare(conn, workspace_id, body, watch)? {
        Ok(compared) => compared,
        Err(problem) => return Ok(Err(problem)),
    };
    let (source_ids, target_ids) = preflight::versions_needed(
        &compared.comparison,
        &compared.source.inventory,
        &compared.target.inventory,
    );
    let source_contents = compared.source.load_contents(conn, &source_ids, watch)?;
    let target_contents = compared.target.load_contents(conn, &target_ids, watch)?;
    let catalogs = Catalogs::load(
        conn,
        &compared.selection,
        (&compared.source, &source_contents),
        (&compared.target, &target_contents),
    )?;
    let promoted = previously_promoted(conn, &compared)?;
    watch.check()?;
    let preflight = preflight::preflight(PreflightInput {
        selection: &compared.selection,
        comparison: &compared.comparison,
        source: &compared.source.inventory,
        target: &compared.target.inventory,
        source_catalog: &catalogs.source,
        target_catalog: &catalogs.target,
        overrides: &compared.overrides,
        source_literals: &compared.source.literals(),
        source_secrets_readable: secrets_readable(conn, &compared.source)?,
        source_contents: &source_contents,
        target_contents: &target_contents,
        previously_promoted: &promoted,
        now: chrono::Utc::now(),
        keep_calls: false,
    });
    Ok(Ok(Preflighted {
        compared,
        preflight,
    }))
}

/// Whether workers may ask the source for plain secrets.
fn secrets_readable(conn: &mut PgConnection, source: &Side) -> Result<bool, StoreError> {
    let (workspace_id, tenant_id) = (source.tenant.workspace_id, source.tenant.id);
    let connection = store::connections::find_connection(conn, workspace_id, tenant_id)?;
    Ok(connection.is_some_and(|connection| connection.secret_reading))
}

fn previously_promoted(
    conn: &mut PgConnection,
    compared: &Compared,
) -> Result<HashMap<Uuid, Uuid>, StoreError> {
    let missing: Vec<Uuid> = compared
        .comparison
        .subjects
        .iter()
        .filter(|subject| subject.state == SubjectState::Missing)
        .filter_map(|subject| subject.source_policy_id)
        .collect();
    if missing.is_empty() {
        return Ok(HashMap::new());
    }
    let target_id = compared.target.tenant.id;
    let found = store::run_items::find_promoted_targets(conn, target_id, &missing)?;
    Ok(found.into_iter().collect())
}

fn check_subject_keys(
    body: &SelectionBody,
    source: &Side,
    target: &Side,
    errors: &mut Vec<FieldError>,
) {
    let unknown: HashSet<String> =
        compare::unknown_subject_keys(&body.selection, &source.inventory, &target.inventory)
            .into_iter()
            .collect();
    for (index, key) in body.subject_keys.iter().enumerate() {
        if unknown.contains(key) {
            errors.push(FieldError::at(
                format!("/scope/subject_keys/{index}"),
                "unknown_subject_key",
                "No live policy of either tenant has this subject key.",
            ));
        }
    }
}

fn check_pairings(
    body: &SelectionBody,
    source: &Side,
    target: &Side,
    errors: &mut Vec<FieldError>,
) {
    for (pairing, problem) in
        pairing::check_pairings(&body.selection, &source.inventory, &target.inventory)
    {
        let index = body.pairings.iter().position(|sent| *sent == pairing);
        let at = format!("/pairings/{}", index.unwrap_or_default());
        let (place, code, detail) = match problem {
            PairingProblem::SourceUnknown => (
                "/source_policy_id",
                "unknown_policy",
                "No live, readable policy of the source has this id.",
            ),
            PairingProblem::TargetUnknown => (
                "/target_policy_id",
                "unknown_policy",
                "No live, readable policy of the target has this id.",
            ),
            PairingProblem::KindDiffers => (
                "",
                "kind_differs",
                "The two policies differ in type, kind or platform.",
            ),
            PairingProblem::NotOneToOne => (
                "",
                "not_one_to_one",
                "One of the two policies stands in another pairing.",
            ),
        };
        errors.push(FieldError::at(format!("{at}{place}"), code, detail));
    }
}

fn read_mappings(
    conn: &mut PgConnection,
    body: &SelectionBody,
    source: &Side,
    target: &Side,
    errors: &mut Vec<FieldError>,
) -> Result<Overrides, StoreError> {
    let selection = &body.selection;
    if selection.mappings.is_empty() {
        return Ok(Overrides::default());
    }
    let nothing = Contents::new();
    let catalogs = Catalogs::load(conn, selection, (source, &nothing), (target, &nothing))?;
    let read = mapping::overrides(
        selection,
        &catalogs.source,
        &catalogs.target,
        &source.literals(),
    );
    let problems = match read {
        Ok(overrides) => return Ok(overrides),
        Err(problems) => problems,
    };
    for (mapping, problem) in problems {
        let index = body.mappings.iter().position(|sent| *sent == mapping);
        let at = format!("/mappings/{}", index.unwrap_or_default());
        let (place, code, detail) = match problem {
            MappingProblem::SourceUnknown => (
                "/source_id",
                "unknown_reference",
                "The source has no reference of this kind and id.",
            ),
            MappingProblem::TargetUnknown => (
                "/target_id",
                "unknown_reference",
                "The target has no reference of this kind and id.",
            ),
            MappingProblem::Repeated => ("", "repeated", "The same thing is mapped twice."),
            MappingProblem::NotALiteral => (
                "/source_value",
                "not_a_literal",
                "source_value must be the source tenant's GUID or one of its verified domains.",
            ),
        };
        errors.push(FieldError::at(format!("{at}{place}"), code, detail));
    }
    Ok(Overrides::default())
}

/// A mapping changes what the source's policies mean in the target: those it touches get
/// fingerprints made under it.
fn recompute_touched(
    conn: &mut PgConnection,
    selection: &Selection,
    source: &mut Side,
    target: &Side,
    overrides: &Overrides,
    watch: &Watch,
) -> Result<(), StoreError> {
    if overrides.is_empty() {
        return Ok(());
    }
    let tenant_id = source.tenant.id;
    let mut touched = BTreeMap::new();
    for (kind, external_id) in overrides.references.keys() {
        let ids = std::slice::from_ref(external_id);
        let mut kinds = vec![kind.as_str()];
        if DIRECTORY_KINDS.contains(&kind.as_str()) {
            kinds.push(DIRECTORY_OBJECT);
        }
        for kind in kinds {
            for found in store::inventory::list_policies_using(conn, tenant_id, kind, ids)? {
                touched.insert(found.policy_id, found.version_id);
            }
        }
    }
    let versions: Vec<Uuid> = touched.values().copied().collect();
    let mut contents = source.load_contents(conn, &versions, watch)?;
    if !overrides.literals.is_empty() {
        holding(conn, source, overrides, &mut contents, watch)?;
    }
    let nothing = Contents::new();
    let catalogs = Catalogs::load(conn, selection, (source, &contents), (target, &nothing))?;
    source.refingerprint(&contents, &catalogs.source, overrides);
    Ok(())
}

/// The source's policies in whose texts a mapped literal stands. In which spelling and encoding only
/// a search of the content can tell; a few are in memory at a time.
fn holding(
    conn: &mut PgConnection,
    source: &Side,
    overrides: &Overrides,
    found: &mut Contents,
    watch: &Watch,
) -> Result<(), StoreError> {
    let search = TextSearch::literals(overrides.literals.keys().map(String::as_str));
    // What is carried is decided by the options; a fingerprint covers every facet.
    let all = Options {
        assignments: Carry::Map,
        ..Options::default()
    };
    let policies = source.inventory.policies.iter();
    let versions: Vec<Uuid> = policies.filter_map(|policy| policy.version_id).collect();
    for some in versions.chunks(SEARCHED_AT_ONCE) {
        let contents = source.load_contents(conn, some, watch)?;
        let holds = |policy: &CapturedPolicy| !search.literals_in(policy, all).is_empty();
        let held = contents.iter().filter(|(_, policy)| holds(policy));
        found.extend(held.map(|(id, policy)| (id, CapturedPolicy::clone(&policy))));
    }
    Ok(())
}

impl Side {
    fn refingerprint(
        &mut self,
        contents: &Contents,
        catalog: &ReferenceCatalog,
        overrides: &Overrides,
    ) {
        for policy in &mut self.inventory.policies {
            let content = policy.version_id.and_then(|id| contents.get(&id));
            let (Some(content), Some(row)) = (content, policy_type::find(&policy.policy_type))
            else {
                continue;
            };
            let reading = Reading::MeaningWith(catalog, overrides);
            let stored = policy.fingerprints.take();
            let prints = canonical::fingerprints(row, &content, reading);
            policy.fingerprints = Some(prints.captured_as(stored.as_ref()));
        }
    }
}
