//! Every kind of reference, and every way it can land.
#![expect(clippy::expect_used, reason = "a test may stop where it stands")]

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::mapping;
use crate::model::Facet;
use crate::references::{Override, Overrides};
use crate::selection::{Mapping, Selection};

/// Every kind that is known by its name.
const BY_NAME: [&str; 16] = [
    "assignment_filter",
    "authentication_context",
    "authentication_strength",
    "compliance_script",
    "device_configuration",
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
        assert_eq!(land(&partly), (Resolution::Indeterminate, None), "{kind}");
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
        let selection = Selection {
            source_tenant_id: Uuid::new_v4(),
            target_tenant_id: Uuid::new_v4(),
            scope: crate::selection::Scope::default(),
            pairings: std::collections::BTreeSet::new(),
            mappings: std::collections::BTreeSet::from([Mapping::Reference {
                kind: kind.to_owned(),
                source_id: from.id,
                target_id: to.id,
            }]),
            options: crate::selection::Options::default(),
        };
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
