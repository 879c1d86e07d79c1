//! Enrolment notifications: made with the texts of their templates, never twice, and never called
//! done before every text was read back.
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

const TYPE: &str = "enrollmentNotifications";
const COLLECTION: &str = "deviceEnrollmentConfigurations";
const TEMPLATES: &str = "notificationMessageTemplates";
const KIND: &str = "#microsoft.graph.deviceEnrollmentNotificationConfiguration";

fn mapped() -> Options {
    Options {
        assignments: Carry::Map,
        scope_tags: Carry::Map,
        ..Options::default()
    }
}

/// The notifications of a tenant by name, each with its templates by kind.
async fn notifications(stack: &Stack, tenant: &str) -> Vec<(Value, Vec<(String, Value)>)> {
    let templates = stack.objects(tenant, TEMPLATES).await;
    let mut all = Vec::new();
    for object in stack.objects(tenant, COLLECTION).await {
        if object["@odata.type"] != KIND {
            continue;
        }
        let mut own = Vec::new();
        for name in object["notificationTemplates"].as_array().unwrap() {
            let (kind, id) = name.as_str().unwrap().split_once('_').unwrap();
            let template = templates.iter().find(|template| template["id"] == id);
            own.push((kind.to_lowercase(), template.unwrap().clone()));
        }
        all.push((object, own));
    }
    all.sort_by_key(|(object, _)| object["displayName"].to_string());
    all
}

/// What people are told: by name and kind, branding and texts without what each tenant has of its own.
async fn told(stack: &Stack, tenant: &str) -> Value {
    let mut said = Vec::new();
    for (object, templates) in notifications(stack, tenant).await {
        for (kind, template) in templates {
            let texts = template["localizedNotificationMessages"].as_array();
            let mut texts: Vec<Value> = texts
                .unwrap()
                .iter()
                .map(|text| {
                    json!([
                        text["locale"],
                        text["subject"],
                        text["messageTemplate"],
                        text["isDefault"]
                    ])
                })
                .collect();
            texts.sort_by_key(Value::to_string);
            said.push(json!([
                object["displayName"],
                kind,
                template["brandingOptions"],
                texts
            ]));
        }
    }
    said.sort_by_key(Value::to_string);
    json!(said)
}

async fn promote(stack: &Stack, plan: &Plan) -> Vec<ItemRow> {
    let run = stack.promote(plan).await;
    stack.finished(run).await;
    stack.items(run).await
}

async fn assert_done(stack: &Stack, items: &[ItemRow]) {
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    assert!(bad.is_empty() && items.len() == 2, "{items:#?}");
    assert_eq!(told(stack, TARGET).await, told(stack, SOURCE).await);
    let there = notifications(stack, TARGET).await;
    assert_eq!(there.len(), 3);
    for (object, templates) in &there {
        assert_eq!(object["assignments"].as_array().unwrap().len(), 1);
        assert!(!templates.is_empty());
    }
    // No template that belongs to nobody is left.
    let internal = |object: &&Value| object["displayName"] == "EnrollmentNotificationInternalMEO";
    let all = stack.objects(TARGET, TEMPLATES).await;
    assert_eq!(all.iter().filter(internal).count(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn notifications_are_promoted_with_their_texts_and_match_afterwards() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TYPE], mapped()).await;
    let ready = plan.preflight.subjects.iter();
    assert_eq!(
        ready
            .clone()
            .filter(|s| s.readiness == Readiness::Ready)
            .count(),
        2
    );
    let others = stack.plan(&[TEMPLATES], mapped()).await;
    let mut names = others.comparison.subjects.iter();
    assert!(names.all(|s| !s.display_name.contains("InternalMEO")));

    assert_done(&stack, &promote(&stack, &plan).await).await;
    let again = stack.plan(&[TYPE], mapped()).await;
    for subject in &again.comparison.subjects {
        assert_eq!(subject.state, SubjectState::Match, "{subject:#?}");
    }
    assert!(stack.writes(SOURCE).await.is_empty());
    worker.stop().await;
}

async fn lose(method: &str, path: &str, kind: &str) {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TYPE], mapped()).await;
    let fault = json!({"tenant": TARGET, "method": method, "path_regex": path, "kind": kind,
        "times": 1});
    stack.fault(fault).await;
    assert_done(&stack, &promote(&stack, &plan).await).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_makes_no_second_notification_and_no_second_text() {
    for kind in ["cut_after_effect", "cut_before_effect"] {
        let template = format!("{TEMPLATES}/[^/]+$");
        let all = format!("{COLLECTION}$");
        tokio::join!(
            lose("POST", &all, kind),
            lose("POST", "localizedNotificationMessages$", kind),
            lose("PATCH", &template, kind),
        );
    }
}

async fn there(stack: &Stack, name: &str) -> Value {
    let all = notifications(stack, TARGET).await;
    let (_, templates) = all
        .into_iter()
        .find(|(object, _)| object["displayName"] == name)
        .unwrap();
    templates.into_iter().next().unwrap().1
}

/// A text that somebody adds while the run writes beside it is neither removed nor called the plan's.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_added_in_the_middle_of_a_run_stays_and_is_no_success() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TYPE], mapped()).await;
    let template = there(&stack, "Enrolled - Android").await;
    let mut texts = template["localizedNotificationMessages"].clone();
    let mut added = texts[0].clone();
    added["id"] = json!(format!("{}_fr-fr", template["id"].as_str().unwrap()));
    added["locale"] = json!("fr-fr");
    added["messageTemplate"] = json!("Words of the night shift.");
    added["isDefault"] = json!(false);
    texts.as_array_mut().unwrap().push(added);
    let fault = json!({"tenant": TARGET, "method": "PATCH", "kind": "change_behind", "times": 1,
        "path_regex": "localizedNotificationMessages/", "collection": TEMPLATES,
        "id": template["id"], "patch": {"localizedNotificationMessages": texts}});
    stack.fault(fault).await;
    let items = promote(&stack, &plan).await;
    let bad: Vec<_> = items.iter().filter(|i| i.outcome != "succeeded").collect();
    let [item] = bad[..] else {
        unreachable!("{items:#?}")
    };
    assert_eq!(item.outcome, "failed", "{item:#?}");
    let after = there(&stack, "Enrolled - Android").await;
    let said = after["localizedNotificationMessages"].to_string();
    assert!(said.contains("night shift"), "{said}");
    stack.sync_both().await;
    let again = stack.plan(&[TYPE], mapped()).await;
    let mut subjects = again.comparison.subjects.iter();
    let subject = subjects
        .find(|s| s.display_name == "Enrolled - Android")
        .unwrap();
    assert_eq!(subject.state, SubjectState::Different, "{subject:#?}");
    worker.stop().await;
}

/// Texts that somebody changes in the target between review and run are not overwritten.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_changed_after_the_review_is_not_overwritten() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;
    let plan = stack.plan(&[TYPE], mapped()).await;
    let template = there(&stack, "Enrolled - Android").await;
    let mut texts = template["localizedNotificationMessages"].clone();
    texts[0]["messageTemplate"] = json!("Words of the night shift.");
    let path = format!(
        "/tenants/{TARGET}/objects/{TEMPLATES}/{}",
        template["id"].as_str().unwrap()
    );
    let body = json!({"localizedNotificationMessages": texts});
    stack.control("PATCH", &path, Some(body)).await;
    let items = promote(&stack, &plan).await;
    let changed: Vec<_> = items.iter().filter(|i| i.outcome == "failed").collect();
    assert_eq!(changed.len(), 1, "{items:#?}");
    assert_eq!(changed[0].reason_code.as_deref(), Some("target_changed"));
    let said = told(&stack, TARGET).await.to_string();
    assert!(said.contains("night shift"), "{said}");
    worker.stop().await;
}

/// Where Graph does not show a template that a notification names, its texts are unknown: the
/// notification is neither equal nor promoted.
#[tokio::test(flavor = "multi_thread")]
async fn texts_that_cannot_be_read_hold_the_notification() {
    let stack = Stack::start().await;
    let worker = stack.worker();
    stack
        .fault(
            json!({"tenant": SOURCE, "method": "GET", "kind": "status_before_effect",
            "status": 404, "path_regex": "localizedNotificationMessages", "times": 1000}),
        )
        .await;
    stack.sync_both().await;
    let plan = stack.plan(&[TYPE], mapped()).await;
    assert!(!plan.preflight.subjects.is_empty());
    for subject in &plan.preflight.subjects {
        assert_ne!(subject.readiness, Readiness::Ready, "{subject:#?}");
    }
    for subject in &plan.comparison.subjects {
        assert_eq!(subject.state, SubjectState::Indeterminate, "{subject:#?}");
    }
    worker.stop().await;
}
