//! The operation catalog: every queued operation, its label, its right, its audit actions.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::capability::{Capability, UnknownName};

/// A queued operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OperationType {
    /// Write a reviewed plan into the target.
    #[serde(rename = "promotion.execute")]
    PromotionExecute,
    /// Capture a tenant.
    #[serde(rename = "inventory.sync")]
    InventorySync,
    /// See whether a connection works and what it may do.
    #[serde(rename = "connection.check")]
    ConnectionCheck,
    /// Write a captured version back within its own tenant.
    #[serde(rename = "policy.restore")]
    PolicyRestore,
    /// Look for objects of a kind that no capture lists whole.
    #[serde(rename = "reference.search")]
    ReferenceSearch,
}

impl OperationType {
    /// All, in catalog order.
    pub const ALL: [Self; 5] = [
        Self::PromotionExecute,
        Self::InventorySync,
        Self::ConnectionCheck,
        Self::PolicyRestore,
        Self::ReferenceSearch,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PromotionExecute => "promotion.execute",
            Self::InventorySync => "inventory.sync",
            Self::ConnectionCheck => "connection.check",
            Self::PolicyRestore => "policy.restore",
            Self::ReferenceSearch => "reference.search",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::PromotionExecute => "Promotion execution",
            Self::InventorySync => "Inventory sync",
            Self::ConnectionCheck => "Connection check",
            Self::PolicyRestore => "Policy restore",
            Self::ReferenceSearch => "Reference search",
        }
    }

    /// What its requester needs on the tenant it acts on.
    pub const fn capability(self) -> Capability {
        match self {
            Self::PromotionExecute => Capability::PromotionExecute,
            Self::InventorySync | Self::ReferenceSearch => Capability::InventorySync,
            Self::ConnectionCheck => Capability::ConnectionManage,
            Self::PolicyRestore => Capability::PolicyRestore,
        }
    }

    /// Whether it writes to the tenant.
    pub const fn mutates_target(self) -> bool {
        matches!(self, Self::PromotionExecute | Self::PolicyRestore)
    }

    /// Every audit action it can leave.
    pub const fn audit_actions(self) -> &'static [&'static str] {
        match self {
            Self::PromotionExecute => &[
                "promotion.preflight.generated",
                "promotion.execute.queued",
                "promotion.execute.deduped",
                "promotion.execute.scope_busy",
                "promotion.execute.blocked",
                "promotion.execute.stale",
                "promotion.execute.denied",
                "promotion.execute.idempotency_key_reused",
                "promotion.execute.started",
                "promotion.execute.cancel_requested",
                "promotion.execute.completed",
            ],
            Self::InventorySync => &[
                "inventory.sync.queued",
                "inventory.sync.deduped",
                "inventory.sync.scope_busy",
                "inventory.sync.blocked",
                "inventory.sync.denied",
                "inventory.sync.idempotency_key_reused",
                "inventory.sync.started",
                "inventory.sync.cancel_requested",
                "inventory.sync.completed",
            ],
            Self::ConnectionCheck => &[
                "connection.check.queued",
                "connection.check.deduped",
                "connection.check.blocked",
                "connection.check.denied",
                "connection.check.idempotency_key_reused",
                "connection.check.started",
                "connection.check.cancel_requested",
                "connection.check.completed",
            ],
            Self::PolicyRestore => &[
                "policy.restore.queued",
                "policy.restore.deduped",
                "policy.restore.scope_busy",
                "policy.restore.blocked",
                "policy.restore.stale",
                "policy.restore.denied",
                "policy.restore.idempotency_key_reused",
                "policy.restore.started",
                "policy.restore.cancel_requested",
                "policy.restore.completed",
            ],
            Self::ReferenceSearch => &[
                "reference.search.queued",
                "reference.search.deduped",
                "reference.search.blocked",
                "reference.search.denied",
                "reference.search.started",
                "reference.search.cancel_requested",
                "reference.search.completed",
            ],
        }
    }
}

impl FromStr for OperationType {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|o| o.as_str() == text)
            .ok_or(UnknownName)
    }
}
