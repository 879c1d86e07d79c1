//! Faulty answers to every step of the write path: cut or failed after the effect, cut before it,
//! truncated JSON, no id, late visibility; and a few reads that fail or are throttled.

use std::collections::BTreeSet;

use anyhow::Result;
use futures::future::try_join_all;
use promotion_tests::stack::Stack;
use serde_json::{Value, json};

use crate::course::{Course, figure};
use crate::field::{self, LONGEST, POLICIES, Round, Setup};
use crate::judge::{Figures, judge, step_of, took_effect};

/// What goes wrong, by how often.
const KINDS: [(&str, usize); 10] = [
    ("cut_after_effect", 5),
    ("status_after_effect", 5),
    ("truncate_body_after_effect", 4),
    ("malformed_json", 3),
    ("created_without_id", 3),
    ("delayed_visibility", 3),
    ("cut_before_effect", 1),
    ("status_before_effect", 1),
    ("throttle", 1),
    ("slow_after_effect", 1),
];
/// Runs beside each other, and subjects of each.
const TARGETS: usize = 4;

/// A fault of the write path, for a tenant whose run sends some `requests`.
fn fault(course: &mut Course, tenant: &str, requests: u64) -> Value {
    let weighted: Vec<&str> = KINDS
        .iter()
        .flat_map(|(kind, weight)| std::iter::repeat_n(*kind, *weight))
        .collect();
    let kind = course.pick(&weighted, 1)[0];
    let mut fault = json!({"kind": kind});
    match kind {
        "status_after_effect" | "status_before_effect" => {
            fault["status"] = json!(course.pick(&[500, 502, 503, 504], 1)[0]);
        }
        "delayed_visibility" => fault["ms"] = json!(course.between(200, 2_500)),
        "slow_after_effect" => fault["ms"] = json!(4_500),
        "throttle" => {
            fault["retry_after"] =
                course.pick(&[json!(0), json!(1), json!("0.5"), json!("http-date")], 1)[0].clone();
            fault["nested"] = json!(course.number().is_multiple_of(2));
        }
        _ => {}
    }
    let methods: &[(&str, &str)] = &[
        ("POST", POLICIES),
        ("POST", POLICIES),
        ("POST", POLICIES),
        ("POST", "/assign$"),
        ("PATCH", POLICIES),
        ("PUT", POLICIES),
        (
            "POST",
            "localizedNotificationMessages|scheduleActionsForRules",
        ),
    ];
    let (method, path) = course.pick(methods, 1)[0];
    fault["tenant"] = json!(tenant);
    fault["method"] = json!(method);
    fault["path_regex"] = json!(path);
    // There are few calls but POSTs of policies.
    let most = if method == "POST" && path != methods[6].1 {
        requests
    } else {
        12
    };
    fault["skip"] = json!(course.between(0, most));
    fault
}

/// Reads that fail now and then.
async fn spoil_reads(stack: &Stack, course: &mut Course, tenant: &str) -> Result<()> {
    for kind in ["cut_after_effect", "malformed_json", "status_before_effect"] {
        for _ in 0..6 {
            let fault = json!({"kind": kind, "status": 503, "tenant": tenant, "method": "GET",
                "path_regex": POLICIES, "skip": course.between(50, 900)});
            stack.sim.fault(fault).await?;
        }
    }
    Ok(())
}

/// Rounds in one installation until so many calls were faulty.
pub async fn campaign(
    course: &mut Course,
    setup: Setup,
    calls: usize,
    subjects: usize,
) -> Result<(Figures, usize)> {
    let mut figures = Figures::default();
    let stack = field::start(setup).await?;
    let mut faulty = 0;
    while faulty < calls {
        let mut rounds: Vec<Round> = Vec::new();
        for _ in 0..TARGETS.min(calls.div_ceil(subjects)) {
            rounds.push(field::review(&stack, course, subjects).await?);
        }
        stack.sim.clear_faults().await?;
        for round in &rounds {
            let requests = subjects as u64 * 3;
            for _ in 0..subjects * 3 {
                stack
                    .sim
                    .fault(fault(course, &round.entra, requests))
                    .await?;
            }
            spoil_reads(&stack, course, &round.entra).await?;
        }
        for round in &mut rounds {
            field::execute(&stack.api, round).await?;
        }
        try_join_all(rounds.iter().map(|round| async {
            anyhow::Ok(field::wait_for_end(&stack, &round.run, LONGEST).await)
        }))
        .await?;
        for round in &rounds {
            for entry in stack.sim.journal(&round.entra, false).await? {
                let Some(kind) = entry["fault"].as_str() else {
                    continue;
                };
                faulty += 1;
                let kinds: BTreeSet<&str> = kind.split('+').collect();
                for kind in kinds {
                    figures.land(format!("{} {kind}", step_of(&entry)));
                }
                if took_effect(&entry) {
                    figures.land("with effect");
                }
            }
            judge(&stack, round, &mut figures).await?;
        }
    }
    Ok((figures, faulty))
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_answers() -> Result<()> {
    let mut course = Course::new(4_201);
    let calls = figure(60, 2_000, 100_000);
    let subjects = figure(40, 180, 180);
    let (figures, faulty) = campaign(&mut course, Setup::default(), calls, subjects).await?;
    let steps = [
        "create cut_after",
        "create status_after",
        "create truncate",
        "create created_without_id",
        "create delayed_visibility",
        "assign",
        "replace",
        "child",
    ];
    let steps = if calls < 2_000 {
        &steps[..4]
    } else {
        &steps[..]
    };
    figures.close(
        "faulty answers",
        course.seed,
        &format!("faulty calls {faulty}"),
        steps,
    )
}
