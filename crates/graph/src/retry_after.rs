//! Decides how long to wait after Graph asked for patience.
//!
//! Graph's `Retry-After` may be absent, `0`, a decimal, an HTTP date, or sit as `RetryAfter` inside
//! the JSON text that Intune puts into an error message. Pure: the time and the randomness are
//! arguments.

use std::time::Duration;

use chrono::{DateTime, Utc};

/// No wait is shorter.
pub const FLOOR: Duration = Duration::from_secs(2);
/// No wait is longer.
pub const CAP: Duration = Duration::from_mins(5);
/// A longer wait is handed to the caller (who parks the run) instead of being sat out.
pub const PARK_AFTER: Duration = Duration::from_secs(30);
/// The most that jitter adds.
const JITTER_CAP: Duration = Duration::from_secs(10);

/// Reads one value. `None` means that it asks for nothing usable: absent, `0`, in the past, or not
/// understood.
pub fn parse(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    let wait = seconds(text)
        .or_else(|| clock_form(text))
        .or_else(|| date_form(text, now))?;
    (wait > Duration::ZERO).then_some(wait)
}

/// How long to wait: the hint or, without one, an exponential step; never under [`FLOOR`], spread
/// by jitter, never over [`CAP`]. `random` lies in `0.0..1.0`; anything else counts as the nearest.
pub fn wait(hint: Option<Duration>, attempt: u32, random: f64) -> Duration {
    let step = FLOOR.saturating_mul(1 << attempt.min(8));
    let base = hint.unwrap_or(step).clamp(FLOOR, CAP);
    let share = if random.is_finite() {
        random.clamp(0.0, 1.0)
    } else {
        1.0
    };
    base.saturating_add(base.min(JITTER_CAP).mul_f64(share))
        .min(CAP)
}

/// `12` or `1.5`.
fn seconds(text: &str) -> Option<Duration> {
    let digits = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !digits {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    Some(Duration::try_from_secs_f64(value).unwrap_or(CAP))
}

/// `00:01:30`, the form of a .NET time span.
fn clock_form(text: &str) -> Option<Duration> {
    let mut total = 0_f64;
    let mut parts = 0;
    for part in text.split(':') {
        let digits = part
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.');
        if part.is_empty() || !digits {
            return None;
        }
        total = total * 60.0 + part.parse::<f64>().ok()?;
        parts += 1;
    }
    (parts == 3).then(|| Duration::try_from_secs_f64(total).unwrap_or(CAP))
}

fn date_form(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let moment = httpdate::parse_http_date(text).ok()?;
    (DateTime::<Utc>::from(moment) - now).to_std().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default()
    }

    #[test]
    fn every_form_is_understood() {
        let in_a_minute = httpdate::fmt_http_date((now() + chrono::TimeDelta::seconds(60)).into());
        let past = httpdate::fmt_http_date((now() - chrono::TimeDelta::seconds(60)).into());
        for (text, expected) in [
            ("", None),
            ("0", None),
            ("0.0", None),
            ("-5", None),
            ("inf", None),
            ("1e5", None),
            ("soon", None),
            ("10", Some(10_000)),
            (" 1.5 ", Some(1_500)),
            ("00:00:30", Some(30_000)),
            ("00:01:00.5", Some(60_500)),
            ("1:2", None),
            (in_a_minute.as_str(), Some(60_000)),
            (past.as_str(), None),
        ] {
            assert_eq!(
                parse(text, now()),
                expected.map(Duration::from_millis),
                "{text:?}"
            );
        }
    }

    #[test]
    fn a_wait_never_undercuts_the_hint_or_the_floor() {
        assert_eq!(wait(None, 0, 0.0), FLOOR);
        assert_eq!(wait(Some(Duration::from_millis(10)), 0, 0.0), FLOOR);
        assert_eq!(wait(Some(Duration::from_mins(1)), 0, 0.0).as_secs(), 60);
        assert_eq!(wait(Some(Duration::from_mins(1)), 0, 1.0).as_secs(), 70);
        assert_eq!(wait(Some(Duration::from_secs(9_999)), 0, 0.5), CAP);
        assert!(wait(None, 3, 0.0) > wait(None, 1, 0.0));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in ".{0,80}", attempt: u32, random: f64) {
            let hint = parse(&text, now());
            let wait = wait(hint, attempt, random);
            prop_assert!((FLOOR..=CAP).contains(&wait));
        }

        #[test]
        fn digits_and_dots_never_panic(text in "[0-9.:]{0,70}") {
            let _ = parse(&text, now());
        }
    }
}
