//! Every kind of reference, and every way it can land.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::mapping;
use crate::model::Facet;
use crate::references::{Override, Overrides};
use crate::selection::{Mapping, Selection};

/// Every kind that is known by its name, where it has no stable id.
const BY_NAME: [&str; 18] = [
    "assignment_filter",
    "authentication_context",
    "authentication_strength",
    "compliance_script",
    "configuration_manager_collection",
    "device_configuration",
    "directory_role",
    "group",
    "mobile_app",
    "mobile_app_category",
    "named_location",
    "notification_template",
    "reusable_setting",
    "role_definition",
    "scope_tag",
    "service_principal",
    "terms_of_use",
    "user",
];

fn object(kind: &str, id: &str, name: &str) -> ReferenceObject {
    ReferenceObject {
        id: Uuid::new_v4(),
        kind: kind.to_owned(),
        external_id: id.to_owned(),
        name: Some(name.to_owned()),
        discriminator: String::new(),
    }
}

fn app(id: &str, name: &str, discriminator: &str) -> ReferenceObject {
    ReferenceObject {
        discriminator: discriminator.to_owned(),
        ..object("mobile_app", id, name)
    }
}

fn catalog(kind: &str, objects: &[ReferenceObject]) -> ReferenceCatalog {
    ReferenceCatalog::new(objects.iter().cloned(), [kind.to_owned()])
}

fn used(kind: &str, id: &str) -> ReferenceUse {
    ReferenceUse {
        facet: Facet::Settings,
        path: "/place".to_owned(),
        kind: kind.to_owned(),
        external_id: id.to_owned(),
        exclusion: false,
        within: None,
    }
}

fn resolved(
    source: &ReferenceCatalog,
    target: &ReferenceCatalog,
    overrides: &Overrides,
    used: &ReferenceUse,
) -> Resolved {
    lander(source, target, overrides).resolve(used)
}

fn lander<'a>(
    source: &'a ReferenceCatalog,
    target: &'a ReferenceCatalog,
    overrides: &'a Overrides,
) -> Lander<'a> {
    Lander {
        source,
        target,
        overrides,
        governed: HashMap::new(),
        counterparts: HashMap::new(),
        creates: HashMap::new(),
    }
}

#[test]
fn every_kind_is_mapped_missing_ambiguous_or_unknown_by_its_name() {
    let none = Overrides::default();
    for kind in BY_NAME {
        let source = catalog(kind, &[object(kind, "S1", "One")]);
        let use_of = used(kind, "s1");
        let land = |target: &ReferenceCatalog| {
            let found = resolved(&source, target, &none, &use_of);
            (found.resolution, found.landed)
        };
        let one = catalog(
            kind,
            &[object(kind, "T1", "One"), object(kind, "T2", "Two")],
        );
        let landed = Some(Landed::Id("T1".to_owned()));
        assert_eq!(land(&one), (Resolution::Mapped, landed), "{kind}");
        let other = catalog(kind, &[object(kind, "S1", "Another")]);
        assert_eq!(land(&other), (Resolution::Missing, None), "{kind}");
        let two = catalog(
            kind,
            &[object(kind, "T1", "One"), object(kind, "T2", "One")],
        );
        assert_eq!(land(&two), (Resolution::Ambiguous, None), "{kind}");
        let partly = ReferenceCatalog::new([object(kind, "T1", "One")], []);
        // Of users nobody lists all: one of the very same principal name is the one.
        let unsure = if kind == "user" {
            (Resolution::Mapped, Some(Landed::Id("T1".to_owned())))
        } else {
            (Resolution::Indeterminate, None)
        };
        assert_eq!(land(&partly), unsure, "{kind}");
        let nothing = catalog(kind, &[]);
        let dangling = resolved(&nothing, &one, &none, &use_of);
        assert_eq!(dangling.resolution, Resolution::Missing, "{kind}");
    }
}

#[test]
fn an_application_is_known_by_its_id_alone() {
    let none = Overrides::default();
    let id = "7d0b0b0a-0000-4000-8000-00000000aaaa";
    let source = catalog("application", &[object("application", id, "App")]);
    let there = catalog("application", &[object("application", id, "Renamed")]);
    let elsewhere = catalog("application", &[object("application", "other", "App")]);
    let use_of = used("application", id);
    let mapped = resolved(&source, &there, &none, &use_of);
    assert_eq!(mapped.resolution, Resolution::Mapped);
    let missing = resolved(&source, &elsewhere, &none, &use_of);
    assert_eq!(missing.resolution, Resolution::Missing);
}

#[test]
fn an_app_is_known_by_its_kind_and_its_package() {
    let none = Overrides::default();
    let outlook = "iosStoreApp/com.microsoft.Office.Outlook";
    let source = catalog("mobile_app", &[app("S1", "Outlook", outlook)]);
    let land = |apps: &[ReferenceObject]| {
        resolved(
            &source,
            &catalog("mobile_app", apps),
            &none,
            &used("mobile_app", "S1"),
        )
    };
    let renamed = land(&[app("T1", "Mail", outlook)]);
    assert_eq!(renamed.landed, Some(Landed::Id("T1".to_owned())));
    let of_another_kind = "iosVppApp/com.microsoft.Office.Outlook";
    let namesake = [
        app("T1", "Outlook", of_another_kind),
        app("T2", "Outlook", "iosStoreApp/x"),
    ];
    assert_eq!(land(&namesake).resolution, Resolution::Missing);
    let twice = land(&[app("T1", "Mail", outlook), app("T2", "Post", outlook)]);
    assert_eq!(twice.resolution, Resolution::Ambiguous);
    let names: Vec<&str> = twice.candidates.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(names, ["Mail", "Post"]);

    // Without a package, the name decides again.
    let tool = catalog("mobile_app", &[app("S2", "Tool", "win32LobApp/")]);
    let there = [
        app("T1", "Other", "win32LobApp/"),
        app("T2", "Tool", "win32LobApp/"),
    ];
    let found = resolved(
        &tool,
        &catalog("mobile_app", &there),
        &none,
        &used("mobile_app", "S2"),
    );
    assert_eq!(found.landed, Some(Landed::Id("T2".to_owned())));
}

#[test]
fn constants_stay_as_they_are_although_nobody_lists_them() {
    let none = Overrides::default();
    let empty = ReferenceCatalog::default();
    for (kind, id) in [
        ("group", "acacacac-9df4-4c7d-9d50-4ef0226f57a9"),
        ("group", "ADADADAD-808e-44e2-905a-0b7873a8a531"),
        ("scope_tag", "0"),
        ("user", "All"),
        ("user", "None"),
        ("user", "GuestsOrExternalUsers"),
        (
            "directory_role_template",
            "62e90394-69f5-4237-9190-012177145e10",
        ),
        ("application", "All"),
        ("application", "None"),
        ("application", "Office365"),
        ("application", "MicrosoftAdminPortals"),
        ("application", "00000003-0000-0000-c000-000000000000"),
        ("application", "00000002-0000-0ff1-ce00-000000000000"),
        ("named_location", "All"),
        ("named_location", "AllTrusted"),
        (
            "authentication_strength",
            "00000000-0000-0000-0000-000000000004",
        ),
        (
            "notification_template",
            "00000000-0000-0000-0000-000000000000",
        ),
        ("service_principal", "ServicePrincipalsInMyTenant"),
    ] {
        let found = resolved(&empty, &empty, &none, &used(kind, id));
        assert_eq!(found.resolution, Resolution::Constant, "{kind} {id}");
        assert_eq!(found.landed, None);
    }
    let group = resolved(
        &empty,
        &empty,
        &none,
        &used("group", "00000003-0000-0000-c000-000000000000"),
    );
    assert_eq!(group.resolution, Resolution::Indeterminate);
}

#[test]
fn what_the_plan_creates_and_what_both_tenants_have_comes_before_names() {
    let none = Overrides::default();
    for row in policy_type::all() {
        let Some(kind) = row.reference_kind else {
            continue;
        };
        let source = catalog(kind, &[object(kind, "S1", "One")]);
        let target = catalog(kind, &[object(kind, "T1", "One")]);
        let policy = Uuid::new_v4();
        let mut lander = lander(&source, &target, &none);
        let key = (row.key.to_owned(), "s1".to_owned());
        lander.governed.insert(key, policy);
        lander.will_create(policy, "subj_1");
        let made = lander.resolve(&used(kind, "S1"));
        assert_eq!(made.resolution, Resolution::CreatedByPlan, "{kind}");
        let by_plan = Some(Landed::CreatedByPlan("subj_1".to_owned()));
        assert_eq!(made.landed, by_plan, "{kind}");
        lander.counterparts.insert(policy, "T9".to_owned());
        let both = lander.resolve(&used(kind, "S1"));
        assert_eq!(both.landed, Some(Landed::Id("T9".to_owned())), "{kind}");
    }
}

#[test]
fn a_mapping_settles_every_kind() {
    for kind in BY_NAME.into_iter().chain(["application"]) {
        let (from, to) = (object(kind, "S1", "One"), object(kind, "T7", "Seven"));
        let source = catalog(kind, std::slice::from_ref(&from));
        let target = catalog(kind, &[to.clone(), object(kind, "T8", "Eight")]);
        let selection = mapped(kind, from.id, to.id);
        let overrides = mapping::overrides(&selection, &source, &target, &[]).expect("usable");
        let chosen = BTreeMap::from([(
            (kind.to_owned(), "s1".to_owned()),
            Override {
                object: to,
                ambiguous_in_target: false,
            },
        )]);
        assert_eq!(overrides.references, chosen, "{kind}");
        let found = resolved(&source, &target, &overrides, &used(kind, "S1"));
        assert_eq!(found.resolution, Resolution::Mapped, "{kind}");
        assert_eq!(found.landed, Some(Landed::Id("T7".to_owned())), "{kind}");
    }
}

#[test]
fn what_has_a_stable_id_is_known_by_it_and_never_by_its_name() {
    let none = Overrides::default();
    let of = |kind: &str, id: &str, name: &str, stable: &str| ReferenceObject {
        discriminator: stable.to_owned(),
        ..object(kind, id, name)
    };
    for (kind, x, y) in [
        ("service_principal", "app-x", "app-y"),
        ("directory_role", "template-x", "template-y"),
        ("role_definition", "built-in-x", "built-in-y"),
        ("authentication_strength", "built-in-x", "built-in-y"),
        ("mobile_app", "iosStoreApp/x", "iosStoreApp/y"),
    ] {
        let source = catalog(kind, &[of(kind, "S1", "Backup Agent", x)]);
        let use_of = used(kind, "S1");
        let renamed = of(kind, "T1", "Backup Agent (production)", x);
        let namesake = of(kind, "T2", "Backup Agent", y);
        let both = catalog(kind, &[renamed, namesake.clone()]);
        let found = resolved(&source, &both, &none, &use_of);
        assert_eq!(found.landed, Some(Landed::Id("T1".to_owned())), "{kind}");
        let only_namesake = catalog(kind, &[namesake, of(kind, "T3", "Backup Agent", "")]);
        let found = resolved(&source, &only_namesake, &none, &use_of);
        assert_eq!(found.resolution, Resolution::Missing, "{kind}");
    }
}

#[test]
fn one_of_microsofts_applications_is_missing_where_all_were_read_and_it_was_not_there() {
    let none = Overrides::default();
    let id = "d4ebce55-015a-49b5-a083-c84d1797ae8c";
    let nothing = ReferenceCatalog::default();
    let land = |target: &ReferenceCatalog, id: &str| {
        resolved(&nothing, target, &none, &used("application", id)).resolution
    };
    let without = catalog("application", &[object("application", "other", "Other")]);
    let with = catalog(
        "application",
        &[object("application", &id.to_uppercase(), "Enrollment")],
    );
    assert_eq!(land(&without, id), Resolution::Missing);
    assert_eq!(land(&with, id), Resolution::Constant);
    // Nobody knows: as it stands.
    assert_eq!(land(&nothing, id), Resolution::Constant);
    for word in ["All", "None", "Office365", "MicrosoftAdminPortals"] {
        assert_eq!(land(&without, word), Resolution::Constant, "{word}");
    }
}

#[test]
fn people_alike_are_offered_and_never_taken() {
    use crate::references::Facts;
    let none = Overrides::default();
    let facts = |id: &str, employee: &str| {
        let facts = Facts {
            employee_id: Some(employee.to_owned()),
            former_name: None,
        };
        ("user".to_owned(), id.to_owned(), facts)
    };
    let source = catalog(
        "user",
        &[object("user", "S1", "emergency1@contoso.example")],
    )
    .with_facts([facts("s1", "E-7")]);
    let people = [
        object("user", "T1", "Emergency1@fabrikam.example"),
        object("user", "T2", "somebody@fabrikam.example"),
        object("user", "T3", "emergency10@fabrikam.example"),
    ];
    let target = ReferenceCatalog::new(people, []).with_facts([facts("T2", "e-7")]);
    let found = resolved(&source, &target, &none, &used("user", "S1"));
    assert_eq!(
        (found.resolution, found.landed),
        (Resolution::Missing, None)
    );
    let names: Vec<&str> = found.candidates.iter().map(|c| c.name.as_str()).collect();
    assert_eq!(
        names,
        ["Emergency1@fabrikam.example", "somebody@fabrikam.example"]
    );
}

/// Every kind that content and assignments of any type can point to.
fn every_kind() -> std::collections::BTreeSet<&'static str> {
    let mut kinds: std::collections::BTreeSet<&str> = policy_type::all()
        .iter()
        .flat_map(|row| row.references.iter().map(|rule| rule.kind))
        .collect();
    kinds.extend(
        policy_type::all()
            .iter()
            .filter_map(|row| row.reference_kind),
    );
    kinds.extend(crate::capture::references::KINDS_BEYOND_THE_REGISTRY);
    kinds
}

/// Kinds whose ids mean the same in every tenant: nothing ever holds them.
const NEVER_HELD: [&str; 2] = [
    "built_in_group_policy_definition",
    "directory_role_template",
];

#[test]
fn every_kind_has_a_way_from_held_to_ready() {
    for kind in every_kind() {
        let use_of = |exclusion| ReferenceUse {
            exclusion,
            ..used(kind, "5f3a1c00-0000-4000-8000-00000000000a")
        };
        let none = Overrides::default();
        if NEVER_HELD.contains(&kind) {
            let found = resolved(
                &catalog(kind, &[]),
                &catalog(kind, &[]),
                &none,
                &use_of(false),
            );
            assert_eq!(found.resolution, Resolution::Constant, "{kind}");
            continue;
        }
        let from = object(kind, "5f3a1c00-0000-4000-8000-00000000000a", "One");
        let lost = ReferenceObject {
            name: None,
            ..from.clone()
        };
        let to = object(kind, "T7", "Seven");
        let unread = ReferenceCatalog::new([to.clone()], []);
        for source_object in [from.clone(), lost] {
            for (source, target) in [
                (
                    catalog(kind, std::slice::from_ref(&source_object)),
                    catalog(kind, std::slice::from_ref(&to)),
                ),
                (
                    catalog(kind, std::slice::from_ref(&source_object)),
                    unread.clone(),
                ),
                (
                    ReferenceCatalog::new([source_object.clone()], []),
                    catalog(kind, std::slice::from_ref(&to)),
                ),
            ] {
                for exclusion in [false, true] {
                    let use_of = use_of(exclusion);
                    let found = resolved(&source, &target, &none, &use_of);
                    assert!(found.landed.is_none(), "{kind}: {found:?}");
                    // The answer names the id that a mapping takes, and the reason says so.
                    assert_eq!(found.source_id, Some(from.id), "{kind}");
                    let mut holds = crate::preflight::Holds::default();
                    found.hold(&use_of, true, &mut holds);
                    let said = format!("{holds:?}");
                    assert!(said.contains("map it") || said.contains("Map it"), "{said}");
                    let read = !matches!(found.resolution, Resolution::Indeterminate);
                    assert!(!read || !said.contains("sync again"), "{said}");
                    let selection = mapped(kind, from.id, to.id);
                    let overrides =
                        mapping::overrides(&selection, &source, &target, &[]).expect("usable");
                    let settled = resolved(&source, &target, &overrides, &use_of);
                    assert_eq!(settled.landed, Some(Landed::Id("T7".to_owned())), "{kind}");
                }
            }
        }
    }
}

fn mapped(kind: &str, source_id: Uuid, target_id: Uuid) -> Selection {
    Selection {
        source_tenant_id: Uuid::new_v4(),
        target_tenant_id: Uuid::new_v4(),
        scope: crate::selection::Scope::default(),
        pairings: std::collections::BTreeSet::new(),
        mappings: std::collections::BTreeSet::from([Mapping::Reference {
            kind: kind.to_owned(),
            source_id,
            target_id,
        }]),
        options: crate::selection::Options::default(),
    }
}
