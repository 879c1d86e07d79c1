//! Profiles of the source that are bound to certificate profiles, and what that means in a target.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{SOURCE, Stack};

/// How many links [`bind_certificates`] sets.
pub const LINKS: usize = 4;

/// Name of a profile, its type, and the names its links lead to.
type Bound = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static [&'static str])],
);

const PROFILES: [Bound; 4] = [
    ("iOS - Root A", "iosTrustedRootCertificate", &[]),
    ("iOS - Root B", "iosTrustedRootCertificate", &[]),
    (
        "iOS - Device Certificate",
        "iosScepCertificateProfile",
        &[("rootCertificate", &["iOS - Root A"])],
    ),
    (
        // Before the others by name, behind them by what it needs.
        "A - iOS - Certificate Wireless",
        "iosEnterpriseWiFiConfiguration",
        &[
            (
                "identityCertificateForClientAuthentication",
                &["iOS - Device Certificate"],
            ),
            (
                "rootCertificatesForServerValidation",
                &["iOS - Root A", "iOS - Root B"],
            ),
        ],
    ),
];

fn body(name: &str, kind: &str) -> Value {
    let mut body = match kind {
        "iosEnterpriseWiFiConfiguration" => json!({"networkName": "C", "ssid": "c",
            "connectAutomatically": true, "connectWhenNetworkNameIsHidden": false,
            "wiFiSecurityType": "wpaEnterprise", "proxySettings": "none", "eapType": "eapTls",
            "authenticationMethod": "certificate",
            "trustedServerCertificateNames": ["radius.contoso.example"]}),
        "iosScepCertificateProfile" => json!({"certificateValidityPeriodScale": "years",
            "certificateValidityPeriodValue": 1, "subjectNameFormat": "custom"}),
        _ => json!({"certFileName": "root.cer", "trustedRootCertificate": "TUlJ"}),
    };
    if let Some(members) = body.as_object_mut() {
        let kind = format!("#microsoft.graph.{kind}");
        members.insert("@odata.type".to_owned(), json!(kind));
        members.insert("displayName".to_owned(), json!(name));
        members.insert("roleScopeTagIds".to_owned(), json!(["0"]));
    }
    body
}

/// Puts the profiles into the source, bound to each other.
pub async fn bind_certificates(stack: &Stack) {
    let mut ids: BTreeMap<&str, String> = BTreeMap::new();
    for (name, kind, links) in PROFILES {
        let linked: BTreeMap<&str, Vec<&String>> = links
            .iter()
            .map(|(property, to)| (*property, to.iter().filter_map(|to| ids.get(to)).collect()))
            .collect();
        let mut object = body(name, kind);
        if let Some(members) = object.as_object_mut() {
            members.insert("links".to_owned(), json!(linked));
        }
        let path = format!("/tenants/{SOURCE}/objects/deviceConfigurations");
        let made = stack.control("POST", &path, Some(object)).await;
        let id = made.get("id").and_then(Value::as_str).unwrap();
        ids.insert(name, id.to_owned());
    }
}

/// Whether a tenant's profiles are bound as those of the source, to its own objects.
pub async fn assert_bound(stack: &Stack, tenant: &str) {
    let objects = stack.objects(tenant, "deviceConfigurations").await;
    let text = |object: &Value, member: &str| {
        object
            .get(member)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let names: BTreeMap<String, String> = objects
        .iter()
        .map(|object| (text(object, "id"), text(object, "displayName")))
        .collect();
    for (name, _, links) in PROFILES {
        let mut found = objects
            .iter()
            .filter(|object| text(object, "displayName") == name);
        let object = found.next().unwrap();
        assert!(found.next().is_none(), "{name} stands twice");
        for (property, to) in links {
            let wanted: Vec<String> = to.iter().map(|to| (*to).to_owned()).collect();
            let mut there: Vec<String> = object
                .pointer(&format!("/links/{property}"))
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(|id| names.get(id.as_str()?).cloned())
                .collect();
            there.sort();
            assert_eq!(there, wanted, "{name} {property}");
            assert_eq!(there.len(), there.iter().collect::<BTreeSet<_>>().len());
        }
    }
}
