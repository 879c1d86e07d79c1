//! Which types the Multi Admin Approval policies of a tenant cover.

use super::PolicyType;

/// The registry key of the approval policies themselves.
pub(crate) const POLICIES: &str = "operationApprovalPolicies";

/// Graph's words for what an approval policy is about, and the types meant by each. App protection is
/// not part of "app": Intune leaves it out.
const COVERED: &[(&str, &[&str])] = &[
    (
        "app",
        &[
            "mobileAppConfigurations",
            "mobileApps",
            "targetedManagedAppConfigurations",
        ],
    ),
    (
        "compliancepolicy",
        &["compliancePolicies", "deviceCompliancePolicies"],
    ),
    (
        "configurationpolicy",
        &[
            "configurationPolicies",
            "deviceConfigurations",
            "groupPolicyConfigurations",
            "windowsDevicePreparationPolicies",
        ],
    ),
    ("role", &["roleDefinitions"]),
    (
        "script",
        &[
            "deviceComplianceScripts",
            "deviceCustomAttributeShellScripts",
            "deviceHealthScripts",
            "deviceManagementScripts",
            "deviceShellScripts",
        ],
    ),
    ("tenantconfiguration", &["deviceCategories"]),
];

/// Whether writes to the row's objects wait for a second person where an approval policy of this kind
/// is in force.
pub(crate) fn covers(approval: &str, row: &PolicyType) -> bool {
    COVERED
        .iter()
        .any(|(kind, keys)| kind.eq_ignore_ascii_case(approval) && keys.contains(&row.key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy_type;

    #[test]
    fn every_covered_type_that_is_promoted_is_a_row() {
        let later = ["groupPolicyConfigurations"];
        for (_, keys) in COVERED {
            for key in *keys {
                assert!(
                    policy_type::find(key).is_some() || later.contains(key),
                    "{key}"
                );
            }
        }
    }
}
