//! The control endpoints under `/__sim/`: what tests and demonstrations steer the simulator with.
//!
//! No authentication, no Graph rules: objects changed here change behind every caller's back.

mod objects;
mod tenants;

use serde_json::{Value, json};

use crate::answer::Answer;
use crate::faults::FaultSpec;
use crate::pipeline::{Request, Shared, lock};
use crate::query::decode_pairs;
use crate::state::World;

pub(crate) use objects::patch_object;
pub(crate) use tenants::change_body;

/// Where Graph's clock stands, of all tenants.
#[derive(serde::Deserialize)]
struct Clock {
    ahead_seconds: i64,
}

/// A control request that was not understood.
pub(crate) struct Misuse(pub u16, pub String);

impl Misuse {
    fn bad(text: impl Into<String>) -> Self {
        Self(400, text.into())
    }

    fn unknown(what: &str) -> Self {
        Self(404, format!("{what} is not known"))
    }
}

/// Answers one control request.
pub(crate) fn handle(world: &Shared, request: &Request) -> Answer {
    let path = request
        .path
        .trim_start_matches("/__sim")
        .trim_matches('/')
        .to_owned();
    let decoded: Vec<String> = path.split('/').map(crate::query::decode).collect();
    let segments: Vec<&str> = decoded.iter().map(String::as_str).collect();
    let mut guard = lock(world);
    match route(&mut guard, request, &segments) {
        Ok(body) => Answer::json(200, body),
        Err(Misuse(status, text)) => Answer::json(status, json!({"error": text})),
    }
}

fn read<T: serde::de::DeserializeOwned>(request: &Request) -> Result<T, Misuse> {
    let body: &[u8] = if request.body.is_empty() {
        b"{}"
    } else {
        &request.body
    };
    serde_json::from_slice(body).map_err(|error| Misuse::bad(error.to_string()))
}

fn route(world: &mut World, request: &Request, segments: &[&str]) -> Result<Value, Misuse> {
    match (request.method.as_str(), segments) {
        ("GET", ["health"]) => Ok(json!({
            "status": "ok",
            "tenants": world.tenants.values().map(|tenant| json!({
                "id": tenant.id,
                "name": tenant.name,
                "objects": tenant.objects.values().map(Vec::len).sum::<usize>(),
            })).collect::<Vec<_>>(),
            "journal_entries": world.journal.len(),
        })),
        ("GET", ["journal"]) => {
            let pairs = decode_pairs(&request.query);
            let value = |name: &str| {
                pairs
                    .iter()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value.as_str())
            };
            let since = value("since")
                .and_then(|text| text.parse().ok())
                .unwrap_or(0);
            let writes = matches!(value("writes_only"), Some("true" | "1" | ""));
            let items = world.journal.list(value("tenant"), since, writes);
            Ok(json!({ "items": items }))
        }
        ("DELETE", ["journal"]) => {
            world.journal.clear();
            Ok(json!({}))
        }
        ("POST", ["faults"]) => {
            let spec: FaultSpec = read(request)?;
            let id = world
                .faults
                .add(spec)
                .map_err(|error| Misuse::bad(error.to_string()))?;
            Ok(json!({ "id": id }))
        }
        ("GET", ["faults"]) => Ok(json!({ "items": world.faults.list() })),
        ("DELETE", ["faults"]) => {
            world.faults.clear();
            Ok(json!({}))
        }
        ("PUT", ["clock"]) => {
            let set: Clock = read(request)?;
            crate::clock::set_ahead(set.ahead_seconds);
            Ok(json!({}))
        }
        (_, ["tenants", rest @ ..]) => tenants::route(world, request, rest),
        _ => Err(Misuse::unknown("this control endpoint")),
    }
}
