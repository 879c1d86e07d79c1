//! One row per operation of the API: what it takes, and which right it needs. Written by hand from
//! the contract, never from the code it judges.

use serde_json::{Value, json};
use uuid::Uuid;

/// The right an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// None.
    Public,
    /// A working credential.
    Credential,
    /// Membership of the workspace.
    Member,
    /// A workspace-scoped capability.
    Workspace(&'static str),
    /// A tenant-scoped capability that the workspace role must grant: there is no tenant yet.
    Role(&'static str),
    /// A capability on the tenants or the run's tenant that the request names.
    Tenant(&'static str),
    /// A visible tenant, then a workspace-scoped capability.
    TenantThenWorkspace(&'static str),
    /// The resource belongs to the caller.
    Own,
}

/// The ids a request names.
#[derive(Clone, Debug)]
pub struct Ids {
    pub workspace: String,
    pub source: String,
    pub target: String,
    pub policy: String,
    pub version: String,
    pub run: String,
    pub notification: String,
    pub token: String,
    pub user: String,
}

impl Ids {
    /// Ids that nothing has, in a workspace.
    pub fn unknown(workspace: &str) -> Self {
        let id = || Uuid::now_v7().to_string();
        Self {
            workspace: workspace.to_owned(),
            source: id(),
            target: id(),
            policy: id(),
            version: id(),
            run: id(),
            notification: id(),
            token: id(),
            user: id(),
        }
    }

    /// A path with its ids.
    pub fn fill(&self, template: &str) -> String {
        [
            ("{workspace_id}", &self.workspace),
            ("{tenant_id}", &self.target),
            ("{policy_id}", &self.policy),
            ("{policy_version_id}", &self.version),
            ("{operation_run_id}", &self.run),
            ("{notification_id}", &self.notification),
            ("{token_id}", &self.token),
            ("{user_id}", &self.user),
        ]
        .into_iter()
        .fold(template.to_owned(), |path, (name, id)| {
            path.replace(name, id)
        })
        .replace("{operation_type}", "inventory.sync")
    }

    /// Source and target.
    pub fn selection(&self) -> Value {
        json!({"source_tenant_id": self.source, "target_tenant_id": self.target})
    }

    fn with(&self, more: &Value) -> Value {
        let mut body = self.selection();
        for (name, value) in more.as_object().into_iter().flatten() {
            body[name] = value.clone();
        }
        body
    }
}

/// An operation.
#[derive(Clone, Copy)]
pub struct Operation {
    pub method: &'static str,
    pub path: &'static str,
    pub need: Need,
    /// The body, if it takes one.
    pub body: Option<fn(&Ids) -> Value>,
    /// Whether ids beyond the workspace's decide between 404 and more.
    pub names_ids: bool,
}

const fn row(method: &'static str, path: &'static str, need: Need) -> Operation {
    Operation {
        method,
        path,
        need,
        body: None,
        names_ids: false,
    }
}

const fn ids(operation: Operation) -> Operation {
    Operation {
        names_ids: true,
        ..operation
    }
}

const fn with(operation: Operation, body: fn(&Ids) -> Value) -> Operation {
    Operation {
        body: Some(body),
        ..operation
    }
}

const WS: &str = "/v1/workspaces/{workspace_id}";

macro_rules! ws {
    ($tail:literal) => {
        concat!("/v1/workspaces/{workspace_id}", $tail)
    };
}

/// Every operation. The order is the one in which the owner can do them all.
pub const OPERATIONS: &[Operation] = &[
    row("GET", "/docs", Need::Public),
    row("GET", "/healthz", Need::Public),
    row("GET", "/readyz", Need::Public),
    row("GET", "/metrics", Need::Public),
    row("GET", "/openapi.json", Need::Public),
    row("GET", "/v1/catalog/operations", Need::Credential),
    row("GET", "/v1/catalog/policy-types", Need::Credential),
    row("GET", "/v1/me", Need::Credential),
    row("GET", "/v1/workspaces", Need::Credential),
    row("GET", WS, Need::Member),
    row(
        "GET",
        ws!("/api-tokens"),
        Need::Workspace("api_tokens.manage"),
    ),
    with(
        row(
            "POST",
            ws!("/api-tokens"),
            Need::Workspace("api_tokens.manage"),
        ),
        |_| json!({"name": "walk", "capabilities": ["tenant.view"]}),
    ),
    row("GET", ws!("/audit-logs"), Need::Workspace("audit.view")),
    ids(with(
        row(
            "POST",
            ws!("/cross-tenant-compare"),
            Need::Tenant("compare.view"),
        ),
        Ids::selection,
    )),
    ids(with(
        row(
            "POST",
            ws!("/cross-tenant-compare/diff"),
            Need::Tenant("policy_content.view"),
        ),
        |ids| ids.with(&json!({"subject_key": "subject"})),
    )),
    ids(with(
        row(
            "POST",
            ws!("/cross-tenant-compare/preflight"),
            Need::Tenant("preflight.run"),
        ),
        Ids::selection,
    )),
    ids(with(
        row(
            "POST",
            ws!("/cross-tenant-compare/execute"),
            Need::Tenant("promotion.execute"),
        ),
        |ids| ids.with(&json!({"plan_digest": "sha256:0", "confirm": true})),
    )),
    row("GET", ws!("/events"), Need::Member),
    row("GET", ws!("/members"), Need::Workspace("members.manage")),
    with(
        row("POST", ws!("/members"), Need::Workspace("members.manage")),
        |_| json!({"kind": "service", "display_name": "walk", "role": "readonly"}),
    ),
    ids(with(
        row(
            "PATCH",
            ws!("/members/{user_id}"),
            Need::Workspace("members.manage"),
        ),
        |_| json!({"role": "readonly"}),
    )),
    ids(with(
        row(
            "PUT",
            ws!("/members/{user_id}/identity"),
            Need::Workspace("members.manage"),
        ),
        |ids| json!({"issuer": "https://login.test", "subject": ids.user}),
    )),
    ids(row(
        "DELETE",
        ws!("/members/{user_id}/identity"),
        Need::Workspace("members.manage"),
    )),
    row("GET", ws!("/notifications"), Need::Member),
    ids(row(
        "POST",
        ws!("/notifications/{notification_id}/read"),
        Need::Own,
    )),
    row("GET", ws!("/operation-runs"), Need::Member),
    ids(row(
        "GET",
        ws!("/operation-runs/{operation_run_id}"),
        Need::Tenant("operation_run.view"),
    )),
    ids(row(
        "GET",
        ws!("/operation-runs/{operation_run_id}/items"),
        Need::Tenant("operation_run.view"),
    )),
    ids(row(
        "GET",
        ws!("/operation-runs/{operation_run_id}/events"),
        Need::Tenant("operation_run.view"),
    )),
    ids(row(
        "POST",
        ws!("/operation-runs/{operation_run_id}/cancel"),
        Need::Tenant("operation_run.cancel"),
    )),
    row("GET", ws!("/operational-controls"), Need::Member),
    ids(with(
        row(
            "PUT",
            ws!("/operational-controls/{operation_type}"),
            Need::TenantThenWorkspace("operational_controls.manage"),
        ),
        |ids| json!({"state": "enabled", "reason": "walk", "tenant_id": ids.target}),
    )),
    row("GET", ws!("/tenants"), Need::Member),
    with(
        row("POST", ws!("/tenants"), Need::Role("connection.manage")),
        |_| {
            let id = Uuid::now_v7();
            json!({"display_name": format!("walk {id}"), "entra_tenant_id": id})
        },
    ),
    ids(row(
        "GET",
        ws!("/tenants/{tenant_id}"),
        Need::Tenant("tenant.view"),
    )),
    ids(with(
        row(
            "PATCH",
            ws!("/tenants/{tenant_id}"),
            Need::Tenant("connection.manage"),
        ),
        |_| json!({"display_name": "Fabrikam"}),
    )),
    ids(row(
        "GET",
        ws!("/tenants/{tenant_id}/connection"),
        Need::Tenant("tenant.view"),
    )),
    ids(with(
        row(
            "PUT",
            ws!("/tenants/{tenant_id}/connection"),
            Need::Tenant("connection.manage"),
        ),
        |_| {
            json!({
                "cloud": "global",
                "client_id": "11111111-2222-4333-8444-555555555555",
                "credential": {"kind": "client_secret", "client_secret": "not-a-real-secret"},
            })
        },
    )),
    ids(with(
        row(
            "PUT",
            ws!("/tenants/{tenant_id}/connection/secret-reading"),
            Need::Tenant("connection.manage"),
        ),
        |_| json!({"allowed": false, "reason": "walk"}),
    )),
    ids(row(
        "POST",
        ws!("/tenants/{tenant_id}/connection/checks"),
        Need::Tenant("connection.manage"),
    )),
    ids(row(
        "POST",
        ws!("/tenants/{tenant_id}/inventory-syncs"),
        Need::Tenant("inventory.sync"),
    )),
    ids(with(
        row(
            "POST",
            ws!("/tenants/{tenant_id}/reference-searches"),
            Need::Tenant("inventory.sync"),
        ),
        |_| json!({"kind": "user", "q": "walk"}),
    )),
    ids(row(
        "GET",
        ws!("/tenants/{tenant_id}/members"),
        Need::TenantThenWorkspace("members.manage"),
    )),
    ids(with(
        row(
            "PUT",
            ws!("/tenants/{tenant_id}/members/{user_id}"),
            Need::TenantThenWorkspace("members.manage"),
        ),
        |_| json!({"role": "readonly"}),
    )),
    ids(row(
        "GET",
        ws!("/tenants/{tenant_id}/policies"),
        Need::Tenant("tenant.view"),
    )),
    ids(row(
        "GET",
        ws!("/tenants/{tenant_id}/policies/{policy_id}"),
        Need::Tenant("tenant.view"),
    )),
    ids(row(
        "GET",
        ws!("/tenants/{tenant_id}/policies/{policy_id}/versions"),
        Need::Tenant("tenant.view"),
    )),
    ids(row(
        "GET",
        ws!("/tenants/{tenant_id}/policies/{policy_id}/versions/{policy_version_id}"),
        Need::Tenant("policy_content.view"),
    )),
    ids(with(
        row(
            "POST",
            ws!("/tenants/{tenant_id}/policies/{policy_id}/restores"),
            Need::Tenant("policy.restore"),
        ),
        |ids| {
            json!({
                "policy_version_id": ids.version,
                "expected_current_version_id": ids.version,
                "confirm": true,
            })
        },
    )),
    ids(row(
        "GET",
        ws!("/tenants/{tenant_id}/references"),
        Need::Tenant("tenant.view"),
    )),
    ids(row(
        "DELETE",
        ws!("/tenants/{tenant_id}/members/{user_id}"),
        Need::TenantThenWorkspace("members.manage"),
    )),
    ids(row(
        "DELETE",
        ws!("/tenants/{tenant_id}/connection"),
        Need::Tenant("tenant.offboard"),
    )),
    ids(row(
        "DELETE",
        ws!("/tenants/{tenant_id}"),
        Need::Tenant("tenant.offboard"),
    )),
    ids(row(
        "DELETE",
        ws!("/api-tokens/{token_id}"),
        Need::Workspace("api_tokens.manage"),
    )),
    ids(row(
        "DELETE",
        ws!("/members/{user_id}"),
        Need::Workspace("members.manage"),
    )),
];
