//! Puts the meaning of a reference in its place: kind and name instead of one tenant's id.

use serde_json::{Value, json};

use super::{Reading, Uncertainty};
use crate::json;
use crate::model::{CapturedPolicy, Facet, ReferenceUse};
use crate::references::{self, Meaning, Override, ReferenceCatalog, ReferenceObject};

/// Replaces every reference of one facet in `value` (the content, or the assignments).
pub(super) fn replace(
    policy: &CapturedPolicy,
    facet: Facet,
    reading: Reading<'_>,
    value: &mut Value,
    uncertain: &mut Vec<Uncertainty>,
) {
    let whole = |used: &&ReferenceUse| used.facet == facet && used.within.is_none();
    for used in policy.references.iter().filter(whole) {
        if let Some(place) = value.pointer_mut(&used.path) {
            *place = token(used, reading, uncertain);
        }
    }
}

/// Puts meanings in the place of security identifiers inside texts, as JSON text in ASCII: it has to
/// stand in any encoding. Raw, they are the identifiers themselves.
pub(super) fn replace_sids(
    policy: &CapturedPolicy,
    facet: Facet,
    reading: Reading<'_>,
    value: &mut Value,
    uncertain: &mut Vec<Uncertainty>,
) {
    if matches!(reading, Reading::Raw) {
        return;
    }
    references::rewrite_sids(policy, facet, value, &mut |used| {
        let text = json::canonical(&token(used, reading, uncertain));
        Some(text.chars().fold(String::new(), |mut ascii, c| {
            if c.is_ascii() {
                ascii.push(c);
            } else {
                ascii.extend(c.escape_unicode());
            }
            ascii
        }))
    });
}

fn token(used: &ReferenceUse, reading: Reading<'_>, uncertain: &mut Vec<Uncertainty>) -> Value {
    let id = used.external_id.to_ascii_lowercase();
    let catalog = match reading {
        Reading::Raw => return Value::String(id),
        Reading::Meaning(catalog) => catalog,
        Reading::MeaningWith(catalog, overrides) => {
            let kind = catalog.kind_of(&used.kind, &id);
            let key = (kind.to_owned(), id);
            if let Some(chosen) = overrides.references.get(&key) {
                return of_override(chosen);
            }
            catalog
        }
    };
    by_meaning(used, catalog, uncertain)
}

fn by_meaning(
    used: &ReferenceUse,
    catalog: &ReferenceCatalog,
    uncertain: &mut Vec<Uncertainty>,
) -> Value {
    let id = used.external_id.to_ascii_lowercase();
    // An application has one id in every tenant: the id is its meaning.
    if is_same_everywhere(&used.kind) {
        return by_id(&used.kind, &id);
    }
    let meaning = catalog.meaning(&used.kind, &used.external_id);
    let gone = meaning == Meaning::Dangling;
    let mut unsure = |code: &str| {
        uncertain.push(Uncertainty {
            code: code.to_owned(),
            path: used.path.clone(),
            reference: Some((used.kind.clone(), id.clone())),
            gone,
        });
    };
    match meaning {
        Meaning::Constant => Value::String(id),
        Meaning::Named(object) => by_name(object),
        Meaning::Ambiguous(object) => {
            unsure("reference_ambiguous");
            by_name_and_id(object)
        }
        Meaning::Dangling | Meaning::Unknown => {
            unsure("reference_unresolved");
            by_id(&used.kind, &id)
        }
    }
}

/// The token that the target's own catalogue would give the chosen object.
fn of_override(chosen: &Override) -> Value {
    let object = &chosen.object;
    if crate::references::is_constant(&object.kind, &object.external_id) {
        return Value::String(object.external_id.to_ascii_lowercase());
    }
    if is_same_everywhere(&object.kind) {
        return by_id(&object.kind, &object.external_id.to_ascii_lowercase());
    }
    if chosen.ambiguous_in_target {
        return by_name_and_id(object);
    }
    by_name(object)
}

fn is_same_everywhere(kind: &str) -> bool {
    kind == "application"
}

fn by_id(kind: &str, id: &str) -> Value {
    if crate::references::is_constant(kind, id) {
        return Value::String(id.to_owned());
    }
    json!({"ref": {"kind": kind, "id": id}})
}

fn by_name(object: &ReferenceObject) -> Value {
    json!({"ref": {
        "kind": object.kind,
        "name": object.meant_name().unwrap_or_default(),
        "discriminator": object.discriminator,
    }})
}

fn by_name_and_id(object: &ReferenceObject) -> Value {
    json!({"ref": {
        "kind": object.kind,
        "name": object.meant_name().unwrap_or_default(),
        "discriminator": object.discriminator,
        "id": object.external_id.to_ascii_lowercase(),
    }})
}
