//! The real enterprise Wi-Fi profiles of a public export, bound to certificate profiles: they land
//! bound to the target's own. Skipped when the exports are not here.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use promotion_tests::shared;
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;
use crate::e2e::main_job::{assert_journal, assert_promoted, by_key};

const COLLECTION: &str = "deviceConfigurations";
const IDENTITY: &str = "identityCertificateForClientAuthentication";
const ROOTS: &str = "rootCertificatesForServerValidation";
const EXPORTS: [&str; 3] = [
    "androidDeviceOwnerEnterpriseWiFiConfiguration",
    "iosEnterpriseWiFiConfiguration",
    "macOSEnterpriseWiFiConfiguration",
];

async fn put(stack: &Stack, kind: &str, name: &str, more: Value) -> Result<String> {
    let mut object = json!({"@odata.type": format!("#microsoft.graph.{kind}"),
        "displayName": name, "roleScopeTagIds": ["0"]});
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    let made = stack.sim.put_object(SOURCE, COLLECTION, object).await?;
    Ok(made["id"].as_str().context("an id")?.to_owned())
}

/// A trusted root and a certificate profile below it, of one platform.
async fn certificates(stack: &Stack, platform: &str) -> Result<(String, String)> {
    let root = json!({"certFileName": "root.cer", "trustedRootCertificate": "TUlJ"});
    let kind = format!("{platform}TrustedRootCertificate");
    let root = put(stack, &kind, &format!("Root {platform}"), root).await?;
    let issued = json!({"certificateValidityPeriodScale": "years",
        "certificateValidityPeriodValue": 1, "links": {"rootCertificate": [root]}});
    let kind = format!("{platform}ScepCertificateProfile");
    let scep = put(stack, &kind, &format!("Certificate {platform}"), issued).await?;
    Ok((root, scep))
}

/// The names that the links of each profile lead to.
async fn links_by_name(stack: &Stack, tenant: &str) -> Result<BTreeMap<String, Vec<String>>> {
    let objects = stack.sim.objects(tenant, COLLECTION).await?;
    let text =
        |object: &Value, member: &str| object[member].as_str().unwrap_or_default().to_owned();
    let names: BTreeMap<String, String> = objects
        .iter()
        .map(|object| (text(object, "id"), text(object, "displayName")))
        .collect();
    let mut found = BTreeMap::new();
    for object in &objects {
        let mut links = Vec::new();
        for (property, to) in object["links"].as_object().into_iter().flatten() {
            for id in to
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
            {
                let name = names.get(id).context("a link inside the tenant")?;
                links.push(format!("{property} -> {name}"));
            }
        }
        found.insert(text(object, "displayName"), links);
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn real_enterprise_wireless_profiles_land_bound_to_the_targets_certificates() -> Result<()> {
    let Some(corpus) = shared::corpus() else {
        shared::skipped("real enterprise Wi-Fi profiles");
        return Ok(());
    };
    let folder = tempfile::tempdir()?;
    let mut copied = 0;
    for entry in std::fs::read_dir(corpus.join(COLLECTION))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .context("a name")?
            .to_string_lossy()
            .into_owned();
        if EXPORTS
            .iter()
            .any(|kind| name.ends_with(&format!("_{kind}.json")))
        {
            let into = folder.path().join(COLLECTION);
            std::fs::create_dir_all(&into)?;
            std::fs::copy(&path, into.join(name))?;
            copied += 1;
        }
    }
    assert_eq!(copied, EXPORTS.len());
    let plan = Plan {
        source: Content::Folder(folder.path().to_owned()),
        target: Content::Empty,
        ..Plan::default()
    };
    let stack = Stack::start(PROCESS, plan).await?;
    for object in stack.sim.objects(SOURCE, COLLECTION).await? {
        let kind = object["@odata.type"].as_str().context("a type")?;
        let kind = kind.trim_start_matches("#microsoft.graph.");
        let platform = kind.trim_end_matches("EnterpriseWiFiConfiguration");
        let (root, scep) = certificates(&stack, platform).await?;
        let id = object["id"].as_str().context("an id")?;
        let patch = json!({"authenticationMethod": "certificate",
            "links": {IDENTITY: [scep], ROOTS: [root]}});
        stack
            .sim
            .patch_object(SOURCE, COLLECTION, id, patch)
            .await?;
    }
    stack.sync_both().await?;
    let selection = stack.selection();
    let (preflight, run) = stack
        .api
        .promote(&selection, Duration::from_mins(4))
        .await?;
    assert_eq!(run["outcome"], "succeeded", "{run}");
    let subjects = by_key(&preflight);
    let creates = subjects
        .values()
        .filter(|one| one["action"] == "create")
        .count();
    assert_eq!(creates, 9, "{preflight}");
    let wireless = |one: &&Value| one["display_name"].to_string().contains("WiFi");
    for subject in subjects.values().filter(wireless) {
        let references = subject["references"].as_array().context("references")?;
        let bound: Vec<&Value> = references
            .iter()
            .filter(|one| one["kind"] == "device_configuration")
            .collect();
        assert_eq!(bound.len(), 2, "{subject}");
        for one in bound {
            assert_eq!(one["resolution"], "created_by_plan", "{subject}");
        }
    }
    assert_promoted(&stack, &selection, &preflight, &run).await?;
    assert_journal(&stack, creates).await?;
    let wanted = links_by_name(&stack, SOURCE).await?;
    assert!(
        wanted.values().map(Vec::len).sum::<usize>() == 9,
        "{wanted:#?}"
    );
    assert_eq!(links_by_name(&stack, TARGET).await?, wanted);

    // What is bound by hand to something else is different, and bound back by links alone.
    let objects = stack.sim.objects(TARGET, COLLECTION).await?;
    let of = |name: &str| {
        objects
            .iter()
            .find(|one| one["displayName"] == name)
            .cloned()
    };
    let mac = objects
        .iter()
        .find(|one| {
            one["@odata.type"]
                .to_string()
                .contains("macOSEnterpriseWiFi")
        })
        .context("the macOS profile")?;
    let root = of("Root macOS").context("the root")?;
    let patch = json!({"links": {"rootCertificateForServerValidation": [root["id"]]}});
    let id = mac["id"].as_str().context("an id")?;
    stack
        .sim
        .patch_object(TARGET, COLLECTION, id, patch)
        .await?;
    stack.sync_both().await?;
    stack.sim.clear_journal().await?;
    let (_, run) = stack
        .api
        .promote(&selection, Duration::from_mins(4))
        .await?;
    assert_eq!(run["summary_counts"]["updated"], 1, "{run}");
    assert_eq!(links_by_name(&stack, TARGET).await?, wanted);
    for write in stack.sim.journal(TARGET, true).await? {
        let to = write["path"].as_str().unwrap_or_default();
        assert!(to.ends_with("/$ref"), "{write}");
    }
    Ok(())
}
