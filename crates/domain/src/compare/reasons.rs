//! Why a pair is not simply equal or different: what cannot be compared, and what cannot be written.

use std::collections::BTreeSet;

use super::{Reason, deciding_facets};
use crate::canonical::{Fingerprints, left_behind};
use crate::policy_type::PolicyType;
use crate::selection::Options;

/// Secret fingerprints under different keys cannot be compared.
pub(super) fn keys_differ(left: &Fingerprints, right: &Fingerprints) -> bool {
    !left.secret_keys.is_empty()
        && !right.secret_keys.is_empty()
        && left.secret_keys != right.secret_keys
}

pub(super) fn uncertainty_reasons(
    options: Options,
    left: &Fingerprints,
    right: &Fingerprints,
) -> Vec<Reason> {
    let mut reasons = BTreeSet::new();
    for facet in deciding_facets(options) {
        for (whose, prints) in [("source", left), ("target", right)] {
            for uncertainty in prints.uncertain.get(&facet).map_or(&[][..], Vec::as_slice) {
                let text = match uncertainty.code.as_str() {
                    "reference_ambiguous" => "points to an object whose name is not unique",
                    "reference_unresolved" => "points to an object that could not be resolved",
                    "secret_not_comparable" => "holds a secret that cannot be compared",
                    "unknown_value" => {
                        "holds unknownFutureValue, which Graph says in the place of a value that it does not name"
                    }
                    _ => "cannot be compared",
                };
                let message = format!("{} of the {whose} {text}.", uncertainty.path);
                reasons.insert(Reason::new(&uncertainty.code, message));
            }
        }
    }
    if keys_differ(left, right) {
        let text = "The secrets of the two policies were fingerprinted with different keys.";
        reasons.insert(Reason::new("secret_not_comparable", text));
    }
    reasons.into_iter().collect()
}

/// What the two still differ in although nothing can be written: a promotion leaves out what this
/// product does not know, and that stays true until the target has it.
pub(super) fn unknown_reason(left: &Fingerprints, right: &Fingerprints) -> Option<Reason> {
    let places: BTreeSet<&str> = left
        .unknown
        .keys()
        .chain(right.unknown.keys())
        .filter(|place| left.unknown.get(*place) != right.unknown.get(*place))
        .map(String::as_str)
        .collect();
    if places.is_empty() {
        return None;
    }
    let places: Vec<&str> = places.into_iter().collect();
    let text = format!(
        "{} differs, is not known to this version and was not written. Update this product, or change \
         the target by hand.",
        places.join(", ")
    );
    Some(Reason::new("unknown_property", text))
}

/// What of the source's object stays with it and is not so in the target. Said for as long as that is
/// true: nothing that this product writes changes it.
pub(super) fn not_carried_reason(
    row: &PolicyType,
    left: &Fingerprints,
    right: &Fingerprints,
) -> Option<Reason> {
    let found = left_behind::differing(row, &left.left_behind, &right.left_behind);
    if found.is_empty() {
        return None;
    }
    let text = format!(
        "In the source {}; that is not carried, and not the same in the target. Do there by hand what \
         is meant for both.",
        found.join(", ")
    );
    Some(Reason::new("not_carried", text))
}
