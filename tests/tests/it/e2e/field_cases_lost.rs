//! Cases from the field about what a tenant does not have any more: security identifiers of nobody
//! knows what (B3), and people that nothing names (C1).

use anyhow::{Context, Result};
use diesel::prelude::*;
use promotion_tests::stack::{SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use super::field_cases_bytes::{LIMIT, custom, empty_stack, held, landed, put_named, sid, subject};
use super::field_cases_references::{policy, references, search, two_empty_tenants, user};

const COLLECTION: &str = "deviceConfigurations";
const NEVER: &str = "0f0f0f0f-1234-4000-8000-00000000dead";
const EITHER: &str = "0f0f0f0f-1234-4000-8000-00000000beef";

/// Our id of an object of the target.
async fn ours(stack: &Stack, kind: &str, external_id: &str) -> Result<Value> {
    let path = format!("/tenants/{}/references?kind={kind}", stack.target);
    let all = stack.api.all(&path).await?;
    let found = all.iter().find(|one| one["external_id"] == external_id);
    Ok(found.with_context(|| format!("{kind} {external_id}"))?["id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_a_security_identifier_of_what_the_source_lost_can_be_mapped_to_anything() -> Result<()>
{
    let stack = empty_stack().await?;
    let group = |name: &str| {
        json!({"displayName": name, "securityEnabled": true, "mailEnabled": false,
            "mailNickname": "g", "groupTypes": []})
    };
    let deleted = put_named(&stack, SOURCE, "groups", group("Old admins")).await?;
    let new = put_named(&stack, TARGET, "groups", group("New admins")).await?;
    let upn = "admin1@fabrikam.onmicrosoft.com";
    let person = user(&stack, TARGET, "Admin", upn).await?;
    let role = json!({"displayName": "Device administrators",
        "roleTemplateId": "9f06204d-73c1-4d4c-880a-6edb90606fd8"});
    let role = put_named(&stack, TARGET, "directoryRoles", role).await?;
    let filter = json!({"displayName": "Corporate", "platform": "windows10AndLater",
        "rule": "(device.manufacturer -eq \"X\")", "assignmentFilterManagementType": "devices",
        "roleScopeTags": ["0"]});
    let filter = put_named(&stack, TARGET, "assignmentFilters", filter).await?;
    for (name, id) in [("Never", NEVER), ("Either", EITHER), ("Deleted", &deleted)] {
        let object = custom(name, &format!("admins={}", sid(id)?));
        put_named(&stack, SOURCE, COLLECTION, object).await?;
    }
    // The target has a policy of that name: what is lost keeps the two from being compared.
    put_named(
        &stack,
        TARGET,
        COLLECTION,
        custom("Either", "admins=nobody"),
    )
    .await?;
    stack.sync_both().await?;
    stack.sim.delete_object(SOURCE, "groups", &deleted).await?;
    stack.sync_both().await?;
    search(&stack, "admin1").await?;

    let mut selection = stack.selection();
    let preflight = stack.api.preflight(&selection).await?;
    let open = |name: &str, kind: &str| -> Value {
        let subject = subject(&preflight, name);
        assert_eq!(subject["readiness"], "manual_mapping_required", "{subject}");
        let [message] = held(subject, "reference_missing")[..] else {
            panic!("{subject}")
        };
        assert!(
            message.contains("the source itself does not have any more"),
            "{message}"
        );
        assert!(message.contains("Map it"), "{message}");
        let reference = &subject["references"][0];
        assert_eq!(reference["kind"], kind, "{subject}");
        assert!(reference["source_id"].is_string(), "{subject}");
        reference["source_id"].clone()
    };
    let (never, either) = (
        open("Never", "directory_object"),
        open("Either", "directory_object"),
    );
    let gone = open("Deleted", "group");
    let mapping = |kind: &str, from: &Value, to: &Value| json!({"kind": kind, "source_id": from, "target_id": to});

    // To what no security identifier can stand for it cannot be mapped.
    let filter = ours(&stack, "assignment_filter", &filter).await?;
    selection["mappings"] = json!([mapping("directory_object", &never, &filter)]);
    let refused = stack
        .api
        .post("/cross-tenant-compare/preflight", &selection)
        .await?;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert_eq!(
        refused.body["errors"][0]["pointer"],
        "/mappings/0/target_id"
    );

    let (to_group, to_person) = (
        ours(&stack, "group", &new).await?,
        ours(&stack, "user", &person).await?,
    );
    for (kind, target, wanted) in [
        ("group", &to_group, &new),
        (
            "directory_role",
            &ours(&stack, "directory_role", &role).await?,
            &role,
        ),
    ] {
        selection["mappings"] = json!([mapping("directory_object", &never, target)]);
        let ready = stack.api.preflight(&selection).await?;
        let subject = subject(&ready, "Never");
        assert_eq!(subject["readiness"], "ready", "{kind}: {subject}");
        assert_eq!(subject["references"][0]["target_id"], *target, "{wanted}");
    }
    selection["mappings"] = json!([
        mapping("directory_object", &never, &to_group),
        mapping("directory_object", &either, &to_person),
        mapping("group", &gone, &to_group),
    ]);
    let (preflight, run) = stack.api.promote(&selection, LIMIT).await?;
    assert_eq!(preflight["summary"]["ready"], 3, "{preflight}");
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    for (name, id) in [("Never", &new), ("Either", &person), ("Deleted", &new)] {
        let there = landed(&stack, COLLECTION, name).await?;
        let wanted = format!("admins={}", sid(id)?);
        assert_eq!(there["omaSettings"][0]["value"], wanted, "{name}");
    }
    for _ in 0..2 {
        let compare = stack.api.compare(&selection).await?;
        for name in ["Never", "Either", "Deleted"] {
            assert_eq!(
                subject(&compare, name)["state"],
                "match",
                "{name}: {compare}"
            );
        }
        stack.sync_both().await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn c1_a_person_that_nothing_names_is_forgotten_after_thirty_days() -> Result<()> {
    let stack = two_empty_tenants(1).await?;
    let mut people = Vec::new();
    for name in ["pilot1", "pilot2", "pilot3"] {
        let upn = format!("{name}@fabrikam.onmicrosoft.com");
        people.push(user(&stack, TARGET, name, &upn).await?);
    }
    let excludes = policy("Named", &json!({"users": {"excludeUsers": [people[0]]}}));
    put_named(&stack, TARGET, "conditionalAccessPolicies", excludes).await?;
    let by_sid = custom("By identifier", &format!("admins={}", sid(&people[1])?));
    put_named(&stack, TARGET, COLLECTION, by_sid).await?;
    stack.sync_both().await?;
    search(&stack, "pilot").await?;
    let known = async |q: &str| -> Result<Vec<String>> {
        let found = references(&stack, "user", q).await?;
        let names = found.iter().filter_map(|one| one["name"].as_str());
        Ok(names.map(str::to_owned).collect())
    };
    assert_eq!(known("pilot").await?.len(), 3);
    let age = |days: i32| -> Result<()> {
        let mut database = PgConnection::establish(&stack.database_url)?;
        let seen = format!(
            "UPDATE tenant_references SET observed_at = now() - interval '{days} days' \
             WHERE kind = 'user'"
        );
        diesel::sql_query(seen).execute(&mut database)?;
        Ok(())
    };
    // Nobody is forgotten early; a search for somebody else forgets like a sync.
    age(29)?;
    search(&stack, "nobody").await?;
    assert_eq!(known("pilot").await?.len(), 3);
    age(31)?;
    search(&stack, "nobody").await?;
    let left = known("pilot").await?;
    assert!(
        !left.iter().any(|name| name.starts_with("pilot3")),
        "{left:?}"
    );
    assert_eq!(left.len(), 2, "a policy names them: {left:?}");
    // Neither is forgotten who is gone while a policy still names them.
    stack.sim.delete_object(TARGET, "users", &people[1]).await?;
    stack.sync_both().await?;
    age(31)?;
    stack.sync_both().await?;
    let mut database = PgConnection::establish(&stack.database_url)?;
    let kept = diesel::sql_query(
        "SELECT 1 FROM tenant_references WHERE kind = 'user' AND removed_at IS NOT NULL",
    )
    .execute(&mut database)?;
    assert_eq!(kept, 1);
    Ok(())
}
