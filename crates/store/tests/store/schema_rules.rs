//! House rules of the schema, read from the catalog: nobody has to remember them.

use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};
use store::PgConnection;
use store::dev_cluster::TestDatabase;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(conn: &mut PgConnection, query: &str) -> Vec<String> {
    let rows: Vec<Line> = diesel::sql_query(query).load(conn).unwrap();
    rows.into_iter().map(|row| row.line).collect()
}

fn connect() -> (TestDatabase, PgConnection) {
    let database = TestDatabase::create().unwrap();
    let conn = store::db::establish(database.url()).unwrap();
    (database, conn)
}

#[test]
fn every_foreign_key_says_what_on_delete_does() {
    let (_database, mut conn) = connect();
    let silent = lines(
        &mut conn,
        "SELECT conrelid::regclass || '.' || conname AS line FROM pg_constraint c \
         JOIN pg_namespace n ON n.oid = c.connamespace \
         WHERE contype = 'f' AND confdeltype = 'a' AND n.nspname = 'public'",
    );
    assert_eq!(silent, Vec::<String>::new());
}

#[test]
fn every_foreign_key_has_an_index_that_begins_with_its_columns() {
    let (_database, mut conn) = connect();
    // As a set: the order inside a composite key does not matter to the lookup.
    let bare = lines(
        &mut conn,
        "SELECT conrelid::regclass || '.' || conname AS line FROM pg_constraint c \
         JOIN pg_namespace n ON n.oid = c.connamespace \
         WHERE contype = 'f' AND n.nspname = 'public' AND NOT EXISTS ( \
           SELECT 1 FROM pg_index i WHERE i.indrelid = c.conrelid \
           AND (SELECT array_agg(k ORDER BY k) FROM unnest( \
                  (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(c.conkey)]) k) \
             @> c.conkey)",
    );
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn every_state_column_is_checked() {
    let (_database, mut conn) = connect();
    let unchecked = lines(
        &mut conn,
        "SELECT c.table_name || '.' || c.column_name AS line FROM information_schema.columns c \
         WHERE c.table_schema = 'public' AND c.data_type = 'text' \
         AND c.column_name = ANY('{status,state,outcome,effect,role,kind,cloud,health,type,\
             operation_type,action,capture_state,credential_kind,lane}'::text[]) \
         AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.contype = 'c' \
           AND k.conrelid = ('public.' || c.table_name)::regclass \
           AND pg_get_constraintdef(k.oid) ~ ('\\m' || c.column_name || '\\M')) ORDER BY 1",
    );
    assert_eq!(unchecked, Vec::<String>::new());
}

#[test]
fn every_time_knows_its_zone_and_is_named_at() {
    let (_database, mut conn) = connect();
    let odd = lines(
        &mut conn,
        "SELECT table_name || '.' || column_name AS line FROM information_schema.columns \
         WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations' \
         AND (data_type IN ('timestamp without time zone', 'date') \
           OR (data_type = 'timestamp with time zone') <> (column_name ~ '_at$|_until$'))",
    );
    assert_eq!(odd, Vec::<String>::new());
}

#[test]
fn every_row_of_a_customer_names_its_workspace() {
    let (_database, mut conn) = connect();
    let homeless = lines(
        &mut conn,
        "SELECT t.tablename AS line FROM pg_tables t WHERE t.schemaname = 'public' \
         AND t.tablename NOT IN ('workspaces', 'users', 'graph_lanes', 'operation_run_items', \
             '__diesel_schema_migrations') \
         AND NOT EXISTS (SELECT 1 FROM information_schema.columns c \
           WHERE c.table_schema = 'public' AND c.table_name = t.tablename \
           AND c.column_name = 'workspace_id')",
    );
    assert_eq!(homeless, Vec::<String>::new());
}

/// `src/schema.rs` is what the queries are checked against at compile time.
#[test]
fn the_schema_in_code_is_the_schema_in_the_database() {
    let (_database, mut conn) = connect();
    let database = lines(
        &mut conn,
        "SELECT c.table_name || '.' || c.column_name || ' ' || \
         CASE WHEN c.is_nullable = 'YES' THEN 'Nullable<' || t.name || '>' ELSE t.name END AS line \
         FROM information_schema.columns c JOIN (VALUES ('uuid', 'Uuid'), ('text', 'Text'), \
           ('timestamptz', 'Timestamptz'), ('int8', 'Int8'), ('int4', 'Int4'), ('jsonb', 'Jsonb'), \
           ('bytea', 'Bytea'), ('_text', 'Array<Text>'), ('bool', 'Bool')) t(udt, name) ON t.udt = c.udt_name \
         WHERE c.table_schema = 'public' AND c.table_name <> '__diesel_schema_migrations' \
         ORDER BY c.table_name, c.ordinal_position",
    );
    let mut table = String::new();
    let mut code = Vec::new();
    for line in include_str!("../../src/schema.rs").lines() {
        let line = line.trim().trim_end_matches(',');
        if let Some((name, _)) = line.split_once(" (").filter(|_| line.ends_with('{')) {
            name.clone_into(&mut table);
        } else if let Some((column, kind)) = line.split_once(" -> ") {
            code.push(format!("{table}.{} {kind}", column.trim_end_matches('_')));
        }
    }
    assert_eq!(code, database);
}

#[test]
fn the_catalog_queries_see_the_tables_at_all() {
    #[derive(QueryableByName)]
    struct Seen {
        #[diesel(sql_type = Bool)]
        seen: bool,
    }
    let (_database, mut conn) = connect();
    let seen: Seen = diesel::sql_query(
        "SELECT count(*) > 25 AS seen FROM pg_constraint c \
         JOIN pg_namespace n ON n.oid = c.connamespace \
         WHERE contype = 'f' AND n.nspname = 'public'",
    )
    .get_result(&mut conn)
    .unwrap();
    assert!(seen.seen);
}
