//! The one place that reads the wall clock.

use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, SecondsFormat, Utc};

/// Seconds by which Graph's clock is ahead of the machine's, for the whole process.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Sets Graph's clock: what Graph dates, and the `Date` of its answers, follow it.
pub(crate) fn set_ahead(seconds: i64) {
    AHEAD.store(seconds, Ordering::Relaxed);
}

/// Now, by Graph's clock.
fn graph_now() -> DateTime<Utc> {
    now() + chrono::Duration::seconds(AHEAD.load(Ordering::Relaxed))
}

/// Now, as stored and compared.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Now, as Graph writes it into entities: seven digits of a second.
pub(crate) fn graph_time() -> String {
    let now = graph_now();
    format!(
        "{}.{:07}Z",
        now.format("%Y-%m-%dT%H:%M:%S"),
        now.timestamp_subsec_nanos() / 100
    )
}

/// Now, as Graph writes it into error documents: whole seconds and no zone.
pub(crate) fn graph_time_seconds() -> String {
    graph_now().format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Now, RFC 3339 with milliseconds.
pub(crate) fn stamp() -> String {
    now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Now, as an HTTP `Date` header.
pub(crate) fn http_date() -> String {
    graph_now().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
