//! Members, tenant memberships and controls.

use store::controls::{self, NewControl};
use store::memberships as members;
use store::{StoreError, db};
use uuid::Uuid;

use crate::support::{Fixture, count, new_member, new_tenant, new_workspace};

#[test]
fn the_last_owner_stays() {
    let mut fixture = Fixture::new();
    let (ws, owner) = (fixture.workspace, fixture.owner);
    let conn = &mut fixture.conn;
    assert!(matches!(
        members::delete_member(conn, ws, owner),
        Err(StoreError::LastOwner)
    ));
    assert!(matches!(
        members::change_member_role(conn, ws, owner, "manager"),
        Err(StoreError::LastOwner)
    ));
    let second = new_member(conn, ws, "second@example.test", "owner");
    members::change_member_role(conn, ws, owner, "manager").unwrap();
    assert!(matches!(
        members::delete_member(conn, ws, second),
        Err(StoreError::LastOwner)
    ));
    assert!(matches!(
        members::delete_member(conn, ws, Uuid::now_v7()),
        Err(StoreError::NotFound("member"))
    ));
}

#[test]
fn two_owners_who_leave_at_once_do_not_both_leave() {
    let mut fixture = Fixture::new();
    let ws = fixture.workspace;
    for round in 0..10 {
        let email = format!("second{round}@example.test");
        let second = new_member(&mut fixture.conn, ws, &email, "owner");
        let owners = [fixture.owner, second];
        let left: Vec<bool> = std::thread::scope(|scope| {
            let leaving: Vec<_> = owners
                .map(|user| {
                    let mut conn = fixture.connect();
                    scope.spawn(move || {
                        db::transaction(&mut conn, |conn| members::delete_member(conn, ws, user))
                            .is_ok()
                    })
                })
                .into_iter()
                .collect();
            leaving.into_iter().map(|one| one.join().unwrap()).collect()
        });
        assert_eq!(left.iter().filter(|left| **left).count(), 1);
        fixture.owner = owners[usize::from(left[0])];
    }
    assert_eq!(count(&mut fixture.conn, "workspace_memberships"), 1);
}

#[test]
fn tenant_memberships_stay_inside_their_workspace() {
    let mut fixture = Fixture::new();
    let (ws, tenant) = (fixture.workspace, fixture.target);
    let conn = &mut fixture.conn;
    let user = new_member(conn, ws, "op@example.test", "readonly");
    assert!(members::put_tenant_member(conn, ws, tenant, user, "operator").unwrap());
    assert!(!members::put_tenant_member(conn, ws, tenant, user, "operator").unwrap());
    assert!(members::put_tenant_member(conn, ws, tenant, user, "manager").unwrap());
    let roles = members::find_roles(conn, ws, tenant, user).unwrap();
    assert_eq!(
        roles,
        (Some("readonly".to_owned()), Some("manager".to_owned()))
    );
    let other = new_workspace(conn, "Other");
    let foreign = new_tenant(conn, other, "Foreign");
    assert!(matches!(
        members::put_tenant_member(conn, ws, foreign, user, "operator"),
        Err(StoreError::Reference { .. })
    ));
    assert!(matches!(
        members::delete_tenant_member(conn, other, tenant, user),
        Err(StoreError::NotFound(_))
    ));
    members::delete_member(conn, ws, user).unwrap();
    assert_eq!(count(conn, "tenant_memberships"), 0);
}

#[test]
fn a_pause_reaches_exactly_its_scope() {
    let mut fixture = Fixture::new();
    let (ws, target, source) = (fixture.workspace, fixture.target, fixture.source);
    let conn = &mut fixture.conn;
    let control = |tenant_id, workspace_id, paused| NewControl {
        id: Uuid::now_v7(),
        operation_type: "promotion.execute".to_owned(),
        workspace_id,
        tenant_id,
        paused,
        reason: "change freeze".to_owned(),
        changed_by: None,
    };
    controls::put_control(conn, &control(Some(target), Some(ws), true)).unwrap();
    let mut paused = |operation: &str, workspace, tenant| {
        controls::find_pause(conn, operation, workspace, tenant)
            .unwrap()
            .is_some()
    };
    assert!(paused("promotion.execute", ws, target));
    assert!(!paused("promotion.execute", ws, source));
    assert!(!paused("inventory.sync", ws, target));
    assert!(!paused("promotion.execute", Uuid::now_v7(), target));

    let conn = &mut fixture.conn;
    controls::put_control(conn, &control(Some(target), Some(ws), false)).unwrap();
    assert_eq!(count(conn, "operational_controls"), 1);
    controls::put_control(conn, &control(None, None, true)).unwrap();
    let found = controls::find_pause(conn, "promotion.execute", ws, source)
        .unwrap()
        .unwrap();
    assert_eq!((found.workspace_id, found.tenant_id), (None, None));
    assert_eq!(controls::list_controls(conn, ws).unwrap().len(), 2);
}
