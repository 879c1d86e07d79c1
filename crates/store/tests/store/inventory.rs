//! What is known of a tenant: newest observation wins, absence needs proof.

use chrono::{DateTime, Utc};
use serde_json::json;
use store::captures::{self, NewCoverage, PolicyCapture, UnreadableCapture};
use store::policies::{self, PolicyFilter};
use store::references::{self, ReferenceCapture, ReferenceChoice};
use store::{StoreError, inventory, tenants, versions};
use uuid::Uuid;

use crate::support::{Fixture, capture, count, execute, store_capture};

fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
}

fn of(fixture: &Fixture, external_id: &str, hash: &str, second: i64) -> PolicyCapture {
    capture(
        fixture.workspace,
        fixture.target,
        external_id,
        hash,
        at(second),
    )
}

#[test]
fn the_same_content_is_stored_once_and_changes_are_told() {
    let mut fixture = Fixture::new();
    let first = of(&fixture, "a", "h1", 0);
    let seen = store_capture(&mut fixture.conn, &first);
    assert!(seen.applied && seen.changed);
    let same = of(&fixture, "a", "h1", 5);
    let again = store_capture(&mut fixture.conn, &same);
    assert!(again.applied && !again.changed);
    assert_eq!(again.version_id, seen.version_id);
    let other = of(&fixture, "a", "h2", 6);
    let changed = store_capture(&mut fixture.conn, &other);
    assert!(changed.changed && changed.version_id != seen.version_id);
    // Back to the first content: the first version is current again.
    let back = of(&fixture, "a", "h1", 7);
    let back = store_capture(&mut fixture.conn, &back);
    assert_eq!(back.version_id, seen.version_id);
    assert_eq!(count(&mut fixture.conn, "policy_versions"), 2);
}

#[test]
fn an_older_observation_never_replaces_a_newer_one() {
    let mut fixture = Fixture::new();
    let promoted = of(&fixture, "a", "new", 10);
    let newest = store_capture(&mut fixture.conn, &promoted);
    let stale = of(&fixture, "a", "old", 9);
    let refused = store_capture(&mut fixture.conn, &stale);
    assert!(!refused.applied && !refused.changed);
    assert_eq!(refused.version_id, newest.version_id);
    let broken = UnreadableCapture {
        workspace_id: fixture.workspace,
        tenant_id: fixture.target,
        policy_type: "configurationPolicies".to_owned(),
        external_id: "a".to_owned(),
        display_name: "a".to_owned(),
        identity_key: "{}".to_owned(),
        reason: "too_deep".to_owned(),
        observed_at: at(9),
    };
    assert!(
        !captures::mark_policy_unreadable(&mut fixture.conn, &broken)
            .unwrap()
            .applied
    );
    assert_eq!(count(&mut fixture.conn, "policy_versions"), 1);
}

#[test]
fn a_read_removes_only_what_it_could_have_seen() {
    let mut fixture = Fixture::new();
    let (ws, tenant) = (fixture.workspace, fixture.target);
    for (id, second) in [("seen", 0), ("gone", 0), ("promoted", 20)] {
        let one = of(&fixture, id, "h", second);
        store_capture(&mut fixture.conn, &one);
    }
    let conn = &mut fixture.conn;
    let removed = captures::mark_removed_unseen(
        conn,
        tenant,
        "configurationPolicies",
        &["seen".to_owned()],
        at(10),
    )
    .unwrap();
    assert_eq!(removed, 1);
    let live = policies::list_policies(conn, ws, tenant, &PolicyFilter::default(), 50).unwrap();
    let names: Vec<&str> = live.items.iter().map(|p| p.external_id.as_str()).collect();
    assert_eq!(names, ["promoted", "seen"]);
    let everything = PolicyFilter {
        include_removed: true,
        q: Some("GO".to_owned()),
        ..PolicyFilter::default()
    };
    let gone = policies::list_policies(conn, ws, tenant, &everything, 50).unwrap();
    assert_eq!(gone.items.len(), 1);
    // Seen again: live again, and that is a change.
    let back = capture(ws, tenant, "gone", "h", at(30));
    assert!(store_capture(conn, &back).changed);
}

#[test]
fn an_unreadable_object_is_recorded_and_recovers() {
    let mut fixture = Fixture::new();
    let broken = UnreadableCapture {
        workspace_id: fixture.workspace,
        tenant_id: fixture.target,
        policy_type: "configurationPolicies".to_owned(),
        external_id: "a".to_owned(),
        display_name: "a".to_owned(),
        identity_key: "{}".to_owned(),
        reason: "too_deep".to_owned(),
        observed_at: at(0),
    };
    let conn = &mut fixture.conn;
    let seen = captures::mark_policy_unreadable(conn, &broken).unwrap();
    assert!(seen.changed && seen.version_id.is_none());
    assert!(
        !captures::mark_policy_unreadable(conn, &broken)
            .unwrap()
            .changed
    );
    let rows = inventory::load_inventory(conn, fixture.workspace, fixture.target).unwrap();
    assert_eq!(rows.policies[0].capture_state, "unreadable");
    assert_eq!(rows.policies[0].capture_reason.as_deref(), Some("too_deep"));
    let whole = of(&fixture, "a", "h", 1);
    assert!(store_capture(&mut fixture.conn, &whole).changed);
}

#[test]
fn fingerprints_and_pairs_belong_to_one_version() {
    let mut fixture = Fixture::new();
    let first = of(&fixture, "a", "h1", 0);
    let seen = store_capture(&mut fixture.conn, &first);
    let conn = &mut fixture.conn;
    let version = seen.version_id.unwrap();
    let pairs = json!({"settings": {"source": "x", "own": "h1"}});
    assert!(captures::put_verified_pairs(conn, seen.policy_id, version, &pairs).unwrap());
    assert!(
        captures::put_fingerprints(conn, seen.policy_id, version, &json!({"settings": "z"}))
            .unwrap()
    );
    assert!(!captures::put_fingerprints(conn, seen.policy_id, Uuid::now_v7(), &json!({})).unwrap());
    // The same version read again keeps its pairs, another one starts without.
    let pairs_of = |fixture: &mut Fixture| {
        inventory::load_inventory(&mut fixture.conn, fixture.workspace, fixture.target)
            .unwrap()
            .policies[0]
            .verified_pairs
            .clone()
    };
    let same = of(&fixture, "a", "h1", 1);
    store_capture(&mut fixture.conn, &same);
    assert_eq!(pairs_of(&mut fixture), Some(pairs));
    let other = of(&fixture, "a", "h2", 2);
    store_capture(&mut fixture.conn, &other);
    assert_eq!(pairs_of(&mut fixture), None);
}

#[test]
fn coverage_keeps_the_last_complete_read() {
    let mut fixture = Fixture::new();
    let read = |complete, from, to| NewCoverage {
        workspace_id: fixture.workspace,
        tenant_id: fixture.target,
        subject: "reference:group".to_owned(),
        complete,
        reason_code: (!complete).then(|| "page_failed".to_owned()),
        message: None,
        read_started_at: at(from),
        read_ended_at: at(to),
    };
    let reads = [read(true, 0, 5), read(false, 10, 15), read(true, 9, 20)];
    let conn = &mut fixture.conn;
    assert!(captures::put_coverage(conn, &reads[0]).unwrap());
    assert!(captures::put_coverage(conn, &reads[1]).unwrap());
    assert!(!captures::put_coverage(conn, &reads[2]).unwrap());
    let rows = inventory::list_coverage(conn, fixture.target).unwrap();
    assert_eq!(rows[0].status, "incomplete");
    assert_eq!(rows[0].complete_at, Some(at(5)));
    assert_eq!(
        tenants::raise_inventory_generation(conn, fixture.target).unwrap(),
        1
    );
}

#[test]
fn versions_are_found_only_through_their_own_tenant() {
    let mut fixture = Fixture::new();
    let (ws, tenant, foreign) = (fixture.workspace, fixture.target, fixture.source);
    let one = of(&fixture, "a", "h1", 0);
    let conn = &mut fixture.conn;
    let seen = store_capture(conn, &one);
    let version = seen.version_id.unwrap();
    let found = versions::load_versions(conn, tenant, &[version]).unwrap();
    assert_eq!(found[0].content, one.content);
    assert!(matches!(
        versions::load_versions(conn, foreign, &[version]),
        Err(StoreError::NotFound("policy version"))
    ));
    assert!(
        versions::find_version(conn, ws, foreign, seen.policy_id, version)
            .unwrap()
            .is_none()
    );
    assert_eq!(
        versions::find_version_owner(conn, ws, version).unwrap(),
        Some((tenant, seen.policy_id))
    );
    let page = versions::list_versions(conn, ws, tenant, seen.policy_id, None, 50).unwrap();
    assert_eq!(page.items.len(), 1);
}

#[test]
fn policies_are_found_by_what_they_point_to() {
    let mut fixture = Fixture::new();
    let mut one = of(&fixture, "a", "h1", 0);
    one.references_used = json!([
        {"path": "/0/target", "facet": "assignments", "kind": "group", "external_id": "G1"},
        {"path": "/1/target", "facet": "assignments", "kind": "assignment_filter", "external_id": "F1"}
    ]);
    one.content = json!({"url": "https://Contoso.example/path_%"});
    let plain = of(&fixture, "b", "h2", 0);
    let (tenant, conn) = (fixture.target, &mut fixture.conn);
    let seen = store_capture(conn, &one);
    store_capture(conn, &plain);
    let mut using = |kind: &str, id: &str| {
        inventory::list_policies_using(conn, tenant, kind, &["nothing".to_owned(), id.to_owned()])
            .unwrap()
    };
    assert_eq!(using("group", "G1")[0].policy_id, seen.policy_id);
    assert_eq!(using("group", "F1"), []);
}

fn group(id: &str, name: &str) -> ReferenceCapture {
    ReferenceCapture {
        external_id: id.to_owned(),
        name: name.to_owned(),
        discriminator: String::new(),
    }
}

#[test]
fn references_tell_what_is_new_renamed_or_back() {
    let mut fixture = Fixture::new();
    let (ws, tenant, conn) = (fixture.workspace, fixture.target, &mut fixture.conn);
    let put = |conn: &mut store::PgConnection, groups: &[ReferenceCapture], second| {
        references::upsert_references(conn, ws, tenant, "group", groups, at(second)).unwrap()
    };
    let dangling = [("group".to_owned(), "g1".to_owned())];
    assert_eq!(
        references::insert_dangling_references(conn, ws, tenant, &dangling, at(0)).unwrap(),
        1
    );
    let both = [group("g1", "One"), group("g2", "Two"), group("g2", "Two")];
    assert_eq!(put(conn, &both, 1), ["g1", "g2"]);
    assert_eq!(put(conn, &both, 2), Vec::<String>::new());
    assert_eq!(put(conn, &[group("g1", "Uno")], 3), ["g1"]);
    // An older read neither renames back nor resurrects.
    assert_eq!(put(conn, &[group("g1", "One")], 2), Vec::<String>::new());
    assert_eq!(
        references::mark_references_removed(conn, tenant, "group", at(3)).unwrap(),
        ["g2"]
    );
    let choice = ReferenceChoice {
        names: Some(vec!["UNO".to_owned(), "two".to_owned()]),
        ..ReferenceChoice::default()
    };
    let found = references::load_reference_catalog(conn, tenant, &choice).unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(put(conn, &[group("g2", "Two")], 4), ["g2"]);
    let page =
        references::list_references(conn, ws, tenant, Some("group"), Some("o"), None, 1).unwrap();
    assert!(page.has_more);
    assert_eq!(page.items[0].name.as_deref(), Some("Two"));
}

#[test]
fn a_hundred_thousand_groups_are_stored_in_reasonable_time() {
    let mut fixture = Fixture::new();
    let groups: Vec<ReferenceCapture> = (0..100_000)
        .map(|n| group(&format!("{n:036}"), &format!("Group {n}")))
        .collect();
    let begun = std::time::Instant::now();
    let (ws, tenant, conn) = (fixture.workspace, fixture.target, &mut fixture.conn);
    for second in [1, 2] {
        let changed =
            references::upsert_references(conn, ws, tenant, "group", &groups, at(second)).unwrap();
        assert_eq!(changed.len(), if second == 1 { 100_000 } else { 0 });
    }
    println!("100,000 references twice: {:?}", begun.elapsed());
    assert!(begun.elapsed() < std::time::Duration::from_mins(2));
    execute(conn, "ANALYZE tenant_references");
    let choice = ReferenceChoice {
        external_ids: Some(vec![format!("{:036}", 77)]),
        ..ReferenceChoice::default()
    };
    let found = references::load_reference_catalog(conn, tenant, &choice).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn two_thousand_policies_load_at_once() {
    let mut fixture = Fixture::new();
    for n in 0..2000 {
        let one = of(&fixture, &format!("{n:05}"), "h", 0);
        store_capture(&mut fixture.conn, &one);
    }
    let begun = std::time::Instant::now();
    let rows =
        inventory::load_inventory(&mut fixture.conn, fixture.workspace, fixture.target).unwrap();
    println!("2,000 policies load in {:?}", begun.elapsed());
    assert_eq!(rows.policies.len(), 2000);
}
