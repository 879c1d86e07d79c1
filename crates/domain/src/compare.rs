//! Matches two inventories and says, facet by facet, where they agree.
//!
//! Identity is type-specific and never an id. Incomplete knowledge yields `indeterminate`, never
//! `missing` and never `match`. This module does not load content: it works on fingerprints; the
//! caller supplies recomputed ones for policies that a mapping of the request touches.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Serialize;
use uuid::Uuid;

use crate::canonical::Fingerprints;
use crate::inventory::{Inventory, InventoryPolicy};
use crate::json;
use crate::model::Facet;
use crate::policy_type::{self, PolicyType};
use crate::selection::{Carry, ConditionalAccessState, Options, Selection, subject_key};
pub use crate::subject::{
    Candidate, CompareSummary, Comparison, FacetVerdict, Reason, Subject, SubjectState,
};

mod reasons;

use reasons::{keys_differ, not_carried_reason, uncertainty_reasons, unknown_reason};

/// Whether the selection's type filter lets a type through.
pub fn in_scope(selection: &Selection, policy_type: &str) -> bool {
    selection.scope.policy_types.is_empty() || selection.scope.policy_types.contains(policy_type)
}

/// Types the scope needs that the inventory has not read to the end, sorted. What a tenant does not
/// offer is needed by who names it, and where one of the two tenants has some of it.
pub fn incomplete_types(
    selection: &Selection,
    inventory: &Inventory,
    other: &Inventory,
) -> Vec<String> {
    let needed = |key: &str| {
        !inventory.unserved_types.contains(key)
            || selection.scope.policy_types.contains(key)
            || inventory.holds(key)
            || other.holds(key)
    };
    policy_type::all()
        .iter()
        .map(|row| row.key)
        .filter(|key| in_scope(selection, key) && !inventory.complete_types.contains(*key))
        .filter(|key| needed(key))
        .map(str::to_owned)
        .collect()
}

/// Subject keys of the scope that name no live policy of either tenant, sorted.
pub fn unknown_subject_keys(
    selection: &Selection,
    source: &Inventory,
    target: &Inventory,
) -> Vec<String> {
    let known: BTreeSet<String> = source
        .policies
        .iter()
        .chain(&target.policies)
        .map(|p| subject_key(p.id))
        .collect();
    selection
        .scope
        .subject_keys
        .difference(&known)
        .cloned()
        .collect()
}

/// Compares two inventories under a selection whose pairings were checked.
pub fn compare(selection: &Selection, source: &Inventory, target: &Inventory) -> Comparison {
    let mut subjects = Vec::new();
    for row in policy_type::all()
        .iter()
        .filter(|row| in_scope(selection, row.key))
    {
        compare_type(row, selection, source, target, &mut subjects);
    }
    if !selection.scope.subject_keys.is_empty() {
        subjects.retain(|subject| selection.scope.subject_keys.contains(&subject.subject_key));
    }
    subjects.sort_by(|a, b| {
        (&a.policy_type, &a.display_name, &a.subject_key).cmp(&(
            &b.policy_type,
            &b.display_name,
            &b.subject_key,
        ))
    });
    let summary = summarize(&subjects);
    let compare_digest = digest(selection, source, target, &subjects);
    Comparison {
        compare_digest,
        summary,
        subjects,
    }
}

fn compare_type(
    row: &PolicyType,
    selection: &Selection,
    source: &Inventory,
    target: &Inventory,
    subjects: &mut Vec<Subject>,
) {
    let sources: Vec<&InventoryPolicy> = of_type(source, row.key);
    let targets: Vec<&InventoryPolicy> = of_type(target, row.key);
    let paired: HashMap<Uuid, Uuid> = selection
        .pairings
        .iter()
        .map(|p| (p.source_policy_id, p.target_policy_id))
        .collect();
    let taken: BTreeSet<Uuid> = paired.values().copied().collect();
    let mut matched: BTreeSet<Uuid> = taken.clone();

    let mut identities: BTreeMap<&str, (Vec<&InventoryPolicy>, Vec<&InventoryPolicy>)> =
        BTreeMap::new();
    for policy in &sources {
        if let Some(other) = paired.get(&policy.id).and_then(|id| find(&targets, *id)) {
            subjects.push(matched_subject(row, selection, policy, other));
            continue;
        }
        identities
            .entry(&policy.identity_key)
            .or_default()
            .0
            .push(policy);
    }
    for policy in &targets {
        identities
            .entry(&policy.identity_key)
            .or_default()
            .1
            .push(policy);
    }
    for (from, to) in identities.values() {
        let free: Vec<&InventoryPolicy> = to
            .iter()
            .copied()
            .filter(|p| !taken.contains(&p.id))
            .collect();
        if !from.is_empty() {
            matched.extend(to.iter().map(|p| p.id));
        }
        let displaced = to.len() > free.len();
        for policy in from {
            subjects.push(natural_subject(
                row,
                selection,
                policy,
                from.len(),
                &free,
                displaced,
                to,
            ));
        }
    }
    for policy in targets.iter().filter(|p| !matched.contains(&p.id)) {
        subjects.push(target_only(policy));
    }
    let unsure = uncertain_inventory(row.key, source, target);
    if let Some(reason) = unsure {
        for subject in subjects
            .iter_mut()
            .filter(|subject| subject.policy_type == row.key)
        {
            subject.state = SubjectState::Indeterminate;
            subject.reasons.insert(0, reason.clone());
        }
    }
}

fn uncertain_inventory(key: &str, source: &Inventory, target: &Inventory) -> Option<Reason> {
    for (whose, inventory) in [("source", source), ("target", target)] {
        if !inventory.known_types.contains(key) {
            let text = format!("{key} of the {whose} tenant was never synced.");
            return Some(Reason::new("inventory_never_synced", text));
        }
        if inventory.unserved_types.contains(key) {
            let text = format!("The {whose} tenant does not offer {key}.");
            return Some(Reason::new("type_not_served", text));
        }
        if !inventory.complete_types.contains(key) {
            let text = format!("The last read of {key} in the {whose} tenant was incomplete.");
            return Some(Reason::new("inventory_incomplete", text));
        }
    }
    None
}

fn of_type<'a>(inventory: &'a Inventory, key: &str) -> Vec<&'a InventoryPolicy> {
    let mut policies: Vec<&InventoryPolicy> = inventory
        .policies
        .iter()
        .filter(|policy| policy.policy_type == key)
        .collect();
    policies.sort_by(|a, b| (&a.display_name, a.id).cmp(&(&b.display_name, b.id)));
    policies
}

fn find<'a>(policies: &[&'a InventoryPolicy], id: Uuid) -> Option<&'a InventoryPolicy> {
    policies.iter().copied().find(|policy| policy.id == id)
}

fn natural_subject(
    row: &PolicyType,
    selection: &Selection,
    policy: &InventoryPolicy,
    source_twins: usize,
    free: &[&InventoryPolicy],
    displaced: bool,
    all: &[&InventoryPolicy],
) -> Subject {
    if source_twins > 1 {
        let text = format!(
            "/{}: {source_twins} policies of the source have this identity; rename all but one.",
            row.name_property
        );
        return ambiguous(policy, free, Reason::new("source_identity_ambiguous", text));
    }
    match free {
        [] if displaced => {
            let text = "The policy of this identity in the target is paired with another subject; pair this one \
                 with another, or rename it.";
            ambiguous(policy, all, Reason::new("target_paired_elsewhere", text))
        }
        [] => missing(policy),
        [only] => matched_subject(row, selection, policy, only),
        several => {
            let text = format!(
                "/{}: {} policies of the target have this identity; pair this one with the one that \
                 is meant, or rename the others.",
                row.name_property,
                several.len()
            );
            ambiguous(
                policy,
                several,
                Reason::new("target_identity_ambiguous", text),
            )
        }
    }
}

fn blank(policy: &InventoryPolicy, state: SubjectState) -> Subject {
    let mut subject = Subject {
        subject_key: subject_key(policy.id),
        policy_type: policy.policy_type.clone(),
        display_name: policy.display_name.clone(),
        state,
        facets: Facet::ALL
            .into_iter()
            .map(|facet| (facet, FacetVerdict::Absent))
            .collect(),
        reasons: Vec::new(),
        source_policy_id: Some(policy.id),
        source_version_id: policy.version_id,
        target_policy_id: None,
        target_version_id: None,
        target_external_id: None,
        target_candidates: Vec::new(),
    };
    if let Some(why) = &policy.unreadable {
        subject.state = SubjectState::Indeterminate;
        subject
            .reasons
            .push(Reason::new("policy_unreadable", why.clone()));
    }
    subject
}

fn missing(policy: &InventoryPolicy) -> Subject {
    let mut subject = blank(policy, SubjectState::Missing);
    if let Some(reason) = outdated("source", policy) {
        subject.state = SubjectState::Indeterminate;
        subject.reasons.push(reason);
    }
    subject
}

/// What was captured by an earlier version of this product may lack what this one reads: nothing is
/// concluded from it until it was read again.
fn outdated(whose: &str, policy: &InventoryPolicy) -> Option<Reason> {
    let prints = policy.fingerprints.as_ref()?;
    (!prints.is_current()).then(|| {
        let text = format!(
            "The policy of the {whose} was captured by another version of this product; sync the {whose}."
        );
        Reason::new("capture_outdated", text)
    })
}

fn ambiguous(policy: &InventoryPolicy, candidates: &[&InventoryPolicy], reason: Reason) -> Subject {
    let mut subject = blank(policy, SubjectState::Ambiguous);
    subject.reasons.push(reason);
    subject.target_candidates = candidates
        .iter()
        .map(|c| Candidate {
            policy_id: c.id,
            display_name: c.display_name.clone(),
        })
        .collect();
    subject
}

fn target_only(policy: &InventoryPolicy) -> Subject {
    let mut subject = blank(policy, SubjectState::TargetOnly);
    subject.target_policy_id = subject.source_policy_id.take();
    subject.target_version_id = subject.source_version_id.take();
    subject.target_external_id = Some(policy.external_id.clone());
    subject
}

fn matched_subject(
    row: &PolicyType,
    selection: &Selection,
    from: &InventoryPolicy,
    to: &InventoryPolicy,
) -> Subject {
    let mut subject = blank(from, SubjectState::Match);
    subject.target_policy_id = Some(to.id);
    subject.target_version_id = to.version_id;
    subject.target_external_id = Some(to.external_id.clone());
    subject.reasons.extend(outdated("source", from));
    subject.reasons.extend(outdated("target", to));
    let both = from.fingerprints.as_ref().zip(to.fingerprints.as_ref());
    let Some((left, right)) = both.filter(|(left, right)| left.is_current() && right.is_current())
    else {
        subject.state = SubjectState::Indeterminate;
        for facet in Facet::ALL {
            subject.facets.insert(facet, FacetVerdict::Indeterminate);
        }
        if let Some(why) = &to.unreadable {
            subject.reasons.push(Reason::new(
                "policy_unreadable",
                format!("In the target: {why}"),
            ));
        }
        return subject;
    };
    for facet in Facet::ALL {
        let mut verdict = facet_verdict(row, facet, left, right, to);
        if facet == Facet::Settings
            && verdict == FacetVerdict::Equal
            && !state_is_settled(selection.options, left, right)
        {
            verdict = FacetVerdict::Different;
        }
        subject.facets.insert(facet, verdict);
    }
    let decided: Vec<FacetVerdict> = deciding_facets(selection.options)
        .filter_map(|facet| subject.facets.get(&facet).copied())
        .collect();
    subject.state = if decided.contains(&FacetVerdict::Indeterminate) {
        SubjectState::Indeterminate
    } else if decided.contains(&FacetVerdict::Different) {
        SubjectState::Different
    } else {
        SubjectState::Match
    };
    subject.reasons = uncertainty_reasons(selection.options, left, right);
    if subject.state == SubjectState::Match {
        subject.reasons.extend(unknown_reason(left, right));
        subject.reasons.extend(not_carried_reason(row, left, right));
    }
    subject
}

/// The facets the options would write.
pub fn deciding_facets(options: Options) -> impl Iterator<Item = Facet> {
    Facet::ALL.into_iter().filter(move |facet| match facet {
        Facet::Settings | Facet::Description => true,
        Facet::Assignments => options.assignments == Carry::Map,
        Facet::ScopeTags => options.scope_tags == Carry::Map,
    })
}

fn facet_verdict(
    row: &PolicyType,
    facet: Facet,
    left: &Fingerprints,
    right: &Fingerprints,
    to: &InventoryPolicy,
) -> FacetVerdict {
    if !row.has_facet(facet) {
        return FacetVerdict::Absent;
    }
    if left.uncertain.contains_key(&facet) || right.uncertain.contains_key(&facet) {
        return FacetVerdict::Indeterminate;
    }
    if facet == Facet::Settings && keys_differ(left, right) {
        return FacetVerdict::Indeterminate;
    }
    let (Some(ours), Some(theirs)) = (left.facets.get(&facet), right.facets.get(&facet)) else {
        return FacetVerdict::Indeterminate;
    };
    let proven = to
        .verified_pairs
        .get(&facet)
        .is_some_and(|pair| &pair.source == ours && &pair.own == theirs);
    if ours == theirs || proven {
        FacetVerdict::Equal
    } else {
        FacetVerdict::Different
    }
}

/// A Conditional Access state is settled when the target has the source's own state (someone
/// enabled it there after proving it) or the one in which it would land.
fn state_is_settled(options: Options, left: &Fingerprints, right: &Fingerprints) -> bool {
    match (&left.state, &right.state) {
        (Some(from), Some(to)) => {
            from == to || landing_state(options.conditional_access_state, from) == *to
        }
        (None, None) => true,
        _ => false,
    }
}

/// The state in which a Conditional Access policy lands.
pub fn landing_state(option: ConditionalAccessState, source_state: &str) -> String {
    match option {
        ConditionalAccessState::ReportOnly => "enabledForReportingButNotEnforced".to_owned(),
        ConditionalAccessState::Disabled => "disabled".to_owned(),
        ConditionalAccessState::AsSource => source_state.to_owned(),
    }
}

fn summarize(subjects: &[Subject]) -> CompareSummary {
    let mut summary = CompareSummary::default();
    for subject in subjects {
        summary.total += 1;
        match subject.state {
            SubjectState::Match => summary.r#match += 1,
            SubjectState::Different => summary.different += 1,
            SubjectState::Missing => summary.missing += 1,
            SubjectState::TargetOnly => summary.target_only += 1,
            SubjectState::Ambiguous => summary.ambiguous += 1,
            SubjectState::Indeterminate => summary.indeterminate += 1,
        }
    }
    summary
}

fn digest(
    selection: &Selection,
    source: &Inventory,
    target: &Inventory,
    subjects: &[Subject],
) -> String {
    #[derive(Serialize)]
    struct Covered<'a> {
        registry_version: &'static str,
        selection: &'a Selection,
        source_complete: &'a BTreeSet<String>,
        target_complete: &'a BTreeSet<String>,
        fingerprints: BTreeMap<Uuid, &'a Option<Fingerprints>>,
        subjects: &'a [Subject],
    }
    let involved: BTreeSet<Uuid> = subjects
        .iter()
        .flat_map(|s| [s.source_policy_id, s.target_policy_id])
        .flatten()
        .collect();
    let fingerprints = source
        .policies
        .iter()
        .chain(&target.policies)
        .filter(|policy| involved.contains(&policy.id))
        .map(|policy| (policy.id, &policy.fingerprints))
        .collect();
    json::digest(&Covered {
        registry_version: policy_type::REGISTRY_VERSION,
        selection,
        source_complete: &source.complete_types,
        target_complete: &target.complete_types,
        fingerprints,
        subjects,
    })
}
