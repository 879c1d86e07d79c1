//! The selection as callers send it: one shape for compare, preflight and execute.
//!
//! Decides only whether the shape is right (422 with pointers). Whether the tenants, policies and
//! references exist is judged later, after the actor's rights.

use domain::policy_type;
use domain::selection::{
    Carry, ConditionalAccessState, FeatureUpdateRollout, LiteralKind, Mapping, Options, Pairing,
    Scope, Selection,
};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::words::{CarryWord, ConditionalAccessStateWord, FeatureUpdateRolloutWord};
use crate::strict_json::{Members, ReadBody};

/// At most so many pairings, mappings, types or keys in one request.
const MOST: usize = 5_000;

/// A parsed selection and where it was launched from.
#[derive(Clone, Debug)]
pub struct SelectionBody {
    /// Canonical.
    pub selection: Selection,
    /// The pairings in the order they were sent, for pointers.
    pub pairings: Vec<Pairing>,
    /// The mappings in the order they were sent, for pointers.
    pub mappings: Vec<Mapping>,
    /// The subject keys in the order they were sent, for pointers.
    pub subject_keys: Vec<String>,
    /// Echoed, kept with the run, no part of its identity.
    pub launch_context: Option<LaunchContext>,
}

/// Where in a user interface the request came from.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LaunchContext {
    /// Free word, e.g. `portfolio`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// A site-relative path to go back to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_to: Option<String>,
}

impl ReadBody for SelectionBody {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let source = members.uuid("source_tenant_id");
        let target = members.uuid("target_tenant_id");
        if source.is_some() && source == target {
            members.refuse(
                "target_tenant_id",
                "same_as_source",
                "Source and target must be two tenants.",
            );
        }
        let (scope, subject_keys) = members
            .optional_object("scope", |inner| Some(read_scope(inner)))
            .unwrap_or_default();
        let pairings = members.objects("pairings", MOST, |inner| {
            let source_policy_id = inner.uuid("source_policy_id");
            let target_policy_id = inner.uuid("target_policy_id");
            Some(Pairing {
                source_policy_id: source_policy_id?,
                target_policy_id: target_policy_id?,
            })
        });
        let mappings = members.objects("mappings", MOST, read_mapping);
        let options = members
            .optional_object("options", |inner| Some(read_options(inner)))
            .unwrap_or_default();
        let launch_context =
            members.optional_object("launch_context", |inner| Some(read_launch_context(inner)));
        let selection = Selection {
            source_tenant_id: source?,
            target_tenant_id: target?,
            scope,
            pairings: pairings.iter().cloned().collect(),
            mappings: mappings.iter().cloned().collect(),
            options,
        };
        Some(Self {
            selection,
            pairings,
            mappings,
            subject_keys,
            launch_context,
        })
    }
}

fn read_scope(members: &mut Members<'_>) -> (Scope, Vec<String>) {
    let types = members
        .optional_texts("policy_types", MOST, 100)
        .unwrap_or_default();
    for (index, key) in types.iter().enumerate() {
        if policy_type::find(key).is_none() {
            members.refuse_at(
                &format!("policy_types/{index}"),
                "unknown_policy_type",
                "No policy type has this key; see /v1/catalog/policy-types.",
            );
        }
    }
    let keys = members
        .optional_texts("subject_keys", MOST, 200)
        .unwrap_or_default();
    let scope = Scope {
        policy_types: types.into_iter().collect(),
        subject_keys: keys.iter().cloned().collect(),
    };
    (scope, keys)
}

fn read_mapping(members: &mut Members<'_>) -> Option<Mapping> {
    let kind = members.text("kind", 60)?;
    if kind == "literal" {
        let source_value = members.text("source_value", 400);
        let target_value = members.text("target_value", 400);
        return Some(Mapping::Literal {
            kind: LiteralKind::Literal,
            source_value: source_value?,
            target_value: target_value?,
        });
    }
    let source_id = members.uuid("source_id");
    let target_id = members.uuid("target_id");
    Some(Mapping::Reference {
        kind,
        source_id: source_id?,
        target_id: target_id?,
    })
}

/// The words of `options.assignments` and `options.scope_tags`.
const CARRY: [&str; 2] = ["keep_target", "map"];
/// The words of `options.conditional_access_state`.
const STATES: [&str; 3] = ["report_only", "disabled", "as_source"];
/// The words of `options.feature_update_rollout`.
const ROLLOUTS: [&str; 3] = ["keep", "drop", "shift"];

fn read_options(members: &mut Members<'_>) -> Options {
    let assignments: Option<ReadCarry> = members.optional_word("assignments", &CARRY);
    let scope_tags: Option<ReadCarry> = members.optional_word("scope_tags", &CARRY);
    let state: Option<StateWord> = members.optional_word("conditional_access_state", &STATES);
    let rollout: Option<RolloutWord> = members.optional_word("feature_update_rollout", &ROLLOUTS);
    Options {
        assignments: assignments.map_or_else(Carry::default, |word| word.0),
        scope_tags: scope_tags.map_or_else(Carry::default, |word| word.0),
        conditional_access_state: state.map_or_else(ConditionalAccessState::default, |word| word.0),
        feature_update_rollout: rollout.map_or_else(FeatureUpdateRollout::default, |word| word.0),
    }
}

struct ReadCarry(Carry);

impl std::str::FromStr for ReadCarry {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "keep_target" => Ok(Self(Carry::KeepTarget)),
            "map" => Ok(Self(Carry::Map)),
            _ => Err(()),
        }
    }
}

struct StateWord(ConditionalAccessState);

impl std::str::FromStr for StateWord {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "report_only" => Ok(Self(ConditionalAccessState::ReportOnly)),
            "disabled" => Ok(Self(ConditionalAccessState::Disabled)),
            "as_source" => Ok(Self(ConditionalAccessState::AsSource)),
            _ => Err(()),
        }
    }
}

struct RolloutWord(FeatureUpdateRollout);

impl std::str::FromStr for RolloutWord {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "keep" => Ok(Self(FeatureUpdateRollout::Keep)),
            "drop" => Ok(Self(FeatureUpdateRollout::Drop)),
            "shift" => Ok(Self(FeatureUpdateRollout::Shift)),
            _ => Err(()),
        }
    }
}

/// Reads it; `return_to` must be a path of this site.
pub fn read_launch_context(members: &mut Members<'_>) -> LaunchContext {
    let origin = members.optional_text("origin", 100);
    let return_to = members.optional_text("return_to", 2_000);
    if let Some(path) = &return_to
        && !is_site_relative(path)
    {
        members.refuse(
            "return_to",
            "not_site_relative",
            "return_to must be a path of this site.",
        );
    }
    LaunchContext { origin, return_to }
}

/// A path a browser cannot read as another host: one slash, then neither slash nor backslash.
pub fn is_site_relative(path: &str) -> bool {
    let mut characters = path.chars();
    characters.next() == Some('/')
        && !matches!(characters.next(), Some('/' | '\\'))
        && !path.contains('\\')
        && !path.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Two tenants, which subjects, and how they are promoted.
// For the document; the reader above is what decides.
#[derive(Debug, Serialize, ToSchema)]
pub struct SelectionRequest {
    /// Read only.
    pub source_tenant_id: Uuid,
    /// The only tenant that is ever written.
    pub target_tenant_id: Uuid,
    /// Absent or empty: everything supported.
    #[schema(nullable)]
    pub scope: Option<ScopeShape>,
    /// One to one between live policies of one type, kind and platform.
    #[schema(nullable, max_items = 5000)]
    pub pairings: Option<Vec<PairingShape>>,
    /// References and tenant literals settled by hand.
    #[schema(nullable, max_items = 5000)]
    pub mappings: Option<Vec<MappingShape>>,
    /// What is written.
    #[schema(nullable)]
    pub options: Option<OptionsShape>,
    /// Echoed, no part of the identity.
    #[schema(nullable)]
    pub launch_context: Option<LaunchContext>,
}

/// Limits the subjects.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScopeShape {
    /// Registry keys.
    #[schema(nullable)]
    pub policy_types: Option<Vec<String>>,
    /// Subject keys of an earlier compare or preflight.
    #[schema(nullable)]
    pub subject_keys: Option<Vec<String>>,
}

/// Makes two policies one subject.
#[derive(Debug, Serialize, ToSchema)]
pub struct PairingShape {
    /// A live policy of the source.
    pub source_policy_id: Uuid,
    /// A live policy of the target.
    pub target_policy_id: Uuid,
}

/// A reference mapping (`source_id`, `target_id`) or, with kind `literal`, a literal
/// (`source_value`, `target_value`).
#[derive(Debug, Serialize, ToSchema)]
pub struct MappingShape {
    /// A reference kind, or `literal`.
    pub kind: String,
    /// Reference id in the source tenant.
    #[schema(nullable)]
    pub source_id: Option<Uuid>,
    /// Reference id in the target tenant.
    #[schema(nullable)]
    pub target_id: Option<Uuid>,
    /// The source tenant's GUID or one of its verified domains.
    #[schema(nullable)]
    pub source_value: Option<String>,
    /// What stands there instead.
    #[schema(nullable)]
    pub target_value: Option<String>,
}

/// The decisions that shape what is written.
#[derive(Debug, Serialize, ToSchema)]
pub struct OptionsShape {
    /// `keep_target` (default) or `map`.
    #[schema(value_type = Option<CarryWord>)]
    pub assignments: Option<String>,
    /// `keep_target` (default) or `map`.
    #[schema(value_type = Option<CarryWord>)]
    pub scope_tags: Option<String>,
    /// `report_only` (default), `disabled` or `as_source`.
    #[schema(value_type = Option<ConditionalAccessStateWord>)]
    pub conditional_access_state: Option<String>,
    /// `keep` (default), `drop` or `shift`: what becomes of the rollout dates of a feature update that
    /// Graph would not take.
    #[schema(value_type = Option<FeatureUpdateRolloutWord>)]
    pub feature_update_rollout: Option<String>,
}

/// The canonical selection as answers and links carry it.
pub fn selection_json(selection: &Selection) -> Value {
    serde_json::to_value(selection).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::is_site_relative;

    #[test]
    fn only_paths_of_this_site_are_returned_to() {
        for good in ["/", "/portfolio?tab=drift", "/a//b", "/%2F%2Fx"] {
            assert!(is_site_relative(good), "{good}");
        }
        for bad in [
            "",
            "//evil",
            "/\\evil",
            "https://evil",
            "x",
            "/a\\b",
            "/\t/evil",
            " /x",
            "/ /",
        ] {
            assert!(!is_site_relative(bad), "{bad}");
        }
    }
}
