//! Adds readiness to a compare: references, literals, what cannot be written, and the plan.
//!
//! Run-level gates (controls, connections, permissions) are facts of the caller; this module only
//! combines them. Blocked and manual subjects are never part of the plan.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::canonical;
use crate::chosen_id::{self, ChosenIds};
use crate::compare::{Candidate, Comparison, Reason, Subject, SubjectState};
pub use crate::contents::Contents;
use crate::gates;
use crate::gates::literals::Literals;
use crate::inventory::Inventory;
use crate::landing::{Lander, Resolved};
use crate::model::CapturedPolicy;
use crate::oma;
use crate::plan::{self, Action, ExecutionPlan, PlannedSubject, SubjectInput};
use crate::policy_type::{self, PolicyType};
use crate::references::{Overrides, ReferenceCatalog};
use crate::selection::Selection;
use crate::steps::{self, Landing};

mod holds;
mod unresolved;

pub(crate) use holds::Holds;

/// Whether a subject would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Readiness {
    /// Would be written.
    Ready,
    /// Cannot be written.
    Blocked,
    /// A person has to decide first.
    ManualMappingRequired,
    /// Nothing to write.
    Unchanged,
}

/// One subject of a preflight.
#[derive(Clone, Debug, PartialEq)]
pub struct PreflightSubject {
    /// Subject key.
    pub subject_key: String,
    /// Registry key.
    pub policy_type: String,
    /// The source's name.
    pub display_name: String,
    /// State of the compare.
    pub state: SubjectState,
    /// Readiness.
    pub readiness: Readiness,
    /// What a ready subject would do.
    pub action: Option<Action>,
    /// Dependency wave of its type.
    pub wave: u8,
    /// Stands for exactly what would be written; ready subjects only.
    pub revision: Option<String>,
    /// Why it is held.
    pub reasons: Vec<Reason>,
    /// Candidates of an ambiguous or previously promoted subject.
    pub target_candidates: Vec<Candidate>,
    /// Every reference that would be carried.
    pub references: Vec<Resolved>,
}

/// Counts by readiness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreflightSummary {
    /// All subjects but `target_only` ones.
    pub total: u64,
    /// `ready`
    pub ready: u64,
    /// `blocked`
    pub blocked: u64,
    /// `manual_mapping_required`
    pub manual_mapping_required: u64,
    /// `unchanged`
    pub unchanged: u64,
}

/// A preflight without its run-level gates.
#[derive(Clone, Debug)]
pub struct Preflight {
    /// Counts.
    pub summary: PreflightSummary,
    /// In the order of the compare.
    pub subjects: Vec<PreflightSubject>,
    /// What would be written.
    pub plan: ExecutionPlan,
    /// What a reviewer should know of the plan; it holds nothing back.
    pub warnings: Vec<Reason>,
}

/// Everything a preflight depends on.
#[derive(Clone, Copy, Debug)]
pub struct PreflightInput<'a> {
    /// The selection, its pairings and mappings checked.
    pub selection: &'a Selection,
    /// Its compare.
    pub comparison: &'a Comparison,
    /// Source inventory.
    pub source: &'a Inventory,
    /// Target inventory.
    pub target: &'a Inventory,
    /// Source references.
    pub source_catalog: &'a ReferenceCatalog,
    /// Target references.
    pub target_catalog: &'a ReferenceCatalog,
    /// Mappings of the request.
    pub overrides: &'a Overrides,
    /// The source tenant's GUID and verified domains.
    pub source_literals: &'a [String],
    /// Source versions of [`versions_needed`].
    pub source_contents: &'a Contents,
    /// Target versions of [`versions_needed`].
    pub target_contents: &'a Contents,
    /// Whether the source's connection may be asked for the plain text of encrypted OMA values.
    pub source_secrets_readable: bool,
    /// Source policy -> live target policy that an earlier run promoted it to.
    pub previously_promoted: &'a HashMap<Uuid, Uuid>,
    /// The present time, for dates that the service refuses when they have passed.
    pub now: DateTime<Utc>,
    /// Whether the plan keeps the calls themselves. They take the memory of all contents twice over,
    /// and what a run stores and a digest covers is made without them.
    pub keep_calls: bool,
}

/// The source and target versions whose content a preflight reads.
pub fn versions_needed(
    comparison: &Comparison,
    source: &Inventory,
    target: &Inventory,
) -> (Vec<Uuid>, Vec<Uuid>) {
    let mut said = gates::policy_sets::needed(comparison, source);
    said.extend(gates::equals_needed(comparison));
    let read = comparison.subjects.iter().filter(|subject| {
        matches!(
            subject.state,
            SubjectState::Missing | SubjectState::Different
        ) || unresolved::is_by_reference(subject)
    });
    read.fold(
        (said, gates::peers_needed(comparison, target)),
        |(mut source, mut target), subject| {
            source.extend(subject.source_version_id);
            target.extend(subject.target_version_id);
            (source, target)
        },
    )
}

/// Decides the readiness of every subject and derives the plan.
pub fn preflight(input: PreflightInput<'_>) -> Preflight {
    let mut order: Vec<(usize, &Subject, &'static PolicyType)> = input
        .comparison
        .subjects
        .iter()
        .enumerate()
        .filter(|(_, subject)| subject.state != SubjectState::TargetOnly)
        .filter_map(|(position, subject)| {
            policy_type::find(&subject.policy_type).map(|row| (position, subject, row))
        })
        .collect();
    // References point to earlier waves, so that what a plan creates is known before it is needed.
    // A rank counts what comes before it.
    order.sort_by_cached_key(|(position, subject, row)| {
        let (wave, rank) = order_of(&input, subject, row);
        (wave, rank, *position)
    });

    let mut lander = Lander::new(&input);
    let mut chosen = ChosenIds::new(&input);
    let mut decided: Vec<(usize, PreflightSubject)> = Vec::with_capacity(order.len());
    let literals = Literals::new(&input);
    let mut planned: Vec<PlannedSubject> = Vec::new();
    let mut warnings = Vec::new();
    for (position, subject, row) in order {
        let (outcome, plan) = decide(
            &input,
            &lander,
            &literals,
            &chosen,
            (subject, row),
            &planned,
        );
        if let Some(mut plan) = plan {
            warnings.extend(leaves_enforcement(&input, subject, row, &plan));
            warnings.extend(gates::warnings(&input, subject, row, &plan));
            warnings.extend(literals.warnings(&input, subject));
            if plan.pinned.action == Action::Create {
                lander.will_create(plan.pinned.source_policy_id, &plan.pinned.subject_key);
                chosen.take(row, &plan.pinned.landing);
            }
            if !input.keep_calls {
                plan.forget_calls(row);
            }
            planned.push(plan);
        }
        decided.push((position, outcome));
    }
    warnings.extend(gates::warnings_of_equals(&input));
    warnings.extend(gates::approvals::warnings(&input, &planned));
    warnings.extend(gates::collisions::warnings(&input, &planned));
    warnings.extend(gates::policy_sets::warnings(&input, &planned));
    decided.sort_by_key(|(position, _)| *position);
    let subjects: Vec<PreflightSubject> = decided.into_iter().map(|(_, subject)| subject).collect();
    Preflight {
        summary: summarize(&subjects),
        subjects,
        plan: plan::assemble(input.selection.target_tenant_id, planned),
        warnings,
    }
}

/// The wave and the rank of a subject, by its content where that is at hand.
fn order_of(input: &PreflightInput<'_>, subject: &Subject, row: &PolicyType) -> (u8, i64) {
    let source = subject
        .source_version_id
        .and_then(|id| input.source_contents.get(&id));
    source.map_or((row.wave, 0), |source| {
        let rank = row
            .priority
            .and_then(|property| source.content.get(property)?.as_i64());
        let wave = policy_type::wave_of(row, &source.content);
        (wave, rank.unwrap_or_default())
    })
}

/// An update that takes a Conditional Access policy out of force deserves a word.
fn leaves_enforcement(
    input: &PreflightInput<'_>,
    subject: &Subject,
    row: &PolicyType,
    plan: &PlannedSubject,
) -> Option<Reason> {
    let target = input.target_contents.get(&subject.target_version_id?)?;
    let now = canonical::state(row, &target)?;
    let then = canonical::state(row, &plan.written.expected)?;
    (now == "enabled" && then != now).then(|| {
        let text = format!(
            "{:?} is enforced in the target and would be {then} after the update.",
            target.display_name
        );
        Reason::new("conditional_access_leaves_enforcement", text)
    })
}

fn decide(
    input: &PreflightInput<'_>,
    lander: &Lander<'_>,
    literals: &Literals,
    chosen: &ChosenIds,
    (subject, row): (&Subject, &'static PolicyType),
    so_far: &[PlannedSubject],
) -> (PreflightSubject, Option<PlannedSubject>) {
    let mut outcome = PreflightSubject {
        subject_key: subject.subject_key.clone(),
        policy_type: subject.policy_type.clone(),
        display_name: subject.display_name.clone(),
        state: subject.state,
        readiness: Readiness::Unchanged,
        action: None,
        wave: order_of(input, subject, row).0,
        revision: None,
        reasons: subject.reasons.clone(),
        target_candidates: subject.target_candidates.clone(),
        references: Vec::new(),
    };
    match subject.state {
        SubjectState::Match | SubjectState::TargetOnly => return (outcome, None),
        SubjectState::Ambiguous => {
            outcome.readiness = Readiness::ManualMappingRequired;
            return (outcome, None);
        }
        SubjectState::Indeterminate => {
            unresolved::hold(input, lander, subject, row, &mut outcome);
            return (outcome, None);
        }
        SubjectState::Missing | SubjectState::Different => {}
    }
    let mut holds = Holds::default();
    if subject.state == SubjectState::Missing {
        hold_previously_promoted(input, subject, &mut outcome, &mut holds);
    }
    let source = subject
        .source_version_id
        .and_then(|id| input.source_contents.get(&id));
    if let Some(why) =
        policy_type::why_not_promoted(row, source.as_ref().map(|source| &source.content))
    {
        holds.block("capture_only", why);
    }
    let target = subject
        .target_version_id
        .map(|id| input.target_contents.get(&id));
    let (Some(source), false) = (source, matches!(target, Some(None))) else {
        holds.block(
            "content_unavailable",
            "The captured content is not available; sync again.",
        );
        return (holds.settle(outcome), None);
    };
    let source = &*source;
    let target = target.flatten();
    let mut landing = land(input, lander, source, row, &mut outcome, &mut holds);
    if row.adapter == policy_type::Adapter::AuthenticationContext && target.is_none() {
        chosen_id::choose(chosen, &source.external_id, &mut landing, &mut holds);
    }
    literals.hold(input, source, &mut holds);
    if let (false, Some(place)) = (
        input.source_secrets_readable,
        oma::open(&source.content).first(),
    ) {
        let text = format!(
            "/omaSettings/{}/value is encrypted, and reading secrets is not allowed on the source's connection.",
            place.position
        );
        holds.block("secret_value_required", text);
    }
    let adjustments = gates::hold(input, subject, row, source, &landing, so_far, &mut holds);
    if !holds.is_empty() {
        return (holds.settle(outcome), None);
    }
    let ids = (subject.source_policy_id, subject.source_version_id);
    let (Some(source_policy_id), Some(source_version_id)) = ids else {
        holds.block(
            "content_unavailable",
            "The captured content is not available; sync again.",
        );
        return (holds.settle(outcome), None);
    };
    let target = match (
        target.as_deref(),
        subject.target_policy_id,
        subject.target_version_id,
    ) {
        (Some(policy), Some(id), Some(version)) => Some((id, version, policy)),
        _ => None,
    };
    match plan::plan_subject(SubjectInput {
        row,
        subject_key: &subject.subject_key,
        source_ids: (source_policy_id, source_version_id),
        source,
        target,
        landing: &landing,
        overrides: input.overrides,
        options: input.selection.options,
        adjustments,
    }) {
        Ok(planned) => {
            let standing = target.map(|(_, _, policy)| policy);
            if let Some(why) = gates::unknown::difference(input, row, source, standing, &planned) {
                holds.block(&why.code, why.message);
                return (holds.settle(outcome), None);
            }
            outcome.readiness = Readiness::Ready;
            outcome.action = Some(planned.pinned.action);
            outcome.revision = Some(planned.pinned.revision.clone());
            (outcome, Some(planned))
        }
        Err(error) => {
            holds.block(error.code, error.message);
            (holds.settle(outcome), None)
        }
    }
}

fn hold_previously_promoted(
    input: &PreflightInput<'_>,
    subject: &Subject,
    outcome: &mut PreflightSubject,
    holds: &mut Holds,
) {
    let earlier = subject
        .source_policy_id
        .and_then(|id| input.previously_promoted.get(&id))
        .and_then(|id| input.target.policies.iter().find(|policy| policy.id == *id));
    let Some(earlier) = earlier else {
        return;
    };
    outcome.target_candidates.push(Candidate {
        policy_id: earlier.id,
        display_name: earlier.display_name.clone(),
    });
    let text = format!(
        "An earlier run promoted this policy to {:?} in the target; pair the two or rename one.",
        earlier.display_name
    );
    holds.manual("previously_promoted", text);
}

fn land(
    input: &PreflightInput<'_>,
    lander: &Lander<'_>,
    source: &CapturedPolicy,
    row: &PolicyType,
    outcome: &mut PreflightSubject,
    holds: &mut Holds,
) -> Landing {
    let mut landing = Landing::new();
    let mut seen = BTreeSet::new();
    for used in steps::carried_references(source, input.selection.options) {
        let key = (used.kind.clone(), used.external_id.to_ascii_lowercase());
        let resolved = lander.resolve(&used);
        if let Some(landed) = resolved.landed.clone() {
            landing.insert(key.clone(), landed);
        }
        let strict = used.exclusion && row.adapter == policy_type::Adapter::ConditionalAccess;
        resolved.hold(&used, strict, holds);
        if seen.insert(key) {
            outcome.references.push(resolved);
        }
    }
    outcome.references.sort_by(|a, b| {
        (&a.kind, &a.source_name, &a.source_external_id).cmp(&(
            &b.kind,
            &b.source_name,
            &b.source_external_id,
        ))
    });
    landing
}

fn summarize(subjects: &[PreflightSubject]) -> PreflightSummary {
    let mut summary = PreflightSummary::default();
    for subject in subjects {
        summary.total += 1;
        match subject.readiness {
            Readiness::Ready => summary.ready += 1,
            Readiness::Blocked => summary.blocked += 1,
            Readiness::ManualMappingRequired => summary.manual_mapping_required += 1,
            Readiness::Unchanged => summary.unchanged += 1,
        }
    }
    summary
}

/// The counts of what a plan would do, and the sentence that says so.
pub fn mutation_scope(plan: &ExecutionPlan, target_name: &str) -> (u64, u64, String) {
    let count = |action| {
        plan.subjects
            .iter()
            .filter(|s| s.pinned.action == action)
            .count() as u64
    };
    let (create, update) = (count(Action::Create), count(Action::Update));
    let policies = |n: u64| if n == 1 { "policy" } else { "policies" };
    let statement = match (create, update) {
        (0, 0) => format!("Nothing would be written in {target_name}."),
        (n, 0) => format!("Create {n} {} in {target_name}.", policies(n)),
        (0, n) => format!("Update {n} {} in {target_name}.", policies(n)),
        (c, u) => format!(
            "Create {c} and update {u} {} in {target_name}.",
            policies(u)
        ),
    };
    (create, update, statement)
}
