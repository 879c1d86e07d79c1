//! The provider's keys and the header of a token: which key may verify which token.
//!
//! A token chooses among the algorithms that its key was made for, never among more: no secret key
//! algorithm, and none at all, is on the list.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// More keys than any provider publishes.
const MOST_KEYS: usize = 100;

const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// What of a token's header decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHeader {
    /// The algorithm it names: one of the list.
    pub algorithm: Algorithm,
    /// The key it names.
    pub key_id: Option<String>,
}

#[derive(Deserialize)]
struct RawHeader {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    /// Extensions that must be understood. None is.
    crit: Option<Value>,
}

impl TokenHeader {
    /// Reads the header of a token in compact form; `None` when it is none that could be good.
    pub fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let (Some(header), Some(_), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let header = URL_SAFE_NO_PAD.decode(header).ok()?;
        let header: RawHeader = serde_json::from_slice(&header).ok()?;
        if header.crit.is_some() || !header.typ.as_deref().is_none_or(is_access_token) {
            return None;
        }
        let algorithm = header.alg.parse().ok()?;
        let listed = RSA.contains(&algorithm)
            || matches!(
                algorithm,
                Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA
            );
        listed.then_some(Self {
            algorithm,
            key_id: header.kid,
        })
    }
}

/// Other signed tokens of a provider (to log somebody out, to prove a key) are no credentials.
fn is_access_token(kind: &str) -> bool {
    let kind = kind.to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    matches!(kind, "jwt" | "at+jwt")
}

/// The keys of one read.
#[derive(Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    verifier: DecodingKey,
}

impl KeySet {
    /// The usable ones of a key set's `keys`; one that is odd takes nothing from the others.
    pub fn of(keys: Vec<Value>) -> Self {
        let keys = keys.into_iter().take(MOST_KEYS).filter_map(Key::of);
        Self {
            keys: keys.collect(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The key for a token: the one it names, or the only one there is for its algorithm.
    pub fn find(&self, header: &TokenHeader) -> Option<&DecodingKey> {
        let mut fitting = self.keys.iter().filter(|key| {
            key.algorithms.contains(&header.algorithm)
                && (header.key_id.is_none() || key.id == header.key_id)
        });
        let only = fitting.next()?;
        fitting.next().is_none().then_some(&only.verifier)
    }
}

impl Key {
    fn of(value: Value) -> Option<Self> {
        let stated = value.get("alg").and_then(Value::as_str).map(str::to_owned);
        let jwk: Jwk = serde_json::from_value(value).ok()?;
        let for_signatures = match &jwk.common.public_key_use {
            None => true,
            Some(purpose) => *purpose == PublicKeyUse::Signature,
        };
        let to_verify = match &jwk.common.key_operations {
            None => true,
            Some(operations) => operations.contains(&KeyOperations::Verify),
        };
        if !(for_signatures && to_verify) {
            return None;
        }
        let mut algorithms = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => RSA.to_vec(),
            AlgorithmParameters::EllipticCurve(curve) => match curve.curve {
                EllipticCurve::P256 => vec![Algorithm::ES256],
                EllipticCurve::P384 => vec![Algorithm::ES384],
                _ => Vec::new(),
            },
            AlgorithmParameters::OctetKeyPair(_) => vec![Algorithm::EdDSA],
            // A secret key in a public document verifies nothing.
            _ => Vec::new(),
        };
        if let Some(stated) = stated {
            algorithms.retain(|algorithm| stated.parse() == Ok(*algorithm));
        }
        if algorithms.is_empty() {
            return None;
        }
        Some(Self {
            verifier: DecodingKey::from_jwk(&jwk).ok()?,
            id: jwk.common.key_id,
            algorithms,
        })
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(header: &Value) -> String {
        format!("{}.e30.AA", URL_SAFE_NO_PAD.encode(header.to_string()))
    }

    #[test]
    fn only_listed_algorithms_and_kinds_are_read() {
        let good = json!({"alg": "RS256", "kid": "a", "typ": "at+JWT"});
        let read = TokenHeader::read(&token(&good));
        assert_eq!(read.map(|header| header.algorithm), Some(Algorithm::RS256));
        for bad in [
            json!({"alg": "none"}),
            json!({"alg": "HS256"}),
            json!({"alg": "HS512", "kid": "a"}),
            json!({"alg": "rs256"}),
            json!({"alg": "RS256", "crit": ["exp"]}),
            json!({"alg": "RS256", "typ": "logout+jwt"}),
            json!({"alg": "RS256", "kid": 5}),
            json!({"kid": "a"}),
            json!([]),
        ] {
            assert_eq!(TokenHeader::read(&token(&bad)), None, "{bad}");
        }
        let twice = URL_SAFE_NO_PAD.encode(r#"{"alg":"RS256","alg":"none"}"#);
        for bad in [
            String::new(),
            "a.b".to_owned(),
            "a.b.c.d".to_owned(),
            format!("{twice}.e30.AA"),
        ] {
            assert_eq!(TokenHeader::read(&bad), None, "{bad}");
        }
    }

    #[test]
    fn keys_that_are_not_for_signatures_are_left_out() {
        let n = URL_SAFE_NO_PAD.encode([0xff_u8; 256]);
        let rsa = |more: Value| {
            let mut key = json!({"kty": "RSA", "n": n, "e": "AQAB", "kid": "a"});
            for (name, value) in more.as_object().into_iter().flatten() {
                key[name] = value.clone();
            }
            key
        };
        let usable = |key: Value| !KeySet::of(vec![key]).is_empty();
        assert!(usable(rsa(json!({}))));
        assert!(usable(rsa(json!({"use": "sig", "alg": "PS256"}))));
        assert!(!usable(rsa(json!({"use": "enc"}))));
        assert!(!usable(rsa(json!({"key_ops": ["encrypt"]}))));
        assert!(!usable(rsa(json!({"alg": "RSA-OAEP"}))));
        assert!(!usable(rsa(json!({"alg": "HS256"}))));
        assert!(!usable(json!({"kty": "oct", "k": "AAAA", "kid": "a"})));
        assert!(!usable(json!({"kty": "new", "kid": "a"})));
        let header = |kid: Option<&str>, algorithm| TokenHeader {
            algorithm,
            key_id: kid.map(str::to_owned),
        };
        let two = KeySet::of(vec![rsa(json!({"alg": "RS256"})), rsa(json!({"kid": "b"}))]);
        assert!(two.find(&header(Some("a"), Algorithm::RS256)).is_some());
        assert!(two.find(&header(Some("a"), Algorithm::PS256)).is_none());
        assert!(two.find(&header(Some("c"), Algorithm::RS256)).is_none());
        assert!(two.find(&header(None, Algorithm::RS256)).is_none());
        assert!(two.find(&header(None, Algorithm::PS256)).is_some());
    }
}
