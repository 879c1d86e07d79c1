//! What every request passes: request id, panics caught, problems rendered, security headers,
//! one log line, one measurement. It must not know any operation.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpResponse, ResponseError, web};
use futures::FutureExt;
use uuid::Uuid;

use crate::app::AppState;
use crate::denials::{Actor, Denial};
use crate::problem::Problem;

/// The id of a request, echoed or made. In the request's extensions.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost middleware.
pub async fn edge(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let request_id = request_id(request.headers());
    let method = request.method().to_string();
    let state = request.app_data::<web::Data<AppState>>().cloned();
    request
        .extensions_mut()
        .insert(RequestId(request_id.clone()));

    let address = state.as_ref().and_then(|state| {
        let peer = request.peer_addr().map(|peer| peer.ip());
        state.limits.address(peer, request.headers())
    });

    // The request itself must not be kept here: the router needs it unshared.
    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let response = match outcome {
        Ok(Ok(response)) => response.map_into_boxed_body(),
        Ok(Err(error)) => {
            let problem = Problem::of_status(error.as_response_error().status_code());
            return Err(Unrouted::new(problem, request_id).into());
        }
        Err(_) => {
            // The panic hook has logged it, once.
            let problem = Problem::internal("a handler panicked");
            return Err(Unrouted::new(problem, request_id).into());
        }
    };

    let operation = match (&state, response.request().match_pattern()) {
        (Some(state), Some(pattern)) => state.operations.id_of(&method, &pattern),
        _ => "unmatched",
    };
    let actor = response.request().extensions().get::<Actor>().copied();
    if let (Some(state), Some(actor)) = (&state, actor)
        && let Some(problem) = own_problem(response.response())
        && let Some(denial) = Denial::of(operation, response.request().method(), problem)
    {
        denial
            .record(state, response.request(), actor, &request_id)
            .await;
    }
    let mut response = render_problem(response, &request_id);
    harden(response.headers_mut(), &request_id);
    let status = response.status().as_u16();
    let elapsed = started.elapsed();
    if let Some(state) = &state {
        state.metrics.observe_request(operation, status, elapsed);
    }
    tracing::info!(
        request.id = %request_id,
        http.operation = operation,
        http.status = status,
        client.address = address.map(tracing::field::display),
        actor.id = actor.map(|actor| tracing::field::display(actor.user)),
        token.id = actor.and_then(|actor| actor.token).map(tracing::field::display),
        workspace.id = actor.map(|actor| tracing::field::display(actor.workspace)),
        duration_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
        "request answered"
    );
    Ok(response)
}

/// Every 4xx and 5xx becomes problem details, whoever answered it.
fn render_problem(response: ServiceResponse, request_id: &str) -> ServiceResponse {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let (request, inner) = response.into_parts();
    let own = own_problem(&inner).map(|problem| {
        log_cause(problem, request_id);
        problem.render(request_id)
    });
    let mut rendered = own.unwrap_or_else(|| {
        let problem = Problem::of_status(status);
        log_cause(&problem, request_id);
        let mut rendered = problem.render(request_id);
        if let Some(allow) = inner.headers().get(header::ALLOW) {
            rendered.headers_mut().insert(header::ALLOW, allow.clone());
        }
        rendered
    });
    // Whether a page of another origin may read it holds for a refusal too.
    for (name, value) in inner.headers() {
        if *name == header::VARY || name.as_str().starts_with("access-control-") {
            rendered.headers_mut().append(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, rendered)
}

/// The refusal of a handler of ours.
fn own_problem(response: &HttpResponse) -> Option<&Problem> {
    response.error().and_then(|error| error.as_error())
}

/// A 5xx's cause goes to the log once and nowhere else.
fn log_cause(problem: &Problem, request_id: &str) {
    if let Some(cause) = problem.cause() {
        tracing::error!(
            request.id = %request_id,
            error.code = problem.code().as_str(),
            error = %cause,
            "request failed"
        );
    }
}

fn request_id(headers: &HeaderMap) -> String {
    headers
        .get(&X_REQUEST_ID)
        .and_then(|value| value.to_str().ok())
        .filter(|text| {
            (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
        })
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// The API answers programs: nothing is cached, framed, sniffed or referred from.
fn harden(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(X_REQUEST_ID, value);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let defaults = [
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
    ];
    for (name, value) in defaults {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}

/// A complete answer for a failure that left no request to answer through.
#[derive(Debug)]
struct Unrouted {
    problem: Problem,
    request_id: String,
}

impl Unrouted {
    fn new(problem: Problem, request_id: String) -> Self {
        log_cause(&problem, &request_id);
        Self {
            problem,
            request_id,
        }
    }
}

impl std::fmt::Display for Unrouted {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.problem.fmt(formatter)
    }
}

impl ResponseError for Unrouted {
    fn status_code(&self) -> StatusCode {
        self.problem.code().status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = self.problem.render(&self.request_id);
        harden(response.headers_mut(), &self.request_id);
        response
    }
}

#[cfg(test)]
#[expect(clippy::panic, reason = "the panic is what is tested")]
mod tests {
    use actix_web::middleware::from_fn;
    use actix_web::test::{TestRequest, init_service, try_call_service};
    use actix_web::{App, web};

    use super::*;

    async fn broken() -> HttpResponse {
        panic!("canary-secret");
    }

    #[actix_web::test]
    async fn a_panic_answers_a_problem_and_shows_nothing() {
        let app = App::new()
            .wrap(from_fn(edge))
            .route("/", web::get().to(broken));
        let service = init_service(app).await;
        let request = TestRequest::get().insert_header(("x-request-id", "r-1"));
        let outcome = try_call_service(&service, request.to_request()).await;
        let response = match outcome {
            Ok(response) => response.into_parts().1,
            Err(error) => error.error_response(),
        };
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(response.headers().contains_key("x-request-id"));
        assert!(response.headers().contains_key("x-content-type-options"));
        let body = response.into_body().try_into_bytes();
        let text = body.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(text.is_ok_and(|t| t.contains("internal_error")
            && t.contains("r-1")
            && !t.contains("canary")));
    }
}
