//! The corpus keeps what it promises, and every object of it would be accepted by the simulator.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::Value;

use super::*;
use crate::check::Check;
use crate::schema::{Schema, Version};

const SOURCE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const TARGET: &str = "bbbbbbbb-0000-4000-8000-000000000002";

fn world() -> World {
    let mut world = World::new(Schema::builtin());
    for (id, side) in [(SOURCE, Side::Source), (TARGET, Side::Target)] {
        world.tenants.insert(id.to_owned(), Tenant::new(id, "Test"));
        fill(&mut world, id, side);
    }
    world
}

#[test]
fn the_source_holds_at_least_sixty_policies_of_all_first_types() {
    let world = world();
    let tenant = world.tenant(SOURCE).unwrap();
    let keys = [
        "configurationPolicies",
        "deviceCompliancePolicies",
        "deviceConfigurations",
        "conditionalAccessPolicies",
        "namedLocations",
        "assignmentFilters",
        "notificationMessageTemplates",
        "roleScopeTags",
    ];
    let total: usize = keys.iter().map(|key| tenant.list(key).len()).sum();
    assert!(keys.iter().all(|key| !tenant.list(key).is_empty()));
    assert!(total >= 60, "{total}");
}

#[test]
fn ids_differ_between_the_tenants_and_not_between_starts() {
    let (first, second) = (world(), world());
    let ids = |world: &World, tenant: &str| -> Vec<String> {
        world
            .tenant(tenant)
            .unwrap()
            .list("groups")
            .iter()
            .map(|o| o.id.clone())
            .collect()
    };
    assert_eq!(ids(&first, SOURCE), ids(&second, SOURCE));
    assert!(
        ids(&first, SOURCE)
            .iter()
            .all(|id| !ids(&first, TARGET).contains(id))
    );
}

#[test]
fn every_policy_fits_the_schema() {
    let world = world();
    for tenant in world.tenants.values() {
        for rule in crate::rules::TABLE.iter().filter(|rule| rule.create) {
            for object in tenant.list(rule.key) {
                let mut body = object.body.clone();
                for managed in [
                    "createdDateTime",
                    "lastModifiedDateTime",
                    "modifiedDateTime",
                    "version",
                    "isBuiltIn",
                    "newUpdates",
                    "deviceReporting",
                    "inventorySyncStatus",
                    // Written by an action of its own.
                    "definitionValues",
                    "policyConfigurationIngestionType",
                    // Words of the service, the first answered as a number.
                    "templateType",
                    "publishingState",
                    "categories",
                    "committedContentVersion",
                ] {
                    body.remove(managed);
                }
                if let Some(Value::Object(reference)) = body.get_mut("templateReference") {
                    reference.remove("templateDisplayName");
                    reference.remove("templateDisplayVersion");
                }
                let check = Check {
                    schema: &world.schema,
                    version: Version::Beta,
                    own_id: None,
                };
                let verdict = check.entity(&body, rule.entity);
                assert!(verdict.is_ok(), "{}: {verdict:?}", object.id);
            }
        }
    }
}

#[test]
fn listed_names_exist_on_both_sides() {
    let world = world();
    let has = |tenant: &str, name: &str| {
        let tenant = world.tenant(tenant).unwrap();
        crate::rules::TABLE
            .iter()
            .any(|rule| tenant.find_by_name(rule.key, name).is_some())
    };
    let scripts = scripts::EQUAL.iter().chain(&scripts::DIFFERENT);
    for name in EQUAL.iter().chain(&DIFFERENT).chain(&TWICE).chain(scripts) {
        assert!(has(SOURCE, name) && has(TARGET, name), "{name}");
    }
}
