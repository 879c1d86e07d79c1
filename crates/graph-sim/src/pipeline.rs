//! Takes one HTTP request through authentication, faults, handling and the journal.
//!
//! The lock is never held while a slow fault sleeps, so other requests overtake as they would.

mod batch;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::{Answer, Body, Family, Refusal};
use crate::clock;
use crate::faults::{About, Kind};
use crate::graph::{self, Call, Handled};
use crate::journal::{self, Effect, Entry};
use crate::limits;
use crate::login;
use crate::query::Query;
use crate::rules;
use crate::schema::Version;
use crate::state::World;

/// The shared state of a running simulator.
pub(crate) type Shared = Arc<Mutex<World>>;

/// Locks the world; a panic elsewhere does not end the simulation.
pub(crate) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request as it came in, or as a part of a batch.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub method: String,
    /// Raw path, still encoded.
    pub path: String,
    /// Raw query without the question mark.
    pub query: String,
    /// Lower-case names.
    pub headers: BTreeMap<String, String>,
    pub body: Bytes,
    /// Scheme and host the caller used.
    pub base: String,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    fn target(&self) -> String {
        if self.query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{}", self.path, self.query)
        }
    }
}

/// What goes back on the wire.
#[derive(Debug)]
pub(crate) enum Delivery {
    Whole(Answer),
    /// The connection ends without an answer.
    Cut,
    /// The headers and a part of the body, then the connection ends.
    Truncated(Answer),
}

/// Serves everything but the control endpoints.
pub(crate) async fn serve(world: &Shared, request: Request) -> Delivery {
    let segments: Vec<&str> = request
        .path
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    if let [tenant, "oauth2", "v2.0", "token"] = segments.as_slice() {
        let tenant = (*tenant).to_owned();
        return serve_login(world, &request, &tenant).await;
    }
    let version = match segments.first().copied() {
        Some("beta") => Version::Beta,
        Some("v1.0") => Version::V1,
        _ => {
            let refusal = Refusal::bad_request("Invalid version.");
            let id = Uuid::new_v4().to_string();
            return Delivery::Whole(refusal.into_answer(&id, &id));
        }
    };
    if segments.get(1) == Some(&"$batch") && segments.len() == 2 {
        return batch::serve(world, &request, version).await;
    }
    serve_graph(world, &request, version).await
}

/// What a login or a Graph request has in common once its faults are known.
struct Met {
    kinds: Vec<Kind>,
}

impl Met {
    fn find<T>(&self, pick: impl Fn(&Kind) -> Option<T>) -> Option<T> {
        self.kinds.iter().find_map(pick)
    }

    fn has(&self, name: &str) -> bool {
        self.kinds.iter().any(|kind| kind.name() == name)
    }

    fn names(&self) -> Option<String> {
        let names: Vec<&str> = self.kinds.iter().map(Kind::name).collect();
        (!names.is_empty()).then(|| names.join("+"))
    }

    /// An answer given instead of doing anything.
    fn instead(&self, family: Family) -> Option<Refusal> {
        self.find(|kind| match kind {
            Kind::Throttle { retry_after, nested } => {
                Some(throttled(family, retry_after.as_ref(), *nested))
            }
            Kind::StatusBeforeEffect { status, retry_after } => {
                Some(failed(*status, retry_after.as_ref()))
            }
            Kind::PageFails { status } => Some(failed(status.unwrap_or(503), None)),
            Kind::ApprovalRequired { status, code } => Some(approval(*status, code.clone())),
            Kind::Forbid { message } => {
                let text = message.clone().unwrap_or_else(|| {
                    "Tenant is not Global Admin or Intune Service Admin. Operation is restricted."
                        .to_owned()
                });
                let mut refusal = Refusal::new(403, "Forbidden", text);
                refusal.nested = family == Family::Intune;
                Some(refusal)
            }
            Kind::Refuse { status, message } => {
                Some(Refusal::by_service(family, message.clone()).with_status(*status))
            }
            Kind::RevokeToken => {
                let mut refusal = Refusal::new(
                    401,
                    "InvalidAuthenticationToken",
                    "Continuous access evaluation resulted in challenge.",
                );
                refusal.headers.push((
                    "WWW-Authenticate".to_owned(),
                    "Bearer realm=\"\", error=\"insufficient_claims\", claims=\"eyJhY2Nlc3NfdG9rZW4iOnsibmJmIjp7ImVzc2VudGlhbCI6dHJ1ZX19fQ==\"".to_owned(),
                ));
                Some(refusal)
            }
            _ => None,
        })
    }

    fn pause(&self, after: bool) -> Option<Duration> {
        self.find(|kind| match kind {
            Kind::Slow { ms } if !after => Some(Duration::from_millis(*ms)),
            Kind::SlowAfterEffect { ms } if after => Some(Duration::from_millis(*ms)),
            _ => None,
        })
    }
}

fn retry_text(value: Option<&Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) if text == "http-date" => Some(
            (clock::now() + chrono::Duration::seconds(3))
                .format("%a, %d %b %Y %H:%M:%S GMT")
                .to_string(),
        ),
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}

fn throttled(family: Family, retry_after: Option<&Value>, nested: bool) -> Refusal {
    let text = retry_text(retry_after);
    let mut refusal = Refusal::new(429, "TooManyRequests", "Too many requests.");
    refusal.nested = nested || family == Family::Intune;
    if nested {
        refusal.nested_retry_after = text;
    } else if let Some(text) = text {
        refusal.headers.push(("Retry-After".to_owned(), text));
    }
    refusal
}

fn failed(status: u16, retry_after: Option<&Value>) -> Refusal {
    let (code, message) = match status {
        500 => ("InternalServerError", "Internal server error."),
        502 => ("BadGateway", "Bad gateway."),
        503 => (
            "ServiceUnavailable",
            "The service is temporarily unavailable.",
        ),
        504 => ("GatewayTimeout", "The gateway timed out."),
        404 => ("ResourceNotFound", "Resource not found."),
        409 => ("Conflict", "Another operation is in progress."),
        _ => ("UnknownError", "The request failed."),
    };
    let mut refusal = Refusal::new(status, code, message);
    if let Some(text) = retry_text(retry_after) {
        refusal.headers.push(("Retry-After".to_owned(), text));
    }
    refusal
}

fn approval(status: Option<u16>, code: Option<String>) -> Refusal {
    let code = code.unwrap_or_else(|| Uuid::new_v4().to_string());
    let mut refusal = Refusal::new(
        status.unwrap_or(412),
        "ApprovalRequired",
        "The operation needs the approval of another administrator.",
    );
    refusal.nested = true;
    refusal
        .headers
        .push(("x-msft-approval-code".to_owned(), code));
    refusal
}

fn meet(world: &Shared, about: &About<'_>) -> Met {
    Met {
        kinds: lock(world).faults.meet(about),
    }
}

fn entry_of(request: &Request, request_id: &str, tenant: &str) -> Entry {
    let writes = request.method != "GET";
    Entry {
        seq: 0,
        at: clock::stamp(),
        tenant: Some(tenant.to_owned()),
        method: request.method.clone(),
        path: request.target(),
        path_template: String::new(),
        version: None,
        status: None,
        client_request_id: request.header("client-request-id").map(str::to_owned),
        request_id: request_id.to_owned(),
        approval_code: request.header("x-msft-approval-code").map(str::to_owned),
        approval_justification: request
            .header("x-msft-approval-justification")
            .map(str::to_owned),
        body_sha256: (!request.body.is_empty()).then(|| journal::digest(&request.body)),
        body: if writes {
            serde_json::from_slice(&request.body).ok()
        } else {
            None
        },
        effect: Effect::None,
        object_id: None,
        fault: None,
        error: None,
    }
}

async fn serve_login(world: &Shared, request: &Request, tenant: &str) -> Delivery {
    let target = request.target();
    let about = About {
        tenant,
        method: &request.method,
        target: &target,
        login: true,
        continuation: false,
    };
    let met = meet(world, &about);
    if let Some(pause) = met.pause(false) {
        tokio::time::sleep(pause).await;
    }
    let request_id = Uuid::new_v4().to_string();
    let mut entry = entry_of(request, &request_id, tenant);
    // The form holds the secret: it is never kept.
    (entry.body, entry.body_sha256) = (None, None);
    "/oauth2/v2.0/token".clone_into(&mut entry.path_template);
    entry.fault = met.names();
    let wrong = met.find(|kind| match kind {
        Kind::WrongTidToken { tid } => Some(
            tid.clone()
                .unwrap_or_else(|| "11111111-2222-3333-4444-555555555555".to_owned()),
        ),
        _ => None,
    });
    let mut guard = lock(world);
    let answer = if request.method != "POST" {
        Answer::empty(405)
    } else if let Some(refusal) = met.instead(Family::Directory) {
        refusal.into_answer(&request_id, &request_id)
    } else {
        login::token(&guard, tenant, &request.body, wrong.as_deref())
    };
    let cut = met.has("cut_before_effect") || met.has("cut_after_effect");
    entry.status = (!cut).then_some(answer.status);
    guard.journal.add(entry);
    drop(guard);
    if cut {
        Delivery::Cut
    } else {
        Delivery::Whole(answer)
    }
}

async fn serve_graph(world: &Shared, request: &Request, version: Version) -> Delivery {
    let request_id = Uuid::new_v4().to_string();
    let client_id = request
        .header("client-request-id")
        .map_or_else(|| request_id.clone(), str::to_owned);
    let finish = |outcome: Result<Answer, Refusal>| {
        outcome
            .unwrap_or_else(|refusal| refusal.into_answer(&request_id, &client_id))
            .header("request-id", request_id.as_str())
            .header("client-request-id", client_id.as_str())
    };
    let claims = {
        let mut guard = lock(world);
        match login::authenticate(&guard, request.header("authorization")) {
            Ok(claims) => claims,
            Err(refusal) => {
                let mut entry = entry_of(request, &request_id, "");
                entry.tenant = None;
                entry.path_template.clone_from(&entry.path);
                entry.status = Some(refusal.status);
                entry.error = Some(refusal.message.clone());
                guard.journal.add(entry);
                return Delivery::Whole(finish(Err(refusal)));
            }
        }
    };
    let below = request.path.trim_start_matches('/');
    let below = below
        .split_once('/')
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    let segments = graph::split_path(below);
    let query = Query::parse(&request.query);
    let target = request.target();
    let about = About {
        tenant: &claims.tid,
        method: &request.method,
        target: &target,
        login: false,
        continuation: query.as_ref().is_ok_and(Query::is_continuation),
    };
    let met = meet(world, &about);
    if let Some(pause) = met.pause(false) {
        tokio::time::sleep(pause).await;
    }
    let place = graph::locate(&segments, version);
    let family = place
        .as_ref()
        .map_or(Family::Directory, |place| place.rule.family);
    let mut entry = entry_of(request, &request_id, &claims.tid);
    entry.version = Some(version.segment().to_owned());
    entry.fault = met.names();
    entry.path_template = place
        .as_ref()
        .map_or_else(|_| format!("/{}", segments.join("/")), graph::template_of);
    let delivery = {
        let mut guard = lock(world);
        change_behind(&mut guard, &claims.tid, &met);
        let limited = guard
            .tenant_mut(&claims.tid)
            .and_then(|tenant| limits::check(tenant, family, request.method != "GET"));
        let instead = met.instead(family).or(limited);
        let handled = if met.has("cut_before_effect") {
            None
        } else if let Some(refusal) = instead {
            Some(untouched(Err(refusal), &entry))
        } else {
            Some(match query {
                Err(refusal) => untouched(Err(refusal), &entry),
                Ok(query) => {
                    let call = Call {
                        method: &request.method,
                        version,
                        segments,
                        query,
                        content_type: request.header("content-type"),
                        body: request.body.clone(),
                        names_all: names_all(request.header("prefer")),
                        base: &request.base,
                        twists: &met.kinds,
                    };
                    graph::handle(&mut guard, &claims, &call)
                }
            })
        };
        let delivery = deliver(handled, &met, &mut entry, finish);
        guard.journal.add(entry);
        delivery
    };
    if let Some(pause) = met.pause(true) {
        tokio::time::sleep(pause).await;
    }
    delivery
}

/// `Prefer` lists preferences, which may have parameters.
fn names_all(prefer: Option<&str>) -> bool {
    prefer.unwrap_or_default().split(',').any(|preference| {
        let name = preference.split(';').next().unwrap_or_default();
        name.trim()
            .eq_ignore_ascii_case("include-unknown-enum-members")
    })
}

fn untouched(outcome: Result<Answer, Refusal>, entry: &Entry) -> Handled {
    Handled {
        outcome,
        effect: Effect::None,
        object_id: None,
        template: entry.path_template.clone(),
    }
}

/// Turns what happened into what is sent, and completes the journal entry.
fn deliver(
    handled: Option<Handled>,
    met: &Met,
    entry: &mut Entry,
    finish: impl Fn(Result<Answer, Refusal>) -> Answer,
) -> Delivery {
    let Some(handled) = handled else {
        return Delivery::Cut;
    };
    entry.effect = handled.effect;
    entry.object_id = handled.object_id;
    entry.path_template = handled.template;
    entry.error = handled
        .outcome
        .as_ref()
        .err()
        .map(|refusal| refusal.message.clone());
    if met.has("cut_after_effect") {
        return Delivery::Cut;
    }
    let failed_after = met.find(|kind| match kind {
        Kind::StatusAfterEffect { status } => Some(failed(*status, None)),
        _ => None,
    });
    let mut answer = finish(failed_after.map_or(handled.outcome, Err));
    if let (true, Body::Json(Value::Object(members))) = (met.has("error_inside"), &mut answer.body)
    {
        if let Some(Value::Array(items)) = members.get_mut("value") {
            items.truncate(items.len() / 2);
        }
        let said = json!({"code": "InternalServerError", "message": "The read was not finished."});
        members.insert("error".to_owned(), said);
    }
    if met.has("malformed_json") {
        let text = match &answer.body {
            Body::Json(value) => value.to_string(),
            Body::Raw(text) => text.clone(),
            Body::Empty => "{\"value\": [".to_owned(),
        };
        let half = text
            .char_indices()
            .nth(text.chars().count() / 2)
            .map_or(0, |(at, _)| at);
        answer.body = Body::Raw(text.get(..half).unwrap_or_default().to_owned());
    }
    entry.status = Some(answer.status);
    if met.has("truncate_body_after_effect") {
        return Delivery::Truncated(answer);
    }
    Delivery::Whole(answer)
}

/// Somebody else changes an object right before the request is handled.
fn change_behind(world: &mut World, tid: &str, met: &Met) {
    for kind in &met.kinds {
        let Kind::ChangeBehind {
            collection,
            name,
            id,
            patch,
        } = kind
        else {
            continue;
        };
        let Some(rule) = rules::by_key(collection) else {
            continue;
        };
        let Some(tenant) = world.tenant_mut(tid) else {
            continue;
        };
        let property = rule.name_property;
        let object = tenant.list_mut(rule).iter_mut().find(|object| {
            id.as_deref() == Some(object.id.as_str())
                || (name.is_some() && object.text(property) == name.as_deref())
        });
        if let Some(object) = object {
            crate::control::patch_object(object, patch);
        }
    }
}
