//! The calls that bind a profile to certificate profiles, and what holds one.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    clippy::panic,
    reason = "a test may stop where it stands"
)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::CapturedPolicy;
use crate::policy_type::{OWN, find};
use crate::steps::steps_test::{KEEP, built, landing, policy};
use crate::steps::{Landing, Written, fill, fill_policy};
use crate::verify;

const IOS_WIFI: &str = "iosEnterpriseWiFiConfiguration";
const ROOTS: &str = "rootCertificatesForServerValidation";
const IDENTITY: &str = "identityCertificateForClientAuthentication";

fn row() -> &'static PolicyType {
    find("deviceConfigurations").expect("the row")
}

fn profile(id: &str, kind: &str, more: Value) -> CapturedPolicy {
    let mut item = json!({"@odata.type": format!("#microsoft.graph.{kind}")});
    for link in crate::policy_type::links_of_type(kind) {
        item[link.property] = if link.many { json!([]) } else { Value::Null };
    }
    let members = item.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    policy("deviceConfigurations", id, item)
}

fn wifi(id: &str, identity: Option<&str>, roots: &[&str]) -> CapturedPolicy {
    profile(
        id,
        IOS_WIFI,
        json!({"ssid": "corp", "authenticationMethod": "usernameAndPassword",
            IDENTITY: identity, ROOTS: roots}),
    )
}

fn to(entries: &[(&str, &str)]) -> Landing {
    let entries: Vec<_> = entries
        .iter()
        .map(|(from, to)| ("device_configuration", *from, *to))
        .collect();
    landing(&entries)
}

fn calls(written: &Written) -> Vec<String> {
    let call = |step: &WriteStep| format!("{} {}", step.method, step.path);
    let below = "/deviceManagement/deviceConfigurations/{item}";
    let calls = written.steps.iter().map(call);
    calls.map(|call| call.replace(below, "..")).collect()
}

#[test]
fn a_new_profile_is_bound_by_its_create_and_each_link_has_a_call_behind_it() {
    let source = wifi("1", Some("scep"), &["r1", "r2"]);
    let landing = to(&[("scep", "created by subj_scep"), ("r1", "t1"), ("r2", "t2")]);
    let written = built(&source, None, &landing, KEEP).expect("built");
    let cast = format!("../microsoft.graph.{IOS_WIFI}");
    assert_eq!(
        calls(&written),
        [
            "POST /deviceManagement/deviceConfigurations".to_owned(),
            format!("PUT {cast}/{IDENTITY}/$ref"),
            format!("POST {cast}/{ROOTS}/$ref"),
            format!("POST {cast}/{ROOTS}/$ref"),
        ]
    );
    let body = written.steps[0].body.as_ref().expect("a body");
    assert!(body.get(IDENTITY).is_none() && body.get(ROOTS).is_none());
    let created = BTreeMap::from([("subj_scep".to_owned(), "T-scep".to_owned())]);
    assert_eq!(fill(&written.steps[0], None, &BTreeMap::new()), None);
    let mut create = fill(&written.steps[0], None, &created).expect("filled");
    assert!(is_bound(row(), &create));
    address(row(), &mut create, "https://graph.microsoft.us");
    let mut body = create.body.clone().expect("a body");
    let whole = |path: &str| Some(format!("https://graph.microsoft.us/beta{path}"));
    assert!(crate::steps::complete_links(&mut body, &whole));
    let at = |id: &str| {
        format!("https://graph.microsoft.us/beta/deviceManagement/deviceConfigurations('{id}')")
    };
    assert_eq!(body[format!("{IDENTITY}@odata.bind")], json!(at("T-scep")));
    assert_eq!(
        body[format!("{ROOTS}@odata.bind")],
        json!([at("t1"), at("t2")])
    );
    unbind(row(), &mut create);
    assert!(!is_bound(row(), &create));
    let left = create.body.expect("a body");
    let names = left.as_object().expect("an object").keys();
    assert!(names.into_iter().all(|name| !name.contains("@odata.bind")));
    assert_eq!(fill(&written.steps[1], Some("i"), &BTreeMap::new()), None);
    let mut bind = fill(&written.steps[1], Some("i"), &created).expect("filled");
    assert!(is_linked(&bind, &json!({IDENTITY: "t-SCEP"})));
    assert!(!is_linked(&bind, &json!({ IDENTITY: null })));
    address(row(), &mut bind, "https://graph.microsoft.us");
    assert_eq!(
        bind.body,
        Some(json!({"@odata.id":
            "https://graph.microsoft.us/beta/deviceManagement/deviceConfigurations('T-scep')"}))
    );
    assert_eq!(
        bind.path,
        format!(
            "/deviceManagement/deviceConfigurations/i/microsoft.graph.{IOS_WIFI}/{IDENTITY}/$ref"
        )
    );
}

#[test]
fn an_update_of_links_alone_touches_nothing_else() {
    let source = wifi("1", None, &["r1", "r2"]);
    let target = wifi("9", Some("old"), &["T1", "t3"]);
    let landing = to(&[("r1", "t1"), ("r2", "t2")]);
    let written = built(&source, Some(&target), &landing, KEEP).expect("built");
    let cast = format!("../microsoft.graph.{IOS_WIFI}");
    assert_eq!(
        calls(&written),
        [
            format!("DELETE {cast}/{IDENTITY}/$ref"),
            format!("POST {cast}/{ROOTS}/$ref"),
            format!("DELETE {cast}/{ROOTS}/t3/$ref"),
        ]
    );
    assert_eq!(written.steps[1].body, Some(json!({"@odata.id": "t2"})));
    let removed = &written.steps[2];
    assert!(is_linked(removed, &json!({ROOTS: ["t1"]})));
    assert!(!is_linked(removed, &json!({ROOTS: ["T3"]})));
}

#[test]
fn a_changed_setting_leaves_equal_links_alone() {
    let source = wifi("1", Some("scep"), &["r1"]);
    let mut target = wifi("9", Some("T-SCEP"), &["t1"]);
    target.content["ssid"] = json!("other");
    let landing = to(&[("scep", "t-scep"), ("r1", "t1")]);
    let written = built(&source, Some(&target), &landing, KEEP).expect("built");
    assert_eq!(calls(&written), ["PATCH ..".to_owned()]);
    let body = written.steps[0].body.as_ref().expect("a body");
    assert!(body.get(IDENTITY).is_none() && body.get(ROOTS).is_none());
}

#[test]
fn what_is_not_known_or_not_complete_is_held() {
    let code = |source: &CapturedPolicy, target: Option<&CapturedPolicy>| {
        built(source, target, &to(&[("c", "t"), ("r1", "t1")]), KEEP)
            .map_err(|error| error.code)
            .err()
    };
    let held = Some("certificate_binding_not_captured");
    let unread = |id: &str| {
        let item = json!({"@odata.type": format!("#microsoft.graph.{IOS_WIFI}"), "ssid": "corp"});
        policy("deviceConfigurations", id, item)
    };
    let whole = wifi("1", None, &[]);
    assert_eq!(code(&whole, None), None);
    assert_eq!(code(&unread("1"), None), held);
    assert_eq!(code(&whole, Some(&unread("9"))), held);

    let by = |method: &str, more: Value| {
        let mut members = json!({ "authenticationMethod": method });
        let more = more.as_object().expect("an object").clone();
        members.as_object_mut().expect("an object").extend(more);
        profile("1", IOS_WIFI, members)
    };
    assert_eq!(code(&by("certificate", json!({})), None), held);
    assert_eq!(code(&by("certificate", json!({IDENTITY: "c"})), None), None);
    assert_eq!(code(&by("derivedCredential", json!({})), None), held);
    let derived = |id: &str| {
        let more =
            json!({"authenticationMethod": "derivedCredential", "derivedCredentialSettings": OWN});
        profile(id, IOS_WIFI, more)
    };
    assert_eq!(code(&derived("1"), None), held);
    let mut standing = derived("9");
    standing.content["ssid"] = json!("other");
    assert_eq!(code(&derived("1"), Some(&standing)), None);

    let scep = |more: Value| profile("1", "iosScepCertificateProfile", more);
    assert_eq!(code(&scep(json!({})), None), held);
    assert_eq!(code(&scep(json!({"rootCertificate": "r1"})), None), None);
}

#[test]
fn a_link_read_is_another_content_than_a_link_nobody_looked_for() {
    let item = json!({"@odata.type": format!("#microsoft.graph.{IOS_WIFI}"), "ssid": "corp"});
    let unread = policy("deviceConfigurations", "1", item);
    let read = profile("1", IOS_WIFI, json!({"ssid": "corp"}));
    assert_ne!(unread.content_hash, read.content_hash);
    let print = |policy: &CapturedPolicy| verify::reviewed_fingerprint(row(), policy, KEEP);
    assert_eq!(print(&unread), print(&read));
    let bound = profile("1", IOS_WIFI, json!({"ssid": "corp", ROOTS: ["r1"]}));
    assert_ne!(print(&bound), print(&read));
    let order = |roots: [&str; 2]| print(&wifi("1", None, &roots));
    assert_eq!(order(["r1", "r2"]), order(["R2", "r1"]));
}

#[test]
fn a_link_that_was_not_planned_is_no_default_of_the_server() {
    let source = wifi("1", None, &["r1"]);
    let written = built(&source, None, &to(&[("r1", "t1")]), KEEP).expect("built");
    let check = |identity: Option<&str>, roots: &[&str]| {
        let live = wifi("9", identity, roots);
        verify::check(
            row(),
            &written.expected,
            &live,
            &BTreeMap::new(),
            KEEP,
            true,
        )
        .map_err(|found| {
            found
                .into_iter()
                .map(|one| one.path)
                .collect::<BTreeSet<_>>()
        })
    };
    assert_eq!(check(None, &["T1"]), Ok(()));
    let at = |path: &str| Err(BTreeSet::from([format!("/{path}")]));
    assert_eq!(check(Some("x"), &["t1"]), at(IDENTITY));
    assert_eq!(check(None, &["t1", "t2"]), at(ROOTS));
    assert_eq!(check(None, &[]), at(ROOTS));
}

/// Carries out the calls on links as Graph does; refuses what Graph refuses.
fn carry_out(written: &Written, standing: &Value) -> Value {
    let mut live = standing.clone();
    for step in &written.steps {
        let (StepKind::Link { property } | StepKind::Unlink { property, .. }) = &step.kind else {
            continue;
        };
        assert!(!is_linked(step, &live), "{} is done already", step.name);
        let id = step.body.as_ref().map(|body| body[ID].clone());
        match (step.method.as_str(), &mut live[property]) {
            ("PUT", slot) if !slot.is_array() => *slot = id.expect("an id"),
            ("POST", Value::Array(items)) => items.push(id.expect("an id")),
            ("DELETE", Value::Array(items)) => {
                let gone = step.path.split('/').rev().nth(1).expect("an id");
                items.retain(|one| one != gone);
            }
            ("DELETE", slot) if slot.is_string() => *slot = Value::Null,
            (method, slot) => panic!("{method} on {slot}"),
        }
        assert!(is_linked(step, &live), "{} had no effect", step.name);
    }
    live
}

fn some_roots() -> impl Strategy<Value = BTreeSet<u8>> {
    prop::collection::btree_set(0..6_u8, 0..5)
}

proptest! {
    /// Whatever stands there, the calls lead to exactly the planned links, and half way everything
    /// is on its way.
    #[test]
    fn the_calls_lead_to_the_planned_links(
        wanted in some_roots(), there in some_roots(),
        identity in prop::option::of(0..3_u8), standing in prop::option::of(0..3_u8),
        stop in 0..12_usize,
    ) {
        let name = |prefix: &str, number: u8| format!("{prefix}{number}");
        let list = |prefix: &str, from: &BTreeSet<u8>| -> Vec<String> {
            from.iter().map(|number| name(prefix, *number)).collect()
        };
        let borrowed = |list: &[String]| list.iter().map(String::as_str).map(str::to_owned).collect::<Vec<_>>();
        let make = |id: &str, prefix: &str, identity: Option<u8>, roots: &BTreeSet<u8>| {
            let identity = identity.map(|number| name(&format!("{prefix}c"), number));
            let roots = borrowed(&list(prefix, roots));
            let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
            wifi(id, identity.as_deref(), &roots)
        };
        let source = make("1", "s", identity, &wanted);
        let target = make("9", "t", standing, &there);
        let entries: Vec<(String, String)> = (0..6)
            .flat_map(|number| [(name("s", number), name("t", number)), (name("sc", number), name("tc", number))])
            .collect();
        let entries: Vec<(&str, &str)> = entries.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        let mut written = built(&source, Some(&target), &to(&entries), KEEP).expect("built");
        let live = carry_out(&written, &target.content);
        prop_assert!(differing(row(), &written.expected.content, &live).is_empty());
        let expected = fill_policy(row(), &written.expected, &BTreeMap::new()).expect("filled");
        written.steps.truncate(stop);
        let live = carry_out(&written, &target.content);
        for link in crate::policy_type::links_of_type(IOS_WIFI) {
            prop_assert!(on_its_way(link, &target.content, &expected.content, &live));
        }
    }
}

#[test]
fn what_somebody_else_linked_is_not_on_its_way() {
    let links = crate::policy_type::links_of_type(IOS_WIFI);
    let link = |name: &str| {
        links
            .iter()
            .find(|link| link.property == name)
            .expect("a link")
    };
    let roots = |ids: Value| json!({ ROOTS: ids });
    let way = |was, will, is| on_its_way(link(ROOTS), &roots(was), &roots(will), &roots(is));
    assert!(way(json!(["a", "b"]), json!(["b", "c"]), json!(["B"])));
    assert!(!way(
        json!(["a", "b"]),
        json!(["b", "c"]),
        json!(["a", "c"])
    ));
    assert!(!way(json!(["a"]), json!(["b"]), json!(["a", "x"])));
    let one = |id: Value| json!({ IDENTITY: id });
    let way = |was, will, is| on_its_way(link(IDENTITY), &one(was), &one(will), &one(is));
    assert!(way(json!("a"), json!("b"), json!("A")) && way(json!("a"), json!("b"), json!("b")));
    assert!(!way(json!("a"), json!("b"), json!(null)) && !way(json!("a"), json!("b"), json!("x")));
}
