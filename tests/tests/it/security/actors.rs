//! The people and programs of the walk, the resources they ask for, and what the role table lets
//! each of them do: written out again from the design, so that a slip in the code shows.

use anyhow::{Context, Result};
use diesel::prelude::*;
use promotion_tests::client::Api;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::security::installation::{Installation, member, remove, tenant_role, text, token};
use crate::security::operations::{Ids, Need, Operation};

const READONLY: [&str; 4] = [
    "tenant.view",
    "compare.view",
    "preflight.run",
    "operation_run.view",
];
const OPERATOR: [&str; 4] = [
    "inventory.sync",
    "promotion.execute",
    "operation_run.cancel",
    "policy_content.view",
];
const MANAGER: [&str; 2] = ["connection.manage", "policy.restore"];
const OF_WORKSPACE: [&str; 4] = [
    "audit.view",
    "members.manage",
    "api_tokens.manage",
    "operational_controls.manage",
];

/// Where an actor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// No credential that works.
    Nobody,
    /// A member of another workspace only.
    Elsewhere,
    /// A member of the workspace.
    Home,
}

/// Who asks.
#[derive(Clone, Debug)]
pub struct Actor {
    pub name: &'static str,
    pub token: Option<String>,
    pub standing: Standing,
    /// Workspace-scoped capabilities.
    pub workspace: Vec<&'static str>,
    /// Capabilities on the tenants that are asked for; empty: they do not exist for this actor.
    pub tenant: Vec<&'static str>,
    /// Tenant-scoped capabilities that the workspace role grants.
    pub role: Vec<&'static str>,
    /// Whether the actor is the owner: what is the owner's own is then theirs, narrowed or not.
    pub owns: bool,
}

/// What must come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 401.
    Unauthenticated,
    /// 404.
    Hidden,
    /// 403 that names the capability.
    Denied(&'static str),
    /// Neither of them.
    Allowed,
}

impl Actor {
    /// What an operation must answer this actor.
    pub fn verdict(&self, operation: &Operation) -> Verdict {
        let need = operation.need;
        let judge = |held: &[&'static str], capability: &'static str| {
            if held.contains(&capability) {
                Verdict::Allowed
            } else {
                Verdict::Denied(capability)
            }
        };
        match need {
            Need::Public => return Verdict::Allowed,
            _ if self.standing == Standing::Nobody => return Verdict::Unauthenticated,
            Need::Credential => return Verdict::Allowed,
            _ if self.standing == Standing::Elsewhere => return Verdict::Hidden,
            _ => {}
        }
        match need {
            Need::Public | Need::Credential | Need::Member => Verdict::Allowed,
            Need::Role(capability) => judge(&self.role, capability),
            // Only while what it is about can be seen.
            Need::Own if self.owns && self.tenant.contains(&"operation_run.view") => {
                Verdict::Allowed
            }
            Need::Own => Verdict::Hidden,
            Need::Tenant(_) | Need::TenantThenWorkspace(_) if self.tenant.is_empty() => {
                Verdict::Hidden
            }
            // Whoever came here sees the tenant.
            Need::Workspace(capability) | Need::TenantThenWorkspace(capability) => {
                judge(&self.workspace, capability)
            }
            Need::Tenant(capability) => {
                let path = operation.path;
                // What must be seen before anything is done with it.
                let first = if path.ends_with("/diff") || path.ends_with("/preflight") {
                    "compare.view"
                } else if path.ends_with("/cancel") {
                    "operation_run.view"
                } else {
                    capability
                };
                match judge(&self.tenant, first) {
                    Verdict::Allowed => judge(&self.tenant, capability),
                    denied => denied,
                }
            }
        }
    }
}

/// Everybody, and what they ask for.
pub struct Cast {
    pub installation: Installation,
    pub actors: Vec<Actor>,
    /// Resources of the home workspace.
    pub ids: Ids,
    /// A tenant of the home workspace that the operator of another tenant reaches.
    pub elsewhere: String,
    /// Two references of the source and the target.
    pub references: (String, String),
}

impl Cast {
    /// The actor of this name.
    pub fn actor(&self, name: &str) -> &Actor {
        self.actors
            .iter()
            .find(|actor| actor.name == name)
            .expect("an actor of this name")
    }

    /// Captures both tenants, adds everybody.
    pub async fn assemble(mut installation: Installation) -> Result<Self> {
        let owner = installation.owner.clone();
        let (source, target) = installation.add_tenants().await?;
        let entra = Uuid::now_v7().to_string();
        let elsewhere = owner.add_tenant("Elsewhere", &entra).await?;
        installation.add("worker", &[])?;
        let mut run = Value::Null;
        for tenant in [&source, &target] {
            run = owner.sync(tenant).await?;
            anyhow::ensure!(
                run["outcome"] == "succeeded",
                "{run}\n{}",
                installation.logs()
            );
        }
        let policies = owner
            .all(&format!("/tenants/{target}/policies?limit=200"))
            .await?;
        let policy = policies.first().context("a policy of the target")?;
        let notifications = owner.all("/notifications").await?;
        let reference = |tenant: String| {
            let owner = owner.clone();
            async move {
                let path = format!("/tenants/{tenant}/references?kind=group&limit=1");
                let page = owner.get(&path).await?.expect(200)?;
                text(&page["items"][0], "id")
            }
        };
        let references = (
            reference(source.clone()).await?,
            reference(target.clone()).await?,
        );

        let (victim, _) = member(&owner, "victim", "readonly", None).await?;
        let ids = Ids {
            workspace: owner.workspace.clone(),
            policy: text(policy, "id")?,
            version: text(policy, "current_version_id")?,
            run: text(&run, "id")?,
            notification: text(notifications.first().context("a notification")?, "id")?,
            token: token_id(&owner, &victim).await?,
            user: victim,
            source,
            target,
        };
        let actors = actors(&installation, &ids, &elsewhere).await?;
        Ok(Self {
            installation,
            actors,
            ids,
            elsewhere,
            references,
        })
    }
}

async fn token_id(owner: &Api, user: &str) -> Result<String> {
    let body = json!({"name": "victim's", "user_id": user});
    let made = owner.post("/api-tokens", &body).await?.expect(201)?;
    text(&made, "token_id")
}

async fn actors(installation: &Installation, ids: &Ids, elsewhere: &str) -> Result<Vec<Actor>> {
    let (owner, stranger) = (&installation.owner, &installation.stranger);
    let all: Vec<&'static str> = [&READONLY[..], &OPERATOR, &MANAGER].concat();
    let operator: Vec<&'static str> = [READONLY, OPERATOR].concat();
    let full: Vec<&'static str> = [&all[..], &["tenant.offboard"]].concat();

    let (_, outsider) = member(stranger, "outsider", "readonly", None).await?;
    let (reader_id, reader) = member(owner, "reader", "readonly", None).await?;
    let (other_id, other) = member(owner, "other", "operator", None).await?;
    let (manager_id, manager) = member(owner, "manager", "manager", None).await?;
    tenant_role(owner, elsewhere, &other_id, "operator").await?;
    for tenant in [&ids.source, &ids.target] {
        tenant_role(owner, tenant, &reader_id, "readonly").await?;
        tenant_role(owner, tenant, &manager_id, "manager").await?;
    }
    let mine = &installation.owner_id;
    let narrowed = token(owner, "narrowed", mine, Some(&["tenant.view"])).await?;
    let auditing = token(owner, "auditing", mine, Some(&["audit.view"])).await?;
    let broad = token(
        owner,
        "broad",
        &manager_id,
        Some(&["connection.manage", "members.manage"]),
    )
    .await?;
    let revoked = revoked_token(owner, &reader_id).await?;
    let expired = expired_token(installation, &manager_id).await?;
    let (gone_id, gone) = member(owner, "gone", "owner", None).await?;
    remove(owner, &format!("/members/{gone_id}")).await?;

    let nobody = |name, token: Option<&str>| Actor {
        name,
        token: token.map(str::to_owned),
        standing: Standing::Nobody,
        workspace: vec![],
        tenant: vec![],
        role: vec![],
        owns: false,
    };
    let away = |name, token: &str| Actor {
        standing: Standing::Elsewhere,
        ..nobody(name, Some(token))
    };
    let home = |name,
                token: &str,
                workspace: &[&'static str],
                tenant: &[&'static str],
                role: &[&'static str]| Actor {
        standing: Standing::Home,
        workspace: workspace.to_vec(),
        tenant: tenant.to_vec(),
        role: role.to_vec(),
        ..nobody(name, Some(token))
    };
    let unheard_of = format!("pat_{}", "A".repeat(43));
    Ok(vec![
        nobody("nobody", None),
        nobody("an unheard-of token", Some(&unheard_of)),
        nobody("no token at all", Some("pat_x' OR '1'='1")),
        nobody("a revoked token", Some(&revoked)),
        nobody("an expired token", Some(&expired)),
        nobody("a removed owner's token", Some(&gone)),
        away("an outsider", &outsider),
        away("another workspace's owner", &stranger.token),
        home("a readonly member", &reader, &[], &READONLY, &READONLY),
        home("another tenant's operator", &other, &[], &[], &operator),
        home("a manager", &manager, &["audit.view"], &all, &all),
        Actor {
            owns: true,
            ..home(
                "a narrowed token",
                &narrowed,
                &[],
                &["tenant.view"],
                &["tenant.view"],
            )
        },
        Actor {
            owns: true,
            ..home("an auditing token", &auditing, &["audit.view"], &[], &[])
        },
        home(
            "a token broader than its user",
            &broad,
            &[],
            &["connection.manage"],
            &["connection.manage"],
        ),
        Actor {
            owns: true,
            ..home("the owner", &owner.token, &OF_WORKSPACE, &full, &full)
        },
    ])
}

async fn revoked_token(owner: &Api, user: &str) -> Result<String> {
    let made = owner
        .post("/api-tokens", &json!({"name": "revoked", "user_id": user}))
        .await?
        .expect(201)?;
    let token = text(&made, "token")?;
    // It worked, and stops at the next request.
    owner
        .with_token(&token)
        .get("/tenants")
        .await?
        .expect(200)?;
    remove(owner, &format!("/api-tokens/{}", text(&made, "token_id")?)).await?;
    Ok(token)
}

async fn expired_token(installation: &Installation, user: &str) -> Result<String> {
    let body = json!({"name": "expired", "user_id": user, "expires_in_days": 1});
    let made = installation
        .owner
        .post("/api-tokens", &body)
        .await?
        .expect(201)?;
    let id: Uuid = text(&made, "token_id")?.parse()?;
    let mut conn = PgConnection::establish(installation.database.url())?;
    let changed = diesel::sql_query(
        "UPDATE api_tokens SET created_at = created_at - interval '2 days', \
         expires_at = expires_at - interval '1 day 1 second' WHERE id = $1",
    )
    .bind::<diesel::sql_types::Uuid, _>(id)
    .execute(&mut conn)?;
    anyhow::ensure!(changed == 1);
    text(&made, "token")
}
