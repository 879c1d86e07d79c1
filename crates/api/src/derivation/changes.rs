//! The changes between the two sides of a subject, and how many there are.
//!
//! Only differing pairs are read. The number of changes of two immutable versions under the same
//! fingerprints never changes, so it is remembered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::canonical::Reading;
use domain::compare::{FacetVerdict, Subject, SubjectState};
use domain::diff::{self, Change};
use domain::model::CapturedPolicy;
use domain::policy_type;
use domain::preflight::Contents;
use serde_json::json;
use store::{PgConnection, StoreError};
use uuid::Uuid;

use super::{Catalogs, Compared};
use crate::gone::Watch;

/// Subjects whose contents are in memory at a time.
const BATCH: usize = 200;
/// Counts remembered, at most.
const REMEMBERED: usize = 200_000;

/// What stands for a pair of versions in each other's light.
type PairKey = (Uuid, Uuid, u64);

/// Derived values that never change for their key.
#[derive(Debug, Default)]
pub struct Caches {
    counts: Mutex<HashMap<PairKey, usize>>,
}

impl Caches {
    fn count(&self, key: &PairKey) -> Option<usize> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.get(key).copied()
    }

    fn remember(&self, found: impl IntoIterator<Item = (PairKey, usize)>) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() > REMEMBERED {
            counts.clear();
        }
        counts.extend(found);
    }
}

/// The number of changes of every differing subject, by subject key.
pub fn change_counts(
    conn: &mut PgConnection,
    compared: &Compared,
    caches: &Caches,
    watch: &Watch,
) -> Result<HashMap<String, usize>, StoreError> {
    let mut counts = HashMap::new();
    let mut open: Vec<(&Subject, PairKey)> = Vec::new();
    let prints = Prints::of(compared);
    for subject in &compared.comparison.subjects {
        let differs = subject
            .facets
            .values()
            .any(|v| *v == FacetVerdict::Different);
        let (true, Some(source), Some(target)) = (
            differs,
            subject.source_version_id,
            subject.target_version_id,
        ) else {
            continue;
        };
        let key = (source, target, prints.of_pair(source, target, subject));
        match caches.count(&key) {
            Some(count) => {
                counts.insert(subject.subject_key.clone(), count);
            }
            None => open.push((subject, key)),
        }
    }
    for batch in open.chunks(BATCH) {
        let source_ids: Vec<Uuid> = batch.iter().map(|(_, key)| key.0).collect();
        let target_ids: Vec<Uuid> = batch.iter().map(|(_, key)| key.1).collect();
        let source = compared.source.load_contents(conn, &source_ids, watch)?;
        let target = compared.target.load_contents(conn, &target_ids, watch)?;
        let catalogs = Catalogs::load(
            conn,
            &compared.selection,
            (&compared.source, &source),
            (&compared.target, &target),
        )?;
        let mut found = Vec::with_capacity(batch.len());
        for (subject, key) in batch {
            let sides = (source.get(&key.0), target.get(&key.1));
            let changes = changes_of(
                compared,
                &catalogs,
                subject,
                (sides.0.as_deref(), sides.1.as_deref()),
            );
            // A state that options decide is no facet of its own, but it is a change.
            let least = usize::from(subject.state == SubjectState::Different);
            let count = changes.len().max(least);
            counts.insert(subject.subject_key.clone(), count);
            found.push((*key, count));
        }
        caches.remember(found);
    }
    Ok(counts)
}

/// The changes of one subject; `None` when the compare has no such subject.
pub fn diff_subject(
    conn: &mut PgConnection,
    compared: &Compared,
    subject_key: &str,
) -> Result<Option<Vec<Change>>, StoreError> {
    let subject = compared
        .comparison
        .subjects
        .iter()
        .find(|subject| subject.subject_key == subject_key);
    let Some(subject) = subject else {
        return Ok(None);
    };
    let one = |id: Option<Uuid>| id.into_iter().collect::<Vec<_>>();
    let source =
        compared
            .source
            .load_contents(conn, &one(subject.source_version_id), &Watch::default())?;
    let target =
        compared
            .target
            .load_contents(conn, &one(subject.target_version_id), &Watch::default())?;
    let catalogs = Catalogs::load(
        conn,
        &compared.selection,
        (&compared.source, &source),
        (&compared.target, &target),
    )?;
    let of = |contents: &Contents, id: Option<Uuid>| id.and_then(|id| contents.get(&id));
    let sides = (
        of(&source, subject.source_version_id),
        of(&target, subject.target_version_id),
    );
    Ok(Some(changes_of(
        compared,
        &catalogs,
        subject,
        (sides.0.as_deref(), sides.1.as_deref()),
    )))
}

fn changes_of(
    compared: &Compared,
    catalogs: &Catalogs,
    subject: &Subject,
    sides: (Option<&CapturedPolicy>, Option<&CapturedPolicy>),
) -> Vec<Change> {
    let Some(row) = policy_type::find(&subject.policy_type) else {
        return Vec::new();
    };
    // One-sided subjects are compared with nothing; several candidates are not compared at all.
    let blank = |like: &CapturedPolicy| CapturedPolicy {
        content: json!({}),
        assignments: json!([]),
        references: Vec::new(),
        has_secrets: false,
        ..like.clone()
    };
    let (source, target) = match (sides, subject.state) {
        ((Some(source), Some(target)), _) => (source.clone(), target.clone()),
        ((Some(source), None), SubjectState::Missing) => (source.clone(), blank(source)),
        ((None, Some(target)), SubjectState::TargetOnly) => (blank(target), target.clone()),
        _ => return Vec::new(),
    };
    let source_reading = Reading::MeaningWith(&catalogs.source, &compared.overrides);
    let target_reading = Reading::Meaning(&catalogs.target);
    let changes = diff::diff(row, (&source, source_reading), (&target, target_reading));
    changes
        .into_iter()
        .filter(|change| subject.facets.get(&change.facet) != Some(&FacetVerdict::Equal))
        .collect()
}

/// Fingerprints by version, to see under which meaning a count was made.
struct Prints<'a> {
    by_version: HashMap<Uuid, &'a domain::canonical::Fingerprints>,
}

impl<'a> Prints<'a> {
    fn of(compared: &'a Compared) -> Self {
        let policies = compared
            .source
            .inventory
            .policies
            .iter()
            .chain(&compared.target.inventory.policies);
        Self {
            by_version: policies
                .filter_map(|policy| Some((policy.version_id?, policy.fingerprints.as_ref()?)))
                .collect(),
        }
    }

    fn of_pair(&self, source: Uuid, target: Uuid, subject: &Subject) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        for version in [source, target] {
            if let Some(prints) = self.by_version.get(&version) {
                prints.facets.hash(&mut hasher);
                prints.state.hash(&mut hasher);
            }
        }
        subject.facets.hash(&mut hasher);
        subject.state.hash(&mut hasher);
        hasher.finish()
    }
}
