//! The reference kinds and where a tenant lists them. Data and the reading of one list item; no I/O.

use domain::model::{GraphVersion, ResourceFamily};
use serde_json::Value;

use super::outline;

/// One list request that yields references of one or more kinds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReferenceList {
    /// Kind and the property that is its id.
    pub(crate) kinds: &'static [(&'static str, &'static str)],
    /// Version segment.
    pub(crate) version: GraphVersion,
    /// Path and query below the version.
    pub(crate) path: &'static str,
    /// Throttling family.
    pub(crate) family: ResourceFamily,
    /// Properties that tell two of one name apart; of those joined by `|` the first that is set.
    pub(crate) discriminator: &'static [&'static str],
}

/// Every list, in reading order. Users are not listed: only those that policies name are read.
pub(crate) const LISTS: &[ReferenceList] = &[
    ReferenceList {
        kinds: &[("group", "id")],
        version: GraphVersion::V1,
        path: "/groups?$select=id,displayName&$top=999",
        family: ResourceFamily::Directory,
        discriminator: &[],
    },
    // Their security identifiers stand in local groups of devices.
    ReferenceList {
        kinds: &[("directory_role", "id")],
        version: GraphVersion::V1,
        path: "/directoryRoles?$select=id,displayName,roleTemplateId",
        family: ResourceFamily::Directory,
        discriminator: &["roleTemplateId"],
    },
    ReferenceList {
        kinds: &[("assignment_filter", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/assignmentFilters",
        family: ResourceFamily::Bundles,
        discriminator: &["platform", "assignmentFilterManagementType"],
    },
    ReferenceList {
        kinds: &[("scope_tag", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/roleScopeTags",
        family: ResourceFamily::RoleBasedAccess,
        discriminator: &[],
    },
    ReferenceList {
        kinds: &[("role_definition", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/roleDefinitions",
        family: ResourceFamily::RoleBasedAccess,
        discriminator: &[BUILT_IN_ID],
    },
    ReferenceList {
        kinds: &[("notification_template", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/notificationMessageTemplates",
        family: ResourceFamily::DeviceConfiguration,
        discriminator: &[],
    },
    ReferenceList {
        kinds: &[("named_location", "id")],
        version: GraphVersion::V1,
        path: "/identity/conditionalAccess/namedLocations",
        family: ResourceFamily::ConditionalAccess,
        discriminator: &["@odata.type"],
    },
    ReferenceList {
        kinds: &[("authentication_strength", "id")],
        version: GraphVersion::V1,
        path: "/identity/conditionalAccess/authenticationStrength/policies",
        family: ResourceFamily::ConditionalAccess,
        discriminator: &[BUILT_IN_ID],
    },
    ReferenceList {
        kinds: &[("authentication_context", "id")],
        version: GraphVersion::V1,
        path: "/identity/conditionalAccess/authenticationContextClassReferences",
        family: ResourceFamily::ConditionalAccess,
        discriminator: &[],
    },
    ReferenceList {
        kinds: &[("terms_of_use", "id")],
        version: GraphVersion::V1,
        path: "/identityGovernance/termsOfUse/agreements",
        family: ResourceFamily::Directory,
        discriminator: &[],
    },
    ReferenceList {
        kinds: &[("service_principal", "id"), ("application", "appId")],
        version: GraphVersion::V1,
        path: "/servicePrincipals?$select=id,appId,displayName&$top=999",
        family: ResourceFamily::Directory,
        // Names repeat and change; the id of the application is the same in every tenant.
        discriminator: &["appId"],
    },
    ReferenceList {
        kinds: &[("reusable_setting", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/reusablePolicySettings",
        family: ResourceFamily::ConfigurationPolicies,
        discriminator: &["settingDefinitionId"],
    },
    ReferenceList {
        kinds: &[("compliance_script", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/deviceComplianceScripts",
        family: ResourceFamily::DeviceConfiguration,
        discriminator: &[],
    },
    ReferenceList {
        kinds: &[("platform_script", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/deviceManagementScripts",
        family: ResourceFamily::DeviceConfiguration,
        discriminator: &[],
    },
    ReferenceList {
        kinds: &[("device_configuration", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/deviceConfigurations",
        family: ResourceFamily::DeviceConfiguration,
        discriminator: &["@odata.type"],
    },
    ReferenceList {
        kinds: &[("mobile_app", "id")],
        version: GraphVersion::Beta,
        // `$select` would lose what only some kinds of app have.
        path: "/deviceAppManagement/mobileApps",
        family: ResourceFamily::Apps,
        // An app is the same in two tenants when its kind and its package or bundle id are.
        discriminator: &[
            "@odata.type",
            "packageIdentifier|bundleId|packageId|primaryBundleId|productCode|identityName|productKey|appStoreUrl|appUrl",
        ],
    },
    // No policy points to a template by reference; a preflight asks whether the target has it.
    ReferenceList {
        kinds: &[("configuration_template", "id")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/configurationPolicyTemplates",
        family: ResourceFamily::ConfigurationPolicies,
        discriminator: &["lifecycleState"],
    },
    ReferenceList {
        kinds: &[("group_policy_definition", "id")],
        version: GraphVersion::Beta,
        // Whole definitions carry pages of explanation.
        path: "/deviceManagement/groupPolicyDefinitions?$select=id,displayName,classType,categoryPath",
        family: ResourceFamily::DeviceConfiguration,
        discriminator: &["classType", "categoryPath"],
    },
    ReferenceList {
        kinds: &[("mobile_app_category", "id")],
        version: GraphVersion::Beta,
        path: "/deviceAppManagement/mobileAppCategories",
        family: ResourceFamily::Apps,
        discriminator: &[],
    },
    ReferenceList {
        kinds: &[("configuration_manager_collection", "collectionIdentifier")],
        version: GraphVersion::Beta,
        path: "/deviceManagement/configManagerCollections",
        family: ResourceFamily::DeviceConfiguration,
        discriminator: &[],
    },
];

/// Stands for the id of a built-in object, which is the same in every tenant.
const BUILT_IN_ID: &str = "built-in id";

/// One reference as listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Kind.
    pub(crate) kind: &'static str,
    /// Graph's id, as given.
    pub(crate) external_id: String,
    /// Its name; an object without one is named by its id, so that it is not taken for dangling.
    pub(crate) name: String,
    /// See [`discriminator`].
    pub(crate) discriminator: String,
}

impl ReferenceList {
    /// The references of one list item; none when it has no id.
    pub(crate) fn read(&self, item: &Value) -> Vec<Listed> {
        let name = ["displayName", "name"]
            .iter()
            .find_map(|property| item.get(property)?.as_str())
            .filter(|name| !name.is_empty());
        let discriminator = discriminator(self.discriminator, item);
        let mut found = Vec::with_capacity(self.kinds.len());
        for (kind, id_property) in self.kinds {
            let Some(id) = item.get(id_property).and_then(Value::as_str) else {
                continue;
            };
            if id.is_empty() || id.len() > 400 || id.contains('\0') {
                continue;
            }
            found.push(Listed {
                kind,
                external_id: id.to_owned(),
                name: outline::bounded(&name.unwrap_or(id).replace('\0', "")),
                discriminator: discriminator.clone(),
            });
        }
        found
    }
}

/// The list that yields a kind.
pub(crate) fn list_of(kind: &str) -> Option<&'static ReferenceList> {
    LISTS
        .iter()
        .find(|list| list.kinds.iter().any(|(of, _)| *of == kind))
}

/// What tells two objects of one name apart: the values of these properties. A filter without a
/// management type is one for devices, as Graph's default says.
fn discriminator(properties: &[&str], item: &Value) -> String {
    let mut parts = Vec::with_capacity(properties.len());
    for property in properties {
        if *property == BUILT_IN_ID {
            parts.push(built_in_id(item));
            continue;
        }
        let value = property
            .split('|')
            .filter_map(|property| item.get(property)?.as_str())
            .find(|text| !text.is_empty());
        let value = match (*property, value) {
            ("assignmentFilterManagementType", None) => "devices",
            (_, None) => "",
            (_, Some(text)) => text.strip_prefix("#microsoft.graph.").unwrap_or(text),
        };
        parts.push(match *property {
            // Graph spells ids in either letter case.
            "appId" | "roleTemplateId" => value.to_ascii_lowercase(),
            _ => value.to_owned(),
        });
    }
    parts.join("/")
}

fn built_in_id(item: &Value) -> String {
    let is = |property: &str| item.get(property) == Some(&Value::Bool(true));
    let built_in = is("isBuiltIn")
        || is("isBuiltInRoleDefinition")
        || item.get("policyType").and_then(Value::as_str) == Some("builtIn");
    let id = item.get("id").and_then(Value::as_str);
    id.filter(|_| built_in)
        .unwrap_or_default()
        .to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_principal_is_two_references() {
        let Some(list) = list_of("application") else {
            unreachable!()
        };
        let found = list.read(&json!({"id": "o", "appId": "a", "displayName": "App"}));
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|listed| listed.name == "App"));
        let capitals = list.read(&json!({"id": "o", "appId": "AB-1", "displayName": "App"}));
        assert!(capitals.iter().all(|listed| listed.discriminator == "ab-1"));
    }

    #[test]
    fn what_is_built_in_is_known_by_its_id() {
        let Some(list) = list_of("role_definition") else {
            unreachable!()
        };
        let of = |item: Value| list.read(&item).first().map(|l| l.discriminator.clone());
        let built_in = json!({"id": "9E0C", "displayName": "Help Desk", "isBuiltIn": true});
        assert_eq!(of(built_in).as_deref(), Some("9e0c"));
        let custom = json!({"id": "1", "displayName": "Help Desk", "isBuiltIn": false});
        assert_eq!(of(custom).as_deref(), Some(""));
    }

    #[test]
    fn filters_of_one_name_differ_by_platform_and_purpose() {
        let Some(list) = list_of("assignment_filter") else {
            unreachable!()
        };
        let found = list.read(&json!({"id": "1", "displayName": "F", "platform": "iOS"}));
        assert_eq!(
            found.first().map(|l| l.discriminator.as_str()),
            Some("iOS/devices")
        );
    }

    #[test]
    fn an_app_is_known_by_its_kind_and_its_package() {
        let Some(list) = list_of("mobile_app") else {
            unreachable!()
        };
        let app = |item: Value| {
            let found = list.read(&item);
            found.first().map(|l| l.discriminator.clone())
        };
        assert_eq!(
            app(
                json!({"@odata.type": "#microsoft.graph.iosStoreApp", "id": "1", "displayName": "Outlook",
                "bundleId": "com.microsoft.Office.Outlook", "appStoreUrl": "https://apps.apple.com/x"})
            ),
            Some("iosStoreApp/com.microsoft.Office.Outlook".to_owned())
        );
        assert_eq!(
            app(
                json!({"@odata.type": "#microsoft.graph.win32LobApp", "id": "1", "displayName": "Tool",
                "bundleId": null})
            ),
            Some("win32LobApp/".to_owned())
        );
    }

    #[test]
    fn odd_items_yield_nothing_and_do_not_panic() {
        for list in LISTS {
            for item in [json!(null), json!({}), json!({"id": 7}), json!([1])] {
                assert!(list.read(&item).is_empty());
            }
        }
    }
}
