//! What a restore writes, keeps and refuses.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test may stop where it stands"
)]

use serde_json::{Value, json};

use super::*;
use crate::capture::{RawPolicy, capture};
use crate::references::ReferenceObject;
use crate::secret::SecretKey;

const TENANT: Uuid = Uuid::from_u128(1);
const POLICY: Uuid = Uuid::from_u128(2);

fn policy(key: &str, mut item: Value) -> CapturedPolicy {
    let row = policy_type::find(key).expect("a row");
    let members = item.as_object_mut().expect("an object");
    members.insert("id".to_owned(), json!("live"));
    let assignments = members
        .remove("assignments")
        .and_then(|list| list.as_array().cloned());
    let raw = RawPolicy {
        item,
        assignments,
        ..RawPolicy::default()
    };
    let key = SecretKey {
        key_id: "k".to_owned(),
        key: vec![1],
    };
    capture(row, raw, &key).expect("captured")
}

fn own(key: &str, wanted: Value, current: Value) -> OwnVersions {
    let version = |number, item| {
        TenantVersion::new(TENANT, POLICY, Uuid::from_u128(number), policy(key, item))
    };
    OwnVersions::of(TENANT, version(10, wanted), version(11, current)).expect("own versions")
}

fn catalog(groups: &[&str]) -> ReferenceCatalog {
    let objects = groups.iter().map(|id| ReferenceObject {
        id: Uuid::nil(),
        kind: "group".to_owned(),
        external_id: (*id).to_owned(),
        name: Some(format!("Group {id}")),
        discriminator: String::new(),
    });
    ReferenceCatalog::new(objects, ["group".to_owned()])
}

/// Long before every date of these tests.
fn plan_now(
    own: &OwnVersions,
    catalog: &ReferenceCatalog,
    enforcement: Enforcement,
) -> Result<Restore, Vec<Reason>> {
    plan(own, catalog, enforcement, DateTime::UNIX_EPOCH)
}

fn codes(held: Result<Restore, Vec<Reason>>) -> Vec<String> {
    let reasons = held.expect_err("held");
    reasons.into_iter().map(|reason| reason.code).collect()
}

fn body(restore: &Restore, step: &str) -> Value {
    let steps = &restore.planned.written.steps;
    let step = steps.iter().find(|s| s.name == step);
    step.and_then(|step| step.body.clone()).expect("a body")
}

fn ring(name: &str, days: u32, tags: &[&str], groups: &[&str]) -> Value {
    let assignments: Vec<Value> = groups
        .iter()
        .map(|id| {
            json!({"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": id}})
        })
        .collect();
    json!({"@odata.type": "#microsoft.graph.iosUpdateConfiguration", "displayName": name,
        "enforcedSoftwareUpdateDelayInDays": days, "roleScopeTagIds": tags, "assignments": assignments})
}

#[test]
fn settings_name_tags_and_assignments_come_back_with_their_own_ids() {
    let own = own(
        "deviceConfigurations",
        ring("Then", 3, &["0", "7"], &["g1"]),
        ring("Now", 9, &["0"], &["g2"]),
    );
    let objects = ReferenceObject {
        id: Uuid::from_u128(7),
        kind: "scope_tag".to_owned(),
        external_id: "7".to_owned(),
        name: Some("Seven".to_owned()),
        discriminator: String::new(),
    };
    let groups = ["g1", "g2"].iter().map(|id| ReferenceObject {
        id: Uuid::nil(),
        kind: "group".to_owned(),
        external_id: (*id).to_owned(),
        name: Some((*id).to_owned()),
        discriminator: String::new(),
    });
    let catalog = ReferenceCatalog::new(
        groups.chain([objects]),
        ["group".to_owned(), "scope_tag".to_owned()],
    );
    let restore = plan_now(&own, &catalog, Enforcement::Keep).expect("ready");
    let update = body(&restore, "update");
    assert_eq!(update["displayName"], "Then");
    assert_eq!(update["enforcedSoftwareUpdateDelayInDays"], 3);
    assert_eq!(update["roleScopeTagIds"], json!(["0", "7"]));
    let assign = body(&restore, "assign");
    assert_eq!(assign["assignments"][0]["target"]["groupId"], "g1");
    let pinned = &restore.planned.pinned;
    assert_eq!(pinned.action, Action::Update);
    let target = pinned.target.as_ref().expect("a target");
    assert_eq!(target.external_id, "live");
    let row = policy_type::find("deviceConfigurations").expect("a row");
    assert_eq!(
        target.fingerprint,
        verify::reviewed_fingerprint(row, own.current(), restore.options)
    );
    assert_eq!(restore.planned.written.expected.display_name, "Then");

    // The worker derives the very same, and nothing else passes for it.
    let again = rebuild(pinned, &own, restore.options).expect("the same");
    assert_eq!(again, restore.planned);
    let mut other = pinned.clone();
    other.revision = "sha256:other".to_owned();
    assert_eq!(
        rebuild(&other, &own, restore.options),
        Err(plan::RebuildError::RevisionDiffers)
    );
}

#[test]
fn a_name_alone_is_given_back_even_beside_other_calls() {
    let own = own(
        "deviceConfigurations",
        ring("Then", 3, &["0"], &["g1"]),
        ring("Now", 3, &["0"], &[]),
    );
    let restore = plan_now(&own, &catalog(&["g1"]), Enforcement::Keep).expect("ready");
    assert_eq!(body(&restore, "update")["displayName"], "Then");
    assert_eq!(
        body(&restore, "assign")["assignments"][0]["target"]["groupId"],
        "g1"
    );
}

#[test]
fn what_stands_already_and_what_lost_its_group_is_held() {
    let same = ring("N", 3, &["0"], &["g1"]);
    let held = plan_now(
        &own("deviceConfigurations", same.clone(), same.clone()),
        &catalog(&["g1"]),
        Enforcement::Keep,
    );
    assert_eq!(codes(held), ["nothing_ready"]);

    let other = ring("N", 3, &["0"], &[]);
    let gone = own("deviceConfigurations", same.clone(), other.clone());
    assert_eq!(
        codes(plan_now(&gone, &catalog(&[]), Enforcement::Keep)),
        ["reference_missing"]
    );
    let unread = ReferenceCatalog::default();
    assert_eq!(
        codes(plan_now(&gone, &unread, Enforcement::Keep)),
        ["reference_indeterminate"]
    );

    // An assignment that is not written needs no group.
    let settings = own("deviceConfigurations", ring("N", 4, &["0"], &["g1"]), same);
    assert!(plan_now(&settings, &catalog(&[]), Enforcement::Keep).is_ok());
}

fn access(state: &str, group: &str) -> Value {
    json!({"displayName": "MFA", "state": state,
        "conditions": {"clientAppTypes": ["all"],
            "users": {"includeUsers": ["All"], "excludeGroups": [group]},
            "applications": {"includeApplications": ["All"]}},
        "grantControls": {"operator": "OR", "builtInControls": ["mfa"]}})
}

#[test]
fn a_restore_never_enables_conditional_access_unless_told_to() {
    const KEY: &str = "conditionalAccessPolicies";
    let report = "enabledForReportingButNotEnforced";
    for (captured, standing, by_default, told) in [
        ("enabled", "enabled", "enabled", "enabled"),
        ("enabled", report, report, "enabled"),
        ("enabled", "disabled", "disabled", "enabled"),
        (report, "enabled", report, report),
        ("disabled", "enabled", "disabled", "disabled"),
        (report, "disabled", report, report),
    ] {
        let own = own(KEY, access(captured, "g1"), access(standing, "g2"));
        for (enforcement, state) in [
            (Enforcement::Keep, by_default),
            (Enforcement::AsCaptured, told),
        ] {
            let restore = plan_now(&own, &catalog(&["g1", "g2"]), enforcement).expect("ready");
            let update = body(&restore, "update");
            assert_eq!(update["state"], state, "{captured} onto {standing}");
            assert_eq!(
                update["conditions"]["users"]["excludeGroups"],
                json!(["g1"])
            );
            let kept = enforcement == Enforcement::Keep && by_default != captured;
            assert_eq!(restore.kept_state.is_some(), kept);
        }
    }
    let only_state = own(KEY, access("enabled", "g1"), access(report, "g1"));
    let held = plan_now(&only_state, &catalog(&["g1"]), Enforcement::Keep).expect_err("held");
    assert_eq!(held[0].code, "nothing_ready");
    assert!(held[0].message.contains("as_captured"), "{held:?}");
    let missing = own(KEY, access(report, "gone"), access(report, "g1"));
    assert_eq!(
        codes(plan_now(&missing, &catalog(&["g1"]), Enforcement::Keep)),
        ["reference_missing"]
    );
}

#[test]
fn two_tenants_or_two_policies_make_no_restore() {
    let item = || policy("deviceConfigurations", ring("N", 1, &["0"], &[]));
    let version = |tenant, of| TenantVersion::new(tenant, of, Uuid::nil(), item());
    let (foreign, other) = (Uuid::from_u128(9), Uuid::from_u128(8));
    let own = version(TENANT, POLICY);
    for (wanted, current) in [
        (version(foreign, POLICY), own.clone()),
        (own.clone(), version(foreign, POLICY)),
        (version(foreign, POLICY), version(foreign, POLICY)),
    ] {
        assert_eq!(
            OwnVersions::of(TENANT, wanted, current),
            Err(NotOwn::ForeignTenant)
        );
    }
    assert_eq!(
        OwnVersions::of(TENANT, version(TENANT, other), own),
        Err(NotOwn::OtherPolicy)
    );
}

#[test]
fn a_secret_that_graph_does_not_return_holds_a_restore() {
    let oma = |value: &str| {
        json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "displayName": "N",
            "omaSettings": [{"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "s",
                "omaUri": "./x", "value": value, "isEncrypted": true, "secretReferenceValueId": value}]})
    };
    let own = own("deviceConfigurations", oma("a"), oma("b"));
    assert_eq!(
        codes(plan_now(&own, &catalog(&[]), Enforcement::Keep)),
        ["secret_value_required"]
    );

    // With reading allowed, a capture keeps a fingerprint; that is no value either.
    let known = |plain: &str| {
        let mut item = oma(plain);
        let key = SecretKey {
            key_id: "k".to_owned(),
            key: vec![1],
        };
        crate::oma::put_fingerprint(&mut item, 0, plain, &key);
        item
    };
    let own = super::restore_test::own("deviceConfigurations", known("a"), known("b"));
    let held = plan_now(&own, &catalog(&[]), Enforcement::Keep);
    assert_eq!(codes(held), ["secret_value_required"]);
}
