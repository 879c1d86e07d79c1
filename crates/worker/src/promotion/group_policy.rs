//! Values of administrative templates: what the target calls their fields, and what of the one call
//! that brings them is still to do.
//!
//! Decides nothing about values; reads what stands there, so that no value is ever added twice.

use domain::group_policy;
use domain::model::GraphVersion;
use domain::policy_type::Adapter;
use domain::steps::{self, StepKind, WriteStep};

use super::subject::{Exit, Observed, Subject};
use crate::read_policy;
use crate::read_problem::ReadProblem;

impl Subject<'_> {
    /// Looks up the fields of definitions whose ids differ between the tenants, by their labels.
    /// Before the first write: a definition of another version of its ADMX file stops the subject
    /// while nothing of it exists.
    pub(crate) async fn find_presentations(&mut self) -> Result<(), Exit> {
        if self.row.adapter != Adapter::GroupPolicy {
            return Ok(());
        }
        for definition in group_policy::unlabelled(&self.expected.content) {
            let path = format!(
                "/deviceManagement/groupPolicyDefinitions/{}/presentations",
                read_policy::encode(&definition)
            );
            let there = loop {
                match read_policy::read_all(&self.run.reader, self.row, &path).await {
                    Ok(there) => break there,
                    Err(ReadProblem::NotFound) => break Vec::new(),
                    Err(problem) => self.sit_out(problem).await?,
                }
            };
            group_policy::label_presentations(&mut self.expected.content, &definition, &there)
                .map_err(|message| Exit::failed("reference_missing", message))?;
        }
        Ok(())
    }

    /// A step that changes children by their keys, as what stands there still needs it; `None` when
    /// nothing is left to do. Other steps are as they are.
    pub(crate) fn left_of(
        &self,
        step: &WriteStep,
        seen: &Observed,
    ) -> Result<Option<WriteStep>, Exit> {
        if step.kind != StepKind::ChangeChildren {
            return Ok(Some(step.clone()));
        }
        steps::remaining(step, &self.expected.content, &seen.policy.content)
            .map_err(|error| Exit::failed(error.code, error.message))
    }

    /// Completes the links of a step with the address of the target's Graph.
    pub(crate) fn with_links(&self, mut filled: WriteStep) -> Result<WriteStep, Exit> {
        let version: GraphVersion = filled.version;
        let client = &self.run.writer.client;
        let address = |path: &str| {
            let address = client.reader().endpoints().resource_url(version, path);
            Some(address.ok()?.to_string())
        };
        let whole = filled
            .body
            .as_mut()
            .is_none_or(|body| steps::complete_links(body, &address));
        if whole {
            return Ok(filled);
        }
        Err(Exit::failed(
            "plan_changed",
            "The plan has a link that is not valid.",
        ))
    }
}
