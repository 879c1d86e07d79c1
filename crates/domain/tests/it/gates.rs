//! What a preflight knows of the target beyond the policies it compares: approval policies in force,
//! templates, names that other types have taken.

use domain::policy_type;
use domain::preflight::{Preflight, PreflightSubject, Readiness};
use domain::references::ReferenceObject;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::two_tenants::{Side, preflight};
use crate::{model, samples};

fn object(key: &str) -> Value {
    let found = samples::all().into_iter().find(|(of, _)| *of == key);
    found.unwrap().1
}

fn side(tenant: u128, objects: &[(&str, Value)], references: Vec<ReferenceObject>) -> Side {
    let policies = objects.iter().map(|(key, object)| {
        let row = policy_type::find(key).unwrap();
        (row, model::captured(row, object.clone()))
    });
    Side::new(tenant, policies.collect(), references)
}

fn only(preflight: &Preflight) -> &PreflightSubject {
    assert_eq!(preflight.subjects.len(), 1);
    &preflight.subjects[0]
}

fn warnings<'p>(preflight: &'p Preflight, code: &str) -> Vec<&'p str> {
    let of_code = preflight
        .warnings
        .iter()
        .filter(|warning| warning.code == code);
    of_code.map(|warning| warning.message.as_str()).collect()
}

fn script(name: &str) -> Value {
    json!({"id": "5c000000-0000-4000-8000-000000000001", "displayName": name, "fileName": "a.ps1",
        "scriptContent": "ZWNobw==", "enforceSignatureCheck": false, "runAsAccount": "system",
        "roleScopeTagIds": ["0"]})
}

fn approval(kind: &str) -> Value {
    json!({"id": "5d000000-0000-4000-8000-000000000001", "displayName": format!("Approve {kind}"),
        "policyType": kind, "policyPlatform": "notApplicable", "approverGroupIds": []})
}

#[test]
fn an_approval_policy_of_the_target_warns_of_what_it_covers() {
    let source = side(
        1,
        &[("deviceManagementScripts", script("Map drives"))],
        Vec::new(),
    );
    let with = |kind: &str| {
        side(
            2,
            &[("operationApprovalPolicies", approval(kind))],
            Vec::new(),
        )
    };
    let covered = preflight(&source, &with("script"));
    let found = warnings(&covered, "approval_required");
    assert_eq!(found.len(), 1, "{:?}", covered.warnings);
    assert!(
        found[0].contains("1 of deviceManagementScripts"),
        "{}",
        found[0]
    );
    assert_eq!(only(&covered).readiness, Readiness::Ready);
    for other in ["app", "role", "deviceWipe"] {
        let other = preflight(&source, &with(other));
        assert!(warnings(&other, "approval_required").is_empty());
    }
    // The source's own approval policies concern nobody here.
    let both = [
        ("deviceManagementScripts", script("Map drives")),
        ("operationApprovalPolicies", approval("script")),
    ];
    let ours = preflight(&side(1, &both, Vec::new()), &side(2, &[], Vec::new()));
    assert!(warnings(&ours, "approval_required").is_empty());
}

#[test]
fn a_name_that_another_type_has_taken_is_said_and_holds_nothing() {
    let source = side(
        1,
        &[("deviceManagementScripts", script("Baseline"))],
        Vec::new(),
    );
    let mut profile = object("deviceConfigurations");
    profile["displayName"] = json!("baseline ");
    let target = side(2, &[("deviceConfigurations", profile)], Vec::new());
    let found = preflight(&source, &target);
    let said = warnings(&found, "name_collision_across_types");
    assert_eq!(said.len(), 1, "{:?}", found.warnings);
    assert!(said[0].contains("deviceConfigurations"), "{}", said[0]);
    let held = found
        .subjects
        .iter()
        .any(|subject| subject.readiness != Readiness::Ready);
    assert!(!held, "{:?}", found.subjects);
    // What acts on nobody is no collision.
    let mut tag = object("roleScopeTags");
    tag["displayName"] = json!("Baseline");
    let target = side(2, &[("roleScopeTags", tag)], Vec::new());
    let found = preflight(&source, &target);
    assert!(warnings(&found, "name_collision_across_types").is_empty());
}

const TEMPLATE: &str = "804339ad-1553-4478-a742-138fb5807418_1";

fn template(id: &str, state: &str) -> ReferenceObject {
    ReferenceObject {
        id: Uuid::new_v5(&Uuid::NAMESPACE_URL, id.as_bytes()),
        kind: "configuration_template".to_owned(),
        external_id: id.to_owned(),
        name: Some("Microsoft Defender Antivirus".to_owned()),
        discriminator: state.to_owned(),
    }
}

fn antivirus() -> Value {
    json!({"id": "5e000000-0000-4000-8000-000000000001", "name": "Antivirus", "platforms": "windows10",
        "technologies": "mdm", "roleScopeTagIds": ["0"], "templateReference": {"templateId": TEMPLATE},
        "settings": [{"id": "0", "settingInstance": samples::simple("d", "String", &json!("v"))}]})
}

#[test]
fn a_template_that_the_target_cannot_use_holds_a_new_policy() {
    let source = side(1, &[("configurationPolicies", antivirus())], Vec::new());
    let with = |templates| preflight(&source, &side(2, &[], templates));
    let ready = |preflight: &Preflight| only(preflight).readiness == Readiness::Ready;
    let code = |preflight: &Preflight| only(preflight).reasons[0].code.clone();
    // Letter case is no difference here; the body keeps the source's.
    assert!(ready(&with(vec![template(
        &TEMPLATE.to_uppercase(),
        "active"
    )])));
    // A tenant that lists no template is not judged.
    assert!(ready(&with(Vec::new())));
    for state in ["retired", "deprecated", "superseded"] {
        let held = with(vec![template(TEMPLATE, state)]);
        assert_eq!(code(&held), "template_retired");
        let message = &only(&held).reasons[0].message;
        assert!(message.contains("/templateReference/templateId") && message.contains(state));
    }
    let missing = with(vec![template(
        "11111111-1553-4478-a742-138fb5807418_1",
        "active",
    )]);
    assert_eq!(code(&missing), "template_missing");
    // A policy that stands on it is changed all the same.
    let mut standing = antivirus();
    standing["settings"][0]["settingInstance"]["simpleSettingValue"]["value"] = json!("other");
    let target = side(
        2,
        &[("configurationPolicies", standing)],
        vec![template(TEMPLATE, "superseded")],
    );
    assert!(ready(&preflight(&source, &target)));
}

#[test]
fn a_difference_in_nothing_but_an_unknown_property_is_held_and_a_larger_one_is_written() {
    let mut grown = script("Map drives");
    grown["grownByGraph"] = json!("x");
    let source = side(1, &[("deviceManagementScripts", grown.clone())], Vec::new());
    let target = side(
        2,
        &[("deviceManagementScripts", script("Map drives"))],
        Vec::new(),
    );
    let same = preflight(&source, &target);
    assert_eq!(only(&same).readiness, Readiness::Blocked);
    assert_eq!(only(&same).reasons[0].code, "unknown_property");
    assert!(only(&same).reasons[0].message.contains("/grownByGraph"));
    grown["runAsAccount"] = json!("user");
    let source = side(1, &[("deviceManagementScripts", grown)], Vec::new());
    let more = preflight(&source, &target);
    assert_eq!(only(&more).readiness, Readiness::Ready);
    assert_eq!(warnings(&more, "unknown_property").len(), 1);
}
