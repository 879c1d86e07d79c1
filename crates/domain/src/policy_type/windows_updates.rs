//! Windows Update for Business beside the rings: feature, expedited, quality and driver updates.
//!
//! Approvals of single drivers and the inventory they follow from are operations on the devices of
//! one tenant, not configuration: never carried.

use super::{ASSIGN, PLAIN, PolicyType};

const UPDATES: PolicyType = PolicyType {
    assignments: Some(ASSIGN),
    wave: 4,
    ..PLAIN
};

pub(super) const FEATURE_PROFILES: PolicyType = PolicyType {
    key: "windowsFeatureUpdateProfiles",
    display_name: "Feature update policies",
    path: "/deviceManagement/windowsFeatureUpdateProfiles",
    // Follow from the version in Microsoft's catalogue.
    server_state: &["deployableContentDisplayName", "endOfSupportDate"],
    strip_update: &["installLatestWindows10OnWindows11IneligibleDevice"],
    immutable: &["installLatestWindows10OnWindows11IneligibleDevice"],
    defaults: &[
        ("installLatestWindows10OnWindows11IneligibleDevice", "false"),
        ("installFeatureUpdatesOptional", "false"),
    ],
    // A rollout without dates and "as soon as possible" are one.
    empty_is_absent: &["rolloutSettings"],
    // The service refuses to begin a rollout in the past.
    future_dates: &[
        "rolloutSettings.offerStartDateTimeInUTC",
        "rolloutSettings.offerEndDateTimeInUTC",
    ],
    ..UPDATES
};

pub(super) const QUALITY_PROFILES: PolicyType = PolicyType {
    key: "windowsQualityUpdateProfiles",
    display_name: "Expedited quality update profiles",
    path: "/deviceManagement/windowsQualityUpdateProfiles",
    server_state: &["deployableContentDisplayName", "releaseDateDisplayName"],
    ..UPDATES
};

pub(super) const QUALITY_POLICIES: PolicyType = PolicyType {
    key: "windowsQualityUpdatePolicies",
    display_name: "Quality update policies (hotpatch)",
    path: "/deviceManagement/windowsQualityUpdatePolicies",
    keyed: &[(
        "approvalSettings",
        "windowsQualityUpdateCadence+windowsQualityUpdateCategory",
    )],
    defaults: &[("hotpatchEnabled", "false")],
    empty_is_absent: &[""],
    ..UPDATES
};

pub(super) const DRIVER_PROFILES: PolicyType = PolicyType {
    key: "windowsDriverUpdateProfiles",
    display_name: "Driver update profiles",
    path: "/deviceManagement/windowsDriverUpdateProfiles",
    server_state: &[
        "inventorySyncStatus",
        "newUpdates",
        "deviceReporting",
        "driverInventories",
    ],
    strip_update: &["approvalType"],
    immutable: &["approvalType"],
    ..UPDATES
};
