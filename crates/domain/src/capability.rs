//! Who may do what: roles grant fixed sets of capabilities. The one place for that decision.
//!
//! Tenant-scoped capabilities come from the tenant membership (a workspace owner has them on every
//! tenant), workspace-scoped ones from the workspace role. A narrowed token intersects both.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A right. The text form is stable on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Capability {
    /// See a tenant.
    #[serde(rename = "tenant.view")]
    TenantView,
    /// Compare with a tenant.
    #[serde(rename = "compare.view")]
    CompareView,
    /// Run a preflight.
    #[serde(rename = "preflight.run")]
    PreflightRun,
    /// See operation runs of a tenant.
    #[serde(rename = "operation_run.view")]
    OperationRunView,
    /// Start a capture.
    #[serde(rename = "inventory.sync")]
    InventorySync,
    /// Start a promotion into a tenant.
    #[serde(rename = "promotion.execute")]
    PromotionExecute,
    /// Cancel a run.
    #[serde(rename = "operation_run.cancel")]
    OperationRunCancel,
    /// See policy content, diffs, provider ids.
    #[serde(rename = "policy_content.view")]
    PolicyContentView,
    /// Change and check connections; add and rename tenants.
    #[serde(rename = "connection.manage")]
    ConnectionManage,
    /// Take a tenant's credential away, or the tenant itself, with everything it held.
    #[serde(rename = "tenant.offboard")]
    TenantOffboard,
    /// Restore a version within its own tenant.
    #[serde(rename = "policy.restore")]
    PolicyRestore,
    /// Read the audit log.
    #[serde(rename = "audit.view")]
    AuditView,
    /// Change members.
    #[serde(rename = "members.manage")]
    MembersManage,
    /// Make and revoke tokens.
    #[serde(rename = "api_tokens.manage")]
    ApiTokensManage,
    /// Pause and resume operations.
    #[serde(rename = "operational_controls.manage")]
    OperationalControlsManage,
}

impl Capability {
    /// All, in the order of the role table.
    pub const ALL: [Self; 15] = [
        Self::TenantView,
        Self::CompareView,
        Self::PreflightRun,
        Self::OperationRunView,
        Self::InventorySync,
        Self::PromotionExecute,
        Self::OperationRunCancel,
        Self::PolicyContentView,
        Self::ConnectionManage,
        Self::PolicyRestore,
        Self::AuditView,
        Self::TenantOffboard,
        Self::MembersManage,
        Self::ApiTokensManage,
        Self::OperationalControlsManage,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TenantView => "tenant.view",
            Self::CompareView => "compare.view",
            Self::PreflightRun => "preflight.run",
            Self::OperationRunView => "operation_run.view",
            Self::InventorySync => "inventory.sync",
            Self::PromotionExecute => "promotion.execute",
            Self::OperationRunCancel => "operation_run.cancel",
            Self::PolicyContentView => "policy_content.view",
            Self::ConnectionManage => "connection.manage",
            Self::PolicyRestore => "policy.restore",
            Self::TenantOffboard => "tenant.offboard",
            Self::AuditView => "audit.view",
            Self::MembersManage => "members.manage",
            Self::ApiTokensManage => "api_tokens.manage",
            Self::OperationalControlsManage => "operational_controls.manage",
        }
    }

    /// Whether it is granted per workspace rather than per tenant.
    pub const fn is_workspace_scoped(self) -> bool {
        matches!(
            self,
            Self::AuditView
                | Self::MembersManage
                | Self::ApiTokensManage
                | Self::OperationalControlsManage
        )
    }
}

impl FromStr for Capability {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|c| c.as_str() == text)
            .ok_or(UnknownName)
    }
}

/// The text names nothing of the closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name")]
pub struct UnknownName;

/// A role, in a workspace or on a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look, compare, preflight.
    Readonly,
    /// Also sync, execute, cancel, see content.
    Operator,
    /// Also connections, restore, audit.
    Manager,
    /// Everything.
    Owner,
}

impl Role {
    /// All, weakest first.
    pub const ALL: [Self; 4] = [Self::Readonly, Self::Operator, Self::Manager, Self::Owner];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Readonly => "readonly",
            Self::Operator => "operator",
            Self::Manager => "manager",
            Self::Owner => "owner",
        }
    }

    /// What the role grants.
    pub fn capabilities(self) -> BTreeSet<Capability> {
        Capability::ALL
            .into_iter()
            .filter(|c| self >= least_role(*c))
            .collect()
    }
}

impl FromStr for Role {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or(UnknownName)
    }
}

const fn least_role(capability: Capability) -> Role {
    match capability {
        Capability::TenantView
        | Capability::CompareView
        | Capability::PreflightRun
        | Capability::OperationRunView => Role::Readonly,
        Capability::InventorySync
        | Capability::PromotionExecute
        | Capability::OperationRunCancel
        | Capability::PolicyContentView => Role::Operator,
        Capability::ConnectionManage | Capability::PolicyRestore | Capability::AuditView => {
            Role::Manager
        }
        Capability::TenantOffboard
        | Capability::MembersManage
        | Capability::ApiTokensManage
        | Capability::OperationalControlsManage => Role::Owner,
    }
}

/// What an actor can do on one tenant. Empty: the tenant does not exist for them.
pub fn tenant_capabilities(
    workspace_role: Role,
    tenant_role: Option<Role>,
    narrowed_to: Option<&BTreeSet<Capability>>,
) -> BTreeSet<Capability> {
    let role = if workspace_role == Role::Owner {
        Some(Role::Owner)
    } else {
        tenant_role
    };
    let Some(role) = role else {
        return BTreeSet::new();
    };
    narrow(
        role.capabilities()
            .into_iter()
            .filter(|c| !c.is_workspace_scoped()),
        narrowed_to,
    )
}

/// What an actor can do in the workspace as such.
pub fn workspace_capabilities(
    workspace_role: Role,
    narrowed_to: Option<&BTreeSet<Capability>>,
) -> BTreeSet<Capability> {
    narrow(
        workspace_role
            .capabilities()
            .into_iter()
            .filter(|c| c.is_workspace_scoped()),
        narrowed_to,
    )
}

fn narrow(
    granted: impl Iterator<Item = Capability>,
    narrowed_to: Option<&BTreeSet<Capability>>,
) -> BTreeSet<Capability> {
    granted
        .filter(|c| narrowed_to.is_none_or(|subset| subset.contains(c)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_grow_and_match_the_documented_table() {
        let counts: Vec<usize> = Role::ALL.iter().map(|r| r.capabilities().len()).collect();
        assert_eq!(counts, [4, 8, 11, 15]);
        for (weaker, stronger) in Role::ALL.iter().zip(Role::ALL.iter().skip(1)) {
            assert!(weaker.capabilities().is_subset(&stronger.capabilities()));
        }
    }

    #[test]
    fn a_stranger_to_a_tenant_can_do_nothing_there_unless_owner() {
        assert!(tenant_capabilities(Role::Manager, None, None).is_empty());
        assert!(
            tenant_capabilities(Role::Owner, None, None).contains(&Capability::PromotionExecute)
        );
    }

    #[test]
    fn a_narrowed_token_never_adds() {
        let narrowed = BTreeSet::from([Capability::PromotionExecute, Capability::TenantView]);
        let granted = tenant_capabilities(Role::Readonly, Some(Role::Readonly), Some(&narrowed));
        assert_eq!(granted, BTreeSet::from([Capability::TenantView]));
    }

    #[test]
    fn names_round_trip() {
        for capability in Capability::ALL {
            assert_eq!(capability.as_str().parse(), Ok(capability));
            let json = serde_json::to_string(&capability).unwrap_or_default();
            assert_eq!(json, format!("\"{}\"", capability.as_str()));
        }
    }
}
