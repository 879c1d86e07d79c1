//! A tenant leaves: what it held is gone, what was done stays. As the API's own account.

use chrono::Utc;
use store::captures;
use store::offboarding::{self, Removal};
use store::run_items;
use store::tenants::{self, NewTenant};
use store::{StoreError, connections, controls, runs};
use uuid::Uuid;

use crate::support::{Fixture, capture, count, execute, new_item};

/// A promotion of a captured policy of the source onto a captured one of the target, completed.
fn promoted(fixture: &mut Fixture) -> Uuid {
    let (ws, source, target) = (fixture.workspace, fixture.source, fixture.target);
    let mut captured = |tenant| {
        let new = capture(ws, tenant, "p1", "h1", Utc::now());
        // A policy and its version refer to each other: both arrive in one transaction.
        store::db::transaction(&mut fixture.conn, |conn| {
            captures::upsert_policy_capture(conn, &new)
        })
        .unwrap()
    };
    let (from, to) = (captured(source), captured(target));
    let run = fixture.queue_run("i1", 0);
    let item = run_items::NewItem {
        source_policy_id: Some(from.policy_id),
        source_version_id: from.version_id,
        target_policy_id: Some(to.policy_id),
        target_version_id: to.version_id,
        ..new_item(run, 0)
    };
    run_items::insert_items(&mut fixture.conn, &[item]).unwrap();
    run
}

#[test]
fn a_removed_tenant_leaves_runs_and_nothing_it_held() {
    for leaves_source in [true, false] {
        let mut fixture = Fixture::new();
        let run = promoted(&mut fixture);
        let (ws, leaving, staying) = if leaves_source {
            (fixture.workspace, fixture.source, fixture.target)
        } else {
            (fixture.workspace, fixture.target, fixture.source)
        };
        let mut api = store::db::establish(&fixture.database.api_url()).unwrap();
        let mut remove = |tenant| {
            store::db::transaction(&mut api, |conn| {
                offboarding::remove_tenant(conn, ws, tenant)
            })
        };
        // An active run has it as target or as source.
        assert_eq!(remove(leaving).unwrap(), Removal::ActiveRuns(vec![run]));
        execute(
            &mut fixture.conn,
            &format!(
                "UPDATE operation_runs SET status = 'completed', outcome = 'failed', \
                 completed_at = now() WHERE id = '{run}'"
            ),
        );
        let Removal::Removed { tenant, policies } = remove(leaving).unwrap() else {
            panic!("not removed");
        };
        assert_eq!((tenant.id, policies), (leaving, 1));
        assert!(matches!(
            remove(leaving),
            Err(StoreError::NotFound("tenant"))
        ));

        let conn = &mut fixture.conn;
        for table in [
            "policies",
            "policy_versions",
            "tenant_references",
            "inventory_coverage",
        ] {
            let of = |tenant: Uuid| format!("{table} WHERE tenant_id = '{tenant}'");
            assert_eq!(count(conn, &of(leaving)), 0, "{table}");
        }
        assert_eq!(
            count(conn, &format!("policies WHERE tenant_id = '{staying}'")),
            1
        );
        assert_eq!(
            count(conn, "operation_run_items WHERE display_name = 'Subject 0'"),
            1
        );
        let (kept, lost) = if leaves_source {
            ("target", "source")
        } else {
            ("source", "target")
        };
        assert_eq!(
            count(
                conn,
                &format!(
                    "operation_run_items WHERE {kept}_policy_id IS NOT NULL \
                     AND {kept}_version_id IS NOT NULL AND {lost}_policy_id IS NULL \
                     AND {lost}_version_id IS NULL"
                )
            ),
            1
        );
        assert!(runs::find_run(conn, ws, run).unwrap().is_some());
        assert!(tenants::find_tenant(conn, ws, leaving).unwrap().is_none());
        assert!(tenants::lock_scope(conn, ws, &[leaving]).is_err());
        assert!(tenants::keep_tenant(conn, ws, leaving).is_err());
        let listed = tenants::list_tenants(conn, ws, None, None, 9).unwrap();
        assert_eq!(listed.items.len(), 1);
        let stone = format!("managed_tenants WHERE id = '{leaving}' AND removed_at IS NOT NULL");
        assert_eq!(count(conn, &stone), 1);

        // Its name and its Entra tenant are free again.
        let again = NewTenant {
            id: Uuid::now_v7(),
            workspace_id: ws,
            display_name: tenant.display_name,
            entra_tenant_id: tenant.entra_tenant_id,
        };
        tenants::insert_tenant(conn, &again).unwrap();
        assert!(
            connections::find_connection(conn, ws, leaving)
                .unwrap()
                .is_none()
        );
        assert!(
            controls::find_pause(conn, "promotion.execute", ws, leaving)
                .unwrap()
                .is_none()
        );
    }
}
