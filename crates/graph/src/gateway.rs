//! What all clients of one process share: the HTTP client, the tokens and the budgets.
//!
//! Decides how clients are made. It must not send requests of its own.

use std::sync::Arc;

use uuid::Uuid;

use crate::budget::{Budget, BudgetLimits};
use crate::client::TenantReader;
use crate::cloud::EndpointOverrides;
use crate::connection::{TenantConnection, WriteTarget, WriteTargetError};
use crate::lane::{LaneGate, in_process_lane};
use crate::token::TokenCache;
use crate::transport::{OnCall, Transport, TransportError, TransportLimits};
use crate::wait::CallContext;
use crate::writer::TenantWriter;

/// Settings of a [`Gateway`].
#[derive(Clone)]
pub struct GatewaySettings {
    /// Replacements of the global cloud's endpoints.
    pub overrides: EndpointOverrides,
    /// Time-outs and caps.
    pub transport: TransportLimits,
    /// Budgets per tenant and family.
    pub budget: BudgetLimits,
    /// Who gives out places in the Conditional Access lane.
    pub lane: LaneGate,
    /// Sees every HTTP attempt (metrics).
    pub on_call: Option<OnCall>,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            overrides: EndpointOverrides::default(),
            transport: TransportLimits::default(),
            budget: BudgetLimits::default(),
            lane: in_process_lane(),
            on_call: None,
        }
    }
}

/// The process's way to Microsoft Graph. Cheap to clone.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) overrides: EndpointOverrides,
    pub(crate) transport: Transport,
    pub(crate) tokens: TokenCache,
    pub(crate) budget: Budget,
}

impl Gateway {
    /// Builds the HTTP client. Proxies come from the standard environment variables, except that
    /// endpoints on this machine are always reached directly.
    pub fn new(settings: GatewaySettings) -> Result<Self, TransportError> {
        let direct = settings.overrides.graph.is_some() && {
            use crate::cloud::{Cloud, Endpoints};
            Endpoints::of(Cloud::Global, &settings.overrides)
                .is_ok_and(|endpoints| endpoints.is_loopback())
        };
        Ok(Self {
            shared: Arc::new(Shared {
                transport: Transport::new(&settings.transport, direct, settings.on_call)?,
                tokens: TokenCache::default(),
                budget: Budget::new(settings.budget, settings.lane),
                overrides: settings.overrides,
            }),
        })
    }

    /// The endpoint overrides, for building connections.
    pub fn overrides(&self) -> &EndpointOverrides {
        &self.shared.overrides
    }

    /// A client that can only read this connection's tenant.
    pub fn reader(&self, connection: TenantConnection, context: CallContext) -> TenantReader {
        TenantReader::new(Arc::clone(&self.shared), connection, context)
    }

    /// A client that can write to the target of a run, and to nothing else.
    pub fn writer(
        &self,
        target: &WriteTarget,
        connection: TenantConnection,
        context: CallContext,
    ) -> Result<TenantWriter, WriteTargetError> {
        if target.tenant_id() != connection.tenant_id() {
            return Err(WriteTargetError::OtherTenant);
        }
        Ok(TenantWriter::new(self.reader(connection, context)))
    }

    /// See [`Budget::set_share`].
    pub fn set_share(&self, registration: Uuid, mine: u32, active: u32) {
        self.shared.budget.set_share(registration, mine, active);
    }
}
