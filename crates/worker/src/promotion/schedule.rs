//! Which subject may start next. Pure: waves in order, dependencies before dependants, bounded
//! concurrency, Conditional Access one by one.

use domain::run::ItemOutcome;

/// Subjects at the same time per target tenant (Microsoft's guidance for Intune writes).
pub(crate) const CONCURRENT_SUBJECTS: usize = 4;

/// One subject as the schedule sees it.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Wave.
    pub(crate) wave: u8,
    /// Whether its type allows one at a time.
    pub(crate) serial: bool,
    /// Positions of the subjects it needs.
    pub(crate) needs: Vec<usize>,
    /// A need that is not part of this run.
    pub(crate) needs_stranger: bool,
    /// Where it stands.
    pub(crate) outcome: ItemOutcome,
    /// Whether it is being worked on.
    pub(crate) running: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Start this one.
    Start(usize),
    /// Skip it: something it needs did not succeed.
    DependencyFailed(usize),
    /// Nothing may start until something ends.
    Wait,
    /// Everything has ended.
    Finished,
}

/// Decides.
pub(crate) fn next(slots: &[Slot]) -> Next {
    let Some(wave) = slots
        .iter()
        .filter(|slot| !slot.outcome.is_terminal())
        .map(|slot| slot.wave)
        .min()
    else {
        return Next::Finished;
    };
    let running = slots.iter().filter(|slot| slot.running).count();
    let serial_busy = slots.iter().any(|slot| slot.running && slot.serial);
    for (position, slot) in slots.iter().enumerate() {
        if slot.wave != wave || slot.running || slot.outcome.is_terminal() {
            continue;
        }
        // What is already being written is carried on whatever became of its needs.
        if slot.outcome == ItemOutcome::Pending {
            let ended = |need: &usize| slots.get(*need).map(|slot| slot.outcome);
            let failed =
                |outcome: ItemOutcome| outcome.is_terminal() && outcome != ItemOutcome::Succeeded;
            if slot.needs_stranger || slot.needs.iter().filter_map(ended).any(failed) {
                return Next::DependencyFailed(position);
            }
            if slot
                .needs
                .iter()
                .filter_map(ended)
                .any(|outcome| !outcome.is_terminal())
            {
                continue;
            }
        }
        if running >= CONCURRENT_SUBJECTS || (slot.serial && serial_busy) {
            continue;
        }
        return Next::Start(position);
    }
    if running > 0 {
        return Next::Wait;
    }
    // Nothing runs and nothing may start: needs that form a circle can never be met.
    slots
        .iter()
        .position(|slot| slot.wave == wave && !slot.outcome.is_terminal())
        .map_or(Next::Finished, Next::DependencyFailed)
}

/// Decides after a stop: only what was begun goes on, whatever its wave.
pub(crate) fn next_begun(slots: &[Slot]) -> Next {
    let running = slots.iter().filter(|slot| slot.running).count();
    let serial_busy = slots.iter().any(|slot| slot.running && slot.serial);
    let begun = slots.iter().position(|slot| {
        slot.outcome == ItemOutcome::Writing && !slot.running && !(slot.serial && serial_busy)
    });
    match begun {
        Some(position) if running < CONCURRENT_SUBJECTS => Next::Start(position),
        _ if running > 0 => Next::Wait,
        _ => Next::Finished,
    }
}

#[cfg(test)]
#[expect(
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]
mod tests {
    use super::*;

    fn slot(wave: u8, needs: &[usize]) -> Slot {
        Slot {
            wave,
            serial: false,
            needs: needs.to_vec(),
            needs_stranger: false,
            outcome: ItemOutcome::Pending,
            running: false,
        }
    }

    #[test]
    fn a_later_wave_waits_for_an_earlier_one() {
        let mut slots = vec![slot(0, &[]), slot(3, &[])];
        assert_eq!(next(&slots), Next::Start(0));
        slots[0].running = true;
        assert_eq!(next(&slots), Next::Wait);
        slots[0].running = false;
        slots[0].outcome = ItemOutcome::Failed;
        assert_eq!(next(&slots), Next::Start(1));
    }

    #[test]
    fn a_dependant_of_a_failure_is_skipped_and_others_go_on() {
        let mut slots = vec![slot(0, &[]), slot(3, &[0]), slot(3, &[])];
        slots[0].outcome = ItemOutcome::Unknown;
        assert_eq!(next(&slots), Next::DependencyFailed(1));
        slots[1].outcome = ItemOutcome::Skipped;
        assert_eq!(next(&slots), Next::Start(2));
    }

    #[test]
    fn concurrency_is_bounded_and_serial_types_go_one_by_one() {
        let mut slots: Vec<Slot> = (0..6).map(|_| slot(1, &[])).collect();
        for (position, one) in slots.iter_mut().enumerate().take(CONCURRENT_SUBJECTS) {
            assert!(position < CONCURRENT_SUBJECTS);
            one.running = true;
        }
        assert_eq!(next(&slots), Next::Wait);
        let mut serial = vec![slot(6, &[]), slot(6, &[])];
        serial[0].serial = true;
        serial[1].serial = true;
        serial[0].running = true;
        assert_eq!(next(&serial), Next::Wait);
    }

    #[test]
    fn a_circle_ends_instead_of_hanging() {
        let slots = vec![slot(1, &[1]), slot(1, &[0])];
        assert_eq!(next(&slots), Next::DependencyFailed(0));
    }

    #[test]
    fn after_a_stop_only_what_was_begun_goes_on() {
        let mut slots = vec![slot(0, &[]), slot(1, &[]), slot(1, &[])];
        assert_eq!(next_begun(&slots), Next::Finished);
        slots[1].outcome = ItemOutcome::Writing;
        assert_eq!(next_begun(&slots), Next::Start(1));
        slots[1].running = true;
        assert_eq!(next_begun(&slots), Next::Wait);
        slots[1].running = false;
        slots[1].outcome = ItemOutcome::Succeeded;
        assert_eq!(next_begun(&slots), Next::Finished);
    }

    #[test]
    fn all_ended_is_finished() {
        let mut slots = vec![slot(0, &[])];
        slots[0].outcome = ItemOutcome::Succeeded;
        assert_eq!(next(&slots), Next::Finished);
        assert_eq!(next(&[]), Next::Finished);
    }
}
