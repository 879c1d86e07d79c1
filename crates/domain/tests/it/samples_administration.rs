//! Roles, authentication strengths and contexts as Graph answers them.

use serde_json::{Value, json};

pub(crate) fn role() -> Value {
    json!({
        "@odata.type": "#microsoft.graph.deviceAndAppManagementRoleDefinition",
        "id": "0e000000-0000-4000-8000-000000000001",
        "displayName": "Helpdesk EMEA",
        "description": "Restarts devices",
        "isBuiltIn": false,
        "isBuiltInRoleDefinition": false,
        "roleScopeTagIds": ["4", "0"],
        "permissions": [{"actions": ["Microsoft.Intune_Roles_Read"], "resourceActions": []}],
        "rolePermissions": [{
            "actions": ["Microsoft.Intune_Roles_Read", "Microsoft.Intune_ManagedDevices_Read"],
            "resourceActions": [{
                "allowedResourceActions": [
                    "Microsoft.Intune_Roles_Read",
                    "Microsoft.Intune_ManagedDevices_Read",
                    "Microsoft.Intune_Organization_Read"
                ],
                "notAllowedResourceActions": []
            }]
        }]
    })
}

pub(crate) fn strength() -> Value {
    json!({
        "id": "0e000000-0000-4000-8000-000000000002",
        "createdDateTime": "2026-01-02T03:04:05Z",
        "modifiedDateTime": "2026-01-02T03:04:05Z",
        "displayName": "Company keys only",
        "description": "FIDO2 keys of the company, or a certificate",
        "policyType": "custom",
        "requirementsSatisfied": "mfa",
        "allowedCombinations": ["fido2", "password,softwareOath", "x509CertificateMultiFactor"],
        "combinationConfigurations": [
            {
                "@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
                "id": "0e000000-0000-4000-8000-0000000000f1",
                "appliesToCombinations": ["fido2"],
                "allowedAAGUIDs": [
                    "486BE2EF-0000-4000-8000-000000000001",
                    "376be2ef-0000-4000-8000-000000000002"
                ]
            },
            {
                "@odata.type": "#microsoft.graph.x509CertificateCombinationConfiguration",
                "id": "0e000000-0000-4000-8000-0000000000f2",
                "appliesToCombinations": ["x509CertificateMultiFactor"],
                "allowedIssuerSkis": ["9A4248C6AC8C2931AB2A86537818E92E7B6C97B6"],
                "allowedPolicyOIDs": []
            }
        ]
    })
}

pub(crate) fn context() -> Value {
    json!({
        "id": "c7",
        "displayName": "Trusted devices",
        "description": "Asked for by SharePoint sites",
        "isAvailable": true
    })
}

/// One object of every type of this file.
pub(crate) fn all() -> Vec<(&'static str, Value)> {
    vec![
        ("authenticationContexts", context()),
        ("authenticationStrengths", strength()),
        ("roleDefinitions", role()),
    ]
}
