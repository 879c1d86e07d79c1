//! Names of templates, the places of calls, and what may stand between two of them.
#![expect(clippy::indexing_slicing, reason = "a test may stop where it stands")]

use serde_json::{Value, json};

use super::*;
use crate::model::GraphVersion;

fn message(locale: &str, text: &str, default: bool) -> Value {
    json!({"locale": locale, "subject": "Hello", "messageTemplate": text, "isDefault": default})
}

fn content(branding: &str, messages: &[Value]) -> Value {
    json!({"notificationTemplates": [{"kind": "email", "id": "e-1", "brandingOptions": branding,
        "localizedNotificationMessages": messages}]})
}

#[test]
fn names_are_read_or_nothing_is() {
    let named = |names: Value| names_of(&json!({ "notificationTemplates": names }));
    let of = |kind: &str, id: Option<&str>| TemplateName {
        kind: kind.to_owned(),
        id: id.map(str::to_owned),
    };
    assert_eq!(names_of(&json!({})), Some(vec![]));
    assert_eq!(named(Value::Null), Some(vec![]));
    assert_eq!(
        named(json!([
            "Email_3f881c29-a38e-4a83-abeb-b1a6312de85a",
            "push_00000000-0000-0000-0000-000000000000"
        ])),
        Some(vec![
            of("email", Some("3f881c29-a38e-4a83-abeb-b1a6312de85a")),
            of("push", None)
        ])
    );
    for odd in [
        json!("Email_1"),
        json!([7]),
        json!(["Email"]),
        json!(["Email_"]),
        json!(["_1"]),
        json!(["Email_../x"]),
        json!(["Em/ail_1"]),
    ] {
        assert_eq!(named(odd.clone()), None, "{odd}");
    }
}

#[test]
fn what_the_service_only_echoes_is_dropped_where_the_templates_say_it() {
    let mut content = json!({"displayName": "n", "brandingOptions": "none", "templateType": "0",
        "defaultLocale": null, "notificationMessageTemplateId": NOT_YET,
        "notificationTemplates": [{"kind": "push"}, {"kind": "email"}]});
    settle(&mut content);
    assert_eq!(
        content,
        json!({"displayName": "n", "notificationTemplates": [{"kind": "email"}, {"kind": "push"}]})
    );
    // Without templates the notification itself is all there is.
    let mut bare = json!({"brandingOptions": "includeCompanyName", "notificationTemplates": []});
    let before = bare.clone();
    settle(&mut bare);
    assert_eq!(bare, before);
}

#[test]
fn a_call_goes_to_the_template_that_the_live_notification_names() {
    let step = WriteStep {
        name: "message:email:en-us".to_owned(),
        kind: StepKind::CreateChild {
            collection: MESSAGES.to_owned(),
            key: "locale".to_owned(),
            value: "EN-us".to_owned(),
        },
        method: "POST".to_owned(),
        version: GraphVersion::Beta,
        path: format!("{COLLECTION}/{}/{MESSAGES}", place_of("email")),
        path_template: String::new(),
        body: None,
    };
    let live = content("none", &[message("en-us", "a", true)]);
    assert!(goes_to_template(&step));
    let filled = with_template(&step, &live).map(|step| step.path);
    assert_eq!(filled, Some(format!("{COLLECTION}/e-1/{MESSAGES}")));
    assert!(has_message(&step, &live));
    assert!(!has_message(&step, &content("none", &[])));
    let none = json!({"notificationTemplates": [{"kind": "email"}]});
    assert_eq!(with_template(&step, &none), None);
    let elsewhere = WriteStep {
        path: "/deviceManagement/deviceEnrollmentConfigurations/{item}".to_owned(),
        ..step
    };
    assert!(!goes_to_template(&elsewhere));
    assert_eq!(with_template(&elsewhere, &none), Some(elsewhere.clone()));
}

#[test]
fn between_two_calls_each_part_is_as_reviewed_or_as_planned() {
    let was = content(
        "none",
        &[message("de-de", "alt", true), message("fr-fr", "x", false)],
    );
    let will = content(
        "includeCompanyName",
        &[
            message("de-de", "neu", false),
            message("en-us", "new", true),
        ],
    );
    // Everything a run can leave behind on its way, the default moved by the service.
    for live in [
        was.clone(),
        will.clone(),
        content(
            "none",
            &[
                message("de-de", "alt", false),
                message("en-us", "new", true),
            ],
        ),
        content("includeCompanyName", &[message("de-de", "neu", false)]),
    ] {
        let got = between(&was, &will, &live, false).unwrap_or_default();
        let mut live = live;
        if let Some(template) = live["notificationTemplates"][0].as_object_mut() {
            template.remove("id");
        }
        assert_eq!(got, live["notificationTemplates"]);
    }
    // What nobody reviewed is not taken over.
    for stranger in [
        content(
            "includeDeviceDetails",
            &[message("de-de", "alt", true), message("fr-fr", "x", false)],
        ),
        content(
            "none",
            &[
                message("de-de", "stranger", true),
                message("fr-fr", "x", false),
            ],
        ),
        content(
            "none",
            &[message("de-de", "alt", true), message("it-it", "x", false)],
        ),
        content("none", &[message("en-us", "new", true)]),
    ] {
        let got = between(&was, &will, &stranger, false).unwrap_or_default();
        let same = got[0]["localizedNotificationMessages"]
            == stranger["notificationTemplates"][0]["localizedNotificationMessages"]
            && got[0]["brandingOptions"] == stranger["notificationTemplates"][0]["brandingOptions"];
        assert!(!same, "{stranger}");
    }
}

#[test]
fn a_template_that_has_not_come_yet_is_a_difference() {
    let will = content("none", &[message("en-us", "new", true)]);
    let mut was = will.clone();
    without_texts(&mut was);
    let late = json!({"notificationTemplates": [{"kind": "email"}]});
    let got = between(&was, &will, &late, true).unwrap_or_default();
    assert_eq!(got, will["notificationTemplates"]);
    // A fresh template has a branding of the service's own.
    let fresh = content("includeCompanyLogo", &[]);
    let got = between(&was, &will, &fresh, true).unwrap_or_default();
    assert_eq!(got[0]["brandingOptions"], "includeCompanyLogo");
    assert_eq!(got[0]["localizedNotificationMessages"], json!([]));
    assert_eq!(between(&was, &json!({}), &fresh, true), None);
}
