//! The chain: whole when nobody touched it, broken by every change.

use chrono::Utc;
use diesel::prelude::*;
use serde_json::json;
use store::audit::{self, AuditEntry, AuditFilter, AuditHead, Broken, ChainKeys, Verification};
use store::keys::MasterKey;
use store::{PgConnection, StoreError, db};
use uuid::Uuid;

use crate::support::{Fixture, count, execute, new_workspace};

pub fn entry(fixture: &Fixture, number: usize) -> AuditEntry {
    AuditEntry {
        actor_user_id: Some(fixture.owner),
        actor_token_id: Some(Uuid::now_v7()),
        tenant_id: Some(fixture.target),
        operation_run_id: Some(Uuid::now_v7()),
        request_id: Some(format!("request {number}\0")),
        detail: json!({
            "number": number, "float": 1e3, "tiny": 5e-324, "large": u64::MAX, "minus": -0.0,
            "huge": 1.5e300, "text": "ü\u{0}", "nested": {"b": [1, null, true], "a": {}}
        }),
        ..AuditEntry::new(fixture.workspace, "promotion.execute.queued", Utc::now())
    }
}

pub fn fill(fixture: &mut Fixture, entries: usize) -> AuditHead {
    let mut head = None;
    for number in 0..entries {
        let entry = entry(fixture, number);
        head = Some(audit::append(&mut fixture.conn, &fixture.key, &entry).unwrap());
    }
    head.unwrap()
}

pub fn verify(fixture: &mut Fixture, expected: Option<&AuditHead>) -> Verification {
    audit::verify(&mut fixture.conn, &fixture.key, fixture.workspace, expected).unwrap()
}

/// What only somebody with the rights of the table's owner can do.
pub fn tamper(conn: &mut PgConnection, statement: &str) {
    for table in ["audit_logs", "audit_heads"] {
        execute(conn, &format!("ALTER TABLE {table} DISABLE TRIGGER USER"));
    }
    assert!(execute(conn, statement) > 0, "{statement} changed nothing");
    for table in ["audit_logs", "audit_heads"] {
        execute(conn, &format!("ALTER TABLE {table} ENABLE TRIGGER USER"));
    }
}

#[test]
fn an_untouched_chain_is_whole() {
    let mut fixture = Fixture::new();
    assert_eq!(
        verify(&mut fixture, None),
        Verification::Whole {
            entries: 0,
            head: None
        }
    );
    let early = fill(&mut fixture, 3);
    let head = fill(&mut fixture, 4);
    assert_eq!(
        verify(&mut fixture, Some(&early)),
        Verification::Whole {
            entries: 7,
            head: Some(head)
        }
    );
    fixture.key = MasterKey::generate().audit_key();
    assert!(matches!(
        verify(&mut fixture, None),
        Verification::Broken { sequence: 1, .. }
    ));
}

#[test]
fn a_change_of_any_column_shows() {
    let mut fixture = Fixture::new();
    let changes = [
        "id = gen_random_uuid()",
        "action = 'promotion.execute.denied'",
        "actor_user_id = gen_random_uuid()",
        "actor_user_id = NULL",
        "actor_token_id = NULL",
        "tenant_id = NULL, operation_run_id = tenant_id",
        "operation_run_id = gen_random_uuid()",
        "request_id = request_id || 'x'",
        "request_id = NULL",
        "detail = detail || '{\"number\": 8}'",
        "detail = detail - 'tiny'",
        "detail = jsonb_set(detail, '{nested,b,1}', '\"null\"')",
        "detail = jsonb_set(detail, '{float}', '1001')",
        "recorded_at = recorded_at + interval '1 microsecond'",
        "previous_mac = sha256('x')",
        "mac = sha256('x')",
    ];
    fill(&mut fixture, 9);
    for change in changes {
        execute(&mut fixture.conn, "BEGIN");
        tamper(
            &mut fixture.conn,
            &format!("UPDATE audit_logs SET {change} WHERE sequence = 5"),
        );
        let found = verify(&mut fixture, None);
        assert!(
            matches!(
                found,
                Verification::Broken {
                    sequence: 5 | 6,
                    ..
                }
            ),
            "{change}: {found:?}"
        );
        execute(&mut fixture.conn, "ROLLBACK");
    }
    assert!(matches!(
        verify(&mut fixture, None),
        Verification::Whole { entries: 9, .. }
    ));
}

#[test]
fn removing_swapping_inserting_and_moving_show() {
    let mut fixture = Fixture::new();
    let other = new_workspace(&mut fixture.conn, "Other");
    fill(&mut fixture, 9);
    let copy = "INSERT INTO audit_logs SELECT gen_random_uuid(), workspace_id, SEQ, action, \
                actor_user_id, actor_token_id, tenant_id, operation_run_id, request_id, detail, \
                recorded_at, previous_mac, mac FROM audit_logs WHERE sequence = 9";
    let changes = [
        "DELETE FROM audit_logs WHERE sequence = 1".to_owned(),
        "DELETE FROM audit_logs WHERE sequence = 5".to_owned(),
        "DELETE FROM audit_logs WHERE sequence = 9".to_owned(),
        "DELETE FROM audit_logs".to_owned(),
        "DELETE FROM audit_heads".to_owned(),
        "UPDATE audit_heads SET sequence = 8".to_owned(),
        copy.replace("SEQ", "10"),
        copy.replace("SEQ", "100"),
        // Swap the contents of two entries.
        "UPDATE audit_logs a SET action = 'x', detail = b.detail, id = gen_random_uuid() \
         FROM audit_logs b WHERE a.sequence + b.sequence = 7 AND a.sequence IN (3, 4)"
            .to_owned(),
        // Swap their places.
        "UPDATE audit_logs SET sequence = sequence + 1000 WHERE sequence IN (3, 4)".to_owned(),
        format!("UPDATE audit_logs SET workspace_id = '{other}' WHERE sequence = 9"),
    ];
    for change in changes {
        execute(&mut fixture.conn, "BEGIN");
        tamper(&mut fixture.conn, &change);
        let found = verify(&mut fixture, None);
        assert!(
            matches!(found, Verification::Broken { .. }),
            "{change}: {found:?}"
        );
        execute(&mut fixture.conn, "ROLLBACK");
    }
}

#[test]
fn a_tail_cut_off_with_its_head_shows_against_the_exported_head() {
    let mut fixture = Fixture::new();
    fill(&mut fixture, 5);
    let exported = fill(&mut fixture, 3);
    tamper(
        &mut fixture.conn,
        "DELETE FROM audit_logs WHERE sequence > 5",
    );
    tamper(
        &mut fixture.conn,
        "UPDATE audit_heads h SET sequence = l.sequence, mac = l.mac FROM audit_logs l \
         WHERE l.sequence = 5",
    );
    // Nothing inside the database can tell.
    assert!(matches!(
        verify(&mut fixture, None),
        Verification::Whole { entries: 5, .. }
    ));
    assert!(matches!(
        verify(&mut fixture, Some(&exported)),
        Verification::Broken {
            why: Broken::ExpectedHead,
            ..
        }
    ));
}

#[test]
fn the_log_refuses_update_delete_and_truncate() {
    let mut fixture = Fixture::new();
    fill(&mut fixture, 1);
    for statement in [
        "UPDATE audit_logs SET action = 'x'",
        "DELETE FROM audit_logs",
        "TRUNCATE audit_logs",
        "DELETE FROM workspaces",
    ] {
        let refused = diesel::sql_query(statement).execute(&mut fixture.conn);
        assert!(refused.is_err(), "{statement}");
    }
    assert_eq!(count(&mut fixture.conn, "audit_logs"), 1);
}

#[test]
fn concurrent_writers_form_one_chain_and_a_rollback_leaves_no_gap() {
    let mut fixture = Fixture::new();
    std::thread::scope(|scope| {
        for worker in 0..6 {
            let mut conn = fixture.connect();
            let key = fixture.key.clone();
            let entries: Vec<AuditEntry> = (0..20).map(|n| entry(&fixture, n)).collect();
            scope.spawn(move || {
                for (number, entry) in entries.iter().enumerate() {
                    let kept = db::transaction(&mut conn, |conn| {
                        audit::append(conn, &key, entry)?;
                        if (number + worker) % 5 == 0 {
                            return Err(StoreError::LastOwner);
                        }
                        Ok(())
                    });
                    drop(kept);
                }
            });
        }
    });
    assert!(matches!(
        verify(&mut fixture, None),
        Verification::Whole { entries: 96, .. }
    ));
}

#[test]
fn lists_are_filtered_and_newest_first_and_exports_whole() {
    let mut fixture = Fixture::new();
    fill(&mut fixture, 5);
    let other = AuditEntry::new(fixture.workspace, "member.added", Utc::now());
    audit::append(&mut fixture.conn, &fixture.key, &other).unwrap();
    let (ws, conn) = (fixture.workspace, &mut fixture.conn);
    let all = audit::list(conn, ws, &AuditFilter::default(), 4).unwrap();
    let sequences: Vec<i64> = all.items.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, [6, 5, 4, 3]);
    assert!(all.has_more);
    let filter = AuditFilter {
        action: Some("promotion.execute.queued".to_owned()),
        tenant_id: Some(fixture.target),
        actor_user_id: Some(fixture.owner),
        before: Some(4),
        operation_run_id: None,
    };
    let rest = audit::list(conn, ws, &filter, 50).unwrap();
    assert_eq!(rest.items.len(), 3);
    let mut exported = Vec::new();
    audit::export(conn, ws, |row| {
        exported.push(row.sequence);
        Ok::<_, StoreError>(())
    })
    .unwrap();
    assert_eq!(exported, [1, 2, 3, 4, 5, 6]);
}

#[test]
fn a_chain_that_spans_keys_is_verified_in_one_go_and_no_key_comes_back() {
    let mut fixture = Fixture::new();
    let keys: Vec<_> = (0..3).map(|_| MasterKey::generate().audit_key()).collect();
    let mut exported = None;
    for (key, entries) in keys.iter().zip([3, 4, 2]) {
        fixture.key = key.clone();
        let head = fill(&mut fixture, entries);
        exported.get_or_insert(head);
    }
    let in_turn = |order: &[usize]| {
        let mut of: Vec<_> = order.iter().map(|place| keys[*place].clone()).collect();
        let current = of.pop().unwrap();
        ChainKeys::in_turn(of, current)
    };
    let ws = fixture.workspace;
    let conn = &mut fixture.conn;
    let whole = audit::verify_with_keys(conn, &in_turn(&[0, 1, 2]), ws, exported.as_ref()).unwrap();
    assert!(
        matches!(whole.verification, Verification::Whole { entries: 9, .. }),
        "{whole:?}"
    );
    assert_eq!(whole.changes, [4, 8]);
    // Keys that are missing or in the wrong order: the first entry they do not explain is named.
    for (order, sequence, why) in [
        (vec![0, 1], 8, Broken::Content),
        (vec![0, 2], 4, Broken::Content),
        (vec![1, 2], 1, Broken::Link),
        (vec![1, 0, 2], 4, Broken::EarlierKey),
    ] {
        let found = audit::verify_with_keys(conn, &in_turn(&order), ws, None).unwrap();
        assert_eq!(
            found.verification,
            Verification::Broken { sequence, why },
            "{order:?}"
        );
    }
    // Somebody appends with a key that was retired.
    fixture.key = keys[1].clone();
    fill(&mut fixture, 1);
    let conn = &mut fixture.conn;
    let found = audit::verify_with_keys(conn, &in_turn(&[0, 1, 2]), ws, None).unwrap();
    assert_eq!(
        found.verification,
        Verification::Broken {
            sequence: 10,
            why: Broken::EarlierKey
        }
    );
    // A process that was restarted late is let pass within its bound, and only there.
    let late = in_turn(&[0, 1, 2]).with_overlap(2);
    let found = audit::verify_with_keys(conn, &late, ws, None).unwrap();
    assert!(matches!(
        found.verification,
        Verification::Whole { entries: 10, .. }
    ));
    let found =
        audit::verify_with_keys(conn, &in_turn(&[0, 1, 2]).with_overlap(1), ws, None).unwrap();
    assert!(matches!(
        found.verification,
        Verification::Broken { sequence: 10, .. }
    ));
}

#[test]
fn a_chain_that_began_under_the_new_key_needs_no_old_one() {
    let mut fixture = Fixture::new();
    fill(&mut fixture, 3);
    let keys = ChainKeys::in_turn(vec![MasterKey::generate().audit_key()], fixture.key.clone());
    let (ws, conn) = (fixture.workspace, &mut fixture.conn);
    let found = audit::verify_with_keys(conn, &keys, ws, None).unwrap();
    assert!(matches!(
        found.verification,
        Verification::Whole { entries: 3, .. }
    ));
    assert!(found.changes.is_empty());
}

#[test]
fn not_even_the_owner_of_the_tables_may_change_the_log() {
    let mut fixture = Fixture::new();
    fill(&mut fixture, 1);
    // An account that owns the tables and is no superuser, as services have.
    let role = format!("owner_{}", Uuid::new_v4().simple());
    execute(&mut fixture.conn, &format!("CREATE ROLE {role}"));
    for table in ["audit_logs", "audit_heads"] {
        execute(
            &mut fixture.conn,
            &format!("ALTER TABLE {table} OWNER TO {role}"),
        );
    }
    execute(&mut fixture.conn, &format!("SET ROLE {role}"));
    for statement in [
        "UPDATE audit_logs SET action = 'x'",
        "DELETE FROM audit_logs",
        "TRUNCATE audit_logs",
        "DELETE FROM audit_heads",
        "TRUNCATE audit_heads",
    ] {
        let refused = diesel::sql_query(statement).execute(&mut fixture.conn);
        let message = refused.unwrap_err().to_string();
        assert!(
            message.contains("permission denied"),
            "{statement}: {message}"
        );
    }
    let appended = entry(&fixture, 2);
    execute(&mut fixture.conn, "RESET ROLE");
    audit::append(&mut fixture.conn, &fixture.key, &appended).unwrap();
    execute(
        &mut fixture.conn,
        "ALTER TABLE audit_logs OWNER TO CURRENT_USER",
    );
    execute(
        &mut fixture.conn,
        "ALTER TABLE audit_heads OWNER TO CURRENT_USER",
    );
    execute(&mut fixture.conn, &format!("DROP ROLE {role}"));
}
