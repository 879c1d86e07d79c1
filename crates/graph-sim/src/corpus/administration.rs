//! Roles, authentication strengths and contexts of the synthetic tenants.

use serde_json::{Value, json};

use super::{Draft, Side};

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
