//! Which device configuration profiles point to other objects by navigation property: reviewed
//! data, from the beta schema of Graph.
//!
//! Such a link is no part of the item: it is read, written and removed by requests of its own
//! below `{item}/microsoft.graph.{type}/{property}`. Names, not paths: a type that is not listed
//! has no links.

use serde_json::Value;

use super::{Adapter, PolicyType, odata_type};

/// What a link leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// Another device configuration profile: carried.
    Profile,
    /// The one derived credential configuration that a tenant has. Whether it is linked is known,
    /// which object that is belongs to the tenant: never carried.
    OwnCredential,
    /// An app category. It comes with the item, and needs no type in its path.
    Category,
}

/// One navigation property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its name, and the member of the captured content that holds what it leads to.
    pub property: &'static str,
    /// Whether it leads to several.
    pub many: bool,
    /// To what.
    pub to: LinkTarget,
}

/// Stands in the content for a link to the tenant's own derived credential configuration.
pub const OWN: &str = "set";

const fn one(property: &'static str) -> Link {
    Link {
        property,
        many: false,
        to: LinkTarget::Profile,
    }
}

const fn many(property: &'static str) -> Link {
    Link {
        many: true,
        ..one(property)
    }
}

const DERIVED: Link = Link {
    to: LinkTarget::OwnCredential,
    ..one("derivedCredentialSettings")
};
const IDENTITY: Link = one("identityCertificate");
const IDENTITY_CLIENT: Link = one("identityCertificateForClientAuthentication");
const ROOT: Link = one("rootCertificate");
const ROOT_CLIENT: Link = one("rootCertificateForClientValidation");
const ROOT_SERVER: Link = one("rootCertificateForServerValidation");
const ROOTS_SERVER: Link = many("rootCertificatesForServerValidation");
const ENCRYPTION: Link = one("smimeEncryptionCertificate");
const SIGNING: Link = one("smimeSigningCertificate");
const SIGN_ON: Link = one("singleSignOnExtensionPkinitCertificate");

/// What every app has.
const CATEGORIES: &[Link] = &[Link {
    to: LinkTarget::Category,
    ..many("categories")
}];

/// Every type with links, in name order.
const TYPES: &[(&str, &[Link])] = &[
    (
        "androidDeviceOwnerDerivedCredentialAuthenticationConfiguration",
        &[DERIVED],
    ),
    (
        "androidDeviceOwnerEnterpriseWiFiConfiguration",
        &[DERIVED, IDENTITY_CLIENT, ROOT_SERVER, ROOTS_SERVER],
    ),
    ("androidDeviceOwnerImportedPFXCertificateProfile", &[ROOT]),
    ("androidDeviceOwnerPkcsCertificateProfile", &[ROOT]),
    ("androidDeviceOwnerScepCertificateProfile", &[ROOT]),
    ("androidDeviceOwnerVpnConfiguration", &[DERIVED, IDENTITY]),
    ("androidEasEmailProfileConfiguration", &[IDENTITY, SIGNING]),
    (
        "androidEnterpriseWiFiConfiguration",
        &[IDENTITY_CLIENT, ROOT_SERVER],
    ),
    (
        "androidForWorkEnterpriseWiFiConfiguration",
        &[IDENTITY_CLIENT, ROOT_SERVER],
    ),
    ("androidForWorkGmailEasConfiguration", &[IDENTITY]),
    ("androidForWorkImportedPFXCertificateProfile", &[ROOT]),
    ("androidForWorkNineWorkEasConfiguration", &[IDENTITY]),
    ("androidForWorkPkcsCertificateProfile", &[ROOT]),
    ("androidForWorkScepCertificateProfile", &[ROOT]),
    ("androidForWorkVpnConfiguration", &[IDENTITY]),
    ("androidImportedPFXCertificateProfile", &[ROOT]),
    ("androidPkcsCertificateProfile", &[ROOT]),
    ("androidScepCertificateProfile", &[ROOT]),
    ("androidVpnConfiguration", &[IDENTITY]),
    (
        "androidWorkProfileEnterpriseWiFiConfiguration",
        &[IDENTITY_CLIENT, ROOT_SERVER],
    ),
    ("androidWorkProfileGmailEasConfiguration", &[IDENTITY]),
    ("androidWorkProfileNineWorkEasConfiguration", &[IDENTITY]),
    ("androidWorkProfilePkcsCertificateProfile", &[ROOT]),
    ("androidWorkProfileScepCertificateProfile", &[ROOT]),
    ("androidWorkProfileVpnConfiguration", &[IDENTITY]),
    (
        "aospDeviceOwnerEnterpriseWiFiConfiguration",
        &[IDENTITY_CLIENT, ROOT_SERVER],
    ),
    ("aospDeviceOwnerPkcsCertificateProfile", &[ROOT]),
    ("aospDeviceOwnerScepCertificateProfile", &[ROOT]),
    (
        "iosDerivedCredentialAuthenticationConfiguration",
        &[DERIVED],
    ),
    (
        "iosDeviceFeaturesConfiguration",
        &[IDENTITY_CLIENT, SIGN_ON],
    ),
    (
        "iosEasEmailProfileConfiguration",
        &[DERIVED, IDENTITY, ENCRYPTION, SIGNING],
    ),
    (
        "iosEnterpriseWiFiConfiguration",
        &[DERIVED, IDENTITY_CLIENT, ROOTS_SERVER],
    ),
    ("iosScepCertificateProfile", &[ROOT]),
    ("iosVpnConfiguration", &[DERIVED, IDENTITY]),
    (
        "iosWiredNetworkConfiguration",
        &[IDENTITY_CLIENT, ROOT_SERVER],
    ),
    ("iosikEv2VpnConfiguration", &[DERIVED, IDENTITY]),
    ("macOSDeviceFeaturesConfiguration", &[SIGN_ON]),
    (
        "macOSEnterpriseWiFiConfiguration",
        &[IDENTITY_CLIENT, ROOT_SERVER, ROOTS_SERVER],
    ),
    ("macOSScepCertificateProfile", &[ROOT]),
    ("macOSVpnConfiguration", &[IDENTITY]),
    (
        "macOSWiredNetworkConfiguration",
        &[IDENTITY_CLIENT, ROOT_SERVER],
    ),
    ("windows10VpnConfiguration", &[IDENTITY]),
    ("windows81SCEPCertificateProfile", &[ROOT]),
    (
        "windowsDomainJoinConfiguration",
        &[many("networkAccessConfigurations")],
    ),
    ("windowsPhone81SCEPCertificateProfile", &[ROOT]),
    ("windowsPhone81VpnConfiguration", &[IDENTITY]),
    (
        "windowsWifiEnterpriseEAPConfiguration",
        &[IDENTITY_CLIENT, ROOT_CLIENT, ROOTS_SERVER],
    ),
    (
        "windowsWiredNetworkConfiguration",
        &[
            IDENTITY_CLIENT,
            ROOT_CLIENT,
            ROOTS_SERVER,
            one("secondaryIdentityCertificateForClientAuthentication"),
            one("secondaryRootCertificateForClientValidation"),
        ],
    ),
    (
        "windowsZtdnsConfiguration",
        &[many("rootCertificatesForClientValidation"), ROOTS_SERVER],
    ),
];

/// The links of a content; none where its row has none.
pub fn links_of(row: &PolicyType, content: &Value) -> &'static [Link] {
    match row.adapter {
        Adapter::DeviceConfiguration => links_of_type(odata_type(content)),
        Adapter::App => CATEGORIES,
        _ => &[],
    }
}

/// The links of a type by its name without `#microsoft.graph.`.
pub fn links_of_type(kind: &str) -> &'static [Link] {
    TYPES
        .iter()
        .find(|(name, _)| *name == kind)
        .map_or(&[], |(_, links)| *links)
}

/// The wave of an object: that of its row, and behind everything its links lead to. Trusted roots
/// come first, then the certificate profiles, then what uses those, then domain join.
pub(crate) fn wave_of(row: &PolicyType, content: &Value) -> u8 {
    let links = links_of(row, content);
    let behind = match links {
        [] => 0,
        [only] if only.to == LinkTarget::Category => 0,
        [only] if *only == ROOT => 1,
        [only] if only.property == "networkAccessConfigurations" => 3,
        _ => 2,
    };
    row.wave.saturating_add(behind)
}

/// Whether a certificate profile: it is issued below a trusted root.
pub(crate) fn is_issued(links: &[Link]) -> bool {
    links.contains(&ROOT)
}

#[cfg(test)]
mod contract_test;
#[cfg(test)]
mod links_test;
