//! Which tenant a client speaks to, and the types that keep source and target apart.
//!
//! Decides that a writer can only ever be made for a run's target. It must not send anything.

use uuid::Uuid;

use crate::cloud::{Cloud, EndpointError, EndpointOverrides, Endpoints};
use crate::credential::Credential;
use url::Url;

/// Everything needed to speak to one Entra tenant.
#[derive(Clone, Debug)]
pub struct TenantConnection {
    pub(crate) tenant_id: Uuid,
    /// Whose connection it is: the caller's own id of the registration. Tokens and budgets are kept
    /// by it, so that two registrations of one Entra tenant share neither.
    pub(crate) registration: Uuid,
    pub(crate) client_id: String,
    pub(crate) credential: Credential,
    pub(crate) endpoints: Endpoints,
    pub(crate) token_url: Url,
}

impl TenantConnection {
    /// Binds a credential to one Entra tenant in one cloud.
    pub fn new(
        cloud: Cloud,
        overrides: &EndpointOverrides,
        tenant_id: Uuid,
        client_id: impl Into<String>,
        credential: Credential,
    ) -> Result<Self, EndpointError> {
        let endpoints = Endpoints::of(cloud, overrides)?;
        let token_url = endpoints.token_url(tenant_id)?;
        Ok(Self {
            tenant_id,
            registration: tenant_id,
            client_id: client_id.into(),
            credential,
            endpoints,
            token_url,
        })
    }

    /// The same connection as that of one registration; without it, the Entra tenant's id stands for
    /// the only one.
    #[must_use]
    pub fn registered_as(self, registration: Uuid) -> Self {
        Self {
            registration,
            ..self
        }
    }

    /// The Entra tenant id.
    pub const fn tenant_id(&self) -> Uuid {
        self.tenant_id
    }

    /// The endpoints of its cloud.
    pub const fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }
}

/// Leave to write to one Entra tenant: the target of one run. The only key to a
/// [`crate::TenantWriter`]; it cannot be copied, and none is ever made for a tenant that the same
/// run only reads.
#[derive(Debug)]
pub struct WriteTarget {
    tenant_id: Uuid,
}

/// Why no writer is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteTargetError {
    /// The target is one of the tenants that the run only reads.
    #[error("the target of the run is also its source")]
    TargetIsRead,
    /// The connection is that of another tenant.
    #[error("the connection belongs to another tenant than the write target")]
    OtherTenant,
}

impl WriteTarget {
    /// The write target of a run that reads these other tenants (Entra tenant ids all).
    pub fn of_run(target: Uuid, only_read: &[Uuid]) -> Result<Self, WriteTargetError> {
        if only_read.contains(&target) {
            return Err(WriteTargetError::TargetIsRead);
        }
        Ok(Self { tenant_id: target })
    }

    /// The Entra tenant id.
    pub const fn tenant_id(&self) -> Uuid {
        self.tenant_id
    }
}
