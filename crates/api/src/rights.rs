//! The one way to change something: rights are judged again inside the transaction that uses them.
//!
//! Decides what a lost right is answered with. What a role grants is the domain's, and in which
//! order a removal and a change happen is [`store::rights`]'.

use std::collections::BTreeSet;
use std::str::FromStr;

use domain::capability::{Capability, Role};
use store::rights::{Hold, Standing, load_standing, lock_rights};
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::call::Call;
use crate::caller::Caller;
use crate::problem::Problem;

/// A right that a change needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// To be a member.
    Member,
    /// A workspace-scoped capability.
    Workspace(Capability),
    /// A tenant-scoped capability that the workspace role grants: there is no tenant yet.
    Role(Capability),
    /// A capability on a tenant.
    Tenant(Uuid, Capability),
    /// That a tenant exists for the actor.
    Visible(Uuid),
}

impl Need {
    /// Whoever manages members or tokens takes rights away: one at a time in a workspace.
    fn hold(self) -> Hold {
        match self {
            Self::Workspace(Capability::MembersManage | Capability::ApiTokensManage) => Hold::Alone,
            _ => Hold::Shared,
        }
    }

    fn judge(self, caller: &Caller) -> Result<(), Problem> {
        match self {
            Self::Workspace(capability) => caller.require(capability),
            Self::Role(capability) => caller.require_by_role(capability),
            Self::Visible(tenant_id) if caller.capabilities_on(tenant_id).is_empty() => {
                Err(Problem::not_found())
            }
            Self::Member | Self::Visible(_) => Ok(()),
            Self::Tenant(tenant_id, capability) => {
                Self::Visible(tenant_id).judge(caller)?;
                if caller.can_on(tenant_id, capability) {
                    return Ok(());
                }
                Err(Problem::capability_denied(capability))
            }
        }
    }
}

impl Caller {
    /// The same actor as the rows say now; a capability this build does not know grants nothing.
    fn standing_now(&self, standing: Standing) -> Option<Self> {
        let role = Role::from_str(&standing.workspace_role).ok()?;
        let narrowed = standing.capabilities.map(|names| {
            let known = names
                .iter()
                .filter_map(|name| Capability::from_str(name).ok());
            known.collect::<BTreeSet<_>>()
        });
        let tenant_roles = standing
            .tenant_roles
            .into_iter()
            .filter_map(|row| Some((row.tenant_id, Role::from_str(&row.role).ok()?)))
            .collect();
        Some(Self {
            role,
            narrowed,
            tenant_roles,
            ..self.clone()
        })
    }
}

/// Judges an actor on the rows of this transaction, which cannot change until it ends. The first
/// statement of every transaction that changes something.
pub fn judge(
    conn: &mut PgConnection,
    caller: &Caller,
    needs: &[Need],
) -> Result<Result<Caller, Problem>, StoreError> {
    let alone = needs.iter().any(|need| need.hold() == Hold::Alone);
    let hold = if alone { Hold::Alone } else { Hold::Shared };
    lock_rights(conn, caller.workspace_id, hold)?;
    let standing = load_standing(conn, caller.workspace_id, caller.user_id, caller.token_id)?;
    let Some(now) = standing.and_then(|standing| caller.standing_now(standing)) else {
        // What the next request of this credential meets.
        return Ok(Err(Problem::unauthenticated()));
    };
    for need in needs {
        if let Err(problem) = need.judge(&now) {
            return Ok(Err(problem));
        }
    }
    Ok(Ok(now))
}

impl Call {
    /// One transaction that changes something on behalf of an actor who holds all of `needs` in it;
    /// `work` gets the actor as judged there. It may run again when it loses a race.
    pub async fn change<T: Send + 'static>(
        &self,
        caller: &Caller,
        needs: impl IntoIterator<Item = Need>,
        work: impl Fn(&mut PgConnection, &Caller) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Result<T, Problem>, StoreError> {
        let caller = caller.clone();
        let needs: Vec<Need> = needs.into_iter().collect();
        self.transaction(move |conn| match judge(conn, &caller, &needs)? {
            Ok(now) => work(conn, &now).map(Ok),
            Err(problem) => Ok(Err(problem)),
        })
        .await
    }
}
