//! The law that matters: what a create or update leaves behind is what was planned, and it means
//! the same in the target as the source does in its own tenant.

use std::collections::BTreeMap;

use domain::canonical::{self, Reading};
use domain::capture;
use domain::diff;
use domain::model::{CapturedPolicy, Facet};
use domain::policy_type::PolicyType;
use domain::verify;

use crate::model::{self, KEEP, MAP, build, carry_out, key, tenants};

/// Creates a copy under `map` and under `keep_target`; answers the code of the hold, if held.
pub(crate) fn create(
    row: &PolicyType,
    source: &CapturedPolicy,
) -> Result<CapturedPolicy, &'static str> {
    let (here, there, landing) = tenants(source);
    let kept = build(row, source, None, &landing, KEEP).map_err(|error| error.code)?;
    let copy = capture::capture(row, carry_out(row, &kept, None), &key()).unwrap();
    verify::check(row, &kept.expected, &copy, &BTreeMap::new(), KEEP, true)
        .unwrap_or_else(|found| panic!("{}: {found:?}", source.display_name));
    assert_eq!(copy.assignments, serde_json::json!([]));

    let written = build(row, source, None, &landing, MAP).map_err(|error| error.code)?;
    let copy = capture::capture(row, carry_out(row, &written, None), &key()).unwrap();
    verify::check(row, &written.expected, &copy, &BTreeMap::new(), MAP, true)
        .unwrap_or_else(|found| panic!("{}: {found:?}", source.display_name));
    same_meaning(row, source, &here, &copy, &there);
    Ok(copy)
}

/// Updates `target` (a policy of the target tenant of `tenants(source)`) to the source.
pub(crate) fn update(row: &PolicyType, source: &CapturedPolicy, standing: capture::RawPolicy) {
    let (here, there, landing) = tenants(source);
    let target = capture::capture(row, standing.clone(), &key()).unwrap();
    let written = build(row, source, Some(&target), &landing, MAP)
        .unwrap_or_else(|error| panic!("{}: {error}", source.display_name));
    let live = capture::capture(row, carry_out(row, &written, Some(standing)), &key()).unwrap();
    verify::check(row, &written.expected, &live, &BTreeMap::new(), MAP, false)
        .unwrap_or_else(|found| panic!("{}: {found:?}", source.display_name));
    assert_eq!(live.display_name, target.display_name);
    same_meaning(row, source, &here, &live, &there);
}

fn same_meaning(
    row: &PolicyType,
    source: &CapturedPolicy,
    here: &domain::references::ReferenceCatalog,
    copy: &CapturedPolicy,
    there: &domain::references::ReferenceCatalog,
) {
    let changes = diff::diff(
        row,
        (source, Reading::Meaning(here)),
        (copy, Reading::Meaning(there)),
    );
    // What the registry does not know is shown, and was not written.
    let (writable, unknown): (Vec<_>, Vec<_>) = changes.into_iter().partition(|one| one.writable);
    assert!(
        writable.is_empty(),
        "{}: {writable:#?}",
        source.display_name
    );
    let ours = canonical::fingerprints(row, source, Reading::Meaning(here));
    let mut theirs = canonical::fingerprints(row, copy, Reading::Meaning(there));
    // What stays with the source's object is told, and no part of what is the same.
    theirs.left_behind.clone_from(&ours.left_behind);
    assert!(
        ours.uncertain.is_empty(),
        "{}: {:?}",
        source.display_name,
        ours.uncertain
    );
    assert_eq!(
        ours == theirs,
        unknown.is_empty(),
        "{}",
        source.display_name
    );
}

/// Capturing, canonicalising: twice is once, and the order of members says nothing.
pub(crate) fn is_stable(row: &PolicyType, object: &serde_json::Value) -> CapturedPolicy {
    let policy = model::captured(row, object.clone());
    let again = model::captured(row, model::reordered(object));
    assert_eq!(policy.content_hash, again.content_hash);
    assert_eq!(policy.identity_key, again.identity_key);
    let settings = canonical::facet_value(row, &policy, Facet::Settings, Reading::Raw);
    let mut twice = policy.clone();
    twice.content = settings.clone();
    twice.references = Vec::new();
    assert_eq!(
        canonical::facet_value(row, &twice, Facet::Settings, Reading::Raw),
        settings,
        "{}",
        policy.display_name
    );
    policy
}
