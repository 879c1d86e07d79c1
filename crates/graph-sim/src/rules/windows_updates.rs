//! Windows update profiles and policies: what the service fills in and what it refuses.

use serde_json::{Map, Value, json};

use super::enrollment::{assigned, refuse_members};
use super::table::{ASSIGNMENTS, INTUNE};
use super::{CollectionRule, Scene};
use crate::answer::Refusal;
use crate::check::Write;
use crate::clock;
use crate::state::Object;

pub(super) const FEATURE_UPDATES: CollectionRule = CollectionRule {
    key: "windowsFeatureUpdateProfiles",
    paths: &["deviceManagement/windowsFeatureUpdateProfiles"],
    entity: "windowsFeatureUpdateProfile",
    assign: Some(assigned("windowsFeatureUpdateProfileAssignment")),
    parts: &[ASSIGNMENTS],
    immutable: &["installLatestWindows10OnWindows11IneligibleDevice"],
    required: &["displayName", "featureUpdateVersion"],
    judge: judge_feature_update,
    complete: complete_feature_update,
    ..INTUNE
};

pub(super) const QUALITY_UPDATES: CollectionRule = CollectionRule {
    key: "windowsQualityUpdateProfiles",
    paths: &["deviceManagement/windowsQualityUpdateProfiles"],
    entity: "windowsQualityUpdateProfile",
    assign: Some(assigned("windowsQualityUpdateProfileAssignment")),
    parts: &[ASSIGNMENTS],
    required: &["displayName"],
    judge: judge_quality_update,
    complete: complete_quality_update,
    ..INTUNE
};

pub(super) const QUALITY_POLICIES: CollectionRule = CollectionRule {
    key: "windowsQualityUpdatePolicies",
    paths: &["deviceManagement/windowsQualityUpdatePolicies"],
    entity: "windowsQualityUpdatePolicy",
    assign: Some(assigned("windowsQualityUpdatePolicyAssignment")),
    parts: &[ASSIGNMENTS],
    required: &["displayName"],
    ..INTUNE
};

pub(super) const DRIVER_UPDATES: CollectionRule = CollectionRule {
    key: "windowsDriverUpdateProfiles",
    paths: &["deviceManagement/windowsDriverUpdateProfiles"],
    entity: "windowsDriverUpdateProfile",
    assign: Some(assigned("windowsDriverUpdateProfileAssignment")),
    parts: &[ASSIGNMENTS],
    immutable: &["approvalType"],
    required: &["displayName", "approvalType"],
    judge: judge_driver_update,
    complete: complete_driver_update,
    ..INTUNE
};

fn judge_feature_update(
    scene: &Scene<'_>,
    _: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    refuse_members(
        scene,
        body,
        &["deployableContentDisplayName", "endOfSupportDate"],
    )?;
    judge_rollout(scene, body, before)
}

/// A rollout in stages begins two days from now and lasts a day; one with a begin alone does not begin
/// in the past, unless it began then already. The service says no more than that it failed.
fn judge_rollout(
    scene: &Scene<'_>,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let date = |body: &Map<String, Value>, name: &str| {
        let text = super::member(body, &["rolloutSettings", name])?.as_str()?;
        chrono::DateTime::parse_from_rfc3339(text).ok()
    };
    let start = date(body, "offerStartDateTimeInUTC");
    let end = date(body, "offerEndDateTimeInUTC");
    let (now, day) = (clock::now(), chrono::TimeDelta::days(1));
    let taken = match (start, end) {
        (Some(start), Some(end)) => start >= now + day * 2 && end >= start + day,
        (Some(start), None) => {
            let stands = before.and_then(|object| date(&object.body, "offerStartDateTimeInUTC"));
            start >= now || stands == Some(start)
        }
        (None, Some(end)) => end >= now,
        (None, None) => true,
    };
    if taken {
        return Ok(());
    }
    Err(scene.refuse("An error has occurred"))
}

fn complete_feature_update(_: &Scene<'_>, object: &mut Object) {
    let version = object.text("featureUpdateVersion").unwrap_or_default();
    let shown = json!(version);
    let body = &mut object.body;
    body.insert("deployableContentDisplayName".to_owned(), shown);
    body.insert("endOfSupportDate".to_owned(), json!("2030-10-08T00:00:00Z"));
    for name in [
        "installLatestWindows10OnWindows11IneligibleDevice",
        "installFeatureUpdatesOptional",
    ] {
        body.entry(name).or_insert(json!(false));
    }
    body.entry("rolloutSettings").or_insert(json!({
        "offerStartDateTimeInUTC": null, "offerEndDateTimeInUTC": null, "offerIntervalInDays": null}));
}

fn judge_quality_update(
    scene: &Scene<'_>,
    _: Write,
    body: &Map<String, Value>,
    _: Option<&Object>,
) -> Result<(), Refusal> {
    refuse_members(
        scene,
        body,
        &["deployableContentDisplayName", "releaseDateDisplayName"],
    )
}

fn complete_quality_update(_: &Scene<'_>, object: &mut Object) {
    let body = &mut object.body;
    body.insert("releaseDateDisplayName".to_owned(), json!("06 B"));
    body.insert("deployableContentDisplayName".to_owned(), json!("Update"));
}

fn judge_driver_update(
    scene: &Scene<'_>,
    _: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    refuse_members(
        scene,
        body,
        &[
            "inventorySyncStatus",
            "newUpdates",
            "deviceReporting",
            "driverInventories",
        ],
    )?;
    if before.is_some() {
        refuse_members(scene, body, &["approvalType"])?;
    }
    Ok(())
}

fn complete_driver_update(_: &Scene<'_>, object: &mut Object) {
    let body = &mut object.body;
    body.entry("inventorySyncStatus").or_insert(Value::Null);
    body.entry("newUpdates").or_insert(json!(0));
    body.entry("deviceReporting").or_insert(json!(0));
}
