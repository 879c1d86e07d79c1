//! Apps that need no files: made once, published by the service, then categorised and assigned.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use crate::support::{Plan, SOURCE, Stack, TARGET};
use domain::preflight::Readiness;
use domain::selection::{Carry, Options};
use domain::subject::SubjectState;
use serde_json::{Value, json};
use store::run_items::ItemRow;

const TYPE: &str = "mobileApps";

fn mapped() -> Options {
    Options {
        assignments: Carry::Map,
        scope_tags: Carry::Map,
        ..Options::default()
    }
}

async fn planned(stack: &Stack) -> Plan {
    stack.sync_both().await;
    stack.plan(&[TYPE], mapped()).await
}

async fn promote(stack: &Stack, plan: &Plan) -> Vec<ItemRow> {
    let run = stack.promote(plan).await;
    stack.finished(run).await;
    stack.items(run).await
}

async fn named(stack: &Stack, name: &str) -> Vec<Value> {
    let apps = stack.objects(TARGET, TYPE).await;
    apps.into_iter()
        .filter(|app| app["displayName"] == name)
        .collect()
}

async fn assert_done(stack: &Stack, items: &[ItemRow]) {
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert!(bad.is_empty() && items.len() == 2, "{items:#?}");
    for name in ["Intranet", "Notepad"] {
        let found = named(stack, name).await;
        assert_eq!(found.len(), 1, "{name}");
        let assignments = found[0]["assignments"].as_array().unwrap();
        assert_eq!(assignments.len(), 1, "{name}");
        assert_eq!(assignments[0]["intent"], "required");
        let categories = found[0]["categories"].as_array().unwrap();
        assert_eq!(categories.len(), 1, "{name}");
        assert_eq!(categories[0]["displayName"], "Productivity");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn apps_are_made_published_categorised_and_assigned() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    let plan = planned(&stack).await;
    let held = plan
        .preflight
        .subjects
        .iter()
        .filter(|s| s.readiness == Readiness::Blocked);
    let held: Vec<_> = held
        .map(|s| (s.display_name.as_str(), s.reasons[0].code.as_str()))
        .collect();
    assert!(
        held.contains(&("Microsoft Outlook", "app_present")),
        "{held:?}"
    );
    assert!(held.contains(&("Field Tool", "capture_only")), "{held:?}");
    assert_done(&stack, &promote(&stack, &plan).await).await;
    let again = planned(&stack).await;
    for name in ["Intranet", "Notepad", "Company Portal"] {
        let mut all = again.comparison.subjects.iter();
        let subject = all.find(|s| s.display_name == name).unwrap();
        assert_eq!(subject.state, SubjectState::Match, "{subject:#?}");
    }
    assert!(stack.writes(SOURCE).await.is_empty());
    worker.stop().await;
}

async fn lose(path: &str, kind: &str) {
    let stack = Stack::start().await;
    let worker = stack.worker();
    let plan = planned(&stack).await;
    let fault = json!({"tenant": TARGET, "method": "POST", "path_regex": path, "kind": kind,
        "times": 1});
    stack.fault(fault).await;
    assert_done(&stack, &promote(&stack, &plan).await).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_makes_no_second_app() {
    for kind in ["cut_after_effect", "cut_before_effect"] {
        tokio::join!(
            lose("mobileApps$", kind),
            lose("categories/.ref$", kind),
            lose("mobileApps/[^/]+/assign$", kind),
        );
    }
}
