//! The connection check: does the credential give a token, for this tenant, with which roles, and
//! what is the organisation called.
//!
//! It must not decide which roles are needed; that is known where policy types are.

use chrono::{DateTime, Utc};
use domain::model::{GraphVersion, ResourceFamily};
use serde::Deserialize;
use uuid::Uuid;

use crate::call_error::CallError;
use crate::client::TenantReader;
use crate::error_body::clean;
use crate::request::ReadRequest;
use crate::token::TokenError;

/// What a connection check found.
#[derive(Debug)]
pub struct ConnectionReport {
    /// Application roles in the token, sorted; `None` when the token is opaque.
    pub roles: Option<Vec<String>>,
    /// When the token ends.
    pub token_expires_at: DateTime<Utc>,
    /// The organisation, or why it cannot be read (the connection may still be of use).
    pub organization: Result<Organization, CallError>,
}

/// The tenant as it describes itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Entra tenant id; equal to the one the client is bound to.
    pub tenant_id: Uuid,
    /// Name.
    pub display_name: String,
    /// Verified domains in lower case, sorted.
    pub verified_domains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OrganizationItem {
    id: Uuid,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    verified_domains: Vec<VerifiedDomain>,
}

#[derive(Deserialize)]
struct VerifiedDomain {
    #[serde(default)]
    name: String,
}

/// Checks a connection. Fails when there is no token or Graph says it is another tenant's.
pub async fn check_connection(reader: &TenantReader) -> Result<ConnectionReport, TokenError> {
    let token = reader.token().await?;
    let organization = match read_organization(reader).await {
        Err(CallError::Token(error)) => return Err(error),
        read => read,
    };
    Ok(ConnectionReport {
        roles: token.roles.clone(),
        token_expires_at: token.expires_at,
        organization,
    })
}

/// Reads the organisation and proves that it is the tenant the client is bound to.
pub async fn read_organization(reader: &TenantReader) -> Result<Organization, CallError> {
    let request = ReadRequest::new(ResourceFamily::Directory, GraphVersion::V1, "/organization");
    let mut found = Vec::new();
    reader.get_paged(request, |item| found.push(item)).await?;
    let not_a_list = || CallError::Incomplete(crate::call_error::Incomplete::NotAList);
    let item = found.first().ok_or_else(not_a_list)?;
    let item: OrganizationItem = serde_json::from_str(item.get()).map_err(|_| not_a_list())?;
    if item.id != reader.tenant_id() {
        return Err(CallError::Token(TokenError::WrongTenant {
            expected: reader.tenant_id(),
            found: item.id.to_string(),
        }));
    }
    let mut verified_domains: Vec<String> = item
        .verified_domains
        .into_iter()
        .map(|domain| clean(&domain.name, 255).to_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    verified_domains.sort();
    verified_domains.dedup();
    Ok(Organization {
        tenant_id: item.id,
        display_name: clean(&item.display_name.unwrap_or_default(), 255),
        verified_domains,
    })
}
