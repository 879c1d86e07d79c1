//! Places where a test can make this process die or stand still.
//!
//! Compiled in with the feature `fail-points` only. `PROMOTION_FAIL_POINT=place[/step]:action[:nth]`:
//! `abort` ends the process at once, `stall` holds the caller for ten minutes, both at the nth
//! passing (the first by default). With a step (the part of its name before a colon) only passings
//! of that step of the write path count.

/// Names a place, and the step of the write path it is passed with. Does nothing without the
/// feature.
#[macro_export]
macro_rules! fail_point {
    ($name:literal) => {
        #[cfg(feature = "fail-points")]
        $crate::fail_point::pass($name, "").await;
    };
    ($name:literal, $step:expr) => {
        #[cfg(feature = "fail-points")]
        $crate::fail_point::pass($name, $step).await;
    };
}

/// Passes a place.
#[cfg(feature = "fail-points")]
pub(crate) async fn pass(name: &str, step: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};

    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(script) = std::env::var("PROMOTION_FAIL_POINT") else {
        return;
    };
    let mut parts = script.split(':');
    let place = parts.next().unwrap_or_default();
    let (place, wanted) = place.split_once('/').unwrap_or((place, ""));
    let step = step.split(':').next().unwrap_or_default();
    if place != name || !(wanted.is_empty() || wanted == step) {
        return;
    }
    let action = parts.next().unwrap_or("abort");
    let nth = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    if PASSED.fetch_add(1, Ordering::SeqCst) + 1 != nth {
        return;
    }
    tracing::warn!(fail_point = name, step, action, "fail point");
    match action {
        "stall" => tokio::time::sleep(std::time::Duration::from_mins(10)).await,
        _ => std::process::abort(),
    }
}
