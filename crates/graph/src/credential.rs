//! How this program proves to the login service who it is: secret, certificate or federated token.
//!
//! Decides the form fields of a token request. It must not send anything and never shows a secret.

use std::fmt;
use std::path::PathBuf;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{KeyPair as _, RSA_PSS_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sha2::{Digest, Sha256};
use url::Url;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::secret_text::SecretText;

/// Value of `client_assertion_type`.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Life of a signed client assertion, in minutes. It serves one request.
const ASSERTION_MINUTES: i64 = 5;
/// Largest federated token file read, in bytes.
const FEDERATED_TOKEN_CAP: u64 = 64 * 1024;

/// A tenant's credential, opened.
#[derive(Clone)]
pub enum Credential {
    /// A client secret.
    ClientSecret(SecretText),
    /// A certificate with its private key, both PEM: signs a client assertion.
    Certificate {
        /// The certificate registered with the application; further ones are ignored.
        certificate_pem: String,
        /// RSA private key, PKCS#8 or PKCS#1.
        private_key_pem: SecretText,
    },
    /// A token of a trusted issuer, as text: good for as long as it lives.
    FederatedToken(SecretText),
    /// A token of a trusted issuer in a file that its issuer keeps fresh; read at every renewal.
    /// The path comes from the worker's configuration, never from a caller.
    FederatedTokenFile(PathBuf),
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Credential({})", self.kind())
    }
}

/// Why a credential cannot be used. Never contains any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// No certificate in the PEM text.
    #[error("the certificate is not PEM")]
    CertificateUnreadable,
    /// No usable RSA key in the PEM text.
    #[error("the private key is not an RSA key in PEM form")]
    PrivateKeyUnreadable,
    /// They do not belong together.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// Signing failed.
    #[error("the client assertion could not be signed")]
    SigningFailed,
    /// The federated token file is missing, empty, too large or not text.
    #[error("the federated token file cannot be read")]
    FederatedTokenUnreadable,
    /// An empty secret.
    #[error("the credential is empty")]
    Empty,
}

impl Credential {
    /// The kind's word on the wire.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ClientSecret(_) => "client_secret",
            Self::Certificate { .. } => "certificate",
            Self::FederatedToken(_) | Self::FederatedTokenFile(_) => "federated_token",
        }
    }

    /// Checks everything that can be checked without the login service.
    pub fn check(&self) -> Result<(), CredentialError> {
        match self {
            Self::ClientSecret(secret) | Self::FederatedToken(secret) => {
                if secret.expose().trim().is_empty() {
                    return Err(CredentialError::Empty);
                }
                Ok(())
            }
            Self::Certificate {
                certificate_pem,
                private_key_pem,
            } => SigningKey::read(certificate_pem, private_key_pem).map(|_| ()),
            Self::FederatedTokenFile(_) => Ok(()),
        }
    }

    /// A digest that tells credentials apart without giving them away: the token cache's key.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.kind());
        hash.update([0]);
        match self {
            Self::ClientSecret(secret) | Self::FederatedToken(secret) => {
                hash.update(secret.expose());
            }
            Self::Certificate {
                certificate_pem,
                private_key_pem,
            } => {
                hash.update(certificate_pem);
                hash.update([0]);
                hash.update(private_key_pem.expose());
            }
            Self::FederatedTokenFile(path) => hash.update(path.as_os_str().as_encoded_bytes()),
        }
        hash.finalize().into()
    }

    /// The form fields that prove the client's identity.
    pub(crate) async fn form_fields(
        &self,
        client_id: &str,
        audience: &Url,
        now: DateTime<Utc>,
    ) -> Result<Vec<(&'static str, SecretText)>, CredentialError> {
        let assertion = match self {
            Self::ClientSecret(secret) => return Ok(vec![("client_secret", secret.clone())]),
            Self::Certificate {
                certificate_pem,
                private_key_pem,
            } => SigningKey::read(certificate_pem, private_key_pem)?
                .sign_assertion(client_id, audience, now)?,
            Self::FederatedToken(token) => SecretText::new(token.expose().trim()),
            Self::FederatedTokenFile(path) => read_token_file(path).await?,
        };
        Ok(vec![
            ("client_assertion_type", SecretText::new(ASSERTION_TYPE)),
            ("client_assertion", assertion),
        ])
    }
}

async fn read_token_file(path: &std::path::Path) -> Result<SecretText, CredentialError> {
    let unreadable = |_| CredentialError::FederatedTokenUnreadable;
    let metadata = tokio::fs::metadata(path).await.map_err(unreadable)?;
    if !metadata.is_file() || metadata.len() > FEDERATED_TOKEN_CAP {
        return Err(CredentialError::FederatedTokenUnreadable);
    }
    let text = Zeroizing::new(tokio::fs::read_to_string(path).await.map_err(unreadable)?);
    if text.trim().is_empty() {
        return Err(CredentialError::FederatedTokenUnreadable);
    }
    Ok(SecretText::new(text.trim()))
}

/// An RSA key with the thumbprint of its certificate.
struct SigningKey {
    key: RsaKeyPair,
    thumbprint: String,
}

impl SigningKey {
    fn read(certificate_pem: &str, key_pem: &SecretText) -> Result<Self, CredentialError> {
        let certificate = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|_| CredentialError::CertificateUnreadable)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem.expose().as_bytes())
            .map_err(|_| CredentialError::PrivateKeyUnreadable)?;
        let key = match &key {
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(CredentialError::PrivateKeyUnreadable),
        }
        .map_err(|_| CredentialError::PrivateKeyUnreadable)?;
        // A certificate carries the key as the same DER sequence that the key pair reports.
        let public = key.public_key().as_ref();
        if !certificate.windows(public.len()).any(|part| part == public) {
            return Err(CredentialError::KeyMismatch);
        }
        Ok(Self {
            key,
            thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate)),
        })
    }

    /// A JWT, PS256, for one token request.
    fn sign_assertion(
        &self,
        client_id: &str,
        audience: &Url,
        now: DateTime<Utc>,
    ) -> Result<SecretText, CredentialError> {
        let header = serde_json::json!({
            "alg": "PS256",
            "typ": "JWT",
            "x5t#S256": self.thumbprint,
        });
        let claims = serde_json::json!({
            "aud": audience.as_str(),
            "iss": client_id,
            "sub": client_id,
            "jti": Uuid::new_v4(),
            "nbf": (now - TimeDelta::minutes(1)).timestamp(),
            "iat": now.timestamp(),
            "exp": (now + TimeDelta::minutes(ASSERTION_MINUTES)).timestamp(),
        });
        let signed = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let mut signature = vec![0; self.key.public_modulus_len()];
        self.key
            .sign(
                &RSA_PSS_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| CredentialError::SigningFailed)?;
        Ok(SecretText::new(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        )))
    }
}

#[cfg(test)]
#[path = "credential_test.rs"]
mod tests;
