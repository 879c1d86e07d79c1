//! Laws of compare, preflight and plan over generated tenants:
//! a tenant promoted onto itself changes nothing; digests do not depend on input order; carrying
//! out a plan on a model of the target makes every ready subject match; what is held is never planned.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use std::collections::{BTreeMap, HashMap};

use domain::canonical::{self, Reading};
use domain::capture::{self, RawPolicy};
use domain::compare::{self, SubjectState};
use domain::inventory::{Inventory, InventoryPolicy};
use domain::model::CapturedPolicy;
use domain::policy_type::{self, PolicyType};
use domain::preflight::{self, Contents, Preflight, PreflightInput, Readiness};
use domain::references::{Overrides, ReferenceCatalog, ReferenceObject};
use domain::secret::SecretKey;
use domain::selection::{Carry, ConditionalAccessState, Options, Selection};
use domain::steps;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

/// A tenant as the laws see it: captured policies and a catalogue.
#[derive(Clone, Debug)]
struct Tenant {
    number: u128,
    policies: Vec<CapturedPolicy>,
    groups: Vec<&'static str>,
}

const GROUPS: [&str; 3] = ["Pilot", "Everyone in Sales", "Break glass"];

fn guid(tenant: u128, space: u128, number: u128) -> String {
    Uuid::from_u128((tenant << 96) | (space << 64) | (number + 1)).to_string()
}

fn group_id(tenant: u128, name: &str) -> String {
    let number = GROUPS.iter().position(|g| *g == name).unwrap_or(99);
    guid(tenant, 7, number as u128)
}

fn secret_key() -> SecretKey {
    SecretKey {
        key_id: "k1".to_owned(),
        key: vec![7; 32],
    }
}

/// What a generated policy is made of, tenant-free.
#[derive(Clone, Debug)]
struct Seed {
    kind: u8,
    name: u8,
    value: u8,
    group: usize,
    points_to: u8,
}

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let seed = (0..7_u8, 0..5_u8, 0..3_u8, 0..GROUPS.len(), 0..3_u8).prop_map(
        |(kind, name, value, group, points_to)| Seed {
            kind,
            name,
            value,
            group,
            points_to,
        },
    );
    proptest::collection::vec(seed, 0..14)
}

fn row(key: &str) -> &'static PolicyType {
    policy_type::find(key).expect("a row of the registry")
}

/// Policies of one tenant; ids differ between tenants, meaning does not.
fn tenant(number: u128, seeds: &[Seed], groups: &[&'static str]) -> Tenant {
    let mut policies = Vec::new();
    for (index, seed) in seeds.iter().enumerate() {
        let id = guid(number, 1 + u128::from(seed.kind), index as u128);
        let name = format!("Policy {}", seed.name);
        let (key, item, assignments) = raw(number, seed, seeds, &id, &name);
        let raw = RawPolicy {
            item,
            sub_collections: BTreeMap::new(),
            assignments,
        };
        let raw = with_children(raw, key, seed);
        policies.push(capture::capture(row(key), raw, &secret_key()).expect("captures"));
    }
    Tenant {
        number,
        policies,
        groups: groups.to_vec(),
    }
}

fn with_children(mut raw: RawPolicy, key: &str, seed: &Seed) -> RawPolicy {
    if key == "configurationPolicies" {
        let setting = json!({"id": "0", "settingInstance": {
            "@odata.type": "#microsoft.graph.deviceManagementConfigurationSimpleSettingInstance",
            "settingDefinitionId": format!("vendor_setting_{}", seed.points_to),
            "simpleSettingValue": {
                "@odata.type": "#microsoft.graph.deviceManagementConfigurationIntegerSettingValue",
                "value": seed.value,
            },
        }});
        raw.sub_collections
            .insert("settings".to_owned(), vec![setting]);
    }
    if key == "notificationMessageTemplates" {
        let message = json!({"id": "x", "locale": "en-us", "subject": "s", "isDefault": true,
            "messageTemplate": format!("text {}", seed.value)});
        raw.sub_collections
            .insert("localizedNotificationMessages".to_owned(), vec![message]);
    }
    raw
}

fn raw(
    number: u128,
    seed: &Seed,
    seeds: &[Seed],
    id: &str,
    name: &str,
) -> (&'static str, Value, Option<Vec<Value>>) {
    let group = GROUPS.get(seed.group).copied().unwrap_or(GROUPS[0]);
    let assigned = vec![json!({"id": "a", "source": "direct", "target": {
        "@odata.type": "#microsoft.graph.groupAssignmentTarget", "groupId": group_id(number, group)}})];
    // The first policy of another kind with a given name stands for what is referred to.
    let other = |kind: u8| {
        seeds
            .iter()
            .position(|s| s.kind == kind && s.name == seed.points_to)
            .map(|index| guid(number, 1 + u128::from(kind), index as u128))
    };
    match seed.kind {
        0 => (
            "deviceConfigurations",
            json!({"@odata.type": "#microsoft.graph.windows10CustomConfiguration", "id": id,
                "displayName": name, "description": "d", "roleScopeTagIds": ["0"],
                "omaSettings": [{"@odata.type": "#microsoft.graph.omaSettingInteger",
                    "displayName": "o", "omaUri": "./Vendor/O", "value": seed.value}]}),
            Some(assigned),
        ),
        1 => (
            "configurationPolicies",
            json!({"id": id, "name": name, "description": "", "platforms": "windows10",
                "technologies": "mdm", "roleScopeTagIds": ["0"],
                "templateReference": {"templateId": "", "templateFamily": "none"}}),
            Some(assigned),
        ),
        2 => (
            "assignmentFilters",
            json!({"id": id, "displayName": name, "platform": "windows10AndLater",
                "rule": format!("(device.deviceName -eq \"{}\")", seed.value),
                "assignmentFilterManagementType": "devices", "roleScopeTags": ["0"]}),
            None,
        ),
        3 => (
            "notificationMessageTemplates",
            json!({"id": id, "displayName": name, "brandingOptions": "none", "roleScopeTagIds": ["0"]}),
            None,
        ),
        4 => {
            let template = other(3).unwrap_or_else(|| Uuid::nil().to_string());
            (
                "deviceCompliancePolicies",
                json!({"@odata.type": "#microsoft.graph.windows10CompliancePolicy", "id": id,
                    "displayName": name, "passwordMinimumLength": seed.value,
                    "roleScopeTagIds": ["0"], "scheduledActionsForRule": [{
                        "ruleName": "PasswordRequired", "scheduledActionConfigurations": [
                            {"actionType": "block", "gracePeriodHours": 0,
                             "notificationTemplateId": Uuid::nil().to_string()},
                            {"actionType": "notification", "gracePeriodHours": 12,
                             "notificationTemplateId": template}]}]}),
                Some(assigned),
            )
        }
        5 => (
            "namedLocations",
            json!({"@odata.type": "#microsoft.graph.countryNamedLocation", "id": id,
                "displayName": name, "countriesAndRegions": ["NL", format!("A{}", seed.value)],
                "includeUnknownCountriesAndRegions": false}),
            None,
        ),
        _ => {
            let locations = other(5).map_or_else(|| json!(["All"]), |place| json!([place]));
            (
                "conditionalAccessPolicies",
                json!({"id": id, "displayName": name, "state": "enabled", "conditions": {
                    "clientAppTypes": ["all"],
                    "applications": {"includeApplications": ["All"]},
                    "users": {"includeUsers": ["All"], "excludeGroups": [group_id(number, group)]},
                    "locations": {"includeLocations": locations}},
                    "grantControls": {"operator": "OR", "builtInControls": ["mfa"]}}),
                None,
            )
        }
    }
}

impl Tenant {
    fn catalog(&self) -> ReferenceCatalog {
        let mut objects: Vec<ReferenceObject> = self
            .groups
            .iter()
            .map(|name| self.object("group", &group_id(self.number, name), name, ""))
            .collect();
        for policy in &self.policies {
            let Some(kind) = policy_type::find(&policy.policy_type).and_then(|r| r.reference_kind)
            else {
                continue;
            };
            let discriminator = policy.platform.clone().unwrap_or_default();
            objects.push(self.object(
                kind,
                &policy.external_id,
                &policy.display_name,
                &discriminator,
            ));
        }
        let kinds = [
            "group",
            "assignment_filter",
            "scope_tag",
            "notification_template",
            "named_location",
            "application",
            "user",
        ];
        ReferenceCatalog::new(objects, kinds.map(str::to_owned))
    }

    fn object(
        &self,
        kind: &str,
        external_id: &str,
        name: &str,
        discriminator: &str,
    ) -> ReferenceObject {
        ReferenceObject {
            id: Uuid::new_v5(
                &Uuid::from_u128(self.number),
                format!("{kind}/{external_id}").as_bytes(),
            ),
            kind: kind.to_owned(),
            external_id: external_id.to_owned(),
            name: Some(name.to_owned()),
            discriminator: discriminator.to_owned(),
        }
    }

    fn policy_id(&self, policy: &CapturedPolicy) -> Uuid {
        let name = format!("{}/{}", policy.policy_type, policy.external_id);
        Uuid::new_v5(&Uuid::from_u128(self.number), name.as_bytes())
    }

    fn inventory(&self) -> Inventory {
        let catalog = self.catalog();
        let types = policy_type::all().iter().map(|r| r.key.to_owned());
        Inventory {
            tenant_id: Uuid::from_u128(self.number),
            complete_types: types.clone().collect(),
            known_types: types.collect(),
            unserved_types: std::collections::BTreeSet::new(),
            policies: self
                .policies
                .iter()
                .map(|policy| InventoryPolicy {
                    id: self.policy_id(policy),
                    policy_type: policy.policy_type.clone(),
                    external_id: policy.external_id.clone(),
                    display_name: policy.display_name.clone(),
                    platform: policy.platform.clone(),
                    identity_key: policy.identity_key.clone(),
                    version_id: Some(self.version_id(policy)),
                    unreadable: None,
                    fingerprints: Some(canonical::fingerprints(
                        row(&policy.policy_type),
                        policy,
                        Reading::Meaning(&catalog),
                    )),
                    verified_pairs: BTreeMap::new(),
                })
                .collect(),
        }
    }

    fn version_id(&self, policy: &CapturedPolicy) -> Uuid {
        Uuid::new_v5(&self.policy_id(policy), policy.content_hash.as_bytes())
    }

    fn contents(&self) -> Contents {
        self.policies
            .iter()
            .map(|p| (self.version_id(p), p.clone()))
            .collect()
    }
}

fn selection(source: &Tenant, target: &Tenant, options: Options) -> Selection {
    Selection {
        source_tenant_id: Uuid::from_u128(source.number),
        target_tenant_id: Uuid::from_u128(target.number),
        scope: domain::selection::Scope::default(),
        pairings: std::collections::BTreeSet::new(),
        mappings: std::collections::BTreeSet::new(),
        options,
    }
}

fn preflight_of(
    source: &Tenant,
    target: &Tenant,
    options: Options,
) -> (compare::Comparison, Preflight) {
    let selection = selection(source, target, options);
    let (from, to) = (source.inventory(), target.inventory());
    let comparison = compare::compare(&selection, &from, &to);
    let input = PreflightInput {
        selection: &selection,
        comparison: &comparison,
        source: &from,
        target: &to,
        source_catalog: &source.catalog(),
        target_catalog: &target.catalog(),
        overrides: &Overrides::default(),
        source_literals: &[],
        source_secrets_readable: true,
        source_contents: &source.contents(),
        target_contents: &target.contents(),
        previously_promoted: &HashMap::new(),
        now: chrono::Utc::now(),
        keep_calls: true,
    };
    let preflight = preflight::preflight(input);
    // A plan without its calls is the same plan.
    let brief = preflight::preflight(PreflightInput {
        keep_calls: false,
        ..input
    });
    let pinned = |of: &Preflight| -> Vec<_> {
        let planned = of.plan.subjects.iter();
        planned.map(|subject| subject.pinned.clone()).collect()
    };
    assert_eq!(pinned(&brief), pinned(&preflight));
    assert_eq!(brief.plan.plan_digest, preflight.plan.plan_digest);
    assert_eq!(
        format!("{:?}", brief.warnings),
        format!("{:?}", preflight.warnings)
    );
    drop(brief);
    (comparison, preflight)
}

/// Carries out a plan on the model: what the plan expects is what stands there afterwards.
fn apply(target: &Tenant, preflight: &Preflight) -> Tenant {
    let mut after = target.clone();
    let mut created: BTreeMap<String, String> = BTreeMap::new();
    for (number, planned) in preflight.plan.subjects.iter().enumerate() {
        let new_id = guid(target.number, 50, number as u128);
        let id = planned
            .pinned
            .target
            .as_ref()
            .map_or(new_id, |t| t.external_id.clone());
        for step in &planned.written.steps {
            assert!(
                steps::fill(step, Some(&id), &created).is_some(),
                "{step:?} cannot be filled"
            );
        }
        let mut policy = filled(&planned.written.expected, &created);
        policy.external_id.clone_from(&id);
        created.insert(planned.pinned.subject_key.clone(), id.clone());
        after
            .policies
            .retain(|p| !(p.external_id == id && p.policy_type == policy.policy_type));
        after.policies.push(policy);
    }
    after
}

/// Fills the placeholders of a planned policy, content, assignments and references alike.
fn filled(policy: &CapturedPolicy, created: &BTreeMap<String, String>) -> CapturedPolicy {
    let mut text = serde_json::to_string(policy).expect("serializes");
    for (key, id) in created {
        text = text.replace(&format!("$created:{key}"), id);
    }
    serde_json::from_str(&text).expect("parses")
}

fn options() -> impl Strategy<Value = Options> {
    let carry = prop_oneof![Just(Carry::KeepTarget), Just(Carry::Map)];
    let state = prop_oneof![
        Just(ConditionalAccessState::ReportOnly),
        Just(ConditionalAccessState::Disabled),
        Just(ConditionalAccessState::AsSource)
    ];
    (carry.clone(), carry, state).prop_map(|(assignments, scope_tags, conditional_access_state)| {
        Options {
            assignments,
            scope_tags,
            conditional_access_state,
            ..Options::DEFAULT
        }
    })
}

/// Some of the groups.
fn groups() -> impl Strategy<Value = Vec<&'static str>> {
    proptest::sample::subsequence(GROUPS.to_vec(), 0..=GROUPS.len())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_tenant_promoted_onto_its_twin_changes_nothing(seeds in seeds(), options in options()) {
        let (source, twin) = (tenant(1, &seeds, &GROUPS), tenant(2, &seeds, &GROUPS));
        let (comparison, preflight) = preflight_of(&source, &twin, options);
        for subject in &comparison.subjects {
            prop_assert!(
                matches!(subject.state, SubjectState::Match | SubjectState::Ambiguous)
                    || subject.reasons.iter().any(|r| r.code == "reference_ambiguous"),
                "{subject:?}"
            );
        }
        prop_assert_eq!(preflight.summary.ready, 0);
        prop_assert!(preflight.plan.subjects.is_empty());
    }

    #[test]
    fn digests_do_not_depend_on_input_order(
        (source, shuffled) in seeds().prop_flat_map(|s| {
            let made = tenant(1, &s, &GROUPS);
            let policies = Just(made.policies.clone()).prop_shuffle();
            policies.prop_map(move |policies| (made.clone(), Tenant { policies, ..made.clone() }))
        }),
        target in seeds(),
        options in options(),
    ) {
        let target = tenant(2, &target, &GROUPS);
        let (one, first) = preflight_of(&source, &target, options);
        let (two, second) = preflight_of(&shuffled, &target, options);
        prop_assert_eq!(one.compare_digest, two.compare_digest);
        prop_assert_eq!(first.plan.plan_digest, second.plan.plan_digest);
    }

    #[test]
    fn carrying_out_the_plan_makes_every_ready_subject_match(
        source in seeds(),
        target in seeds(),
        target_groups in groups(),
        options in options(),
    ) {
        let source = tenant(1, &source, &GROUPS);
        let target = tenant(2, &target, &target_groups);
        let (_, before) = preflight_of(&source, &target, options);
        let after = apply(&target, &before);
        let (comparison, second) = preflight_of(&source, &after, options);
        let states: HashMap<&str, &compare::Subject> =
            comparison.subjects.iter().map(|s| (s.subject_key.as_str(), s)).collect();
        for subject in before.subjects.iter().filter(|s| s.readiness == Readiness::Ready) {
            let now = states.get(subject.subject_key.as_str()).expect("still a subject");
            prop_assert_eq!(now.state, SubjectState::Match, "{:?}", now);
        }
        let done: Vec<&str> = before.plan.subjects.iter().map(|s| s.pinned.subject_key.as_str()).collect();
        prop_assert!(second.plan.subjects.iter().all(|s| !done.contains(&s.pinned.subject_key.as_str())));
    }

    #[test]
    fn what_is_held_is_never_planned(
        source in seeds(),
        target in seeds(),
        target_groups in groups(),
        options in options(),
    ) {
        let source = tenant(1, &source, &GROUPS);
        let target = tenant(2, &target, &target_groups);
        let (_, preflight) = preflight_of(&source, &target, options);
        let planned: Vec<&str> =
            preflight.plan.subjects.iter().map(|s| s.pinned.subject_key.as_str()).collect();
        for subject in &preflight.subjects {
            let ready = subject.readiness == Readiness::Ready;
            prop_assert_eq!(ready, planned.contains(&subject.subject_key.as_str()));
            prop_assert_eq!(ready, subject.revision.is_some());
            if matches!(subject.readiness, Readiness::Blocked | Readiness::ManualMappingRequired) {
                prop_assert!(!subject.reasons.is_empty(), "{:?}", subject);
            }
        }
    }
}
