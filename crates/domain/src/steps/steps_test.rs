//! The calls of creates and updates, type by type.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::needless_pass_by_value,
    reason = "a test may stop where it stands"
)]

use serde_json::json;

use super::*;
use crate::capture::{RawPolicy, capture};
use crate::policy_type;
use crate::secret::SecretKey;
use crate::selection::ConditionalAccessState;

pub(super) const KEEP: Options = Options {
    assignments: Carry::KeepTarget,
    scope_tags: Carry::KeepTarget,
    conditional_access_state: ConditionalAccessState::ReportOnly,
    ..Options::DEFAULT
};
pub(super) const MAP: Options = Options {
    assignments: Carry::Map,
    scope_tags: Carry::Map,
    conditional_access_state: ConditionalAccessState::AsSource,
    ..Options::DEFAULT
};

pub(super) fn policy(name: &str, id: &str, mut item: Value) -> CapturedPolicy {
    let row = policy_type::find(name).expect("a row");
    let members = item.as_object_mut().expect("an object");
    members.insert("id".to_owned(), json!(id));
    members.entry(row.name_property).or_insert(json!("N"));
    let assignments = members
        .remove("assignments")
        .and_then(|list| list.as_array().cloned());
    let raw = RawPolicy {
        item,
        assignments,
        ..RawPolicy::default()
    };
    let key = SecretKey {
        key_id: "k".to_owned(),
        key: vec![1],
    };
    capture(row, raw, &key).expect("captured")
}

pub(super) fn landing(landed: &[(&str, &str, &str)]) -> Landing {
    let entry = |(kind, from, to): &(&str, &str, &str)| {
        let landed = match to.strip_prefix("created by ") {
            Some(subject) => Landed::CreatedByPlan(subject.to_owned()),
            None => Landed::Id((*to).to_owned()),
        };
        (((*kind).to_owned(), from.to_ascii_lowercase()), landed)
    };
    landed.iter().map(entry).collect()
}

pub(super) fn built(
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    landing: &Landing,
    options: Options,
) -> Result<Written, StepError> {
    build(StepInput {
        row: policy_type::find(&source.policy_type).expect("a row"),
        source,
        target,
        landing,
        overrides: &Overrides::default(),
        options,
        adjustments: crate::adjust::Adjustments::default(),
    })
}

pub(super) fn calls(written: &Written) -> Vec<(&str, &str, &str)> {
    written
        .steps
        .iter()
        .map(|step| (step.name.as_str(), step.method.as_str(), step.path.as_str()))
        .collect()
}

pub(super) fn body(written: &Written, name: &str) -> Value {
    let step = written.steps.iter().find(|step| step.name == name);
    step.and_then(|step| step.body.clone()).expect("a body")
}

pub(super) fn code(result: Result<Written, StepError>) -> &'static str {
    result.expect_err("held").code
}

const FILTERS: &str = "/deviceManagement/assignmentFilters";

#[test]
fn a_plain_type_is_created_whole_and_updated_without_what_cannot_change() {
    let filter = |id: &str, description: Value, extra: Value| {
        let mut item = json!({"displayName": "F", "platform": "iOS", "rule": "r", "description": description,
            "assignmentFilterManagementType": "devices", "roleScopeTags": ["7"]});
        if let (Value::Object(item), Value::Object(extra)) = (&mut item, extra) {
            item.extend(extra);
        }
        policy("assignmentFilters", id, item)
    };
    let source = filter("1", Value::Null, json!({"grown": null}));
    let written = built(&source, None, &Landing::new(), KEEP).expect("built");
    assert_eq!(calls(&written), [("create", "POST", FILTERS)]);
    assert_eq!(
        body(&written, "create"),
        json!({"displayName": "F", "platform": "iOS", "rule": "r",
            "assignmentFilterManagementType": "devices", "roleScopeTags": ["0"]})
    );
    assert_eq!(written.expected.external_id, "");

    let mut target = filter("9", json!("old"), json!({"grown": "set", "rule": "other"}));
    target.display_name = "Other name".to_owned();
    let written = built(&source, Some(&target), &Landing::new(), KEEP).expect("built");
    let path = format!("{FILTERS}/{{item}}");
    assert_eq!(calls(&written), [("update", "PATCH", path.as_str())]);
    assert_eq!(
        body(&written, "update"),
        json!({"displayName": "Other name", "rule": "r", "description": ""})
    );
    assert_eq!(written.expected.display_name, "Other name");
    assert_eq!(written.expected.external_id, "9");

    let other = filter("9", Value::Null, json!({"platform": "macOS"}));
    assert_eq!(
        code(built(&source, Some(&other), &Landing::new(), KEEP)),
        "immutable_differs"
    );
}

#[test]
fn scope_tags_are_kept_or_mapped_and_never_left_to_chance() {
    let filter = |id: &str, tags: Value| {
        policy(
            "assignmentFilters",
            id,
            json!({"displayName": "F", "platform": "iOS", "rule": "r", "roleScopeTags": tags}),
        )
    };
    let (source, target) = (filter("1", json!(["7", "0"])), filter("9", json!(["3"])));
    let landed = landing(&[("scope_tag", "7", "12")]);
    let written = built(&source, None, &landed, MAP).expect("built");
    assert_eq!(
        body(&written, "create").get("roleScopeTags"),
        Some(&json!(["0", "12"]))
    );
    let written = built(&source, Some(&target), &landed, MAP).expect("built");
    assert_eq!(
        body(&written, "update").get("roleScopeTags"),
        Some(&json!(["0", "12"]))
    );
    let written = built(&source, Some(&target), &landed, KEEP).expect("built");
    assert_eq!(body(&written, "update").get("roleScopeTags"), None);
    assert_eq!(
        written.expected.content.get("roleScopeTags"),
        Some(&json!(["3"]))
    );
    assert_eq!(
        code(built(&source, None, &Landing::new(), MAP)),
        "reference_not_landed"
    );
}

fn catalog(id: &str, settings: Value, tags: Value) -> CapturedPolicy {
    policy(
        "configurationPolicies",
        id,
        json!({"name": "C", "platforms": "windows10", "technologies": "mdm", "roleScopeTagIds": tags, "settings": settings,
            "templateReference": {"templateId": "AbC_1", "templateFamily": "x", "templateDisplayName": "y"}}),
    )
}

#[test]
fn a_settings_catalogue_is_put_whole_with_children_as_lists_and_template_ids_case_exact() {
    let instance = json!({"@odata.type": "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
        "settingDefinitionId": "d", "settingInstanceTemplateReference": {"settingInstanceTemplateId": "AB-Cd"},
        "auditRuleInformation": null,
        "choiceSettingValue": {"settingValueTemplateReference": null, "value": "d_1", "children": null}});
    let source = catalog(
        "1",
        json!([{"id": "0", "settingInstance": instance}]),
        json!(["0"]),
    );
    let target = catalog("9", json!([]), json!(["5"]));
    let written = built(&source, Some(&target), &Landing::new(), KEEP).expect("built");
    let path = "/deviceManagement/configurationPolicies/{item}";
    assert_eq!(calls(&written), [("update", "PUT", path)]);
    assert_eq!(
        body(&written, "update"),
        json!({"name": "C", "platforms": "windows10", "technologies": "mdm", "roleScopeTagIds": ["5"],
            "templateReference": {"templateId": "AbC_1"},
            "settings": [{"@odata.type": "#microsoft.graph.deviceManagementConfigurationSetting", "settingInstance": {
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationChoiceSettingInstance",
                "settingDefinitionId": "d", "settingInstanceTemplateReference": {"settingInstanceTemplateId": "AB-Cd"},
                "choiceSettingValue": {"value": "d_1", "children": []}}}]})
    );
    let mut newer = target.clone();
    newer.content["templateReference"]["templateId"] = json!("AbC_2");
    assert_eq!(
        code(built(&source, Some(&newer), &Landing::new(), KEEP)),
        "immutable_differs"
    );
}

#[test]
fn secrets_and_onboarding_blobs_are_never_written() {
    let blob = json!([{"settingInstance": {
        "settingDefinitionId": "device_vendor_msft_windowsadvancedthreatprotection_onboarding",
        "simpleSettingValue": {"value": "b"}}}]);
    let source = catalog("1", blob, json!(["0"]));
    assert_eq!(
        code(built(&source, None, &Landing::new(), KEEP)),
        "tenant_specific_blob"
    );

    let wifi = |id: &str, key: &str| {
        policy(
            "deviceConfigurations",
            id,
            json!({"@odata.type": "#microsoft.graph.iosWiFiConfiguration",
            "wiFiSecurityType": "wpaPersonal", "preSharedKey": key, "ssid": "s"}),
        )
    };
    let held = built(&wifi("1", "a"), None, &Landing::new(), KEEP).expect_err("held");
    assert_eq!(held.code, "secret_value_required");
    assert!(
        held.message.starts_with("/preSharedKey"),
        "{}",
        held.message
    );
    // The same secret already stands there: it is left alone.
    let written = built(
        &wifi("1", "a"),
        Some(&wifi("9", "a")),
        &Landing::new(),
        KEEP,
    )
    .expect("built");
    assert_eq!(body(&written, "update").get("preSharedKey"), None);
    assert_eq!(
        code(built(
            &wifi("1", "a"),
            Some(&wifi("9", "b")),
            &Landing::new(),
            KEEP
        )),
        "secret_value_required"
    );
}

#[test]
fn profiles_that_cannot_be_written_whole_are_held() {
    let item = |name: &str| json!({"@odata.type": format!("#microsoft.graph.{name}")});
    let source = policy("deviceConfigurations", "1", item("iosCustomConfiguration"));
    assert!(built(&source, None, &Landing::new(), KEEP).is_ok());
    let untyped = policy("deviceConfigurations", "1", json!({}));
    assert_eq!(
        code(built(&untyped, None, &Landing::new(), KEEP)),
        "invalid_for_create"
    );
    let planted = policy("assignmentFilters", "1", json!({"rule": "$created:subj_1"}));
    assert_eq!(
        code(built(&planted, None, &Landing::new(), KEEP)),
        "invalid_for_create"
    );
}

#[test]
fn oma_settings_are_created_without_the_services_own_words() {
    let source = policy(
        "deviceConfigurations",
        "1",
        json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "omaSettings": [
            {"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": "a", "value": "v", "description": null,
             "isEncrypted": false, "secretReferenceValueId": null}]}),
    );
    let written = built(&source, None, &Landing::new(), KEEP).expect("built");
    assert_eq!(
        body(&written, "create").get("omaSettings"),
        Some(
            &json!([{"@odata.type": "#microsoft.graph.omaSettingString", "omaUri": "a", "value": "v"}])
        )
    );
}

#[test]
fn assignments_are_replaced_whole_and_only_when_they_differ() {
    let tag = |id: &str, groups: &[&str]| {
        let assignments: Vec<Value> = groups
            .iter()
            .map(|group| json!({"id": "x", "target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group}}))
            .collect();
        policy("roleScopeTags", id, json!({"assignments": assignments}))
    };
    let landed = landing(&[("group", "a", "G1"), ("group", "b", "G1")]);
    let source = tag("1", &["a", "b"]);
    let names = |written: Result<Written, StepError>| -> Vec<String> {
        written
            .expect("built")
            .steps
            .into_iter()
            .map(|step| step.name)
            .collect()
    };
    assert_eq!(names(built(&source, None, &landed, KEEP)), ["create"]);
    assert_eq!(
        names(built(&source, None, &landed, MAP)),
        ["create", "assign"]
    );
    assert_eq!(names(built(&tag("1", &[]), None, &landed, MAP)), ["create"]);
    assert_eq!(
        names(built(&source, Some(&tag("9", &["g1"])), &landed, MAP)),
        ["update"]
    );
    let written = built(&tag("1", &[]), Some(&tag("9", &["g1"])), &landed, MAP).expect("built");
    assert_eq!(body(&written, "assign"), json!({"assignments": []}));
    let written = built(&source, None, &landed, MAP).expect("built");
    assert_eq!(
        body(&written, "assign"),
        json!({"assignments": [{"target": {"@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": "G1"}}]})
    );
    assert_eq!(carried_references(&source, KEEP), []);
    assert_eq!(carried_references(&source, MAP).len(), 2);
}

#[test]
fn literals_are_found_and_replaced_in_values_and_payloads_but_not_in_the_name() {
    let source = policy(
        "deviceConfigurations",
        "1",
        // The payload is <a>contoso.com</a>.
        json!({"displayName": "contoso.com", "@odata.type": "#microsoft.graph.macOSCustomConfiguration",
            "description": "for Contoso.com", "payload": "PGE+Y29udG9zby5jb208L2E+"}),
    );
    let search = TextSearch::literals(["contoso.com"]);
    let found = search.literals_in(&source, KEEP);
    let paths: Vec<&str> = found.values().flatten().map(String::as_str).collect();
    assert_eq!(paths, ["/description", "/payload"]);
    let overrides = Overrides {
        literals: [("contoso.com".to_owned(), "fab.com".to_owned())].into(),
        ..Overrides::default()
    };
    let input = StepInput {
        row: policy_type::find("deviceConfigurations").expect("a row"),
        source: &source,
        target: None,
        landing: &Landing::new(),
        overrides: &overrides,
        options: KEEP,
        adjustments: crate::adjust::Adjustments::default(),
    };
    let body = body(&build(input).expect("built"), "create");
    assert_eq!(body.get("displayName"), Some(&json!("contoso.com")));
    assert_eq!(body.get("description"), Some(&json!("for fab.com")));
    assert_eq!(body.get("payload"), Some(&json!("PGE+ZmFiLmNvbTwvYT4=")));
}

#[test]
fn placeholders_are_filled_only_when_all_are_known() {
    let row = policy_type::find("roleScopeTags").expect("a row");
    let step = step(
        row,
        "x",
        StepKind::Replace,
        "POST",
        "/{item}/x",
        Some(json!({"a": ["$created:s1"], "b": "$created"})),
    );
    let created = BTreeMap::from([("s1".to_owned(), "42".to_owned())]);
    let filled = fill(&step, Some("7"), &created).expect("filled");
    assert_eq!(filled.path, "/deviceManagement/roleScopeTags/7/x");
    assert_eq!(filled.body, Some(json!({"a": ["42"], "b": "$created"})));
    assert_eq!(fill(&step, None, &created), None);
    assert_eq!(fill(&step, Some("7"), &BTreeMap::new()), None);
}
