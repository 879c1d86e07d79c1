//! promotionctl as a script sees it: exit codes, what goes to which stream, what is sent. The API is
//! a scripted stand-in here; the real one has the stories of the tests crate and the demo.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may stop where they stand"
)]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

pub(crate) const SOURCE: &str = "01900000-0000-7000-8000-000000000001";
pub(crate) const TARGET: &str = "01900000-0000-7000-8000-000000000002";
pub(crate) const WORKSPACE: &str = "01900000-0000-7000-8000-0000000000aa";
pub(crate) const RUN: &str = "01900000-0000-7000-8000-0000000000ff";

/// One scripted answer: what it answers to, status, more headers, body.
pub(crate) struct Scripted(
    pub(crate) &'static str,
    pub(crate) u16,
    pub(crate) &'static str,
    pub(crate) Value,
);

/// What was asked, in order.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    line: String,
    headers: String,
    pub(crate) body: Value,
}

pub(crate) struct Stand {
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Stand {
    /// Answers each `METHOD tail-of-path` with its scripted answers in turn, the last one for good.
    pub(crate) fn new(script: Vec<Scripted>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut script: VecDeque<Scripted> = script.into();
        script.push_back(Scripted("GET /tenants", 200, "", tenants()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(stream.unwrap(), &mut script, &log);
            }
        });
        Self { url, asked }
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        promotionctl(
            line,
            &[
                ("PROMOTION_API_URL", &self.url),
                ("PROMOTION_TOKEN", "pat_test"),
                ("PROMOTION_WORKSPACE", WORKSPACE),
            ],
        )
    }

    pub(crate) fn asked(&self, start: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked
            .iter()
            .filter(|asked| asked.line.starts_with(start))
            .cloned()
            .collect()
    }
}

fn answer(mut stream: TcpStream, script: &mut VecDeque<Scripted>, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut headers = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        headers.push_str(&line.to_lowercase());
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let prefix = format!("/v1/workspaces/{WORKSPACE}");
    let words: Vec<&str> = first.split(' ').collect();
    let path = words.get(1).copied().unwrap_or_default();
    let tail = path.strip_prefix(prefix.as_str()).unwrap_or(path);
    let line = format!("{} {tail}", words[0]);
    let place = tail.split('?').next().unwrap();
    let wanted = format!("{} {place}", words[0]);
    log.lock().unwrap().push(Asked {
        line,
        headers,
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    });
    let index = script.iter().position(|entry| entry.0 == wanted);
    let last = script.iter().filter(|entry| entry.0 == wanted).count() < 2;
    let (status, more, body) = match index {
        None => (404, "", problem("not_found")),
        Some(index) if last => (script[index].1, script[index].2, script[index].3.clone()),
        Some(index) => {
            let entry = script.remove(index).unwrap();
            (entry.1, entry.2, entry.3)
        }
    };
    let (kind, text) = match body {
        Value::String(stream) => ("text/event-stream", stream),
        body => ("application/json", body.to_string()),
    };
    write!(
        stream,
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n{more}\r\n{text}",
        text.len()
    )
    .unwrap();
}

fn tenants() -> Value {
    json!({"items": [
        {"id": SOURCE, "display_name": "Contoso Lab", "entra_tenant_id": "x"},
        {"id": TARGET, "display_name": "Fabrikam", "entra_tenant_id": "y"},
    ], "next_cursor": null})
}

pub(crate) fn problem(code: &str) -> Value {
    json!({"code": code, "title": "Refused", "detail": "Refused.", "status": 400,
        "request_id": "request-1", "reasons": [{"code": "nothing_ready", "message": "None."}]})
}

pub(crate) fn run(status: &str, outcome: &str) -> Value {
    json!({"id": RUN, "type": "promotion.execute", "type_label": "Promotion execution",
        "status": status, "outcome": outcome, "revision": 3,
        "summary_counts": {"total": 2, "processed": 2, "succeeded": 2, "created": 2}})
}

pub(crate) fn preflight(ready: u64) -> Value {
    json!({"plan_digest": "sha256:reviewed", "executable": ready > 0,
        "summary": {"total": 2, "ready": ready, "blocked": 2 - ready},
        "mutation_scope": {"create": ready, "update": 0, "statement": "Create them."},
        "gates": [], "warnings": [],
        "subjects": [{"subject_key": "k1", "readiness": "ready", "revision": "r1",
            "policy_type": "t", "display_name": "One", "action": "create", "wave": 1}]})
}

fn compare(matching: u64) -> Value {
    json!({"source": {"inventory": {"status": "complete"}},
        "target": {"inventory": {"status": "complete"}},
        "summary": {"total": 2, "match": matching, "missing": 2 - matching}, "subjects": []})
}

pub(crate) fn promotionctl(line: &str, environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_promotionctl"))
        .args(line.split(' ').filter(|word| !word.is_empty()))
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const COMPARE: &str = "POST /cross-tenant-compare";
pub(crate) const PREFLIGHT: &str = "POST /cross-tenant-compare/preflight";
pub(crate) const EXECUTE: &str = "POST /cross-tenant-compare/execute";
const TENANTS: &str = "--source Contoso --target Fabrikam";

/// Names with blanks cannot be split from a line, so the tenants go by id.
pub(crate) fn tenants_by_id() -> String {
    format!("--source {SOURCE} --target {TARGET}")
}

#[test]
fn wrong_usage_is_an_error_and_help_is_not() {
    for line in [
        "",
        "nonsense",
        "compare",
        "compare --source a --target b --colour",
        "runs",
    ] {
        assert_eq!(code(&promotionctl(line, &[])), 1, "{line:?}");
    }
    for line in ["--help", "compare --help", "--version"] {
        assert_eq!(code(&promotionctl(line, &[])), 0, "{line:?}");
    }
}

#[test]
fn a_missing_variable_is_named() {
    let table = [
        ("migrate", "DATABASE_URL"),
        (
            "bootstrap --workspace w --owner o@example.com",
            "DATABASE_URL",
        ),
        ("keys api", "PROMOTION_MASTER_KEY"),
        ("audit verify", "DATABASE_URL"),
        ("runs list", "PROMOTION_TOKEN"),
    ];
    for (line, name) in table {
        let output = promotionctl(line, &[]);
        assert_eq!(code(&output), 1, "{line}");
        assert!(
            text(&output.stderr).contains(name),
            "{line}: {}",
            text(&output.stderr)
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_malformed_key_is_named_and_never_shown() {
    let output = promotionctl("keys api", &[("PROMOTION_MASTER_KEY", "c2hvcnQ=")]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("PROMOTION_MASTER_KEY"));
    assert!(!text(&output.stderr).contains("c2hvcnQ="));
}

#[test]
fn the_api_needs_two_lines_of_the_master_key() {
    let generated = text(&promotionctl("keys generate", &[]).stdout);
    let key = generated
        .trim()
        .strip_prefix("PROMOTION_MASTER_KEY=")
        .unwrap();
    let printed = text(&promotionctl("keys api", &[("PROMOTION_MASTER_KEY", key)]).stdout);
    let names: Vec<&str> = printed
        .lines()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    assert_eq!(names, ["PROMOTION_SEALING_KEY", "PROMOTION_AUDIT_KEY"]);
    assert!(!printed.contains(key));
}

#[test]
fn compare_says_by_its_exit_code_whether_there_are_differences_when_asked_to() {
    for (matching, flag, expected) in [
        (2, "", 0),
        (1, "", 0),
        (2, "--detailed-exitcode", 0),
        (1, "--detailed-exitcode", 2),
    ] {
        let stand = Stand::new(vec![Scripted(COMPARE, 200, "", compare(matching))]);
        let line = format!("compare {} --json --types a,b {flag}", tenants_by_id());
        let output = stand.run(&line);
        assert_eq!(code(&output), expected, "{}", text(&output.stderr));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            printed,
            compare(matching),
            "standard output is the API's JSON"
        );
        let asked = stand.asked(COMPARE);
        assert_eq!(
            asked[0].body,
            json!({
                "source_tenant_id": SOURCE, "target_tenant_id": TARGET,
                "scope": {"policy_types": ["a", "b"]},
            })
        );
        assert!(asked[0].headers.contains("authorization: bearer pat_test"));
    }
}

#[test]
fn a_tenant_is_found_by_its_name() {
    let stand = Stand::new(vec![Scripted(COMPARE, 200, "", compare(2))]);
    let output = stand.run("compare --source fabrikam --target Fabrikam");
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert_eq!(stand.asked(COMPARE)[0].body["source_tenant_id"], TARGET);
    let output = stand.run(&format!("compare {TENANTS}"));
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("Contoso"));
}

#[test]
fn preflight_says_by_its_exit_code_whether_something_would_change_when_asked_to() {
    for (ready, flag, expected) in [
        (1, "", 0),
        (0, "", 0),
        (1, "--detailed-exitcode", 2),
        (0, "--detailed-exitcode", 3),
    ] {
        let stand = Stand::new(vec![Scripted(PREFLIGHT, 200, "", preflight(ready))]);
        let output = stand.run(&format!("preflight {} {flag}", tenants_by_id()));
        assert_eq!(code(&output), expected);
        assert!(text(&output.stdout).contains("Create them."));
    }
}

#[test]
fn each_refusal_of_an_execute_has_its_exit_code() {
    let table = [
        (409, "blocked", 3),
        (412, "plan_stale", 3),
        (409, "scope_busy", 4),
        (401, "unauthenticated", 6),
        (403, "capability_denied", 6),
        (404, "not_found", 1),
        (422, "validation_failed", 1),
    ];
    for (status, name, expected) in table {
        let stand = Stand::new(vec![Scripted(EXECUTE, status, "", problem(name))]);
        let line = format!(
            "execute {} --plan-digest sha256:x --yes --json",
            tenants_by_id()
        );
        let output = stand.run(&line);
        assert_eq!(code(&output), expected, "{name}: {}", text(&output.stderr));
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printed["code"], name);
        assert_eq!(stand.asked(EXECUTE).len(), 1, "a refusal is not repeated");
    }
}

#[test]
fn execute_sends_what_was_reviewed_once_confirmed() {
    let stand = Stand::new(vec![
        Scripted(PREFLIGHT, 200, "", preflight(1)),
        Scripted(
            EXECUTE,
            202,
            "",
            json!({"result": "queued", "operation_run": run("queued", "pending")}),
        ),
    ]);
    let output = stand.run(&format!("execute {} --yes --json", tenants_by_id()));
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let asked = stand.asked(EXECUTE);
    assert_eq!(
        asked[0].body,
        json!({
            "source_tenant_id": SOURCE, "target_tenant_id": TARGET, "confirm": true,
            "plan_digest": "sha256:reviewed", "reviewed": [{"subject_key": "k1", "revision": "r1"}],
        })
    );
    assert!(asked[0].headers.contains("idempotency-key: "));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["result"], "queued");
}

#[test]
fn execute_without_a_terminal_needs_yes() {
    let stand = Stand::new(Vec::new());
    let output = stand.run(&format!("execute {}", tenants_by_id()));
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("--yes"));
    assert!(stand.asked("").is_empty(), "nothing was asked of the API");
}

#[test]
fn a_busy_api_is_asked_again_with_the_same_key() {
    let started = json!({"result": "deduped", "operation_run": run("running", "pending")});
    let stand = Stand::new(vec![
        Scripted(EXECUTE, 503, "retry-after: 0\r\n", problem("unavailable")),
        Scripted(EXECUTE, 429, "retry-after: 0\r\n", problem("rate_limited")),
        Scripted(EXECUTE, 200, "", started),
    ]);
    let line = format!("execute {} --plan-digest sha256:x --yes", tenants_by_id());
    let output = stand.run(&format!("{line} --idempotency-key fixed"));
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stdout).trim(),
        RUN,
        "a script gets the run's id"
    );
    let asked = stand.asked(EXECUTE);
    assert_eq!(asked.len(), 3);
    assert!(
        asked
            .iter()
            .all(|asked| asked.headers.contains("idempotency-key: fixed"))
    );
}

#[test]
fn waiting_ends_with_the_run_or_with_the_time() {
    let events = "GET /operation-runs/01900000-0000-7000-8000-0000000000ff/events";
    let show = "GET /operation-runs/01900000-0000-7000-8000-0000000000ff";
    let items = "GET /operation-runs/01900000-0000-7000-8000-0000000000ff/items";
    let event =
        |run: &Value| Value::String(format!(": beat\n\nid: 3\nevent: run\ndata: {run}\n\n"));
    let started = json!({"result": "queued", "operation_run": run("queued", "pending")});
    let table = [
        (run("completed", "succeeded"), "10s", 0),
        (run("completed", "partially_succeeded"), "10s", 7),
        (run("running", "pending"), "1s", 5),
    ];
    for (ending, timeout, expected) in table {
        let stand = Stand::new(vec![
            Scripted(EXECUTE, 202, "", started.clone()),
            Scripted(show, 200, "", run("running", "pending")),
            Scripted(events, 200, "", event(&ending)),
            Scripted(items, 200, "", json!({"items": [], "next_cursor": null})),
        ]);
        let line = format!(
            "execute {} --plan-digest d --yes --wait --json",
            tenants_by_id()
        );
        let output = stand.run(&format!("{line} --timeout {timeout}"));
        assert_eq!(code(&output), expected, "{}", text(&output.stderr));
        if expected != 5 {
            let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(printed, ending, "standard output is the completed run");
        }
    }
}

#[test]
fn an_api_that_is_not_there_is_an_error() {
    // A reserved port: one that is merely free may be another test's a moment later.
    let environment = [
        ("PROMOTION_API_URL", "http://127.0.0.1:1"),
        ("PROMOTION_TOKEN", "pat_test"),
        ("PROMOTION_WORKSPACE", WORKSPACE),
    ];
    let output = promotionctl("runs list --json", &environment);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("no answer"));
}

#[test]
fn lists_are_read_page_by_page() {
    let page =
        |cursor: Value| json!({"items": [run("completed", "succeeded")], "next_cursor": cursor});
    let stand = Stand::new(vec![
        Scripted("GET /operation-runs", 200, "", page(json!("next page"))),
        Scripted("GET /operation-runs", 200, "", page(Value::Null)),
    ]);
    let output = stand.run("runs list --limit 250 --status completed --json");
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed["items"].as_array().unwrap().len(), 2);
    let asked = stand.asked("GET /operation-runs");
    assert_eq!(
        asked[0].line,
        "GET /operation-runs?limit=200&status=completed"
    );
    assert_eq!(
        asked[1].line,
        "GET /operation-runs?limit=200&status=completed&cursor=next%20page"
    );
}
