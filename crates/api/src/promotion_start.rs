//! The one short transaction that turns a derived plan into a run, or into a refusal.
//!
//! Decides in the contract's order: replay, dedupe, busy scope, moved inventory, staleness, gates,
//! queue. It must not derive anything: the plan comes from a consistent view taken before, and the
//! inventory generations prove that nothing moved since.

use domain::capability::Capability;
use domain::operation::OperationType;
use domain::plan::PlannedSubject;
use serde_json::{Value, json};
use store::queue::{self, QueueName, WakeUp};
use store::run_items::NewItem;
use store::runs::{NewRun, RunInsert, RunRow};
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::caller::Caller;
use crate::derivation::Preflighted;
use crate::rights::Need;
use crate::start::{IdempotencyClaim, StartOutcome, crowd_gate, launch_json, pause_gate};
use crate::wire::preflight::{RunLevel, nothing_ready};
use crate::wire::selection::SelectionBody;

/// A confirmed promotion.
pub struct PromotionStart {
    workspace_id: Uuid,
    body: SelectionBody,
    plan_digest: String,
    claim: Option<IdempotencyClaim>,
    identity: String,
}

/// What the transaction decided.
pub enum Decision {
    /// An answer of every start.
    Outcome(StartOutcome),
    /// An inventory changed since the plan was derived: derive again.
    Moved,
    /// The plan is not the reviewed one.
    Stale,
}

impl PromotionStart {
    /// A confirmed promotion of this caller.
    pub fn new(
        caller: &Caller,
        body: SelectionBody,
        plan_digest: String,
        claim: Option<IdempotencyClaim>,
    ) -> Self {
        let identity = domain::json::digest(&json!({
            "workspace_id": caller.workspace_id,
            "type": OperationType::PromotionExecute.as_str(),
            "selection": body.selection,
            "plan_digest": plan_digest,
        }));
        Self {
            workspace_id: caller.workspace_id,
            body,
            plan_digest,
            claim,
            identity,
        }
    }

    /// Its workspace.
    pub fn workspace_id(&self) -> Uuid {
        self.workspace_id
    }

    /// Its selection.
    pub fn body(&self) -> &SelectionBody {
        &self.body
    }

    /// The digest the caller reviewed.
    pub fn plan_digest(&self) -> &str {
        &self.plan_digest
    }

    /// The rights that every transaction of this start judges again.
    pub fn needs(&self) -> [Need; 2] {
        let selection = &self.body.selection;
        [
            Need::Tenant(selection.target_tenant_id, Capability::PromotionExecute),
            Need::Tenant(selection.source_tenant_id, Capability::CompareView),
        ]
    }

    /// The tenant that is written to.
    pub fn target_id(&self) -> Uuid {
        self.body.selection.target_tenant_id
    }

    /// Replay, dedupe and a busy scope: what needs no plan. A key that dedupes is bound.
    pub fn without_plan(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
    ) -> Result<Option<StartOutcome>, StoreError> {
        if let Some(claim) = &self.claim
            && let Some(outcome) = claim.replay(conn, caller)?
        {
            return Ok(Some(outcome));
        }
        // One statement finds what holds the target; whether that is this very run is read from
        // it. Two looks could have a commit between them.
        let busy = store::runs::find_active_mutating_run(conn, self.target_id())?;
        let Some(id) = busy else {
            return Ok(None);
        };
        let run = store::runs::find_run(conn, self.workspace_id, id)?
            .ok_or(StoreError::NotFound("operation run"))?;
        if run.identity != self.identity {
            return Ok(Some(StartOutcome::ScopeBusy(id)));
        }
        self.deduped(conn, caller, run).map(Some)
    }

    fn deduped(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        run: RunRow,
    ) -> Result<StartOutcome, StoreError> {
        if let Some(claim) = &self.claim {
            claim.bind(conn, caller, run.id)?;
        }
        Ok(StartOutcome::Deduped(Box::new(run)))
    }

    /// Decides under the lock of both tenants: nothing they hold can change until it is over.
    pub fn decide(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        (derived, level): (&Preflighted, &RunLevel),
        most_runs: u32,
    ) -> Result<Decision, StoreError> {
        let selection = &self.body.selection;
        let tenants = [selection.source_tenant_id, selection.target_tenant_id];
        let generations = store::tenants::lock_scope(conn, self.workspace_id, &tenants)?;
        if let Some(outcome) = self.without_plan(conn, caller)? {
            return Ok(Decision::Outcome(outcome));
        }
        let derived_from = [
            &derived.compared.source.tenant,
            &derived.compared.target.tenant,
        ];
        let still = derived_from
            .iter()
            .all(|tenant| generations.contains(&(tenant.id, tenant.inventory_generation)));
        if !still {
            return Ok(Decision::Moved);
        }
        if derived.preflight.plan.plan_digest != self.plan_digest {
            return Ok(Decision::Stale);
        }
        let operation = OperationType::PromotionExecute.as_str();
        let mut gates = level.gates.clone();
        let paused = gates.iter().any(|g| g.code == "operational_control_paused");
        if !paused {
            // A pause set since the plan was derived counts.
            gates.extend(pause_gate(
                conn,
                operation,
                self.workspace_id,
                self.target_id(),
            )?);
        }
        if derived.preflight.plan.subjects.is_empty() {
            gates.push(nothing_ready());
        }
        gates.extend(crowd_gate(conn, self.workspace_id, most_runs)?);
        if !gates.is_empty() {
            return Ok(Decision::Outcome(StartOutcome::Blocked(gates)));
        }
        self.queue(conn, caller, derived).map(Decision::Outcome)
    }

    fn queue(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        derived: &Preflighted,
    ) -> Result<StartOutcome, StoreError> {
        let subjects = &derived.preflight.plan.subjects;
        let new = NewRun {
            id: Uuid::now_v7(),
            workspace_id: self.workspace_id,
            operation_type: OperationType::PromotionExecute.as_str().to_owned(),
            tenant_id: self.target_id(),
            source_tenant_id: Some(self.body.selection.source_tenant_id),
            identity: self.identity.clone(),
            context: context(self, derived),
            launch_context: launch_json(self.body.launch_context.as_ref()),
            summary_counts: store::runs::initial_counts(subjects.len()),
            initiator_user_id: caller.user_id,
            initiator_token_id: caller.token_id,
        };
        match store::runs::insert_run(conn, &new)? {
            RunInsert::Inserted(run) => {
                store::run_items::insert_items(conn, &items(run.id, subjects))?;
                enqueue_first(conn, &run)?;
                if let Some(claim) = &self.claim {
                    claim.bind(conn, caller, run.id)?;
                }
                Ok(StartOutcome::Queued(run))
            }
            RunInsert::SameIdentity(id) => {
                let run = store::runs::find_run(conn, self.workspace_id, id)?
                    .ok_or(StoreError::NotFound("operation run"))?;
                self.deduped(conn, caller, run)
            }
            RunInsert::ScopeBusy(id) => Ok(StartOutcome::ScopeBusy(id)),
        }
    }
}

/// Enqueues the first wake-up of a run that was just inserted.
pub fn enqueue_first(conn: &mut PgConnection, run: &RunRow) -> Result<(), StoreError> {
    let wake_up = WakeUp {
        run_id: run.id,
        wake_seq: run.wake_seq,
    };
    let name = QueueName::of_operation(&run.operation_type);
    queue::enqueue(conn, name, wake_up, std::time::Duration::ZERO).map(|_| ())
}

/// The immutable inputs of the run.
fn context(start: &PromotionStart, derived: &Preflighted) -> Value {
    let plan = &derived.preflight.plan;
    let summary = derived.preflight.summary;
    let subjects: Vec<_> = plan.subjects.iter().map(|s| &s.pinned).collect();
    json!({
        "selection": start.body.selection,
        "plan_digest": plan.plan_digest,
        "registry_version": plan.registry_version,
        "excluded": {
            "blocked": summary.blocked,
            "manual_mapping_required": summary.manual_mapping_required,
            "unchanged": summary.unchanged,
        },
        "subjects": subjects,
    })
}

fn items(run_id: Uuid, subjects: &[PlannedSubject]) -> Vec<NewItem> {
    (0..)
        .zip(subjects)
        .map(|(position, subject)| {
            let pinned = &subject.pinned;
            let target = pinned.target.as_ref();
            NewItem {
                operation_run_id: run_id,
                position,
                subject_key: pinned.subject_key.clone(),
                policy_type: pinned.policy_type.clone(),
                display_name: pinned.display_name.clone(),
                action: pinned.action.as_str().to_owned(),
                source_policy_id: Some(pinned.source_policy_id),
                source_version_id: Some(pinned.source_version_id),
                target_policy_id: target.map(|target| target.policy_id),
                target_version_id: target.map(|target| target.version_id),
                target_external_id: target.map(|target| target.external_id.clone()),
            }
        })
        .collect()
}
