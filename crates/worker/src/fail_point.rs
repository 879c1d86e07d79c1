//! Places where a test can make this process die or stand still.
//!
//! Compiled in with the feature `fail-points` only. `PROMOTION_FAIL_POINT=name:action[:nth]`:
//! `abort` ends the process at once, `stall` holds the caller for ten minutes, both at the nth
//! passing (the first by default).

/// Names a place. Does nothing without the feature.
#[macro_export]
macro_rules! fail_point {
    ($name:literal) => {
        #[cfg(feature = "fail-points")]
        $crate::fail_point::pass($name).await;
    };
}

/// Passes a place.
#[cfg(feature = "fail-points")]
pub(crate) async fn pass(name: &str) {
    use std::sync::atomic::{AtomicU32, Ordering};

    static PASSED: AtomicU32 = AtomicU32::new(0);
    let Ok(script) = std::env::var("PROMOTION_FAIL_POINT") else {
        return;
    };
    let mut parts = script.split(':');
    if parts.next() != Some(name) {
        return;
    }
    let action = parts.next().unwrap_or("abort");
    let nth = parts.next().and_then(|n| n.parse().ok()).unwrap_or(1);
    if PASSED.fetch_add(1, Ordering::SeqCst) + 1 != nth {
        return;
    }
    tracing::warn!(fail_point = name, action, "fail point");
    match action {
        "stall" => tokio::time::sleep(std::time::Duration::from_mins(10)).await,
        _ => std::process::abort(),
    }
}
