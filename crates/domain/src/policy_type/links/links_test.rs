//! The table of links keeps its own rules.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use serde_json::json;

use super::*;
use crate::policy_type::find;

fn row() -> &'static PolicyType {
    find("deviceConfigurations").expect("the row")
}

#[test]
fn every_type_is_listed_once_and_in_order() {
    assert!(TYPES.is_sorted_by(|left, right| left.0 < right.0));
    for (name, links) in TYPES {
        assert!(!links.is_empty(), "{name}");
        for link in *links {
            let same = links.iter().filter(|other| other.property == link.property);
            assert_eq!(same.count(), 1, "{name} {}", link.property);
        }
    }
}

#[test]
fn every_link_to_a_profile_is_a_reference_and_a_list_of_them_is_a_set() {
    let row = row();
    for link in TYPES.iter().flat_map(|(_, links)| *links) {
        let place = if link.many {
            assert!(row.sets.contains(&link.property), "{}", link.property);
            format!("{}[]", link.property)
        } else {
            link.property.to_owned()
        };
        let rule = row.references.iter().find(|rule| rule.path == place);
        match link.to {
            LinkTarget::Profile => {
                assert_eq!(rule.map(|rule| rule.kind), row.reference_kind, "{place}");
            }
            LinkTarget::OwnCredential | LinkTarget::Category => {
                assert_eq!(rule, None, "{place}");
            }
        }
    }
}

#[test]
fn roots_come_before_certificates_and_these_before_what_uses_them() {
    let wave = |name: &str| {
        let content = json!({"@odata.type": format!("#microsoft.graph.{name}")});
        wave_of(row(), &content)
    };
    let order = [
        "iosTrustedRootCertificate",
        "iosScepCertificateProfile",
        "iosEnterpriseWiFiConfiguration",
        "windowsDomainJoinConfiguration",
    ];
    assert_eq!(order.map(wave), [4, 5, 6, 7]);
    assert_eq!(wave("windowsUpdateForBusinessConfiguration"), 4);
}

#[test]
fn links_belong_to_device_configurations_alone() {
    let content = json!({"@odata.type": "#microsoft.graph.iosScepCertificateProfile"});
    let other = find("deviceCompliancePolicies").expect("the row");
    assert!(links_of(other, &content).is_empty());
    assert_eq!(links_of(row(), &content), [ROOT]);
    assert!(links_of(row(), &json!({})).is_empty());
}
