//! The one place that reads the wall clock.

use chrono::{DateTime, SecondsFormat, Utc};

/// Now, as stored and compared.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now()
}

/// Now, as Graph writes it into entities: seven digits of a second.
pub(crate) fn graph_time() -> String {
    let now = now();
    format!(
        "{}.{:07}Z",
        now.format("%Y-%m-%dT%H:%M:%S"),
        now.timestamp_subsec_nanos() / 100
    )
}

/// Now, as Graph writes it into error documents: whole seconds and no zone.
pub(crate) fn graph_time_seconds() -> String {
    now().format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// Now, RFC 3339 with milliseconds.
pub(crate) fn stamp() -> String {
    now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Now, as an HTTP `Date` header.
pub(crate) fn http_date() -> String {
    now().format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}
