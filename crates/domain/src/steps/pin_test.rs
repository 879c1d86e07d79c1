//! The pin: every call that can ever be written, by hand.

use super::write_templates;

#[test]
fn nothing_else_can_ever_be_written() {
    let listed: Vec<String> = write_templates()
        .into_iter()
        .map(|(method, version, path)| format!("{method} {}{path}", version.segment()))
        .collect();
    let d = "beta/deviceManagement";
    let c = "identity/conditionalAccess";
    let messages = "notificationMessageTemplates/{item}/localizedNotificationMessages";
    let mut pinned = vec![
        format!("DELETE {d}/{messages}/{{item}}_{{locale}}"),
        format!("PATCH {d}/{messages}/{{item}}_{{locale}}"),
        format!("POST {d}/{messages}"),
        format!("PUT {d}/configurationPolicies/{{item}}"),
        format!("PUT {d}/compliancePolicies/{{item}}"),
        format!("POST {d}/compliancePolicies/{{item}}/setScheduledActions"),
        format!("PUT {d}/reusablePolicySettings/{{item}}"),
        format!("POST {d}/deviceCompliancePolicies/{{item}}/scheduleActionsForRules"),
        format!("POST beta/{c}/policies"),
        format!("PATCH beta/{c}/policies/{{item}}"),
    ];
    let strengths = format!("v1.0/{c}/authenticationStrength/policies");
    let configurations = format!("{strengths}/{{item}}/combinationConfigurations");
    pinned.extend([
        format!("POST {strengths}"),
        format!("PATCH {strengths}/{{item}}"),
        format!("POST {strengths}/{{item}}/updateAllowedCombinations"),
        format!("POST {configurations}"),
        format!("PATCH {configurations}/{{configuration}}"),
        format!("DELETE {configurations}/{{configuration}}"),
        format!("POST v1.0/{c}/authenticationContextClassReferences"),
        format!("PATCH v1.0/{c}/authenticationContextClassReferences/{{item}}"),
        format!("POST {d}/roleDefinitions"),
        format!("PATCH {d}/roleDefinitions/{{item}}"),
    ]);
    let link = format!("{d}/deviceConfigurations/{{item}}/{{type}}/{{link}}");
    pinned.extend([
        format!("PUT {link}/$ref"),
        format!("POST {link}/$ref"),
        format!("DELETE {link}/$ref"),
        format!("DELETE {link}/{{linked}}/$ref"),
    ]);
    let apps = "beta/deviceAppManagement/mobileApps";
    pinned.extend([
        format!("POST {apps}"),
        format!("PATCH {apps}/{{item}}"),
        format!("POST {apps}/{{item}}/assign"),
        format!("POST {apps}/{{item}}/categories/$ref"),
        format!("DELETE {apps}/{{item}}/categories/{{linked}}/$ref"),
    ]);
    for collection in ["namedLocations", "policies"] {
        pinned.push(format!("POST v1.0/{c}/{collection}"));
        pinned.push(format!("PATCH v1.0/{c}/{collection}/{{item}}"));
    }
    for collection in [
        "assignmentFilters",
        "compliancePolicies",
        "configurationPolicies",
        "deviceCompliancePolicies",
        "deviceComplianceScripts",
        "deviceCustomAttributeShellScripts",
        "deviceHealthScripts",
        "deviceManagementScripts",
        "deviceShellScripts",
        "reusablePolicySettings",
        "deviceConfigurations",
        "notificationMessageTemplates",
        "roleScopeTags",
    ] {
        pinned.push(format!("POST {d}/{collection}"));
    }
    for collection in [
        "assignmentFilters",
        "deviceCompliancePolicies",
        "deviceComplianceScripts",
        "deviceCustomAttributeShellScripts",
        "deviceHealthScripts",
        "deviceManagementScripts",
        "deviceShellScripts",
        "deviceConfigurations",
        "notificationMessageTemplates",
        "roleScopeTags",
    ] {
        pinned.push(format!("PATCH {d}/{collection}/{{item}}"));
    }
    for collection in [
        "compliancePolicies",
        "configurationPolicies",
        "deviceCompliancePolicies",
        "deviceConfigurations",
        "deviceCustomAttributeShellScripts",
        "deviceHealthScripts",
        "deviceManagementScripts",
        "deviceShellScripts",
        "roleScopeTags",
    ] {
        pinned.push(format!("POST {d}/{collection}/{{item}}/assign"));
    }
    let templates = format!("{d}/groupPolicyConfigurations");
    pinned.extend([
        format!("POST {templates}"),
        format!("PATCH {templates}/{{item}}"),
        format!("POST {templates}/{{item}}/updateDefinitionValues"),
        format!("POST {templates}/{{item}}/assign"),
    ]);
    for verb in ["set", "clear"] {
        let action = format!("{verb}EnrollmentTimeDeviceMembershipTarget");
        pinned.push(format!("POST {d}/configurationPolicies/{{item}}/{action}"));
    }
    // The other verb of the clearing, where Graph has no route for the first.
    let clear = "clearEnrollmentTimeDeviceMembershipTarget";
    pinned.push(format!("DELETE {d}/configurationPolicies/{{item}}/{clear}"));
    pinned.extend(super::managed_apps_test::pinned());
    pinned.extend(enrollment_pins(d));
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    assert_eq!(sorted(listed), sorted(pinned));
}

/// Enrolment, Windows updates, branding, terms, categories.
fn enrollment_pins(d: &str) -> Vec<String> {
    let mut pinned = vec![
        format!("POST {d}/deviceEnrollmentConfigurations"),
        format!("PATCH {d}/deviceEnrollmentConfigurations/{{item}}"),
        format!("POST {d}/deviceEnrollmentConfigurations/{{item}}/assign"),
        format!("POST {d}/deviceEnrollmentConfigurations/{{item}}/setPriority"),
        format!("POST {d}/deviceCategories"),
        format!("PATCH {d}/deviceCategories/{{item}}"),
    ];
    for collection in ["termsAndConditions", "windowsAutopilotDeploymentProfiles"] {
        pinned.push(format!("POST {d}/{collection}"));
        pinned.push(format!("PATCH {d}/{collection}/{{item}}"));
        pinned.push(format!("POST {d}/{collection}/{{item}}/assignments"));
        pinned.push(format!(
            "DELETE {d}/{collection}/{{item}}/assignments/{{child}}"
        ));
    }
    for collection in [
        "intuneBrandingProfiles",
        "windowsDriverUpdateProfiles",
        "windowsFeatureUpdateProfiles",
        "windowsQualityUpdatePolicies",
        "windowsQualityUpdateProfiles",
    ] {
        pinned.push(format!("POST {d}/{collection}"));
        pinned.push(format!("PATCH {d}/{collection}/{{item}}"));
        pinned.push(format!("POST {d}/{collection}/{{item}}/assign"));
    }
    pinned
}
