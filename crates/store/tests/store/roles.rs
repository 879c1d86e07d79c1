//! The database roles, attacked by SQL as somebody who has the account of the API (and its audit key):
//! nothing that stands in the log changes, no credential is read, nobody becomes more than they are.

use std::collections::BTreeSet;

use chrono::Utc;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
use store::audit::{self, AuditEntry, Verification};
use store::connections::{self, CREDENTIAL_COLUMN, NewConnection};
use store::dev_cluster::{DevCluster, TestDatabase};
use store::keys::MasterKey;
use store::roles::{self, Passwords};
use store::{PgConnection, migrate, tokens};
use uuid::Uuid;

use crate::support::{Fixture, count, execute};

fn refusal(conn: &mut PgConnection, statement: &str) -> String {
    let done = conn.batch_execute(statement);
    let _ = conn.batch_execute("ROLLBACK");
    match done {
        Ok(()) => panic!("went through: {statement}"),
        Err(error) => error.to_string(),
    }
}

fn entries(fixture: &mut Fixture, number: usize) {
    for _ in 0..number {
        let entry = AuditEntry::new(fixture.workspace, "member.added", Utc::now());
        audit::append(&mut fixture.conn, &fixture.key, &entry).unwrap();
    }
}

fn with_credential(fixture: &mut Fixture) -> NewConnection {
    let sealed = MasterKey::generate()
        .sealing_key()
        .seal(fixture.target, CREDENTIAL_COLUMN, b"canary-secret")
        .unwrap();
    NewConnection {
        tenant_id: fixture.target,
        workspace_id: fixture.workspace,
        cloud: "global".to_owned(),
        client_id: Uuid::now_v7(),
        credential_kind: "client_secret".to_owned(),
        credential: sealed,
        credential_expires_at: None,
    }
}

#[test]
fn the_account_of_the_api_appends_to_the_log_and_changes_nothing_of_it() {
    let mut fixture = Fixture::new();
    entries(&mut fixture, 9);
    let (ws, key) = (fixture.workspace, fixture.key.clone());
    let mut api = store::db::establish(&fixture.database.api_url()).unwrap();
    let mut worker = store::db::establish(&fixture.database.worker_url()).unwrap();
    for conn in [&mut api, &mut worker] {
        for statement in [
            "UPDATE audit_logs SET action = 'x'",
            "UPDATE audit_logs SET detail = '{}' WHERE sequence = 5",
            "DELETE FROM audit_logs WHERE sequence = 9",
            "TRUNCATE audit_logs",
            "TRUNCATE audit_logs, audit_heads",
            "DELETE FROM audit_heads",
            "UPDATE audit_heads SET workspace_id = gen_random_uuid()",
            // The head goes nowhere but one true entry on.
            "UPDATE audit_heads SET sequence = 8",
            "UPDATE audit_heads SET sequence = 5, mac = (SELECT mac FROM audit_logs WHERE sequence = 5)",
            "UPDATE audit_heads SET sequence = 10",
            "UPDATE audit_heads SET mac = sha256('x')",
            "UPDATE audit_heads SET sequence = sequence",
            "INSERT INTO audit_heads SELECT gen_random_uuid(), 3, mac FROM audit_heads",
            // An entry stands where the head points, or nowhere.
            "INSERT INTO audit_logs SELECT gen_random_uuid(), workspace_id, 100, action, actor_user_id, \
             actor_token_id, tenant_id, operation_run_id, request_id, detail, recorded_at, mac, mac \
             FROM audit_logs WHERE sequence = 9",
            "INSERT INTO audit_logs SELECT gen_random_uuid(), workspace_id, 10, action, actor_user_id, \
             actor_token_id, tenant_id, operation_run_id, request_id, detail, recorded_at, \
             previous_mac, mac FROM audit_logs WHERE sequence = 9",
            // Around the triggers.
            "SET session_replication_role = replica",
            "ALTER TABLE audit_logs DISABLE TRIGGER ALL",
            "ALTER TABLE audit_heads DISABLE TRIGGER USER",
            "DROP TRIGGER audit_logs_append_only ON audit_logs",
            "CREATE OR REPLACE FUNCTION audit_heads_follow_the_log() RETURNS trigger \
             LANGUAGE sql AS 'SELECT NULL'",
            "CREATE TEMP TABLE audit_logs (workspace_id uuid, sequence bigint, mac bytea, previous_mac bytea)",
            "CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "ALTER TABLE audit_logs OWNER TO CURRENT_USER",
            "DELETE FROM workspaces",
            "DROP TABLE audit_logs",
        ] {
            refusal(conn, statement);
        }
        // What it is there for goes on working, and is all that came of it.
        let entry = AuditEntry::new(ws, "promotion.execute.queued", Utc::now());
        audit::append(conn, &key, &entry).unwrap();
    }
    let found = audit::verify(&mut fixture.conn, &key, ws, None).unwrap();
    assert!(
        matches!(found, Verification::Whole { entries: 11, .. }),
        "{found:?}"
    );
}

#[test]
fn the_account_of_the_api_reads_no_credential() {
    let mut fixture = Fixture::new();
    let new = with_credential(&mut fixture);
    let mut api = store::db::establish(&fixture.database.api_url()).unwrap();
    // Setting, seeing and replacing one works under it.
    connections::put_connection(&mut api, &new).unwrap();
    connections::put_connection(&mut api, &new).unwrap();
    let (ws, tenant) = (fixture.workspace, fixture.target);
    assert!(
        connections::find_connection(&mut api, ws, tenant)
            .unwrap()
            .is_some()
    );
    for statement in [
        "SELECT sealed_credential FROM provider_connections",
        "SELECT * FROM provider_connections",
        "SELECT provider_connections::text FROM provider_connections",
        "SELECT row_to_json(c) FROM provider_connections c",
        "SELECT length(sealed_credential) FROM provider_connections",
        "SELECT 1 FROM provider_connections WHERE sealed_credential > ''::bytea",
        "UPDATE provider_connections SET health = 'unknown' RETURNING sealed_credential",
        "UPDATE provider_connections SET health_message = encode(sealed_credential, 'hex')",
        "UPDATE provider_connections SET sealed_credential = sealed_credential || 'x'::bytea",
        "DELETE FROM provider_connections RETURNING sealed_credential",
        "COPY provider_connections TO STDOUT",
        "COPY provider_connections (sealed_credential) TO STDOUT",
        "CREATE VIEW mine AS SELECT * FROM provider_connections",
        "SELECT * FROM pg_statistic",
        "SELECT pg_read_file('PG_VERSION')",
        "SELECT lo_import('/etc/passwd')",
    ] {
        let said = refusal(&mut api, statement);
        assert!(said.contains("permission denied"), "{statement}: {said}");
    }
    // A worker reads it, and no hash of a token.
    let mut worker = store::db::establish(&fixture.database.worker_url()).unwrap();
    connections::load_sealed_credential(&mut worker, tenant).unwrap();
    refusal(&mut worker, "SELECT token_hash FROM api_tokens");
    assert!(
        tokens::find_usable_token(&mut worker, Uuid::now_v7())
            .unwrap()
            .is_none()
    );
    refusal(
        &mut worker,
        "UPDATE workspace_memberships SET role = 'owner'",
    );
    refusal(
        &mut worker,
        "UPDATE managed_tenants SET entra_tenant_id = gen_random_uuid()",
    );
    refusal(
        &mut worker,
        "UPDATE provider_connections SET client_id = gen_random_uuid()",
    );
}

#[test]
fn no_account_becomes_more_than_it_is() {
    let fixture = Fixture::new();
    for url in [fixture.database.api_url(), fixture.database.worker_url()] {
        let mut conn = store::db::establish(&url).unwrap();
        for statement in [
            "SET ROLE postgres",
            "SET ROLE promotion_owner",
            "SET SESSION AUTHORIZATION postgres",
            "ALTER ROLE CURRENT_USER SUPERUSER",
            "ALTER ROLE CURRENT_USER CREATEROLE",
            "ALTER ROLE promotion_owner PASSWORD 'x'",
            "GRANT promotion_owner TO CURRENT_USER",
            "GRANT pg_execute_server_program TO CURRENT_USER",
            "CREATE ROLE mine SUPERUSER",
            "CREATE DATABASE mine",
            "CREATE SCHEMA mine",
            "CREATE TABLE mine (x int)",
            "CREATE TABLE apalis.mine (x int)",
            "CREATE EXTENSION dblink",
            "COPY (SELECT 1) TO PROGRAM 'true'",
            "LOAD 'auto_explain'",
            "ALTER SYSTEM SET log_statement = 'none'",
            "ALTER FUNCTION apalis.notify_new_jobs() SECURITY DEFINER",
            "SELECT * FROM pg_authid",
        ] {
            refusal(&mut conn, statement);
        }
    }
    let mut api = store::db::establish(&fixture.database.api_url()).unwrap();
    for table in ["policies", "policy_versions", "tenant_references"] {
        refusal(&mut api, &format!("INSERT INTO {table} DEFAULT VALUES"));
        refusal(
            &mut api,
            &format!("UPDATE {table} SET tenant_id = gen_random_uuid()"),
        );
    }
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[test]
fn every_table_has_its_rights_written_down() {
    let mut fixture = Fixture::new();
    let there: Vec<Name> = diesel::sql_query(
        "SELECT schemaname || '.' || tablename AS name FROM pg_tables \
         WHERE schemaname IN ('public', 'apalis', 'apalis_diesel_postgres')",
    )
    .load(&mut fixture.conn)
    .unwrap();
    let there: BTreeSet<&str> = there.iter().map(|row| row.name.as_str()).collect();
    let known: BTreeSet<&str> = roles::known_tables().into_iter().collect();
    assert_eq!(there, known, "crates/store/src/roles.rs");
    let unowned = "pg_tables WHERE schemaname IN ('public', 'apalis', 'apalis_diesel_postgres') \
                   AND tableowner <> 'promotion_owner'";
    assert_eq!(count(&mut fixture.conn, unowned), 0);
}

/// On a server of its own: it changes the roles, which all databases of a server share.
#[test]
fn the_roles_are_made_once_kept_in_order_and_the_owner_migrates_alone() {
    let server = DevCluster::start().unwrap();
    let admin = server.url();
    // A role that somebody made too strong before is brought back.
    let mut conn = store::db::establish(&admin).unwrap();
    conn.batch_execute(
        "CREATE ROLE promotion_api LOGIN SUPERUSER; CREATE ROLE promotion_worker LOGIN; \
         GRANT pg_read_all_data TO promotion_worker",
    )
    .unwrap();
    let word = || Some("a-password".to_owned());
    let passwords = Passwords([word(), word(), word()]);
    migrate::migrate_with_roles(&admin, &passwords).unwrap();
    migrate::migrate_with_roles(&admin, &Passwords::default()).unwrap();
    assert_eq!(
        count(
            &mut conn,
            "pg_roles WHERE rolname LIKE 'promotion_%' AND (rolsuper OR rolcreaterole)"
        ),
        0
    );
    assert_eq!(
        count(
            &mut conn,
            "pg_auth_members WHERE member = 'promotion_worker'::regrole"
        ),
        0
    );
    let at = |role: &str| {
        let (_, server) = admin.rsplit_once('@').unwrap();
        format!("postgres://{role}:a-password@{server}")
    };
    let mut api = store::db::establish(&at(roles::API)).unwrap();
    assert!(migrate::is_current(&mut api).unwrap());
    for role in [roles::OWNER, roles::API, roles::WORKER] {
        let found = migrate::check(&at(role)).unwrap();
        assert!(
            found.pending.is_empty() && found.queue_is_current,
            "{role}: {found:?}"
        );
    }
    // A right that is missing says nothing about the tables.
    conn.batch_execute("REVOKE USAGE ON SCHEMA apalis_diesel_postgres FROM promotion_worker")
        .unwrap();
    assert!(migrate::check(&at(roles::WORKER)).is_err());

    // From nothing, as the owner: the others have their rights again.
    let mut owner = store::db::establish(&at(roles::OWNER)).unwrap();
    migrate::revert_all(&mut owner).unwrap();
    let behind = migrate::pending(&mut api).unwrap();
    assert!(behind.len() > 9 && !migrate::is_current(&mut api).unwrap());
    let migrated = migrate::migrate(&at(roles::OWNER)).unwrap();
    assert_eq!(migrated.applied, behind);
    assert!(migrate::is_current(&mut api).unwrap());
    assert_eq!(count(&mut api, "workspaces"), 0);
    let made = store::bootstrap::bootstrap(
        &at(roles::OWNER),
        &MasterKey::generate().to_base64(),
        "Contoso",
        "owner@example.test",
    );
    assert!(
        tokens::find_actor_by_token(&mut api, &made.unwrap().token)
            .unwrap()
            .is_some()
    );
    refusal(&mut api, "UPDATE audit_logs SET action = 'x'");
    refusal(&mut owner, "UPDATE audit_logs SET action = 'x'");
}

#[test]
fn a_check_only_reads_and_says_what_is_missing() {
    let database = TestDatabase::create_empty().unwrap();
    let found = migrate::check(database.url()).unwrap();
    assert!(!found.pending.is_empty() && !found.queue_is_current);
    let mut conn = store::db::establish(database.url()).unwrap();
    assert_eq!(count(&mut conn, "pg_tables WHERE schemaname = 'public'"), 0);
    migrate::migrate(database.url()).unwrap();
    let found = migrate::check(database.url()).unwrap();
    assert!(found.pending.is_empty() && found.queue_is_current);
    execute(
        &mut conn,
        "DELETE FROM __diesel_schema_migrations WHERE version LIKE '20261130%'",
    );
    assert!(migrate::check(database.url()).unwrap().pending.len() >= 2);
}
