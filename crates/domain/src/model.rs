//! The nouns that several modules share. No decisions are made here.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One of the four parts of a policy that are compared separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Facet {
    /// What the policy does.
    Settings,
    /// Whom it is assigned to.
    Assignments,
    /// Which administrators see it.
    ScopeTags,
    /// Its description. (The name belongs to the identity, not to a facet.)
    Description,
}

impl Facet {
    /// All facets in wire order.
    pub const ALL: [Self; 4] = [
        Self::Settings,
        Self::Assignments,
        Self::ScopeTags,
        Self::Description,
    ];

    /// The name on the wire and in stored fingerprints.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Assignments => "assignments",
            Self::ScopeTags => "scope_tags",
            Self::Description => "description",
        }
    }
}

/// One place in a captured policy that points to another object of the tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ReferenceUse {
    /// JSON Pointer (RFC 6901) from the root of `content`, or of `assignments` for that facet.
    pub path: String,
    /// The facet the place belongs to.
    pub facet: Facet,
    /// Reference kind: `group`, `assignment_filter`, `scope_tag`, `named_location`, ...
    pub kind: String,
    /// The id as it stands there (letter case kept).
    pub external_id: String,
    /// True where losing the reference would widen the policy (an exclusion): never droppable.
    #[serde(default)]
    pub exclusion: bool,
    /// The security identifier that stands for the object, where it is part of the text at the path
    /// (in any spelling, also inside base64) and not the whole of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
}

/// One policy as captured: immutable, free of transport noise, server state and secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapturedPolicy {
    /// Registry key.
    pub policy_type: String,
    /// Graph's id in the tenant it was read from.
    pub external_id: String,
    /// The value of the type's name property.
    pub display_name: String,
    /// Platform in Graph's words, where the type has one.
    pub platform: Option<String>,
    /// Canonical JSON `{"name": .., "parts": {..}}`: equal keys are the same subject across tenants.
    pub identity_key: String,
    /// The object with its sub-collections embedded; without `id` and assignments.
    pub content: Value,
    /// The direct assignments in normal form (an array).
    pub assignments: Value,
    /// Every reference in content and assignments, sorted.
    pub references: Vec<ReferenceUse>,
    /// `sha256:` digest of content and assignments in canonical form with raw ids.
    pub content_hash: String,
    /// True when `content` holds a `$secret` marker.
    pub has_secrets: bool,
}

/// The Graph version segment of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum GraphVersion {
    /// `/beta`
    #[serde(rename = "beta")]
    Beta,
    /// `/v1.0`
    #[serde(rename = "v1.0")]
    V1,
}

impl GraphVersion {
    /// The path segment without a slash.
    pub const fn segment(self) -> &'static str {
        match self {
            Self::Beta => "beta",
            Self::V1 => "v1.0",
        }
    }
}

/// The resource families Graph throttles separately (Graph throttling limits, Intune and identity).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceFamily {
    /// Device configuration, compliance, templates, scripts.
    DeviceConfiguration,
    /// Settings catalog and its relatives.
    ConfigurationPolicies,
    /// Apps and app protection.
    Apps,
    /// Enrolment and autopilot.
    Enrollment,
    /// Roles and scope tags.
    RoleBasedAccess,
    /// Assignment filters, policy sets.
    Bundles,
    /// Conditional Access, named locations: one request per second per tenant for all applications.
    ConditionalAccess,
    /// Groups, users, service principals, organisation.
    Directory,
}
