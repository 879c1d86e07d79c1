//! The body of a write with its secrets in place: goes out, is never shown, is wiped when dropped.

use std::fmt;

use bytes::Bytes;
use serde_json::Value;
use zeroize::Zeroizing;

/// A JSON body that holds plain secrets. What is put on record of the call (its hash, for one) is of
/// the body with markers in their place.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretBody(Bytes);

impl SecretBody {
    /// Takes the filled body.
    pub fn new(filled: &Value) -> Self {
        let text = Zeroizing::new(filled.to_string().into_bytes());
        Self(Bytes::from_owner(text))
    }

    pub(crate) fn bytes(&self) -> Bytes {
        self.0.clone()
    }
}

impl fmt::Debug for SecretBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretBody(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_carries_the_text_and_shows_nothing() {
        let body = SecretBody::new(&serde_json::json!({"value": "geheim"}));
        assert_eq!(body.bytes().as_ref(), br#"{"value":"geheim"}"#);
        assert_eq!(format!("{body:?}"), "SecretBody(..)");
    }
}
