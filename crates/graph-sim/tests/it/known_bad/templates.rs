//! Mistakes with administrative templates.

use serde_json::{Value, json};

use super::{Bad, bad, with};
use crate::harness::*;

const TEMPLATES: &str = "/beta/deviceManagement/groupPolicyConfigurations";

pub(super) async fn cases(sim: &Sim) -> Vec<Bad> {
    let listed = sim.all(TEMPLATES).await;
    let edge = listed
        .iter()
        .find(|one| one["displayName"] == "ADMX - Edge Network")
        .unwrap();
    let item = format!("{TEMPLATES}/{}", edge["id"].as_str().unwrap());
    let values = sim
        .all(&format!("{item}/definitionValues?$expand=definition"))
        .await;
    assert!(
        values.len() > 3
            && values
                .iter()
                .all(|v| v["definition"]["classType"].is_string())
    );
    let number = "5fd0cc11-7a1f-4f7a-9b6d-0000000002";
    let definition = |id: &str| {
        let base = sim.running.base_url();
        format!("{base}/beta/deviceManagement/groupPolicyDefinitions('{id}')")
    };
    let proxy = definition(&format!("{number}01"));
    let field = |kind: &str, id: &str, value: Value| {
        json!({"@odata.type": format!("#microsoft.graph.groupPolicyPresentationValue{kind}"),
            "presentation@odata.bind": format!("{proxy}/presentations('{id}')"), "value": value})
    };
    let text = "5fd0cc11-7a1f-4f7a-9b6d-000000000301";
    let fresh = json!({"enabled": true, "definition@odata.bind": proxy, "presentationValues": []});
    let own = values
        .iter()
        .find(|value| value["definition"]["displayName"] == "Proxy server")
        .unwrap();
    let own = with(&fresh, "id", own["id"].clone());
    let added = |value: Value| json!({"added": [value], "updated": [], "deletedIds": []});
    let updated = |value: Value| json!({"added": [], "updated": [value], "deletedIds": []});
    let fields = |value: Value| with(&own, "presentationValues", json!([value]));
    let call = format!("{item}/updateDefinitionValues");
    let post = |body: Value, says: &'static str| bad("POST", call.clone(), body, says);
    let relative = "/deviceManagement/groupPolicyDefinitions('x')";
    vec![
        bad(
            "POST",
            TEMPLATES,
            json!({"displayName": "x", "definitionValues": []}),
            "cannot be set here",
        ),
        post(json!({"values": []}), "not a valid parameter"),
        post(added(fresh.clone()), "already has a value"),
        post(added(own.clone()), "read-only"),
        post(
            added(with(&fresh, "definition@odata.bind", json!(relative))),
            "not a valid link",
        ),
        post(
            added(with(
                &fresh,
                "definition@odata.bind",
                json!(definition("x")),
            )),
            "does not exist",
        ),
        post(
            added(with(&fresh, "definition", json!({"id": "x"}))),
            "cannot be written in place",
        ),
        post(updated(fresh.clone()), "does not exist"),
        post(
            updated(with(
                &own,
                "definition@odata.bind",
                json!(definition(&format!("{number}03"))),
            )),
            "cannot be changed",
        ),
        post(
            json!({"added": [], "updated": [], "deletedIds": ["x"]}),
            "does not exist",
        ),
        post(
            updated(fields(field("Text", "x", json!("y")))),
            "does not exist",
        ),
        post(
            updated(fields(field("Decimal", text, json!(1)))),
            "does not take",
        ),
        post(
            updated(fields(field("Text", text, json!(1)))),
            "Cannot convert",
        ),
    ]
}
