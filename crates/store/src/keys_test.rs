//! Keys: sealed, opened, derived, and never shown.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use super::*;

fn master(byte: u8) -> MasterKey {
    MasterKey::from_base64(&STANDARD.encode([byte; 32])).unwrap()
}

#[test]
fn a_master_key_is_exactly_32_bytes() {
    for length in [0, 16, 31, 33, 64] {
        let text = STANDARD.encode(vec![7; length]);
        assert_eq!(
            MasterKey::from_base64(&text).unwrap_err(),
            KeyError::Malformed
        );
    }
    assert_eq!(
        MasterKey::from_base64("not base64!").unwrap_err(),
        KeyError::Malformed
    );
    let key = MasterKey::generate();
    let again = MasterKey::from_base64(&key.to_base64()).unwrap();
    assert_eq!(key.sealing_key().id(), again.sealing_key().id());
}

#[test]
fn what_the_sealing_half_seals_only_the_opening_half_of_the_same_pair_opens() {
    let tenant = Uuid::from_u128(1);
    let sealing = SealingKey::from_base64(&master(1).sealing_key().to_base64()).unwrap();
    let sealed = sealing.seal(tenant, "credential", b"secret").unwrap();
    assert_eq!(sealed.key_id, master(1).opening_key().id());
    let opened = master(1)
        .opening_key()
        .open(tenant, "credential", &sealed)
        .unwrap();
    assert_eq!(opened.as_slice(), b"secret");
    assert_eq!(
        master(2)
            .opening_key()
            .open(tenant, "credential", &sealed)
            .unwrap_err(),
        KeyError::UnknownKey
    );
}

#[test]
fn a_value_moved_or_altered_does_not_open() {
    let tenant = Uuid::from_u128(1);
    let opening = master(1).opening_key();
    let sealed = master(1)
        .sealing_key()
        .seal(tenant, "credential", b"secret")
        .unwrap();
    let other = Uuid::from_u128(2);
    assert!(opening.open(other, "credential", &sealed).is_err());
    assert!(opening.open(tenant, "other", &sealed).is_err());
    for position in 0..sealed.bytes.len() {
        let mut altered = sealed.clone();
        *altered.bytes.get_mut(position).unwrap() ^= 1;
        assert!(opening.open(tenant, "credential", &altered).is_err());
        let mut cut = sealed.clone();
        cut.bytes.truncate(position);
        assert!(opening.open(tenant, "credential", &cut).is_err());
    }
}

#[test]
fn every_sealing_is_fresh() {
    let key = master(1).sealing_key();
    let tenant = Uuid::from_u128(1);
    let first = key.seal(tenant, "credential", b"secret").unwrap();
    let second = key.seal(tenant, "credential", b"secret").unwrap();
    assert_ne!(first.bytes, second.bytes);
}

#[test]
fn rows_of_two_key_generations_open_side_by_side() {
    let tenant = Uuid::from_u128(1);
    let keys = OpeningKeys::new(vec![master(2).opening_key(), master(1).opening_key()]);
    for generation in [1, 2] {
        let sealed = master(generation)
            .sealing_key()
            .seal(tenant, "credential", &[generation])
            .unwrap();
        assert_eq!(
            keys.open(tenant, "credential", &sealed).unwrap().as_slice(),
            [generation]
        );
    }
}

#[test]
fn derived_keys_differ_and_debug_shows_none() {
    let key = master(3);
    assert_ne!(key.audit_key().bytes(), key.fingerprint_key().bytes());
    assert_ne!(key.fingerprint_key().id(), master(4).fingerprint_key().id());
    let shown = format!("{key:?} {:?} {:?}", key.audit_key(), key.fingerprint_key());
    assert!(shown.starts_with("MasterKey(..) AuditKey(..) FingerprintKey("));
    let text = key.to_base64();
    assert!(!shown.contains(text.as_str()));
}
