//! Where a reference of the source lands in the target: by override, by what the plan creates, by
//! a subject both tenants have, by unique name. Never by guess.

use std::collections::HashMap;

use uuid::Uuid;

use crate::compare::SubjectState;
use crate::group_policy;
use crate::model::ReferenceUse;
use crate::policy_type;
use crate::preflight::{Holds, PreflightInput};
use crate::references::{Meaning, ReferenceCatalog, ReferenceObject};
use crate::steps::Landed;

/// How a reference was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// One object of the target.
    Mapped,
    /// The same in every tenant.
    Constant,
    /// A subject of this very plan.
    CreatedByPlan,
    /// The target has none.
    Missing,
    /// There are several ways.
    Ambiguous,
    /// The kind was not read to the end.
    Indeterminate,
}

/// A possible landing place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceCandidate {
    /// Our reference id in the target.
    pub id: Uuid,
    /// Name.
    pub name: String,
}

/// One reference and where it lands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Kind.
    pub kind: String,
    /// Graph's id in the source.
    pub source_external_id: String,
    /// Our reference id in the source.
    pub source_id: Option<Uuid>,
    /// Its name there.
    pub source_name: Option<String>,
    /// How it was settled.
    pub resolution: Resolution,
    /// Our reference id in the target.
    pub target_id: Option<Uuid>,
    /// What would be written; `None` where nothing can be, or the id stays as it stands.
    pub landed: Option<Landed>,
    /// Objects of the target to choose from.
    pub candidates: Vec<ReferenceCandidate>,
}

impl Resolved {
    /// Adds what this reference holds the subject with. `strict`: losing it would widen the policy
    /// (an exclusion of Conditional Access), so that a missing one blocks.
    pub(crate) fn hold(&self, used: &ReferenceUse, strict: bool, holds: &mut Holds) {
        let what = self
            .source_name
            .as_deref()
            .unwrap_or(&self.source_external_id);
        let (kind, path) = (&self.kind, &used.path);
        match self.resolution {
            Resolution::Mapped | Resolution::Constant | Resolution::CreatedByPlan => {}
            Resolution::Missing if strict => holds.block(
                "exclusion_reference_missing",
                format!("{path} excludes the {kind} {what:?}, which the target does not have; without it the policy would apply to more than it should."),
            ),
            Resolution::Missing if kind == group_policy::DEFINITION => holds.manual(
                "reference_missing",
                format!("{path} sets {what:?} of an uploaded ADMX file, which the target does not have; upload the file there and sync, or map the definition."),
            ),
            Resolution::Missing => holds.manual(
                "reference_missing",
                format!("{path} points to the {kind} {what:?}, which the target does not have; map it or promote it first."),
            ),
            Resolution::Ambiguous => holds.manual(
                "reference_ambiguous",
                format!("{path} points to the {kind} {what:?}, whose name is not unique; map it."),
            ),
            Resolution::Indeterminate => holds.block(
                "reference_indeterminate",
                format!("{path} points to the {kind} {what:?}, and that kind was not read completely; sync again."),
            ),
        }
    }
}

/// Resolves references in the order of waves.
#[derive(Debug)]
pub(crate) struct Lander<'a> {
    source: &'a ReferenceCatalog,
    target: &'a ReferenceCatalog,
    overrides: &'a crate::references::Overrides,
    /// `(policy type, lower-case source external id)` -> source policy id.
    governed: HashMap<(String, String), Uuid>,
    /// Source policy id -> Graph's id of its counterpart in the target.
    counterparts: HashMap<Uuid, String>,
    /// Source policy id -> subject key that creates it.
    creates: HashMap<Uuid, String>,
}

impl<'a> Lander<'a> {
    pub(crate) fn new(input: &PreflightInput<'a>) -> Self {
        let governed = input
            .source
            .policies
            .iter()
            .map(|p| {
                (
                    (p.policy_type.clone(), p.external_id.to_ascii_lowercase()),
                    p.id,
                )
            })
            .collect();
        let counterparts = input
            .comparison
            .subjects
            .iter()
            .filter(|s| matches!(s.state, SubjectState::Match | SubjectState::Different))
            .filter_map(|s| Some((s.source_policy_id?, s.target_external_id.clone()?)))
            .collect();
        Self {
            source: input.source_catalog,
            target: input.target_catalog,
            overrides: input.overrides,
            governed,
            counterparts,
            creates: HashMap::new(),
        }
    }

    /// From now on the plan creates this source policy in the target.
    pub(crate) fn will_create(&mut self, source_policy_id: Uuid, subject_key: &str) {
        self.creates
            .insert(source_policy_id, subject_key.to_owned());
    }

    /// Where the reference lands.
    pub(crate) fn resolve(&self, used: &ReferenceUse) -> Resolved {
        let used = &ReferenceUse {
            kind: self
                .source
                .kind_of(&used.kind, &used.external_id)
                .to_owned(),
            ..used.clone()
        };
        let known = self.source.by_external_id(&used.kind, &used.external_id);
        let mut resolved = Resolved {
            kind: used.kind.clone(),
            source_external_id: used.external_id.clone(),
            source_id: known.map(|object| object.id),
            source_name: known.and_then(|object| object.name.clone()),
            resolution: Resolution::Missing,
            target_id: None,
            landed: None,
            candidates: Vec::new(),
        };
        let key = (used.kind.clone(), used.external_id.to_ascii_lowercase());
        if let Some(chosen) = self.overrides.references.get(&key) {
            resolved.settle(&chosen.object);
            return resolved;
        }
        let meaning = self.source.meaning(&used.kind, &used.external_id);
        if used.kind == group_policy::BUILT_IN_DEFINITION {
            self.land_built_in(used, &mut resolved);
            return resolved;
        }
        if meaning == Meaning::Constant {
            resolved.resolution = Resolution::Constant;
            return resolved;
        }
        if self.land_on_governed(used, &mut resolved) {
            return resolved;
        }
        // An application id is the same in every tenant that has the application.
        if used.kind == "application" {
            self.land_by_external_id(used, &mut resolved);
            return resolved;
        }
        match meaning {
            Meaning::Constant => {}
            Meaning::Dangling => resolved.resolution = Resolution::Missing,
            Meaning::Unknown => resolved.resolution = Resolution::Indeterminate,
            Meaning::Ambiguous(object) => {
                resolved.resolution = Resolution::Ambiguous;
                resolved.candidates = self.candidates(object);
            }
            Meaning::Named(object) => self.land_by_name(object, &mut resolved),
        }
        resolved
    }

    /// A governed object lands on its counterpart, or on what the plan creates.
    fn land_on_governed(&self, used: &ReferenceUse, resolved: &mut Resolved) -> bool {
        let Some(row) = policy_type::for_reference_kind(&used.kind) else {
            return false;
        };
        let key = (row.key.to_owned(), used.external_id.to_ascii_lowercase());
        let Some(policy_id) = self.governed.get(&key) else {
            return false;
        };
        if let Some(external_id) = self.counterparts.get(policy_id) {
            resolved.resolution = Resolution::Mapped;
            resolved.target_id = self
                .target
                .by_external_id(&used.kind, external_id)
                .map(|o| o.id);
            resolved.landed = Some(Landed::Id(external_id.clone()));
            return true;
        }
        if let Some(subject) = self.creates.get(policy_id) {
            resolved.resolution = Resolution::CreatedByPlan;
            resolved.landed = Some(Landed::CreatedByPlan(subject.clone()));
            return true;
        }
        false
    }

    fn land_by_external_id(&self, used: &ReferenceUse, resolved: &mut Resolved) {
        match self.target.by_external_id(&used.kind, &used.external_id) {
            Some(object) if object.name.is_some() => resolved.settle(object),
            _ if self.target.is_complete(&used.kind) => resolved.resolution = Resolution::Missing,
            _ => resolved.resolution = Resolution::Indeterminate,
        }
    }

    /// A definition that every tenant has: by name where both tenants list it, else it is the one of
    /// the same id.
    fn land_built_in(&self, used: &ReferenceUse, resolved: &mut Resolved) {
        let kind = group_policy::DEFINITION;
        resolved.resolution = Resolution::Constant;
        let Some(object) = self.source.by_external_id(kind, &used.external_id) else {
            return;
        };
        resolved.source_id = Some(object.id);
        resolved.source_name.clone_from(&object.name);
        let name = object.name.as_deref().unwrap_or_default();
        if let [only] = self.target.named(kind, name, &object.discriminator)[..] {
            resolved.settle(only);
        }
    }

    fn land_by_name(&self, object: &ReferenceObject, resolved: &mut Resolved) {
        if !self.target.is_complete(&object.kind) {
            resolved.resolution = Resolution::Indeterminate;
            return;
        }
        let name = object.name.as_deref().unwrap_or_default();
        match self.target.named(&object.kind, name, &object.discriminator)[..] {
            [] => resolved.resolution = Resolution::Missing,
            [only] => resolved.settle(only),
            [..] => {
                resolved.resolution = Resolution::Ambiguous;
                resolved.candidates = self.candidates(object);
            }
        }
    }

    fn candidates(&self, object: &ReferenceObject) -> Vec<ReferenceCandidate> {
        let name = object.name.as_deref().unwrap_or_default();
        self.target
            .named(&object.kind, name, &object.discriminator)
            .into_iter()
            .map(|o| ReferenceCandidate {
                id: o.id,
                name: o.name.clone().unwrap_or_default(),
            })
            .collect()
    }
}

impl Resolved {
    fn settle(&mut self, object: &ReferenceObject) {
        self.resolution = Resolution::Mapped;
        self.target_id = Some(object.id);
        self.landed = Some(Landed::Id(object.external_id.clone()));
    }
}

#[cfg(test)]
mod landing_test;
