//! Turns the mappings of a request into overrides, and refuses the ones that cannot be used.

use uuid::Uuid;

use crate::references::{
    DIRECTORY_KINDS, DIRECTORY_OBJECT, Override, Overrides, ReferenceCatalog, ReferenceObject,
};
use crate::selection::{Mapping, Selection};

/// Why a mapping cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MappingProblem {
    /// No live reference of this kind in the source.
    SourceUnknown,
    /// No live reference of this kind in the target.
    TargetUnknown,
    /// The same source reference or literal is mapped twice.
    Repeated,
    /// The literal is neither the source tenant's GUID nor one of its verified domains.
    NotALiteral,
}

/// The overrides of a selection, or every mapping that cannot be used.
///
/// `source_literals`: the source tenant's GUID and verified domains.
pub fn overrides(
    selection: &Selection,
    source: &ReferenceCatalog,
    target: &ReferenceCatalog,
    source_literals: &[String],
) -> Result<Overrides, Vec<(Mapping, MappingProblem)>> {
    let mut found = Overrides::default();
    let mut problems = Vec::new();
    for mapping in &selection.mappings {
        let outcome = match mapping {
            Mapping::Literal {
                source_value,
                target_value,
                ..
            } => add_literal(&mut found, source_literals, source_value, target_value),
            Mapping::Reference {
                kind,
                source_id,
                target_id,
            } => add_reference(&mut found, source, target, kind, *source_id, *target_id),
        };
        problems.extend(outcome.err().map(|problem| (mapping.clone(), problem)));
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems)
    }
}

fn add_literal(
    found: &mut Overrides,
    source_literals: &[String],
    from: &str,
    to: &str,
) -> Result<(), MappingProblem> {
    if !source_literals
        .iter()
        .any(|literal| literal.eq_ignore_ascii_case(from))
    {
        return Err(MappingProblem::NotALiteral);
    }
    let key = from.to_ascii_lowercase();
    if found.literals.insert(key, to.to_owned()).is_some() {
        return Err(MappingProblem::Repeated);
    }
    Ok(())
}

/// What the source tenant lost may be any object of the directory.
fn is_of(object: &ReferenceObject, kind: &str) -> bool {
    object.kind == kind
        || (kind == DIRECTORY_OBJECT && DIRECTORY_KINDS.contains(&object.kind.as_str()))
}

fn add_reference(
    found: &mut Overrides,
    source: &ReferenceCatalog,
    target: &ReferenceCatalog,
    kind: &str,
    source_id: Uuid,
    target_id: Uuid,
) -> Result<(), MappingProblem> {
    let from = source
        .by_our_id(source_id)
        .filter(|object| object.kind == kind)
        .ok_or(MappingProblem::SourceUnknown)?;
    let to = target
        .by_our_id(target_id)
        .filter(|object| is_of(object, kind) && object.name.is_some())
        .ok_or(MappingProblem::TargetUnknown)?;
    let name = to.name.as_deref().unwrap_or_default();
    let chosen = Override {
        ambiguous_in_target: target.named(&to.kind, name, &to.discriminator).len() > 1,
        object: to.clone(),
    };
    let key = (from.kind.clone(), from.external_id.to_ascii_lowercase());
    if found.references.insert(key, chosen).is_some() {
        return Err(MappingProblem::Repeated);
    }
    Ok(())
}
