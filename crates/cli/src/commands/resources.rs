//! The table of the commands that are one call of the API: what each sends, and what is shown of the
//! answer. Nothing else knows a path or a body of these.

use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};

use crate::arguments::resources::{
    Allowance, AuditList, CatalogCommand, ConnectionsCommand, Control, ControlsCommand,
    MembersCommand, NotificationsCommand, PoliciesCommand, ReferencesCommand, ResourceCommand,
    Restore, Role, SetConnection, TenantMembersCommand, TenantsCommand, TokensCommand,
    WorkspacesCommand,
};
use crate::client::call::Place::{Body, Path as InPath, Query};
use crate::client::call::{Call, in_workspace};
use crate::client::workspace::{MEMBER, POLICY, TENANT, TOKEN};
use crate::commands::call::call;
use crate::commands::policy_diff::policy_diff;
use crate::ending::{Ending, Failure};
use crate::show::ask::secret;

mod columns;

use columns::{
    AUDIT, CONNECTION, CONTROLS, MEMBERS, NEW_TOKEN, NOTIFICATIONS, OPERATIONS, POLICIES,
    POLICY_TYPES, REFERENCES, TENANT_MEMBERS, TENANTS, TOKENS, VERSIONS, WORKSPACES,
};

/// Runs the command.
pub(crate) async fn resources(command: &ResourceCommand) -> Result<Ending, Failure> {
    let client = command.client();
    if let ResourceCommand::Policies(group) = command
        && let PoliciesCommand::Diff(arguments) = &group.command
    {
        return policy_diff(arguments, client).await;
    }
    call(request(command)?, client).await
}

/// Runs `audit list`.
pub(crate) async fn audit_list(arguments: &AuditList) -> Result<Ending, Failure> {
    call(audit(arguments), &arguments.client).await
}

/// What a command sends.
pub(crate) fn request(command: &ResourceCommand) -> Result<Call, Failure> {
    Ok(match command {
        ResourceCommand::Me(_) => Call::whole("/v1/me"),
        ResourceCommand::Workspaces(group) => workspaces(&group.command),
        ResourceCommand::Tenants(group) => tenants(&group.command),
        ResourceCommand::Connections(group) => return connections(&group.command),
        ResourceCommand::Members(group) => members(&group.command),
        ResourceCommand::TenantMembers(group) => tenant_members(&group.command),
        ResourceCommand::Tokens(group) => tokens(&group.command),
        ResourceCommand::Controls(group) => controls(&group.command),
        ResourceCommand::References(group) => references(&group.command),
        ResourceCommand::Policies(group) => policies(&group.command),
        ResourceCommand::Notifications(group) => notifications(&group.command),
        ResourceCommand::Catalog(group) => catalog(&group.command),
    })
}

fn workspaces(command: &WorkspacesCommand) -> Call {
    match command {
        WorkspacesCommand::List(listed) => Call::list("/v1/workspaces", listed.limit, WORKSPACES),
        WorkspacesCommand::Show => Call::get(in_workspace!(""), WORKSPACES),
    }
}

fn tenants(command: &TenantsCommand) -> Call {
    const ALL: &str = in_workspace!("/tenants");
    const ONE: &str = in_workspace!("/tenants/{tenant_id}");
    match command {
        TenantsCommand::List(listed) => Call::list(ALL, listed.limit, TENANTS),
        TenantsCommand::Add {
            name,
            entra_tenant_id,
        } => {
            let body = json!({"display_name": name, "entra_tenant_id": entra_tenant_id});
            Call::change(Method::POST, ALL, Some(body), TENANTS)
        }
        TenantsCommand::Show { tenant } => Call::get(ONE, TENANTS).of_tenant(tenant),
        TenantsCommand::Rename { tenant, name } => {
            let body = json!({"display_name": name});
            Call::change(Method::PATCH, ONE, Some(body), TENANTS).of_tenant(tenant)
        }
        TenantsCommand::Remove { tenant, yes } => Call::remove(ONE, "the tenant is removed")
            .of_tenant(tenant)
            .asking(
                format!(
                    "Remove tenant {tenant:?}: its credential, inventory and references are erased."
                ),
                *yes,
            ),
    }
}

fn connections(command: &ConnectionsCommand) -> Result<Call, Failure> {
    const ONE: &str = in_workspace!("/tenants/{tenant_id}/connection");
    Ok(match command {
        ConnectionsCommand::Set(arguments) => {
            let body = json!({
                "cloud": arguments.cloud,
                "client_id": arguments.client_id,
                "credential": credential(arguments)?,
                "credential_expires_at": arguments.expires_at,
            });
            Call::change(Method::PUT, ONE, Some(body), CONNECTION).of_tenant(&arguments.of.tenant)
        }
        ConnectionsCommand::Show(of) => Call::get(ONE, CONNECTION).of_tenant(&of.tenant),
        ConnectionsCommand::Check { of, waiting } => {
            let path = in_workspace!("/tenants/{tenant_id}/connection/checks");
            Call::start(path, None, *waiting).of_tenant(&of.tenant)
        }
        ConnectionsCommand::SecretReading { of, state, reason } => {
            let path = in_workspace!("/tenants/{tenant_id}/connection/secret-reading");
            let body = json!({"allowed": *state == Allowance::Allowed, "reason": reason});
            Call::change(Method::PUT, path, Some(body), CONNECTION).of_tenant(&of.tenant)
        }
        ConnectionsCommand::Remove { of, yes } => Call::remove(ONE, "the connection is removed")
            .of_tenant(&of.tenant)
            .asking(
                format!(
                    "Remove the connection of {:?} and erase its credential.",
                    of.tenant
                ),
                *yes,
            ),
    })
}

/// How the application proves itself. Secrets come from files or standard input.
fn credential(arguments: &SetConnection) -> Result<Value, Failure> {
    if let Some(name) = &arguments.federated_token {
        return Ok(json!({"kind": "federated_token", "token_file": name}));
    }
    if let Some(file) = &arguments.certificate_file {
        let key = arguments.private_key_file.as_deref();
        return Ok(json!({
            "kind": "certificate",
            "certificate": secret("certificate", Some(file))?,
            "private_key": secret("private key", key)?,
        }));
    }
    let file: Option<&Path> = arguments.secret_file.as_deref();
    Ok(json!({"kind": "client_secret", "client_secret": secret("client secret", file)?}))
}

fn members(command: &MembersCommand) -> Call {
    const ALL: &str = in_workspace!("/members");
    const ONE: &str = in_workspace!("/members/{user_id}");
    const IDENTITY: &str = in_workspace!("/members/{user_id}/identity");
    match command {
        MembersCommand::List(listed) => Call::list(ALL, listed.limit, MEMBERS),
        MembersCommand::Add {
            email,
            service,
            name,
            role,
        } => {
            let body = json!({
                "kind": if *service { "service" } else { "person" },
                "email": email,
                "display_name": name,
                "role": word(*role),
            });
            Call::change(Method::POST, ALL, Some(body), MEMBERS)
        }
        MembersCommand::Change { member, role } => {
            let body = json!({"role": word(*role)});
            Call::change(Method::PATCH, ONE, Some(body), MEMBERS).of_member(member)
        }
        MembersCommand::Link {
            member,
            issuer,
            subject,
        } => {
            let body = json!({"issuer": issuer, "subject": subject});
            Call::change(Method::PUT, IDENTITY, Some(body), MEMBERS).of_member(member)
        }
        MembersCommand::Unlink { member } => {
            Call::remove(IDENTITY, "the member signs in with API tokens only").of_member(member)
        }
        MembersCommand::Remove { member } => {
            Call::remove(ONE, "the member is removed").of_member(member)
        }
    }
}

fn tenant_members(command: &TenantMembersCommand) -> Call {
    const ALL: &str = in_workspace!("/tenants/{tenant_id}/members");
    const ONE: &str = in_workspace!("/tenants/{tenant_id}/members/{user_id}");
    match command {
        TenantMembersCommand::List { of, listed } => {
            Call::list(ALL, listed.limit, TENANT_MEMBERS).of_tenant(&of.tenant)
        }
        TenantMembersCommand::Set { member, of, role } => {
            let body = json!({"role": word(*role)});
            Call::change(Method::PUT, ONE, Some(body), TENANT_MEMBERS)
                .of_tenant(&of.tenant)
                .of_member(member)
        }
        TenantMembersCommand::Remove { member, of } => {
            Call::remove(ONE, "the role on the tenant is taken away")
                .of_tenant(&of.tenant)
                .of_member(member)
        }
    }
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Readonly => "readonly",
        Role::Operator => "operator",
        Role::Manager => "manager",
        Role::Owner => "owner",
    }
}

fn tokens(command: &TokensCommand) -> Call {
    const ALL: &str = in_workspace!("/api-tokens");
    match command {
        TokensCommand::List(listed) => Call::list(ALL, listed.limit, TOKENS),
        TokensCommand::Create {
            name,
            member,
            capabilities,
            expires_in_days,
        } => {
            let capabilities = Some(capabilities).filter(|list| !list.is_empty());
            let body = json!({
                "name": name, "capabilities": capabilities, "expires_in_days": expires_in_days,
            });
            let call = Call::change(Method::POST, ALL, Some(body), NEW_TOKEN)
                .saying("the token is shown only now");
            match member {
                Some(member) => call.naming(Body, "user_id", &MEMBER, member),
                None => call,
            }
        }
        TokensCommand::Revoke { token } => Call::remove(
            in_workspace!("/api-tokens/{token_id}"),
            "the token is revoked",
        )
        .naming(InPath, "token_id", &TOKEN, token),
    }
}

fn controls(command: &ControlsCommand) -> Call {
    let put = |state: &str, control: &Control| {
        let path = in_workspace!("/operational-controls/{operation_type}");
        let body = json!({"state": state, "reason": control.reason});
        let call = Call::change(Method::PUT, path, Some(body), CONTROLS)
            .with("operation_type", &control.operation);
        match &control.tenant {
            Some(tenant) => call.naming(Body, "tenant_id", &TENANT, tenant),
            None => call,
        }
    };
    match command {
        ControlsCommand::List(listed) => Call::list(
            in_workspace!("/operational-controls"),
            listed.limit,
            CONTROLS,
        ),
        ControlsCommand::Pause(control) => put("paused", control),
        ControlsCommand::Enable(control) => put("enabled", control),
    }
}

fn references(command: &ReferencesCommand) -> Call {
    match command {
        ReferencesCommand::List {
            of,
            kind,
            query,
            listed,
        } => Call::list(
            in_workspace!("/tenants/{tenant_id}/references"),
            listed.limit,
            REFERENCES,
        )
        .filtered("kind", kind.as_ref())
        .filtered("q", query.as_ref())
        .of_tenant(&of.tenant),
        ReferencesCommand::Search {
            of,
            kind,
            query,
            waiting,
        } => {
            let path = in_workspace!("/tenants/{tenant_id}/reference-searches");
            let body = json!({"kind": kind, "q": query});
            Call::start(path, Some(body), *waiting).of_tenant(&of.tenant)
        }
    }
}

fn policies(command: &PoliciesCommand) -> Call {
    const ONE: &str = in_workspace!("/tenants/{tenant_id}/policies/{policy_id}");
    const VERSIONS_OF: &str = in_workspace!("/tenants/{tenant_id}/policies/{policy_id}/versions");
    const VERSION: &str =
        in_workspace!("/tenants/{tenant_id}/policies/{policy_id}/versions/{policy_version_id}");
    match command {
        PoliciesCommand::List {
            of,
            policy_type,
            query,
            removed,
            listed,
        } => {
            let removed = removed.then(|| "include".to_owned());
            Call::list(
                in_workspace!("/tenants/{tenant_id}/policies"),
                listed.limit,
                POLICIES,
            )
            .filtered("policy_type", policy_type.as_ref())
            .filtered("q", query.as_ref())
            .filtered("removed", removed.as_ref())
            .of_tenant(&of.tenant)
        }
        PoliciesCommand::Show {
            policy,
            of,
            version: None,
        } => Call::get(ONE, POLICIES).of_policy(&of.tenant, policy),
        PoliciesCommand::Show {
            policy,
            of,
            version: Some(version),
        } => Call::whole(VERSION)
            .of_policy(&of.tenant, policy)
            .with("policy_version_id", version),
        PoliciesCommand::Versions { policy, of, listed } => {
            Call::list(VERSIONS_OF, listed.limit, VERSIONS).of_policy(&of.tenant, policy)
        }
        // Two calls and a comparison of ours; see `policy_diff`. This is the second of the calls.
        PoliciesCommand::Diff(arguments) => Call::whole(VERSION)
            .of_policy(&arguments.of.tenant, &arguments.policy)
            .with("policy_version_id", &arguments.from),
        PoliciesCommand::Restore(arguments) => restore(arguments),
    }
}

fn restore(arguments: &Restore) -> Call {
    let path = in_workspace!("/tenants/{tenant_id}/policies/{policy_id}/restores");
    let body = json!({
        "policy_version_id": arguments.version,
        "expected_current_version_id": arguments.expected_current_version,
        "conditional_access_state": arguments.conditional_access_state,
        "confirm": true,
    });
    Call::start(path, Some(body), arguments.waiting)
        .of_policy(&arguments.of.tenant, &arguments.policy)
        .asking(
            format!(
                "Write version {} of policy {:?} back to tenant {:?}.",
                arguments.version, arguments.policy, arguments.of.tenant
            ),
            arguments.yes,
        )
}

fn notifications(command: &NotificationsCommand) -> Call {
    match command {
        NotificationsCommand::List(listed) => {
            Call::list(in_workspace!("/notifications"), listed.limit, NOTIFICATIONS)
        }
        NotificationsCommand::Read { notification } => Call::change(
            Method::POST,
            in_workspace!("/notifications/{notification_id}/read"),
            None,
            NOTIFICATIONS,
        )
        .with("notification_id", notification),
    }
}

fn catalog(command: &CatalogCommand) -> Call {
    match command {
        CatalogCommand::Types(listed) => {
            Call::list("/v1/catalog/policy-types", listed.limit, POLICY_TYPES)
        }
        CatalogCommand::Operations(listed) => {
            Call::list("/v1/catalog/operations", listed.limit, OPERATIONS)
        }
    }
}

/// What `audit list` sends.
pub(crate) fn audit(arguments: &AuditList) -> Call {
    let call = Call::list(in_workspace!("/audit-logs"), arguments.limit, AUDIT)
        .filtered("action", arguments.action.as_ref())
        .filtered("operation_run_id", arguments.run.as_ref())
        .filtered("actor", arguments.actor.as_ref());
    match &arguments.tenant {
        Some(tenant) => call.naming(Query, "tenant_id", &TENANT, tenant),
        None => call,
    }
}

impl Call {
    fn of_tenant(self, named: &str) -> Self {
        self.naming(InPath, "tenant_id", &TENANT, named)
    }

    fn of_member(self, named: &str) -> Self {
        self.naming(InPath, "user_id", &MEMBER, named)
    }

    fn of_policy(self, tenant: &str, named: &str) -> Self {
        self.of_tenant(tenant)
            .naming(InPath, "policy_id", &POLICY, named)
    }
}

#[cfg(test)]
#[path = "resources_test.rs"]
mod tests;
