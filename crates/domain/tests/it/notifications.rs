//! Enrolment notifications: texts and branding of templates that the service makes by itself.

use domain::capture::RawPolicy;
use domain::enrollment_notification::{TEMPLATES, entry, names_of, with_template};
use domain::policy_type::{self, PolicyType};
use domain::steps::WriteStep;
use domain::verify;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::model::{self, KEEP, MAP};
use crate::samples::GROUP;

const MESSAGES: &str = "localizedNotificationMessages";

fn row() -> &'static PolicyType {
    policy_type::find("enrollmentNotifications").unwrap()
}

fn text(locale: &str, words: &str, default: bool) -> Value {
    json!({"id": format!("x_{locale}"), "lastModifiedDateTime": "2026-01-02T03:04:05Z",
        "locale": locale, "subject": "A device", "messageTemplate": words, "isDefault": default})
}

fn template(kind: &str, id: &str, branding: &str, texts: &[Value]) -> Value {
    json!({"kind": kind, "id": id, "brandingOptions": branding, MESSAGES: texts})
}

/// A notification as the worker reads it.
pub(crate) fn notification(name: &str, templates: &[Value]) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.deviceEnrollmentNotificationConfiguration",
        "id": "0e000000-0000-4000-8000-0000000000e1_EnrollmentNotificationsConfiguration",
        "displayName": name, "description": "Tells people", "priority": 1, "version": 1,
        "createdDateTime": "2026-01-02T03:04:05Z", "lastModifiedDateTime": "2026-01-02T03:04:05Z",
        "roleScopeTagIds": ["0"], "platformType": "windows", "templateType": "0",
        "deviceEnrollmentConfigurationType": "enrollmentNotificationsConfiguration",
        "notificationMessageTemplateId": "00000000-0000-0000-0000-000000000000",
        "brandingOptions": "none", "defaultLocale": null, TEMPLATES: templates,
        "assignments": [{"id": "x_1", "target": {"groupId": GROUP,
            "@odata.type": "#microsoft.graph.groupAssignmentTarget"}}]
    })
}

fn email_and_push() -> Vec<Value> {
    vec![
        template(
            "push",
            "3f000000-0000-4000-8000-000000000001",
            "none",
            &[text("en-us", "Enrolled.", true)],
        ),
        template(
            "email",
            "3f000000-0000-4000-8000-000000000002",
            "includeCompanyName,includeDeviceDetails",
            &[
                text("de-de", "Ein Gerät wurde angemeldet.", false),
                text("en-us", "A device was enrolled.", true),
            ],
        ),
    ]
}

pub(crate) fn all() -> Vec<(&'static str, Value)> {
    let email = [template(
        "email",
        "3f000000-0000-4000-8000-000000000003",
        "none",
        &[text("fr-fr", "Bonjour", true)],
    )];
    vec![
        (row().key, notification("Enrolled", &email_and_push())),
        (row().key, notification("Enrolled by mail", &email)),
    ]
}

/// Makes of a fresh object what the service answers: templates of its own, and its usual words.
pub(crate) fn serve(item: &mut Value) {
    let Some(names) = names_of(item).filter(|names| !names.is_empty()) else {
        return;
    };
    let templates = names
        .into_iter()
        .enumerate()
        .map(|(number, mut name)| {
            let fresh = Uuid::from_u128(0xfe00 + number as u128).to_string();
            name.id = Some(name.id.unwrap_or(fresh));
            entry(&name, Some((&json!({"brandingOptions": "none"}), vec![])))
        })
        .collect();
    item[TEMPLATES] = templates;
    item["brandingOptions"] = json!("none");
    item["defaultLocale"] = Value::Null;
}

/// One call on a template of the notification.
pub(crate) fn carry_out(step: &WriteStep, object: &mut RawPolicy) {
    let step = with_template(step, &object.item).expect("the template stands");
    assert!(!step.path.contains('{'), "{}", step.path);
    let rest = step
        .path
        .strip_prefix("/deviceManagement/notificationMessageTemplates/")
        .expect("a template");
    let id = rest.split('/').next().unwrap().to_owned();
    let template = object.item[TEMPLATES]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .find(|template| template["id"] == json!(id))
        .expect("the template stands");
    let body = step.body.clone().unwrap_or(Value::Null);
    if !rest.contains('/') {
        assert_eq!(step.method, "PATCH");
        return model::merge(template, body);
    }
    let mut standing = template[MESSAGES].as_array().cloned().unwrap();
    model::message(&mut standing, &step.method, rest, body);
    template[MESSAGES] = Value::Array(standing);
}

fn names(steps: &[WriteStep]) -> Vec<&str> {
    steps.iter().map(|step| step.name.as_str()).collect()
}

#[test]
fn a_new_notification_is_made_then_its_texts_its_branding_and_its_assignments() {
    let source = model::captured(row(), notification("Enrolled", &email_and_push()));
    assert!(source.content.get("brandingOptions").is_none());
    let (_, _, landing) = model::tenants(&source);
    let written = model::build(row(), &source, None, &landing, MAP).unwrap();
    assert_eq!(
        names(&written.steps),
        [
            "create",
            "message:email:en-us",
            "message:email:de-de",
            "branding:email",
            "message:push:en-us",
            "branding:push",
            "assign",
            "set_priority"
        ]
    );
    let body = written.steps[0].body.as_ref().unwrap();
    let zero = "00000000-0000-0000-0000-000000000000";
    assert_eq!(
        body[TEMPLATES],
        json!([format!("email_{zero}"), format!("push_{zero}")])
    );
    assert_eq!(
        body["brandingOptions"],
        "includeCompanyName,includeDeviceDetails"
    );
    assert_eq!(body["defaultLocale"], "en-us");
    for gone in [
        "priority",
        "id",
        "templateType",
        "notificationMessageTemplateId",
    ] {
        assert!(body.get(gone).is_none(), "{gone}");
    }
    // No id of the source tenant goes anywhere.
    let sent = serde_json::to_string(&written.steps).unwrap();
    assert!(!sent.contains("3f000000"), "{sent}");
}

#[test]
fn only_what_differs_is_written_to_the_templates_of_the_target() {
    let source = model::captured(row(), notification("Enrolled", &email_and_push()));
    let (_, _, landing) = model::tenants(&source);
    let copy = model::build(row(), &source, None, &landing, KEEP).unwrap();
    let standing = model::carry_out(row(), &copy, None);
    let same = domain::capture::capture(row(), standing.clone(), &model::key()).unwrap();
    let none = BTreeMap::new();
    verify::check(row(), &copy.expected, &same, &none, KEEP, true).unwrap();

    let mut other = standing;
    let email = &mut other.item[TEMPLATES][0];
    assert_eq!(email["kind"], "email");
    email[MESSAGES][0]["messageTemplate"] = json!("Old words.");
    email[MESSAGES].as_array_mut().unwrap()[1] = text("it-it", "Ciao", false);
    let target = domain::capture::capture(row(), other.clone(), &model::key()).unwrap();
    assert_ne!(source.content_hash, target.content_hash);
    let written = model::build(row(), &source, Some(&target), &landing, KEEP).unwrap();
    assert_eq!(
        names(&written.steps),
        [
            "message:email:en-us",
            "message:email:de-de",
            "delete_message:email:it-it"
        ]
    );
    crate::roundtrip::update(row(), &source, other);

    // A text that nobody planned is no default of the service.
    let mut foreign = model::carry_out(row(), &copy, None);
    let texts = foreign.item[TEMPLATES][0][MESSAGES].as_array_mut().unwrap();
    texts.push(text("it-it", "Ciao", false));
    let foreign = domain::capture::capture(row(), foreign, &model::key()).unwrap();
    let said = verify::check(row(), &copy.expected, &foreign, &none, KEEP, true).unwrap_err();
    assert!(said[0].path.ends_with("/it-it"), "{said:?}");
}

#[test]
fn locales_are_the_same_in_any_case() {
    let texts = |locale: &str| {
        let email = template(
            "email",
            "3f000000-0000-4000-8000-000000000003",
            "none",
            &[text(locale, "Bonjour", true)],
        );
        model::captured(row(), notification("Enrolled", &[email]))
    };
    assert_eq!(texts("fr-FR").content_hash, texts("fr-fr").content_hash);
}

#[test]
fn ways_to_reach_people_are_settled_and_texts_nobody_read_are_not_written() {
    let source = model::captured(row(), notification("Enrolled", &email_and_push()));
    let push = &email_and_push()[..1];
    let target = model::captured(row(), notification("Enrolled", push));
    let (_, _, landing) = model::tenants(&source);
    let refused = model::build(row(), &source, Some(&target), &landing, KEEP).unwrap_err();
    assert_eq!(refused.code, "immutable_differs");
    assert!(refused.message.contains("/notificationTemplates"));

    for unmade in [vec![json!({"kind": "email"})], vec![]] {
        let source = model::captured(row(), notification("Enrolled", &unmade));
        let refused = model::build(row(), &source, None, &landing, KEEP).unwrap_err();
        assert_eq!(refused.code, "invalid_for_create");
    }
}

#[test]
fn a_template_that_was_made_anew_is_another_review() {
    let row = row();
    let one = model::captured(row, notification("Enrolled", &email_and_push()));
    let mut templates = email_and_push();
    templates[0]["id"] = json!("3f000000-0000-4000-8000-0000000000ff");
    let two = model::captured(row, notification("Enrolled", &templates));
    let print = |policy| verify::reviewed_fingerprint(row, policy, KEEP);
    assert_ne!(print(&one), print(&two));
    for facet in domain::model::Facet::ALL {
        let value = |policy| {
            domain::canonical::facet_value(row, policy, facet, domain::canonical::Reading::Raw)
        };
        assert_eq!(value(&one), value(&two), "{facet:?}");
    }
}
