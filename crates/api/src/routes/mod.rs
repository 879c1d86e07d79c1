//! Every operation, one file each: request, response, documentation, handler.
//!
//! [`configure`] is the only list: routes and the OpenAPI document both come from it.

mod cancel_operation_run;
mod compare_tenants;
mod create_api_token;
mod create_member;
mod create_tenant;
mod delete_api_token;
mod delete_connection;
mod delete_member;
mod delete_member_identity;
mod delete_tenant;
mod delete_tenant_member;
mod diff_subject;
mod execute_promotion;
mod get_connection;
mod get_docs;
mod get_healthz;
mod get_me;
mod get_metrics;
mod get_openapi;
mod get_operation_run;
mod get_policy;
mod get_policy_version;
mod get_readyz;
mod get_tenant;
mod get_workspace;
mod list_api_tokens;
mod list_audit_logs;
mod list_members;
mod list_notifications;
mod list_operation_run_items;
mod list_operation_runs;
mod list_operational_controls;
mod list_operations;
mod list_policies;
mod list_policy_types;
mod list_policy_versions;
mod list_references;
mod list_tenant_members;
mod list_tenants;
mod list_workspaces;
mod mark_notification_read;
mod preflight_promotion;
mod put_connection;
mod put_member_identity;
mod put_operational_control;
mod put_secret_reading;
mod put_tenant_member;
mod start_connection_check;
mod start_inventory_sync;
mod start_policy_restore;
mod start_reference_search;
mod stream_operation_run_events;
mod stream_workspace_events;
mod update_member;
mod update_tenant;

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderValue};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::call::Call;
use crate::problem::{Code, Problem};

/// Registers every documented operation.
pub fn configure(config: &mut ServiceConfig<'_>) {
    config
        .service(get_me::get_me)
        .service(list_workspaces::list_workspaces)
        .service(get_workspace::get_workspace)
        .service(create_member::create_member)
        .service(list_members::list_members)
        .service(update_member::update_member)
        .service(delete_member::delete_member)
        .service(put_member_identity::put_member_identity)
        .service(delete_member_identity::delete_member_identity)
        .service(create_api_token::create_api_token)
        .service(list_api_tokens::list_api_tokens)
        .service(delete_api_token::delete_api_token)
        .service(put_operational_control::put_operational_control)
        .service(list_operational_controls::list_operational_controls)
        .service(list_audit_logs::list_audit_logs)
        .service(list_notifications::list_notifications)
        .service(mark_notification_read::mark_notification_read);
    config
        .service(create_tenant::create_tenant)
        .service(list_tenants::list_tenants)
        .service(get_tenant::get_tenant)
        .service(update_tenant::update_tenant)
        .service(delete_tenant::delete_tenant)
        .service(put_connection::put_connection)
        .service(put_secret_reading::put_secret_reading)
        .service(get_connection::get_connection)
        .service(delete_connection::delete_connection)
        .service(start_connection_check::start_connection_check)
        .service(list_tenant_members::list_tenant_members)
        .service(put_tenant_member::put_tenant_member)
        .service(delete_tenant_member::delete_tenant_member)
        .service(start_inventory_sync::start_inventory_sync)
        .service(list_policies::list_policies)
        .service(get_policy::get_policy)
        .service(list_policy_versions::list_policy_versions)
        .service(get_policy_version::get_policy_version)
        .service(start_policy_restore::start_policy_restore)
        .service(list_references::list_references)
        .service(start_reference_search::start_reference_search);
    config
        .service(compare_tenants::compare_tenants)
        .service(diff_subject::diff_subject)
        .service(preflight_promotion::preflight_promotion)
        .service(execute_promotion::execute_promotion)
        .service(list_operation_runs::list_operation_runs)
        .service(get_operation_run::get_operation_run)
        .service(list_operation_run_items::list_operation_run_items)
        .service(stream_operation_run_events::stream_operation_run_events)
        .service(cancel_operation_run::cancel_operation_run)
        .service(stream_workspace_events::stream_workspace_events)
        .service(list_policy_types::list_policy_types)
        .service(list_operations::list_operations)
        .service(get_healthz::get_healthz)
        .service(get_readyz::get_readyz)
        .service(get_metrics::get_metrics)
        .service(get_openapi::get_openapi)
        .service(get_docs::get_docs);
}

/// Registers what a browser needs beside the documented operations.
pub fn configure_undocumented(config: &mut actix_web::web::ServiceConfig) {
    config.service(get_docs::get_docs_file);
}

/// What no route takes: 405 where the path exists with another method, 404 elsewhere.
pub async fn answer_unmatched(call: Call) -> Result<HttpResponse, Problem> {
    let Some(allowed) = call.state.operations.allowed(call.request.path()) else {
        return Err(Problem::not_found());
    };
    let problem = Problem::new(
        Code::MethodNotAllowed,
        format!("This resource takes {allowed}."),
    );
    Err(match HeaderValue::from_str(&allowed) {
        Ok(value) => problem.with_header(header::ALLOW, value),
        Err(_) => problem,
    })
}
