//! Reads one policy type of a tenant to its end: list, items, sub-collections, assignments.
//!
//! Decides which trouble makes one object unreadable and which makes the whole type incomplete.
//! Stores nothing.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use domain::capture;
use domain::model::CapturedPolicy;
use domain::policy_type::PolicyType;
use futures::future::BoxFuture;
use futures::{FutureExt, StreamExt};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{one_object, outline};
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::provider::Reader;
use crate::read_policy;
use crate::read_problem::ReadProblem;

/// Objects whose details are read beside each other.
const OBJECTS_AT_ONCE: usize = 6;

/// One object of the list.
#[derive(Clone, Debug)]
pub(crate) enum Seen {
    /// Captured whole.
    Captured {
        policy: Box<CapturedPolicy>,
        observed_at: DateTime<Utc>,
    },
    /// Seen, but its content could not be captured.
    Unreadable {
        external_id: String,
        display_name: String,
        identity_key: String,
        reason: String,
        observed_at: DateTime<Utc>,
    },
}

/// What one reading of a type gave.
#[derive(Debug)]
pub(crate) struct TypeRead {
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) ended_at: DateTime<Utc>,
    pub(crate) seen: Vec<Seen>,
    /// Why the list is not whole; `None` when it is.
    pub(crate) problem: Option<(&'static str, String)>,
}

/// The reason code of a collection that the tenant does not offer.
pub(super) const NOT_SERVED: &str = "type_not_served";

/// What is said of such a collection.
pub(super) fn why_not_served(row: &PolicyType) -> (&'static str, String) {
    let message = format!("The tenant does not offer {}.", row.path);
    (NOT_SERVED, message)
}

/// Whether Graph says that there is no such collection at all, which is an answer and no failure:
/// clouds and licences differ. Clouds without a feature answer 404, or 400 with this sentence.
pub(super) fn not_served(problem: &ReadProblem) -> bool {
    match problem {
        ReadProblem::NotFound => true,
        ReadProblem::Rejected { message } => message.contains("Resource not found for the segment"),
        _ => false,
    }
}

/// Reads the type.
pub(crate) async fn read_type(
    job: &Job,
    reader: &Reader,
    row: &'static PolicyType,
) -> Result<TypeRead, Interrupt> {
    if let Some(member) = row.one_object {
        return one_object::read(job, reader, row, member).await;
    }
    let started_at = job.now();
    let mut seen = Vec::new();
    let mut ids = HashSet::new();
    let path = read_policy::list_path(row);
    let mut pages = reader.list(row.family, reader.version_of(row), &path);
    let mut asked_pages = 0_u32;
    let mut nameless = false;
    let problem = loop {
        let asked_at = job.now();
        let page = match pages.next().await {
            Ok(Some(page)) => page,
            Ok(None) => break None,
            Err(ReadProblem::Interrupted(interrupt)) => return Err(interrupt),
            Err(ReadProblem::Throttled { until }) => {
                // Asking again repeats the page.
                job.wait_until(until).await?;
                continue;
            }
            Err(problem) if ids.is_empty() && reader.narrows(row, &problem) => {
                pages = reader.list(row.family, row.version, &path);
                continue;
            }
            Err(problem) if asked_pages == 0 && not_served(&problem) => {
                break Some(why_not_served(row));
            }
            Err(problem) => break Some(problem.explain()),
        };
        asked_pages += 1;
        let mut listed = Vec::new();
        for raw in page {
            let (item, parsed) = parse(&raw);
            if parsed && !item.is_object() {
                nameless = true;
                continue;
            }
            if !capture::belongs(row, &item) {
                continue;
            }
            match item.get("id").and_then(Value::as_str) {
                Some(id) if !id.is_empty() => {
                    if ids.insert(id.to_owned()) {
                        listed.push((item, parsed));
                    }
                }
                _ => nameless = true,
            }
        }
        let reads: Vec<BoxFuture<'_, Result<Result<Seen, Problem>, Interrupt>>> = listed
            .into_iter()
            .map(|(item, parsed)| read_one(job, reader, row, item, parsed, asked_at).boxed())
            .collect();
        let reads = futures::stream::iter(reads)
            .buffer_unordered(OBJECTS_AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut refused = None;
        for read in reads {
            match read? {
                Ok(one) => seen.push(one),
                Err(problem) => refused = Some(problem),
            }
        }
        if refused.is_some() {
            break refused;
        }
    };
    // The others are captured all the same; only what is absent cannot be told any more.
    let problem = problem.or_else(|| {
        nameless.then(|| {
            (
                "id_missing",
                "An object of the list has no id; what is absent cannot be told.".to_owned(),
            )
        })
    });
    Ok(ended(job, row, started_at, seen, problem))
}

/// What a reading gave, said once where the type is not whole.
pub(super) fn ended(
    job: &Job,
    row: &PolicyType,
    started_at: DateTime<Utc>,
    seen: Vec<Seen>,
    problem: Option<Problem>,
) -> TypeRead {
    if let Some((code, message)) = &problem {
        tracing::warn!(run.id = %job.run.id, policy.r#type = row.key, code, message, "type is incomplete");
    }
    TypeRead {
        started_at,
        ended_at: job.now(),
        seen,
        problem,
    }
}

/// The item, or what can be told of it without its inside.
fn parse(raw: &RawValue) -> (Value, bool) {
    match serde_json::from_str(raw.get()) {
        Ok(item) => (item, true),
        Err(_) => (outline::flat(raw), false),
    }
}

/// Reason code and message.
pub(super) type Problem = (&'static str, String);

/// Reads the rest of one object. The inner error makes the whole type incomplete.
pub(super) async fn read_one(
    job: &Job,
    reader: &Reader,
    row: &'static PolicyType,
    item: Value,
    parsed: bool,
    observed_at: DateTime<Utc>,
) -> Result<Result<Seen, Problem>, Interrupt> {
    if !parsed {
        let reason = "unparsable_item: The object is not JSON that can be read, or nests too deep.";
        return Ok(Ok(unreadable(row, &item, reason, observed_at)));
    }
    loop {
        match read_policy::read_rest(reader, row, item.clone()).await {
            Ok(raw) => {
                return Ok(Ok(match capture::capture(row, raw, &job.env.secret_key) {
                    Ok(policy) => Seen::Captured {
                        policy: Box::new(policy),
                        observed_at,
                    },
                    Err(error) => {
                        let reason = format!("{}: {}", error.code, error.message);
                        unreadable(row, &item, &reason, observed_at)
                    }
                }));
            }
            Err(ReadProblem::Interrupted(interrupt)) => return Err(interrupt),
            Err(ReadProblem::Throttled { until }) => job.wait_until(until).await?,
            Err(problem @ ReadProblem::Unauthorized { .. }) => return Ok(Err(problem.explain())),
            Err(problem) => {
                let (code, message) = problem.explain();
                let reason = format!("{code}: {message}");
                return Ok(Ok(unreadable(row, &item, &reason, observed_at)));
            }
        }
    }
}

fn unreadable(row: &PolicyType, item: &Value, reason: &str, observed_at: DateTime<Utc>) -> Seen {
    let text = |property: &str| item.get(property).and_then(Value::as_str);
    let external_id = outline::bounded(&text("id").unwrap_or_default().replace('\0', ""));
    let name = text(row.name_property).filter(|name| !name.is_empty());
    let display_name = name.map_or_else(
        || external_id.clone(),
        |name| outline::bounded(&name.replace('\0', "")),
    );
    // The identity of a name too long to keep would be as long.
    let kept = name.is_some_and(|name| name == display_name);
    let identity_key = kept
        .then(|| capture::identity_of_list_item(row, item))
        .flatten()
        .unwrap_or_else(|| domain::json::canonical(&json!({"name": display_name, "parts": {}})));
    Seen::Unreadable {
        external_id,
        display_name,
        identity_key,
        reason: reason.to_owned(),
        observed_at,
    }
}
