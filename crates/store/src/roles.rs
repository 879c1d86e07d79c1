//! The database roles: who owns the schema, what the API may do, what a worker may do. Decides the
//! least rights of each, table by table; a table that is not listed here is reached by its owner
//! alone.
//!
//! `promotion_owner` migrates and owns everything, `promotion_api` and `promotion_worker` own
//! nothing. None is a superuser, makes roles or databases, or is a member of another role. The API
//! reads no sealed credential; nobody but the owner changes an audit entry that stands, and the
//! owner took that right from itself.

use std::fmt::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::error::StoreError;

/// Owns the schema; `promotionctl migrate` runs as it.
pub const OWNER: &str = "promotion_owner";
/// The account of `promotion-api`.
pub const API: &str = "promotion_api";
/// The account of `promotion-worker`.
pub const WORKER: &str = "promotion_worker";

const ALL: [&str; 3] = [OWNER, API, WORKER];

/// Everything of a connection but the sealed credential.
const READABLE_CONNECTION: &str = "SELECT (tenant_id, workspace_id, cloud, client_id, \
     credential_kind, seal_key_id, credential_expires_at, health, health_code, health_message, \
     checked_at, granted_roles, created_at, updated_at, secret_reading), INSERT, UPDATE, DELETE";
const ALL_ROWS: &str = "SELECT, INSERT, UPDATE, DELETE";
const APPEND: &str = "SELECT, INSERT";
const MOVE_HEAD: &str = "SELECT, INSERT, UPDATE (sequence, mac)";

/// Table, what the API may do on it, what a worker may do on it.
const RIGHTS: [(&str, &str, &str); 24] = [
    ("public.__diesel_schema_migrations", "SELECT", "SELECT"),
    ("public.workspaces", "SELECT", "SELECT"),
    ("public.users", "SELECT, INSERT", "SELECT"),
    ("public.workspace_memberships", ALL_ROWS, "SELECT"),
    ("public.tenant_memberships", ALL_ROWS, "SELECT"),
    ("public.member_identities", ALL_ROWS, "SELECT"),
    (
        "public.api_tokens",
        "SELECT, INSERT, UPDATE (last_used_at, revoked_at)",
        // Whether a token still works, never its hash.
        "SELECT (id, workspace_id, user_id, name, capabilities, created_at, expires_at, \
         last_used_at, revoked_at)",
    ),
    (
        "public.managed_tenants",
        "SELECT, INSERT, UPDATE",
        "SELECT, UPDATE (inventory_generation, verified_domains)",
    ),
    (
        "public.provider_connections",
        READABLE_CONNECTION,
        "SELECT, UPDATE (health, health_code, health_message, checked_at, granted_roles)",
    ),
    ("public.graph_lanes", "", "SELECT, INSERT, UPDATE"),
    ("public.inventory_coverage", "SELECT, DELETE", ALL_ROWS),
    ("public.tenant_references", "SELECT, DELETE", ALL_ROWS),
    ("public.policies", "SELECT, DELETE", ALL_ROWS),
    ("public.policy_versions", "SELECT, DELETE", ALL_ROWS),
    (
        "public.operation_runs",
        "SELECT, INSERT, UPDATE",
        "SELECT, UPDATE",
    ),
    (
        "public.operation_run_items",
        "SELECT, INSERT, UPDATE",
        "SELECT, INSERT, UPDATE",
    ),
    ("public.idempotency_keys", ALL_ROWS, ""),
    ("public.notifications", "SELECT, INSERT, UPDATE", APPEND),
    ("public.operational_controls", ALL_ROWS, "SELECT"),
    ("public.audit_logs", APPEND, APPEND),
    ("public.audit_heads", MOVE_HEAD, MOVE_HEAD),
    // To see that the queue's schema is this build's; `migrate --check` runs under every role.
    (
        "apalis_diesel_postgres.__diesel_schema_migrations",
        "SELECT",
        "SELECT",
    ),
    ("apalis.jobs", "SELECT, INSERT, DELETE", ALL_ROWS),
    ("apalis.workers", "SELECT", ALL_ROWS),
];

/// The tables that this list knows, with their schemas: for the test that it knows every one.
pub fn known_tables() -> Vec<&'static str> {
    RIGHTS.iter().map(|(table, _, _)| *table).collect()
}

/// Passwords to set, in the order owner, API, worker; `None` leaves what there is.
#[derive(Clone, Default)]
pub struct Passwords(pub [Option<String>; 3]);

impl std::fmt::Debug for Passwords {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Passwords(..)")
    }
}

/// The statements that make or update the roles of one database, for its superuser or for whoever
/// may make roles. Passwords appear as SCRAM verifiers only, so that no log of statements has one.
pub fn set_up_sql(passwords: &Passwords) -> String {
    let mut sql = String::from("-- The roles.\n");
    for role in ALL {
        sql.push_str(&make_role(role));
    }
    sql.push_str(LEAVE_OTHERS);
    for (role, password) in ALL.iter().zip(&passwords.0) {
        if let Some(password) = password {
            let verifier = scram_verifier(password, &rand::random());
            let _ = writeln!(sql, "ALTER ROLE {role} PASSWORD '{verifier}';");
        }
    }
    sql.push_str(&take_over());
    sql.push_str(&grants_sql());
    sql
}

/// The part of [`set_up_sql`] that needs no more than the owner: rights on schemas and tables. Runs
/// after every migration too, so that a new table gets its rights.
pub fn grants_sql() -> String {
    let mut sql = String::from("-- The least rights of each, table by table.\n");
    let _ = writeln!(
        sql,
        "GRANT USAGE ON SCHEMA apalis, apalis_diesel_postgres TO {API}, {WORKER};\n\
         REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA apalis FROM PUBLIC, {API};\n\
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA apalis TO {WORKER};"
    );
    for (table, api, worker) in RIGHTS {
        let _ = writeln!(sql, "REVOKE ALL ON {table} FROM PUBLIC, {API}, {WORKER};");
        for (role, rights) in [(API, api), (WORKER, worker)] {
            if !rights.is_empty() {
                let _ = writeln!(sql, "GRANT {rights} ON {table} TO {role};");
            }
        }
    }
    sql
}

/// Whether [`set_up_sql`] was run on this database.
pub fn are_set_up(conn: &mut PgConnection) -> Result<bool, StoreError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = Bool)]
        found: bool,
    }
    let row: Found = diesel::sql_query(format!(
        "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_tables WHERE schemaname = 'public' \
         AND tablename = 'workspaces' AND tableowner = '{OWNER}') AS found"
    ))
    .get_result(conn)?;
    Ok(row.found)
}

/// Makes or updates the roles in one transaction. The schema must be there.
pub fn set_up(conn: &mut PgConnection, passwords: &Passwords) -> Result<(), StoreError> {
    run(conn, &set_up_sql(passwords))
}

/// Gives the roles their rights again, where they are in use.
pub fn renew_grants(conn: &mut PgConnection) -> Result<(), StoreError> {
    if !are_set_up(conn)? {
        return Ok(());
    }
    run(conn, &grants_sql())
}

/// Roles are the whole server's: two databases of one server may be set up at once, and the slower
/// of two changes to one role is refused.
fn run(conn: &mut PgConnection, sql: &str) -> Result<(), StoreError> {
    let mut attempt = 1;
    loop {
        let done = conn.transaction(|conn| conn.batch_execute(sql));
        match done {
            Err(error) if attempt < 5 && error.to_string().contains("concurrently") => {
                attempt += 1;
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
            other => return Ok(other?),
        }
    }
}

fn make_role(role: &str) -> String {
    const PLAIN: &str = "NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS";
    format!(
        "DO $$ BEGIN\n\
         \x20   IF NOT EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = '{role}') THEN\n\
         \x20       CREATE ROLE {role} LOGIN {PLAIN};\n\
         \x20   ELSIF EXISTS (SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = '{role}' AND (rolsuper\n\
         \x20           OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)) THEN\n\
         \x20       ALTER ROLE {role} {PLAIN};\n\
         \x20   END IF;\n\
         EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;\n\
         END $$;\n"
    )
}

/// A membership would lend a role what this list does not give it; whoever runs this may act for
/// the owner, which changing a table's owner asks of everybody but a superuser.
const LEAVE_OTHERS: &str = "DO $$ DECLARE held record; BEGIN
    FOR held IN SELECT r.rolname AS role, m.rolname AS member FROM pg_catalog.pg_auth_members a
            JOIN pg_catalog.pg_roles r ON r.oid = a.roleid
            JOIN pg_catalog.pg_roles m ON m.oid = a.member
            WHERE m.rolname IN ('promotion_owner', 'promotion_api', 'promotion_worker') LOOP
        EXECUTE format('REVOKE %I FROM %I', held.role, held.member);
    END LOOP;
    IF NOT pg_catalog.pg_has_role(current_user, 'promotion_owner', 'USAGE') THEN
        EXECUTE format('GRANT promotion_owner TO %I', current_user);
    END IF;
END $$;
";

/// Our tables and functions and the whole of the queue become the owner's. Other things that stand
/// in `public` are left alone.
fn take_over() -> String {
    let ours: Vec<String> = RIGHTS
        .iter()
        .map(|(table, _, _)| format!("'{table}'"))
        .collect();
    format!(
        "-- The owner owns the schema.\n\
         DO $$ DECLARE thing record; BEGIN\n\
         \x20   EXECUTE format('GRANT CONNECT, CREATE ON DATABASE %I TO {OWNER}', current_database());\n\
         \x20   EXECUTE format('GRANT CONNECT ON DATABASE %I TO {API}, {WORKER}', current_database());\n\
         \x20   EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());\n\
         \x20   REVOKE CREATE ON SCHEMA public FROM PUBLIC, {API}, {WORKER};\n\
         \x20   GRANT USAGE, CREATE ON SCHEMA public TO {OWNER};\n\
         \x20   GRANT USAGE ON SCHEMA public TO {API}, {WORKER};\n\
         \x20   ALTER SCHEMA apalis OWNER TO {OWNER};\n\
         \x20   ALTER SCHEMA apalis_diesel_postgres OWNER TO {OWNER};\n\
         \x20   FOR thing IN SELECT c.oid::regclass AS name, c.relkind AS kind FROM pg_catalog.pg_class c\n\
         \x20           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n\
         \x20           WHERE c.relkind IN ('r', 'm', 'v') AND pg_get_userbyid(c.relowner) <> '{OWNER}'\n\
         \x20           AND (n.nspname IN ('apalis', 'apalis_diesel_postgres')\n\
         \x20               OR n.nspname || '.' || c.relname IN ({ours})) LOOP\n\
         \x20       EXECUTE format('ALTER %s %s OWNER TO {OWNER}', CASE thing.kind WHEN 'm' THEN\n\
         \x20           'MATERIALIZED VIEW' WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, thing.name);\n\
         \x20   END LOOP;\n\
         \x20   FOR thing IN SELECT p.oid::regprocedure AS name FROM pg_catalog.pg_proc p\n\
         \x20           JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace\n\
         \x20           WHERE pg_get_userbyid(p.proowner) <> '{OWNER}' AND (n.nspname = 'apalis'\n\
         \x20               OR n.nspname = 'public' AND p.proname ~ '^(audit_|operation_runs_|diesel_)') LOOP\n\
         \x20       EXECUTE format('ALTER FUNCTION %s OWNER TO {OWNER}', thing.name);\n\
         \x20   END LOOP;\n\
         END $$;\n",
        ours = ours.join(", ")
    )
}

/// What PostgreSQL stores of a password (RFC 5803), so that the password itself never leaves here.
fn scram_verifier(password: &str, salt: &[u8; 16]) -> String {
    const ROUNDS: u32 = 4096;
    let mut block = salt.to_vec();
    block.extend_from_slice(&1_u32.to_be_bytes());
    let mut round = keyed(password.as_bytes(), &block);
    let mut salted = round;
    for _ in 1..ROUNDS {
        round = keyed(password.as_bytes(), &round);
        for (sum, byte) in salted.iter_mut().zip(round) {
            *sum ^= byte;
        }
    }
    let stored = Sha256::digest(keyed(&salted, b"Client Key"));
    let server = keyed(&salted, b"Server Key");
    format!(
        "SCRAM-SHA-256${ROUNDS}:{}${}:{}",
        STANDARD.encode(salt),
        STANDARD.encode(stored),
        STANDARD.encode(server)
    )
}

fn keyed(key: &[u8], message: &[u8]) -> [u8; 32] {
    // A key longer than the block is hashed first, as HMAC says.
    let hashed: [u8; 32];
    let key = if key.len() > 64 {
        hashed = Sha256::digest(key).into();
        hashed.as_slice()
    } else {
        key
    };
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    let mut mac = Hmac::<Sha256>::new(&block);
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_in_what_sets_it() {
        let passwords = Passwords([None, Some("a-password".to_owned()), None]);
        let sql = set_up_sql(&passwords);
        assert!(!sql.contains("a-password"));
        assert!(sql.contains("ALTER ROLE promotion_api PASSWORD 'SCRAM-SHA-256$4096:"));
    }
}
