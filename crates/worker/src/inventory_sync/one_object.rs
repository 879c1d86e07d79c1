//! Reads a type that is one object of the tenant and no list: one request, which is the whole type.
//!
//! A tenant whose Graph does not show the object is one that does not offer the type: nothing is
//! concluded from it, and it never counts as an object without values.

use domain::capture;
use domain::policy_type::PolicyType;

use super::types::{TypeRead, ended, not_served, read_one, why_not_served};
use crate::interrupt::Interrupt;
use crate::job::Job;
use crate::provider::Reader;
use crate::read_problem::ReadProblem;

/// Reads the object; `member` is where it stands in the answer.
pub(super) async fn read(
    job: &Job,
    reader: &Reader,
    row: &'static PolicyType,
    member: &str,
) -> Result<TypeRead, Interrupt> {
    let started_at = job.now();
    let path = format!("{}?$select={member}", row.path);
    let answer = loop {
        match reader.get(row.family, reader.version_of(row), &path).await {
            Err(ReadProblem::Interrupted(interrupt)) => return Err(interrupt),
            Err(ReadProblem::Throttled { until }) => job.wait_until(until).await?,
            answer => break answer,
        }
    };
    let (item, problem) = match answer.map(|answer| capture::one_object(row, &answer)) {
        Ok(Some(item)) => (Some(item), None),
        Ok(None) => (None, Some(why_not_served(row))),
        Err(problem) if not_served(&problem) => (None, Some(why_not_served(row))),
        Err(problem) => (None, Some(problem.explain())),
    };
    let Some(item) = item else {
        return Ok(ended(job, row, started_at, Vec::new(), problem));
    };
    let (seen, problem) = match read_one(job, reader, row, item, true, started_at).await? {
        Ok(seen) => (vec![seen], None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    Ok(ended(job, row, started_at, seen, problem))
}
