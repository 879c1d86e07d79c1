//! The commands that work on the database itself, each as a process on a real PostgreSQL.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may stop where they stand"
)]

use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use store::dev_cluster::TestDatabase;
use store::keys::MasterKey;

struct Installation {
    database: TestDatabase,
    key: String,
}

impl Installation {
    fn new() -> Self {
        Self {
            database: TestDatabase::create_empty().unwrap(),
            key: MasterKey::generate().to_base64().to_string(),
        }
    }

    fn start(&self, line: &str) -> Child {
        Command::new(env!("CARGO_BIN_EXE_promotionctl"))
            .args(line.split(' '))
            .env_clear()
            .env("DATABASE_URL", self.database.url())
            .env("PROMOTION_MASTER_KEY", &self.key)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, line: &str) -> Output {
        self.start(line).wait_with_output().unwrap()
    }

    /// Standard output of a command that must succeed.
    fn done(&self, line: &str) -> String {
        let output = self.run(line);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {error}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Standard error of a command that must end with this code.
    fn refused(&self, line: &str, code: i32) -> String {
        let output = self.run(line);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {error}");
        error
    }
}

#[test]
fn migrate_may_run_anywhere_at_any_time() {
    let installation = Installation::new();
    let racing: Vec<Child> = (0..4).map(|_| installation.start("migrate")).collect();
    for child in racing {
        let output = child.wait_with_output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{error}");
    }
    installation.done("migrate");
}

#[test]
fn bootstrap_works_once_per_name_and_leaves_a_chained_trace() {
    let installation = Installation::new();
    installation.done("migrate");
    let line = "bootstrap --workspace Contoso --owner owner@example.com --json";
    let made: Value = serde_json::from_str(&installation.done(line)).unwrap();
    assert!(made["token"].as_str().unwrap().starts_with("pat_"));
    assert_eq!(made["token"].as_str().unwrap().len(), 47);
    assert_eq!(made.as_object().unwrap().len(), 3);

    let error = installation.refused(line, 1);
    assert!(error.contains("Contoso"), "{error}");
    installation.refused("bootstrap --workspace contoso --owner o@example.com", 1);

    let export = installation.done("audit export --workspace Contoso");
    let lines: Vec<Value> = export
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2, "one entry and the head");
    assert_eq!(lines[0]["action"], "workspace.bootstrapped");
    assert!(!export.contains("pat_"), "no token in the log");
    let head = lines[1]["head"].as_str().unwrap();

    installation.done("bootstrap --workspace Fabrikam --owner owner@example.com");
    assert_eq!(installation.done("audit verify").lines().count(), 2);
    assert_eq!(installation.done("audit export").lines().count(), 4);
    installation.done("audit verify --workspace Contoso");
    let with_head = format!("audit verify --workspace Contoso --expected-head {head}");
    installation.done(&with_head);
    let forged = with_head.replace("1:", "7:");
    let error = installation.refused(&forged, 1);
    assert!(error.contains("broken"), "{error}");
}

#[test]
fn a_chain_does_not_hold_under_another_key() {
    let mut installation = Installation::new();
    installation.done("migrate");
    installation.done("bootstrap --workspace Contoso --owner owner@example.com");
    installation.key = MasterKey::generate().to_base64().to_string();
    let error = installation.refused("audit verify --workspace Contoso", 1);
    assert!(error.contains("broken"), "{error}");
}

#[test]
fn a_database_without_our_tables_is_an_error_and_not_a_panic() {
    let installation = Installation::new();
    for line in [
        "bootstrap --workspace Contoso --owner owner@example.com",
        "audit verify --workspace Contoso",
    ] {
        let error = installation.refused(line, 1);
        assert!(!error.contains("panicked"), "{error}");
    }
}
