//! What a reference that has not landed holds its subject with, and what a person can do about it.
//! Says nothing that cannot help.

use super::{Resolution, Resolved};
use crate::group_policy;
use crate::model::ReferenceUse;
use crate::policy_type::{self, Support};
use crate::preflight::Holds;
use crate::references::{self, KindProblem};

impl Resolved {
    /// Adds what this reference holds the subject with. `strict`: losing it would widen the policy
    /// (an exclusion of Conditional Access), so that a missing one blocks. A mapping settles each.
    pub(crate) fn hold(&self, used: &ReferenceUse, strict: bool, holds: &mut Holds) {
        let what = self
            .source_name
            .as_deref()
            .unwrap_or(&self.source_external_id);
        let (kind, path) = (&self.kind, &used.path);
        match self.resolution {
            Resolution::Mapped | Resolution::Constant | Resolution::CreatedByPlan => {}
            Resolution::Missing => {
                let remedy = self.remedy();
                let verb = if used.exclusion {
                    "excludes"
                } else {
                    "points to"
                };
                let gone = if self.lost {
                    "which the source itself does not have any more"
                } else if references::is_listed_whole(kind) {
                    "which the target does not have"
                } else {
                    "which is not among those known of the target"
                };
                let start = format!("{path} {verb} the {kind} {what:?}, {gone}");
                // Of a kind that is not read whole, nobody can say that the target lacks one.
                if strict && references::is_listed_whole(kind) {
                    let text = format!(
                        "{start}; without it the policy would apply to more than it should. {remedy}"
                    );
                    holds.block("exclusion_reference_missing", text);
                } else {
                    holds.manual("reference_missing", format!("{start}. {remedy}"));
                }
            }
            Resolution::Ambiguous => holds.manual(
                "reference_ambiguous",
                format!("{path} points to the {kind} {what:?}, whose name is not unique; map it."),
            ),
            Resolution::Indeterminate => {
                let unread = self.unread.as_deref().unwrap_or_default();
                let map = self.or_map();
                let text = format!("{path} points to the {kind} {what:?}, and {unread}{map}.");
                holds.block("reference_indeterminate", text);
            }
        }
    }

    /// A mapping names the source's object by our id.
    fn or_map(&self) -> &'static str {
        if self.source_id.is_some() {
            ", or map it"
        } else {
            ""
        }
    }

    /// What brings a missing one there.
    fn remedy(&self) -> String {
        let map = self.or_map();
        if self.lost {
            let search = if references::is_listed_whole(&self.kind) {
                ""
            } else {
                " (a reference search finds the target's)"
            };
            return format!(
                "Map it to what takes its place in the target{search}, or take it out of the source's policy and sync the source."
            );
        }
        match self.kind.as_str() {
            references::USER => {
                "Search the target's users (POST .../reference-searches) and map it.".to_owned()
            }
            "application" => format!(
                "Create the service principal of the application {} in the target and sync{map}.",
                self.source_external_id
            ),
            "service_principal" => {
                format!(
                    "Create the service principal of its application in the target and sync{map}."
                )
            }
            group_policy::DEFINITION => format!(
                "It is of an uploaded ADMX file: upload the file in the target and sync{map}."
            ),
            kind => {
                let promotable = policy_type::for_reference_kind(kind)
                    .is_some_and(|row| matches!(row.support, Support::Full));
                if promotable && self.source_id.is_some() {
                    "Promote it with this one or before, or map it.".to_owned()
                } else {
                    format!("Create it in the target and sync{map}.")
                }
            }
        }
    }
}

/// Why nothing can be told of a kind on one side, and what to do about it.
pub(super) fn unread(side: &str, problem: Option<&KindProblem>) -> String {
    let Some(problem) = problem else {
        return format!("that kind was never read in the {side}; sync the {side}");
    };
    let said = problem.message.trim_end_matches('.');
    let code = &problem.code;
    let first = if matches!(code.as_str(), "graph_forbidden" | "graph_unauthorized") {
        "give the application the permission to read it and "
    } else {
        ""
    };
    format!(
        "that kind was not read to its end in the {side} ({code}: {said}); {first}sync the {side} again"
    )
}
