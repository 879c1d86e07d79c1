//! Who is asking, and what they may see and do.
//!
//! Authenticates, then answers visibility (404) and capability (403) from `domain::capability`.
//! What the actor cannot see and what does not exist cost the same queries and look the same.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use actix_web::HttpMessage;
use actix_web::http::header;
use chrono::{DateTime, Utc};
use domain::capability::{self, Capability, Role};
use serde_json::Value;
use store::audit::AuditEntry;
use store::identities::{Identity, IdentityActor};
use store::tenants::TenantRow;
use store::tokens::TokenActor;
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::call::Call;
use crate::denials::Actor;
use crate::limits::whole_seconds;
use crate::problem::Problem;

/// An authenticated actor.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user_id: Uuid,
    /// The user's name.
    pub display_name: String,
    /// The token presented; `None` for whoever signed in at the identity provider.
    pub token_id: Option<Uuid>,
    /// The workspace this is about: the token's only one, or one of the identity's.
    pub workspace_id: Uuid,
    /// The user's role there.
    pub role: Role,
    /// When the API token ends, which then makes none that outlives it.
    pub expires_at: Option<DateTime<Utc>>,
    /// The token's subset, if it was narrowed.
    pub narrowed: Option<BTreeSet<Capability>>,
    /// Roles on single tenants.
    pub tenant_roles: BTreeMap<Uuid, Role>,
    /// The id of the request, for the audit log.
    pub request_id: String,
}

/// A tenant the actor can see, and what they can do on it.
#[derive(Clone, Debug)]
pub struct TenantAccess {
    /// The tenant.
    pub tenant: TenantRow,
    /// Never empty.
    pub capabilities: BTreeSet<Capability>,
}

impl TenantAccess {
    /// Insists on a capability.
    pub fn require(&self, capability: Capability) -> Result<(), Problem> {
        if self.capabilities.contains(&capability) {
            return Ok(());
        }
        Err(Problem::capability_denied(capability))
    }
}

impl Caller {
    /// What the actor can do on a tenant; empty: it does not exist for them.
    pub fn capabilities_on(&self, tenant_id: Uuid) -> BTreeSet<Capability> {
        capability::tenant_capabilities(
            self.role,
            self.tenant_roles.get(&tenant_id).copied(),
            self.narrowed.as_ref(),
        )
    }

    /// What the actor can do in the workspace as such.
    pub fn workspace_capabilities(&self) -> BTreeSet<Capability> {
        capability::workspace_capabilities(self.role, self.narrowed.as_ref())
    }

    /// Insists on a workspace-scoped capability.
    pub fn require(&self, capability: Capability) -> Result<(), Problem> {
        if self.workspace_capabilities().contains(&capability) {
            return Ok(());
        }
        Err(Problem::capability_denied(capability))
    }

    /// Insists on a tenant-scoped capability where there is no tenant yet: the workspace role
    /// grants it.
    pub fn require_by_role(&self, capability: Capability) -> Result<(), Problem> {
        let narrowed_away = self
            .narrowed
            .as_ref()
            .is_some_and(|subset| !subset.contains(&capability));
        if !narrowed_away && self.role.capabilities().contains(&capability) {
            return Ok(());
        }
        Err(Problem::capability_denied(capability))
    }

    /// Insists that a role gives nobody more than the actor has through this very credential; what
    /// the member had before is not given. So a narrowed token that may manage members makes nobody
    /// who can do what it cannot.
    pub fn require_to_grant(&self, role: Role, had: Option<Role>) -> Result<(), Problem> {
        let own = self.role.capabilities();
        let held = |capability: &Capability| {
            own.contains(capability)
                && self
                    .narrowed
                    .as_ref()
                    .is_none_or(|subset| subset.contains(capability))
        };
        let had = had.map(Role::capabilities).unwrap_or_default();
        let mut given = role.capabilities().into_iter();
        match given.find(|capability| !held(capability) && !had.contains(capability)) {
            Some(beyond) => Err(Problem::capability_denied(beyond)),
            None => Ok(()),
        }
    }

    /// The tenants on which the actor has a capability; `None` = every one of the workspace.
    pub fn tenants_with(&self, capability: Capability) -> Option<Vec<Uuid>> {
        self.tenants_where(|held| held.contains(&capability))
    }

    /// The tenants that exist for the actor; `None` = every one of the workspace. Belongs into the
    /// statement that looks for something: a row that is found and thrown away takes longer than
    /// none.
    pub fn visible_tenants(&self) -> Option<Vec<Uuid>> {
        self.tenants_where(|held| !held.is_empty())
    }

    fn tenants_where(&self, judge: impl Fn(&BTreeSet<Capability>) -> bool) -> Option<Vec<Uuid>> {
        if self.role == Role::Owner {
            let all = judge(&self.capabilities_on(Uuid::nil()));
            return if all { None } else { Some(Vec::new()) };
        }
        let tenants = self.tenant_roles.keys().copied();
        Some(
            tenants
                .filter(|id| judge(&self.capabilities_on(*id)))
                .collect(),
        )
    }

    /// Whether the actor has a capability on a tenant.
    pub fn can_on(&self, tenant_id: Uuid, capability: Capability) -> bool {
        self.capabilities_on(tenant_id).contains(&capability)
    }

    /// A tenant of the workspace as this actor may know it.
    pub fn access(&self, found: Option<TenantRow>) -> Result<TenantAccess, Problem> {
        let tenant = found.ok_or_else(Problem::not_found)?;
        let capabilities = self.capabilities_on(tenant.id);
        if capabilities.is_empty() {
            return Err(Problem::not_found());
        }
        Ok(TenantAccess {
            tenant,
            capabilities,
        })
    }

    /// An audit entry by this actor.
    pub fn audit(&self, action: &str, detail: Value) -> AuditEntry {
        AuditEntry {
            workspace_id: self.workspace_id,
            action: action.to_owned(),
            actor_user_id: Some(self.user_id),
            actor_token_id: self.token_id,
            tenant_id: None,
            operation_run_id: None,
            request_id: Some(self.request_id.clone()),
            detail,
            recorded_at: Utc::now(),
        }
    }

    /// An audit entry by this actor about a tenant.
    pub fn audit_on(&self, tenant_id: Uuid, action: &str, detail: Value) -> AuditEntry {
        AuditEntry {
            tenant_id: Some(tenant_id),
            ..self.audit(action, detail)
        }
    }
}

/// What was presented and may be somebody's.
#[derive(Clone)]
enum Credential {
    /// An API token, not looked up yet.
    Token(String),
    /// An identity that its provider vouches for.
    Identity(Identity),
}

/// Who a credential is.
struct Found {
    /// The actors in the workspaces that were asked for.
    callers: Vec<Caller>,
    /// The actor that the log and the audit know: a token's, whatever was asked for.
    actor: Option<Actor>,
}

/// The actors behind a credential, as the database knows them now; `None`: nobody's credential.
/// With `wanted`, only the one in that workspace. A token costs two statements and an identity one
/// more than the workspaces asked for, whether or not there is such a workspace.
fn load_callers(
    conn: &mut PgConnection,
    credential: &Credential,
    wanted: Option<Uuid>,
    request_id: &str,
) -> Result<Option<Found>, StoreError> {
    let actors = match credential {
        Credential::Token(text) => {
            let Some(actor) = store::tokens::find_actor_by_token(conn, text)? else {
                return Ok(None);
            };
            vec![actor_of_token(actor)]
        }
        Credential::Identity(identity) => {
            let found = store::identities::list_actors_by_identity(conn, identity)?;
            if found.is_empty() {
                return Ok(None);
            }
            found
                .into_iter()
                .filter(|actor| wanted.is_none_or(|wanted| wanted == actor.workspace_id))
                .map(actor_of_identity)
                .collect()
        }
    };
    let mut callers = Vec::with_capacity(actors.len());
    for (mut caller, role) in actors {
        let roles = store::memberships::list_tenant_memberships_of_user(
            conn,
            caller.workspace_id,
            caller.user_id,
        )?;
        let Ok(role) = Role::from_str(&role) else {
            continue;
        };
        caller.role = role;
        request_id.clone_into(&mut caller.request_id);
        caller.tenant_roles = roles
            .into_iter()
            .filter_map(|row| Some((row.tenant_id, Role::from_str(&row.role).ok()?)))
            .collect();
        callers.push(caller);
    }
    if matches!(credential, Credential::Token(_)) && callers.is_empty() {
        return Ok(None);
    }
    let actor = callers.first().map(|caller| Actor {
        user: caller.user_id,
        token: caller.token_id,
        workspace: caller.workspace_id,
    });
    callers.retain(|caller| wanted.is_none_or(|wanted| wanted == caller.workspace_id));
    Ok(Some(Found { callers, actor }))
}

fn actor_of_token(actor: TokenActor) -> (Caller, String) {
    // A capability this build does not know grants nothing.
    let narrowed = actor.capabilities.map(|names| {
        names
            .iter()
            .filter_map(|name| Capability::from_str(name).ok())
            .collect()
    });
    let caller = Caller {
        user_id: actor.user_id,
        display_name: actor.display_name,
        token_id: Some(actor.token_id),
        workspace_id: actor.workspace_id,
        role: Role::Readonly,
        expires_at: actor.expires_at,
        narrowed,
        tenant_roles: BTreeMap::new(),
        request_id: String::new(),
    };
    (caller, actor.workspace_role)
}

fn actor_of_identity(actor: IdentityActor) -> (Caller, String) {
    let caller = Caller {
        user_id: actor.user_id,
        display_name: actor.display_name,
        token_id: None,
        workspace_id: actor.workspace_id,
        role: Role::Readonly,
        expires_at: None,
        narrowed: None,
        tenant_roles: BTreeMap::new(),
        request_id: String::new(),
    };
    (caller, actor.workspace_role)
}

/// In a request's extensions once it was counted: a stream authenticates again and again.
struct Counted;

impl Call {
    /// The bearer token of the request.
    fn bearer(&self) -> Option<String> {
        let mut values = self.request.headers().get_all(header::AUTHORIZATION);
        let (Some(value), None) = (values.next(), values.next()) else {
            return None;
        };
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| token.trim().to_owned())
    }

    async fn credential(&self) -> Option<Credential> {
        let text = self.bearer()?;
        if store::tokens::is_token_text(&text) {
            return Some(Credential::Token(text));
        }
        let oidc = self.state.oidc.as_ref()?;
        oidc.verify(&text).await.map(Credential::Identity)
    }

    async fn load(&self, wanted: Option<Uuid>) -> Result<Vec<Caller>, Problem> {
        let Some(credential) = self.credential().await else {
            return Err(self.refused());
        };
        match &credential {
            Credential::Token(text) => {
                if !self.state.known_tokens.worth_a_lookup(text).await {
                    return Err(self.refused());
                }
                self.owner.set(self.state.known_tokens.owner_of(text));
            }
            Credential::Identity(identity) => {
                let name = format!("{} {}", identity.issuer, identity.subject);
                self.owner.set(Uuid::new_v5(&Uuid::nil(), name.as_bytes()));
            }
        }
        let request_id = self.request_id();
        let found = self
            .run(move |conn| load_callers(conn, &credential, wanted, &request_id))
            .await?;
        let Found { callers, actor } = found.ok_or_else(|| self.refused())?;
        if let Some(actor) = actor {
            self.owner.set(actor.workspace);
            self.request.extensions_mut().insert(actor);
        }
        self.count(&callers)?;
        Ok(callers)
    }

    /// Authenticates for the workspace of the path, if it has one; nobody: the credential does not
    /// work there.
    pub async fn recognise(&self) -> Result<Vec<Caller>, Problem> {
        let wanted = self.path_text("workspace_id").map(|_| self.wanted());
        self.load(wanted).await
    }

    fn wanted(&self) -> Uuid {
        self.path_id("workspace_id").unwrap_or(Uuid::nil())
    }

    /// 401, or 429 for an address that fails too often.
    fn refused(&self) -> Problem {
        match self.state.limits.refuse(&self.request) {
            Ok(()) => Problem::unauthenticated(),
            Err(wait) => Problem::rate_limited(whole_seconds(wait)),
        }
    }

    /// 429 for a credential that asks too much.
    fn count(&self, callers: &[Caller]) -> Result<(), Problem> {
        let Some(caller) = callers.first() else {
            return Ok(());
        };
        if self.request.extensions().contains::<Counted>() {
            return Ok(());
        }
        self.request.extensions_mut().insert(Counted);
        // A person is the same in every workspace, an identity is linked in one: what somebody whom
        // another workspace linked to the same person asks must not count for this one.
        let identity = || Uuid::new_v5(&caller.workspace_id, caller.user_id.as_bytes());
        let credential = caller.token_id.unwrap_or_else(identity);
        self.state
            .limits
            .admit(credential)
            .map_err(|wait| Problem::rate_limited(whole_seconds(wait)))
    }

    /// Authenticates, for every workspace the credential works in: one for an API token. 401
    /// otherwise.
    pub async fn authenticate(&self) -> Result<Vec<Caller>, Problem> {
        self.load(None).await
    }

    /// Authenticates for the workspace of the path: 404 when the credential does not work there.
    pub async fn in_workspace(&self) -> Result<Caller, Problem> {
        let recognised = self.recognised.take();
        let callers = match recognised {
            Some(callers) => callers,
            None => self.load(Some(self.wanted())).await?,
        };
        callers.into_iter().next().ok_or_else(Problem::not_found)
    }

    /// The tenant of the path, if the actor can see it.
    pub async fn tenant(&self, caller: &Caller) -> Result<TenantAccess, Problem> {
        let tenant_id = self.path_id("tenant_id")?;
        self.tenant_of(caller, tenant_id).await
    }

    /// A tenant of the workspace, if the actor can see it.
    pub async fn tenant_of(
        &self,
        caller: &Caller,
        tenant_id: Uuid,
    ) -> Result<TenantAccess, Problem> {
        let (workspace_id, visible) = (caller.workspace_id, caller.visible_tenants());
        let found: Option<TenantRow> = self
            .run(move |conn| {
                store::tenants::find_visible_tenant(
                    conn,
                    workspace_id,
                    tenant_id,
                    visible.as_deref(),
                )
            })
            .await?;
        caller.access(found)
    }
}
