//! Roles and who has them, authentication strengths and contexts, settings of the whole tenant.

use serde_json::{Value, json};

use super::{Draft, Names, Side};

fn role(name: &str, actions: &[&str]) -> Draft {
    Draft::new(
        "roleDefinitions",
        json!({"displayName": name, "description": "A role of our own.", "roleScopeTagIds": ["0"],
            "rolePermissions": [{"resourceActions": [
                {"allowedResourceActions": actions, "notAllowedResourceActions": []}]}]}),
    )
}

fn strength(name: &str, combinations: &[&str], configurations: Value) -> Draft {
    Draft::new(
        "authenticationStrengthPolicies",
        json!({"displayName": name, "description": "A strength of our own.", "policyType": "custom",
            "allowedCombinations": combinations, "combinationConfigurations": configurations}),
    )
}

/// An authentication context; its id is part of it.
pub(super) fn context(id: &str, name: &str) -> Draft {
    Draft::new(
        "authenticationContextClassReferences",
        json!({"id": id, "displayName": name, "description": "Asked for by sites.", "isAvailable": true}),
    )
}

/// What is promoted; the target has some of it, by name.
pub(super) fn promoted(side: Side) -> Vec<Draft> {
    let mut drafts = vec![
        role("Role - Helpdesk", &["Microsoft.Intune_ManagedDevices_Read"]),
        role(
            "Role - Kiosk Operator",
            &[
                "Microsoft.Intune_ManagedDevices_Read",
                "Microsoft.Intune_RemoteTasks_RebootNow",
            ],
        ),
        role(
            "Role - Auditor",
            &["Microsoft.Intune_Audit_Read", "Microsoft.Intune_Roles_Read"],
        ),
        strength(
            "Keys or Hello",
            &["fido2", "windowsHelloForBusiness"],
            json!([]),
        ),
        strength(
            "Company keys",
            &["fido2", "password,softwareOath"],
            json!([{"@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
                "id": "5fd0cc11-7a1f-4f7a-9b6d-000000000001",
                "appliesToCombinations": ["fido2"],
                "allowedAAGUIDs": ["486be2ef-983b-41d6-8e08-000000000001"]}]),
        ),
    ];
    // The id of the one is taken by another in the other tenant.
    drafts.push(match side {
        Side::Source => context("c4", "Confidential sites"),
        Side::Target => context("c4", "Fabrikam guests"),
    });
    drafts
}

/// What is compared and never written: one role assignment that means the same in both tenants, one
/// that only the source has, and tenant-wide settings that differ in one switch.
pub(super) fn compared(names: &Names<'_>, side: Side) -> Vec<Draft> {
    let assignment = |name: &str, group: &str| {
        let (role, tag) = ("Role - Helpdesk", "Helpdesk EMEA");
        Draft::new(
            "roleAssignments",
            json!({"displayName": name, "description": "Nightly shift.", "scopeType": "resourceScope",
                "members": [names.group(group)], "scopeMembers": [],
                "resourceScopes": [names.group("Kiosk Devices")],
                "roleDefinition": {"@odata.type": "#microsoft.graph.deviceAndAppManagementRoleDefinition",
                    "id": names.id("roleDefinitions", role), "displayName": role, "isBuiltIn": false},
                "roleScopeTags": [{"id": names.tag(tag), "displayName": tag, "isBuiltIn": false}]}),
        )
    };
    let mut drafts = vec![
        Draft::new(
            "deviceManagementSettings",
            json!({"deviceComplianceCheckinThresholdDays": 30, "isScheduledActionEnabled": true,
                "secureByDefault": side == Side::Source, "enableAutopilotDiagnostics": true}),
        ),
        Draft::new(
            "inventoryPolicies",
            json!({"name": "Win - Inventory", "description": "", "platforms": "windows10",
                "technologies": "mdm", "roleScopeTagIds": ["0"], "settings": []}),
        ),
        assignment("Helpdesk - Kiosks", "Administrators"),
    ];
    if side == Side::Source {
        drafts.push(assignment("Helpdesk - Contractors", "Contractors"));
    }
    drafts
}
