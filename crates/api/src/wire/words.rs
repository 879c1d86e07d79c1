//! Closed sets of words in request bodies, for the OpenAPI document. The readers of the requests
//! decide; nothing here is ever made.
#![expect(dead_code, reason = "these types exist for their schemas")]

use serde::Serialize;
use utoipa::ToSchema;

/// A role in a workspace or on a tenant.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleWord {
    /// Look, compare, preflight.
    Readonly,
    /// Also sync, execute, cancel, see content.
    Operator,
    /// Also connections, restore, audit.
    Manager,
    /// Everything.
    Owner,
}

/// The kind of a member.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberKindWord {
    /// Has an email.
    Person,
    /// Has none.
    Service,
}

/// The state of an operational control.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ControlStateWord {
    /// Held.
    Paused,
    /// Not held by this control.
    Enabled,
}

/// A Microsoft cloud.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CloudWord {
    /// Worldwide.
    Global,
    /// US Government L4.
    UsGov,
    /// US Government L5.
    UsGovDod,
    /// Operated by 21Vianet.
    China,
}

/// What to do with assignments or scope tags.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CarryWord {
    /// The target's stay as they are.
    KeepTarget,
    /// The source's are mapped by meaning.
    Map,
}

/// The state in which Conditional Access policies land.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConditionalAccessStateWord {
    /// Report-only.
    ReportOnly,
    /// Off.
    Disabled,
    /// As in the source.
    AsSource,
}

/// What becomes of the rollout dates of a feature update that Graph would not take.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FeatureUpdateRolloutWord {
    /// Written as they are; dates that would be refused hold the policy.
    Keep,
    /// Left out: the update is offered at once.
    Drop,
    /// Moved to begin when the service allows, the length kept.
    Shift,
}

/// How the application proves itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CredentialShape {
    /// A client secret.
    ClientSecret {
        /// Never comes back.
        client_secret: String,
    },
    /// A signed client assertion.
    Certificate {
        /// PEM.
        certificate: String,
        /// PEM; never comes back.
        private_key: String,
    },
    /// A token file that the worker's configuration knows by this name.
    FederatedToken {
        /// A name, never a path.
        token_file: String,
    },
}
