//! Two thousand random tamperings with the log of a used workspace, by somebody who owns the
//! database and switched the trigger off: the verifier notices each.

use std::time::Instant;

use anyhow::{Context, Result};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use store::audit::{self, AuditEntry, AuditFilter, AuditHead, Verification};
use store::keys::{AuditKey, MasterKey};
use uuid::Uuid;

use crate::security::installation::{Installation, member};

const ROUNDS: u32 = 2000;
const SEED: u64 = 0x5ec_0005;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    value: i64,
}

fn number(conn: &mut PgConnection, statement: &str) -> Result<i64> {
    Ok(diesel::sql_query(statement)
        .get_result::<Count>(conn)?
        .value)
}

/// A value for a column that differs from what stands there.
const EDITS: [&str; 20] = [
    "id = gen_random_uuid()",
    "action = action || '.x'",
    "action = upper(action)",
    "actor_user_id = gen_random_uuid()",
    "actor_user_id = CASE WHEN actor_user_id IS NULL THEN id END",
    "actor_token_id = gen_random_uuid()",
    "actor_token_id = CASE WHEN actor_token_id IS NULL THEN id END",
    "tenant_id = gen_random_uuid()",
    "tenant_id = CASE WHEN tenant_id IS NULL THEN id END",
    "operation_run_id = gen_random_uuid()",
    "request_id = coalesce(request_id, '') || 'x'",
    "request_id = CASE WHEN request_id IS NULL THEN '' END",
    "detail = detail || '{\"added\": null}'",
    "detail = jsonb_build_object('was', detail)",
    "detail = jsonb_build_array(detail)",
    "recorded_at = recorded_at + interval '1 microsecond'",
    "recorded_at = recorded_at - interval '1 day'",
    "mac = sha256(mac)",
    "previous_mac = sha256(previous_mac)",
    "mac = previous_mac, previous_mac = mac",
];

const COLUMNS: &str = "action, actor_user_id, actor_token_id, tenant_id, operation_run_id, \
                       request_id, detail, recorded_at";

struct Forger<'a> {
    random: StdRng,
    last: i64,
    home: Uuid,
    other: Uuid,
    wrong_key: &'a AuditKey,
    entry: AuditEntry,
}

impl Forger<'_> {
    /// Does one random thing; its description.
    fn act(&mut self, conn: &mut PgConnection) -> Result<String> {
        let at = self.random.random_range(1..=self.last);
        let other_at = (at + self.random.random_range(1..self.last) - 1) % self.last + 1;
        let (home, other, last) = (self.home, self.other, self.last);
        let here = format!("workspace_id = '{home}'");
        let row = |at: i64| format!("{here} AND sequence = {at}");
        let copy = |sequence: i64, from: i64| {
            format!(
                "INSERT INTO audit_logs SELECT gen_random_uuid(), workspace_id, {sequence}, {COLUMNS}, \
                 previous_mac, mac FROM audit_logs WHERE {}",
                row(from)
            )
        };
        let statement = match self.random.random_range(0..10) {
            0..=3 => {
                let edit = EDITS[self.random.random_range(0..EDITS.len())];
                format!("UPDATE audit_logs SET {edit} WHERE {}", row(at))
            }
            4 => format!("DELETE FROM audit_logs WHERE {}", row(at)),
            5 => format!(
                "UPDATE audit_logs SET sequence = 100000 WHERE {a}; \
                 UPDATE audit_logs SET sequence = {at} WHERE {b}; \
                 UPDATE audit_logs SET sequence = {other_at} WHERE {here} AND sequence = 100000",
                a = row(at),
                b = row(other_at)
            ),
            6 => {
                // Everything behind moves up and a copy takes the place.
                format!(
                    "UPDATE audit_logs SET sequence = sequence + 100001 WHERE {here} AND sequence >= {at}; \
                     UPDATE audit_logs SET sequence = sequence - 100000 WHERE {here} AND sequence > 100000; \
                     {}; UPDATE audit_heads SET sequence = {last} + 1 WHERE {here}",
                    copy(
                        at,
                        if other_at >= at {
                            other_at + 1
                        } else {
                            other_at
                        }
                    )
                )
            }
            7 => {
                // The tail goes, and the head says it was never there.
                let keep = at - 1;
                format!(
                    "DELETE FROM audit_logs WHERE {here} AND sequence > {keep}; \
                     UPDATE audit_heads SET sequence = {keep}, mac = coalesce((SELECT mac FROM audit_logs \
                     WHERE {}), sha256('x')) WHERE {here}",
                    row(keep)
                )
            }
            8 => format!(
                "DELETE FROM audit_logs WHERE {here} AND sequence > {at}; \
                 INSERT INTO audit_logs SELECT gen_random_uuid(), '{home}', {at} + sequence, {COLUMNS}, \
                 previous_mac, mac FROM audit_logs WHERE workspace_id = '{other}'; \
                 UPDATE audit_heads SET sequence = (SELECT max(sequence) FROM audit_logs WHERE {here}), \
                 mac = (SELECT mac FROM audit_logs WHERE {here} ORDER BY sequence DESC LIMIT 1) WHERE {here}"
            ),
            _ => {
                // Rewrites the tail with an entry of the right form under a key of the forger's own.
                conn.batch_execute(&format!(
                    "DELETE FROM audit_logs WHERE {here} AND sequence > {at}; \
                     UPDATE audit_heads SET sequence = {at}, mac = (SELECT mac FROM audit_logs WHERE {}) \
                     WHERE {here}",
                    row(at)
                ))?;
                for _ in at..last.max(at + 1) {
                    audit::append(conn, self.wrong_key, &self.entry)?;
                }
                return Ok(format!("rewritten from {at}"));
            }
        };
        conn.batch_execute(&statement)?;
        Ok(statement)
    }
}

fn verify(
    conn: &mut PgConnection,
    key: &AuditKey,
    id: Uuid,
    head: Option<&AuditHead>,
) -> Result<Verification> {
    Ok(audit::verify(conn, key, id, head)?)
}

/// A log that real calls wrote.
async fn used(installation: &Installation) -> Result<()> {
    let owner = &installation.owner;
    for number in 0..12 {
        let entra = Uuid::now_v7().to_string();
        owner
            .add_tenant(&format!("Tenant {number}"), &entra)
            .await?;
    }
    for (number, role) in ["readonly", "operator", "manager", "owner"]
        .iter()
        .enumerate()
    {
        member(owner, &format!("member{number}"), role, None).await?;
        member(
            &installation.stranger,
            &format!("stranger{number}"),
            role,
            None,
        )
        .await?;
    }
    let control = json!({"state": "paused", "reason": "tampering"});
    owner
        .put("/operational-controls/inventory.sync", &control)
        .await?
        .expect(200)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_tamperings_are_all_noticed() -> Result<()> {
    let installation = Installation::start("info", |_| Ok(())).await?;
    used(&installation).await?;
    let url = installation.database.url().to_owned();
    let key = MasterKey::from_base64(&installation.master_key)?.audit_key();
    let home: Uuid = installation.owner.workspace.parse()?;
    let other: Uuid = installation.stranger.workspace.parse()?;
    tokio::task::spawn_blocking(move || campaign(&url, &key, home, other)).await?
}

fn campaign(url: &str, key: &AuditKey, home: Uuid, other: Uuid) -> Result<()> {
    let mut conn = PgConnection::establish(url)?;
    let exported = audit::find_head(&mut conn, home)?.context("a head")?;
    let whole = |found: &Verification| matches!(found, Verification::Whole { .. });
    let before = verify(&mut conn, key, home, Some(&exported))?;
    assert!(whole(&before), "{before:?}");

    // Nobody changes the log by the ordinary rights, not even its owner by mistake.
    for statement in [
        "UPDATE audit_logs SET action = 'x'",
        "DELETE FROM audit_logs",
        "TRUNCATE audit_logs",
        "TRUNCATE audit_logs CASCADE",
        "TRUNCATE workspaces CASCADE",
        "DELETE FROM workspaces",
    ] {
        assert!(
            conn.batch_execute(statement).is_err(),
            "{statement} was let through"
        );
    }

    let wrong_key = MasterKey::generate().audit_key();
    let newest = audit::list(&mut conn, home, &AuditFilter::default(), 1)?;
    let when = newest.items.first().context("an entry")?.recorded_at;
    let mut forger = Forger {
        entry: AuditEntry::new(home, "member.added", when),
        random: StdRng::seed_from_u64(SEED),
        last: exported.sequence,
        home,
        other,
        wrong_key: &wrong_key,
    };
    let started = Instant::now();
    let mut missed = Vec::new();
    conn.batch_execute(
        "BEGIN; ALTER TABLE audit_logs DISABLE TRIGGER USER; \
         ALTER TABLE audit_heads DISABLE TRIGGER USER",
    )?;
    for round in 0..ROUNDS {
        conn.batch_execute("SAVEPOINT untouched")?;
        let what = forger.act(&mut conn)?;
        let found = verify(&mut conn, key, home, Some(&exported))?;
        if whole(&found) {
            missed.push(format!("round {round} of seed {SEED:#x}: {what}"));
        }
        conn.batch_execute("ROLLBACK TO SAVEPOINT untouched; RELEASE SAVEPOINT untouched")?;
    }
    conn.batch_execute("ROLLBACK")?;
    eprintln!(
        "audit: {ROUNDS} tamperings with {} entries, {} missed, {:.1} s",
        exported.sequence,
        missed.len(),
        started.elapsed().as_secs_f64()
    );
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert_eq!(verify(&mut conn, key, home, Some(&exported))?, before);
    let rows = number(&mut conn, "SELECT count(*) AS value FROM audit_logs")?;
    assert!(rows > exported.sequence, "both workspaces keep a log");
    Ok(())
}
