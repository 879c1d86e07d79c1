//! Ids that the caller chooses: an authentication context is called `c1` to `c99`.
//!
//! The id is chosen when the plan is made, is free in the target and is part of the plan, so that
//! what was reviewed is what is made. Writing to an id that exists would overwrite that context.

use std::collections::BTreeSet;

use crate::plan::PinnedLanding;
use crate::policy_type::{Adapter, PolicyType};
use crate::preflight::{Holds, PreflightInput};
use crate::steps::{Landed, Landing};

/// Kind under which the chosen id stands among the landings of its subject.
pub(crate) const KIND: &str = "authentication_context_id";

/// The ids of one plan that are not free.
#[derive(Debug)]
pub(crate) struct ChosenIds {
    taken: BTreeSet<String>,
    /// Ids of the source's own contexts: those that keep theirs come first.
    wanted: BTreeSet<String>,
}

impl ChosenIds {
    pub(crate) fn new(input: &PreflightInput<'_>) -> Self {
        let contexts = |inventory: &crate::inventory::Inventory| -> BTreeSet<String> {
            inventory
                .policies
                .iter()
                .filter(|policy| policy.policy_type == "authenticationContexts")
                .map(|policy| policy.external_id.to_ascii_lowercase())
                .collect()
        };
        let mut taken = contexts(input.target);
        let referred = input.target_catalog.external_ids("authentication_context");
        taken.extend(referred.map(str::to_ascii_lowercase));
        Self {
            taken,
            wanted: contexts(input.source),
        }
    }

    /// The source's own id where it is free, else the first that nobody uses in either tenant,
    /// else the first free one.
    pub(crate) fn free(&self, preferred: &str) -> Option<String> {
        let preferred = preferred.to_ascii_lowercase();
        let all = || (1..=99).map(|number| format!("c{number}"));
        if all().any(|id| id == preferred) && !self.taken.contains(&preferred) {
            return Some(preferred);
        }
        let free = || all().filter(|id| !self.taken.contains(id));
        free()
            .find(|id| !self.wanted.contains(id))
            .or_else(|| free().next())
    }

    /// A subject of the plan has the id from now on.
    pub(crate) fn take(&mut self, row: &PolicyType, landing: &[PinnedLanding]) {
        if row.adapter != Adapter::AuthenticationContext {
            return;
        }
        for chosen in landing.iter().filter(|landing| landing.kind == KIND) {
            if let Landed::Id(id) = &chosen.landed {
                self.taken.insert(id.clone());
            }
        }
    }
}

/// Chooses the id of a new object, or holds the subject because none is free.
pub(crate) fn choose(chosen: &ChosenIds, own: &str, landing: &mut Landing, holds: &mut Holds) {
    match chosen.free(own) {
        Some(id) => {
            landing.insert((KIND.to_owned(), own.to_ascii_lowercase()), Landed::Id(id));
        }
        None => holds.block(
            "no_free_id",
            "The target uses all of the ids c1 to c99 for authentication contexts; remove one there.",
        ),
    }
}

/// The id that the plan chose, if it chose one.
pub(crate) fn of_landing(landing: &Landing) -> Option<&str> {
    landing.iter().find_map(|((kind, _), landed)| match landed {
        Landed::Id(id) if kind == KIND => Some(id.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(taken: &[&str], wanted: &[&str]) -> ChosenIds {
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        ChosenIds {
            taken: set(taken),
            wanted: set(wanted),
        }
    }

    #[test]
    fn the_own_id_is_kept_where_it_is_free() {
        assert_eq!(chosen(&["c1"], &["c5"]).free("c5").as_deref(), Some("c5"));
    }

    #[test]
    fn a_taken_id_gives_way_to_one_that_nobody_uses() {
        let ids = chosen(&["c1", "c2"], &["c1", "c3"]);
        assert_eq!(ids.free("c1").as_deref(), Some("c4"));
        assert_eq!(ids.free("c100").as_deref(), Some("c4"));
    }

    #[test]
    fn no_id_is_made_up_when_all_are_taken() {
        let all: Vec<String> = (1..=99).map(|number| format!("c{number}")).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(chosen(&all, &[]).free("c1"), None);
        let most: Vec<&str> = all.iter().copied().take(98).collect();
        assert_eq!(chosen(&most, &all).free("c1").as_deref(), Some("c99"));
    }
}
