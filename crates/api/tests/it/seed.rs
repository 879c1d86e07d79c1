//! A captured inventory straight in the database, as a worker's sync would leave it.

use chrono::{TimeDelta, Utc};
use domain::canonical::{Reading, fingerprints};
use domain::capture::{RawPolicy, capture};
use domain::policy_type;
use domain::references::{ReferenceCatalog, ReferenceObject};
use domain::secret::SecretKey;
use serde_json::{Value, json};
use store::captures::{NewCoverage, PolicyCapture, put_coverage, upsert_policy_capture};
use store::references::{
    ReferenceCapture, ReferenceChoice, load_reference_catalog, upsert_references,
};
use uuid::Uuid;

use crate::support::Stack;

const KINDS: [&str; 10] = [
    "group",
    "assignment_filter",
    "scope_tag",
    "notification_template",
    "named_location",
    "authentication_strength",
    "authentication_context",
    "terms_of_use",
    "application",
    "service_principal",
];

/// An assignment filter: a type without references.
pub fn filter(name: &str, rule: &str) -> (&'static str, Value) {
    (
        "assignmentFilters",
        json!({
            "id": Uuid::new_v4(), "displayName": name, "description": null,
            "platform": "windows10AndLater", "rule": rule,
            "assignmentFilterManagementType": "devices", "roleScopeTags": ["0"],
        }),
    )
}

/// A Conditional Access policy for one group.
pub fn access_policy(name: &str, group: Uuid) -> (&'static str, Value) {
    (
        "conditionalAccessPolicies",
        json!({
            "id": Uuid::new_v4(), "displayName": name, "state": "enabled",
            "conditions": {
                "clientAppTypes": ["all"],
                "users": {"includeUsers": [], "excludeUsers": [], "includeGroups": [group], "excludeGroups": []},
                "applications": {"includeApplications": ["All"], "excludeApplications": []},
            },
            "grantControls": {"operator": "OR", "builtInControls": ["mfa"], "customAuthenticationFactors": [], "termsOfUse": []},
            "sessionControls": null,
        }),
    )
}

/// Captures objects and groups into a tenant; every type and kind counts as read completely.
pub async fn capture_tenant(
    stack: &Stack,
    tenant: &str,
    groups: &[(Uuid, &str)],
    objects: &[(&'static str, Value)],
) {
    let url = stack.database.url().to_owned();
    capture_into(url, &stack.workspace, tenant, groups, objects).await;
}

/// The same, wherever the tenant is.
pub async fn capture_into(
    url: String,
    workspace: &str,
    tenant: &str,
    groups: &[(Uuid, &str)],
    objects: &[(&'static str, Value)],
) {
    let workspace_id: Uuid = workspace.parse().unwrap();
    let tenant_id: Uuid = tenant.parse().unwrap();
    let groups: Vec<ReferenceCapture> = groups
        .iter()
        .map(|(id, name)| ReferenceCapture {
            external_id: id.to_string(),
            name: (*name).to_owned(),
            discriminator: String::new(),
        })
        .collect();
    let objects = objects.to_vec();
    let write = move || {
        let mut conn = store::db::establish(&url).unwrap();
        store::db::transaction(&mut conn, |conn| -> Result<(), store::StoreError> {
            let now = Utc::now();
            upsert_references(conn, workspace_id, tenant_id, "group", &groups, now)?;
            let rows = load_reference_catalog(conn, tenant_id, &ReferenceChoice::default())?;
            let catalog = ReferenceCatalog::new(
                rows.into_iter().map(|row| ReferenceObject {
                    id: row.id,
                    kind: row.kind,
                    external_id: row.external_id,
                    name: row.name,
                    discriminator: row.discriminator,
                }),
                KINDS.map(str::to_owned),
            );
            for (key, item) in &objects {
                let row = policy_type::find(key).unwrap();
                let raw = RawPolicy {
                    item: item.clone(),
                    ..RawPolicy::default()
                };
                let secrets = SecretKey {
                    key_id: "test".to_owned(),
                    key: vec![0; 32],
                };
                let policy = capture(row, raw, &secrets).unwrap();
                let prints = fingerprints(row, &policy, Reading::Meaning(&catalog));
                upsert_policy_capture(
                    conn,
                    &PolicyCapture {
                        workspace_id,
                        tenant_id,
                        policy_type: policy.policy_type,
                        external_id: policy.external_id,
                        display_name: policy.display_name,
                        platform: policy.platform,
                        identity_key: policy.identity_key,
                        content: policy.content,
                        assignments: policy.assignments,
                        references_used: serde_json::to_value(policy.references).unwrap(),
                        content_hash: policy.content_hash,
                        registry_version: policy_type::REGISTRY_VERSION.to_owned(),
                        fingerprint_key_id: None,
                        fingerprints: serde_json::to_value(prints).unwrap(),
                        observed_at: now,
                    },
                )?;
            }
            let types = policy_type::all().iter().map(|row| row.key.to_owned());
            let kinds = KINDS.map(|kind| format!("reference:{kind}"));
            for subject in types.chain(kinds) {
                put_coverage(
                    conn,
                    &NewCoverage {
                        workspace_id,
                        tenant_id,
                        subject,
                        complete: true,
                        reason_code: None,
                        message: None,
                        read_started_at: now - TimeDelta::seconds(1),
                        read_ended_at: now,
                    },
                )?;
            }
            store::tenants::raise_inventory_generation(conn, tenant_id)?;
            Ok(())
        })
        .unwrap();
    };
    actix_web::web::block(write).await.unwrap();
}

/// Two captured tenants with connections: `new` is missing in the target, `changed` differs,
/// `same` is equal, `MFA` points to a group that the target has under another name.
pub async fn two_tenants(stack: &Stack) -> Value {
    let (source, target) = (
        stack.tenant("Contoso").await,
        stack.tenant("Fabrikam").await,
    );
    let connection = json!({
        "cloud": "global", "client_id": Uuid::new_v4(),
        "credential": {"kind": "client_secret", "client_secret": "x"},
    });
    for tenant in [&source, &target] {
        let path = stack.path(&format!("/tenants/{tenant}/connection"));
        let put = stack
            .call("PUT", &path, Some(&stack.owner), Some(&connection))
            .await;
        put.expect(200);
    }
    let (pilot, trial) = (Uuid::new_v4(), Uuid::new_v4());
    let rule = r#"(device.manufacturer -eq "Contoso")"#;
    let objects = [
        filter("new", rule),
        filter("changed", rule),
        filter("same", rule),
        access_policy("MFA", pilot),
    ];
    capture_tenant(stack, &source, &[(pilot, "Pilot")], &objects).await;
    let other = r#"(device.manufacturer -eq "Other")"#;
    let objects = [
        filter("changed", other),
        filter("same", rule),
        filter("extra", rule),
    ];
    capture_tenant(stack, &target, &[(trial, "Trial")], &objects).await;
    json!({"source_tenant_id": source, "target_tenant_id": target})
}

/// Records the roles that a check saw.
pub async fn set_roles(stack: &Stack, tenant: &str, roles: &[&str]) {
    let url = stack.database.url().to_owned();
    let tenant_id: Uuid = tenant.parse().unwrap();
    let workspace: Uuid = stack.workspace.parse().unwrap();
    let health = store::connections::ConnectionHealth {
        healthy: true,
        code: None,
        message: None,
        granted_roles: Some(roles.iter().map(|role| (*role).to_owned()).collect()),
        checked_at: Utc::now(),
    };
    let write = move || {
        let mut conn = store::db::establish(&url).unwrap();
        let connection = store::connections::find_connection(&mut conn, workspace, tenant_id)
            .unwrap()
            .unwrap();
        let set_at = connection.updated_at;
        store::connections::mark_connection_health(&mut conn, tenant_id, set_at, &health).unwrap();
    };
    actix_web::web::block(write).await.unwrap();
}

/// Records that a tenant answered that it does not offer a collection.
pub async fn set_unserved(stack: &Stack, tenant: &str, policy_type: &str) {
    set_unread(stack, tenant, policy_type, "type_not_served").await;
}

/// Makes a type one that was not read, for a reason.
pub async fn set_unread(stack: &Stack, tenant: &str, policy_type: &str, reason: &str) {
    let url = stack.database.url().to_owned();
    let now = Utc::now();
    let coverage = NewCoverage {
        workspace_id: stack.workspace.parse().unwrap(),
        tenant_id: tenant.parse().unwrap(),
        subject: policy_type.to_owned(),
        complete: false,
        reason_code: Some(reason.to_owned()),
        message: None,
        read_started_at: now,
        read_ended_at: now,
    };
    let write = move || {
        let mut conn = store::db::establish(&url).unwrap();
        put_coverage(&mut conn, &coverage).unwrap();
    };
    actix_web::web::block(write).await.unwrap();
}
