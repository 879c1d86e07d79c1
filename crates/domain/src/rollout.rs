//! The rollout of a feature update: which dates the service takes, and what a choice makes of others.
//!
//! The service refuses a rollout that has begun; one in stages (with an end) has to begin two days from
//! now and to last a day. A rollout that stands in the target already is not sent again, so that it is
//! never judged. Pure: the present time is an argument.

use chrono::{DateTime, Days, TimeDelta, Utc};
use serde_json::{Map, Value};

use crate::json::pattern;
use crate::policy_type::PolicyType;
use crate::selection::FeatureUpdateRollout;

const ROOT: &str = "rolloutSettings";
const START: &str = "offerStartDateTimeInUTC";
const END: &str = "offerEndDateTimeInUTC";
const INTERVAL: &str = "offerIntervalInDays";

/// How long before its begin a rollout in stages has to be known to the service.
const NOTICE: TimeDelta = TimeDelta::days(2);
/// How long a rollout in stages lasts at least.
const SHORTEST: TimeDelta = TimeDelta::days(1);

/// Why the service would not take the dates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// `date_in_past` or `rollout_dates_refused`.
    pub code: &'static str,
    /// Names the place and the rule.
    pub why: String,
}

/// The dates of a content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Dates {
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
}

/// Whether objects of the row have a rollout.
pub(crate) fn has(row: &PolicyType) -> bool {
    row.future_dates
        .iter()
        .any(|place| place.strip_prefix(ROOT).is_some())
}

/// Why the dates of the source would be refused; `None` where the service takes them, or has them.
pub(crate) fn refused(
    source: &Value,
    target: Option<&Value>,
    now: DateTime<Utc>,
) -> Option<Refused> {
    if target.is_some_and(|target| same(source, target)) {
        return None;
    }
    let dates = dates(source);
    let refuse = |code, name: &str, date: DateTime<Utc>, rule: &str| {
        Some(Refused {
            code,
            why: format!("/{ROOT}/{name} is {}, {rule}", written(date)),
        })
    };
    let past = "which has passed; the service does not take it.";
    if let Some(end) = dates.end.filter(|end| *end < now) {
        return refuse("date_in_past", END, end, past);
    }
    let start = dates.start?;
    let Some(end) = dates.end else {
        let stands = target.is_some_and(|target| self::dates(target).start == Some(start));
        if start < now && !stands {
            return refuse("date_in_past", START, start, past);
        }
        return None;
    };
    if start < now {
        return refuse("date_in_past", START, start, past);
    }
    if start < now + NOTICE {
        let rule = "and a rollout in stages has to begin at least two days from now.";
        return refuse("rollout_dates_refused", START, start, rule);
    }
    if end < start + SHORTEST {
        let rule = "less than a day after the begin of the rollout.";
        return refuse("rollout_dates_refused", END, end, rule);
    }
    None
}

/// The first begin at the source's time of day that leaves a day to review and to run.
pub(crate) fn shifted_start(source: &Value, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let dates = dates(source);
    let start = dates.start.or(dates.end)?;
    let days = if dates.end.is_some() { 4 } else { 2 };
    let day = now.date_naive().checked_add_days(Days::new(days))?;
    Some(day.and_time(start.time()).and_utc())
}

/// Makes of the wanted content what the choice says. A rollout that stands in the target stays.
pub(crate) fn settle(
    row: &PolicyType,
    content: &mut Value,
    target: Option<&Value>,
    choice: FeatureUpdateRollout,
    start: Option<DateTime<Utc>>,
) {
    if !has(row) || content.get(ROOT).is_none_or(Value::is_null) {
        return;
    }
    if let Some(target) = target.filter(|target| same(content, target)) {
        // Spelled as it stands, so that it is not sent again.
        let standing = target.get(ROOT).cloned();
        if let (Some(members), Some(standing)) = (content.as_object_mut(), standing) {
            members.insert(ROOT.to_owned(), standing);
        }
        return;
    }
    match (choice, start) {
        (FeatureUpdateRollout::Drop, _) => pattern::remove(content, ROOT),
        (FeatureUpdateRollout::Shift, Some(start)) => {
            let dates = dates(content);
            if let Some(Value::Object(rollout)) = content.get_mut(ROOT) {
                shift(rollout, dates, start);
            }
        }
        (FeatureUpdateRollout::Keep | FeatureUpdateRollout::Shift, _) => {}
    }
}

fn shift(rollout: &mut Map<String, Value>, dates: Dates, start: DateTime<Utc>) {
    let mut set = |name: &str, date: DateTime<Utc>| {
        rollout.insert(name.to_owned(), Value::String(written(date)));
    };
    set(START, start);
    if let Some(end) = dates.end {
        let length = dates.start.map_or(SHORTEST, |begun| end - begun);
        set(END, start + length.max(SHORTEST));
    }
}

/// Whether two contents say the same rollout, however the dates are spelled.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    let interval = |content: &Value| {
        let place = format!("{ROOT}.{INTERVAL}");
        pattern::get(content, &place).and_then(Value::as_i64)
    };
    dates(one) == dates(other) && interval(one) == interval(other)
}

fn dates(content: &Value) -> Dates {
    let date = |name: &str| {
        let text = content.get(ROOT)?.get(name)?.as_str()?;
        let date = DateTime::parse_from_rfc3339(text).ok()?;
        Some(date.with_timezone(&Utc))
    };
    Dates {
        start: date(START),
        end: date(END),
    }
}

/// As Graph spells dates.
pub(crate) fn written(date: DateTime<Utc>) -> String {
    date.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}
