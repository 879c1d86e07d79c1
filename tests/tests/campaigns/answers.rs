//! Faulty answers: cut or failed after the effect, cut JSON, no id, late visibility, throttling.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};

use crate::course::{Course, rounds};
use crate::field;
use crate::judge::{Figures, judge, step_of};

/// A fault of the write path, for a tenant.
fn fault(course: &mut Course, number: usize, tenant: &str) -> Value {
    let mut fault = match number % 11 {
        0 | 1 => json!({"kind": "cut_after_effect"}),
        2 | 3 => {
            json!({"kind": "status_after_effect", "status": course.pick(&[500, 502, 503, 504], 1)[0]})
        }
        4 => json!({"kind": "truncate_body_after_effect"}),
        5 => json!({"kind": "created_without_id"}),
        6 => json!({"kind": "delayed_visibility", "ms": course.between(500, 6_000)}),
        7 => json!({"kind": "throttle"}),
        8 => json!({"kind": "throttle", "retry_after": course.between(0, 3), "nested": true}),
        9 => json!({"kind": "throttle", "retry_after": "0.5"}),
        _ => json!({"kind": "malformed_json"}),
    };
    fault["tenant"] = json!(tenant);
    fault["method"] = json!(course.pick(&["POST", "POST", "POST", "PATCH", "PUT"], 1)[0]);
    fault["path_regex"] = json!("deviceManagement|identity|deviceAppManagement");
    fault["skip"] = json!(course.between(0, 40));
    fault["times"] = json!(course.between(1, 3));
    fault
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_answers() -> Result<()> {
    let mut course = Course::new(4_201);
    let mut figures = Figures::default();
    let stack = field::start(1, &[]).await?;
    for _ in 0..rounds(2, 2_000) {
        let mut round = field::review(&stack).await?;
        stack.sim.clear_faults().await?;
        for number in 0..33 {
            let fault = fault(&mut course, number, &round.entra);
            stack.sim.fault(fault).await?;
        }
        field::execute(&stack.api, &mut round).await?;
        stack
            .api
            .wait_for_run(&round.run, Duration::from_mins(5))
            .await?;
        for entry in stack.sim.journal(&round.entra, true).await? {
            if let Some(kind) = entry["fault"].as_str() {
                figures.land(format!("{} {kind}", step_of(&entry)));
            }
        }
        judge(&stack, &round, &mut figures).await?;
    }
    let calls: usize = figures.landed.values().sum();
    let steps = [
        "create cut",
        "create status",
        "create trunc",
        "create created_without_id",
        "throttle",
        "replace",
    ];
    figures.close(
        "faulty answers",
        course.seed,
        &format!("faulty calls {calls}"),
        &steps,
    )
}
