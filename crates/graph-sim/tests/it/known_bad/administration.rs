//! Mistakes with roles, authentication strengths and authentication contexts.

use serde_json::json;

use super::{Bad, bad, with};
use crate::harness::*;

pub(super) fn cases() -> Vec<Bad> {
    let role = json!({"displayName": "x", "rolePermissions": [{"resourceActions": [
        {"allowedResourceActions": ["Microsoft.Intune_Roles_Read"]}]}]});
    let strength = json!({"displayName": "x", "allowedCombinations": ["fido2"]});
    let context = json!({"id": "c50", "displayName": "x", "isAvailable": true});
    let built_in = format!("{STRENGTHS}/00000000-0000-0000-0000-000000000004");
    let unknown = json!([{"resourceActions": [{"allowedResourceActions": ["Contoso_Do"]}]}]);
    let built_in_role = format!("{ROLES}/9e0cc482-82df-4ab2-a24c-0c23a3f52e1e");
    vec![
        bad(
            "POST",
            ROLES,
            with(&role, "displayName", json!("")),
            "is required",
        ),
        bad(
            "POST",
            ROLES,
            with(&role, "rolePermissions", json!(null)),
            "is required",
        ),
        bad(
            "POST",
            ROLES,
            with(&role, "rolePermissions", unknown),
            "not known",
        ),
        bad(
            "POST",
            ROLES,
            with(&role, "roleScopeTagIds", json!(["4711"])),
            "Scope Tags",
        ),
        bad(
            "PATCH",
            built_in_role,
            json!({"displayName": "x"}),
            "built-in role",
        ),
        bad(
            "POST",
            STRENGTHS,
            with(&strength, "allowedCombinations", json!([])),
            "At least one",
        ),
        bad(
            "POST",
            STRENGTHS,
            with(&strength, "allowedCombinations", json!(["carrierPigeon"])),
            "not a member",
        ),
        bad(
            "POST",
            STRENGTHS,
            with(&strength, "allowedCombinations", json!(["fido2", "fido2"])),
            "repeated",
        ),
        bad(
            "POST",
            STRENGTHS,
            with(&strength, "combinationConfigurations", json!([])),
            "own collection",
        ),
        bad(
            "PATCH",
            built_in.clone(),
            json!({"displayName": "x"}),
            "built-in",
        ),
        bad(
            "POST",
            format!("{built_in}/updateAllowedCombinations"),
            json!({"allowedCombinations": ["fido2"]}),
            "built-in",
        ),
        bad(
            "POST",
            format!("{built_in}/combinationConfigurations"),
            json!({"@odata.type": "#microsoft.graph.fido2CombinationConfiguration",
                "appliesToCombinations": ["fido2"], "allowedAAGUIDs": []}),
            "built-in",
        ),
        bad(
            "POST",
            CONTEXTS,
            with(&context, "id", json!("c100")),
            "c1 to c99",
        ),
        bad(
            "POST",
            CONTEXTS,
            with(&context, "id", json!("c1")),
            "already exists",
        ),
        bad(
            "POST",
            CONTEXTS,
            with(&context, "displayName", json!("")),
            "is required",
        ),
    ]
}
