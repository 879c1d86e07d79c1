//! The tenants of a workspace that the caller can see, by name.

use actix_web::{HttpResponse, get};
use domain::capability::Capability;
use store::StoreError;

use super::create_tenant::TenantView;
use crate::call::Call;
use crate::pagination::{Page, encode_cursor};
use crate::problem::Problem;

#[utoipa::path(
    tag = "tenants",
    operation_id = "list_tenants",
    summary = "Tenants the caller can see",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("limit" = Option<i64>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "From the page before")
    ),
    responses((status = 200, description = "A page", body = Page<TenantView>))
)]
#[get("/v1/workspaces/{workspace_id}/tenants")]
pub async fn list_tenants(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    let mut parameters = call.parameters();
    let limit = parameters.limit();
    let after = parameters.name_cursor("tenants");
    parameters.finish()?;
    let visible = caller.tenants_with(Capability::TenantView);
    let workspace_id = caller.workspace_id;
    let rows = call
        .run(move |conn| -> Result<_, StoreError> {
            store::tenants::list_tenants(
                conn,
                workspace_id,
                visible.as_deref(),
                after.as_ref(),
                limit,
            )
        })
        .await?;
    let page = Page::of(
        rows,
        |row| encode_cursor("tenants", &[&row.display_name, &row.id.to_string()]),
        TenantView::from,
    );
    Ok(HttpResponse::Ok().json(page))
}
