//! An app policy between its create and its apps.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;

use domain::capture::{self, RawPolicy};
use domain::secret::SecretKey;
use domain::steps::StepInput;
use domain::steps::Written;
use serde_json::json;

use super::*;

const KEY: &str = "iosManagedAppProtections";

fn row() -> &'static PolicyType {
    domain::policy_type::find(KEY).expect("the row")
}

fn policy(pin: u8, bundles: &[&str]) -> CapturedPolicy {
    let identifier = |bundle: &str| {
        json!({"mobileAppIdentifier":
        {"@odata.type": "#microsoft.graph.iosMobileAppIdentifier", "bundleId": bundle}})
    };
    let apps = bundles.iter().map(|bundle| identifier(bundle)).collect();
    let raw = RawPolicy {
        item: json!({"id": "T_1", "displayName": "P", "minimumPinLength": pin,
            "appGroupType": "selectedPublicApps", "roleScopeTagIds": ["0"]}),
        sub_collections: BTreeMap::from([("apps".to_owned(), apps)]),
        assignments: Some(Vec::new()),
    };
    let key = SecretKey {
        key_id: "k".to_owned(),
        key: b"k".to_vec(),
    };
    capture::capture(row(), raw, &key).expect("captured")
}

fn written(source: &CapturedPolicy, target: Option<&CapturedPolicy>) -> Written {
    domain::steps::build(StepInput {
        row: row(),
        source,
        target,
        landing: &BTreeMap::new(),
        overrides: &domain::references::Overrides::default(),
        options: Options::default(),
        adjustments: domain::adjust::Adjustments::default(),
    })
    .expect("built")
}

#[test]
fn a_lost_create_is_recognised_before_and_after_its_apps() {
    let plan = written(&policy(6, &["a", "b"]), None);
    let fresh = |live: &CapturedPolicy| {
        let (expected, steps) = (&plan.expected, &plan.steps);
        is_fresh(
            row(),
            expected,
            steps,
            live,
            &BTreeMap::new(),
            Options::default(),
        )
        .is_ok()
    };
    assert!(fresh(&policy(6, &[])));
    assert!(fresh(&policy(6, &["a", "b"])));
    assert!(!fresh(&policy(4, &[])));
}

#[test]
fn between_its_steps_apps_are_as_reviewed_or_as_planned() {
    let (created, changed) = (
        written(&policy(6, &["a", "b"]), None),
        policy(4, &["a", "c"]),
    );
    let update = written(&policy(6, &["a", "b"]), Some(&changed));
    let fresh = after_create(row(), &created.expected, &created.steps);
    let judged = |plan: &Written, reviewed: &CapturedPolicy, live: &CapturedPolicy, new: bool| {
        let (none, options) = (BTreeMap::new(), Options::default());
        let (expected, steps) = (&plan.expected, &plan.steps);
        check(row(), reviewed, expected, live, steps, &none, options, new).is_ok()
    };
    assert!(judged(&created, &fresh, &policy(6, &[]), true));
    assert!(judged(&created, &fresh, &policy(6, &["b", "a"]), true));
    assert!(!judged(&created, &fresh, &policy(6, &["x"]), true));

    for (pin, apps, fine) in [
        (4, ["a", "c"], true),
        (6, ["a", "c"], true),
        (6, ["a", "b"], true),
        (6, ["a", "x"], false),
    ] {
        let live = policy(pin, &apps);
        assert_eq!(judged(&update, &changed, &live, false), fine, "{apps:?}");
    }
}

fn message(locale: &str, text: &str, default: bool) -> Value {
    json!({"locale": locale, "subject": "s", "messageTemplate": text, "isDefault": default})
}

/// A type whose objects have texts, and how one of them is read with these texts.
struct Texts {
    key: &'static str,
    raw: fn(&[Value]) -> RawPolicy,
}

impl Texts {
    fn captured(&self, texts: &[Value]) -> CapturedPolicy {
        let row = domain::policy_type::find(self.key).expect("the row");
        let key = SecretKey {
            key_id: "k".to_owned(),
            key: b"k".to_vec(),
        };
        capture::capture(row, (self.raw)(texts), &key).expect("captured")
    }

    /// Whether an update from `target` to `source` takes `live` for its own work.
    fn is_midway(&self, source: &[Value], target: &[Value], live: &[Value]) -> bool {
        let row = domain::policy_type::find(self.key).expect("the row");
        let (source, target) = (self.captured(source), self.captured(target));
        let plan = domain::steps::build(StepInput {
            row,
            source: &source,
            target: Some(&target),
            landing: &BTreeMap::new(),
            overrides: &domain::references::Overrides::default(),
            options: Options::default(),
            adjustments: domain::adjust::Adjustments::default(),
        })
        .expect("built");
        assert!(plan.steps.len() > 1, "nothing is between one call");
        check(
            row,
            &target,
            &plan.expected,
            &self.captured(live),
            &plan.steps,
            &BTreeMap::new(),
            Options::default(),
            false,
        )
        .is_ok()
    }
}

/// The service takes the default away from a message when another one becomes it.
#[test]
fn a_default_that_moved_by_itself_is_no_stranger() {
    let templates = Texts {
        key: "notificationMessageTemplates",
        raw: |texts| RawPolicy {
            item: json!({"id": "T_1", "displayName": "N", "brandingOptions": "none",
                "roleScopeTagIds": ["0"]}),
            sub_collections: BTreeMap::from([(
                "localizedNotificationMessages".to_owned(),
                texts.to_vec(),
            )]),
            assignments: None,
        },
    };
    let source = [
        message("de-de", "neu", false),
        message("en-us", "new", true),
    ];
    let target = [
        message("de-de", "alt", true),
        message("en-us", "old", false),
    ];
    for (text, fine) in [("alt", true), ("fremd", false)] {
        let live = [message("de-de", text, false), message("en-us", "new", true)];
        assert_eq!(templates.is_midway(&source, &target, &live), fine, "{text}");
    }
}

/// A text that the plan removes and that somebody changed meanwhile is nobody's to remove.
#[test]
fn a_text_that_is_to_go_and_was_changed_stops_the_run() {
    let notifications = Texts {
        key: "enrollmentNotifications",
        raw: |texts| RawPolicy {
            item: json!({"@odata.type": "#microsoft.graph.deviceEnrollmentNotificationConfiguration",
                "id": "n", "displayName": "N", "platformType": "ios", "priority": 1,
                "roleScopeTagIds": ["0"], "notificationTemplates": [{"kind": "email", "id": "e",
                    "brandingOptions": "none", "localizedNotificationMessages": texts}]}),
            assignments: Some(Vec::new()),
            ..RawPolicy::default()
        },
    };
    let new = message("en-us", "new", true);
    let target = [
        message("de-de", "alt", true),
        message("en-us", "old", false),
    ];
    for (live, fine) in [
        (vec![message("de-de", "alt", false), new.clone()], true),
        (vec![new.clone()], true),
        (vec![message("de-de", "PERSON", false), new.clone()], false),
        (vec![message("fr-fr", "added", false), new.clone()], false),
    ] {
        let judged = notifications.is_midway(std::slice::from_ref(&new), &target, &live);
        assert_eq!(judged, fine, "{live:?}");
    }
}
