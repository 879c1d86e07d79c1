//! Field cases D1 and G2 by their numbers, and the letter case of ids: objects are known by what is
//! the same in every tenant.

use anyhow::{Context, Result};
use promotion_tests::stack::{SOURCE, TARGET};
use serde_json::{Value, json};

use super::field_cases_references::{
    ENROLLMENT, LIMIT, POLICIES, policy, promoted, put, reason, reference, subject, text,
    two_empty_tenants,
};

#[tokio::test(flavor = "multi_thread")]
async fn d1_a_service_principal_is_known_by_its_application() -> Result<()> {
    let stack = two_empty_tenants(1).await?;
    let (x, y) = (
        "aaaa1111-0000-4000-8000-0000000000aa",
        "bbbb2222-0000-4000-8000-0000000000bb",
    );
    let principal = |app: &str, name: &str| json!({"displayName": name, "appId": app, "servicePrincipalType": "Application"});
    let ours = put(
        &stack,
        SOURCE,
        "servicePrincipals",
        principal(x, "Backup Agent"),
    )
    .await?;
    let namesake = principal(y, "Backup Agent");
    let namesake = put(&stack, TARGET, "servicePrincipals", namesake).await?;
    let name = "CA020 Workloads";
    let body = policy(
        name,
        &json!({
            "users": {"includeUsers": ["None"]},
            "clientApplications": {"includeServicePrincipals": [ours]},
        }),
    );
    put(&stack, SOURCE, POLICIES, body).await?;
    stack.sync_both().await?;

    let held = subject(&stack, name, &json!([])).await?;
    assert_eq!(held["readiness"], "manual_mapping_required", "{held}");
    let message = reason(&held, "reference_missing");
    assert!(message.contains("service principal"), "{message}");

    // Capitals make no other application.
    let renamed = principal(&x.to_uppercase(), "Backup Agent (production)");
    let theirs = put(&stack, TARGET, "servicePrincipals", renamed).await?;
    stack.sync_both().await?;
    let landed = promoted(&stack, name, &json!([])).await?;
    let named = &landed["conditions"]["clientApplications"]["includeServicePrincipals"];
    assert_eq!(named, &json!([theirs]), "{namesake} has the name only");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn g2_an_application_without_a_service_principal_is_held_before_the_start() -> Result<()> {
    let stack = two_empty_tenants(1).await?;
    let name = "CA030 Enrollment";
    for tenant in [SOURCE, TARGET] {
        let other =
            json!({"displayName": "Other", "appId": "cccc3333-0000-4000-8000-0000000000cc"});
        put(&stack, tenant, "servicePrincipals", other).await?;
    }
    let enrollment = json!({"displayName": "Microsoft Intune Enrollment", "appId": ENROLLMENT});
    put(&stack, SOURCE, "servicePrincipals", enrollment.clone()).await?;
    let body = policy(
        name,
        &json!({"applications": {"includeApplications": [ENROLLMENT]}}),
    );
    put(&stack, SOURCE, POLICIES, body).await?;
    stack.sync_both().await?;
    let held = subject(&stack, name, &json!([])).await?;
    assert_eq!(held["readiness"], "manual_mapping_required", "{held}");
    let message = reason(&held, "reference_missing");
    assert!(
        message.contains("Create the service principal"),
        "{message}"
    );
    assert!(message.contains(ENROLLMENT), "{message}");
    // It can be settled by a mapping, too.
    assert!(
        reference(&held, "application")["source_id"].is_string(),
        "{held}"
    );

    put(&stack, TARGET, "servicePrincipals", enrollment).await?;
    stack.sync_both().await?;
    let landed = promoted(&stack, name, &json!([])).await?;
    assert_eq!(
        landed["conditions"]["applications"]["includeApplications"],
        json!([ENROLLMENT])
    );
    Ok(())
}

/// A tenant that lists ids in capitals has the objects that its policies name in small letters.
#[tokio::test(flavor = "multi_thread")]
async fn ids_are_the_same_in_either_letter_case() -> Result<()> {
    let stack = two_empty_tenants(1).await?;
    let id = "ABCDEF12-0000-4000-8000-0000000000AA";
    let admins = json!({"id": id, "displayName": "Admins"});
    put(&stack, TARGET, "groups", admins).await?;
    let ours = put(&stack, SOURCE, "groups", json!({"displayName": "Admins"})).await?;
    let name = "CA040 Capitals";
    let of = |group: &str| policy(name, &json!({"users": {"excludeGroups": [group]}}));
    put(&stack, SOURCE, POLICIES, of(&ours.to_uppercase())).await?;
    let theirs = put(&stack, TARGET, POLICIES, of(&id.to_lowercase())).await?;
    stack.sync_both().await?;
    let unchanged = subject(&stack, name, &json!([])).await?;
    assert_eq!(unchanged["readiness"], "unchanged", "{unchanged}");

    let path = format!("/tenants/{}/policies", stack.target);
    let of_policy = |all: Vec<Value>| {
        all.into_iter()
            .find(|policy| policy["display_name"] == name)
            .context("the policy")
    };
    let before = of_policy(stack.api.all(&path).await?)?;
    let emptied = json!({"conditions": {"users": {"excludeGroups": []}}});
    stack
        .sim
        .patch_object(TARGET, POLICIES, &theirs, emptied)
        .await?;
    stack.sync_both().await?;
    let after = of_policy(stack.api.all(&path).await?)?;
    let body = json!({
        "policy_version_id": before["current_version_id"],
        "expected_current_version_id": after["current_version_id"],
        "confirm": true,
    });
    let path = format!(
        "/tenants/{}/policies/{}/restores",
        stack.target,
        text(&after["id"])
    );
    let started = stack.api.post(&path, &body).await?.expect(202)?;
    let run = text(&started["operation_run"]["id"]);
    let run = stack.api.wait_for_run(&run, LIMIT).await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    Ok(())
}
