//! Tenants, connections, bootstrap: scoped by workspace, credentials sealed.

use chrono::{Duration, Utc};
use store::connections::{self, CREDENTIAL_COLUMN, ConnectionHealth, NewConnection};
use store::keys::MasterKey;
use store::page::AfterName;
use store::tenants::{self, NewTenant};
use store::{PgConnection, StoreError, audit, tokens};
use uuid::Uuid;

use crate::support::{Fixture, count, new_tenant, new_workspace};

#[test]
fn names_and_entra_ids_are_unique_per_workspace_only() {
    let mut fixture = Fixture::new();
    let ws = fixture.workspace;
    let conn = &mut fixture.conn;
    let known = tenants::find_tenant(conn, ws, fixture.source)
        .unwrap()
        .unwrap();
    let again = |display_name: &str, entra_tenant_id, workspace_id| NewTenant {
        id: Uuid::now_v7(),
        workspace_id,
        display_name: display_name.to_owned(),
        entra_tenant_id,
    };
    let taken = tenants::insert_tenant(conn, &again("New", known.entra_tenant_id, ws));
    assert!(
        taken
            .unwrap_err()
            .is_unique_violation("managed_tenants_workspace_id_entra_tenant_id_key")
    );
    let taken = tenants::insert_tenant(conn, &again("SOURCE", Uuid::now_v7(), ws));
    assert!(
        taken
            .unwrap_err()
            .is_unique_violation("managed_tenants_name_key")
    );
    let other = new_workspace(conn, "Other");
    tenants::insert_tenant(conn, &again("Source", known.entra_tenant_id, other)).unwrap();
    assert!(
        tenants::find_tenant(conn, other, known.id)
            .unwrap()
            .is_none()
    );
    assert!(matches!(
        tenants::rename_tenant(conn, other, known.id, "Mine"),
        Err(StoreError::NotFound("tenant"))
    ));
}

#[test]
fn pages_by_name_ignore_letter_case_and_hide_what_is_not_visible() {
    let mut fixture = Fixture::new();
    let ws = fixture.workspace;
    let conn = &mut fixture.conn;
    for name in ["beta", "Alpha", "gamma", "ALPHA 2"] {
        new_tenant(conn, ws, name);
    }
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let page = tenants::list_tenants(conn, ws, None, after.as_ref(), 2).unwrap();
        names.extend(page.items.iter().map(|row| row.display_name.clone()));
        if !page.has_more {
            break;
        }
        after = page.items.last().map(|row| AfterName {
            name: row.display_name.clone(),
            id: row.id,
        });
    }
    assert_eq!(
        names,
        ["Alpha", "ALPHA 2", "beta", "gamma", "Source", "Target"]
    );
    let visible = [fixture.target];
    let page = tenants::list_tenants(conn, ws, Some(&visible), None, 50).unwrap();
    assert_eq!(page.items.len(), 1);
    assert!(!page.has_more);
}

#[test]
fn a_credential_is_stored_sealed_and_opens_for_its_tenant_only() {
    let mut fixture = Fixture::new();
    let (ws, tenant) = (fixture.workspace, fixture.target);
    let conn = &mut fixture.conn;
    let master = MasterKey::generate();
    let sealed = master
        .sealing_key()
        .seal(tenant, CREDENTIAL_COLUMN, b"canary-secret")
        .unwrap();
    let new = NewConnection {
        tenant_id: tenant,
        workspace_id: ws,
        cloud: "global".to_owned(),
        client_id: Uuid::now_v7(),
        credential_kind: "client_secret".to_owned(),
        credential: sealed,
        credential_expires_at: None,
    };
    let row = connections::put_connection(conn, &new).unwrap();
    assert_eq!(row.health, "unknown");
    let stored = connections::load_sealed_credential(conn, tenant).unwrap();
    let opened = master
        .opening_key()
        .open(tenant, CREDENTIAL_COLUMN, &stored)
        .unwrap();
    assert_eq!(opened.as_slice(), b"canary-secret");
    assert_eq!(
        count(
            conn,
            "provider_connections c WHERE position('canary'::bytea in sealed_credential) > 0"
        ),
        0
    );

    let found = |healthy, seconds| ConnectionHealth {
        healthy,
        code: (!healthy).then(|| "invalid_client".to_owned()),
        message: None,
        granted_roles: healthy.then(|| vec!["Group.Read.All".to_owned()]),
        checked_at: Utc::now() + Duration::seconds(seconds),
    };
    let mark = |conn: &mut PgConnection, found: &ConnectionHealth| {
        connections::mark_connection_health(conn, tenant, row.updated_at, found).unwrap()
    };
    assert!(mark(conn, &found(true, 0)));
    assert!(!mark(conn, &found(false, -9)));
    assert!(mark(conn, &found(false, 9)));
    let row = connections::find_connection(conn, ws, tenant)
        .unwrap()
        .unwrap();
    assert_eq!(row.health, "unhealthy");
    assert_eq!(row.granted_roles.unwrap(), ["Group.Read.All"]);

    let next = MasterKey::generate().sealing_key();
    let resealed = next.seal(tenant, CREDENTIAL_COLUMN, &opened).unwrap();
    assert_eq!(
        connections::list_sealed_to_other_keys(conn, next.id()).unwrap(),
        [(ws, tenant)]
    );
    assert!(connections::reseal_credential(conn, tenant, &stored, &resealed).unwrap());
    assert!(!connections::reseal_credential(conn, tenant, &stored, &resealed).unwrap());

    let other = new_workspace(conn, "Other");
    let foreign = NewConnection {
        workspace_id: other,
        tenant_id: fixture.source,
        ..new
    };
    assert!(matches!(
        connections::put_connection(conn, &foreign),
        Err(StoreError::Reference { .. })
    ));
}

#[test]
fn bootstrap_makes_an_owner_with_a_working_token_once_per_name() {
    let mut fixture = Fixture::new();
    let key = MasterKey::generate();
    let text = key.to_base64();
    let url = fixture.database.url().to_owned();
    let made = store::bootstrap::bootstrap(&url, &text, "Fabrikam", "ada@example.test").unwrap();
    let actor = tokens::find_actor_by_token(&mut fixture.conn, &made.token)
        .unwrap()
        .unwrap();
    assert_eq!(actor.workspace_role, "owner");
    assert_eq!(actor.workspace_id, made.workspace_id);
    let again = store::bootstrap::bootstrap(&url, &text, "fabrikam", "ada@example.test");
    assert!(
        again
            .unwrap_err()
            .is_unique_violation("workspaces_name_key")
    );
    let whole = audit::verify(&mut fixture.conn, &key.audit_key(), made.workspace_id, None);
    assert!(matches!(
        whole.unwrap(),
        audit::Verification::Whole { entries: 1, .. }
    ));
}
