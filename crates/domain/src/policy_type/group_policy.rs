//! Administrative templates (ADMX).

use super::{ASSIGN, Adapter, PLAIN, PolicyType, SubCollection};

pub(super) const CONFIGURATIONS: PolicyType = PolicyType {
    key: "groupPolicyConfigurations",
    display_name: "Administrative templates (ADMX)",
    path: "/deviceManagement/groupPolicyConfigurations",
    sub_collections: &[SubCollection {
        property: "definitionValues",
        path: "definitionValues?$expand=definition",
        top: None,
    }],
    below_each: Some(SubCollection {
        property: "presentationValues",
        path: "presentationValues?$expand=presentation",
        top: None,
    }),
    server_state: &[
        "policyConfigurationIngestionType",
        "definitionValues[].createdDateTime",
        "definitionValues[].lastModifiedDateTime",
        "definitionValues[].presentationValues[].createdDateTime",
        "definitionValues[].presentationValues[].lastModifiedDateTime",
        "definitionValues[].definition.explainText",
        "definitionValues[].definition.supportedOn",
        "definitionValues[].definition.hasRelatedDefinitions",
        "definitionValues[].definition.lastModifiedDateTime",
        "definitionValues[].presentationValues[].presentation.@odata.type",
        "definitionValues[].presentationValues[].presentation.maxLength",
        "definitionValues[].presentationValues[].presentation.lastModifiedDateTime",
    ],
    // Names of a definition within one tenant, where its id tells it; ids of fields, which labels tell.
    ignored: &[
        "definitionValues[].definition.classType",
        "definitionValues[].definition.categoryPath",
        "definitionValues[].definition.displayName",
        "definitionValues[].definition.policyType",
        "definitionValues[].presentationValues[].presentation.id",
    ],
    // The values have an action of their own.
    strip_create: &["definitionValues"],
    strip_update: &["definitionValues"],
    assignments: Some(ASSIGN),
    child_ids: &[
        "definitionValues[].id",
        "definitionValues[].presentationValues[].id",
    ],
    // Arranged by the adapter; named here so that one too many is a difference.
    keyed: &[
        ("definitionValues.*.presentationValues", "presentation"),
        ("definitionValues", "definition"),
    ],
    wave: 3,
    adapter: Adapter::GroupPolicy,
    ..PLAIN
};
