//! The keys and what is sealed with them. Decides derivation, sealing and key ids; must not read
//! the environment, and never shows a key in Debug.
//!
//! One master key gives, by HKDF-SHA-256 with one label each: the key pair for credentials (the
//! public half seals, in the API; the private half opens, in the worker only), the key of secret
//! fingerprints, and the key of the audit chain. Who holds the sealing half cannot open anything.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hkdf::Hkdf;
use hpke::aead::ChaCha20Poly1305;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

type Suite = X25519HkdfSha256;
type PublicKey = <Suite as Kem>::PublicKey;
type PrivateKey = <Suite as Kem>::PrivateKey;
type EncapsulatedKey = <Suite as Kem>::EncappedKey;

/// Binds a sealed value to this use (the `info` of RFC 9180).
const SEAL_INFO: &[u8] = b"promotion/sealed-column/v1";
/// Length of the encapsulated X25519 key that starts every sealed value.
const ENCAPSULATED_LENGTH: usize = 32;

/// What is wrong with a key or a sealed value. Never says what the value was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not base64 of exactly 32 bytes.
    #[error("the key is not 32 bytes in base64")]
    Malformed,
    /// Sealed to a key that is not among the opening keys.
    #[error("the value was sealed to a key that is not at hand")]
    UnknownKey,
    /// Truncated, altered, or sealed for another tenant or column.
    #[error("the sealed value cannot be opened")]
    Unopenable,
    /// The cipher refused to work.
    #[error("the value cannot be sealed")]
    Unsealable,
}

/// The root of all keys: 32 random bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    /// Reads exactly 32 bytes in base64 (standard alphabet, padded).
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        Ok(Self(*decode_32(text)?))
    }

    /// A fresh random key, for demos, tests and `promotionctl keys`.
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// The text form, for the environment.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0))
    }

    /// The private half for credentials: for the worker only.
    pub fn opening_key(&self) -> OpeningKey {
        let seed = self.derive(b"promotion/credential-key-pair/v1");
        let (private, public) = Suite::derive_keypair(seed.as_slice());
        OpeningKey {
            id: key_id(&public),
            private,
        }
    }

    /// The public half for credentials: for whoever stores them.
    pub fn sealing_key(&self) -> SealingKey {
        let seed = self.derive(b"promotion/credential-key-pair/v1");
        let (_, public) = Suite::derive_keypair(seed.as_slice());
        SealingKey {
            id: key_id(&public),
            public,
        }
    }

    /// The key of secret fingerprints inside captured content.
    pub fn fingerprint_key(&self) -> FingerprintKey {
        let bytes = self.derive(b"promotion/secret-fingerprint/v1");
        let id = short_hex(&Sha256::digest(
            [
                b"promotion/fingerprint-key-id/v1".as_slice(),
                bytes.as_slice(),
            ]
            .concat(),
        ));
        FingerprintKey { id, bytes }
    }

    /// The key of the audit chain.
    pub fn audit_key(&self) -> AuditKey {
        AuditKey(self.derive(b"promotion/audit-chain/v1"))
    }

    fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut bytes = Zeroizing::new([0; 32]);
        // HKDF can fail only for outputs longer than 8160 bytes.
        let expanded = Hkdf::<Sha256>::new(None, &self.0).expand(label, bytes.as_mut_slice());
        debug_assert!(expanded.is_ok());
        bytes
    }
}

/// Seals credentials; cannot open them. Holds nothing secret.
#[derive(Clone)]
pub struct SealingKey {
    id: String,
    public: PublicKey,
}

impl SealingKey {
    /// Reads what [`SealingKey::to_base64`] printed.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = decode_32(text)?;
        let public = PublicKey::from_bytes(bytes.as_slice()).map_err(|_| KeyError::Malformed)?;
        Ok(Self {
            id: key_id(&public),
            public,
        })
    }

    /// The text form, for `PROMOTION_SEALING_KEY`.
    pub fn to_base64(&self) -> String {
        STANDARD.encode(self.public.to_bytes())
    }

    /// First 8 bytes of the SHA-256 of the public key, in hex: stored beside every sealed value.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals `plain` for one column of one tenant (HPKE base mode, X25519 + ChaCha20-Poly1305).
    /// Every value gets a fresh ephemeral key; tenant and column are authenticated with it, so a
    /// value moved to another row or column does not open.
    pub fn seal(&self, tenant: Uuid, column: &str, plain: &[u8]) -> Result<Sealed, KeyError> {
        let (encapsulated, ciphertext) =
            hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, Suite>(
                &OpModeS::Base,
                &self.public,
                SEAL_INFO,
                plain,
                &associated_data(tenant, column),
            )
            .map_err(|_| KeyError::Unsealable)?;
        let mut bytes = encapsulated.to_bytes().to_vec();
        bytes.extend_from_slice(&ciphertext);
        Ok(Sealed {
            key_id: self.id.clone(),
            bytes,
        })
    }
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "SealingKey({})", self.id)
    }
}

/// A sealed value as stored. Safe to log, useless without the opening key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Which key it was sealed to.
    pub key_id: String,
    /// Encapsulated key, then ciphertext and tag.
    pub bytes: Vec<u8>,
}

/// Opens credentials. Only the worker holds one.
#[derive(Clone)]
pub struct OpeningKey {
    id: String,
    private: PrivateKey,
}

impl OpeningKey {
    /// The id of the key pair.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Opens a value that was sealed to this key for this tenant and column.
    pub fn open(
        &self,
        tenant: Uuid,
        column: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if sealed.key_id != self.id {
            return Err(KeyError::UnknownKey);
        }
        let (encapsulated, ciphertext) = sealed
            .bytes
            .split_at_checked(ENCAPSULATED_LENGTH)
            .ok_or(KeyError::Unopenable)?;
        let encapsulated =
            EncapsulatedKey::from_bytes(encapsulated).map_err(|_| KeyError::Unopenable)?;
        hpke::single_shot_open::<ChaCha20Poly1305, HkdfSha256, Suite>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            SEAL_INFO,
            ciphertext,
            &associated_data(tenant, column),
        )
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Unopenable)
    }
}

impl std::fmt::Debug for OpeningKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "OpeningKey({})", self.id)
    }
}

/// Several opening keys, newest first: while keys are rotated, rows sealed to either open.
#[derive(Clone, Debug)]
pub struct OpeningKeys(Vec<OpeningKey>);

impl OpeningKeys {
    /// The keys of the current master key and of earlier ones.
    pub fn new(keys: Vec<OpeningKey>) -> Self {
        Self(keys)
    }

    /// Opens a value with the key its id names.
    pub fn open(
        &self,
        tenant: Uuid,
        column: &str,
        sealed: &Sealed,
    ) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        self.0
            .iter()
            .find(|key| key.id == sealed.key_id)
            .ok_or(KeyError::UnknownKey)?
            .open(tenant, column, sealed)
    }
}

/// The key of secret fingerprints (HMAC-SHA-256) and the id that every fingerprint names.
#[derive(Clone)]
pub struct FingerprintKey {
    id: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl FingerprintKey {
    /// Fingerprints under different ids cannot be compared.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key itself.
    pub fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

impl std::fmt::Debug for FingerprintKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "FingerprintKey({})", self.id)
    }
}

/// The key of the audit chain. Who holds it could forge the chain.
#[derive(Clone)]
pub struct AuditKey(Zeroizing<[u8; 32]>);

impl AuditKey {
    /// Reads what [`AuditKey::to_base64`] printed.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        decode_32(text).map(Self)
    }

    /// The text form, for `PROMOTION_AUDIT_KEY`.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(self.0.as_slice()))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )*};
}
redacted!(MasterKey, AuditKey);

fn decode_32(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let bytes = Zeroizing::new(
        STANDARD
            .decode(text.trim())
            .map_err(|_| KeyError::Malformed)?,
    );
    <[u8; 32]>::try_from(bytes.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| KeyError::Malformed)
}

fn key_id(public: &PublicKey) -> String {
    short_hex(&Sha256::digest(public.to_bytes()))
}

fn short_hex(digest: &[u8]) -> String {
    use std::fmt::Write;
    digest.iter().take(8).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn associated_data(tenant: Uuid, column: &str) -> Vec<u8> {
    [tenant.as_bytes().as_slice(), b"/", column.as_bytes()].concat()
}

#[cfg(test)]
#[path = "keys_test.rs"]
mod tests;
