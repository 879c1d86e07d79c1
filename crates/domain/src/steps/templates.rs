//! Every call that can ever be written, from the rows.

use super::{
    authentication_strength, device_preparation, enrollment_notification, group_policy, links,
    managed_apps, notification, per_target,
};
use crate::model::GraphVersion;
use crate::policy_type::{self, Adapter, PolicyType, UpdateVerb};

/// Every `(method, version, path template)` that can ever be written, sorted. A call that Graph refuses
/// with a word on its other version is sent there once (`detour`): the same method and path.
pub fn write_templates() -> Vec<(String, GraphVersion, String)> {
    let mut templates: Vec<(String, GraphVersion, String)> = policy_type::all()
        .iter()
        .filter(|row| row.promotable())
        .flat_map(of_row)
        .collect();
    templates.sort();
    templates.dedup();
    templates
}

fn of_row(row: &PolicyType) -> Vec<(String, GraphVersion, String)> {
    let item = format!("{}/{{item}}", row.path);
    let verb = match row.update {
        UpdateVerb::Patch => "PATCH",
        UpdateVerb::Put => "PUT",
    };
    let mut calls = vec![(verb, item.clone())];
    if !row.default_object.is_some_and(|rule| rule.only) {
        calls.push(("POST", row.path.to_owned()));
    }
    if row.priority.is_some() {
        calls.push(("POST", format!("{item}/setPriority")));
    }
    if let Some(rule) = row.assignments.filter(|rule| rule.per_target) {
        calls.push(("POST", format!("{item}/{}", rule.read)));
        let child = per_target::child_template(rule.read);
        calls.push(("DELETE", format!("{}{child}", row.path)));
    } else if let Some(rule) = row.assignments {
        calls.push(("POST", format!("{item}/{}", rule.action)));
    }
    match row.adapter {
        Adapter::Compliance => calls.push(("POST", format!("{item}/scheduleActionsForRules"))),
        Adapter::NotificationTemplate => {
            calls.extend(notification::templates(&notification::itself(row)));
        }
        Adapter::App => calls.extend(links::category_templates(row)),
        Adapter::EnrollmentNotification => {
            let place = enrollment_notification::place("");
            calls.push(("PATCH", place.template.clone()));
            calls.extend(notification::templates(&place));
        }
        Adapter::SettingsCompliance => {
            calls.push(("POST", format!("{item}/setScheduledActions")));
        }
        Adapter::ManagedApps => {
            for action in managed_apps::actions(row) {
                calls.push(("POST", format!("{item}/{action}")));
            }
        }
        Adapter::DeviceConfiguration => calls.extend(links::templates(row)),
        Adapter::AuthenticationStrength => {
            calls.push(("POST", format!("{item}/updateAllowedCombinations")));
            let configurations = authentication_strength::configurations_template(row);
            let one = authentication_strength::configuration_template(row);
            calls.push(("POST", configurations));
            calls.push(("PATCH", one.clone()));
            calls.push(("DELETE", one));
        }
        Adapter::GroupPolicy => {
            calls.push(("POST", format!("{item}/{}", group_policy::ACTION)));
        }
        Adapter::DevicePreparation => {
            for action in device_preparation::ACTIONS {
                calls.push(("POST", format!("{item}/{action}")));
            }
            // Where Graph says that the POST has no route.
            calls.push(("DELETE", format!("{item}/{}", device_preparation::CLEAR)));
        }
        Adapter::Plain
        | Adapter::AuthenticationContext
        | Adapter::SettingsCatalog
        | Adapter::ReusableSetting
        | Adapter::ConditionalAccess => {}
    }
    // Conditions that exist in beta alone are written there.
    let versions: &[GraphVersion] = match row.adapter {
        Adapter::ConditionalAccess => &[GraphVersion::Beta, GraphVersion::V1],
        _ => &[row.version],
    };
    versions
        .iter()
        .flat_map(|version| {
            calls
                .iter()
                .map(|(method, path)| ((*method).to_owned(), *version, path.clone()))
        })
        .collect()
}
