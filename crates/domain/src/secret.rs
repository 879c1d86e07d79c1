//! Secrets never leave their policy: a keyed fingerprint stands for them.

/// The key for secret fingerprints and its id. Debug shows neither.
#[derive(Clone)]
pub struct SecretKey {
    /// Names the key on every fingerprint.
    pub key_id: String,
    /// HMAC-SHA-256 key.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("SecretKey(..)")
    }
}
