//! What an id means: references of a tenant by kind, id and name, and the constants that mean the
//! same in every tenant. Decides how a source reference lands in the target. Reads nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::literal;
use crate::model::{CapturedPolicy, Facet, ReferenceUse};

/// The kind of an object of the directory that is named by its id alone, as in a security identifier:
/// one of [`DIRECTORY_KINDS`], which the tenant itself has to tell.
pub const DIRECTORY_OBJECT: &str = "directory_object";
/// What a [`DIRECTORY_OBJECT`] may be.
pub const DIRECTORY_KINDS: [&str; 3] = ["group", "directory_role", "user"];

/// Puts other texts in the place of the security identifiers that a policy's texts hold; `None` leaves
/// one as it stands.
pub(crate) fn rewrite_sids(
    policy: &CapturedPolicy,
    facet: Facet,
    value: &mut Value,
    to: &mut dyn FnMut(&ReferenceUse) -> Option<String>,
) {
    let mut by_path: BTreeMap<&str, HashMap<Uuid, String>> = BTreeMap::new();
    let within = |used: &&ReferenceUse| used.facet == facet && used.within.is_some();
    for used in policy.references.iter().filter(within) {
        if let (Ok(id), Some(text)) = (Uuid::try_parse(&used.external_id), to(used)) {
            by_path.entry(&used.path).or_default().insert(id, text);
        }
    }
    for (path, texts) in by_path {
        if let Some(Value::String(text)) = value.pointer_mut(path) {
            literal::replace_sids(text, &|id| texts.get(&id).cloned());
        }
    }
}

/// One object a policy can point to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReferenceObject {
    /// Our id.
    pub id: Uuid,
    /// Kind on the wire.
    pub kind: String,
    /// Graph's id.
    pub external_id: String,
    /// `None`: a policy points to it, the tenant does not list it.
    pub name: Option<String>,
    /// Tells two of one name apart where the kind has such a property, else empty.
    pub discriminator: String,
}

impl ReferenceObject {
    /// What makes two objects of this kind in two tenants one, besides the discriminator: the name,
    /// unless the discriminator is an id that means the same in every tenant.
    pub(crate) fn meant_name(&self) -> Option<&str> {
        let name = self.name.as_deref()?;
        Some(meant_name(&self.kind, name, &self.discriminator))
    }
}

fn meant_name<'n>(kind: &str, name: &'n str, discriminator: &str) -> &'n str {
    if has_stable_id(kind, discriminator) {
        ""
    } else {
        name
    }
}

/// Whether the discriminator of an object is an id that means the same in every tenant: then the
/// object is known by it alone, whatever it is called. A service principal has the id of its
/// application, a directory role that of its template, an app its package or bundle id; of Intune
/// roles and authentication strengths only the built-in ones have one, their own.
pub fn has_stable_id(kind: &str, discriminator: &str) -> bool {
    match kind {
        "mobile_app" => discriminator
            .split_once('/')
            .is_some_and(|(_, package)| !package.is_empty()),
        "service_principal" | "directory_role" | "role_definition" | "authentication_strength" => {
            !discriminator.is_empty()
        }
        _ => false,
    }
}

/// Whether captures read all objects of the kind. A tenant may have 100,000 users: of them, those
/// that policies name are read, and those that a person searched for. That one is not known never
/// means that the tenant does not have it.
pub fn is_listed_whole(kind: &str) -> bool {
    kind != USER
}

/// The kind of people.
pub const USER: &str = "user";

/// What an object is called besides its name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Of a person.
    pub employee_id: Option<String>,
    /// The name of what the tenant does not have any more.
    pub former_name: Option<String>,
}

/// Why a kind is not known to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindProblem {
    /// Stable code of the failed read.
    pub code: String,
    /// What Graph said.
    pub message: String,
}

/// The references of one tenant.
#[derive(Clone, Debug, Default)]
pub struct ReferenceCatalog {
    by_id: HashMap<(String, String), ReferenceObject>,
    by_name: HashMap<(String, String, String), Vec<String>>,
    by_our_id: HashMap<Uuid, (String, String)>,
    complete_kinds: BTreeSet<String>,
    facts: HashMap<(String, String), Facts>,
    problems: BTreeMap<String, KindProblem>,
    kinds: BTreeSet<String>,
}

/// What an id means inside its own tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning<'a> {
    /// Means the same in every tenant and is written as it stands.
    Constant,
    /// Exactly one object of this kind has this name.
    Named(&'a ReferenceObject),
    /// Several have it.
    Ambiguous(&'a ReferenceObject),
    /// Nothing is known by this id.
    Dangling,
    /// Nothing is known by this id, and the kind was not read completely.
    Unknown,
}

impl ReferenceCatalog {
    /// Builds the catalogue from live references; `complete_kinds` are those read to the end.
    pub fn new(
        objects: impl IntoIterator<Item = ReferenceObject>,
        complete_kinds: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut catalog = Self {
            complete_kinds: complete_kinds.into_iter().collect(),
            ..Self::default()
        };
        for object in objects {
            let key = (object.kind.clone(), object.external_id.to_ascii_lowercase());
            if let Some(name) = object.meant_name() {
                let named = (
                    object.kind.clone(),
                    name.to_owned(),
                    object.discriminator.clone(),
                );
                catalog
                    .by_name
                    .entry(named)
                    .or_default()
                    .push(key.1.clone());
            }
            catalog.kinds.insert(object.kind.clone());
            catalog.by_our_id.insert(object.id, key.clone());
            // An id may stand there in two spellings: as policies have it, and as it was listed.
            let listed = catalog
                .by_id
                .get(&key)
                .is_some_and(|known| known.name.is_some() && object.name.is_none());
            if !listed {
                catalog.by_id.insert(key, object);
            }
        }
        for ids in catalog.by_name.values_mut() {
            ids.sort();
        }
        catalog
    }

    /// The same, knowing what some objects are called besides their names: kind, Graph's id, facts.
    #[must_use]
    pub fn with_facts(mut self, facts: impl IntoIterator<Item = (String, String, Facts)>) -> Self {
        let facts = facts
            .into_iter()
            .map(|(kind, id, facts)| ((kind, id.to_ascii_lowercase()), facts));
        self.facts.extend(facts);
        self
    }

    /// The same, knowing why kinds were not read to the end.
    #[must_use]
    pub fn with_problems(
        mut self,
        problems: impl IntoIterator<Item = (String, KindProblem)>,
    ) -> Self {
        self.problems.extend(problems);
        self
    }

    /// What the object is called besides its name.
    pub fn facts(&self, kind: &str, external_id: &str) -> Option<&Facts> {
        self.facts
            .get(&(kind.to_owned(), external_id.to_ascii_lowercase()))
    }

    /// Why the kind was not read to the end, where it was read at all.
    pub fn problem(&self, kind: &str) -> Option<&KindProblem> {
        if kind == DIRECTORY_OBJECT {
            // What keeps it from being known is what keeps one of the kinds that it may be of.
            let mut unread = DIRECTORY_KINDS
                .iter()
                .filter(|kind| !self.is_complete(kind));
            return unread.find_map(|kind| self.problems.get(*kind));
        }
        self.problems.get(kind)
    }

    /// People who may be the same one as a person of another tenant: by what their names begin with
    /// up to the domain, or by their employee id. In id order.
    pub fn people_like(
        &self,
        name: Option<&str>,
        employee_id: Option<&str>,
    ) -> Vec<&ReferenceObject> {
        let wanted = name.and_then(local_part);
        let employee_id = employee_id.map(str::to_lowercase);
        let mut found: Vec<&ReferenceObject> = self
            .by_id
            .iter()
            .filter(|((kind, _), object)| {
                let local = object.name.as_deref().and_then(local_part);
                let same_local = wanted.is_some() && local == wanted;
                let theirs = self
                    .facts
                    .get(&(kind.clone(), object.external_id.to_ascii_lowercase()))
                    .and_then(|facts| facts.employee_id.as_deref())
                    .map(str::to_lowercase);
                let same_employee = employee_id.is_some() && theirs == employee_id;
                kind == USER && object.name.is_some() && (same_local || same_employee)
            })
            .map(|(_, object)| object)
            .collect();
        found.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        found
    }

    /// Whether the kind was read to the end.
    pub fn is_complete(&self, kind: &str) -> bool {
        if kind == DIRECTORY_OBJECT {
            return DIRECTORY_KINDS.iter().all(|kind| self.is_complete(kind));
        }
        self.complete_kinds.contains(kind)
    }

    /// The object behind our own id.
    pub fn by_our_id(&self, id: Uuid) -> Option<&ReferenceObject> {
        self.by_our_id.get(&id).and_then(|key| self.by_id.get(key))
    }

    /// The object behind Graph's id (letter case ignored).
    pub fn by_external_id(&self, kind: &str, external_id: &str) -> Option<&ReferenceObject> {
        let kind = self.kind_of(kind, external_id);
        self.by_id
            .get(&(kind.to_owned(), external_id.to_ascii_lowercase()))
    }

    /// Every object of this id, of whatever kind.
    pub(crate) fn all_by_external_id(&self, external_id: &str) -> Vec<&ReferenceObject> {
        let id = external_id.to_ascii_lowercase();
        let keys = self.kinds.iter().map(|kind| (kind.clone(), id.clone()));
        keys.filter_map(|key| self.by_id.get(&key)).collect()
    }

    /// What kind of object a [`DIRECTORY_OBJECT`] is, as far as the tenant knows it; any other kind is
    /// itself.
    pub fn kind_of<'k>(&self, kind: &'k str, external_id: &str) -> &'k str {
        if kind != DIRECTORY_OBJECT {
            return kind;
        }
        let id = external_id.to_ascii_lowercase();
        let known = |kind: &&&str| self.by_id.contains_key(&((**kind).to_owned(), id.clone()));
        DIRECTORY_KINDS.iter().find(known).copied().unwrap_or(kind)
    }

    /// Graph's ids (lower case) of every object of a kind.
    pub fn external_ids<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.by_id
            .keys()
            .filter(move |(of, _)| of == kind)
            .map(|(_, id)| id.as_str())
    }

    /// All live objects of a kind with this name and discriminator, in id order. An app with a
    /// package or bundle id has that for its name.
    pub fn named(&self, kind: &str, name: &str, discriminator: &str) -> Vec<&ReferenceObject> {
        let name = meant_name(kind, name, discriminator);
        let key = (kind.to_owned(), name.to_owned(), discriminator.to_owned());
        let ids = self.by_name.get(&key).map_or(&[][..], Vec::as_slice);
        ids.iter()
            .filter_map(|id| self.by_id.get(&(kind.to_owned(), id.clone())))
            .collect()
    }

    /// What the id means in this tenant.
    pub fn meaning(&self, kind: &str, external_id: &str) -> Meaning<'_> {
        let kind = self.kind_of(kind, external_id);
        if is_constant(kind, external_id) {
            return Meaning::Constant;
        }
        let Some(object) = self.by_external_id(kind, external_id) else {
            return if self.is_complete(kind) {
                Meaning::Dangling
            } else {
                Meaning::Unknown
            };
        };
        let Some(name) = &object.name else {
            return if self.is_complete(kind) {
                Meaning::Dangling
            } else {
                Meaning::Unknown
            };
        };
        if self.named(kind, name, &object.discriminator).len() > 1 {
            return Meaning::Ambiguous(object);
        }
        Meaning::Named(object)
    }
}

/// What a user's principal name begins with, in lower case; `None` where it is no such name.
pub fn local_part(name: &str) -> Option<String> {
    let (local, domain) = name.split_once('@')?;
    (!local.is_empty() && !domain.is_empty()).then(|| local.to_lowercase())
}

/// Where a mapping of the request sends a source reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The target's object.
    pub object: ReferenceObject,
    /// Whether the target has several of this name: then its token carries its id, on both sides.
    pub ambiguous_in_target: bool,
}

/// Overrides of a request.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// By source kind and lower-case source external id.
    pub references: BTreeMap<(String, String), Override>,
    /// Source text -> target text, matched ignoring ASCII case.
    pub literals: BTreeMap<String, String>,
}

impl Overrides {
    /// Whether nothing is overridden.
    pub fn is_empty(&self) -> bool {
        self.references.is_empty() && self.literals.is_empty()
    }
}

/// Words and ids that mean the same in every tenant, by kind.
///
/// Sources: Graph `conditionalAccessUsers`, `conditionalAccessApplications`,
/// `conditionalAccessLocations` resource pages (reserved words); Intune's virtual groups; built-in
/// authentication strengths; scope tag 0 ("Default") of every tenant.
pub fn is_constant(kind: &str, external_id: &str) -> bool {
    let id = external_id.to_ascii_lowercase();
    match kind {
        "group" => {
            matches!(
                id.as_str(),
                "acacacac-9df4-4c7d-9d50-4ef0226f57a9" | "adadadad-808e-44e2-905a-0b7873a8a531"
            )
        }
        "scope_tag" => id == "0",
        "user" => matches!(
            id.as_str(),
            "all" | "none" | "guestsorexternalusers" | "allagentidusers"
        ),
        // Role *template* ids are Microsoft's own and the same everywhere.
        // A built-in definition is found by name where the target lists it, else by this same id.
        "directory_role_template" | "built_in_group_policy_definition" => true,
        "application" => crate::policy_type::is_first_party_application(&id),
        "named_location" => {
            matches!(
                id.as_str(),
                "all" | "alltrusted" | "00000000-0000-0000-0000-000000000000"
            )
        }
        "authentication_strength" => {
            matches!(
                id.as_str(),
                "00000000-0000-0000-0000-000000000002"
                    | "00000000-0000-0000-0000-000000000003"
                    | "00000000-0000-0000-0000-000000000004"
            )
        }
        "notification_template" | "assignment_filter" => {
            id == "00000000-0000-0000-0000-000000000000"
        }
        "service_principal" => matches!(id.as_str(), "serviceprincipalsinmytenant"),
        _ => false,
    }
}
