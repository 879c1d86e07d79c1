//! Profiles bound to certificate profiles: captured, promoted, lost answers settled, changes seen.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeSet;

use crate::support::certificates::{LINKS, assert_bound, bind_certificates};
use crate::support::{Plan, SOURCE, Stack, TARGET};
use domain::landing::Resolution;
use domain::plan::Action;
use domain::selection::Options;
use domain::subject::SubjectState;
use serde_json::{Value, json};

const TYPE: &str = "deviceConfigurations";
const WIRELESS: &str = "A - iOS - Certificate Wireless";
const ROOTS: &str = "rootCertificatesForServerValidation";

async fn planned(stack: &Stack) -> Plan {
    stack.sync_both().await;
    stack.plan(&[TYPE], Options::default()).await
}

fn links_set(writes: &[Value]) -> usize {
    let text = |write: &Value, name: &str| {
        let member = write.get(name).and_then(Value::as_str);
        member.unwrap_or_default().to_owned()
    };
    writes
        .iter()
        .filter(|write| text(write, "path").ends_with("/$ref"))
        .filter(|write| text(write, "effect") == "updated")
        .count()
}

/// What the body of a create is bound to.
fn bound_to(write: &Value) -> Vec<String> {
    let body = write.get("body").and_then(Value::as_object);
    let binds = body.into_iter().flatten();
    let binds = binds.filter(|(name, _)| name.ends_with("@odata.bind"));
    binds
        .flat_map(|(_, value)| match value {
            Value::Array(items) => items.clone(),
            one => vec![one.clone()],
        })
        .filter_map(|address| address.as_str().map(str::to_owned))
        .collect()
}

/// A Graph that takes no link with a create.
async fn refuse_binds(stack: &Stack) {
    let options = format!("/tenants/{TARGET}/options");
    stack
        .control("PUT", &options, Some(json!({"no_binds": true})))
        .await;
}

async fn object(stack: &Stack, tenant: &str, name: &str) -> Value {
    let objects = stack.objects(tenant, TYPE).await;
    let found = objects
        .into_iter()
        .find(|object| object.get("displayName").is_some_and(|is| is == name));
    found.unwrap()
}

async fn set_links(stack: &Stack, tenant: &str, name: &str, links: Value) {
    let id = object(stack, tenant, name).await;
    let id = id.get("id").and_then(Value::as_str).unwrap().to_owned();
    let path = format!("/tenants/{tenant}/objects/{TYPE}/{id}");
    stack
        .control("PATCH", &path, Some(json!({ "links": links })))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bound_profiles_land_behind_their_certificates_and_match_at_once() {
    let stack = Stack::start().await;
    bind_certificates(&stack).await;
    // Both answers of Graph for a link that leads nowhere.
    let options = format!("/tenants/{TARGET}/options");
    stack
        .control("PUT", &options, Some(json!({"empty_links": true})))
        .await;
    let worker = stack.worker();
    let plan = planned(&stack).await;
    let wave = |name: &str| {
        let subject = plan.subjects.iter().find(|one| one.display_name == name);
        subject.map(|subject| (subject.action, subject.wave))
    };
    assert_eq!(wave("iOS - Root A"), Some((Action::Create, 4)));
    assert_eq!(wave("iOS - Device Certificate"), Some((Action::Create, 5)));
    assert_eq!(wave(WIRELESS), Some((Action::Create, 6)));
    let wireless = plan
        .preflight
        .subjects
        .iter()
        .find(|one| one.display_name == WIRELESS);
    let references = &wireless.unwrap().references;
    assert_eq!(references.len(), 3, "{references:#?}");
    for reference in references {
        assert_eq!(reference.kind, "device_configuration");
        assert_eq!(reference.resolution, Resolution::CreatedByPlan);
    }

    let run = stack.promote(&plan).await;
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "succeeded", "{:#?}", stack.items(run).await);
    assert_bound(&stack, TARGET).await;
    // Each by the create of its profile, so that none ever stood without.
    let writes = stack.writes(TARGET).await;
    assert_eq!(links_set(&writes), 0);
    assert!(stack.writes(SOURCE).await.is_empty());
    let base = stack.sim.base_url();
    let collection = format!("{base}/beta/deviceManagement/deviceConfigurations(");
    let bound: Vec<String> = writes.iter().flat_map(bound_to).collect();
    assert_eq!(bound.len(), LINKS);
    for address in bound {
        assert!(address.starts_with(&collection), "{address}");
    }
    for again in [
        stack.plan(&[TYPE], Options::default()).await,
        planned(&stack).await,
    ] {
        let unmatched: Vec<_> = again
            .comparison
            .subjects
            .iter()
            .filter(|now| {
                plan.subjects
                    .iter()
                    .any(|was| was.subject_key == now.subject_key)
            })
            .filter(|now| now.state != SubjectState::Match)
            .collect();
        assert!(unmatched.is_empty(), "{unmatched:#?}");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_graph_refuses_with_its_links_is_sent_once_without_them() {
    let stack = Stack::start().await;
    bind_certificates(&stack).await;
    refuse_binds(&stack).await;
    let worker = stack.worker();
    let plan = planned(&stack).await;
    let run = stack.promote(&plan).await;
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "succeeded", "{:#?}", stack.items(run).await);
    assert_bound(&stack, TARGET).await;
    let writes = stack.writes(TARGET).await;
    assert_eq!(links_set(&writes), LINKS);
    for name in [WIRELESS, "iOS - Device Certificate"] {
        let creates: Vec<bool> = writes
            .iter()
            .filter(|write| {
                write
                    .pointer("/body/displayName")
                    .is_some_and(|is| is == name)
            })
            .map(|write| bound_to(write).is_empty())
            .collect();
        assert_eq!(
            creates,
            [false, true],
            "{name}: with its links, then without"
        );
    }
    let items = stack.items(run).await;
    let refused = items
        .iter()
        .filter(|item| item.journal.to_string().contains("links_refused"));
    assert_eq!(refused.count(), 2, "each on record");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_bound_create_makes_nothing_twice() {
    for kind in ["cut_after_effect", "cut_before_effect"] {
        let stack = Stack::start().await;
        bind_certificates(&stack).await;
        let worker = stack.worker();
        let plan = planned(&stack).await;
        // The last wave is the profile with three links.
        let creates = plan.subjects.iter();
        let creates = creates.filter(|one| one.action == Action::Create).count();
        let fault = json!({"kind": kind, "tenant": TARGET, "method": "POST",
            "path_regex": "/deviceConfigurations$", "skip": creates - 1, "times": 1});
        stack.fault(fault).await;
        let run = stack.promote(&plan).await;
        let row = stack.finished(run).await;
        let succeeded = row.outcome == "succeeded";
        assert!(succeeded, "{kind} {:#?}", stack.items(run).await);
        assert_bound(&stack, TARGET).await;
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_link_sets_no_link_twice_and_leaves_none_out() {
    for kind in [
        json!({"kind": "cut_after_effect"}),
        json!({"kind": "cut_before_effect"}),
        json!({"kind": "status_after_effect", "status": 500}),
        json!({"kind": "status_before_effect", "status": 502}),
    ] {
        let stack = Stack::start().await;
        bind_certificates(&stack).await;
        refuse_binds(&stack).await;
        let worker = stack.worker();
        let plan = planned(&stack).await;
        let mut fault = kind.clone();
        let place = json!({"tenant": TARGET, "path_regex": "/\\$ref$", "times": 3});
        if let (Some(fault), Value::Object(place)) = (fault.as_object_mut(), place) {
            fault.extend(place);
        }
        stack.fault(fault).await;
        let run = stack.promote(&plan).await;
        let row = stack.finished(run).await;
        assert_eq!(
            row.outcome,
            "succeeded",
            "{kind} {:#?}",
            stack.items(run).await
        );
        assert_bound(&stack, TARGET).await;
        let set = links_set(&stack.writes(TARGET).await);
        assert_eq!(set, LINKS, "{kind}");
        worker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_differing_link_is_a_difference_and_what_changed_after_the_review_stays() {
    let stack = Stack::start().await;
    bind_certificates(&stack).await;
    let worker = stack.worker();
    let plan = planned(&stack).await;
    let run = stack.promote(&plan).await;
    assert_eq!(stack.finished(run).await.outcome, "succeeded");

    let id = |object: &Value| object.get("id").and_then(Value::as_str).unwrap().to_owned();
    let root = id(&object(&stack, TARGET, "iOS - Root B").await);
    let scep = id(&object(&stack, TARGET, "iOS - Device Certificate").await);
    let identity = "identityCertificateForClientAuthentication";
    let only_b = json!({ROOTS: [root], identity: [scep]});
    set_links(&stack, TARGET, WIRELESS, only_b.clone()).await;
    let plan = planned(&stack).await;
    let subject = plan
        .subjects
        .iter()
        .find(|one| one.display_name == WIRELESS);
    assert_eq!(subject.unwrap().action, Action::Update);

    // Somebody else changes a link after the review: nothing is written over it.
    set_links(
        &stack,
        TARGET,
        WIRELESS,
        json!({ROOTS: [], identity: [scep]}),
    )
    .await;
    let before = stack.writes(TARGET).await.len();
    let run = stack.promote(&plan).await;
    stack.finished(run).await;
    let items = stack.items(run).await;
    let item = items
        .iter()
        .find(|item| item.display_name == WIRELESS)
        .unwrap();
    assert_eq!(
        item.reason_code.as_deref(),
        Some("target_changed"),
        "{item:#?}"
    );
    let wireless = object(&stack, TARGET, WIRELESS).await;
    assert_eq!(
        wireless.pointer(&format!("/links/{ROOTS}")),
        Some(&json!([]))
    );

    // Reviewed as it is now, it is bound again by links alone.
    let plan = planned(&stack).await;
    let run = stack.promote(&plan).await;
    assert_eq!(
        stack.finished(run).await.outcome,
        "succeeded",
        "{:#?}",
        stack.items(run).await
    );
    assert_bound(&stack, TARGET).await;
    let mine: BTreeSet<String> = stack
        .writes(TARGET)
        .await
        .split_off(before)
        .iter()
        .filter(|write| {
            let path = write
                .get("path")
                .and_then(Value::as_str)
                .unwrap_or_default();
            path.contains(&id(&wireless))
        })
        .map(|write| {
            write
                .get("method")
                .and_then(Value::as_str)
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(mine, BTreeSet::from(["POST".to_owned()]));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_cannot_be_read_is_never_no_link() {
    let stack = Stack::start().await;
    bind_certificates(&stack).await;
    let worker = stack.worker();
    for link in [ROOTS, "identityCertificateForClientAuthentication"] {
        let fault = json!({"tenant": SOURCE, "method": "GET", "path_regex": format!("/{link}"),
            "kind": "status_before_effect", "status": 403, "times": 10_000});
        stack.fault(fault).await;
        let plan = planned(&stack).await;
        let subjects = &plan.comparison.subjects;
        let wireless = subjects
            .iter()
            .find(|one| one.display_name == WIRELESS)
            .unwrap();
        assert_eq!(wireless.state, SubjectState::Indeterminate, "{wireless:#?}");
        assert!(plan.subjects.iter().all(|one| one.display_name != WIRELESS));
        stack.control("DELETE", "/faults", None).await;
    }
    // One 404 is no proof that a link leads nowhere.
    let fault = json!({"tenant": SOURCE, "method": "GET", "kind": "status_before_effect",
        "path_regex": "/identityCertificateForClientAuthentication", "status": 404, "times": 1});
    stack.fault(fault).await;
    let plan = planned(&stack).await;
    let wireless = plan
        .preflight
        .subjects
        .iter()
        .find(|one| one.display_name == WIRELESS);
    assert_eq!(wireless.unwrap().references.len(), 3, "{wireless:#?}");
    worker.stop().await;
}
