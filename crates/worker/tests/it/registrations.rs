//! Whose credential, whose result: registrations of one tenant in two workspaces, token files of
//! somebody else, and a credential that is replaced while it is checked.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

use std::time::Duration;

use serde_json::{Value, json};
use store::StoreError;
use store::connections::{self, CREDENTIAL_COLUMN, NewConnection};
use store::keys::MasterKey;
use store::tenants::{self, NewTenant};
use uuid::Uuid;
use worker::{FederatedTokenFile, Registration};

use crate::support::{SOURCE, Stack};

const CLIENT: u128 = 7;

async fn put(stack: &Stack, tenant_id: Uuid, workspace_id: Uuid, client: u128, credential: Value) {
    let sealed = MasterKey::from_base64(&stack.master_key)
        .unwrap()
        .sealing_key()
        .seal(
            tenant_id,
            CREDENTIAL_COLUMN,
            credential.to_string().as_bytes(),
        )
        .unwrap();
    let kind = credential["kind"].as_str().unwrap().to_owned();
    let new = NewConnection {
        tenant_id,
        workspace_id,
        cloud: "global".to_owned(),
        client_id: Uuid::from_u128(client),
        credential_kind: kind,
        credential: sealed,
        credential_expires_at: None,
    };
    stack
        .db
        .transaction(move |conn| connections::put_connection(conn, &new))
        .await
        .unwrap();
}

/// What a check says: code and message; and how many requests it caused.
async fn check(stack: &Stack) -> (Option<String>, Option<String>, usize) {
    let requests = async || {
        let journal = stack.control("GET", "/journal", None).await;
        journal["items"].as_array().map_or(0, Vec::len)
    };
    let before = requests().await;
    let run = stack
        .queue("connection.check", stack.source_id, json!({}))
        .await;
    stack.finished(run).await;
    let item = stack.items(run).await.remove(0);
    (item.reason_code, item.message, requests().await - before)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_file_is_used_by_its_own_registration_alone() {
    let mut stack = Stack::start().await;
    let path = std::env::temp_dir().join(format!("token-{}", Uuid::now_v7()));
    std::fs::write(&path, "head.body.signature").unwrap();
    let own = Registration {
        workspace_id: stack.workspace_id,
        entra_tenant_id: SOURCE.parse().unwrap(),
        client_id: Uuid::from_u128(CLIENT),
    };
    let strangers = [
        (
            "workspace",
            Registration {
                workspace_id: Uuid::now_v7(),
                ..own
            },
        ),
        (
            "tenant",
            Registration {
                entra_tenant_id: Uuid::now_v7(),
                ..own
            },
        ),
        (
            "client",
            Registration {
                client_id: Uuid::from_u128(8),
                ..own
            },
        ),
        ("own", own),
    ];
    for (name, registration) in strangers {
        let file = FederatedTokenFile {
            registration,
            path: path.clone(),
        };
        stack
            .config
            .federated_token_files
            .insert(name.to_owned(), file);
    }
    let worker = stack.worker();
    let mut said = Vec::new();
    for name in ["workspace", "tenant", "client", "nobody-has-it"] {
        let credential = json!({"kind": "federated_token", "token_file": name});
        put(
            &stack,
            stack.source_id,
            stack.workspace_id,
            CLIENT,
            credential,
        )
        .await;
        let (code, message, requests) = check(&stack).await;
        assert_eq!(code.as_deref(), Some("federated_token_unknown"), "{name}");
        assert_eq!(requests, 0, "{name}: something was sent");
        said.push(message);
    }
    said.dedup();
    assert_eq!(said.len(), 1, "the words tell names apart: {said:?}");
    let credential = json!({"kind": "federated_token", "token_file": "own"});
    put(
        &stack,
        stack.source_id,
        stack.workspace_id,
        CLIENT,
        credential,
    )
    .await;
    let (code, _, requests) = check(&stack).await;
    assert_ne!(code.as_deref(), Some("federated_token_unknown"));
    assert!(requests > 0, "the own one is used");
    std::fs::remove_file(&path).unwrap();
    worker.stop().await;
}

/// A registration of the same Entra tenant that the login service refuses gets nothing from the token
/// that the other has.
#[tokio::test(flavor = "multi_thread")]
async fn a_registration_that_never_signed_in_gets_nothing_of_anothers() {
    let mut stack = Stack::start().await;
    let worker = stack.worker();
    stack.sync_both().await;

    let (other, tenant) = (Uuid::now_v7(), Uuid::now_v7());
    let user = stack.user_id;
    stack
        .db
        .transaction(move |conn| {
            store::workspaces::insert_workspace(conn, other, "Elsewhere")?;
            store::memberships::insert_member(conn, other, user, "owner", "x")?;
            let identity = store::identities::Identity {
                issuer: "https://login.test".to_owned(),
                subject: "elsewhere".to_owned(),
            };
            store::identities::put_identity(conn, other, user, &identity)?;
            let new = NewTenant {
                id: tenant,
                workspace_id: other,
                display_name: "The same".to_owned(),
                entra_tenant_id: SOURCE.parse().unwrap_or_default(),
            };
            tenants::insert_tenant(conn, &new)?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
    stack
        .fault(json!({"path_regex": "oauth2", "times": 99, "kind": "status_before_effect", "status": 401}))
        .await;
    // Even the same words: what the login service says to this registration is what counts.
    let same = json!({"kind": "client_secret", "client_secret": "s3cret"});
    put(&stack, tenant, other, CLIENT, same).await;
    stack.workspace_id = other;
    let run = stack
        .queue("inventory.sync", tenant, json!({"policy_types": null}))
        .await;
    let row = stack.finished(run).await;
    assert_eq!(row.outcome, "failed", "{row:?}");
    let coverage = stack
        .db
        .run(move |conn| store::inventory::list_coverage(conn, tenant))
        .await
        .unwrap();
    assert!(coverage.is_empty(), "nothing is read before a sign-in");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_belongs_to_the_credential_that_was_checked() {
    let stack = Stack::start().await;
    stack
        .fault(json!({"path_regex": "oauth2", "times": 1, "kind": "slow", "ms": 1500}))
        .await;
    let worker = stack.worker();
    let run = stack
        .queue("connection.check", stack.source_id, json!({}))
        .await;
    stack.wait_for(run, 60, |row| row.status == "running").await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let next = json!({"kind": "client_secret", "client_secret": "another"});
    put(&stack, stack.source_id, stack.workspace_id, CLIENT, next).await;
    stack.finished(run).await;
    let item = stack.items(run).await.remove(0);
    assert_eq!(
        item.reason_code.as_deref(),
        Some("credential_replaced"),
        "{item:?}"
    );
    let (workspace, tenant) = (stack.workspace_id, stack.source_id);
    let row = stack
        .db
        .run(move |conn| connections::find_connection(conn, workspace, tenant))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.health.as_str(), row.checked_at), ("unknown", None));
    worker.stop().await;
}
