//! Makes a new object exactly once.
//!
//! A create whose answer was lost is never blindly repeated: the object is looked for by identity,
//! at once and then with growing waits; it is adopted when exactly one new object of equal content
//! shows, and one new create is allowed only after the whole window proved absence.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::steps::WriteStep;
use serde_json::Value;

use super::journal::{Entry, Intent};
use super::midway;
use super::next_move::{self, CreateMove};
use super::send::Sending;
use super::subject::{Exit, Subject, Verdict};
use crate::interrupt::Interrupt;
use crate::read_policy;

/// How far the clocks of Graph's own machines may lie apart when judging "created since".
const GRAPH_SKEW: Duration = Duration::from_secs(30);
/// How far Graph's clock and ours may, where no answer told Graph's.
const CLOCK_SKEW: Duration = Duration::from_mins(5);

/// What a lost create turned out to be.
enum Lost {
    Adopted(String),
    Absent,
}

/// What one look for a lost object shows.
enum Look {
    Nothing,
    One(String),
    /// One, whose content is not (yet) that of the create.
    Different(String, String),
    Several(Vec<String>),
}

impl Subject<'_> {
    /// Creates the object, or finds the one that an earlier attempt created. Returns its id.
    pub(crate) async fn create_object(&mut self, step: &WriteStep) -> Result<String, Exit> {
        match self.create_or_find(step).await {
            Err(Exit::End(Verdict::Skipped { .. })) if self.came_late(step).await => {
                self.create_or_find(step).await
            }
            other => other,
        }
    }

    async fn create_or_find(&mut self, step: &WriteStep) -> Result<String, Exit> {
        let patience = self.run.job.env.config.patience.clone();
        let mut not_yet = patience.read_back.iter();
        loop {
            broken_variant!("blind_retry", {
                if self.journal.created_id(&step.name).is_none() {
                    self.send(step, &[]).await?;
                    continue;
                }
            });
            match next_move::of_create(&self.journal, &step.name) {
                CreateMove::Created(id) => return Ok(id),
                CreateMove::CreatedWithoutId => {
                    return Err(Exit::unknown(
                        "create_outcome_unknown",
                        "The create was recorded as done without an id.",
                    ));
                }
                CreateMove::FindLost(intent) => match self.find_lost(step, &intent).await? {
                    Lost::Adopted(id) => return Ok(id),
                    // A conflict that left nothing behind is a refusal: not sent again.
                    Lost::Absent => match self.journal.conflict(&step.name) {
                        Some(said) => return Err(Exit::failed("graph_rejected", said.to_owned())),
                        None => continue,
                    },
                },
                CreateMove::GiveUp => {
                    return Err(Exit::failed(
                        "graph_unavailable",
                        "Two creates got no clear answer, and it was proved that neither took effect.",
                    ));
                }
                CreateMove::LookAndSend => {}
            }
            let existing = self.objects_of_identity().await?;
            if !existing.is_empty() {
                self.refuse_or_adopt(step, existing.clone()).await?;
                continue;
            }
            self.chosen_id_is_free(step).await?;
            match self.send(step, &existing).await? {
                Sending::Done {
                    object_id: Some(id),
                } => return Ok(id),
                Sending::Done { object_id: None } | Sending::Lost | Sending::Again => {}
                Sending::Gone => match not_yet.next() {
                    Some(wait) => self.pause(*wait).await?,
                    None => {
                        return Err(Exit::failed(
                            "graph_rejected",
                            "Graph does not find the collection to create in.",
                        ));
                    }
                },
            }
        }
    }

    /// Where the caller chooses the id, writing to one that exists would overwrite its object.
    async fn chosen_id_is_free(&mut self, step: &WriteStep) -> Result<(), Exit> {
        let Some(id) = step.body.as_ref().and_then(|body| body.get("id")?.as_str()) else {
            return Ok(());
        };
        match self.observe(id).await? {
            Ok(None) => Ok(()),
            Ok(Some(_)) | Err(_) => Err(Exit::failed(
                "target_appeared",
                format!("The target uses the id {id} for another object now; nothing was created."),
            )),
        }
    }

    /// Something of this identity exists before a create: someone else's, unless an earlier create
    /// of this very subject was given up as absent, or put off, and has shown after all.
    async fn refuse_or_adopt(
        &mut self,
        step: &WriteStep,
        existing: Vec<Value>,
    ) -> Result<(), Exit> {
        let ids = ids_of(&existing);
        if self.adopt_late_comer(step, existing).await? {
            return Ok(());
        }
        self.note(Entry::Evidence {
            step: step.name.clone(),
            what: "an object of this identity appeared in the target".to_owned(),
            object_ids: ids,
            at: self.run.job.now(),
        })
        .await?;
        Err(Exit::failed(
            "target_appeared",
            "The target has an object of this name and kind now; nothing was created.",
        ))
    }

    async fn adopt_late_comer(
        &mut self,
        step: &WriteStep,
        existing: Vec<Value>,
    ) -> Result<bool, Exit> {
        let late = next_move::late_comer(&self.journal, &step.name).cloned();
        if let Some(intent) = late
            && let Look::One(id) = self.judge(&intent, existing).await?
        {
            self.adopt(step, &intent, id).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Looks once for the object of a create that was put off, and takes it for this subject's.
    pub(crate) async fn take_late_comer(&mut self, step: &WriteStep) -> Result<bool, Exit> {
        let existing = self.objects_of_identity().await?;
        self.adopt_late_comer(step, existing).await
    }

    /// Looks for the object of a lost create until it shows or the whole window has passed.
    async fn find_lost(&mut self, step: &WriteStep, intent: &Intent) -> Result<Lost, Exit> {
        self.run.job.env.metrics.count(
            "promotion_worker_unknown_outcomes_total",
            &[("step", "create")],
        );
        let found = self.look_for_lost(step, intent).await;
        self.doubt_is_over().await?;
        found
    }

    async fn look_for_lost(&mut self, step: &WriteStep, intent: &Intent) -> Result<Lost, Exit> {
        let mut window = self.window(step, intent);
        let mut different;
        loop {
            window.look_begins(self.run.job.now());
            let found = self.objects_of_identity().await?;
            match self.judge(intent, found).await? {
                Look::One(id) => {
                    self.adopt(step, intent, id.clone()).await?;
                    return Ok(Lost::Adopted(id));
                }
                Look::Several(ids) => {
                    return Err(self
                        .stop_for_a_human(step, "several new objects of this identity", ids)
                        .await?);
                }
                Look::Different(id, paths) => different = Some((id, paths)),
                Look::Nothing => different = None,
            }
            if window.is_over() {
                break;
            }
            self.wait_in(&mut window).await?;
        }
        if let Some((id, paths)) = different {
            let what = format!("a new object of this identity differs at {paths}");
            return Err(self.stop_for_a_human(step, &what, vec![id]).await?);
        }
        self.note(Entry::ProvedAbsent {
            step: step.name.clone(),
            client_request_id: intent.client_request_id,
            at: self.run.job.now(),
        })
        .await?;
        Ok(Lost::Absent)
    }

    /// Judges the objects of the identity against what was there before the intent.
    async fn judge(&mut self, intent: &Intent, found: Vec<Value>) -> Result<Look, Exit> {
        let fresh: Vec<Value> = found
            .into_iter()
            .filter(|item| {
                let id = item.get("id").and_then(Value::as_str).unwrap_or_default();
                next_move::may_be_of(intent, id)
            })
            .collect();
        let ids = ids_of(&fresh);
        let [item] = fresh.as_slice() else {
            return Ok(if fresh.is_empty() {
                Look::Nothing
            } else {
                Look::Several(ids)
            });
        };
        let id = ids.into_iter().next().unwrap_or_default();
        if !created_since(item, intent) {
            return Ok(Look::Different(id, "its creation time".to_owned()));
        }
        Ok(match self.observe(&id).await? {
            Ok(None) => Look::Nothing,
            Err(message) => Look::Different(id, message),
            Ok(Some(observed)) => {
                let judged = midway::is_fresh(
                    self.row,
                    &self.expected,
                    &self.steps,
                    &observed.policy,
                    &self.created,
                    self.run.options,
                );
                match judged {
                    Ok(()) => Look::One(id),
                    Err(mismatches) => {
                        let paths: Vec<&str> =
                            mismatches.iter().take(5).map(|m| m.path.as_str()).collect();
                        Look::Different(id, paths.join(", "))
                    }
                }
            }
        })
    }

    async fn adopt(&mut self, step: &WriteStep, intent: &Intent, id: String) -> Result<(), Exit> {
        tracing::info!(subject.key = %self.pinned.subject_key, "found the object of a lost create");
        self.run
            .job
            .env
            .metrics
            .count("promotion_worker_adopted_objects_total", &[]);
        self.note(Entry::Adopted {
            step: step.name.clone(),
            client_request_id: intent.client_request_id,
            object_id: id,
            at: self.run.job.now(),
        })
        .await?;
        Ok(())
    }

    async fn stop_for_a_human(
        &mut self,
        step: &WriteStep,
        what: &str,
        object_ids: Vec<String>,
    ) -> Result<Exit, Interrupt> {
        self.note(Entry::Evidence {
            step: step.name.clone(),
            what: what.to_owned(),
            object_ids,
            at: self.run.job.now(),
        })
        .await?;
        Ok(Exit::unknown(
            "create_outcome_unclear",
            format!("After a lost answer the target shows {what}; a person has to decide."),
        ))
    }

    /// Every list item of this identity; read to the end.
    pub(crate) async fn objects_of_identity(&mut self) -> Result<Vec<Value>, Exit> {
        loop {
            let found = read_policy::find_by_identity(
                &self.run.reader,
                self.row,
                &self.expected.identity_key,
                &self.expected.display_name,
            );
            match self.unless_stopped(found).await? {
                Ok(items) => return Ok(items),
                Err(problem) => self.sit_out(problem).await?,
            }
        }
    }
}

fn ids_of(items: &[Value]) -> Vec<String> {
    items
        .iter()
        .filter_map(|item| item.get("id")?.as_str())
        .map(str::to_owned)
        .collect()
}

/// Whether an object was made after an intent, as far as it tells. What Graph dates is held against
/// Graph's own clock at the time of the intent: ours may be wrong by more than any allowance.
fn created_since(item: &Value, intent: &Intent) -> bool {
    let (since, skew) = match intent.graph_time {
        Some(at) => (at, GRAPH_SKEW),
        None => (intent.at, CLOCK_SKEW),
    };
    let Some(text) = item.get("createdDateTime").and_then(Value::as_str) else {
        return true;
    };
    let Ok(created_at) = DateTime::parse_from_rfc3339(text) else {
        return true;
    };
    let skew = chrono::Duration::from_std(skew).unwrap_or(chrono::Duration::zero());
    created_at.with_timezone(&Utc) >= since - skew
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_older_than_the_intent_is_not_ours() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap_or_default();
        let item = |seconds: i64| json!({"createdDateTime": (at + chrono::Duration::seconds(seconds)).to_rfc3339()});
        let mut intent = Intent {
            step: "create".to_owned(),
            client_request_id: uuid::Uuid::nil(),
            method: "POST".to_owned(),
            path: String::new(),
            body_hash: String::new(),
            known_ids: Vec::new(),
            at,
            graph_time: None,
        };
        assert!(created_since(&item(1), &intent));
        assert!(created_since(&item(-200), &intent));
        assert!(!created_since(&item(-400), &intent));
        assert!(created_since(&json!({}), &intent));
        assert!(created_since(&json!({"createdDateTime": "soon"}), &intent));
        // Graph is twenty minutes behind, or ahead, of this machine.
        for behind in [1_200, -1_200] {
            intent.graph_time = Some(at - chrono::Duration::seconds(behind));
            assert!(created_since(&item(2 - behind), &intent));
            assert!(!created_since(&item(-60 - behind), &intent));
        }
    }
}
