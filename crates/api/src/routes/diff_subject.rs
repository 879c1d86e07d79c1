//! The changes of one subject of a compare. Secrets are masked.

use actix_web::{HttpResponse, post};
use domain::capability::Capability;
use domain::diff::{Change, ChangeKind};
use domain::model::Facet;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::compare_tenants::both_tenants;
use crate::call::Call;
use crate::derivation;
use crate::problem::{FieldError, Problem};
use crate::strict_json::{Members, ReadBody};
use crate::wire::selection::{SelectionBody, SelectionRequest};

/// A selection and the subject to look into.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiffSubjectRequest {
    /// The selection.
    #[serde(flatten)]
    selection: SelectionRequest,
    /// A subject key of the compare.
    subject_key: String,
}

struct DiffBody {
    selection: SelectionBody,
    subject_key: String,
}

impl ReadBody for DiffBody {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let subject_key = members.text("subject_key", 200);
        let selection = SelectionBody::read(members);
        Some(Self {
            selection: selection?,
            subject_key: subject_key?,
        })
    }
}

/// The changes of a subject.
#[derive(Debug, Serialize, ToSchema)]
pub struct DiffSubjectResponse {
    subject_key: String,
    changes: Vec<ChangeView>,
}

/// One change, seen from the target.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChangeView {
    /// `settings`, `assignments`, `scope_tags`, `description`.
    #[schema(value_type = String)]
    facet: Facet,
    /// JSON Pointer into the canonical form.
    path: String,
    /// `added` (only the source has it), `removed`, `changed`.
    #[schema(value_type = String)]
    kind: ChangeKind,
    /// The source's value by meaning: any JSON value.
    #[schema(value_type = Value)]
    source: Option<Value>,
    /// The target's value by meaning: any JSON value.
    #[schema(value_type = Value)]
    target: Option<Value>,
    /// False for a property that this version does not know: shown, never written.
    writable: bool,
}

impl From<Change> for ChangeView {
    fn from(change: Change) -> Self {
        Self {
            facet: change.facet,
            path: change.path,
            kind: change.kind,
            source: change.source,
            target: change.target,
            writable: change.writable,
        }
    }
}

#[utoipa::path(
    tag = "promotion",
    operation_id = "diff_subject",
    summary = "Changes of one subject",
    params(("workspace_id" = Uuid, Path, description = "Workspace")),
    request_body = DiffSubjectRequest,
    responses((status = 200, description = "The changes", body = DiffSubjectResponse))
)]
#[post("/v1/workspaces/{workspace_id}/cross-tenant-compare/diff")]
pub async fn diff_subject(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let DiffBody {
        selection,
        subject_key,
    } = call.body()?;
    let (source, target) = both_tenants(&call, &caller, &selection).await?;
    for access in [&source, &target] {
        access.require(Capability::CompareView)?;
        access.require(Capability::PolicyContentView)?;
    }

    let workspace_id = caller.workspace_id;
    let key = subject_key.clone();
    let (changes, _permit) = call
        .derive(move |conn, watch| {
            let compared = match derivation::compare(conn, workspace_id, &selection, watch)? {
                Ok(compared) => compared,
                Err(problem) => return Ok(Err(problem)),
            };
            let changes = derivation::diff_subject(conn, &compared, &key)?;
            Ok(changes.ok_or_else(|| {
                Problem::invalid(vec![FieldError::at(
                    "/subject_key",
                    "unknown_subject_key",
                    "The compare has no subject of this key.",
                )])
            }))
        })
        .await?;
    Ok(HttpResponse::Ok().json(DiffSubjectResponse {
        subject_key,
        changes: changes.into_iter().map(ChangeView::from).collect(),
    }))
}
