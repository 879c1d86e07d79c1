//! Conditional Access policies: complete conditions, references that exist, sensible controls.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Scene, member, strings};
use crate::answer::Refusal;
use crate::check::Write;
use crate::state::{Object, Tenant};

const USER_WORDS: [&str; 3] = ["All", "None", "GuestsOrExternalUsers"];
const LOCATION_WORDS: [&str; 3] = ["All", "AllTrusted", "00000000-0000-0000-0000-000000000000"];
const WORKLOAD_WORDS: [&str; 3] = ["All", "None", "ServicePrincipalsInMyTenant"];
const APPLICATION_WORDS: [&str; 5] = [
    "All",
    "None",
    "Office365",
    "MicrosoftAdminPortals",
    "AllAgentIdResources",
];

pub(super) fn judge(
    scene: &Scene<'_>,
    write: Write,
    body: &Map<String, Value>,
    before: Option<&Object>,
) -> Result<(), Refusal> {
    let merged = match (write, before) {
        (Write::Merge, Some(before)) => crate::body::merge(&before.body, body),
        _ => body.clone(),
    };
    let empty = Map::new();
    let conditions = merged
        .get("conditions")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    for part in ["conditions", "grantControls", "sessionControls"] {
        if let Some(sent) = body.get(part) {
            refuse_empty_entries(scene, sent)?;
        }
    }
    judge_conditions(scene, conditions)?;
    judge_references(scene, conditions)?;
    judge_controls(scene, &merged)?;
    if scene.tenant.options.security_defaults
        && merged.get("state").and_then(Value::as_str) == Some("enabled")
    {
        return Err(scene.refuse(
            "1005: Security Defaults is enabled in the tenant. You must disable Security defaults \
             before enabling a Conditional Access policy.",
        ));
    }
    Ok(())
}

/// What v1.0 documents and does not take.
pub(crate) fn refuse_preview(scene: &Scene<'_>, body: &Map<String, Value>) -> Result<(), Refusal> {
    let place = ["sessionControls", "signInFrequency", "frequencyInterval"];
    if member(body, &place).and_then(Value::as_str) == Some("everyTime") {
        return Err(scene.refuse(
            "1038: Policy contains preview features which are not supported in this version. Use the \
             Beta endpoint to configure them.",
        ));
    }
    Ok(())
}

/// An entry of a list that names nothing.
fn refuse_empty_entries(scene: &Scene<'_>, value: &Value) -> Result<(), Refusal> {
    match value {
        Value::Array(items) => {
            let empty = |item: &Value| item.is_null() || item.as_str().is_some_and(str::is_empty);
            if items.iter().any(empty) {
                return Err(scene.refuse("1007: Policy contains a value that is not valid: ''."));
            }
            items
                .iter()
                .try_for_each(|item| refuse_empty_entries(scene, item))
        }
        Value::Object(members) => members
            .values()
            .try_for_each(|member| refuse_empty_entries(scene, member)),
        _ => Ok(()),
    }
}

fn judge_conditions(scene: &Scene<'_>, conditions: &Map<String, Value>) -> Result<(), Refusal> {
    let required = |what: &str| {
        scene.refuse(format!(
            "1011: The '{what}' condition must include at least one entry."
        ))
    };
    if strings(conditions, "clientAppTypes").is_empty() {
        return Err(required("clientAppTypes"));
    }
    let part = |name: &str| conditions.get(name).and_then(Value::as_object);
    let any = |holder: Option<&Map<String, Value>>, names: &[&str]| {
        holder.is_some_and(|holder| {
            names.iter().any(|name| match holder.get(*name) {
                Some(Value::Array(items)) => !items.is_empty(),
                Some(Value::Object(_)) => true,
                Some(Value::String(text)) => !text.is_empty(),
                _ => false,
            })
        })
    };
    let workload = any(
        part("clientApplications"),
        &[
            "includeServicePrincipals",
            "includeAgentIdServicePrincipals",
            "servicePrincipalFilter",
        ],
    );
    let users = [
        "includeUsers",
        "includeGroups",
        "includeRoles",
        "includeGuestsOrExternalUsers",
    ];
    if !any(part("users"), &users) && !workload {
        return Err(required("users"));
    }
    let applications = [
        "includeApplications",
        "includeUserActions",
        "includeAuthenticationContextClassReferences",
        "applicationFilter",
        "networkAccess",
        "globalSecureAccess",
    ];
    if !any(part("applications"), &applications) {
        return Err(required("applications"));
    }
    for (name, include) in [
        ("locations", "includeLocations"),
        ("platforms", "includePlatforms"),
    ] {
        if let Some(holder) = part(name)
            && !any(Some(holder), &[include])
        {
            return Err(required(name));
        }
    }
    Ok(())
}

/// Whether the tenant has a service principal of the application, whoever made the application.
fn has_application(tenant: &Tenant, app_id: &str) -> bool {
    tenant.list("servicePrincipals").iter().any(|object| {
        object
            .text("appId")
            .is_some_and(|id| id.eq_ignore_ascii_case(app_id))
    })
}

fn judge_references(scene: &Scene<'_>, conditions: &Map<String, Value>) -> Result<(), Refusal> {
    let empty = Map::new();
    let part = |name: &str| {
        conditions
            .get(name)
            .and_then(Value::as_object)
            .unwrap_or(&empty)
    };
    let unknown = |code: u16, what: &str, id: &str| {
        scene.refuse(format!(
            "{code}: Policy contains {what} that does not exist: {id}."
        ))
    };
    let users = part("users");
    for list in ["includeUsers", "excludeUsers"] {
        for id in strings(users, list) {
            if !USER_WORDS.contains(&id) && !scene.tenant.has("users", id) {
                return Err(unknown(1007, "a user", id));
            }
        }
    }
    for list in ["includeGroups", "excludeGroups"] {
        for id in strings(users, list) {
            if !scene.tenant.has("groups", id) {
                return Err(unknown(1008, "a group", id));
            }
        }
    }
    for list in ["includeRoles", "excludeRoles"] {
        for id in strings(users, list) {
            if Uuid::try_parse(id).is_err() {
                return Err(unknown(1009, "a directory role", id));
            }
        }
    }
    let locations = part("locations");
    for list in ["includeLocations", "excludeLocations"] {
        for id in strings(locations, list) {
            if !LOCATION_WORDS.contains(&id) && !scene.tenant.has("namedLocations", id) {
                return Err(unknown(1040, "a network location", id));
            }
        }
    }
    let applications = part("applications");
    for list in ["includeApplications", "excludeApplications"] {
        for id in strings(applications, list) {
            if !APPLICATION_WORDS.contains(&id) && !has_application(scene.tenant, id) {
                return Err(unknown(1010, "an application", id));
            }
        }
    }
    let workloads = part("clientApplications");
    for list in ["includeServicePrincipals", "excludeServicePrincipals"] {
        for id in strings(workloads, list) {
            if !WORKLOAD_WORDS.contains(&id) && !scene.tenant.has("servicePrincipals", id) {
                return Err(unknown(1010, "a service principal", id));
            }
        }
    }
    for id in strings(applications, "includeAuthenticationContextClassReferences") {
        if !scene.tenant.has("authenticationContextClassReferences", id) {
            return Err(unknown(1074, "an authentication context", id));
        }
    }
    Ok(())
}

fn judge_controls(scene: &Scene<'_>, body: &Map<String, Value>) -> Result<(), Refusal> {
    let grant = body.get("grantControls").and_then(Value::as_object);
    let session = body.get("sessionControls").and_then(Value::as_object);
    if grant.is_none() && session.is_none() {
        return Err(scene.refuse("1013: Policy must contain grant or session controls."));
    }
    let Some(grant) = grant else { return Ok(()) };
    let controls = strings(grant, "builtInControls");
    if controls.contains(&"block") && controls.len() > 1 {
        return Err(scene.refuse("1032: The 'block' control cannot be combined with others."));
    }
    match grant.get("operator") {
        Some(Value::String(operator)) if operator == "AND" || operator == "OR" => {}
        _ => return Err(scene.refuse("1014: 'operator' must be 'AND' or 'OR'.")),
    }
    for id in strings(grant, "termsOfUse") {
        if !scene.tenant.has("termsOfUse", id) {
            return Err(scene.refuse(format!("1012: Terms of use {id} does not exist.")));
        }
    }
    if let Some(id) = member(grant, &["authenticationStrength", "id"]).and_then(Value::as_str) {
        if !scene.tenant.has("authenticationStrengthPolicies", id) {
            return Err(scene.refuse(format!(
                "1075: Authentication strength {id} does not exist."
            )));
        }
        if controls.contains(&"mfa") {
            return Err(scene.refuse(
                "1076: The 'mfa' control cannot be combined with an authentication strength.",
            ));
        }
    }
    Ok(())
}

/// Keeps of a strength only its id: the rest belongs to the strength itself.
pub(super) fn complete(_: &Scene<'_>, object: &mut Object) {
    if let Some(Value::Object(grant)) = object.body.get_mut("grantControls") {
        let id = member(grant, &["authenticationStrength", "id"]).cloned();
        grant.insert(
            "authenticationStrength".to_owned(),
            id.map_or(Value::Null, |id| json!({ "id": id })),
        );
    }
    object.body.entry("templateId").or_insert(Value::Null);
}

/// Reads show the whole strength.
pub(super) fn present(tenant: &Tenant, object: &Object, body: &mut Map<String, Value>, _: bool) {
    let Some(Value::Object(grant)) = body.get_mut("grantControls") else {
        return;
    };
    let id = object
        .body
        .get("grantControls")
        .and_then(Value::as_object)
        .and_then(|grant| member(grant, &["authenticationStrength", "id"]))
        .and_then(Value::as_str);
    let strength = id.and_then(|id| tenant.find("authenticationStrengthPolicies", id));
    let shown = strength.map_or(Value::Null, |strength| {
        let mut whole = strength.body.clone();
        whole.insert("id".to_owned(), json!(strength.id));
        whole.insert("combinationConfigurations".to_owned(), json!([]));
        Value::Object(whole)
    });
    grant.insert("authenticationStrength".to_owned(), shown);
    grant.insert(
        "authenticationStrength@odata.context".to_owned(),
        json!(format!(
            "https://graph.microsoft.com/v1.0/$metadata#identity/conditionalAccess/policies('{}')/grantControls/authenticationStrength/$entity",
            object.id
        )),
    );
}
