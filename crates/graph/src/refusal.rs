//! What a refused token request means: a closed list decoded from the login service's error codes.
//!
//! Decides terminal or passing. It must not decide when to ask again.

use serde::Deserialize;

use crate::error_body::clean;

/// Why the login service gave no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenRefusal {
    /// 700016: the application is not in the tenant.
    ApplicationNotInTenant,
    /// 7000112: the application is disabled.
    ApplicationDisabled,
    /// 90002: no such tenant in this cloud.
    TenantUnknown,
    /// 7000215: the secret is wrong.
    SecretInvalid,
    /// 7000222: the secret has expired.
    SecretExpired,
    /// 700027: the assertion's signature, certificate or life is not accepted.
    CertificateInvalid,
    /// 70021 and its kin: no federated credential fits the token's issuer, subject or audience.
    FederationMismatch,
    /// 53003 and its kin: Conditional Access for workload identities blocks it.
    BlockedByPolicy,
    /// 65001 and its kin: consent is missing.
    ConsentMissing,
    /// The login service is busy or in trouble: again later.
    Passing,
    /// Any other refusal.
    Other,
}

impl TokenRefusal {
    /// Stable code for connection health.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ApplicationNotInTenant => "application_not_in_tenant",
            Self::ApplicationDisabled => "application_disabled",
            Self::TenantUnknown => "tenant_unknown",
            Self::SecretInvalid => "secret_invalid",
            Self::SecretExpired => "secret_expired",
            Self::CertificateInvalid => "certificate_invalid",
            Self::FederationMismatch => "federation_mismatch",
            Self::BlockedByPolicy => "blocked_by_policy",
            Self::ConsentMissing => "consent_missing",
            Self::Passing => "login_unavailable",
            Self::Other => "token_refused",
        }
    }

    /// For an operator: what to do.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::ApplicationNotInTenant => {
                "The application is not known in this tenant: check the client id, or grant consent."
            }
            Self::ApplicationDisabled => "The application is disabled in this tenant.",
            Self::TenantUnknown => "The login service does not know this tenant in this cloud.",
            Self::SecretInvalid => "The client secret is wrong.",
            Self::SecretExpired => "The client secret has expired.",
            Self::CertificateInvalid => {
                "The certificate is not accepted: is it registered with the application and valid?"
            }
            Self::FederationMismatch => {
                "No federated credential of the application matches the token's issuer, subject and audience."
            }
            Self::BlockedByPolicy => "A Conditional Access policy blocks this application.",
            Self::ConsentMissing => "An administrator has not consented to the application.",
            Self::Passing => "The login service is not available right now.",
            Self::Other => "The login service refused the credential.",
        }
    }

    /// Whether asking again cannot help until somebody changes something.
    pub const fn is_terminal(self) -> bool {
        !matches!(self, Self::Passing)
    }

    const fn of_number(number: u32) -> Self {
        match number {
            700_016 => Self::ApplicationNotInTenant,
            7_000_112 => Self::ApplicationDisabled,
            90_002 | 900_023 | 90_013 => Self::TenantUnknown,
            7_000_215 | 7_000_216 | 7_000_218 => Self::SecretInvalid,
            7_000_222 => Self::SecretExpired,
            700_024 | 700_027 | 700_030 | 50_012 => Self::CertificateInvalid,
            70_021 | 700_211..=700_213 | 700_222 | 700_223 => Self::FederationMismatch,
            53_000..=53_003 | 530_034 | 53_011 => Self::BlockedByPolicy,
            65_001 | 65_002 => Self::ConsentMissing,
            50_196 | 90_006 | 90_024 | 90_033 | 90_055 => Self::Passing,
            _ => Self::Other,
        }
    }
}

/// A decoded refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What it means.
    pub refusal: TokenRefusal,
    /// The AADSTS number.
    pub number: Option<u32>,
    /// First line of the description, without support ids. Never part of a secret.
    pub description: String,
}

#[derive(Deserialize)]
struct ErrorDocument {
    #[serde(default)]
    error: String,
    #[serde(default)]
    error_description: String,
    #[serde(default)]
    error_codes: Vec<u32>,
}

/// Reads an error answer of the token endpoint.
pub(crate) fn decode(status: u16, body: &[u8]) -> Refused {
    let document = serde_json::from_slice::<ErrorDocument>(body).ok();
    let description = document
        .as_ref()
        .map(|document| document.error_description.as_str())
        .unwrap_or_default();
    let number = document
        .as_ref()
        .and_then(|document| document.error_codes.first().copied())
        .or_else(|| number_in(description));
    let busy = document
        .as_ref()
        .is_some_and(|document| document.error == "temporarily_unavailable");
    let refusal = match number.map(TokenRefusal::of_number) {
        _ if busy || status == 429 || status == 408 || status >= 500 => TokenRefusal::Passing,
        Some(known) => known,
        None => TokenRefusal::Other,
    };
    let line = ["Trace ID:", "\r", "\n"]
        .into_iter()
        .fold(description, |line, end| {
            line.split(end).next().unwrap_or_default()
        });
    Refused {
        refusal,
        number,
        description: clean(line, 300),
    }
}

/// The number in `AADSTS7000215: ...`.
fn number_in(description: &str) -> Option<u32> {
    let (_, after) = description.split_once("AADSTS")?;
    let end = after
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(after.len());
    after.get(..end)?.parse().ok()
}

#[cfg(test)]
#[path = "refusal_test.rs"]
mod tests;
