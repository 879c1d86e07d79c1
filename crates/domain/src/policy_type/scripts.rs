//! Scripts: platform scripts, remediations, shell scripts, custom attributes and the discovery
//! scripts of custom compliance.
//!
//! Their contents are missing (null) in lists, so every script is read on its own. Contents are
//! compared decoded, whatever their line ends, and written byte for byte.

use super::{ASSIGN, AssignmentRule, PLAIN, PolicyType};

/// What all kinds of scripts have in common.
const SCRIPT: PolicyType = PolicyType {
    item_get: true,
    // Its own word of the service about the newest revision.
    server_state: &["version"],
    empty_is_absent: &[""],
    base64: &["scriptContent"],
    read_permissions: &["DeviceManagementScripts.Read.All"],
    write_permissions: &["DeviceManagementScripts.ReadWrite.All"],
    ..PLAIN
};

/// Assignments of everything but remediations.
const SCRIPT_ASSIGN: AssignmentRule = AssignmentRule {
    wrapper: "deviceManagementScriptAssignments",
    ..ASSIGN
};

pub(super) const PLATFORM_SCRIPTS: PolicyType = PolicyType {
    key: "deviceManagementScripts",
    display_name: "Platform scripts (Windows)",
    path: "/deviceManagement/deviceManagementScripts",
    assignments: Some(SCRIPT_ASSIGN),
    // Device preparation policies point to it.
    reference_kind: Some("platform_script"),
    wave: 3,
    ..SCRIPT
};

pub(super) const SHELL_SCRIPTS: PolicyType = PolicyType {
    key: "deviceShellScripts",
    display_name: "Shell scripts (macOS)",
    path: "/deviceManagement/deviceShellScripts",
    assignments: Some(SCRIPT_ASSIGN),
    wave: 3,
    ..SCRIPT
};

pub(super) const CUSTOM_ATTRIBUTES: PolicyType = PolicyType {
    key: "deviceCustomAttributeShellScripts",
    display_name: "Custom attributes (macOS)",
    path: "/deviceManagement/deviceCustomAttributeShellScripts",
    // A custom attribute is never renamed: that takes a new one.
    strip_update: &["customAttributeName", "customAttributeType", "displayName"],
    immutable: &["customAttributeName", "customAttributeType"],
    assignments: Some(SCRIPT_ASSIGN),
    wave: 3,
    ..SCRIPT
};

pub(super) const REMEDIATIONS: PolicyType = PolicyType {
    key: "deviceHealthScripts",
    display_name: "Remediations",
    path: "/deviceManagement/deviceHealthScripts",
    // Microsoft's own are part of every tenant. The server's filter on it does not work.
    skip_when: &[("isGlobalScript", "true")],
    server_state: &["version", "isGlobalScript", "highestAvailableVersion"],
    strip_update: &["deviceHealthScriptType"],
    immutable: &["deviceHealthScriptType"],
    // The schedule is part of each assignment. So is whether to remediate, which Graph answers with
    // `false` whatever was sent; a script without a remediation has nothing to run.
    assignments: Some(AssignmentRule {
        wrapper: "deviceHealthScriptAssignments",
        fixed: &[("runRemediationScript", "true")],
        ..ASSIGN
    }),
    keyed: &[
        ("detectionScriptParameters", "name"),
        ("remediationScriptParameters", "name"),
    ],
    defaults: &[("deviceHealthScriptType", "\"deviceHealthScript\"")],
    base64: &["detectionScriptContent", "remediationScriptContent"],
    wave: 3,
    ..SCRIPT
};

pub(super) const COMPLIANCE_SCRIPTS: PolicyType = PolicyType {
    key: "deviceComplianceScripts",
    display_name: "Custom compliance scripts",
    path: "/deviceManagement/deviceComplianceScripts",
    skip_when: &[("isGlobalScript", "true")],
    server_state: &["version", "isGlobalScript"],
    // Compliance policies point to it; it has no assignments of its own.
    reference_kind: Some("compliance_script"),
    base64: &["detectionScriptContent"],
    wave: 1,
    ..SCRIPT
};
