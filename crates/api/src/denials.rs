//! Leaves an entry in the audit log for what was denied: one rule for every operation.
//!
//! Decides which refusals are denials (a missing capability; for calls that change something also
//! what may not be known of) and how many of one actor are told one by one. It must not know why.

use actix_web::http::Method;
use actix_web::{HttpMessage, HttpRequest};
use serde_json::{Map, Value, json};
use store::audit::AuditEntry;
use uuid::Uuid;

use crate::app::AppState;
use crate::problem::{Code, Problem};

/// Who was recognised, in the extensions of a request.
#[derive(Clone, Copy, Debug)]
pub struct Actor {
    /// The user.
    pub user: Uuid,
    /// The token, if it was one.
    pub token: Option<Uuid>,
    /// The workspace: that of the path, or the token's own when the path names another.
    pub workspace: Uuid,
}

/// What a handler knows about the thing that it may be about to deny, in the extensions of a request.
#[derive(Clone, Debug)]
pub struct About {
    /// The tenant, when the path does not name it.
    pub tenant_id: Uuid,
    /// More for the entry.
    pub detail: Value,
}

/// The longest path that is repeated.
const LONGEST_PATH: usize = 300;

/// The first part of the audit action of an operation; `None`: its denials are not audited.
fn family(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "create_member"
        | "list_members"
        | "update_member"
        | "delete_member"
        | "put_member_identity"
        | "delete_member_identity"
        | "list_tenant_members"
        | "put_tenant_member"
        | "delete_tenant_member" => "member",
        "create_api_token" | "list_api_tokens" | "delete_api_token" => "api_token",
        "put_operational_control" | "list_operational_controls" => "operational_control",
        "put_connection" | "get_connection" | "delete_connection" | "put_secret_reading" => {
            "connection"
        }
        "start_connection_check" => "connection.check",
        "start_inventory_sync" => "inventory.sync",
        "start_reference_search" => "reference.search",
        "start_policy_restore" => "policy.restore",
        "execute_promotion" => "promotion.execute",
        "preflight_promotion" => "promotion.preflight",
        "cancel_operation_run" => "operation_run",
        "create_tenant" | "update_tenant" | "delete_tenant" => "tenant",
        "list_audit_logs" => "audit_log",
        "mark_notification_read" => "notification",
        _ => return None,
    })
}

/// A denial that is worth an entry, and what the entry says.
pub struct Denial {
    action: String,
    detail: Map<String, Value>,
}

impl Denial {
    /// Judges a refusal.
    pub fn of(operation: &str, method: &Method, problem: &Problem) -> Option<Self> {
        let only_reads =
            matches!(*method, Method::GET | Method::HEAD) || operation == "preflight_promotion";
        match problem.code() {
            Code::CapabilityDenied => {}
            Code::NotFound if !only_reads => {}
            _ => return None,
        }
        let mut detail = Map::new();
        detail.insert("code".to_owned(), json!(problem.code().as_str()));
        if let Some(capability) = problem.member("required_capability") {
            detail.insert("required_capability".to_owned(), capability.clone());
        }
        Some(Self {
            action: format!("{}.denied", family(operation)?),
            detail,
        })
    }

    /// Writes the entry, unless this actor was denied too often lately: then the next one tells how
    /// many are missing. A failure is for the log alone: nothing was changed.
    pub async fn record(
        self,
        state: &AppState,
        request: &HttpRequest,
        actor: Actor,
        request_id: &str,
    ) {
        let Ok(left_out) = state.limits.denied(actor.token.unwrap_or(actor.user)) else {
            return;
        };
        let Self { action, mut detail } = self;
        let path: String = request.path().chars().take(LONGEST_PATH).collect();
        detail.insert(
            "request".to_owned(),
            json!(format!("{} {path}", request.method())),
        );
        if left_out > 0 {
            detail.insert("not_recorded_before".to_owned(), json!(left_out));
        }
        let about = request.extensions().get::<About>().cloned();
        let in_path = request.match_info().get("tenant_id");
        let mut tenant_id = in_path.and_then(crate::strict_json::parse_uuid);
        if let Some(about) = about {
            tenant_id = Some(about.tenant_id);
            if let Value::Object(more) = about.detail {
                detail.extend(more);
            }
        }
        let entry = AuditEntry {
            actor_user_id: Some(actor.user),
            actor_token_id: actor.token,
            tenant_id,
            request_id: Some(request_id.to_owned()),
            detail: Value::Object(detail),
            ..AuditEntry::new(actor.workspace, &action, chrono::Utc::now())
        };
        let key = state.audit_key.clone();
        let written = state
            .db
            .transaction(move |conn| store::audit::append(conn, &key, &entry).map(drop))
            .await;
        if let Err(error) = written {
            let error: store::StoreError = error;
            tracing::error!(request.id = %request_id, %error, "a denial was not audited");
        }
    }
}
