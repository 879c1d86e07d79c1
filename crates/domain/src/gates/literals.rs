//! What of the source tenant itself stands in a policy's texts: its literals hold the subject until
//! they are mapped; ids of its objects are told, since nothing says what such a text is for.

use std::collections::BTreeSet;

use crate::compare::{Reason, Subject};
use crate::model::CapturedPolicy;
use crate::preflight::{Holds, PreflightInput};
use crate::references::{ReferenceCatalog, ReferenceObject};
use crate::steps::{self, Places, TextSearch};

/// Kinds whose ids every tenant has for the same thing.
const SAME_EVERYWHERE: [&str; 3] = [
    "application",
    "configuration_template",
    "group_policy_definition",
];

/// The searches of one preflight.
pub(crate) struct Literals {
    open: TextSearch,
    ids: TextSearch,
}

impl Literals {
    pub(crate) fn new(input: &PreflightInput<'_>) -> Self {
        let mapped = |literal: &str| {
            let mut mapped = input.overrides.literals.keys();
            mapped.any(|mapped| mapped.eq_ignore_ascii_case(literal))
        };
        let open = input.source_literals.iter().map(String::as_str);
        Self {
            open: TextSearch::literals(open.filter(|literal| !mapped(literal))),
            ids: TextSearch::ids(),
        }
    }

    /// Holds a subject for every literal that is not mapped, or is mapped and cannot be replaced.
    pub(crate) fn hold(
        &self,
        input: &PreflightInput<'_>,
        source: &CapturedPolicy,
        holds: &mut Holds,
    ) {
        let options = input.selection.options;
        for (literal, places) in self.open.literals_in(source, options) {
            let text = format!(
                "{} holds {literal}, which belongs to the source tenant; map the literal.",
                list(&places)
            );
            holds.manual("tenant_literal", text);
        }
        for (literal, places) in steps::irreplaceable(source, &input.overrides.literals, options) {
            let text = format!(
                "{} holds {literal}, which belongs to the source tenant, in a form in which it cannot be \
                 replaced by what it is mapped to; change the policy.",
                list(&places)
            );
            holds.block("tenant_literal", text);
        }
    }

    /// A word for the reviewer of a ready subject: ids of source objects that are written as they stand.
    pub(crate) fn warnings(&self, input: &PreflightInput<'_>, subject: &Subject) -> Vec<Reason> {
        let source = subject
            .source_version_id
            .and_then(|id| input.source_contents.get(&id));
        let Some(source) = source else {
            return Vec::new();
        };
        let mut warnings = Vec::new();
        for (id, places) in self.ids.ids_in(&source, input.selection.options) {
            let id = id.to_string();
            let known = named(input.source_catalog, &id);
            // What both tenants know by one id is one thing.
            let foreign = known.into_iter().find(|object| {
                input
                    .target_catalog
                    .by_external_id(&object.kind, &id)
                    .is_none()
            });
            if let Some(object) = foreign {
                let text = format!(
                    "{:?}: {} holds the id {id} of the {} {:?} of the source inside a text; it is written \
                     as it stands.",
                    source.display_name,
                    list(&places),
                    object.kind,
                    object.name.as_deref().unwrap_or_default(),
                );
                warnings.push(Reason::new("source_id_in_text", text));
            }
        }
        warnings
    }
}

fn named<'c>(catalog: &'c ReferenceCatalog, id: &str) -> Vec<&'c ReferenceObject> {
    let objects = catalog.all_by_external_id(id);
    let elsewhere: BTreeSet<&str> = objects.iter().map(|object| object.kind.as_str()).collect();
    if elsewhere.iter().any(|kind| SAME_EVERYWHERE.contains(kind)) {
        return Vec::new();
    }
    objects
        .into_iter()
        .filter(|object| object.name.is_some())
        .collect()
}

fn list(places: &Places) -> String {
    let places: Vec<&str> = places.iter().map(String::as_str).collect();
    places.join(", ")
}
