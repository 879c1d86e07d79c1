//! Requests the real service refuses: every one must be refused here, with Graph's kind of error,
//! and must leave no trace.

mod administration;
mod apps;
mod compliance;
mod conditional_access;
mod configurations;
mod device_preparation;
mod enrollment;
mod foundations;
mod settings_catalog;
mod templates;

use serde_json::{Value, json};

use crate::harness::*;

/// A request, the status it must get and a part of the message.
struct Bad {
    method: &'static str,
    path: String,
    body: Option<Value>,
    status: u16,
    says: &'static str,
}

fn bad(method: &'static str, path: impl Into<String>, body: Value, says: &'static str) -> Bad {
    Bad {
        method,
        path: path.into(),
        body: Some(body),
        status: 400,
        says,
    }
}

fn with(body: &Value, name: &str, value: Value) -> Value {
    let mut changed = body.clone();
    changed[name] = value;
    changed
}

fn without(body: &Value, name: &str) -> Value {
    let mut changed = body.clone();
    changed.as_object_mut().unwrap().remove(name);
    changed
}

fn name_of(path: &str) -> &'static str {
    if path == SETTINGS_CATALOG {
        "name"
    } else {
        "displayName"
    }
}

/// The same mistakes with every object there is.
fn general(path: &'static str, id: &str, body: &Value) -> Vec<Bad> {
    let name = name_of(path);
    let item = format!("{path}/{id}");
    let mut cases = vec![
        bad(
            "POST",
            path,
            with(body, "inventedProperty", json!(1)),
            "does not exist on type",
        ),
        bad(
            "POST",
            path,
            with(body, name, json!(7)),
            "Cannot convert the literal",
        ),
        bad("POST", path, without(body, name), "is required"),
        bad(
            "POST",
            path,
            with(body, "id", json!("11111111-1111-4111-8111-111111111111")),
            "read-only",
        ),
        bad(
            "POST",
            path,
            with(body, "#microsoft.graph.assign", json!({})),
            "does not exist on type",
        ),
        Bad {
            method: "POST",
            path: item.clone(),
            body: Some(body.clone()),
            status: 405,
            says: "not allowed",
        },
        Bad {
            method: "DELETE",
            path: path.to_owned(),
            body: None,
            status: 405,
            says: "not allowed",
        },
    ];
    if path != SETTINGS_CATALOG {
        let case = Bad {
            method: "PUT",
            path: item.clone(),
            body: Some(body.clone()),
            status: 405,
            says: "not allowed",
        };
        cases.push(case);
    }
    if body.get("@odata.type").is_some() {
        cases.push(bad(
            "POST",
            path,
            without(body, "@odata.type"),
            "@odata.type",
        ));
        cases.push(bad(
            "PATCH",
            item.clone(),
            json!({name: "x"}),
            "@odata.type",
        ));
        let invented = with(body, "@odata.type", json!("#microsoft.graph.inventedType"));
        cases.push(bad("POST", path, invented, "could not be resolved"));
        let foreign = with(body, "@odata.type", json!("#microsoft.graph.roleScopeTag"));
        cases.push(bad("POST", path, foreign, "not assignable"));
    }
    for tags in ["roleScopeTagIds", "roleScopeTags"] {
        if body.get(tags).is_some() {
            cases.push(bad(
                "POST",
                path,
                with(body, tags, json!(["4711"])),
                "Scope Tags validation failed",
            ));
            cases.push(bad(
                "POST",
                path,
                with(body, tags, json!("0")),
                "StartArray",
            ));
        }
    }
    if [SETTINGS_CATALOG, COMPLIANCE, CONFIGURATIONS].contains(&path) {
        cases.extend(assignments(&item));
    }
    cases
}

fn assignments(item: &str) -> Vec<Bad> {
    let path = format!("{item}/assign");
    let target = |members: Value| json!({"assignments": [{ "target": members }]});
    let nobody = "22222222-2222-4222-8222-222222222222";
    let group = json!({"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": nobody});
    let all = json!({"@odata.type": "#microsoft.graph.allDevicesAssignmentTarget"});
    let mut filtered = all.clone();
    filtered["deviceAndAppManagementAssignmentFilterId"] = json!(nobody);
    filtered["deviceAndAppManagementAssignmentFilterType"] = json!("include");
    let mut halved = all.clone();
    halved["deviceAndAppManagementAssignmentFilterType"] = json!("include");
    vec![
        bad("POST", path.clone(), target(group), "was not found"),
        bad(
            "POST",
            path.clone(),
            target(filtered),
            "Scope Tags validation failed : Filters",
        ),
        bad("POST", path.clone(), target(halved), "needs a filter id"),
        bad(
            "POST",
            path.clone(),
            target(json!({"groupId": nobody})),
            "abstract",
        ),
        bad(
            "POST",
            path.clone(),
            json!({"assignments": [{"target": all}, {"target": all}]}),
            "Duplicate",
        ),
        bad(
            "POST",
            path.clone(),
            json!({"configurationAssignments": []}),
            "not a valid parameter",
        ),
        bad(
            "POST",
            path.clone(),
            json!({}),
            "missing or not a collection",
        ),
        Bad {
            method: "PATCH",
            path,
            body: Some(json!({"assignments": []})),
            status: 405,
            says: "not allowed",
        },
    ]
}

/// Two objects of each type, the specific mistakes with a suitable one.
async fn cases(sim: &Sim) -> Vec<Bad> {
    let objects = writable_objects(sim).await;
    let mut cases = foundations::cases();
    cases.extend(administration::cases());
    cases.extend(enrollment::cases(sim).await);
    cases.extend(templates::cases(sim).await);
    cases.extend(device_preparation::cases(sim).await);
    for path in [
        SETTINGS_CATALOG,
        COMPLIANCE,
        CONFIGURATIONS,
        CONDITIONAL_ACCESS,
        LOCATIONS,
        FILTERS,
        TEMPLATES,
    ] {
        let of_type = objects.iter().filter(|(found, _, _)| *found == path);
        for (path, id, body) in of_type.take(3) {
            cases.extend(general(path, id, body));
        }
    }
    let named = |path: &str, name: &str| {
        let found = objects
            .iter()
            .find(|(at, _, body)| *at == path && body[name_of(path)] == name);
        found
            .map(|(_, id, body)| (id.clone(), body.clone()))
            .unwrap()
    };
    let (id, body) = named(SETTINGS_CATALOG, "Win - Power Settings");
    cases.extend(settings_catalog::cases(&id, &body));
    let (id, body) = named(COMPLIANCE, "Win - Compliance - BitLocker");
    cases.extend(compliance::cases(&id, &body));
    let (id, body) = named(CONFIGURATIONS, "Win - Custom - Kernel Protection");
    cases.extend(configurations::cases(&id, &body));
    let (id, body) = named(CONDITIONAL_ACCESS, "CA002 - Require MFA for everyone");
    cases.extend(conditional_access::cases(&id, &body));
    cases.extend(apps::cases(sim).await);
    cases
}

#[tokio::test]
async fn at_least_two_hundred_bad_requests_are_refused_and_change_nothing() {
    refuse_all(Sim::start(SOURCE).await).await;
}

#[tokio::test]
async fn the_contract_refuses_the_same_bad_requests() {
    if let Some(contract) = contract() {
        refuse_all(Sim::start_with(SOURCE, Some(contract)).await).await;
    }
}

async fn refuse_all(sim: Sim) {
    let cases = cases(&sim).await;
    let before = sim
        .control(
            "GET",
            &format!("/__sim/tenants/{SOURCE}/objects"),
            json!({}),
        )
        .await;
    for case in &cases {
        let answer = sim.send(case.method, &case.path, case.body.as_ref()).await;
        let what = format!("{} {} {:?}", case.method, case.path, case.body);
        assert_eq!(answer.status, case.status, "{what}: {}", answer.body);
        assert!(
            answer.message().contains(case.says),
            "{what}: {} / {}",
            answer.message(),
            case.says
        );
        assert!(!answer.code().is_empty(), "{what}");
        assert!(
            answer.body["error"]["innerError"]["request-id"].is_string(),
            "{what}"
        );
    }
    let after = sim
        .control(
            "GET",
            &format!("/__sim/tenants/{SOURCE}/objects"),
            json!({}),
        )
        .await;
    assert_eq!(before, after, "a refused request left a trace");
    eprintln!("{} bad requests refused", cases.len());
    assert!(cases.len() >= 200, "{}", cases.len());
}

#[tokio::test]
async fn bodies_that_are_not_json_objects_are_refused() {
    let sim = Sim::start(SOURCE).await;
    let send = |kind: &'static str, body: &'static str| {
        let request = sim
            .client
            .post(sim.url(SETTINGS_CATALOG))
            .bearer_auth(&sim.token)
            .header("content-type", kind)
            .body(body);
        async move { request.send().await.unwrap().status().as_u16() }
    };
    assert_eq!(send("application/json", "{\"name\": ").await, 400);
    assert_eq!(send("application/json", "[]").await, 400);
    assert_eq!(send("application/json", "").await, 400);
    assert_eq!(send("text/plain", "{}").await, 415);
}
