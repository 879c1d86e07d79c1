//! The binary: prints its base URL first, serves, and refuses bad arguments.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_graph-sim");

#[tokio::test]
async fn the_first_line_is_the_base_url() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("Filters")).unwrap();
    let filter = r#"{"displayName": "One", "platform": "macOS", "rule": "(device.model -eq 'x')"}"#;
    std::fs::write(folder.path().join("Filters/one.json"), filter).unwrap();
    let tenant = format!(
        "aaaaaaaa-0000-4000-8000-000000000001={}",
        folder.path().display()
    );
    let mut child = Command::new(BINARY)
        .args([
            "--listen",
            "127.0.0.1:0",
            "--tenant",
            &tenant,
            "--tenant",
            "bbbbbbbb-0000-4000-8000-000000000002",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.starts_with("http://127.0.0.1:"), "{line}");
    let base = line.trim();
    let health: Value = reqwest::get(format!("{base}/__sim/health"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(health["tenants"].as_array().map(Vec::len), Some(2));
    let report = format!("{base}/__sim/tenants/aaaaaaaa-0000-4000-8000-000000000001/load-report");
    let report: Value = reqwest::get(report).await.unwrap().json().await.unwrap();
    assert_eq!(report["loaded"]["assignmentFilters"], Value::from(1));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn bad_arguments_end_with_code_two() {
    for arguments in [vec!["--nonsense"], vec!["--tenant", "=folder"]] {
        let ended = Command::new(BINARY)
            .args(arguments)
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert_eq!(ended.code(), Some(2));
    }
}
