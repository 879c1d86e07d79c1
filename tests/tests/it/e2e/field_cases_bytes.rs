//! Cases of the field about bytes: the source tenant's identity in other spellings (B1, B2), security
//! identifiers (B3), and bytes that devices execute (F1).

use std::time::Duration;

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use promotion_tests::stack::{Content, Plan, SOURCE, Stack, TARGET};
use serde_json::{Value, json};

use crate::PROCESS;

pub(super) const LIMIT: Duration = Duration::from_mins(2);

pub(super) async fn empty_stack() -> Result<Stack> {
    let plan = Plan {
        source: Content::Empty,
        target: Content::Empty,
        ..Plan::default()
    };
    Stack::start(PROCESS, plan).await
}

pub(super) fn custom(name: &str, value: &str) -> Value {
    json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "displayName": name,
        "description": "", "roleScopeTagIds": ["0"], "omaSettings": [
            {"@odata.type": "#microsoft.graph.omaSettingString", "displayName": "One", "description": "",
                "omaUri": "./Device/Vendor/MSFT/Policy/Config/One", "value": value}]})
}

fn xml(name: &str, value: &str) -> Value {
    json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "displayName": name,
        "description": "", "roleScopeTagIds": ["0"], "omaSettings": [
            {"@odata.type": "#microsoft.graph.omaSettingStringXml", "displayName": "One", "description": "",
                "omaUri": "./Device/Vendor/MSFT/Policy/Config/One", "fileName": "one.xml",
                "value": STANDARD.encode(value)}]})
}

pub(super) fn script(name: &str, bytes: &[u8]) -> Value {
    json!({"@odata.type": "#microsoft.graph.deviceManagementScript", "displayName": name,
        "description": "", "fileName": "run.ps1", "runAsAccount": "system", "runAs32Bit": false,
        "enforceSignatureCheck": false, "roleScopeTagIds": ["0"],
        "scriptContent": STANDARD.encode(bytes)})
}

pub(super) fn subject<'v>(answer: &'v Value, name: &str) -> &'v Value {
    let subjects = answer["subjects"].as_array().into_iter().flatten();
    let mut of_name = subjects.filter(|subject| subject["display_name"] == name);
    of_name.next().unwrap_or(&Value::Null)
}

/// The messages that hold a subject with this code.
pub(super) fn held<'v>(subject: &'v Value, code: &str) -> Vec<&'v str> {
    let reasons = subject["reasons"].as_array().into_iter().flatten();
    reasons
        .filter(|reason| reason["code"] == code)
        .filter_map(|reason| reason["message"].as_str())
        .collect()
}

pub(super) async fn landed(stack: &Stack, collection: &str, name: &str) -> Result<Value> {
    let all = stack.sim.objects(TARGET, collection).await?;
    let found = all.into_iter().find(|one| one["displayName"] == name);
    found.with_context(|| format!("{name} did not land"))
}

/// Collection, name, path of the property, and the object with a tenant's id in it.
type Case<'a> = (&'a str, &'a str, &'a str, Box<dyn Fn(&str) -> Value>);

/// Puts the objects into the source, sees each held at the path with the tenant's id, maps it, and
/// sees each land as the same with the target's id.
async fn is_told_and_mapped(cases: Vec<Case<'_>>) -> Result<()> {
    let stack = empty_stack().await?;
    for (collection, _, _, object) in &cases {
        stack
            .sim
            .put_object(SOURCE, collection, object(SOURCE))
            .await?;
    }
    stack.sync_both().await?;
    let mut selection = stack.selection();
    let preflight = stack.api.preflight(&selection).await?;
    for (_, name, path, _) in &cases {
        let subject = subject(&preflight, name);
        assert_eq!(subject["readiness"], "manual_mapping_required", "{subject}");
        let messages = held(subject, "tenant_literal");
        assert!(
            messages
                .iter()
                .any(|message| message.contains(path) && message.contains(SOURCE)),
            "{subject}"
        );
    }
    selection["mappings"] =
        json!([{"kind": "literal", "source_value": SOURCE, "target_value": TARGET}]);
    let (preflight, run) = stack.api.promote(&selection, LIMIT).await?;
    for (_, name, ..) in &cases {
        assert_eq!(
            subject(&preflight, name)["readiness"],
            "ready",
            "{preflight}"
        );
    }
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    for (collection, name, path, object) in &cases {
        let there = landed(&stack, collection, name).await?;
        let wanted = object(TARGET);
        assert_eq!(there.pointer(path), wanted.pointer(path), "{name}");
    }
    for _ in 0..2 {
        let compare = stack.api.compare(&selection).await?;
        for (_, name, ..) in &cases {
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
async fn b1_a_tenant_id_in_another_spelling_is_told_and_replaced_in_it() -> Result<()> {
    const PATH: &str = "/omaSettings/0/value";
    let library = |tenant: &str| {
        let tenant = tenant.replace('-', "%2D");
        let value = format!("tenantId={tenant}&webUrl=https%3A%2F%2Fsites%2Eexample");
        custom("B1 library", &value)
    };
    let twice = |tenant: &str| custom("B1 twice", &format!("x={}", tenant.replace('-', "%252d")));
    let bare = |tenant: &str| {
        custom(
            "B1 bare",
            &format!("x={}", tenant.replace('-', "").to_uppercase()),
        )
    };
    let json = |tenant: &str| {
        custom(
            "B1 json",
            &format!(r#"{{"id":"{}"}}"#, tenant.replace('-', "\\u002d")),
        )
    };
    let entity = |tenant: &str| {
        xml(
            "B1 xml",
            &format!("<t id=\"{}\"/>", tenant.replace('0', "&#x30;")),
        )
    };
    let configurations = "deviceConfigurations";
    is_told_and_mapped(vec![
        (configurations, "B1 library", PATH, Box::new(library)),
        (configurations, "B1 twice", PATH, Box::new(twice)),
        (configurations, "B1 bare", PATH, Box::new(bare)),
        (configurations, "B1 json", PATH, Box::new(json)),
        (configurations, "B1 xml", PATH, Box::new(entity)),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn b2_a_tenant_id_in_any_encoding_is_told_and_every_other_byte_stays() -> Result<()> {
    const PATH: &str = "/scriptContent";
    let wide =
        |text: String| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let latin = |tenant: &str| {
        let bytes = [&b"# \xfc\r\n$t=\""[..], tenant.as_bytes(), b"\""].concat();
        script("B2 windows-1252", &bytes)
    };
    let little =
        move |tenant: &str| script("B2 utf-16", &wide(format!("# \u{fc}\r\n$t=\"{tenant}\"")));
    let big = |tenant: &str| {
        let text = format!("# \u{fc}\r\n$t=\"{tenant}\"\r\n");
        let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        script("B2 utf-16 big endian", &bytes)
    };
    let control = |tenant: &str| {
        script(
            "B2 control",
            format!("# \u{7}\r\n$t=\"{tenant}\"").as_bytes(),
        )
    };
    let nested = |tenant: &str| {
        let inner = STANDARD.encode(format!("<tenant>{tenant}</tenant>"));
        script("B2 nested", format!("$x = '{inner}'\n").as_bytes())
    };
    let scripts = "deviceManagementScripts";
    is_told_and_mapped(vec![
        (scripts, "B2 windows-1252", PATH, Box::new(latin)),
        (scripts, "B2 utf-16", PATH, Box::new(little)),
        (scripts, "B2 utf-16 big endian", PATH, Box::new(big)),
        (scripts, "B2 control", PATH, Box::new(control)),
        (scripts, "B2 nested", PATH, Box::new(nested)),
    ])
    .await
}

/// The security identifier of a directory object, from its id.
pub(super) fn sid(id: &str) -> Result<String> {
    let hex: String = id.chars().filter(|c| *c != '-').collect();
    let byte = |index: usize| u32::from_str_radix(&hex[index * 2..index * 2 + 2], 16);
    // The first three fields of a GUID are stored with their bytes reversed.
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let mut words = Vec::new();
    for word in order.chunks(4) {
        let mut value = 0_u32;
        for (shift, index) in word.iter().enumerate() {
            value |= byte(*index)? << (8 * shift);
        }
        words.push(value.to_string());
    }
    Ok(format!("S-1-12-1-{}", words.join("-")))
}

pub(super) async fn put_named(
    stack: &Stack,
    tenant: &str,
    collection: &str,
    object: Value,
) -> Result<String> {
    let made = stack.sim.put_object(tenant, collection, object).await?;
    Ok(made["id"].as_str().context("id")?.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn b3_a_security_identifier_is_a_reference_to_the_group_it_stands_for() -> Result<()> {
    let stack = empty_stack().await?;
    let group = |name: &str| {
        json!({"displayName": name, "securityEnabled": true, "mailEnabled": false,
            "mailNickname": "admins", "groupTypes": []})
    };
    let role = |name: &str| json!({"displayName": name, "roleTemplateId": "9f06204d-73c1-4d4c-880a-6edb90606fd8"});
    let ours = put_named(&stack, SOURCE, "groups", group("Local admins")).await?;
    let alone = put_named(&stack, SOURCE, "groups", group("Only here")).await?;
    let our_role = put_named(
        &stack,
        SOURCE,
        "directoryRoles",
        role("Device administrators"),
    )
    .await?;
    let theirs = put_named(&stack, TARGET, "groups", group("Local admins")).await?;
    let other = put_named(&stack, TARGET, "groups", group("Elsewhere")).await?;
    let their_role = put_named(
        &stack,
        TARGET,
        "directoryRoles",
        role("Geräteadministratoren"),
    )
    .await?;
    let members = |group: &str, role: &str| -> Result<String> {
        Ok(format!(
            "<GroupConfiguration><accessgroup desc=\"Administrators\"><group action=\"R\"/><add member=\"{}\"/>\
             <add member=\"{}\"/></accessgroup></GroupConfiguration>",
            sid(group)?,
            sid(role)?
        ))
    };
    for object in [
        custom("B3 text", &members(&ours, &our_role)?),
        xml("B3 xml", &members(&ours, &our_role)?),
        custom("B3 held", &sid(&alone)?),
    ] {
        stack
            .sim
            .put_object(SOURCE, "deviceConfigurations", object)
            .await?;
    }
    stack.sync_both().await?;
    let mut selection = stack.selection();
    let preflight = stack.api.preflight(&selection).await?;
    let subject_held = subject(&preflight, "B3 held");
    let messages = held(subject_held, "reference_missing");
    let [message] = messages[..] else {
        anyhow::bail!("{subject_held}")
    };
    assert!(
        message.contains("/omaSettings/0/value") && message.contains("group \"Only here\""),
        "{message}"
    );
    let source_id = subject_held["references"][0]["source_id"].clone();
    let references = stack
        .api
        .all(&format!("/tenants/{}/references?kind=group", stack.target))
        .await?;
    let target_id = references
        .iter()
        .find(|one| one["external_id"] == other.as_str())
        .context("the other group")?["id"]
        .clone();
    selection["mappings"] =
        json!([{"kind": "group", "source_id": source_id, "target_id": target_id}]);
    let (preflight, run) = stack.api.promote(&selection, LIMIT).await?;
    assert_eq!(preflight["summary"]["ready"], 3, "{preflight}");
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    let value = async |name: &str| -> Result<Value> {
        let there = landed(&stack, "deviceConfigurations", name).await?;
        Ok(there["omaSettings"][0]["value"].clone())
    };
    let wanted = members(&theirs, &their_role)?;
    assert_eq!(value("B3 text").await?, wanted);
    assert_eq!(value("B3 xml").await?, STANDARD.encode(&wanted));
    assert_eq!(value("B3 held").await?, sid(&other)?);
    for _ in 0..2 {
        let compare = stack.api.compare(&selection).await?;
        for name in ["B3 text", "B3 xml", "B3 held"] {
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
async fn f1_line_ends_and_marks_of_a_script_are_different_and_land() -> Result<()> {
    let stack = empty_stack().await?;
    let fixed = "#!/bin/sh\necho one\n";
    let cases = [
        (
            "F1 line ends",
            "#!/bin/sh\r\necho one\r\n",
            "Line ends: CR LF in the target, LF in the source.",
        ),
        (
            "F1 mark",
            "\u{feff}#!/bin/sh\necho one\n",
            "Byte order mark: present in the target",
        ),
        (
            "F1 last line",
            "#!/bin/sh\necho one",
            "Last line: ends without a line end in the target",
        ),
    ];
    let shell = |name: &str, text: &str| {
        json!({"@odata.type": "#microsoft.graph.deviceShellScript", "displayName": name, "description": "",
            "fileName": "run.sh", "runAsAccount": "system", "retryCount": 0, "executionFrequency": "PT0S",
            "blockExecutionNotifications": false, "roleScopeTagIds": ["0"], "scriptContent": STANDARD.encode(text)})
    };
    for (name, there, _) in cases {
        stack
            .sim
            .put_object(SOURCE, "deviceShellScripts", shell(name, fixed))
            .await?;
        stack
            .sim
            .put_object(TARGET, "deviceShellScripts", shell(name, there))
            .await?;
    }
    stack.sync_both().await?;
    let selection = stack.selection();
    let compare = stack.api.compare(&selection).await?;
    for (name, _, said) in cases {
        let subject = subject(&compare, name);
        assert_eq!(subject["state"], "different", "{subject}");
        let mut body = selection.clone();
        body["subject_key"] = subject["subject_key"].clone();
        let diff = stack
            .api
            .post("/cross-tenant-compare/diff", &body)
            .await?
            .expect(200)?;
        let text = diff["changes"][0]["source"].as_str().unwrap_or_default();
        assert!(text.contains(said), "{diff}");
    }
    let (_, run) = stack.api.promote(&selection, LIMIT).await?;
    assert_eq!(run["outcome"], "succeeded", "{run}\n{}", stack.logs());
    for (name, ..) in cases {
        let there = landed(&stack, "deviceShellScripts", name).await?;
        assert_eq!(there["scriptContent"], STANDARD.encode(fixed), "{name}");
    }
    let compare = stack.api.compare(&selection).await?;
    for (name, ..) in cases {
        assert_eq!(subject(&compare, name)["state"], "match", "{compare}");
    }
    Ok(())
}
