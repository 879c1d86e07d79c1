//! What is shown of each kind of object, in which order. The order is that of their importance: what
//! may go on a narrow terminal goes from the right.

use crate::client::call::Column;
use crate::client::call::Shown::{AsIs, Tenant, WhereThereIsRoom};

/// Workspaces.
pub(super) const WORKSPACES: &[Column] = &[
    Column("workspace", "/id", AsIs),
    Column("name", "/name", AsIs),
    Column("created", "/created_at", WhereThereIsRoom),
];

/// Tenants.
pub(super) const TENANTS: &[Column] = &[
    Column("tenant", "/id", AsIs),
    Column("name", "/display_name", AsIs),
    Column("entra id", "/entra_tenant_id", WhereThereIsRoom),
    Column("domains", "/verified_domains", WhereThereIsRoom),
    Column("created", "/created_at", WhereThereIsRoom),
];

/// The connection of a tenant; there is no secret in it.
pub(super) const CONNECTION: &[Column] = &[
    Column("tenant", "/tenant_id", Tenant),
    Column("cloud", "/cloud", AsIs),
    Column("client id", "/client_id", AsIs),
    Column("credential", "/credential/kind", AsIs),
    Column("expires", "/credential/expires_at", AsIs),
    Column("health", "/health", AsIs),
    Column("code", "/health_code", AsIs),
    Column("message", "/health_message", AsIs),
    Column("checked", "/checked_at", AsIs),
    Column("roles", "/granted_roles", AsIs),
    Column("secret reading", "/secret_reading", AsIs),
    Column("updated", "/updated_at", AsIs),
];

/// Members of the workspace.
pub(super) const MEMBERS: &[Column] = &[
    Column("member", "/user_id", AsIs),
    Column("name", "/display_name", AsIs),
    Column("kind", "/kind", AsIs),
    Column("role", "/role", AsIs),
    Column("email", "/email", WhereThereIsRoom),
    Column("signs in as", "/identity/subject", WhereThereIsRoom),
    Column("issuer", "/identity/issuer", WhereThereIsRoom),
];

/// Roles on a tenant.
pub(super) const TENANT_MEMBERS: &[Column] = &[
    Column("member", "/user_id", AsIs),
    Column("tenant", "/tenant_id", Tenant),
    Column("role", "/role", AsIs),
];

/// API tokens; what they are is kept nowhere.
pub(super) const TOKENS: &[Column] = &[
    Column("token id", "/token_id", AsIs),
    Column("name", "/name", AsIs),
    Column("expires", "/expires_at", AsIs),
    Column("revoked", "/revoked_at", AsIs),
    Column("member", "/user_id", WhereThereIsRoom),
    Column("capabilities", "/capabilities", WhereThereIsRoom),
    Column("last used", "/last_used_at", WhereThereIsRoom),
];

/// A token that was just made: the one time it is shown.
pub(super) const NEW_TOKEN: &[Column] = &[
    Column("token id", "/token_id", AsIs),
    Column("name", "/name", AsIs),
    Column("member", "/user_id", AsIs),
    Column("expires", "/expires_at", AsIs),
    Column("token", "/token", AsIs),
];

/// Operational controls.
pub(super) const CONTROLS: &[Column] = &[
    Column("operation", "/operation_type", AsIs),
    Column("state", "/state", AsIs),
    Column("tenant", "/tenant_id", Tenant),
    Column("reason", "/reason", AsIs),
    Column("changed", "/changed_at", WhereThereIsRoom),
];

/// References of a tenant.
pub(super) const REFERENCES: &[Column] = &[
    Column("reference", "/id", AsIs),
    Column("kind", "/kind", AsIs),
    Column("name", "/name", AsIs),
    Column("external id", "/external_id", WhereThereIsRoom),
];

/// Captured policies.
pub(super) const POLICIES: &[Column] = &[
    Column("name", "/display_name", AsIs),
    Column("type", "/policy_type", AsIs),
    Column("policy", "/id", WhereThereIsRoom),
    Column("platform", "/platform", WhereThereIsRoom),
    Column("current version", "/current_version_id", WhereThereIsRoom),
    Column("last seen", "/last_seen_at", WhereThereIsRoom),
    Column("removed", "/removed_at", WhereThereIsRoom),
    Column("not captured", "/capture_reason", WhereThereIsRoom),
    Column("external id", "/external_id", WhereThereIsRoom),
];

/// Versions of a policy.
pub(super) const VERSIONS: &[Column] = &[
    Column("version", "/id", AsIs),
    Column("current", "/current", AsIs),
    Column("observed", "/observed_at", AsIs),
    Column("content", "/content_hash", WhereThereIsRoom),
];

/// Notifications.
pub(super) const NOTIFICATIONS: &[Column] = &[
    Column("notification", "/id", AsIs),
    Column("title", "/title", AsIs),
    Column("read", "/read_at", AsIs),
    Column("created", "/created_at", WhereThereIsRoom),
    Column("run", "/operation_run_id", WhereThereIsRoom),
];

/// Policy types.
pub(super) const POLICY_TYPES: &[Column] = &[
    Column("type", "/key", AsIs),
    Column("name", "/display_name", AsIs),
    Column("promotable", "/promotable", AsIs),
    Column("why not", "/reason", WhereThereIsRoom),
    Column("reads with", "/permissions/read", WhereThereIsRoom),
    Column("writes with", "/permissions/write", WhereThereIsRoom),
];

/// Operations.
pub(super) const OPERATIONS: &[Column] = &[
    Column("operation", "/type", AsIs),
    Column("label", "/label", AsIs),
    Column("needs", "/capability", AsIs),
    Column("writes", "/mutates_target", AsIs),
];

/// Entries of the audit log.
pub(super) const AUDIT: &[Column] = &[
    Column("recorded", "/recorded_at", AsIs),
    Column("action", "/action", AsIs),
    Column("tenant", "/tenant_id", Tenant),
    Column("actor", "/actor_user_id", WhereThereIsRoom),
    Column("run", "/operation_run_id", WhereThereIsRoom),
    Column("detail", "/detail", WhereThereIsRoom),
];
