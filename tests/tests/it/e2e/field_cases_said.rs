//! Cases from the field, kinds B, G and H over HTTP: what cannot be replaced is held, what is written as
//! it stands or stays behind is said, and a read that Graph refuses with a word on its other version is
//! made there.

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use promotion_tests::stack::{SOURCE, TARGET};
use serde_json::{Value, json};

use super::field_cases_bytes::{custom, script};
use super::field_cases_gates::{empty, held, landed, only, promote, put, says, state, subject};

/// The bytes of a GUID as Windows keeps them.
fn guid_bytes(id: &str) -> Result<Vec<u8>> {
    let hex: String = id.chars().filter(|c| *c != '-').collect();
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let byte = |at: usize| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16);
    Ok(order.into_iter().map(byte).collect::<Result<_, _>>()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn b1_a_mapped_literal_that_cannot_be_replaced_in_its_form_is_held() -> Result<()> {
    let stack = empty().await?;
    let bytes = [&b"id="[..], &guid_bytes(SOURCE)?].concat();
    let name = "Bytes of the tenant";
    put(
        &stack,
        SOURCE,
        "deviceManagementScripts",
        script(name, &bytes),
    )
    .await?;
    stack.sync_both().await?;
    let mut selection = only(&stack, "deviceManagementScripts");
    let preflight = stack.api.preflight(&selection).await?;
    let text = held(&preflight, name, "tenant_literal");
    assert!(
        text.contains("/scriptContent") && text.contains("map the literal"),
        "{text}"
    );
    // Sixteen bytes hold no name.
    let to =
        |value: &str| json!([{"kind": "literal", "source_value": SOURCE, "target_value": value}]);
    selection["mappings"] = to("fabrikam.example");
    let preflight = stack.api.preflight(&selection).await?;
    let text = held(&preflight, name, "tenant_literal");
    assert!(
        text.contains("/scriptContent") && text.contains("change the policy"),
        "{text}"
    );
    assert_eq!(
        subject(&preflight, name)["readiness"],
        "blocked",
        "{preflight}"
    );
    assert!(stack.sim.journal(TARGET, true).await?.is_empty());
    // They do hold another id.
    selection["mappings"] = to(TARGET);
    promote(&stack, &selection).await?;
    let wanted = [&b"id="[..], &guid_bytes(TARGET)?].concat();
    let there = landed(&stack, "deviceManagementScripts", name).await?;
    assert_eq!(there["scriptContent"], STANDARD.encode(wanted));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn b_the_id_of_a_source_object_inside_a_text_is_said() -> Result<()> {
    let stack = empty().await?;
    let group = json!({"displayName": "Pilot", "securityEnabled": true, "mailEnabled": false,
        "mailNickname": "pilot", "groupTypes": []});
    let group = put(&stack, SOURCE, "groups", group).await?;
    let text = format!("$group = '{}'\n", group.to_uppercase());
    put(
        &stack,
        SOURCE,
        "deviceManagementScripts",
        script("Names a group", text.as_bytes()),
    )
    .await?;
    put(
        &stack,
        SOURCE,
        "deviceConfigurations",
        custom("Names it too", &format!("g={group};")),
    )
    .await?;
    let nobody = custom("Names nobody", "g=0f0f0f0f-1234-4000-8000-00000000dead;");
    put(&stack, SOURCE, "deviceConfigurations", nobody).await?;
    stack.sync_both().await?;
    let selection = stack.selection();
    let preflight = promote(&stack, &selection).await?;
    let said = says(&preflight, "warnings", "source_id_in_text");
    for part in [
        "Names a group",
        "/scriptContent",
        "Names it too",
        "/omaSettings/0/value",
        "\"Pilot\"",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("Names nobody"), "{said}");
    let there = landed(&stack, "deviceManagementScripts", "Names a group").await?;
    assert_eq!(
        there["scriptContent"],
        STANDARD.encode(text),
        "as it stands"
    );
    Ok(())
}

const RINGS: &str = "windowsUpdateRings";

fn ring(name: &str, paused: bool) -> Value {
    json!({"@odata.type": "#microsoft.graph.windowsUpdateForBusinessConfiguration",
        "displayName": name, "description": "", "roleScopeTagIds": ["0"],
        "automaticUpdateMode": "autoInstallAtMaintenanceTime", "microsoftUpdateServiceAllowed": true,
        "driversExcluded": false, "qualityUpdatesDeferralPeriodInDays": 3,
        "featureUpdatesDeferralPeriodInDays": 0, "businessReadyUpdatesOnly": "all",
        "qualityUpdatesPaused": paused, "featureUpdatesPaused": false,
        "featureUpdatesWillBeRolledBack": paused, "qualityUpdatesWillBeRolledBack": false})
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_pause_and_a_rank_that_stay_behind_are_said_for_as_long_as_they_differ() -> Result<()>
{
    let stack = empty().await?;
    let key = "deviceConfigurations";
    let id = put(&stack, SOURCE, key, ring("Paused", true)).await?;
    put(&stack, SOURCE, key, ring("Plain", false)).await?;
    stack.sync_both().await?;
    let selection = only(&stack, RINGS);
    let preflight = promote(&stack, &selection).await?;
    let said = says(&preflight, "warnings", "not_carried");
    for part in [
        "\"Paused\"",
        "/qualityUpdatesPaused",
        "/featureUpdatesWillBeRolledBack",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(
        !said.contains("\"Plain\"") && !said.contains("/featureUpdatesPaused"),
        "{said}"
    );
    for write in stack.sim.journal(TARGET, true).await? {
        let body = write["body"].to_string();
        assert!(
            !body.contains("Paused\":") && !body.contains("RolledBack"),
            "{body}"
        );
    }
    for synced in [false, true] {
        if synced {
            stack.sync_both().await?;
        }
        let found = state(&stack, &selection, "Paused").await?;
        assert_eq!(found["state"], "match", "{found}");
        assert!(
            says(&found, "reasons", "not_carried").contains("/qualityUpdatesPaused"),
            "{found}"
        );
        let plain = state(&stack, &selection, "Plain").await?;
        assert_eq!(plain["reasons"], json!([]), "{plain}");
    }
    // A pause that ends is no change of the policy, and nothing is to be said any more.
    stack
        .sim
        .patch_object(SOURCE, key, &id, ring("Paused", false))
        .await?;
    stack.sync_both().await?;
    let found = state(&stack, &selection, "Paused").await?;
    assert_eq!(
        (&found["state"], &found["reasons"]),
        (&json!("match"), &json!([])),
        "{found}"
    );

    // The target's own pause survives an update of its ring.
    let there = landed(&stack, key, "Paused").await?;
    let theirs = there["id"].as_str().context("id")?;
    let paused = json!({"qualityUpdatesPaused": true, "qualityUpdatesDeferralPeriodInDays": 9});
    stack.sim.patch_object(TARGET, key, theirs, paused).await?;
    stack.sync_both().await?;
    promote(&stack, &selection).await?;
    let there = landed(&stack, key, "Paused").await?;
    assert_eq!(there["qualityUpdatesDeferralPeriodInDays"], 3, "{there}");
    assert_eq!(there["qualityUpdatesPaused"], true, "{there}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_a_read_that_is_refused_with_a_word_on_the_other_version_is_made_there() -> Result<()> {
    let stack = empty().await?;
    let location = json!({"@odata.type": "#microsoft.graph.countryNamedLocation",
        "displayName": "Home", "countriesAndRegions": ["DE"],
        "includeUnknownCountriesAndRegions": false});
    put(&stack, SOURCE, "namedLocations", location).await?;
    let refuse = json!({"tenant": SOURCE, "method": "GET", "times": 1_000,
        "path_regex": "v1.0/.*namedLocations",
        "kind": "refuse", "message": "1099: Not in this version. Use the beta endpoint."});
    stack.sim.fault(refuse).await?;
    stack.sync_both().await?;
    let selection = only(&stack, "namedLocations");
    promote(&stack, &selection).await?;
    assert_eq!(state(&stack, &selection, "Home").await?["state"], "match");
    let journal = stack.sim.journal(SOURCE, false).await?;
    let listed: Vec<String> = journal
        .iter()
        .filter(|one| {
            one["path"]
                .as_str()
                .unwrap_or_default()
                .ends_with("namedLocations")
        })
        .map(|one| {
            format!(
                "{} {}",
                one["version"].as_str().unwrap_or_default(),
                one["status"]
            )
        })
        .collect();
    assert!(
        listed.contains(&"v1.0 400".to_owned()) && listed.contains(&"beta 200".to_owned()),
        "{listed:?}"
    );
    Ok(())
}
