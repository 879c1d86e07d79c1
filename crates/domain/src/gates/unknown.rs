//! What a preflight says of properties that the registry does not know: they are compared and shown,
//! and never written. A subject that differs in nothing else is held, so that it is not written again
//! and again to no effect.

use std::collections::BTreeMap;

use crate::compare::Reason;
use crate::model::CapturedPolicy;
use crate::plan::PlannedSubject;
use crate::policy_type::{PolicyType, known};
use crate::preflight::PreflightInput;
use crate::verify;

const CODE: &str = "unknown_property";

/// A word for the reviewer of a ready subject: what of the source will not be written.
pub(super) fn warning(row: &PolicyType, source: &CapturedPolicy) -> Option<Reason> {
    let places = known::unknown(row, &source.content);
    (!places.is_empty()).then(|| {
        let text = format!(
            "{:?}: {} is not known to this version and will not be written.",
            source.display_name,
            places.join(", ")
        );
        Reason::new(CODE, text)
    })
}

/// Why a planned update would change nothing that it is able to change; `None` when it would.
pub(crate) fn difference(
    input: &PreflightInput<'_>,
    row: &PolicyType,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    planned: &PlannedSubject,
) -> Option<Reason> {
    let target = target?;
    let mut places = known::unknown(row, &source.content);
    places.extend(known::unknown(row, &target.content));
    if places.is_empty() {
        return None;
    }
    places.sort();
    places.dedup();
    let options = input.selection.options;
    let expected = &planned.written.expected;
    verify::check(row, expected, target, &BTreeMap::new(), options, false).ok()?;
    let text = format!(
        "The two differ in nothing but {}, which is not known to this version and is not written. \
         Update this product, or change the target by hand.",
        places.join(", ")
    );
    Some(Reason::new(CODE, text))
}
