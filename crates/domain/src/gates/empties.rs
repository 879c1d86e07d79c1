//! A word on empty entries that are left out of what is written.

use crate::compare::Reason;
use crate::model::CapturedPolicy;
use crate::policy_type::PolicyType;
use crate::steps;

/// Names the places of the source that hold nothing and are not written.
pub(super) fn warning(row: &PolicyType, source: &CapturedPolicy) -> Option<Reason> {
    let places = steps::empty_entries(row, &source.content);
    if places.is_empty() {
        return None;
    }
    let text = format!(
        "{:?}: {} is empty, which Graph refuses in a list; it names nothing and will not be written.",
        source.display_name,
        places.join(", ")
    );
    Some(Reason::new("empty_value_dropped", text))
}
