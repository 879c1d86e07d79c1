//! The structural properties of the published description that the service writes by itself: data of
//! the tests that go through the description.

/// What is proven to be the service's own, published as writable or not: who wrote what when, whether
/// and how it is rolled out, copies of what stands elsewhere. By type (`*`: every one) and place.
pub const SERVER_STATE: &[(&str, &str, &str)] = &[
    ("*", "id", "its address in one tenant"),
    ("*", "createdDateTime", "who wrote what when"),
    ("*", "lastModifiedDateTime", "who wrote what when"),
    ("*", "modifiedDateTime", "who wrote what when"),
    ("*", "deletedDateTime", "who wrote what when"),
    ("*", "version", "counts the writes"),
    (
        "*",
        "isAssigned",
        "held against the assignments, which are compared",
    ),
    (
        "*",
        "deployedAppCount",
        "held against the apps, which are compared",
    ),
    (
        "*",
        "deviceEnrollmentConfigurationType",
        "follows from the kind, in more than one word for the same",
    ),
    (
        "assignmentFilters",
        "payloads",
        "which policies use the filter",
    ),
    (
        "authenticationStrengths",
        "policyType",
        "built in or not: only the latter are governed",
    ),
    (
        "authenticationStrengths",
        "requirementsSatisfied",
        "follows from the combinations",
    ),
    ("compliancePolicies", "creationSource", "where it was made"),
    (
        "conditionalAccessPolicies",
        "partialEnablementStrategy",
        "seen, in no description",
    ),
    (
        "conditionalAccessPolicies",
        "templateId",
        "from which template it was once made",
    ),
    (
        "configurationPolicies",
        "creationSource",
        "where it was made; a token's is held",
    ),
    (
        "configurationPolicies",
        "priorityMetaData",
        "its rank in one tenant, which no write takes",
    ),
    (
        "deviceHealthScripts",
        "highestAvailableVersion",
        "of Microsoft's own scripts",
    ),
    (
        "deviceHealthScripts",
        "isGlobalScript",
        "Microsoft's own or not: only the latter are governed",
    ),
    (
        "groupPolicyConfigurations",
        "policyConfigurationIngestionType",
        "follows from the definitions",
    ),
    (
        "intuneBrandingProfiles",
        "customPrivacyMessage",
        "refused in every write, a copy of two others",
    ),
    (
        "intuneBrandingProfiles",
        "disableClientTelemetry",
        "refused in every write",
    ),
    (
        "mobileApps",
        "committedContentVersion",
        "counts the uploads of files, which are not carried",
    ),
    ("mobileApps", "manifestHash", "follows from the package"),
    (
        "mobileApps",
        "totalLicenseCount",
        "of one tenant's purchase",
    ),
    ("mobileApps", "usedLicenseCount", "of one tenant's purchase"),
    ("mobileApps", "vppTokenId", "of one tenant's purchase"),
    (
        "notificationMessageTemplates",
        "defaultLocale",
        "follows from isDefault of the messages",
    ),
    (
        "roleDefinitions",
        "isBuiltIn",
        "built in or not: only the latter are governed",
    ),
    (
        "roleDefinitions",
        "isBuiltInRoleDefinition",
        "an older name of isBuiltIn",
    ),
    (
        "roleDefinitions",
        "permissions",
        "an older spelling of rolePermissions",
    ),
    (
        "roleDefinitions",
        "rolePermissions.actions",
        "an older spelling of resourceActions",
    ),
    (
        "windowsAutopilotDeploymentProfiles",
        "enableWhiteGlove",
        "an older name",
    ),
    (
        "windowsAutopilotDeploymentProfiles",
        "extractHardwareHash",
        "an older name",
    ),
    (
        "windowsAutopilotDeploymentProfiles",
        "language",
        "an older name",
    ),
    (
        "windowsAutopilotDeploymentProfiles",
        "outOfBoxExperienceSettings",
        "an older name",
    ),
    (
        "windowsDriverUpdateProfiles",
        "deviceReporting",
        "how far it is rolled out",
    ),
    (
        "windowsDriverUpdateProfiles",
        "inventorySyncStatus",
        "how far it is rolled out",
    ),
    (
        "windowsDriverUpdateProfiles",
        "newUpdates",
        "how far it is rolled out",
    ),
    (
        "windowsFeatureUpdateProfiles",
        "deployableContentDisplayName",
        "the name of the version chosen",
    ),
    (
        "windowsFeatureUpdateProfiles",
        "endOfSupportDate",
        "of the version chosen",
    ),
    (
        "windowsQualityUpdateProfiles",
        "deployableContentDisplayName",
        "the name of the release chosen",
    ),
    (
        "windowsQualityUpdateProfiles",
        "releaseDateDisplayName",
        "the name of the release chosen",
    ),
    (
        "windowsUpdateRings",
        "featureUpdatesPaused",
        "an operation of the moment, no configuration",
    ),
    (
        "windowsUpdateRings",
        "featureUpdatesPauseExpiryDateTime",
        "an operation of the moment, no configuration",
    ),
    (
        "windowsUpdateRings",
        "featureUpdatesRollbackStartDateTime",
        "an operation of the moment, no configuration",
    ),
    (
        "windowsUpdateRings",
        "featureUpdatesWillBeRolledBack",
        "an operation of the moment, no configuration",
    ),
    (
        "windowsUpdateRings",
        "qualityUpdatesPaused",
        "an operation of the moment, no configuration",
    ),
    (
        "windowsUpdateRings",
        "qualityUpdatesPauseExpiryDateTime",
        "an operation of the moment, no configuration",
    ),
    (
        "windowsUpdateRings",
        "qualityUpdatesRollbackStartDateTime",
        "an operation of the moment, no configuration",
    ),
    (
        "windowsUpdateRings",
        "qualityUpdatesWillBeRolledBack",
        "an operation of the moment, no configuration",
    ),
];
