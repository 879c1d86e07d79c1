//! A migrated database with one workspace, an owner and two tenants.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::json;
use store::PgConnection;
use store::captures::{self, Captured, PolicyCapture};
use store::dev_cluster::TestDatabase;
use store::keys::{AuditKey, MasterKey};
use store::leases::{self, Claim, Holder};
use store::run_items::{self, NewItem};
use store::runs::{self, NewRun, RunInsert};
use store::tenants::NewTenant;
use store::users::NewUser;
use store::{memberships, tenants, users, workspaces};
use uuid::Uuid;

pub const LEASE: Duration = Duration::from_secs(30);

pub struct Fixture {
    pub database: TestDatabase,
    pub conn: PgConnection,
    pub key: AuditKey,
    pub workspace: Uuid,
    pub owner: Uuid,
    pub source: Uuid,
    pub target: Uuid,
}

impl Fixture {
    pub fn new() -> Self {
        let database = TestDatabase::create().unwrap();
        let mut conn = store::db::establish(database.url()).unwrap();
        let workspace = new_workspace(&mut conn, "Contoso");
        let owner = new_member(&mut conn, workspace, "owner@example.test", "owner");
        let source = new_tenant(&mut conn, workspace, "Source");
        let target = new_tenant(&mut conn, workspace, "Target");
        Self {
            database,
            conn,
            key: MasterKey::generate().audit_key(),
            workspace,
            owner,
            source,
            target,
        }
    }

    /// Another session on the same database.
    pub fn connect(&self) -> PgConnection {
        store::db::establish(self.database.url()).unwrap()
    }

    pub fn new_run(&self, operation_type: &str, identity: &str) -> NewRun {
        NewRun {
            id: Uuid::now_v7(),
            workspace_id: self.workspace,
            operation_type: operation_type.to_owned(),
            tenant_id: self.target,
            source_tenant_id: (operation_type == "promotion.execute").then_some(self.source),
            identity: identity.to_owned(),
            context: json!({"plan_digest": "sha256:x", "subjects": [{"heavy": true}]}),
            launch_context: None,
            summary_counts: runs::initial_counts(0),
            initiator_user_id: self.owner,
            initiator_token_id: None,
        }
    }

    /// A queued promotion with `items` pending items, keys `s0`, `s1`, ...
    pub fn queue_run(&mut self, identity: &str, items: i32) -> Uuid {
        let new = self.new_run("promotion.execute", identity);
        let RunInsert::Inserted(run) = runs::insert_run(&mut self.conn, &new).unwrap() else {
            panic!("not queued");
        };
        let items: Vec<NewItem> = (0..items).map(|n| new_item(run.id, n)).collect();
        run_items::insert_items(&mut self.conn, &items).unwrap();
        run.id
    }

    pub fn claim(&mut self, run: Uuid, worker: &str) -> Holder {
        match leases::claim_run(&mut self.conn, run, worker, LEASE).unwrap() {
            Claim::Claimed(claimed) => claimed.holder,
            other => panic!("not claimed: {other:?}"),
        }
    }

    /// Makes the lease of a run end in the past.
    pub fn expire(&mut self, run: Uuid) {
        execute(
            &mut self.conn,
            &format!(
                "UPDATE operation_runs SET lease_expires_at = now() - interval '1 second' \
                 WHERE id = '{run}'"
            ),
        );
    }
}

pub fn new_workspace(conn: &mut PgConnection, name: &str) -> Uuid {
    let id = Uuid::now_v7();
    workspaces::insert_workspace(conn, id, name).unwrap().id
}

pub fn new_member(conn: &mut PgConnection, workspace: Uuid, email: &str, role: &str) -> Uuid {
    let user = NewUser {
        id: Uuid::now_v7(),
        kind: "person".to_owned(),
        email: Some(email.to_owned()),
        display_name: email.to_owned(),
    };
    users::insert_user(conn, &user).unwrap();
    memberships::insert_member(conn, workspace, user.id, role, email).unwrap();
    user.id
}

pub fn new_tenant(conn: &mut PgConnection, workspace: Uuid, name: &str) -> Uuid {
    let tenant = NewTenant {
        id: Uuid::now_v7(),
        workspace_id: workspace,
        display_name: name.to_owned(),
        entra_tenant_id: Uuid::now_v7(),
    };
    tenants::insert_tenant(conn, &tenant).unwrap().id
}

pub fn new_item(run: Uuid, position: i32) -> NewItem {
    NewItem {
        operation_run_id: run,
        position,
        subject_key: format!("s{position}"),
        policy_type: "configurationPolicies".to_owned(),
        display_name: format!("Subject {position}"),
        action: "create".to_owned(),
        source_policy_id: None,
        source_version_id: None,
        target_policy_id: None,
        target_version_id: None,
        target_external_id: None,
    }
}

pub fn capture(
    workspace: Uuid,
    tenant: Uuid,
    external_id: &str,
    hash: &str,
    observed_at: DateTime<Utc>,
) -> PolicyCapture {
    PolicyCapture {
        workspace_id: workspace,
        tenant_id: tenant,
        policy_type: "configurationPolicies".to_owned(),
        external_id: external_id.to_owned(),
        display_name: format!("Policy {external_id}"),
        platform: Some("windows10".to_owned()),
        identity_key: format!("{{\"name\":\"{external_id}\"}}"),
        content: json!({"name": external_id, "hash": hash}),
        assignments: json!([]),
        references_used: json!([]),
        content_hash: hash.to_owned(),
        registry_version: "1".to_owned(),
        fingerprint_key_id: None,
        fingerprints: json!({"settings": hash}),
        observed_at,
    }
}

pub fn execute(conn: &mut PgConnection, statement: &str) -> usize {
    diesel::sql_query(statement).execute(conn).unwrap()
}

pub fn count(conn: &mut PgConnection, from: &str) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    diesel::sql_query(format!("SELECT count(*) AS n FROM {from}"))
        .get_result::<Row>(conn)
        .unwrap()
        .n
}

/// Stores a capture in a transaction of its own (policy and version refer to each other).
pub fn store_capture(conn: &mut PgConnection, capture: &PolicyCapture) -> Captured {
    store::db::transaction(conn, |conn| captures::upsert_policy_capture(conn, capture)).unwrap()
}
