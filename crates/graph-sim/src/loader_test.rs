//! Exports as found in the wild, one oddity after the other.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use serde_json::json;

use super::*;
use crate::schema::Schema;
use crate::state::Tenant;

const TENANT: &str = "cccccccc-0000-4000-8000-000000000003";

fn load_folder(folder: &Path) -> World {
    let mut world = World::new(Schema::builtin());
    world
        .tenants
        .insert(TENANT.to_owned(), Tenant::new(TENANT, "Test"));
    load(&mut world, TENANT, folder, &[]).unwrap();
    world
}

fn write(folder: &Path, file: &str, bytes: &[u8]) {
    let path = folder.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let mut bytes = if little {
        vec![0xff, 0xfe]
    } else {
        vec![0xfe, 0xff]
    };
    for unit in text.encode_utf16() {
        bytes.extend(if little {
            unit.to_le_bytes()
        } else {
            unit.to_be_bytes()
        });
    }
    bytes
}

#[test]
fn every_usual_encoding_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| {
        json!({"displayName": name, "platform": "macOS", "rule": "(device.model -eq \"ü\")"})
            .to_string()
    };
    write(
        folder.path(),
        "Filters/plain.json",
        text("plain").as_bytes(),
    );
    write(
        folder.path(),
        "Filters/marked.json",
        format!("\u{feff}{}", text("marked")).as_bytes(),
    );
    write(
        folder.path(),
        "Filters/little.json",
        &utf16(&text("little"), true),
    );
    write(
        folder.path(),
        "Filters/big.json",
        &utf16(&text("big"), false),
    );
    write(folder.path(), "Filters/broken.json", b"{\"displayName\": ");
    let world = load_folder(folder.path());
    let tenant = world.tenant(TENANT).unwrap();
    for name in ["plain", "marked", "little", "big"] {
        assert!(
            tenant.find_by_name("assignmentFilters", name).is_some(),
            "{name}"
        );
    }
    assert_eq!(tenant.report.unreadable.len(), 1);
}

#[test]
fn names_in_place_of_ids_become_objects() {
    let folder = tempfile::tempdir().unwrap();
    let policy = json!({
        "@odata.type": "#microsoft.graph.windows10CustomConfiguration",
        "displayName": "By name", "roleScopeTagIds": ["Default", "Warehouse"],
        "omaSettings": {"@odata.type": "#microsoft.graph.omaSettingBoolean", "displayName": "One",
            "omaUri": "./a", "value": "True"},
        "assignments": {"intent": "apply", "source": "direct", "target": {
            "@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupName": "Site devices",
            "groupType": "StaticMembership",
            "deviceAndAppManagementAssignmentFilterId": "Tablets",
            "deviceAndAppManagementAssignmentFilterType": "include"}},
    });
    write(
        folder.path(),
        "Device Configurations/p.json",
        policy.to_string().as_bytes(),
    );
    let world = load_folder(folder.path());
    let tenant = world.tenant(TENANT).unwrap();
    let stored = tenant
        .find_by_name("deviceConfigurations", "By name")
        .unwrap();
    let tag = tenant.find_by_name("roleScopeTags", "Warehouse").unwrap();
    assert_eq!(stored.body["roleScopeTagIds"], json!(["0", tag.id]));
    assert_eq!(stored.body["omaSettings"][0]["value"], json!(true));
    let group = tenant.find_by_name("groups", "Site devices").unwrap();
    let filter = tenant.find_by_name("assignmentFilters", "Tablets").unwrap();
    assert_eq!(stored.assignments[0]["target"]["groupId"], json!(group.id));
    assert_eq!(
        stored.assignments[0]["target"]["deviceAndAppManagementAssignmentFilterId"],
        json!(filter.id)
    );
    assert_eq!(tenant.report.created_references.len(), 3);
}

#[test]
fn transport_noise_and_foreign_properties_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let policy = json!({
        "@odata.context": "https://graph.microsoft.com/beta/$metadata#deviceManagement/deviceCompliancePolicies/$entity",
        "@odata.type": "#microsoft.graph.iosCompliancePolicy",
        "id": "11111111-1111-4111-8111-111111111111",
        "displayName": "Noisy", "passcodeRequired": "true",
        "createdDateTime": "/Date(1613000000000)/",
        "assignments@odata.navigationLink": "x",
        "#microsoft.graph.assign": {"title": "x"}, "inventedProperty": 1,
    });
    write(folder.path(), "any.json", policy.to_string().as_bytes());
    let world = load_folder(folder.path());
    let tenant = world.tenant(TENANT).unwrap();
    let stored = tenant
        .find(
            "deviceCompliancePolicies",
            "11111111-1111-4111-8111-111111111111",
        )
        .unwrap();
    assert_eq!(stored.body["passcodeRequired"], json!(true));
    assert_eq!(
        stored.body["createdDateTime"],
        json!("2021-02-10T23:33:20.000Z")
    );
    assert!(
        !stored
            .body
            .keys()
            .any(|name| name.contains('#') || name == "inventedProperty")
    );
    assert!(
        stored.body["scheduledActionsForRule"]
            .as_array()
            .is_some_and(|rules| rules.len() == 1)
    );
    assert!(
        tenant
            .report
            .dropped
            .iter()
            .any(|remark| remark.what == "inventedProperty")
    );
}

#[test]
fn types_not_served_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let book = json!({"@odata.type": "#microsoft.graph.iosVppEBook", "displayName": "Book"});
    write(
        folder.path(),
        "managedEBooks/book.json",
        book.to_string().as_bytes(),
    );
    write(folder.path(), "managedEBooks/list.json", b"[1, 2]");
    let world = load_folder(folder.path());
    assert_eq!(world.tenant(TENANT).unwrap().report.not_served.len(), 2);
}

#[test]
fn the_shared_corpus_loads_whole() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/corpus");
    if !folder.is_dir() {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    }
    let world = load_folder(&folder);
    let report = &world.tenant(TENANT).unwrap().report;
    eprintln!("{:?}", report.loaded);
    assert!(report.unreadable.is_empty(), "{:?}", report.unreadable);
    let count = |key: &str| report.loaded.get(key).copied().unwrap_or(0);
    // Some objects lie there in two export forms under one id: 201 + 51 + 63 + 109 + 36 files.
    let keys = [
        "configurationPolicies",
        "deviceCompliancePolicies",
        "deviceConfigurations",
        "conditionalAccessPolicies",
        "groups",
    ];
    let loaded: usize = keys.iter().map(|key| count(key)).sum();
    assert_eq!(loaded + report.duplicate_ids.len(), 460);
}

/// What a promotion sends for a stored object: its body without what the service owns.
fn as_sent(rule: &crate::rules::CollectionRule, object: &crate::state::Object) -> Value {
    let mut body = object.body.clone();
    for owned in [
        "createdDateTime",
        "lastModifiedDateTime",
        "modifiedDateTime",
        "version",
        "isBuiltIn",
        "supportsScopeTags",
        "creationSource",
        "priorityMetaData",
        "payloads",
        "deletedDateTime",
        "templateId",
        "localizedNotificationMessages",
        "appSupportsOemConfig",
        "apps",
        "deployedAppCount",
        "isAssigned",
        "priority",
        "isDefaultProfile",
        "inventorySyncStatus",
        "newUpdates",
        "deviceReporting",
    ] {
        body.remove(owned);
    }
    if let Some(Value::Object(reference)) = body.get_mut("templateReference") {
        reference.retain(|name, _| name == "templateId");
    }
    for list in ["settings", "omaSettings"] {
        for item in body
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let item = item.as_object_mut().unwrap();
            for owned in ["id", "isEncrypted", "secretReferenceValueId"] {
                item.remove(owned);
            }
        }
    }
    let _ = rule;
    Value::Object(body)
}

/// Spoils one top-level value after the other; every such body must be refused. Answers how many.
fn refuse_spoiled(
    world: &mut World,
    claims: &crate::login::Claims,
    rule: &'static CollectionRule,
    object: &crate::state::Object,
) -> usize {
    let whole = as_sent(rule, object);
    let mut count = 0;
    for (name, value) in whole.as_object().unwrap() {
        let wrong = match value {
            Value::Bool(_) => json!("yes"),
            Value::Number(_) => json!("many"),
            Value::String(_) => json!(12345),
            Value::Array(_) => json!({}),
            Value::Object(_) => json!("flat"),
            Value::Null => continue,
        };
        let mut body = whole.clone();
        body[name] = wrong;
        let call = crate::graph::Call {
            names_all: true,
            method: "POST",
            version: crate::schema::Version::Beta,
            segments: rule.path().split('/').map(str::to_owned).collect(),
            query: crate::query::Query::default(),
            content_type: Some("application/json"),
            body: bytes::Bytes::from(body.to_string()),
            base: "http://sim",
            twists: &[],
        };
        let refusal = crate::graph::handle(world, claims, &call).outcome.err();
        assert_eq!(
            refusal.map(|refusal| refusal.status),
            Some(400),
            "{} {name}",
            rule.key
        );
        count += 1;
    }
    count
}

#[test]
fn what_real_tenants_hold_can_be_created_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !folder.is_dir() {
        eprintln!("skipped: {} is absent", folder.display());
        return;
    }
    let manifest = std::fs::read_to_string(folder.join("corpus/manifest.jsonl")).unwrap();
    let real: BTreeSet<String> = manifest
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|entry| entry["origin"] == "real-export")
        .map(|entry| {
            entry["file"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    for contract in [None, Some(folder.join("graph-contract.json"))] {
        let schema = contract
            .as_ref()
            .map_or_else(Schema::builtin, |path| Schema::from_contract(path).unwrap());
        let mut world = World::new(schema);
        world
            .tenants
            .insert(TENANT.to_owned(), Tenant::new(TENANT, "Test"));
        let only: Vec<String> = real.iter().cloned().collect();
        load(&mut world, TENANT, &folder.join("corpus"), &only).unwrap();
        let claims = crate::login::Claims {
            tid: TENANT.to_owned(),
            roles: crate::rules::all_roles().map(str::to_owned).collect(),
        };
        let (mut accepted, mut spoiled, mut refused) = (0, 0, Vec::new());
        for rule in crate::rules::TABLE.iter().filter(|rule| {
            // Numbered by the service, or by the caller: there already.
            let numbered = ["roleScopeTags", crate::rules::CONTEXTS];
            rule.create && !numbered.contains(&rule.key)
        }) {
            for object in world.tenant(TENANT).unwrap().list(rule.key).to_vec() {
                // There once per tenant, or closed to applications: nothing to create.
                let kind = object.kind().unwrap_or_default();
                if crate::rules::is_default(&object)
                    || kind.contains("Restriction")
                    || kind.contains("LimitConfiguration")
                    || kind.contains("HelloForBusiness")
                    || kind.contains("windowsRestore")
                {
                    continue;
                }
                let call = crate::graph::Call {
                    names_all: true,
                    method: "POST",
                    version: crate::schema::Version::Beta,
                    segments: rule.path().split('/').map(str::to_owned).collect(),
                    query: crate::query::Query::default(),
                    content_type: Some("application/json"),
                    body: bytes::Bytes::from(as_sent(rule, &object).to_string()),
                    base: "http://sim",
                    twists: &[],
                };
                match crate::graph::handle(&mut world, &claims, &call).outcome {
                    Ok(_) => {
                        accepted += 1;
                        if contract.is_some() {
                            spoiled += refuse_spoiled(&mut world, &claims, rule, &object);
                        }
                    }
                    Err(refusal) => {
                        let name = object.text(rule.name_property).unwrap_or_default();
                        refused.push(format!("{} {name}: {}", rule.key, refusal.message));
                    }
                }
            }
        }
        eprintln!(
            "contract {}: {accepted} accepted, {} refused",
            contract.is_some(),
            refused.len()
        );
        for line in &refused {
            eprintln!("  {line}");
        }
        eprintln!("  {spoiled} spoiled bodies refused");
        assert!(refused.len() * 50 < accepted, "too many refusals");
    }
}

/// One export is nothing but the values of a template, bound by links, with "true" for true.
#[test]
fn a_list_of_bound_values_is_one_template() {
    let folder = tempfile::tempdir().unwrap();
    let host = "https://graph.microsoft.com/beta/deviceManagement/groupPolicyDefinitions";
    let values = json!([
        {"definition@odata.bind": format!("{host}('d-1')"), "enabled": "true",
            "presentationValues": [{
                "@odata.type": "#microsoft.graph.groupPolicyPresentationValueText", "value": "2",
                "presentation@odata.bind": format!("{host}('d-1')/presentations('p-1')")}]},
        {"definition@odata.bind": format!("{host}('d-2')"), "enabled": "false"}
    ]);
    let file = "groupPolicyConfigurations/Edge - Computer.json";
    write(folder.path(), file, values.to_string().as_bytes());
    let world = load_folder(folder.path());
    let tenant = world.tenant(TENANT).unwrap();
    let template = tenant
        .find_by_name("groupPolicyConfigurations", "Edge - Computer")
        .unwrap();
    let stored = template.body.get("definitionValues").unwrap();
    assert_eq!(stored[0]["enabled"], json!(true));
    assert_eq!(
        stored[0]["presentationValues"][0]["presentation"]["id"],
        json!("p-1")
    );
    assert_eq!(stored[1]["enabled"], json!(false));
    assert!(
        tenant.has("groupPolicyDefinitions", "d-1") && tenant.has("groupPolicyDefinitions", "d-2")
    );
}
