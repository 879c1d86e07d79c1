//! The execution plan: a value, identified by its digest, that says exactly what would be written.
//!
//! The digest covers, for each ready subject, the final calls (placeholders for ids the plan itself
//! creates), the reviewed fingerprint of the target or its proven absence, and the registry version.
//! A subject that is not ready and a mapping nothing uses do not change it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::adjust::Adjustments;
use crate::json;
use crate::model::CapturedPolicy;
use crate::policy_type::{self, PolicyType};
use crate::references::Overrides;
use crate::selection::Options;
use crate::steps::{self, Landed, Landing, StepError, StepInput, Written};
use crate::verify;

/// What a ready subject would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The target proves not to have it.
    Create,
    /// The target has it, differently.
    Update,
}

impl Action {
    /// The name on the wire and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

/// The reviewed object an update overwrites.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedTarget {
    /// Our policy id.
    pub policy_id: Uuid,
    /// The version that was reviewed.
    pub version_id: Uuid,
    /// Graph's id.
    pub external_id: String,
    /// [`verify::reviewed_fingerprint`] of that version.
    pub fingerprint: String,
}

/// One source reference and where it lands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedLanding {
    /// Reference kind.
    pub kind: String,
    /// Lower-case id in the source.
    pub source_external_id: String,
    /// Where it lands.
    pub landed: Landed,
}

/// One ready subject, by reference: what a run stores.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedSubject {
    /// Subject key.
    pub subject_key: String,
    /// Registry key.
    pub policy_type: String,
    /// The source's name.
    pub display_name: String,
    /// What to do.
    pub action: Action,
    /// Dependency wave.
    pub wave: u8,
    /// Our policy id in the source.
    pub source_policy_id: Uuid,
    /// The reviewed source version.
    pub source_version_id: Uuid,
    /// `None` creates.
    pub target: Option<PinnedTarget>,
    /// Every reference that is written, sorted.
    pub landing: Vec<PinnedLanding>,
    /// What was settled by the day and by what stands in the target.
    #[serde(default, skip_serializing_if = "Adjustments::is_none")]
    pub adjustments: Adjustments,
    /// Digest of exactly what would be written.
    pub revision: String,
}

impl PinnedSubject {
    /// The subjects of the same plan that must have been created before this one.
    pub fn depends_on(&self) -> BTreeSet<&str> {
        self.landing
            .iter()
            .filter_map(|landing| match &landing.landed {
                Landed::CreatedByPlan(key) => Some(key.as_str()),
                Landed::Id(_) => None,
            })
            .collect()
    }
}

/// A ready subject with its calls.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedSubject {
    /// What a run stores.
    pub pinned: PinnedSubject,
    /// The calls and the policy they must lead to.
    pub written: Written,
}

impl PlannedSubject {
    /// Leaves nothing of the calls but what the order of a plan is made from.
    pub(crate) fn forget_calls(&mut self, row: &PolicyType) {
        let expected = &mut self.written.expected;
        let rank = row
            .priority
            .and_then(|property| Some((property, expected.content.get(property)?.clone())));
        expected.content = rank.into_iter().collect();
        expected.assignments = serde_json::Value::Null;
        expected.references = Vec::new();
        self.written.steps = Vec::new();
    }
}

/// The plan: ready subjects in execution order (wave, type, rank, name, key).
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionPlan {
    /// [`policy_type::REGISTRY_VERSION`] at that time.
    pub registry_version: String,
    /// Covers exactly what would be written.
    pub plan_digest: String,
    /// In execution order.
    pub subjects: Vec<PlannedSubject>,
}

/// The inputs of one subject.
#[derive(Clone, Copy, Debug)]
pub struct SubjectInput<'a> {
    /// Row.
    pub row: &'a PolicyType,
    /// Subject key.
    pub subject_key: &'a str,
    /// Our ids of the source policy and version.
    pub source_ids: (Uuid, Uuid),
    /// The reviewed source version.
    pub source: &'a CapturedPolicy,
    /// Our ids of the target policy and version, and the reviewed version; `None` creates.
    pub target: Option<(Uuid, Uuid, &'a CapturedPolicy)>,
    /// Where every carried reference lands.
    pub landing: &'a Landing,
    /// Literals of the request.
    pub overrides: &'a Overrides,
    /// Options of the request.
    pub options: Options,
    /// What the day and the target settle.
    pub adjustments: Adjustments,
}

/// Plans one subject.
pub fn plan_subject(input: SubjectInput<'_>) -> Result<PlannedSubject, StepError> {
    let written = steps::build(StepInput {
        row: input.row,
        source: input.source,
        target: input.target.map(|(_, _, policy)| policy),
        landing: input.landing,
        overrides: input.overrides,
        options: input.options,
        adjustments: input.adjustments,
    })?;
    let target = input
        .target
        .map(|(policy_id, version_id, policy)| PinnedTarget {
            policy_id,
            version_id,
            external_id: policy.external_id.clone(),
            fingerprint: verify::reviewed_fingerprint(input.row, policy, input.options),
        });
    let landing = input
        .landing
        .iter()
        .map(|((kind, id), landed)| PinnedLanding {
            kind: kind.clone(),
            source_external_id: id.clone(),
            landed: landed.clone(),
        })
        .collect();
    let action = if target.is_some() {
        Action::Update
    } else {
        Action::Create
    };
    let revision = revision(input.row, action, target.as_ref(), &written);
    let pinned = PinnedSubject {
        subject_key: input.subject_key.to_owned(),
        policy_type: input.row.key.to_owned(),
        display_name: input.source.display_name.clone(),
        action,
        wave: policy_type::wave_of(input.row, &input.source.content),
        source_policy_id: input.source_ids.0,
        source_version_id: input.source_ids.1,
        target,
        landing,
        adjustments: input.adjustments,
        revision,
    };
    Ok(PlannedSubject { pinned, written })
}

/// Stands for exactly what would be written.
pub(crate) fn revision(
    row: &PolicyType,
    action: Action,
    target: Option<&PinnedTarget>,
    written: &Written,
) -> String {
    #[derive(Serialize)]
    struct Covered<'a> {
        registry_version: &'static str,
        policy_type: &'static str,
        action: Action,
        // `None` stands for proven absence.
        target: Option<(&'a str, &'a str)>,
        steps: &'a [steps::WriteStep],
        assignments: &'a serde_json::Value,
    }
    json::digest(&Covered {
        registry_version: policy_type::REGISTRY_VERSION,
        policy_type: row.key,
        action,
        target: target.map(|t| (t.external_id.as_str(), t.fingerprint.as_str())),
        steps: &written.steps,
        assignments: &written.expected.assignments,
    })
}

/// Orders the subjects and gives the plan its digest.
pub fn assemble(target_tenant_id: Uuid, mut subjects: Vec<PlannedSubject>) -> ExecutionPlan {
    subjects.sort_by(|a, b| order(a).cmp(&order(b)));
    let revisions: BTreeMap<&str, &str> = subjects
        .iter()
        .map(|s| (s.pinned.subject_key.as_str(), s.pinned.revision.as_str()))
        .collect();
    let plan_digest = json::digest(&serde_json::json!({
        "registry_version": policy_type::REGISTRY_VERSION,
        "target_tenant_id": target_tenant_id,
        "subjects": revisions,
    }));
    ExecutionPlan {
        registry_version: policy_type::REGISTRY_VERSION.to_owned(),
        plan_digest,
        subjects,
    }
}

fn order(subject: &PlannedSubject) -> (u8, &str, i64, &str, &str) {
    let pinned = &subject.pinned;
    // Fresh objects are ranked behind the others: made in order, most get their rank by themselves.
    let rank = policy_type::find(&pinned.policy_type).and_then(|row| {
        subject
            .written
            .expected
            .content
            .get(row.priority?)?
            .as_i64()
    });
    (
        pinned.wave,
        &pinned.policy_type,
        rank.unwrap_or_default(),
        &pinned.display_name,
        &pinned.subject_key,
    )
}

/// Why a stored subject does not lead to the reviewed calls any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// This build does not know the type.
    #[error("policy type {0} is not in this registry")]
    UnknownType(String),
    /// The calls cannot be built.
    #[error(transparent)]
    Steps(#[from] StepError),
    /// The calls differ from the reviewed ones.
    #[error("the calls derived now differ from the reviewed ones")]
    RevisionDiffers,
}

/// Derives the calls of a stored subject again and insists that they are the reviewed ones.
///
/// `literals` are the request's, source text to target text.
pub fn rebuild(
    pinned: &PinnedSubject,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    literals: &BTreeMap<String, String>,
    options: Options,
) -> Result<PlannedSubject, RebuildError> {
    let row = policy_type::find(&pinned.policy_type)
        .ok_or_else(|| RebuildError::UnknownType(pinned.policy_type.clone()))?;
    let landing: Landing = pinned
        .landing
        .iter()
        .map(|l| {
            (
                (l.kind.clone(), l.source_external_id.clone()),
                l.landed.clone(),
            )
        })
        .collect();
    let overrides = Overrides {
        literals: literals.clone(),
        ..Overrides::default()
    };
    let target = match (&pinned.target, target) {
        (Some(ids), Some(policy)) => Some((ids.policy_id, ids.version_id, policy)),
        (None, None) => None,
        _ => return Err(RebuildError::RevisionDiffers),
    };
    let planned = plan_subject(SubjectInput {
        row,
        subject_key: &pinned.subject_key,
        source_ids: (pinned.source_policy_id, pinned.source_version_id),
        source,
        target,
        landing: &landing,
        overrides: &overrides,
        options,
        adjustments: pinned.adjustments,
    })?;
    if planned.pinned != *pinned {
        return Err(RebuildError::RevisionDiffers);
    }
    Ok(planned)
}

/// One subject whose revision is not the reviewed one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// Subject key.
    pub subject_key: String,
    /// The reviewed revision; `None` where it was not ready.
    pub was: Option<String>,
    /// The revision now; `None` where it is not ready any more.
    pub is: Option<String>,
}

/// What changed between the reviewed revisions and the plan now, in key order.
pub fn drift(reviewed: &BTreeMap<String, String>, plan: &ExecutionPlan) -> Vec<Drift> {
    let current: BTreeMap<&str, &str> = plan
        .subjects
        .iter()
        .map(|s| (s.pinned.subject_key.as_str(), s.pinned.revision.as_str()))
        .collect();
    let keys: BTreeSet<&str> = reviewed
        .keys()
        .map(String::as_str)
        .chain(current.keys().copied())
        .collect();
    keys.into_iter()
        .map(|key| Drift {
            subject_key: key.to_owned(),
            was: reviewed.get(key).cloned(),
            is: current.get(key).map(|revision| (*revision).to_owned()),
        })
        .filter(|drift| drift.was != drift.is)
        .collect()
}
