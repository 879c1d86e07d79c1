//! Canaries: secrets planted where tenants keep theirs, looked for in everything that leaves the
//! processes, in clear and in the usual disguises.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use promotion_tests::stack::{SOURCE, TARGET, free_port};
use reqwest::Method;
use serde_json::{Value, json};

use crate::security::installation::{Installation, text};
use crate::security::operations::{Ids, OPERATIONS};
use crate::security::walk::{ask, send};

const CLIENT: &str = "11111111-2222-4333-8444-555555555555";
/// The secret of the synthetic source tenant, stored encrypted by the simulator.
const CORPUS_SECRET: &str = "correct horse battery staple";

struct Canary {
    name: &'static str,
    disguises: Vec<String>,
}

impl Canary {
    fn new(name: &'static str, secret: &str) -> Self {
        let pairs: Vec<String> = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        let hex = pairs.concat();
        let percent: String = secret
            .bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect();
        // At each of the three offsets the middle of the Base64 text does not depend on what
        // stands around the secret.
        let encoded = (0..3).map(|shift| {
            let text = format!("{}{secret}", " ".repeat(shift));
            let encoded = STANDARD.encode(text);
            encoded
                .get(4..encoded.len() - 4)
                .unwrap_or_default()
                .to_owned()
        });
        let escaped = json!(secret).to_string();
        let bytes: Vec<String> = secret.bytes().map(|byte| byte.to_string()).collect();
        let mut disguises = vec![
            secret.to_owned(),
            hex.to_uppercase(),
            hex,
            percent,
            URL_SAFE_NO_PAD.encode(secret),
            escaped.trim_matches('"').to_owned(),
            // `{:?}` of a byte array.
            bytes.join(", "),
            secret.chars().rev().collect(),
        ];
        disguises.extend(encoded);
        disguises.sort();
        disguises.dedup();
        Self { name, disguises }
    }

    /// Where the secret stands in a text: what stands around it, never the secret.
    fn find(&self, what: &str, text: &str) -> Option<String> {
        let (at, length) = self
            .disguises
            .iter()
            .find_map(|disguise| text.find(disguise.as_str()).map(|at| (at, disguise.len())))?;
        let before: String = text[..at].chars().rev().take(160).collect();
        let before: String = before.chars().rev().collect();
        Some(format!(
            "{} ({length} characters) in {what} after: {before}",
            self.name
        ))
    }
}

/// A key and a certificate made for this run alone.
fn certificate() -> Result<Option<(String, String)>> {
    let arguments = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        "/CN=canary",
        "-keyout",
        "-",
        "-out",
        "-",
    ];
    let Ok(output) = Command::new("openssl").args(arguments).output() else {
        return Ok(None);
    };
    let text = String::from_utf8(output.stdout)?;
    let at = text
        .find("-----BEGIN CERTIFICATE-----")
        .context("a certificate")?;
    let (key, certificate) = text.split_at(at);
    Ok(Some((key.to_owned(), certificate.to_owned())))
}

fn dump(url: &str) -> Result<String> {
    let mut programs = vec![PathBuf::from("pg_dump")];
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        programs.extend(
            versions
                .flatten()
                .map(|entry| entry.path().join("bin/pg_dump")),
        );
    }
    for program in programs {
        let Ok(output) = Command::new(&program)
            .args(["--inserts", "--dbname", url])
            .output()
        else {
            continue;
        };
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
    }
    bail!("no pg_dump that can read the database")
}

/// Profiles with secrets where Intune keeps them.
fn profiles(oma: &str, shared_key: &str) -> [Value; 2] {
    [
        json!({
            "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
            "displayName": "Canary - Custom",
            "description": "",
            "omaSettings": [{
                "@odata.type": "#microsoft.graph.omaSettingString",
                "displayName": "Key",
                "description": null,
                "omaUri": "./Device/Vendor/MSFT/WiFi/Profile/Canary/Key",
                "value": oma,
                "isEncrypted": true,
                "secretReferenceValueId": uuid::Uuid::new_v4(),
            }],
        }),
        json!({
            "@odata.type": "#microsoft.graph.windowsWifiConfiguration",
            "displayName": "Canary - Wireless",
            "description": "",
            "networkName": "Canary",
            "ssid": "Canary",
            "wifiSecurityType": "wpaPersonal",
            "preSharedKey": shared_key,
        }),
    ]
}

/// A settings-catalog policy with a secret, as Graph shows it before Intune has encrypted it.
fn catalog_policy(secret: &str) -> Value {
    let prefix = "#microsoft.graph.deviceManagementConfiguration";
    json!({
        "name": "Canary - Catalog",
        "description": "",
        "platforms": "windows10",
        "technologies": "mdm",
        "roleScopeTagIds": ["0"],
        "settings": [{
            "id": "0",
            "settingInstance": {
                "@odata.type": format!("{prefix}SimpleSettingInstance"),
                "settingDefinitionId": "device_vendor_msft_laps_policies_canary",
                "settingInstanceTemplateReference": null,
                "simpleSettingValue": {
                    "@odata.type": format!("{prefix}SecretSettingValue"),
                    "settingValueTemplateReference": null,
                    "value": secret,
                    "valueState": "notEncrypted",
                },
            },
        }],
    })
}

/// Requests that are refused while they carry a secret.
async fn refusals(
    url: &str,
    token: &str,
    path: &str,
    secret: &str,
    key: &str,
) -> Result<Vec<(String, String)>> {
    let good = format!(r#"{{"kind":"client_secret","client_secret":"{secret}"}}"#);
    let bodies = [
        format!(
            r#"{{"cloud":"global","client_id":"{CLIENT}","credential":{good},"credential":{good}}}"#
        ),
        format!(r#"{{"cloud":"global","client_id":"{CLIENT}","credential":{good}"#),
        format!(r#"{{"cloud":"nowhere","client_id":"{CLIENT}","credential":{good}}}"#),
        format!(r#"{{"cloud":"global","client_id":"{secret}","credential":{good}}}"#),
        format!(r#"{{"cloud":"global","client_id":"{CLIENT}","credential":"{secret}"}}"#),
        format!(
            r#"{{"cloud":"global","client_id":"{CLIENT}","credential":{{"kind":"{secret}"}}}}"#
        ),
        format!(
            r#"{{"cloud":"global","client_id":"{CLIENT}","credential":{{"kind":"client_secret","{secret}":1}}}}"#
        ),
        format!(
            r#"{{"cloud":"global","client_id":"{CLIENT}","credential":{{"kind":"client_secret","client_secret":"{}"}}}}"#,
            secret.repeat(100)
        ),
        format!(
            r#"{{"cloud":"global","client_id":"{CLIENT}","credential":{{"kind":"federated_token","token_file":"/{secret}"}}}}"#
        ),
        json!({"cloud": "global", "client_id": CLIENT,
            "credential": {"kind": "certificate", "certificate": key, "private_key": secret}})
        .to_string(),
    ];
    let client = reqwest::Client::new();
    let mut answers = Vec::new();
    for (number, body) in bodies.into_iter().enumerate() {
        let request = client
            .put(format!("{url}{path}"))
            .bearer_auth(token)
            .header("content-type", "application/json")
            .body(body);
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        // The certificate alone may be taken as it is: what it holds is opaque.
        assert!(
            (400..500).contains(&status),
            "refusal {number}: {status} {text}"
        );
        answers.push((format!("refusal {number}"), text));
    }
    Ok(answers)
}

#[test]
fn a_canary_is_found_however_it_is_dressed() {
    let secret = "cANary~0123456789/+ \u{e9}";
    let canary = Canary::new("test", secret);
    let inside = |before: &str| format!("{{\"kind\":\"{before}\",\"value\":\"{secret}\"}}");
    let mut texts = vec![
        secret.to_owned(),
        format!("{:?}", secret.as_bytes()),
        format!("x={}", URL_SAFE_NO_PAD.encode(secret)),
        json!({"a": secret}).to_string(),
        secret
            .bytes()
            .map(|byte| format!("{byte:02X}"))
            .collect::<Vec<_>>()
            .concat(),
    ];
    for before in ["", "a", "ab"] {
        texts.push(STANDARD.encode(inside(before)));
    }
    for text in texts {
        let found = canary.find("a text", &text);
        assert!(found.is_some_and(|found| !found.contains(secret)), "{text}");
    }
    assert_eq!(canary.find("a text", "cANary~ and nothing more"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn planted_secrets_come_out_nowhere() -> Result<()> {
    let mut installation = Installation::start("trace", |_| Ok(())).await?;
    let owner = installation.owner.clone();
    let random = || format!("cANary~{:032x}/+ \u{e9}", rand::random::<u128>());
    let (secret, refused, oma, shared_key) = (random(), random(), random(), random());
    let catalog = random();
    let mut canaries = vec![
        Canary::new("client secret", &secret),
        Canary::new("refused client secret", &refused),
        Canary::new("OMA value", &oma),
        Canary::new("shared key", &shared_key),
        Canary::new("settings-catalog secret", &catalog),
        Canary::new("OMA value of the corpus", CORPUS_SECRET),
        Canary::new("API token", &owner.token),
        Canary::new("master key", &installation.master_key),
    ];
    for profile in profiles(&oma, &shared_key) {
        installation
            .sim
            .put_object(SOURCE, "deviceConfigurations", profile)
            .await?;
    }
    installation
        .sim
        .put_object(SOURCE, "configurationPolicies", catalog_policy(&catalog))
        .await?;
    let (source, target) = installation.add_tenants().await?;
    let connect = |tenant: String, credential: Value| {
        let (owner, body) = (
            owner.clone(),
            json!({"cloud": "global", "client_id": CLIENT, "credential": credential}),
        );
        async move {
            owner
                .put(&format!("/tenants/{tenant}/connection"), &body)
                .await?
                .expect(200)
        }
    };
    connect(
        source.clone(),
        json!({"kind": "client_secret", "client_secret": secret}),
    )
    .await?;
    let made = certificate()?;
    if let Some((key, certificate)) = &made {
        let middle = key.lines().nth(5).context("a line of the key")?;
        canaries.push(Canary::new("private key", middle));
        let credential =
            json!({"kind": "certificate", "certificate": certificate, "private_key": key});
        connect(target.clone(), credential).await?;
    } else {
        eprintln!("skipped: planted_secrets_come_out_nowhere (private key): openssl is not here");
    }
    let key = made.map(|(key, _)| key).unwrap_or_default();
    let path = owner.path(&format!("/tenants/{source}/connection"));
    let mut texts = refusals(&owner.url, &owner.token, &path, &refused, &key).await?;

    let port = free_port()?;
    let bind = format!("127.0.0.1:{port}");
    installation.add("worker", &[("PROMOTION_WORKER_BIND", &bind)])?;
    for tenant in [&source, &target] {
        let run = owner.sync(tenant).await?;
        assert_eq!(run["outcome"], "succeeded", "{run}");
    }
    let selection = json!({"source_tenant_id": source, "target_tenant_id": target});
    let (preflight, run) = owner.promote(&selection, Duration::from_mins(1)).await?;
    assert!(
        run["summary_counts"]["succeeded"].as_u64() > Some(10),
        "{run}"
    );
    assert!(
        installation.sim.creates(TARGET).await?.len() > 10,
        "the canary run wrote"
    );

    // A wrong secret: what the login service says about it is an error report too.
    connect(
        target.clone(),
        json!({"kind": "client_secret", "client_secret": refused}),
    )
    .await?;
    installation.sim.fault(json!({"tenant": TARGET, "path_regex": "oauth2", "kind": "status_before_effect", "status": 401, "times": 50})).await?;
    let failed = owner.sync(&target).await?;
    texts.push(("failed sync".to_owned(), failed.to_string()));

    texts.push(("preflight".to_owned(), preflight.to_string()));
    texts.extend(answers(&installation, &source, &target, &run).await?);
    let scrape = reqwest::get(format!("http://{bind}/metrics")).await?;
    texts.push(("the worker's metrics".to_owned(), scrape.text().await?));
    let dump = dump(installation.database.url())?;
    for name in ["Canary - Custom", "Canary - Wireless", "Canary - Catalog"] {
        assert!(dump.contains(name), "{name} was captured");
    }
    assert!(
        !dump.contains("BEGIN PRIVATE KEY"),
        "a private key is in the database"
    );
    texts.push(("the database".to_owned(), dump));
    // The simulator is no part of the product and knows the secrets by right.
    for process in installation.processes.iter().skip(1) {
        let log = process.log_text();
        assert!(
            log.contains("TRACE") || log.contains("DEBUG"),
            "the log is at trace level"
        );
        for sign in ["eyJ0eXAi", "eyJhbGci", "access_token\":\"", "Bearer ey"] {
            assert!(
                !log.contains(sign),
                "{} shows an access token: {sign}",
                process.log.display()
            );
        }
        texts.push((process.log.display().to_string(), log));
    }
    let mut found = Vec::new();
    for (what, text) in &texts {
        found.extend(canaries.iter().filter_map(|canary| canary.find(what, text)));
    }
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    eprintln!(
        "canaries: {} secrets in {} texts, {} KiB, {} found",
        canaries.len(),
        texts.len(),
        bytes / 1024,
        found.len()
    );
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

/// Every reading operation with real ids, every page of content and every diff about the canaries.
async fn answers(
    installation: &Installation,
    source: &str,
    target: &str,
    run: &Value,
) -> Result<Vec<(String, String)>> {
    let owner = &installation.owner;
    let mut texts = Vec::new();
    let policies = owner
        .all(&format!("/tenants/{source}/policies?limit=200"))
        .await?;
    let mut seen = 0;
    for policy in &policies {
        let name = policy["display_name"].as_str().unwrap_or_default();
        if !name.contains("Canary") && !name.contains("Wireless") {
            continue;
        }
        seen += 1;
        let ids = Ids {
            source: source.to_owned(),
            target: source.to_owned(),
            policy: text(policy, "id")?,
            version: text(policy, "current_version_id")?,
            run: text(run, "id")?,
            ..Ids::unknown(&owner.workspace)
        };
        for operation in OPERATIONS
            .iter()
            .filter(|operation| operation.method == "GET")
        {
            let answer = ask(&owner.url, Some(&owner.token), operation, &ids).await?;
            texts.push((format!("{} of {name}", operation.path), answer.text));
        }
    }
    assert!(seen >= 3, "the canaries are in the inventory");
    let compare = owner.path("/cross-tenant-compare");
    let selection = json!({"source_tenant_id": source, "target_tenant_id": target});
    let compared = send(
        &owner.url,
        Some(&owner.token),
        Method::POST,
        &compare,
        Some(&selection),
    )
    .await?;
    for subject in compared.json()["subjects"].as_array().into_iter().flatten() {
        let name = subject["display_name"].as_str().unwrap_or_default();
        let kind = subject["policy_type"].as_str().unwrap_or_default();
        if kind != "deviceConfigurations" && !name.contains("Canary") {
            continue;
        }
        let mut body = selection.clone();
        body["subject_key"] = subject["subject_key"].clone();
        let diff = format!("{compare}/diff");
        let answer = send(
            &owner.url,
            Some(&owner.token),
            Method::POST,
            &diff,
            Some(&body),
        )
        .await?;
        texts.push((format!("diff of {}", subject["display_name"]), answer.text));
    }
    texts.push(("compare".to_owned(), compared.text));
    for tail in ["/audit-logs?limit=200", "/operation-runs?limit=200"] {
        texts.push((tail.to_owned(), json!(owner.all(tail).await?).to_string()));
    }
    Ok(texts)
}
