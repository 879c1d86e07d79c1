//! What a restore would write: a captured version back into the very tenant it was read from.
//!
//! Only [`OwnVersions`] leads to calls here, and it exists only for two versions of one policy of
//! one tenant: a foreign version can reach a target through the promotion planner alone. Ids stay
//! as they are, since they mean what they meant. A restore never enables a Conditional Access
//! policy by itself.
//!
//! A bare captured policy, which may be anybody's, is not accepted:
//!
//! ```compile_fail,E0308
//! fn write(foreign: &domain::model::CapturedPolicy, catalog: &domain::references::ReferenceCatalog) {
//!     let now = chrono::DateTime::UNIX_EPOCH;
//!     let _ = domain::restore::plan(foreign, catalog, domain::restore::Enforcement::Keep, now);
//! }
//! ```
//!
//! And the pair cannot be put together past the check:
//!
//! ```compile_fail,E0451
//! fn pair(wanted: domain::restore::TenantVersion, current: domain::restore::TenantVersion) {
//!     let _ = domain::restore::OwnVersions { wanted, current };
//! }
//! ```

use std::collections::BTreeSet;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::adjust::Adjustments;
use crate::canonical::{self, Reading};
use crate::capability::UnknownName;
use crate::compare::Reason;
use crate::gates::dates;
use crate::model::{CapturedPolicy, Facet};
use crate::oma;
use crate::plan::{self, Action, PinnedLanding, PinnedSubject, PinnedTarget, PlannedSubject};
use crate::policy_type::{self, PolicyType};
use crate::references::{Meaning, Overrides, ReferenceCatalog, is_constant};
use crate::selection::{self, Carry, ConditionalAccessState, Options};
use crate::steps::{self, Landed, Landing, StepError, StepInput, Written};
use crate::verify;

const REPORT_ONLY: &str = "enabledForReportingButNotEnforced";

/// A version together with where it was read: made where rows are read, never from a request.
#[derive(Clone, Debug, PartialEq)]
pub struct TenantVersion {
    tenant_id: Uuid,
    policy_id: Uuid,
    version_id: Uuid,
    policy: CapturedPolicy,
}

impl TenantVersion {
    /// A version as its row tells it.
    pub const fn new(
        tenant_id: Uuid,
        policy_id: Uuid,
        version_id: Uuid,
        policy: CapturedPolicy,
    ) -> Self {
        Self {
            tenant_id,
            policy_id,
            version_id,
            policy,
        }
    }
}

/// Why two versions do not make a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOwn {
    /// One of them was read from another tenant.
    #[error("the version belongs to another tenant")]
    ForeignTenant,
    /// They are versions of two policies.
    #[error("the version belongs to another policy")]
    OtherPolicy,
}

/// The version to restore and the one it replaces, both of one policy of one tenant.
#[derive(Clone, Debug, PartialEq)]
pub struct OwnVersions {
    wanted: TenantVersion,
    current: TenantVersion,
}

impl OwnVersions {
    /// Insists that both were read from `tenant_id`, of one policy.
    pub fn of(
        tenant_id: Uuid,
        wanted: TenantVersion,
        current: TenantVersion,
    ) -> Result<Self, NotOwn> {
        if wanted.tenant_id != tenant_id || current.tenant_id != tenant_id {
            return Err(NotOwn::ForeignTenant);
        }
        let one = wanted.policy_id == current.policy_id
            && wanted.policy.policy_type == current.policy.policy_type
            && wanted.policy.external_id == current.policy.external_id;
        if !one {
            return Err(NotOwn::OtherPolicy);
        }
        Ok(Self { wanted, current })
    }

    /// The version to restore.
    pub const fn wanted(&self) -> &CapturedPolicy {
        &self.wanted.policy
    }

    /// The version that stands now, as reviewed.
    pub const fn current(&self) -> &CapturedPolicy {
        &self.current.policy
    }
}

/// What may become of the state of a Conditional Access policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// The captured state, except that a policy that is not enforced now stays out of force.
    #[default]
    Keep,
    /// The captured state, even where that enforces the policy.
    AsCaptured,
}

impl FromStr for Enforcement {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "keep" => Ok(Self::Keep),
            "as_captured" => Ok(Self::AsCaptured),
            _ => Err(UnknownName),
        }
    }
}

/// A restore that may be queued.
#[derive(Clone, Debug, PartialEq)]
pub struct Restore {
    /// The one subject.
    pub planned: PlannedSubject,
    /// What the worker derives it again with.
    pub options: Options,
    /// The state a Conditional Access policy keeps although another was captured.
    pub kept_state: Option<String>,
}

/// Plans a restore, or says why there is none. `catalog` knows every reference of the version,
/// `now` what of its dates has passed.
pub fn plan(
    own: &OwnVersions,
    catalog: &ReferenceCatalog,
    enforcement: Enforcement,
    now: DateTime<Utc>,
) -> Result<Restore, Vec<Reason>> {
    let held = |code: &str, message: String| vec![Reason::new(code, message)];
    let wanted = own.wanted();
    let Some(row) = policy_type::find(&wanted.policy_type) else {
        let text = "This installation does not know the policy type any more.".to_owned();
        return Err(held("registry_changed", text));
    };
    if let Some(why) = policy_type::why_not_promoted(row, Some(&wanted.content)) {
        return Err(held("capture_only", why.to_owned()));
    }
    let refused = |error: StepError| held(error.code, error.message.clone());
    let (options, kept_state) = options(row, own, enforcement).map_err(refused)?;
    let planned = build(row, own, options).map_err(refused)?;
    if stands(row, &planned.written.expected, own.current()) {
        let kept = kept_state.map_or("", |_| {
            " Its state differs; ask for conditional_access_state \"as_captured\" to change that."
        });
        let text = format!("The policy is as the version has it: nothing would be written.{kept}");
        return Err(held("nothing_ready", text));
    }
    if let Some(reason) = waits_for_secrets(&planned) {
        return Err(vec![reason]);
    }
    if let Some(reason) = dates::refused_in_restore(row, wanted, own.current(), now) {
        return Err(vec![reason]);
    }
    let missing = missing_references(row, own, catalog);
    if !missing.is_empty() {
        return Err(missing);
    }
    Ok(Restore {
        planned,
        options,
        kept_state,
    })
}

/// A promotion asks its source for an encrypted value when it is written. The version that a restore
/// writes is not the live one, and nobody gives out a value that was there once.
fn waits_for_secrets(planned: &PlannedSubject) -> Option<Reason> {
    let steps = &planned.written.steps;
    let open = steps.iter().any(|step| {
        step.body
            .as_ref()
            .is_some_and(|body| !oma::open(body).is_empty())
    });
    open.then(|| {
        let text = "The version holds encrypted values, of which only fingerprints are kept; write this policy by hand.";
        Reason::new("secret_value_required", text)
    })
}

/// Derives the calls of a stored restore again and insists that they are the confirmed ones.
pub fn rebuild(
    pinned: &PinnedSubject,
    own: &OwnVersions,
    options: Options,
) -> Result<PlannedSubject, plan::RebuildError> {
    let row = policy_type::find(&pinned.policy_type)
        .ok_or_else(|| plan::RebuildError::UnknownType(pinned.policy_type.clone()))?;
    let planned = build(row, own, options)?;
    if planned.pinned != *pinned {
        return Err(plan::RebuildError::RevisionDiffers);
    }
    Ok(planned)
}

/// Everything is written. The state is settled here, so that what follows cannot enable anything.
fn options(
    row: &PolicyType,
    own: &OwnVersions,
    enforcement: Enforcement,
) -> Result<(Options, Option<String>), StepError> {
    let captured = canonical::state(row, own.wanted());
    let standing = canonical::state(row, own.current());
    // Whatever is not known to be out of force counts as in force.
    let enforces = |state: Option<&str>| {
        state.is_some_and(|state| state != "disabled" && state != REPORT_ONLY)
    };
    let would_enable = enforces(captured) && standing != captured;
    let kept = (would_enable && enforcement == Enforcement::Keep)
        .then(|| standing.unwrap_or("disabled").to_owned());
    let state = match kept.as_deref().or(captured) {
        None | Some("disabled") => ConditionalAccessState::Disabled,
        Some(REPORT_ONLY) => ConditionalAccessState::ReportOnly,
        Some(other) if kept.is_some() => {
            return Err(StepError {
                code: "unsafe_state",
                message: format!("The policy's state {other} is not one that a restore can keep."),
            });
        }
        Some(_) => ConditionalAccessState::AsSource,
    };
    let options = Options {
        assignments: Carry::Map,
        scope_tags: Carry::Map,
        conditional_access_state: state,
        ..Options::DEFAULT
    };
    Ok((options, kept))
}

fn build(
    row: &'static PolicyType,
    own: &OwnVersions,
    options: Options,
) -> Result<PlannedSubject, StepError> {
    let landing = as_they_are(own.wanted(), options);
    // An update keeps the target's name; a restore gives back the captured one.
    let renamed = CapturedPolicy {
        display_name: own.wanted().display_name.clone(),
        ..own.current().clone()
    };
    let written = steps::build(StepInput {
        row,
        source: own.wanted(),
        target: Some(&renamed),
        landing: &landing,
        overrides: &Overrides::default(),
        options,
        adjustments: Adjustments::default(),
    })?;
    let target = PinnedTarget {
        policy_id: own.current.policy_id,
        version_id: own.current.version_id,
        external_id: own.current().external_id.clone(),
        fingerprint: verify::reviewed_fingerprint(row, own.current(), options),
    };
    Ok(pin(row, own, &landing, target, written))
}

fn pin(
    row: &PolicyType,
    own: &OwnVersions,
    landing: &Landing,
    target: PinnedTarget,
    written: Written,
) -> PlannedSubject {
    let landing = landing
        .iter()
        .map(|((kind, id), landed)| PinnedLanding {
            kind: kind.clone(),
            source_external_id: id.clone(),
            landed: landed.clone(),
        })
        .collect();
    let revision = plan::revision(row, Action::Update, Some(&target), &written);
    let pinned = PinnedSubject {
        subject_key: selection::subject_key(own.wanted.policy_id),
        policy_type: row.key.to_owned(),
        display_name: own.current().display_name.clone(),
        action: Action::Update,
        wave: policy_type::wave_of(row, &own.wanted().content),
        source_policy_id: own.wanted.policy_id,
        source_version_id: own.wanted.version_id,
        target: Some(target),
        landing,
        adjustments: Adjustments::default(),
        revision,
    };
    PlannedSubject { pinned, written }
}

/// Inside one tenant every id lands on itself.
fn as_they_are(wanted: &CapturedPolicy, options: Options) -> Landing {
    steps::carried_references(wanted, options)
        .into_iter()
        .filter(|used| !is_constant(&used.kind, &used.external_id))
        .map(|used| {
            let key = (used.kind, used.external_id.to_ascii_lowercase());
            (key, Landed::Id(used.external_id))
        })
        .collect()
}

/// Whether the policy is as the restore would leave it.
fn stands(row: &PolicyType, expected: &CapturedPolicy, current: &CapturedPolicy) -> bool {
    expected.display_name == current.display_name
        && canonical::state(row, expected) == canonical::state(row, current)
        && Facet::ALL
            .into_iter()
            .filter(|facet| row.has_facet(*facet))
            .all(|facet| same(row, facet, expected, current))
}

fn same(row: &PolicyType, facet: Facet, left: &CapturedPolicy, right: &CapturedPolicy) -> bool {
    canonical::facet_value(row, left, facet, Reading::Raw)
        == canonical::facet_value(row, right, facet, Reading::Raw)
}

/// References of the version that the tenant does not have any more. One of a kind that was not
/// read to its end holds the restore too, unless the policy points to it already; an assignment
/// counts only where assignments would be written.
fn missing_references(
    row: &PolicyType,
    own: &OwnVersions,
    catalog: &ReferenceCatalog,
) -> Vec<Reason> {
    let standing: BTreeSet<(&str, String)> = own
        .current()
        .references
        .iter()
        .map(|used| (used.kind.as_str(), used.external_id.to_ascii_lowercase()))
        .collect();
    let assigns = !same(row, Facet::Assignments, own.wanted(), own.current());
    let mut reasons = BTreeSet::new();
    for used in &own.wanted().references {
        if used.facet == Facet::Assignments && !assigns {
            continue;
        }
        let (path, kind, id) = (&used.path, &used.kind, &used.external_id);
        let stands = standing.contains(&(kind.as_str(), id.to_ascii_lowercase()));
        match catalog.meaning(kind, id) {
            Meaning::Constant | Meaning::Named(_) | Meaning::Ambiguous(_) => {}
            Meaning::Dangling => {
                let text = format!(
                    "{path} of the version points to the {kind} {id}, which the tenant does not have any more."
                );
                reasons.insert(Reason::new("reference_missing", text));
            }
            Meaning::Unknown if stands => {}
            Meaning::Unknown => {
                let text = format!(
                    "{path} of the version points to the {kind} {id}, and that kind was not read completely; sync again."
                );
                reasons.insert(Reason::new("reference_indeterminate", text));
            }
        }
    }
    reasons.into_iter().collect()
}

#[cfg(test)]
mod restore_test;
