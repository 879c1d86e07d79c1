//! What Conditional Access asks for by name: authentication strengths and authentication contexts.

use super::{Adapter, PLAIN, PolicyType, SubCollection};
use crate::model::{GraphVersion, ResourceFamily};

pub(super) const STRENGTHS: PolicyType = PolicyType {
    key: "authenticationStrengths",
    display_name: "Authentication strengths",
    version: GraphVersion::V1,
    path: "/identity/conditionalAccess/authenticationStrength/policies",
    sub_collections: &[SubCollection {
        property: "combinationConfigurations",
        path: "combinationConfigurations",
        top: None,
    }],
    // The built-in ones have the same ids in every tenant and cannot be changed.
    skip_when: &[("policyType", "\"builtIn\"")],
    server_state: &["policyType", "requirementsSatisfied"],
    strip_create: &["combinationConfigurations"],
    strip_update: &["allowedCombinations", "combinationConfigurations"],
    scope_tags: None,
    reference_kind: Some("authentication_strength"),
    child_ids: &["combinationConfigurations[].id"],
    sets: &[
        "allowedCombinations",
        "combinationConfigurations[].appliesToCombinations",
        "combinationConfigurations[].allowedAAGUIDs",
        "combinationConfigurations[].allowedIssuers",
        "combinationConfigurations[].allowedIssuerSkis",
        "combinationConfigurations[].allowedPolicyOIDs",
    ],
    keyed: &[(
        "combinationConfigurations",
        "@odata.type+appliesToCombinations",
    )],
    // `password,sms` is one combination, whichever word stands first.
    flags: &[
        "allowedCombinations[]",
        "combinationConfigurations[].appliesToCombinations[]",
    ],
    wave: 1,
    family: ResourceFamily::ConditionalAccess,
    read_permissions: &["Policy.Read.All"],
    write_permissions: &["Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"],
    adapter: Adapter::AuthenticationStrength,
    ..PLAIN
};

pub(super) const CONTEXTS: PolicyType = PolicyType {
    key: "authenticationContexts",
    display_name: "Authentication contexts",
    version: GraphVersion::V1,
    path: "/identity/conditionalAccess/authenticationContextClassReferences",
    scope_tags: None,
    reference_kind: Some("authentication_context"),
    wave: 1,
    family: ResourceFamily::ConditionalAccess,
    read_permissions: &["Policy.Read.All"],
    write_permissions: &["Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"],
    adapter: Adapter::AuthenticationContext,
    ..PLAIN
};
