//! Conditional Access policies, named locations and terms of use.

use super::{Adapter, Kinds, PLAIN, PolicyType, Support, exclusion, reference};
use crate::model::{GraphVersion, ResourceFamily};

pub(super) const POLICIES: PolicyType = PolicyType {
    key: "conditionalAccessPolicies",
    name_longest: 256,
    display_name: "Conditional Access policies",
    version: GraphVersion::V1,
    // Agent conditions and continuous access evaluation exist only there.
    read_version: Some(GraphVersion::Beta),
    path: "/identity/conditionalAccess/policies",
    name_filter: true,
    server_state: &["templateId", "deletedDateTime", "partialEnablementStrategy"],
    strip_create: &["conditions.deviceStates"],
    strip_update: &["conditions.deviceStates"],
    scope_tags: None,
    references: &[
        reference("conditions.users.includeUsers[]", "user"),
        exclusion("conditions.users.excludeUsers[]", "user"),
        reference("conditions.users.includeGroups[]", "group"),
        exclusion("conditions.users.excludeGroups[]", "group"),
        reference("conditions.users.includeRoles[]", "directory_role_template"),
        exclusion("conditions.users.excludeRoles[]", "directory_role_template"),
        reference(
            "conditions.applications.includeApplications[]",
            "application",
        ),
        exclusion(
            "conditions.applications.excludeApplications[]",
            "application",
        ),
        reference(
            "conditions.applications.includeAuthenticationContextClassReferences[]",
            "authentication_context",
        ),
        reference(
            "conditions.clientApplications.includeServicePrincipals[]",
            "service_principal",
        ),
        exclusion(
            "conditions.clientApplications.excludeServicePrincipals[]",
            "service_principal",
        ),
        reference(
            "conditions.clientApplications.includeAgentIdServicePrincipals[]",
            "service_principal",
        ),
        exclusion(
            "conditions.clientApplications.excludeAgentIdServicePrincipals[]",
            "service_principal",
        ),
        reference("conditions.agents.includeAgentUsers[]", "user"),
        exclusion("conditions.agents.excludeAgentUsers[]", "user"),
        reference("conditions.locations.includeLocations[]", "named_location"),
        exclusion("conditions.locations.excludeLocations[]", "named_location"),
        reference(
            "grantControls.authenticationStrength.id",
            "authentication_strength",
        ),
        reference("grantControls.termsOfUse[]", "terms_of_use"),
    ],
    // Every list of a Conditional Access policy is a set.
    sets: &["conditions.**", "grantControls.**", "sessionControls.**"],
    flags: &[
        "conditions.users.includeGuestsOrExternalUsers.guestOrExternalUserTypes",
        "conditions.users.excludeGuestsOrExternalUsers.guestOrExternalUserTypes",
        "conditions.authenticationFlows.transferMethods",
        "conditions.insiderRiskLevels",
        "conditions.agentIdRiskLevels",
    ],
    defaults: &[
        ("sessionControls.blockSensitiveActions", "false"),
        ("sessionControls.disableResilienceDefaults", "false"),
    ],
    empty_is_absent: &["conditions", "grantControls", "sessionControls"],
    wave: 6,
    family: ResourceFamily::ConditionalAccess,
    read_permissions: &["Policy.Read.All"],
    // Writing alone does not suffice: Graph also asks for the read permission (known issue).
    write_permissions: &["Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"],
    adapter: Adapter::ConditionalAccess,
    ..PLAIN
};

pub(super) const NAMED_LOCATIONS: PolicyType = PolicyType {
    key: "namedLocations",
    display_name: "Named locations",
    version: GraphVersion::V1,
    path: "/identity/conditionalAccess/namedLocations",
    // The compliant network is one object that the service makes; nobody can create or change it.
    kinds: Kinds::Except(&["compliantNetworkNamedLocation"]),
    identity: &["@odata.type"],
    name_filter: true,
    server_state: &["deletedDateTime"],
    immutable: &["@odata.type"],
    scope_tags: None,
    reference_kind: Some("named_location"),
    sets: &["ipRanges", "countriesAndRegions"],
    wave: 1,
    family: ResourceFamily::ConditionalAccess,
    read_permissions: &["Policy.Read.All"],
    write_permissions: &["Policy.Read.All", "Policy.ReadWrite.ConditionalAccess"],
    ..PLAIN
};

/// What people have to accept before they get in: a name, some rules and a PDF per language.
pub(super) const TERMS_OF_USE: PolicyType = PolicyType {
    key: "termsOfUseAgreements",
    display_name: "Entra terms of use",
    support: Support::CaptureOnly(
        "Terms of use need their PDF files, which are not carried. Add them with the same name and \
         files in the target (Entra admin center, Conditional Access, Terms of use); policies that \
         name them then find them by that name.",
    ),
    path: "/identityGovernance/termsOfUse/agreements",
    list_expand: Some("files"),
    // Which file it is follows from its language and name.
    server_state: &[
        "file",
        "acceptances",
        "files[].id",
        "files[].createdDateTime",
        "files[].fileData",
    ],
    scope_tags: None,
    reference_kind: Some("terms_of_use"),
    keyed: &[("files", "language+fileName")],
    empty_is_absent: &[""],
    wave: 1,
    family: ResourceFamily::Directory,
    read_permissions: &["Agreement.Read.All"],
    write_permissions: &["Agreement.ReadWrite.All"],
    ..PLAIN
};
