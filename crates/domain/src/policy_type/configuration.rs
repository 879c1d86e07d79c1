//! Settings catalog, device configuration profiles, Windows update rings.

use super::{
    ASSIGN, Adapter, Kinds, PLAIN, PolicyType, ReferenceRule, SubCollection, UpdateVerb,
    device_preparation, reference,
};
use crate::model::ResourceFamily;

pub(super) const SETTINGS_CATALOG: PolicyType = PolicyType {
    key: "configurationPolicies",
    display_name: "Settings catalog",
    path: "/deviceManagement/configurationPolicies",
    // Device preparation is a type of its own.
    kinds: Kinds::NotOfTemplates(&device_preparation::TEMPLATES),
    name_property: "name",
    platform_property: Some("platforms"),
    // Two families of templates may share a name; versions of one template are one subject.
    identity: &["platforms", "technologies", "templateReference.templateId"],
    sub_collections: &[SubCollection {
        property: "settings",
        path: "settings",
        top: Some(1000),
    }],
    name_filter: true,
    server_state: &[
        "settingCount",
        "creationSource",
        "settings[].id",
        "templateReference.templateDisplayName",
        "templateReference.templateDisplayVersion",
    ],
    left_behind: &[("priorityMetaData", "it has a rank among the policies")],
    update: UpdateVerb::Put,
    immutable: &["platforms", "technologies", "templateReference.templateId"],
    assignments: Some(ASSIGN),
    flags: &["platforms", "technologies"],
    // The family follows from the template.
    ignored: &["templateReference.templateFamily"],
    defaults: &[
        ("templateReference.templateId", "\"\""),
        ("disableEntraGroupPolicyAssignment", "false"),
    ],
    empty_is_absent: &["templateReference"],
    wave: 3,
    family: ResourceFamily::ConfigurationPolicies,
    adapter: Adapter::SettingsCatalog,
    ..PLAIN
};

const fn link(path: &'static str) -> ReferenceRule {
    reference(path, "device_configuration")
}

pub(super) const DEVICE_CONFIGURATIONS: PolicyType = PolicyType {
    key: "deviceConfigurations",
    display_name: "Device configuration profiles",
    path: "/deviceManagement/deviceConfigurations",
    kinds: Kinds::Except(&["windowsUpdateForBusinessConfiguration"]),
    identity: &["@odata.type"],
    item_get: true,
    server_state: &["version", "preSharedKeyIsSet"],
    immutable: &["@odata.type"],
    assignments: Some(ASSIGN),
    references: &[
        reference(
            "kioskProfiles[].userAccountsConfiguration[].groupId",
            "group",
        ),
        reference("kioskProfiles[].userAccountsConfiguration[].userId", "user"),
        // Navigation properties (see `links`); the level of a profile puts it behind these.
        link("identityCertificate"),
        link("identityCertificateForClientAuthentication"),
        link("networkAccessConfigurations[]"),
        link("rootCertificate"),
        link("rootCertificateForClientValidation"),
        link("rootCertificateForServerValidation"),
        link("rootCertificatesForClientValidation[]"),
        link("rootCertificatesForServerValidation[]"),
        link("secondaryIdentityCertificateForClientAuthentication"),
        link("secondaryRootCertificateForClientValidation"),
        link("singleSignOnExtensionPkinitCertificate"),
        link("smimeEncryptionCertificate"),
        link("smimeSigningCertificate"),
    ],
    reference_kind: Some("device_configuration"),
    sets: &[
        "networkAccessConfigurations",
        "rootCertificatesForClientValidation",
        "rootCertificatesForServerValidation",
    ],
    keyed: &[("omaSettings", "omaUri")],
    flags: &[
        "allowedAccounts",
        "configDeviceHealthMonitoringScope",
        "customSubjectAlternativeNames[].sanType",
        "easServices",
        "fileVaultSelectedRecoveryKeyTypes",
        "firewallRules[].interfaceTypes",
        "firewallRules[].profileTypes",
        "hashAlgorithm",
        "keyUsage",
        "startMenuAppListVisibility",
        "subjectAlternativeNameType",
        "systemExtensionsAllowedTypes[].allowedTypes",
        "updateDelayPolicy",
    ],
    ignored: &["omaSettings[].isEncrypted"],
    // A list without entries is not configured; Graph answers it as [] or null by no known rule.
    empty_is_absent: &[""],
    base64: &[
        "configurationXml",
        "customXml",
        "defenderExploitProtectionXml",
        "eapXml",
        "payload",
        "startMenuLayoutEdgeAssetsXml",
        "startMenuLayoutXml",
    ],
    secrets: &["preSharedKey", "sharedSecret"],
    wave: 4,
    adapter: Adapter::DeviceConfiguration,
    ..PLAIN
};

pub(super) const WINDOWS_UPDATE_RINGS: PolicyType = PolicyType {
    key: "windowsUpdateRings",
    display_name: "Windows update rings",
    kinds: Kinds::Only(&["windowsUpdateForBusinessConfiguration"]),
    server_state: &[
        "version",
        "featureUpdatesPauseExpiryDateTime",
        "featureUpdatesPauseStartDate",
        "featureUpdatesRollbackStartDateTime",
        "qualityUpdatesPauseExpiryDateTime",
        "qualityUpdatesPauseStartDate",
        "qualityUpdatesRollbackStartDateTime",
    ],
    // Pause and rollback are operations, not configuration: never carried.
    left_behind: &[
        ("featureUpdatesPaused", "feature updates are paused"),
        (
            "featureUpdatesWillBeRolledBack",
            "feature updates are rolled back",
        ),
        ("qualityUpdatesPaused", "quality updates are paused"),
        (
            "qualityUpdatesWillBeRolledBack",
            "quality updates are rolled back",
        ),
    ],
    references: &[],
    reference_kind: None,
    sets: &[],
    keyed: &[],
    flags: &["updateWeeks"],
    ignored: &[],
    base64: &[],
    secrets: &[],
    ..DEVICE_CONFIGURATIONS
};
