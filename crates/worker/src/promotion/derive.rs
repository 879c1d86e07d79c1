//! Derives the reviewed calls of one subject again, from stored versions of the right tenants.
//!
//! A promotion takes its source version from the source tenant; a restore takes both versions from
//! the run's own tenant, by a type that holds no other. What is derived must be what was confirmed.

use domain::model::CapturedPolicy;
use domain::plan::{self, PinnedSubject, PlannedSubject, RebuildError};
use domain::restore::{self, OwnVersions};
use uuid::Uuid;

use super::Promotion;
use super::subject::Exit;
use crate::interrupt::Interrupt;
use crate::inventory_rows;
use crate::job::Job;

/// What a run of the write path was queued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The source's versions onto the run's tenant.
    Promotion {
        /// The source.
        source_tenant_id: Uuid,
    },
    /// A version of the run's tenant onto itself.
    Restore,
}

impl Purpose {
    /// The tenant that the written content was captured from.
    pub(crate) const fn content_tenant(self, run_tenant: Uuid) -> Uuid {
        match self {
            Self::Promotion { source_tenant_id } => source_tenant_id,
            Self::Restore => run_tenant,
        }
    }
}

/// The calls of a subject and the version they overwrite.
pub(crate) type Derived = (PlannedSubject, Option<CapturedPolicy>);

/// Derives them; refuses what is not the confirmed plan any more.
pub(crate) async fn derive(promotion: &Promotion, pinned: &PinnedSubject) -> Result<Derived, Exit> {
    let job = &promotion.job;
    match promotion.purpose {
        Purpose::Promotion { source_tenant_id } => {
            let source = stored(job, source_tenant_id, pinned.source_version_id).await?;
            let target = match &pinned.target {
                Some(target) => Some(stored(job, job.run.tenant_id, target.version_id).await?),
                None => None,
            };
            let planned = plan::rebuild(
                pinned,
                &source,
                target.as_ref(),
                &promotion.overrides.literals,
                promotion.options,
            )
            .map_err(|error| refused(&error))?;
            Ok((planned, target))
        }
        Purpose::Restore => {
            let own = own_versions(job, pinned).await?;
            let planned = restore::rebuild(pinned, &own, promotion.options)
                .map_err(|error| refused(&error))?;
            Ok((planned, Some(own.current().clone())))
        }
    }
}

fn refused(error: &RebuildError) -> Exit {
    match error {
        RebuildError::UnknownType(key) => Exit::failed(
            "registry_changed",
            format!("This worker does not know the policy type {key}."),
        ),
        RebuildError::Steps(_) | RebuildError::RevisionDiffers => Exit::failed(
            "plan_changed",
            "The calls derived now differ from the reviewed ones; review it again.",
        ),
    }
}

fn gone() -> Exit {
    Exit::failed(
        "plan_changed",
        "A reviewed version does not exist any more.",
    )
}

async fn stored(job: &Job, tenant_id: Uuid, version_id: Uuid) -> Result<CapturedPolicy, Exit> {
    source_version(job, tenant_id, version_id)
        .await?
        .ok_or_else(gone)
}

/// A version of a tenant, for what is only compared.
pub(crate) async fn source_version(
    job: &Job,
    tenant_id: Uuid,
    version_id: Uuid,
) -> Result<Option<CapturedPolicy>, Interrupt> {
    let workspace_id = job.run.workspace_id;
    job.read(move |conn| inventory_rows::captured(conn, workspace_id, tenant_id, version_id))
        .await
}

/// Both versions of a restore, looked for among the run's own tenant's alone.
async fn own_versions(job: &Job, pinned: &PinnedSubject) -> Result<OwnVersions, Exit> {
    let (workspace_id, tenant_id) = (job.run.workspace_id, job.run.tenant_id);
    let policy_id = pinned.source_policy_id;
    let target = pinned.target.as_ref().ok_or_else(gone)?;
    let ids = [pinned.source_version_id, target.version_id];
    let [wanted, current] = job
        .read(move |conn| {
            let [wanted, current] = ids;
            let mut own = |version_id| {
                inventory_rows::own_version(conn, workspace_id, tenant_id, policy_id, version_id)
            };
            Ok([own(wanted)?, own(current)?])
        })
        .await?;
    let (Some(wanted), Some(current)) = (wanted, current) else {
        return Err(gone());
    };
    OwnVersions::of(tenant_id, wanted, current).map_err(|error| {
        Exit::failed(
            "foreign_policy_version",
            format!("A restore writes a tenant's own versions: {error}."),
        )
    })
}
