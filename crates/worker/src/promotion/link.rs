//! Links between profiles: whether one whose call got no answer is set, and where it points.
//!
//! A link that is set already is never set again: Graph refuses the second of two equal ones.

use domain::steps::{self, WriteStep};

use super::journal::Intent;
use super::subject::{Exit, Observed, Subject};

impl Subject<'_> {
    /// Whether the live object has the link as this step leaves it. `false` for other steps.
    pub(crate) fn is_linked(&self, step: &WriteStep, seen: &Observed) -> bool {
        steps::fill(step, self.item.as_deref(), &self.created)
            .is_some_and(|filled| steps::is_linked(&filled, &seen.policy.content))
    }

    /// Whether a link whose call got no answer took effect. Sending it once more adds nothing only
    /// if it is not there: that is concluded after the whole window alone.
    pub(crate) async fn link_landed(
        &mut self,
        step: &WriteStep,
        intent: &Intent,
    ) -> Result<bool, Exit> {
        let conclude_at = self.conclude_at(step, intent);
        let mut waits = self.run.job.env.config.patience.lost_create_waits();
        loop {
            let looked_at = self.run.job.now();
            let seen = self.look().await?;
            if self.is_linked(step, &seen) {
                return Ok(true);
            }
            let (wait, last) = waits.next();
            if last && looked_at >= conclude_at {
                tracing::info!(step = %step.name, "a link whose call got no answer is not there");
                return Ok(false);
            }
            self.run.job.pause(wait).await?;
        }
    }
}
