//! What a preflight says from what a sync learned of the target beyond its policies: approval policies
//! in force, templates that are gone, names that other types have taken, permissions that lack.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use promotion_tests::rude_graph::RudeGraph;
use promotion_tests::stack::{Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;

/// A Graph in which every template is retired once `retired` says so.
async fn graph_with_templates(retired: &Arc<AtomicBool>) -> Result<RudeGraph> {
    let retired = Arc::clone(retired);
    let rewrite = move |path: &str, body: &str| {
        let templates = path.contains("/configurationPolicyTemplates");
        (templates && retired.load(Ordering::SeqCst)).then(|| {
            body.replace(
                r#""lifecycleState":"active""#,
                r#""lifecycleState":"retired""#,
            )
        })
    };
    RudeGraph::start(|_| false, Box::new(rewrite)).await
}

fn subjects(answer: &Value) -> &[Value] {
    answer["subjects"].as_array().map_or(&[], Vec::as_slice)
}

fn messages<'v>(answer: &'v Value, part: &str, code: &str) -> Vec<&'v str> {
    let reasons = answer[part].as_array().map_or(&[][..], Vec::as_slice);
    let of_code = reasons.iter().filter(|reason| reason["code"] == code);
    of_code
        .filter_map(|reason| reason["message"].as_str())
        .collect()
}

fn held_by<'v>(answer: &'v Value, code: &str) -> Vec<&'v Value> {
    let has = |subject: &&Value| {
        let reasons = subject["reasons"].as_array().into_iter().flatten();
        reasons.map(|reason| &reason["code"]).any(|of| of == code)
    };
    subjects(answer).iter().filter(has).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_knows_what_stands_in_the_targets_way() -> Result<()> {
    let retired = Arc::new(AtomicBool::new(false));
    let graph = graph_with_templates(&retired).await?;
    let plan = Plan {
        worker_env: vec![("PROMOTION_GRAPH_URL".to_owned(), graph.url.clone())],
        ..Plan::default()
    };
    let stack = Stack::start(PROCESS, plan).await?;
    graph.forward_to(&stack.sim.url)?;
    stack.sync_both().await?;
    let selection = stack.selection();

    let before = stack.api.preflight(&selection).await?;
    assert!(messages(&before, "warnings", "approval_required").is_empty());
    assert!(held_by(&before, "template_retired").is_empty());
    assert!(held_by(&before, "template_missing").is_empty());
    let ready = |answer: &Value, key: &str| {
        let of_type = subjects(answer)
            .iter()
            .filter(|subject| subject["readiness"] == "ready" && subject["policy_type"] == key);
        of_type
            .map(|subject| subject["display_name"].clone())
            .collect::<Vec<_>>()
    };
    let scripts = ready(&before, "deviceManagementScripts").len();
    assert!(scripts > 0, "{}", before["summary"]);
    let made_from_templates: BTreeSet<String> = stack
        .sim
        .objects(SOURCE, "configurationPolicies")
        .await?
        .iter()
        .filter(|policy| {
            policy["templateReference"]["templateId"]
                .as_str()
                .is_some_and(|id| !id.is_empty())
        })
        .filter_map(|policy| policy["name"].as_str().map(str::to_owned))
        .collect();
    let new_from_template = subjects(&before)
        .iter()
        .filter(|subject| {
            subject["action"] == "create" && subject["policy_type"] == "configurationPolicies"
        })
        .filter(|subject| {
            subject["display_name"]
                .as_str()
                .is_some_and(|name| made_from_templates.contains(name))
        })
        .count();
    assert!(new_from_template > 0, "{}", before["summary"]);

    // The target: scripts need a second person, every template is retired, and a profile has the
    // name of a settings catalogue policy that would be created.
    let approval = json!({"displayName": "Scripts need two", "policyType": "script",
        "policyPlatform": "notApplicable", "approverGroupIds": []});
    stack
        .sim
        .put_object(TARGET, "operationApprovalPolicies", approval)
        .await?;
    retired.store(true, Ordering::SeqCst);
    let created = subjects(&before).iter().find(|subject| {
        let name = subject["display_name"].as_str().unwrap_or_default();
        subject["policy_type"] == "configurationPolicies"
            && subject["action"] == "create"
            && !made_from_templates.contains(name)
    });
    let name = created.context("a create without a template")?["display_name"].clone();
    let profiles = stack.sim.objects(TARGET, "deviceConfigurations").await?;
    // Update rings are a type of their own in the same collection.
    let profile = profiles
        .iter()
        .find(|one| one["@odata.type"] != "#microsoft.graph.windowsUpdateForBusinessConfiguration");
    let profile = profile.context("a profile")?["id"].as_str().context("id")?;
    let patch = json!({"displayName": name});
    stack
        .sim
        .patch_object(TARGET, "deviceConfigurations", profile, patch)
        .await?;
    stack.sync_both().await?;

    let after = stack.api.preflight(&selection).await?;
    let approvals = messages(&after, "warnings", "approval_required");
    assert_eq!(approvals.len(), 1, "{}", after["warnings"]);
    assert!(
        approvals[0].contains(&format!("{scripts} of deviceManagementScripts")),
        "{approvals:?}"
    );
    assert_eq!(ready(&after, "deviceManagementScripts").len(), scripts);
    let held = held_by(&after, "template_retired");
    assert_eq!(held.len(), new_from_template, "{held:#?}");
    for subject in held {
        assert_eq!(subject["readiness"], "blocked");
        let message = subject["reasons"][0]["message"]
            .as_str()
            .unwrap_or_default();
        assert!(
            message.contains("/templateReference/templateId"),
            "{message}"
        );
    }
    let collisions = messages(&after, "warnings", "name_collision_across_types");
    let expected = format!("{:?}", name.as_str().context("name")?);
    assert!(
        collisions
            .iter()
            .any(|text| text.contains(&expected) && text.contains("deviceConfigurations")),
        "{collisions:?}"
    );

    // A permission that lacks is named with the types that need it.
    let roles = json!({"roles": ["DeviceManagementConfiguration.Read.All", "Group.Read.All"]});
    stack.sim.set_roles(TARGET, roles).await?;
    let check = format!("/tenants/{}/connection/checks", stack.target);
    let started = stack.api.post(&check, &json!({})).await?.expect(202)?;
    let run = started["operation_run"]["id"].as_str().context("run")?;
    stack
        .api
        .wait_for_run(run, std::time::Duration::from_mins(1))
        .await?;
    let lacking = stack.api.preflight(&selection).await?;
    let missing = messages(&lacking, "gates", "permission_missing").join(" ");
    assert!(
        missing.contains("DeviceManagementScripts.ReadWrite.All (for ")
            && missing.contains("deviceManagementScripts"),
        "{missing}"
    );
    Ok(())
}
