//! Dates that the service refuses, and dates that mean something else once they have passed.
//!
//! The rollout of a feature update has a rule of its own ([`crate::rollout`]) and leaves a person three
//! choices; any other date of a row must not have passed.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde_json::Value;

use crate::compare::Reason;
use crate::json::pattern;
use crate::model::CapturedPolicy;
use crate::plan::PlannedSubject;
use crate::policy_type::{Adapter, PolicyType};
use crate::preflight::{Holds, PreflightInput};
use crate::rollout;
use crate::selection::{Carry, FeatureUpdateRollout};

/// Holds what the service would refuse; answers when a moved rollout begins.
pub(super) fn settle(
    row: &PolicyType,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    (now, choice): (DateTime<Utc>, FeatureUpdateRollout),
    holds: &mut Holds,
) -> Option<DateTime<Utc>> {
    if !rollout::has(row) {
        hold_past(row, now, source, target, holds);
        return None;
    }
    let standing = target.map(|target| &target.content);
    let refused = rollout::refused(&source.content, standing, now)?;
    let start = rollout::shifted_start(&source.content, now)?;
    match choice {
        FeatureUpdateRollout::Drop => None,
        FeatureUpdateRollout::Shift => Some(start),
        FeatureUpdateRollout::Keep => {
            let text = format!(
                "{} Choose what becomes of it with options.feature_update_rollout: \"drop\" offers the \
                 update at once, \"shift\" begins on {} and keeps the length of the rollout, \"keep\" \
                 waits until the source has other dates.",
                refused.why,
                rollout::written(start)
            );
            holds.manual(refused.code, text);
            None
        }
    }
}

/// Why a captured version cannot be written back as it stands: nobody is asked to choose there.
pub(crate) fn refused_in_restore(
    row: &PolicyType,
    wanted: &CapturedPolicy,
    current: &CapturedPolicy,
    now: DateTime<Utc>,
) -> Option<Reason> {
    let mut holds = Vec::new();
    if rollout::has(row) {
        let refused = rollout::refused(&wanted.content, Some(&current.content), now)?;
        let text = format!(
            "{} Set the rollout by hand in the Intune admin center.",
            refused.why
        );
        return Some(Reason::new(refused.code, text));
    }
    past(row, now, wanted, Some(current), &mut |text| {
        holds.push(text);
    });
    let text = holds.into_iter().next()?;
    Some(Reason::new("date_in_past", text))
}

fn hold_past(
    row: &PolicyType,
    now: DateTime<Utc>,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    holds: &mut Holds,
) {
    past(row, now, source, target, &mut |text| {
        holds.block(
            "date_in_past",
            format!("{text} Change the date in the source."),
        );
    });
}

fn past(
    row: &PolicyType,
    now: DateTime<Utc>,
    source: &CapturedPolicy,
    target: Option<&CapturedPolicy>,
    say: &mut dyn FnMut(String),
) {
    for place in row.future_dates {
        let date = |policy: &CapturedPolicy| {
            let text = pattern::get(&policy.content, place)?.as_str()?;
            DateTime::parse_from_rfc3339(text).ok()
        };
        let Some(wanted) = date(source) else { continue };
        if wanted < now && target.and_then(date) != Some(wanted) {
            say(format!(
                "/{} is {wanted}, which has passed; Graph refuses it.",
                place.replace('.', "/")
            ));
        }
    }
}

/// A word on a rollout that is not the source's.
pub(super) fn warning(
    row: &PolicyType,
    source: &CapturedPolicy,
    planned: &PlannedSubject,
) -> Option<Reason> {
    if !rollout::has(row) || rollout::same(&source.content, &planned.written.expected.content) {
        return None;
    }
    let what = match planned.pinned.adjustments.rollout_start {
        Some(start) => format!("the rollout would begin on {}", rollout::written(start)),
        None => "the update would be offered at once, without the source's rollout".to_owned(),
    };
    let text = format!("{:?}: {what}.", source.display_name);
    Some(Reason::new("rollout_changed", text))
}

/// Members of an assignment with a moment after which it means something else: a deadline that has
/// passed acts at once, a schedule for one day never again.
const MOMENTS: [&str; 2] = ["deadlineDateTime", "startDateTime"];
const ONCE: &str = "deviceHealthScriptRunOnceSchedule";

/// A schedule in a policy's settings that begins at a moment; one that does not recur has its only run
/// then.
const SCHEDULE: &str = "ForceUpdateSchedule";
const NO_RECURRENCE: &str = "none";

/// A word on schedules of the settings that run once, at a moment that has passed.
pub(super) fn warning_of_settings(
    row: &PolicyType,
    source: &CapturedPolicy,
    now: DateTime<Utc>,
) -> Option<Reason> {
    if row.adapter != Adapter::DeviceConfiguration {
        return None;
    }
    let members = source.content.as_object()?;
    let mut passed = Vec::new();
    for (name, schedule) in members.iter().filter(|(name, _)| name.ends_with(SCHEDULE)) {
        let text = |member: &str| schedule.get(member).and_then(Value::as_str);
        let once = text("recurrence").is_none_or(|word| word == NO_RECURRENCE);
        let moment = text("startDateTime").and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        if let Some(moment) = moment.filter(|moment| once && *moment < now) {
            let moment = rollout::written(moment.with_timezone(&Utc));
            passed.push(format!("/{name}/startDateTime ({moment})"));
        }
    }
    if passed.is_empty() {
        return None;
    }
    let text = format!(
        "{:?}: {} has passed; a schedule that runs once does not run again, or runs at once.",
        source.display_name,
        passed.join(", ")
    );
    Some(Reason::new("date_has_passed", text))
}

/// A word on assignments whose moment has passed.
pub(super) fn warning_of_assignments(
    input: &PreflightInput<'_>,
    row: &PolicyType,
    source: &CapturedPolicy,
) -> Option<Reason> {
    if row.assignments.is_none() || input.selection.options.assignments != Carry::Map {
        return None;
    }
    let mut passed = Vec::new();
    walk(&source.assignments, "/assignments", &mut |at, moment| {
        if moment < input.now {
            passed.push(format!("{at} ({})", rollout::written(moment)));
        }
    });
    if passed.is_empty() {
        return None;
    }
    let text = format!(
        "{:?}: {} has passed; a deadline that has passed acts at once, a schedule for one day does not \
         run again.",
        source.display_name,
        passed.join(", ")
    );
    Some(Reason::new("date_has_passed", text))
}

fn walk(value: &Value, at: &str, visit: &mut dyn FnMut(&str, DateTime<Utc>)) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(item, &format!("{at}/{index}"), visit);
            }
        }
        Value::Object(members) => {
            if crate::policy_type::odata_type(value) == ONCE
                && let Some(moment) = once(value)
            {
                visit(at, moment);
            }
            for (name, member) in members {
                let below = format!("{at}/{name}");
                let text = member.as_str().filter(|_| MOMENTS.contains(&name.as_str()));
                match text.map(DateTime::parse_from_rfc3339) {
                    Some(Ok(moment)) => visit(&below, moment.with_timezone(&Utc)),
                    _ => walk(member, &below, visit),
                }
            }
        }
        _ => {}
    }
}

/// The moment of a schedule that runs once, to the second at most.
fn once(schedule: &Value) -> Option<DateTime<Utc>> {
    let text = |name: &str| schedule.get(name).and_then(Value::as_str);
    let time = text("time")
        .and_then(|time| time.split('.').next())
        .unwrap_or("23:59:59");
    let both = format!("{} {time}", text("date")?.get(..10)?);
    let moment = NaiveDateTime::parse_from_str(&both, "%Y-%m-%d %H:%M:%S").ok()?;
    Some(moment.and_utc())
}
