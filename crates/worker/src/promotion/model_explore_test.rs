//! Explores the model of the run protocol: every state that can be reached, what is wrong in it, and
//! whether the end can be reached from it.

use std::collections::{HashMap, VecDeque};

use super::model::{Protocol, State, Violation};

/// What an exploration found.
struct Explored {
    states: usize,
    ends: usize,
    violations: Vec<Violation>,
    /// States from which no order of steps ends the run.
    stuck: usize,
}

/// Every state that can be reached, and whether the end can be reached from each.
fn explore(protocol: Protocol, start: State) -> Explored {
    let mut numbers: HashMap<State, usize> = HashMap::new();
    let mut before: Vec<Vec<usize>> = vec![Vec::new()];
    let mut ended: Vec<usize> = Vec::new();
    let mut violations: Vec<Violation> = Vec::new();
    let mut open = VecDeque::from([start.clone()]);
    numbers.insert(start, 0);
    while let Some(state) = open.pop_front() {
        let number = numbers[&state];
        if let Some(violation) = state.violation {
            violations.push(violation);
            // What comes of a violation is of no interest.
            ended.push(number);
            continue;
        }
        if state.completed {
            ended.push(number);
        }
        for next in state.next(protocol) {
            let known = numbers.len();
            let to = *numbers.entry(next.clone()).or_insert(known);
            if to == known {
                before.push(Vec::new());
                open.push_back(next);
            }
            before[to].push(number);
        }
    }
    violations.sort_unstable();
    violations.dedup();
    let ends = ended.len();
    let mut ending = vec![false; before.len()];
    while let Some(number) = ended.pop() {
        if !std::mem::replace(&mut ending[number], true) {
            ended.extend(&before[number]);
        }
    }
    let stuck = ending.iter().filter(|reaches| !**reaches).count();
    Explored {
        states: before.len(),
        ends,
        violations,
        stuck,
    }
}

#[test]
fn in_every_order_nothing_is_doubled_lost_stale_or_without_an_end() {
    is_sound(&explore(Protocol::Sound, State::start()));
}

#[test]
fn a_create_that_is_refused_for_its_links_and_sent_without_them_makes_one_object_in_every_order() {
    is_sound(&explore(Protocol::Sound, State::start_with_links()));
}

fn is_sound(found: &Explored) {
    eprintln!(
        "model of the run protocol: {} states, {} ends, violations {:?}, stuck {}",
        found.states, found.ends, found.violations, found.stuck
    );
    assert!(found.states > 10_000 && found.ends > 1_000);
    assert!(found.violations.is_empty(), "{:?}", found.violations);
    assert_eq!(found.stuck, 0);
}

#[test]
fn the_model_catches_each_broken_variant() {
    for (protocol, expected) in [
        (Protocol::IntentAfterWrite, Violation::WriteWithoutIntent),
        (Protocol::NoFence, Violation::StaleRecord),
        (Protocol::NoFence, Violation::Duplicate),
        (Protocol::BlindRetry, Violation::Duplicate),
    ] {
        let found = explore(protocol, State::start());
        assert!(
            found.violations.contains(&expected),
            "{protocol:?}: {:?} in {} states",
            found.violations,
            found.states
        );
    }
}
