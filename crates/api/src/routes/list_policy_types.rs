//! The registry as data: which policy types this build knows and how far.

use actix_web::{HttpResponse, get};
use domain::policy_type::{self, PolicyType, Support};
use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

/// One policy type.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyTypeView {
    /// Registry key.
    key: &'static str,
    /// For people.
    display_name: &'static str,
    /// `full` or `capture_only`.
    support: &'static str,
    /// Whether a promotion may write it.
    promotable: bool,
    /// Why not.
    reason: Option<&'static str>,
    /// Graph application permissions.
    permissions: PermissionsView,
    /// Dependency wave.
    wave: u8,
    /// The reference kind under which other policies point to it.
    reference_kind: Option<&'static str>,
    /// Whether it has assignments.
    assignable: bool,
    /// Version of the registry.
    registry_version: &'static str,
}

/// Graph application permissions.
#[derive(Debug, Serialize, ToSchema)]
pub struct PermissionsView {
    /// To capture.
    read: Vec<&'static str>,
    /// To promote.
    write: Vec<&'static str>,
}

impl From<&'static PolicyType> for PolicyTypeView {
    fn from(row: &'static PolicyType) -> Self {
        let (support, reason) = match row.support {
            Support::Full => ("full", None),
            Support::ByKind(which) => ("full", Some(which)),
            Support::CaptureOnly(why) => ("capture_only", Some(why)),
        };
        Self {
            key: row.key,
            display_name: row.display_name,
            support,
            promotable: row.promotable(),
            reason,
            permissions: PermissionsView {
                read: row.read_permissions.to_vec(),
                write: row.write_permissions.to_vec(),
            },
            wave: row.wave,
            reference_kind: row.reference_kind,
            assignable: row.assignments.is_some(),
            registry_version: policy_type::REGISTRY_VERSION,
        }
    }
}

#[utoipa::path(
    tag = "catalog",
    operation_id = "list_policy_types",
    summary = "Policy types this build knows",
    params(
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<PolicyTypeView>))
)]
#[get("/v1/catalog/policy-types")]
pub async fn list_policy_types(call: Call) -> Result<HttpResponse, Problem> {
    call.authenticate().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let after = parameters.cursor("policy-types", 1);
    parameters.finish()?;
    let after = after.and_then(|parts| parts.into_iter().next());
    let rows: Vec<&'static PolicyType> = policy_type::all()
        .iter()
        .filter(|row| after.as_deref().is_none_or(|key| row.key > key))
        .collect();
    let page = Page::of_all(
        rows,
        limit,
        |row| encode_cursor("policy-types", &[row.key]),
        PolicyTypeView::from,
    );
    Ok(HttpResponse::Ok().json(page))
}
