//! Enrolment notifications of the synthetic tenants, and the message templates behind them.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Draft, Names, Side};

/// Equal in both tenants, and different; the third exists in the source alone.
pub(super) const EQUAL: [&str; 1] = ["Enrolled - Windows"];
pub(super) const DIFFERENT: [&str; 1] = ["Enrolled - Android"];

/// Name, platform and the ways to reach people.
const ALL: [(&str, &str, &[&str]); 3] = [
    (EQUAL[0], "windows", &["Email", "Push"]),
    (DIFFERENT[0], "androidForWork", &["Email"]),
    ("Enrolled - iOS", "ios", &["Email", "Push"]),
];

fn id(tenant: &str, name: &str, kind: &str) -> String {
    let seed = format!("{}/notification/{name}/{kind}", tenant.to_lowercase());
    Uuid::new_v5(&Uuid::NAMESPACE_URL, seed.as_bytes()).to_string()
}

/// The templates that the service made for the notifications a tenant has.
pub(super) fn templates(side: Side, tenant: &str) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (name, _, kinds) in ALL {
        let different = DIFFERENT.contains(&name);
        if side == Side::Target && !different && !EQUAL.contains(&name) {
            continue;
        }
        let words = if side == Side::Target && different {
            "Somebody enrolled a device."
        } else {
            "A device was enrolled with your account."
        };
        for kind in kinds {
            let id = id(tenant, name, kind);
            let message = |locale: &str, text: &str, default: bool| {
                json!({"id": format!("{id}_{locale}"), "locale": locale, "subject": name,
                    "messageTemplate": text, "isDefault": default,
                    "lastModifiedDateTime": "2025-03-01T08:30:00Z"})
            };
            let branding = if *kind == "Email" {
                "includeCompanyName,includeDeviceDetails"
            } else {
                "none"
            };
            drafts.push(Draft::new(
                "notificationMessageTemplates",
                json!({"id": id, "displayName": "EnrollmentNotificationInternalMEO",
                    "description": null, "brandingOptions": branding, "roleScopeTagIds": ["0"],
                    "localizedNotificationMessages": [message("en-us", words, true),
                        message("de-de", "Mit Ihrem Konto wurde ein Gerät angemeldet.", false)]}),
            ));
        }
    }
    drafts
}

pub(super) fn policies(names: &Names<'_>, tenant: &str) -> Vec<Draft> {
    let made = |(name, platform, kinds): &(&str, &str, &[&str])| {
        let templates: Vec<Value> = kinds
            .iter()
            .map(|kind| json!(format!("{kind}_{}", id(tenant, name, kind))))
            .collect();
        let group = json!({"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget",
            "groupId": names.group("Pilot Devices")}});
        Draft::new(
            "deviceEnrollmentConfigurations",
            json!({"@odata.type": "#microsoft.graph.deviceEnrollmentNotificationConfiguration",
                "displayName": name, "description": "Tells people of their new device.",
                "platformType": platform, "roleScopeTagIds": ["0"],
                "notificationTemplates": templates}),
        )
        .assigned(vec![group])
    };
    ALL.iter().map(made).collect()
}
