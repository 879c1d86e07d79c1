//! Credentials: which are usable, and what a token request says with each.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failing test may panic"
)]

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use base64::engine::general_purpose::STANDARD;

use super::*;

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// A key with something that carries its public half as a certificate would.
fn key_with_certificate() -> (RsaKeyPair, Credential, Vec<u8>) {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().unwrap();
    let certificate = [b"before", key.public_key().as_ref(), b"after"].concat();
    let credential = Credential::Certificate {
        certificate_pem: pem("CERTIFICATE", &certificate),
        private_key_pem: SecretText::new(pem("PRIVATE KEY", pkcs8.as_ref())),
    };
    (key, credential, certificate)
}

fn part(token: &str, index: usize) -> Vec<u8> {
    URL_SAFE_NO_PAD
        .decode(token.split('.').nth(index).unwrap())
        .unwrap()
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_for_the_token_endpoint() {
    let (key, credential, certificate) = key_with_certificate();
    let audience = Url::parse("https://login.example/tenant/oauth2/v2.0/token").unwrap();
    let now = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
    let fields = credential
        .form_fields("client-1", &audience, now)
        .await
        .unwrap();
    assert_eq!(fields[0].0, "client_assertion_type");
    assert_eq!(fields[0].1.expose(), ASSERTION_TYPE);
    assert_eq!(fields[1].0, "client_assertion");
    let token = fields[1].1.expose();

    let header: serde_json::Value = serde_json::from_slice(&part(token, 0)).unwrap();
    assert_eq!(header["alg"], "PS256");
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&certificate));
    assert_eq!(header["x5t#S256"], thumbprint.as_str());
    let claims: serde_json::Value = serde_json::from_slice(&part(token, 1)).unwrap();
    assert_eq!(claims["aud"], audience.as_str());
    assert_eq!(claims["iss"], "client-1");
    assert_eq!(claims["sub"], "client-1");
    assert_eq!(claims["exp"], 1_700_000_300);
    assert_eq!(claims["nbf"], 1_699_999_940);

    let signed = token.rsplit_once('.').unwrap().0;
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key.public_key().as_ref())
        .verify(signed.as_bytes(), &part(token, 2))
        .unwrap();
    let again = credential
        .form_fields("client-1", &audience, now)
        .await
        .unwrap();
    assert_ne!(part(again[1].1.expose(), 1), part(token, 1), "a new jti");
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let (_, first, _) = key_with_certificate();
    let (_, second, _) = key_with_certificate();
    assert_eq!(first.check(), Ok(()));
    let (
        Credential::Certificate {
            certificate_pem, ..
        },
        Credential::Certificate {
            private_key_pem, ..
        },
    ) = (first, second)
    else {
        unreachable!("both are certificates")
    };
    let mixed = Credential::Certificate {
        certificate_pem: certificate_pem.clone(),
        private_key_pem,
    };
    assert_eq!(mixed.check(), Err(CredentialError::KeyMismatch));
    let broken = Credential::Certificate {
        certificate_pem,
        private_key_pem: SecretText::new("canary"),
    };
    assert_eq!(broken.check(), Err(CredentialError::PrivateKeyUnreadable));
}

#[tokio::test]
async fn a_federated_token_is_read_anew_each_time() {
    let path = std::env::temp_dir().join(format!("federated-{}", Uuid::new_v4()));
    let credential = Credential::FederatedTokenFile(path.clone());
    let audience = Url::parse("https://login.example/t").unwrap();
    let missing = credential
        .form_fields("c", &audience, DateTime::UNIX_EPOCH)
        .await;
    assert_eq!(
        missing.unwrap_err(),
        CredentialError::FederatedTokenUnreadable
    );
    for content in ["one\n", "two"] {
        std::fs::write(&path, content).unwrap();
        let fields = credential
            .form_fields("c", &audience, DateTime::UNIX_EPOCH)
            .await
            .unwrap();
        assert_eq!(fields[1].1.expose(), content.trim());
    }
    std::fs::remove_file(&path).unwrap();
}

#[test]
fn debug_never_shows_a_secret() {
    let secret = Credential::ClientSecret(SecretText::new("canary"));
    assert_eq!(format!("{secret:?}"), "Credential(client_secret)");
    let (_, certificate, _) = key_with_certificate();
    assert!(!format!("{certificate:?}").contains("BEGIN"));
    assert!(!format!("{:?}", SecretText::new("canary")).contains("canary"));
}

#[test]
fn equal_credentials_have_equal_digests() {
    let one = Credential::ClientSecret(SecretText::new("a"));
    let same = Credential::ClientSecret(SecretText::new("a"));
    let other = Credential::FederatedToken(SecretText::new("a"));
    assert_eq!(one.digest(), same.digest());
    assert_ne!(one.digest(), other.digest());
}
