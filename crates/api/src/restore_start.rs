//! The one short transaction that turns a confirmed restore into a run, or into a refusal.
//!
//! Decides in the contract's order: replay, dedupe, busy scope, staleness, gates, queue. What the
//! restore would write, and whether anything holds it, is the domain's.

use chrono::Utc;
use domain::capture::StoredVersion;
use domain::operation::OperationType;
use domain::plan;
use domain::policy_type::{self, PolicyType};
use domain::references::{DIRECTORY_KINDS, DIRECTORY_OBJECT, ReferenceCatalog, ReferenceObject};
use domain::restore::{self, Enforcement, OwnVersions, Restore, TenantVersion};
use domain::selection::subject_key;
use serde_json::{Value, json};
use store::inventory::CoverageRow;
use store::policies::PolicyRow;
use store::references::{ReferenceChoice, load_reference_catalog};
use store::run_items::NewItem;
use store::runs::{NewRun, RunInsert};
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::caller::Caller;
use crate::derivation::connection_gates;
use crate::promotion_start::enqueue_first;
use crate::start::{IdempotencyClaim, StartOutcome, crowd_gate, launch_json, pause_gate};
use crate::wire::compare::ReasonView;
use crate::wire::selection::LaunchContext;

/// The prefix under which coverage speaks of reference kinds.
const REFERENCE: &str = "reference:";

/// A confirmed restore.
pub struct RestoreStart {
    /// The only tenant that is read and written.
    pub tenant_id: Uuid,
    /// The policy.
    pub policy_id: Uuid,
    /// What to write back.
    pub policy_version_id: Uuid,
    /// What the caller reviewed.
    pub expected_current_version_id: Uuid,
    /// What may become of a Conditional Access state.
    pub enforcement: Enforcement,
    /// Where it was launched from.
    pub launch_context: Option<LaunchContext>,
    /// The `Idempotency-Key`, if one was sent.
    pub key: Option<String>,
}

/// What the transaction decided.
pub enum RestoreDecision {
    /// An answer of every start.
    Outcome(StartOutcome),
    /// The current version is another one.
    Stale {
        /// Names the policy.
        subject_key: String,
        /// What the caller reviewed.
        expected: Uuid,
        /// What stands now.
        current: Option<Uuid>,
    },
}

impl RestoreStart {
    /// Decides under the lock of the tenant: nothing it holds can change until it is over.
    pub fn decide(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        most_runs: u32,
    ) -> Result<RestoreDecision, StoreError> {
        let workspace_id = caller.workspace_id;
        store::tenants::lock_scope(conn, workspace_id, &[self.tenant_id])?;
        let identity = self.identity(workspace_id);
        let claim = self.key.as_ref().map(|key| IdempotencyClaim {
            key: key.clone(),
            request_hash: identity.clone(),
        });
        if let Some(claim) = &claim
            && let Some(outcome) = claim.replay(conn, caller)?
        {
            return Ok(RestoreDecision::Outcome(outcome));
        }
        if let Some(id) = store::runs::find_active_mutating_run(conn, self.tenant_id)? {
            let run = store::runs::find_run(conn, workspace_id, id)?
                .ok_or(StoreError::NotFound("operation run"))?;
            if run.identity != identity {
                return Ok(RestoreDecision::Outcome(StartOutcome::ScopeBusy(id)));
            }
            bind(conn, caller, claim.as_ref(), id)?;
            let outcome = StartOutcome::Deduped(Box::new(run));
            return Ok(RestoreDecision::Outcome(outcome));
        }
        let policy =
            store::policies::find_policy(conn, workspace_id, self.tenant_id, self.policy_id)?
                .ok_or(StoreError::NotFound("policy"))?;
        if policy.current_version_id != Some(self.expected_current_version_id) {
            return Ok(RestoreDecision::Stale {
                subject_key: subject_key(policy.id),
                expected: self.expected_current_version_id,
                current: policy.current_version_id,
            });
        }
        let restore = match self.prepare(conn, workspace_id, &policy)? {
            Ok(restore) => match crowd_gate(conn, workspace_id, most_runs)? {
                None => restore,
                Some(crowd) => {
                    return Ok(RestoreDecision::Outcome(StartOutcome::Blocked(vec![crowd])));
                }
            },
            Err(reasons) => {
                return Ok(RestoreDecision::Outcome(StartOutcome::Blocked(reasons)));
            }
        };
        self.queue(conn, caller, claim.as_ref(), identity, &restore)
            .map(RestoreDecision::Outcome)
    }

    /// What makes two calls the same restore.
    fn identity(&self, workspace_id: Uuid) -> String {
        domain::json::digest(&json!({
            "workspace_id": workspace_id,
            "type": OperationType::PolicyRestore.as_str(),
            "tenant_id": self.tenant_id,
            "policy_id": self.policy_id,
            "policy_version_id": self.policy_version_id,
            "expected_current_version_id": self.expected_current_version_id,
            "conditional_access_state": self.enforcement,
        }))
    }

    /// Every gate and everything that holds the policy itself, or the restore.
    fn prepare(
        &self,
        conn: &mut PgConnection,
        workspace_id: Uuid,
        policy: &PolicyRow,
    ) -> Result<Result<Restore, Vec<ReasonView>>, StoreError> {
        let operation = OperationType::PolicyRestore.as_str();
        let mut held: Vec<ReasonView> = Vec::new();
        held.extend(pause_gate(conn, operation, workspace_id, self.tenant_id)?);
        let coverage = store::inventory::list_coverage(conn, self.tenant_id)?;
        held.extend(policy_gates(policy, &coverage));
        let connection = store::connections::find_connection(conn, workspace_id, self.tenant_id)?;
        let types = [policy.policy_type.as_str()];
        held.extend(connection_gates(
            "tenant",
            connection.as_ref(),
            types,
            Utc::now(),
        ));
        match self.plan(conn, workspace_id, policy, &coverage)? {
            Ok(restore) if held.is_empty() => Ok(Ok(restore)),
            Ok(_) => Ok(Err(held)),
            Err(reasons) => {
                held.extend(reasons);
                Ok(Err(held))
            }
        }
    }

    fn plan(
        &self,
        conn: &mut PgConnection,
        workspace_id: Uuid,
        policy: &PolicyRow,
        coverage: &[CoverageRow],
    ) -> Result<Result<Restore, Vec<ReasonView>>, StoreError> {
        let Some(row) = policy_type::find(&policy.policy_type) else {
            let text = "This installation does not know the policy type any more.";
            return Ok(Err(vec![reason("registry_changed", text)]));
        };
        let mut version = |id| own_version(conn, workspace_id, row, policy, id);
        let wanted = version(self.policy_version_id)?;
        let current = version(self.expected_current_version_id)?;
        let Ok(own) = OwnVersions::of(self.tenant_id, wanted, current) else {
            return Err(StoreError::Conflict("policy version"));
        };
        let catalog = catalog(conn, self.tenant_id, &own, coverage)?;
        Ok(
            restore::plan(&own, &catalog, self.enforcement, chrono::Utc::now())
                .map_err(|reasons| reasons.iter().map(ReasonView::from).collect()),
        )
    }

    fn queue(
        &self,
        conn: &mut PgConnection,
        caller: &Caller,
        claim: Option<&IdempotencyClaim>,
        identity: String,
        restore: &Restore,
    ) -> Result<StartOutcome, StoreError> {
        let pinned = &restore.planned.pinned;
        let new = NewRun {
            id: Uuid::now_v7(),
            workspace_id: caller.workspace_id,
            operation_type: OperationType::PolicyRestore.as_str().to_owned(),
            tenant_id: self.tenant_id,
            source_tenant_id: None,
            identity,
            context: self.context(restore),
            launch_context: launch_json(self.launch_context.as_ref()),
            summary_counts: store::runs::initial_counts(1),
            initiator_user_id: caller.user_id,
            initiator_token_id: caller.token_id,
        };
        let run = match store::runs::insert_run(conn, &new)? {
            RunInsert::Inserted(run) => run,
            RunInsert::SameIdentity(id) => {
                let run = store::runs::find_run(conn, caller.workspace_id, id)?
                    .ok_or(StoreError::NotFound("operation run"))?;
                bind(conn, caller, claim, id)?;
                return Ok(StartOutcome::Deduped(Box::new(run)));
            }
            RunInsert::ScopeBusy(id) => return Ok(StartOutcome::ScopeBusy(id)),
        };
        let target = pinned.target.as_ref();
        let item = NewItem {
            operation_run_id: run.id,
            position: 0,
            subject_key: pinned.subject_key.clone(),
            policy_type: pinned.policy_type.clone(),
            display_name: pinned.display_name.clone(),
            action: "restore".to_owned(),
            source_policy_id: Some(pinned.source_policy_id),
            source_version_id: Some(pinned.source_version_id),
            target_policy_id: target.map(|target| target.policy_id),
            target_version_id: target.map(|target| target.version_id),
            target_external_id: target.map(|target| target.external_id.clone()),
        };
        store::run_items::insert_items(conn, &[item])?;
        enqueue_first(conn, &run)?;
        bind(conn, caller, claim, run.id)?;
        Ok(StartOutcome::Queued(run))
    }

    /// The immutable inputs of the run.
    fn context(&self, restore: &Restore) -> Value {
        let plan = plan::assemble(self.tenant_id, vec![restore.planned.clone()]);
        let pinned: Vec<_> = plan
            .subjects
            .iter()
            .map(|subject| &subject.pinned)
            .collect();
        json!({
            "policy_id": self.policy_id,
            "policy_version_id": self.policy_version_id,
            "expected_current_version_id": self.expected_current_version_id,
            "conditional_access_state": self.enforcement,
            "kept_state": restore.kept_state,
            "plan_digest": plan.plan_digest,
            "registry_version": plan.registry_version,
            "options": restore.options,
            "subjects": pinned,
        })
    }
}

fn bind(
    conn: &mut PgConnection,
    caller: &Caller,
    claim: Option<&IdempotencyClaim>,
    run_id: Uuid,
) -> Result<(), StoreError> {
    match claim {
        Some(claim) => claim.bind(conn, caller, run_id),
        None => Ok(()),
    }
}

fn reason(code: &str, message: impl Into<String>) -> ReasonView {
    ReasonView {
        code: code.to_owned(),
        message: message.into(),
    }
}

/// What is known of the policy and of its type.
fn policy_gates(policy: &PolicyRow, coverage: &[CoverageRow]) -> Vec<ReasonView> {
    let mut held = Vec::new();
    let types = || {
        coverage
            .iter()
            .filter(|row| !row.subject.starts_with(REFERENCE))
    };
    if types().next().is_none() {
        held.push(reason(
            "inventory_never_synced",
            "The tenant was never synced.",
        ));
    } else if !types().any(|row| row.subject == policy.policy_type && row.status == "complete") {
        held.push(reason(
            "inventory_incomplete",
            format!(
                "The tenant was not read completely: {}.",
                policy.policy_type
            ),
        ));
    }
    if policy.removed_at.is_some() {
        held.push(reason(
            "target_missing",
            "The policy was deleted in the tenant. A restore never makes a new object.",
        ));
    }
    if policy.capture_state != "ok" {
        let why = policy.capture_reason.as_deref();
        held.push(reason(
            "policy_unreadable",
            format!(
                "What the policy is now could not be captured: {}.",
                why.unwrap_or("its content is not readable")
            ),
        ));
    }
    held
}

/// A version of this very policy, from this tenant's rows.
fn own_version(
    conn: &mut PgConnection,
    workspace_id: Uuid,
    row: &PolicyType,
    policy: &PolicyRow,
    version_id: Uuid,
) -> Result<TenantVersion, StoreError> {
    let version =
        store::versions::find_version(conn, workspace_id, policy.tenant_id, policy.id, version_id)?
            .ok_or(StoreError::NotFound("policy version"))?;
    let (tenant_id, policy_id, version_id) = (version.tenant_id, version.policy_id, version.id);
    let stored = StoredVersion {
        content: version.content,
        assignments: version.assignments,
        references_used: version.references_used,
        content_hash: version.content_hash,
        has_secrets: version.fingerprint_key_id.is_some(),
    };
    let captured = stored.into_policy(row, policy.external_id.clone());
    Ok(TenantVersion::new(
        tenant_id, policy_id, version_id, captured,
    ))
}

/// The objects that the version points to, as far as the tenant has them.
fn catalog(
    conn: &mut PgConnection,
    tenant_id: Uuid,
    own: &OwnVersions,
    coverage: &[CoverageRow],
) -> Result<ReferenceCatalog, StoreError> {
    let used = &own.wanted().references;
    let external_ids = used.iter().map(|used| used.external_id.clone()).collect();
    let mut kinds: Vec<String> = used.iter().map(|used| used.kind.clone()).collect();
    if kinds.iter().any(|kind| kind == DIRECTORY_OBJECT) {
        kinds.extend(DIRECTORY_KINDS.map(str::to_owned));
    }
    let choice = ReferenceChoice {
        kinds: Some(kinds),
        external_ids: Some(external_ids),
        ..ReferenceChoice::default()
    };
    let objects = load_reference_catalog(conn, tenant_id, &choice)?
        .into_iter()
        .map(|row| ReferenceObject {
            id: row.id,
            kind: row.kind,
            external_id: row.external_id,
            name: row.name,
            discriminator: row.discriminator,
        });
    let complete = coverage
        .iter()
        .filter(|row| row.status == "complete")
        .filter_map(|row| row.subject.strip_prefix(REFERENCE).map(str::to_owned));
    Ok(ReferenceCatalog::new(objects, complete))
}
