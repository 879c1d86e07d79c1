//! What a pipeline relies on: a plan handed on in one file, and waiting that outlasts a restart.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests may stop where they stand"
)]

use serde_json::{Value, json};

use crate::command_line::{
    EXECUTE, PREFLIGHT, RUN, SOURCE, Scripted, Stand, TARGET, WORKSPACE, code, preflight, problem,
    promotionctl, run, tenants_by_id, text,
};

#[test]
fn a_plan_file_is_all_that_an_execute_needs_and_a_drift_is_shown() {
    let stale = json!({"code": "plan_stale", "detail": "The plan changed.", "status": 412,
        "current_plan_digest": "sha256:now",
        "drift": [{"subject_key": "k1", "was": "r1", "is": "r2"}]});
    let stand = Stand::new(vec![
        Scripted(PREFLIGHT, 200, "", preflight(1)),
        Scripted(EXECUTE, 412, "", stale),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("plan.json");
    let file = file.display();
    let output = stand.run(&format!("preflight {} --out {file}", tenants_by_id()));
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    let output = stand.run(&format!("execute --plan {file} --yes"));
    assert_eq!(code(&output), 3, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("changed since the review: k1"));
    assert_eq!(
        stand.asked(EXECUTE)[0].body,
        json!({
            "source_tenant_id": SOURCE, "target_tenant_id": TARGET, "confirm": true,
            "plan_digest": "sha256:reviewed", "reviewed": [{"subject_key": "k1", "revision": "r1"}],
        })
    );
    for wrong in ["execute --plan /nowhere/plan.json --yes", "execute --yes"] {
        assert_eq!(code(&stand.run(wrong)), 1, "{wrong}");
    }
}

#[test]
fn waiting_survives_an_api_that_is_away_for_a_while() {
    let show = "GET /operation-runs/01900000-0000-7000-8000-0000000000ff";
    let proxy = Value::String("<html>bad gateway</html>".to_owned());
    let mut script: Vec<Scripted> = (0..4)
        .map(|_| Scripted(show, 502, "", proxy.clone()))
        .collect();
    script.push(Scripted(
        show,
        503,
        "retry-after: 0\r\n",
        problem("unavailable"),
    ));
    script.push(Scripted(show, 200, "", run("completed", "succeeded")));
    let stand = Stand::new(script);
    let output = stand.run(&format!("runs watch {RUN} --json --timeout 60s"));
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("trying again"));
    assert!(
        text(&output.stderr).contains("Promotion execution: 2/2"),
        "{}",
        text(&output.stderr)
    );
    // A proxy that says "later" for as long as anybody asks is an outage too, and is said.
    let later = Scripted(show, 503, "retry-after: 1\r\n", problem("unavailable"));
    let stand = Stand::new(vec![later]);
    let output = stand.run(&format!("runs watch {RUN} --timeout 13s"));
    assert_eq!(code(&output), 5, "{}", text(&output.stderr));
    assert!(
        text(&output.stderr).contains("trying again"),
        "{}",
        text(&output.stderr)
    );
    // Nobody there at all until the time is over: the run goes on, and that is what is said.
    let environment = [
        ("PROMOTION_API_URL", "http://127.0.0.1:1"),
        ("PROMOTION_TOKEN", "pat_test"),
        ("PROMOTION_WORKSPACE", WORKSPACE),
    ];
    let output = promotionctl(&format!("runs watch {RUN} --timeout 3s"), &environment);
    assert_eq!(code(&output), 5, "{}", text(&output.stderr));
}
