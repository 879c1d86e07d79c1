//! Where a reference of the source lands in the target: by override, by what the plan creates, by
//! a subject both tenants have, by unique name. Never by guess.

use std::collections::HashMap;

use uuid::Uuid;

use crate::compare::SubjectState;
use crate::group_policy;
use crate::model::ReferenceUse;
use crate::policy_type;
use crate::preflight::PreflightInput;
use crate::references::{self, Meaning, ReferenceCatalog, ReferenceObject};
use crate::steps::Landed;

mod hold;

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
    /// Whether the source itself is known not to have it any more.
    pub lost: bool,
    /// Which side's kind was not read to its end, and what Graph said; for an indeterminate one.
    pub unread: Option<String>,
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
        let facts = self.source.facts(&used.kind, &used.external_id);
        let former = facts.and_then(|facts| facts.former_name.clone());
        let mut resolved = Resolved {
            kind: used.kind.clone(),
            source_external_id: used.external_id.clone(),
            source_id: known.map(|object| object.id),
            source_name: known.and_then(|object| object.name.clone()).or(former),
            resolution: Resolution::Missing,
            target_id: None,
            landed: None,
            candidates: Vec::new(),
            lost: false,
            unread: None,
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
            if !self.lacks_application(used) {
                resolved.resolution = Resolution::Constant;
            }
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
            Meaning::Dangling => resolved.lost = true,
            Meaning::Unknown => resolved.unread("source", self.source),
            Meaning::Ambiguous(object) => {
                resolved.resolution = Resolution::Ambiguous;
                resolved.candidates = self.candidates(object);
            }
            Meaning::Named(object) => self.land_by_name(object, &mut resolved),
        }
        if used.kind == references::USER && resolved.landed.is_none() {
            resolved.candidates = self.people_like(used, resolved.source_name.as_deref());
        }
        resolved
    }

    /// Whether the target is known not to have one of Microsoft's own applications: Graph refuses a
    /// policy that names an application without a service principal in the tenant.
    fn lacks_application(&self, used: &ReferenceUse) -> bool {
        let id = used.external_id.to_ascii_lowercase();
        used.kind == "application"
            && !policy_type::is_application_word(&id)
            && self.target.is_complete(&used.kind)
            && self
                .target
                .by_external_id(&used.kind, &id)
                .is_none_or(|object| object.name.is_none())
    }

    /// People of the target who may be meant. Never taken by themselves.
    fn people_like(&self, used: &ReferenceUse, name: Option<&str>) -> Vec<ReferenceCandidate> {
        let facts = self.source.facts(&used.kind, &used.external_id);
        let employee_id = facts.and_then(|facts| facts.employee_id.as_deref());
        let found = self.target.people_like(name, employee_id);
        found.into_iter().map(candidate).collect()
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
            _ => resolved.unread("target", self.target),
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
        if references::is_listed_whole(&object.kind) && !self.target.is_complete(&object.kind) {
            resolved.unread("target", self.target);
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
            .map(candidate)
            .collect()
    }
}

fn candidate(object: &ReferenceObject) -> ReferenceCandidate {
    ReferenceCandidate {
        id: object.id,
        name: object.name.clone().unwrap_or_default(),
    }
}

impl Resolved {
    fn settle(&mut self, object: &ReferenceObject) {
        self.resolution = Resolution::Mapped;
        self.target_id = Some(object.id);
        self.landed = Some(Landed::Id(object.external_id.clone()));
    }

    /// Nothing can be told, because the kind was not read to its end on this side.
    fn unread(&mut self, side: &str, catalog: &ReferenceCatalog) {
        self.resolution = Resolution::Indeterminate;
        self.unread = Some(hold::unread(side, catalog.problem(&self.kind)));
    }
}

#[cfg(test)]
mod landing_test;
