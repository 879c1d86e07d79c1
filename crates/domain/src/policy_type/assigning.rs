//! How objects of a type are assigned, and what of an assignment is no answer to what was sent.

use serde_json::Value;

use super::PolicyType;

/// How assignments are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssignmentRule {
    /// Path below the item for reading, e.g. `assignments`; empty where they come with the item.
    pub read: &'static str,
    /// Action below the item for writing (replace-all), e.g. `assign`.
    pub action: &'static str,
    /// Member that wraps the list, e.g. `assignments`.
    pub wrapper: &'static str,
    /// Whether assignment filters are allowed.
    pub filters: bool,
    /// Whether each assignment is an object of its own, added by POST and removed by DELETE on
    /// `read`; `action` and `wrapper` are not used then.
    pub per_target: bool,
    /// Members that the service answers alike whatever was sent, with the value (as JSON text) that its
    /// own portal sends: sent so, never compared.
    pub fixed: &'static [(&'static str, &'static str)],
}

/// Assignments as nearly every Intune type has them.
pub(super) const ASSIGN: AssignmentRule = AssignmentRule {
    read: "assignments",
    action: "assign",
    wrapper: "assignments",
    filters: true,
    per_target: false,
    fixed: &[],
};

impl PolicyType {
    /// Takes out of an assignment what the service answers alike whatever was sent.
    pub(crate) fn drop_fixed(&self, assignment: &mut Value) {
        let fixed = self.assignments.map_or(&[][..], |rule| rule.fixed);
        if let Value::Object(members) = assignment {
            for (member, _) in fixed {
                members.remove(*member);
            }
        }
    }

    /// Says it in an assignment as the service's own portal does.
    pub(crate) fn say_fixed(&self, assignment: &mut Value) {
        let fixed = self.assignments.map_or(&[][..], |rule| rule.fixed);
        if let Value::Object(members) = assignment {
            for (member, text) in fixed {
                if let Ok(value) = serde_json::from_str(text) {
                    members.insert((*member).to_owned(), value);
                }
            }
        }
    }
}
