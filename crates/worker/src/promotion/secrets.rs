//! The body of one call with its secrets in place, made right before it is sent.
//!
//! Decides that a secret which is not the reviewed one, or may not be read any more, stops the
//! subject. The filled body lives until the call is over; nothing of it is put on record.

use domain::oma;
use domain::steps::WriteStep;
use graph::SecretBody;

use super::derive::source_version;
use super::subject::{Exit, Subject};
use crate::oma_secrets::{self, FillProblem};
use crate::provider;

impl Subject<'_> {
    /// The filled body; `None` where the step has nothing to fill.
    pub(crate) async fn secret_body(
        &mut self,
        step: &WriteStep,
    ) -> Result<Option<SecretBody>, Exit> {
        let Some(body) = &step.body else {
            return Ok(None);
        };
        if oma::open(body).is_empty() {
            return Ok(None);
        }
        let job = &self.run.job;
        let Some(source_id) = job.run.source_tenant_id else {
            return Err(Exit::failed(
                "secret_value_required",
                "There is no source to read the encrypted values from.",
            ));
        };
        let reader = provider::open_secrets(job, source_id)
            .await?
            .map_err(|problem| Exit::failed(problem.code, problem.message))?;
        let reviewed = source_version(job, source_id, self.pinned.source_version_id).await?;
        let Some(source) = reviewed else {
            return Err(Exit::failed(
                "plan_changed",
                "A reviewed version does not exist any more.",
            ));
        };
        loop {
            let mut filled = body.clone();
            match oma_secrets::fill(&reader, self.row, &source, &mut filled).await {
                Ok(()) => {
                    let ready = SecretBody::new(&filled);
                    wipe(&mut filled);
                    return Ok(Some(ready));
                }
                Err(problem) => {
                    wipe(&mut filled);
                    match problem {
                        FillProblem::Read(problem) => self.sit_out(problem).await?,
                        FillProblem::Changed { oma_uri } => {
                            return Err(Exit::failed(
                                "source_secret_changed",
                                format!(
                                    "The encrypted value of {oma_uri} is not the reviewed one; sync the source."
                                ),
                            ));
                        }
                        FillProblem::Unfit { oma_uri } => {
                            return Err(Exit::failed(
                                "secret_value_required",
                                format!("The encrypted value of {oma_uri} does not fit its type."),
                            ));
                        }
                    }
                }
            }
        }
    }
}

/// Overwrites every text of a body that is done with.
fn wipe(value: &mut serde_json::Value) {
    use serde_json::Value;
    use zeroize::Zeroize;

    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(members) => members.iter_mut().for_each(|(_, member)| wipe(member)),
        _ => {}
    }
}
