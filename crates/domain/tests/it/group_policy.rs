//! Administrative templates: how Graph carries out their one call, and what that call says.

use domain::capture::{self, RawPolicy};
use domain::group_policy::{self as templates, BUILT_IN_DEFINITION, DEFINITION};
use domain::model::CapturedPolicy;
use domain::policy_type::{self, PolicyType};
use domain::references::ReferenceCatalog;
use domain::steps::{self, StepKind, WriteStep};
use domain::{canonical::Reading, diff};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::model::{self, KEEP, MAP};
use crate::samples_group_policy::{self as samples, BLOCKED, FLAGS, OWN, PROXY, definition};

fn row() -> &'static PolicyType {
    policy_type::find("groupPolicyConfigurations").unwrap()
}

/// Carries out `updateDefinitionValues`; `expected` tells the names behind the ids.
pub(crate) fn carry_out(step: &WriteStep, expected: &Value, object: &mut RawPolicy) {
    let body = step.body.as_ref().expect("a body");
    let members: Vec<&str> = body
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(members, ["added", "deletedIds", "updated"]);
    let standing = object
        .sub_collections
        .entry("definitionValues".to_owned())
        .or_default();
    for id in body["deletedIds"].as_array().unwrap() {
        let at = standing.iter().position(|value| value["id"] == *id);
        standing.remove(at.expect("the value stands"));
    }
    for sent in body["updated"].as_array().unwrap() {
        let at = standing.iter().position(|value| value["id"] == sent["id"]);
        standing[at.expect("the value stands")] = stored(sent, expected);
    }
    for sent in body["added"].as_array().unwrap() {
        assert!(sent.get("id").is_none());
        let value = stored(sent, expected);
        assert!(
            standing
                .iter()
                .all(|there| there["definition"]["id"] != value["definition"]["id"]),
            "added twice"
        );
        standing.push(value);
    }
}

fn stored(sent: &Value, expected: &Value) -> Value {
    let link = sent["definition@odata.bind"].as_str().unwrap();
    let id = link
        .strip_prefix("$graph:/deviceManagement/groupPolicyDefinitions('")
        .and_then(|rest| rest.strip_suffix("')"))
        .expect("a definition of the target");
    let planned = expected["definitionValues"]
        .as_array()
        .unwrap()
        .iter()
        .find(|value| value["definition"]["id"] == *id)
        .expect("planned");
    let fields: Vec<Value> = sent["presentationValues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sent| {
            let bind = sent["presentation@odata.bind"].as_str().unwrap();
            let (id, label) = if let Some(label) = bind.strip_prefix("$presentation:") {
                (format!("new-{label}"), label.to_owned())
            } else {
                let id = bind.strip_prefix(link).expect("of its definition");
                let id = id.strip_prefix("/presentations('").unwrap();
                let id = id.strip_suffix("')").unwrap();
                let fields = planned["presentationValues"].as_array().unwrap();
                let field = fields
                    .iter()
                    .find(|field| field["presentation"]["id"] == *id);
                let label = field.expect("a field")["presentation"]["label"].as_str();
                (id.to_owned(), label.unwrap().to_owned())
            };
            let mut field = sent.clone();
            field["id"] = json!(Uuid::new_v4().to_string());
            field["presentation"] = json!({"id": id, "label": label, "maxLength": 7});
            field
                .as_object_mut()
                .unwrap()
                .remove("presentation@odata.bind");
            field
        })
        .collect();
    let mut definition = planned["definition"].clone();
    definition["explainText"] = json!("In other words.");
    let own = sent.get("id").cloned();
    json!({
        "id": own.unwrap_or_else(|| json!(Uuid::new_v4().to_string())),
        "enabled": sent["enabled"],
        "configurationType": "policy",
        "definition": definition,
        "presentationValues": fields,
    })
}

fn call(policy: &CapturedPolicy, target: Option<&CapturedPolicy>) -> Option<WriteStep> {
    let (_, _, landing) = model::tenants(policy);
    let written = model::build(row(), policy, target, &landing, KEEP).unwrap();
    let mut calls = written
        .steps
        .into_iter()
        .filter(|step| step.kind == StepKind::ChangeChildren);
    let call = calls.next();
    assert!(calls.next().is_none());
    call
}

fn values<'v>(step: &'v WriteStep, member: &str) -> &'v Vec<Value> {
    step.body.as_ref().unwrap()[member].as_array().unwrap()
}

#[test]
fn a_capture_keeps_of_definitions_and_fields_what_tells_them() {
    let policy = model::captured(row(), samples::template());
    let first = &policy.content["definitionValues"][0];
    assert_eq!(
        first["definition"],
        json!({"id": PROXY, "classType": "machine", "displayName": "Proxy settings",
            "categoryPath": "\\Microsoft Edge\\Proxy server", "policyType": "admxBacked"})
    );
    let field = &first["presentationValues"][0];
    assert_eq!(
        field["presentation"],
        json!({"id": "0a000000-0000-4000-8000-000000000201", "label": "Server"})
    );
    assert!(field.get("createdDateTime").is_none());
    assert!(
        policy
            .content
            .get("policyConfigurationIngestionType")
            .is_none()
    );
    let kinds: Vec<(&str, &str)> = policy
        .references
        .iter()
        .filter(|used| used.path.starts_with("/definitionValues"))
        .map(|used| (used.kind.as_str(), used.external_id.as_str()))
        .collect();
    assert_eq!(
        kinds,
        [
            (BUILT_IN_DEFINITION, PROXY),
            (BUILT_IN_DEFINITION, FLAGS),
            (BUILT_IN_DEFINITION, BLOCKED),
            (DEFINITION, OWN)
        ]
    );
}

#[test]
fn a_link_tells_the_definition_too_and_no_definition_is_refused() {
    let mut linked = samples::template();
    let host = "https://graph.microsoft.com/beta/deviceManagement/groupPolicyDefinitions";
    linked["definitionValues"] = json!([{
        "id": "v", "enabled": true,
        "definition@odata.bind": format!("{host}('{PROXY}')"),
        "presentationValues": [{
            "@odata.type": "#microsoft.graph.groupPolicyPresentationValueText", "value": "2",
            "presentation@odata.bind": format!("{host}('{PROXY}')/presentations('p-1')")
        }]
    }]);
    let policy = model::captured(row(), linked);
    let value = &policy.content["definitionValues"][0];
    assert_eq!(value["definition"], json!({"id": PROXY}));
    assert_eq!(
        value["presentationValues"][0]["presentation"],
        json!({"id": "p-1"})
    );

    let mut nameless = samples::template();
    nameless["definitionValues"][1]["definition"] = Value::Null;
    let refused = capture::capture(row(), model::raw(row(), nameless), &model::key()).unwrap_err();
    assert_eq!(refused.code, "definition_missing");
    assert!(
        refused.message.contains("/definitionValues/1"),
        "{}",
        refused.message
    );
}

/// Uploaded files have other ids in every tenant: class, path, name and label are what is compared.
#[test]
fn ids_of_definitions_and_fields_say_nothing() {
    let one = model::captured(row(), samples::template());
    let mut text = samples::template().to_string();
    for (number, id) in [PROXY, BLOCKED, OWN, FLAGS].into_iter().enumerate() {
        text = text.replace(id, &format!("other-{number}"));
    }
    let other: Value =
        serde_json::from_str(&text.replace("0a000000-0000-4000-8000-00000000020", "field-"))
            .unwrap();
    let two = model::captured(row(), other);
    let catalog = ReferenceCatalog::default();
    let reading = Reading::Meaning(&catalog);
    assert_eq!(diff::diff(row(), (&one, reading), (&two, reading)), vec![]);

    let mut moved = samples::template();
    moved["definitionValues"][0]["definition"]["classType"] = json!("user");
    let moved = model::captured(row(), moved);
    assert!(!diff::diff(row(), (&one, reading), (&moved, reading)).is_empty());
}

#[test]
fn a_new_template_takes_one_call_with_every_value() {
    let policy = model::captured(row(), samples::template());
    let (_, _, landing) = model::tenants(&policy);
    let written = model::build(row(), &policy, None, &landing, MAP).unwrap();
    let names: Vec<&str> = written
        .steps
        .iter()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(names, ["create", "definition_values", "assign"]);
    let create = written.steps[0].body.as_ref().unwrap();
    assert!(create.get("definitionValues").is_none());
    assert_eq!(steps::written_later(&written.steps), ["definitionValues"]);

    let call = &written.steps[1];
    assert!(call.path.ends_with("/{item}/updateDefinitionValues"));
    let added = values(call, "added");
    assert_eq!(added.len(), 4);
    assert!(values(call, "updated").is_empty() && values(call, "deletedIds").is_empty());
    let of = |id: &str| {
        let link = format!("$graph:/deviceManagement/groupPolicyDefinitions('{id}')");
        added
            .iter()
            .find(|value| value["definition@odata.bind"] == *link)
            .cloned()
    };
    assert_eq!(
        of(PROXY).unwrap()["presentationValues"][1],
        json!({
            "@odata.type": "#microsoft.graph.groupPolicyPresentationValueList",
            "presentation@odata.bind": format!(
                "$graph:/deviceManagement/groupPolicyDefinitions('{PROXY}')/presentations('0a000000-0000-4000-8000-000000000202')"
            ),
            "values": [{"name": "*", "value": null}]
        })
    );
    assert_eq!(of(BLOCKED).unwrap()["enabled"], json!(false));
    assert_eq!(of(BLOCKED).unwrap()["presentationValues"], json!([]));
    // The uploaded definition is another object there; its field is found by its label.
    assert!(of(OWN).is_none());
    let own = added
        .iter()
        .flat_map(|value| value["presentationValues"].as_array().unwrap())
        .find(|field| field["value"] == json!("intranet"));
    assert_eq!(
        own.unwrap()["presentation@odata.bind"],
        json!("$presentation:Address")
    );
    assert_eq!(templates::unlabelled(&written.expected.content).len(), 1);
}

#[test]
fn an_update_says_only_what_differs() {
    let source = model::captured(row(), samples::template());
    let mut target = samples::template();
    target["definitionValues"][0]["presentationValues"][0]["value"] = json!("old:1");
    let extra = definition("extra", "user", "Only there", "admxBacked");
    target["definitionValues"][2] = samples::value(9, &extra, true, &[]);
    target["definitionValues"].as_array_mut().unwrap().remove(3);
    let target = model::captured(row(), target);
    let call = call(&source, Some(&target)).unwrap();

    let updated = values(&call, "updated");
    assert_eq!(updated.len(), 1);
    assert_eq!(
        updated[0]["id"],
        target.content["definitionValues"][0]["id"]
    );
    assert_eq!(
        updated[0]["presentationValues"][0]["id"],
        target.content["definitionValues"][0]["presentationValues"][0]["id"]
    );
    assert_eq!(values(&call, "added").len(), 2);
    assert_eq!(
        call.body.as_ref().unwrap()["deletedIds"],
        json!(["0a000000-0000-4000-8000-000000000309"])
    );
    assert!(self::call(&source, Some(&source_as_target(&source))).is_none());
}

/// The same policy with the target's own uploaded definition.
fn source_as_target(source: &CapturedPolicy) -> CapturedPolicy {
    let (_, _, landing) = model::tenants(source);
    let written = model::build(row(), source, None, &landing, KEEP).unwrap();
    let copy = model::carry_out(row(), &written, None);
    capture::capture(row(), copy, &model::key()).unwrap()
}

/// A call of which half took effect is sent again with the other half alone.
#[test]
fn what_a_lost_call_has_done_is_not_done_again() {
    let source = model::captured(row(), samples::template());
    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row(), &source, None, &landing, KEEP).unwrap();
    let step = &written.steps[1];
    let whole = model::carry_out(row(), &written, None);
    let mut half = whole.clone();
    half.sub_collections
        .get_mut("definitionValues")
        .unwrap()
        .truncate(3);
    let capture = |raw| capture::capture(row(), raw, &model::key()).unwrap();
    let (whole, half) = (capture(whole), capture(half));
    let expected = &written.expected.content;

    let left = steps::remaining(step, expected, &half.content)
        .unwrap()
        .unwrap();
    assert_eq!(values(&left, "added").len(), 1);
    assert!(values(&left, "updated").is_empty() && values(&left, "deletedIds").is_empty());
    assert!(
        steps::remaining(step, expected, &whole.content)
            .unwrap()
            .is_none()
    );

    // A value that came twice is one too many.
    let mut doubled = whole.clone();
    let list = doubled.content["definitionValues"].as_array_mut().unwrap();
    let mut again = list[0].clone();
    again["id"] = json!("again");
    list.push(again);
    let left = steps::remaining(step, expected, &doubled.content)
        .unwrap()
        .unwrap();
    assert_eq!(values(&left, "deletedIds"), &vec![json!("again")]);
}

#[test]
fn between_two_steps_stands_what_was_reviewed_or_planned_and_nothing_else() {
    let reviewed = model::captured(row(), samples::template()).content;
    let mut planned = samples::template();
    planned["definitionValues"][0]["enabled"] = json!(false);
    planned["definitionValues"]
        .as_array_mut()
        .unwrap()
        .remove(1);
    let planned = model::captured(row(), planned).content;
    let same = |live: &Value| {
        let hybrid = json!({"definitionValues": templates::between(&reviewed, &planned, live)});
        hybrid["definitionValues"] == live["definitionValues"]
    };
    assert!(same(&reviewed) && same(&planned));
    let mut half = reviewed.clone();
    half["definitionValues"][0]["enabled"] = json!(false);
    assert!(same(&half));
    let mut foreign = half.clone();
    foreign["definitionValues"][2]["enabled"] = json!(true);
    assert!(!same(&foreign));
    let mut removed = half.clone();
    removed["definitionValues"]
        .as_array_mut()
        .unwrap()
        .remove(2);
    assert!(!same(&removed));
}

#[test]
fn a_field_is_found_by_its_label_and_type_or_not_at_all() {
    let policy = model::captured(row(), samples::template());
    let (_, _, landing) = model::tenants(&policy);
    let mut content = model::build(row(), &policy, None, &landing, KEEP)
        .unwrap()
        .expected
        .content;
    let definition = templates::unlabelled(&content).remove(0);
    let there = |kind: &str, id: &str| {
        json!({"@odata.type": format!("#microsoft.graph.groupPolicyPresentation{kind}"),
            "id": id, "label": "Address"})
    };
    let fields = [
        there("Text", "words"),
        there("TextBox", "right"),
        there("CheckBox", "wrong"),
    ];
    let two = [there("TextBox", "one"), there("ComboBox", "two")];
    let mut unclear = content.clone();
    let refused = templates::label_presentations(&mut unclear, &definition, &two).unwrap_err();
    assert!(
        refused.contains("Our intranet") && refused.contains("Address"),
        "{refused}"
    );
    templates::label_presentations(&mut content, &definition, &fields).unwrap();
    assert!(templates::unlabelled(&content).is_empty());
    assert_eq!(
        content["definitionValues"][3]["presentationValues"][0]["presentation"]["id"],
        json!("right")
    );
}

#[test]
fn only_links_are_completed() {
    let mut body = json!({
        "definition@odata.bind": "$graph:/a('1')",
        "value": "$graph:/b",
        "inner": [{"presentation@odata.bind": "$graph:/c"}]
    });
    let address = |path: &str| Some(format!("https://graph.example/beta{path}"));
    assert!(steps::complete_links(&mut body, &address));
    assert_eq!(
        body,
        json!({
            "definition@odata.bind": "https://graph.example/beta/a('1')",
            "value": "$graph:/b",
            "inner": [{"presentation@odata.bind": "https://graph.example/beta/c"}]
        })
    );
    let mut open = json!({"presentation@odata.bind": "$presentation:Address"});
    assert!(!steps::complete_links(&mut open, &address));
}
