//! Migrations: safe from any number of processes, and every step undone by its `down.sql`.

use store::dev_cluster::TestDatabase;
use store::migrate;

use crate::support::count;

const OUR_TABLES: &str =
    "pg_tables WHERE schemaname = 'public' AND tablename <> '__diesel_schema_migrations'";

/// How many migrations the repository has.
fn folders() -> usize {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations");
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn eight_at_once_apply_everything_once() {
    let database = TestDatabase::create_empty().unwrap();
    let url = database.url();
    let applied: usize = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| migrate::migrate(url).unwrap().applied.len()))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).sum()
    });
    assert_eq!(applied, folders());
    let mut conn = store::db::establish(url).unwrap();
    assert!(migrate::is_current(&mut conn).unwrap());
    assert_eq!(count(&mut conn, OUR_TABLES), 20);
    assert_eq!(count(&mut conn, "pg_tables WHERE schemaname = 'apalis'"), 2);
    assert_eq!(migrate::migrate(url).unwrap().applied, Vec::<String>::new());
}

#[test]
fn down_undoes_up_and_up_works_again() {
    let database = TestDatabase::create().unwrap();
    let mut conn = store::db::establish(database.url()).unwrap();
    migrate::revert_all(&mut conn).unwrap();
    assert_eq!(count(&mut conn, OUR_TABLES), 0);
    let functions = "pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
                     WHERE n.nspname = 'public' AND p.proname NOT LIKE 'diesel%'";
    assert_eq!(count(&mut conn, functions), 0);
    assert!(!migrate::is_current(&mut conn).unwrap());
    assert_eq!(
        migrate::migrate(database.url()).unwrap().applied.len(),
        folders()
    );
    assert_eq!(count(&mut conn, OUR_TABLES), 20);
}
