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

#[test]
fn a_check_reads_and_a_dry_run_prints() {
    let installation = Installation::new();
    let missing = installation.run("migrate --check");
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stdout).contains("missing 2026"));
    let sql = installation.done("migrate --roles --dry-run");
    for word in [
        "CREATE ROLE promotion_owner",
        "CREATE ROLE promotion_api",
        "GRANT SELECT",
    ] {
        assert!(sql.contains(word), "{word}");
    }
    assert_eq!(installation.run("migrate --check").status.code(), Some(1));
    installation.done("migrate --roles");
    installation.done("migrate --roles");
    installation.done("migrate --check");
    installation.done("migrate");
    // A setting that nobody reads is warned of, without its value.
    let mut misspelt = Command::new(env!("CARGO_BIN_EXE_promotionctl"));
    misspelt
        .args(["migrate", "--check"])
        .env_clear()
        .env("DATABASE_URL", installation.database.url())
        .env("PROMOTION_MASTER_KYE", "a-secret-value");
    let said = misspelt.output().unwrap();
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("PROMOTION_MASTER_KYE") && !said.contains("a-secret-value"),
        "{said}"
    );
}

#[test]
fn a_lost_owner_token_is_replaced_and_nobody_becomes_an_owner() {
    let installation = Installation::new();
    installation.done("migrate");
    let made = installation.done("bootstrap --workspace Contoso --owner owner@example.com --json");
    let made: Value = serde_json::from_str(&made).unwrap();
    for wrong in [
        "bootstrap --recover --workspace Nobody",
        "bootstrap --recover --workspace Contoso --owner stranger@example.com",
    ] {
        installation.refused(wrong, 1);
    }
    let again = installation.done("bootstrap --recover --workspace contoso --json");
    let again: Value = serde_json::from_str(&again).unwrap();
    assert_eq!(again["user_id"], made["user_id"]);
    assert_eq!(again["workspace_id"], made["workspace_id"]);
    let mut conn = store::db::establish(installation.database.url()).unwrap();
    let mut works = |token: &Value| {
        let text = token["token"].as_str().unwrap();
        store::tokens::find_actor_by_token(&mut conn, text)
            .unwrap()
            .is_some()
    };
    assert!(works(&again) && !works(&made));
    installation.done("audit verify");
    let log = installation.done("audit export --workspace Contoso");
    assert!(
        log.contains("workspace.owner_token_recovered") && !log.contains("pat_"),
        "{log}"
    );
}

#[test]
fn an_exported_head_shows_that_a_log_was_cut() {
    let installation = Installation::new();
    installation.done("migrate");
    installation.done("bootstrap --workspace Contoso --owner owner@example.com");
    installation.done("bootstrap --workspace Fabrikam --owner owner@example.com");
    installation.done("bootstrap --recover --workspace Contoso");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("export.jsonl");
    std::fs::write(&file, installation.done("audit export")).unwrap();
    let verify = format!("audit verify --head {}", file.display());
    installation.done(&verify);
    installation.done(&format!("{verify} --workspace Contoso"));
    // More entries are no harm; who holds the key and owns the database cuts the last one off and
    // writes another.
    let cut = "ALTER TABLE audit_logs DISABLE TRIGGER USER; ALTER TABLE audit_heads DISABLE TRIGGER USER; \
               GRANT ALL ON audit_logs, audit_heads TO CURRENT_USER; \
               DELETE FROM audit_logs WHERE sequence = 2; \
               UPDATE audit_heads h SET sequence = 1, mac = l.mac FROM audit_logs l \
               WHERE l.workspace_id = h.workspace_id";
    let mut conn = store::db::establish(installation.database.url()).unwrap();
    diesel::connection::SimpleConnection::batch_execute(&mut conn, cut).unwrap();
    installation.done("audit verify");
    let error = installation.refused(&verify, 1);
    assert!(error.contains("exported"), "{error}");
    installation.done("bootstrap --recover --workspace Contoso");
    installation.done("audit verify");
    installation.refused(&verify, 1);
}
