//! Queues a search for objects of a kind that no capture reads whole, to choose mappings from.

use actix_web::{HttpResponse, post};
use domain::operation::OperationType;
use domain::references;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::call::Call;
use crate::problem::Problem;
use crate::start::{IdempotencyClaim, PlainStart, StartResponse};
use crate::strict_json::{Members, ReadBody};

/// Less would find a whole tenant.
const SHORTEST: usize = 3;
/// Longer than any name that Graph allows.
const LONGEST: usize = 120;

/// What to look for.
#[derive(Debug, Serialize, ToSchema)]
pub struct StartReferenceSearchRequest {
    /// A kind that no capture reads whole: `user`.
    kind: String,
    /// What the display name, the principal name or the mail address begins with: 3 to 120
    /// characters.
    #[schema(min_length = 3, max_length = 120)]
    q: String,
}

impl ReadBody for StartReferenceSearchRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let kind = members.text("kind", 60);
        let q = members.text("q", LONGEST);
        if let Some(kind) = &kind
            && references::is_listed_whole(kind)
        {
            members.refuse(
                "kind",
                "kind_not_searchable",
                "Only kinds that no capture reads whole can be searched: user. The others are listed by .../references after a sync.",
            );
        }
        let q = q.map(|q| q.trim().to_owned());
        if let Some(q) = &q
            && q.chars().count() < SHORTEST
        {
            let text = format!("q must have at least {SHORTEST} characters.");
            members.refuse("q", "too_short", text);
        }
        Some(Self { kind: kind?, q: q? })
    }
}

#[utoipa::path(
    tag = "inventory",
    operation_id = "start_reference_search",
    summary = "Queue a search for objects to map to",
    description = "For kinds that no capture reads whole (`user`). What is found is listed by `GET .../references` \
        until 30 days after it was last seen, and for as long as a policy of the tenant names it. At most 500 \
        are kept of one search; its item then says `search_truncated`.",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant"),
        ("Idempotency-Key" = Option<String>, Header, description = "1 to 255 characters")
    ),
    request_body = StartReferenceSearchRequest,
    responses(
        (status = 202, description = "Queued", body = StartResponse),
        (status = 200, description = "The same search is under way", body = StartResponse),
        (status = 409, description = "`blocked`")
    )
)]
#[post("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/reference-searches")]
pub async fn start_reference_search(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let key = call.idempotency_key()?;
    let body: StartReferenceSearchRequest = call.body()?;
    let access = call.tenant(&caller).await?;
    let operation = OperationType::ReferenceSearch;
    call.require_to_start(&access, operation)?;

    let tenant_id = access.tenant.id;
    let context = json!({"kind": body.kind, "q": body.q});
    let claim = IdempotencyClaim::of(key, &json!([operation.as_str(), tenant_id, context]));
    let start = PlainStart {
        operation,
        tenant_id,
        context,
        launch_context: None,
        claim,
    };
    // Searches for something else run beside each other; the identity tells the same one.
    call.start_plainly(&caller, start, |_, _| true).await
}
