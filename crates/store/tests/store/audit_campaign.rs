//! Random tampering with the audit chain, judged by the verifier alone, and its cost at length.
//! The long forms run by hand: `cargo test -p store -- --ignored audit_campaign`.

use std::time::Instant;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use store::audit::{self, Verification};
use store::db;

use crate::audit::{entry, fill, tamper, verify};
use crate::support::{Fixture, execute};

const ENTRIES: i64 = 40;

/// One random change that leaves the chain different from what it was.
fn random_change(random: &mut StdRng) -> String {
    let at = random.random_range(1..=ENTRIES);
    let other = (at + random.random_range(1..ENTRIES) - 1) % ENTRIES + 1;
    let number: u32 = random.random();
    match random.random_range(0..9) {
        0 => format!("DELETE FROM audit_logs WHERE sequence = {at}"),
        // The tail from here on.
        1 => format!("DELETE FROM audit_logs WHERE sequence >= {at}"),
        // The tail, and the head moved to match.
        2 => format!(
            "WITH cut AS (DELETE FROM audit_logs WHERE sequence > {at} - 1 RETURNING sequence) \
             UPDATE audit_heads SET sequence = {at} - 1, mac = coalesce((SELECT mac FROM audit_logs \
             WHERE sequence = {at} - 1), mac)"
        ),
        3 => format!(
            "UPDATE audit_logs a SET action = b.action, detail = b.detail, id = gen_random_uuid(), \
             recorded_at = b.recorded_at, request_id = b.request_id \
             FROM audit_logs b WHERE a.sequence = {at} AND b.sequence = {other}"
        ),
        4 => format!(
            "INSERT INTO audit_logs SELECT gen_random_uuid(), workspace_id, {ENTRIES} + 1 + {number} % 9, \
             action, actor_user_id, actor_token_id, tenant_id, operation_run_id, request_id, detail, \
             recorded_at, previous_mac, mac FROM audit_logs WHERE sequence = {at}"
        ),
        5 => format!("UPDATE audit_logs SET mac = sha256('{number}'::bytea) WHERE sequence = {at}"),
        6 => format!(
            "UPDATE audit_logs SET detail = detail || '{{\"number\": {number}.5}}' \
             WHERE sequence = {at}"
        ),
        7 => format!(
            "UPDATE audit_logs SET recorded_at = recorded_at + {number} % 999 * interval '1 second' \
             + interval '1 microsecond' WHERE sequence = {at}"
        ),
        _ => {
            format!("UPDATE audit_logs SET actor_user_id = gen_random_uuid() WHERE sequence = {at}")
        }
    }
}

fn campaign(rounds: u32) {
    let mut fixture = Fixture::new();
    let exported = fill(&mut fixture, usize::try_from(ENTRIES).unwrap());
    let mut random = StdRng::seed_from_u64(20_261_123);
    for round in 0..rounds {
        let change = random_change(&mut random);
        execute(&mut fixture.conn, "BEGIN");
        tamper(&mut fixture.conn, &change);
        let found = verify(&mut fixture, Some(&exported));
        assert!(
            matches!(found, Verification::Broken { .. }),
            "round {round}: {change} went unnoticed"
        );
        execute(&mut fixture.conn, "ROLLBACK");
    }
    println!("audit tampering: {rounds} rounds, {rounds} detected");
    assert!(matches!(
        verify(&mut fixture, Some(&exported)),
        Verification::Whole { .. }
    ));
}

#[test]
fn random_tampering_is_detected() {
    campaign(150);
}

#[test]
#[ignore = "long"]
fn two_thousand_random_tamperings_are_detected() {
    campaign(2000);
}

fn length(entries: usize) {
    let mut fixture = Fixture::new();
    let key = fixture.key.clone();
    let entry = entry(&fixture, 1);
    let begun = Instant::now();
    for _ in 0..entries / 500 {
        db::transaction(&mut fixture.conn, |conn| {
            for _ in 0..500 {
                audit::append(conn, &key, &entry)?;
            }
            Ok::<_, store::StoreError>(())
        })
        .unwrap();
    }
    let written = begun.elapsed();
    let begun = Instant::now();
    let found = verify(&mut fixture, None);
    println!(
        "audit chain of {entries}: appended in {written:?}, verified in {:?}",
        begun.elapsed()
    );
    assert!(matches!(found, Verification::Whole { entries: n, .. } if n == entries as u64));
}

#[test]
fn a_chain_longer_than_one_batch_is_verified_whole() {
    length(9000);
}

#[test]
#[ignore = "long"]
fn a_hundred_thousand_entries_are_verified_in_seconds() {
    length(100_000);
}
