//! `$batch`: unpacks the parts and serves each as a request of its own.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{Delivery, Request, Shared, serve_graph};
use crate::answer::{Answer, Body, Refusal};
use crate::schema::Version;

/// `$batch`: every part is a request of its own, with its own faults and journal entry.
pub(super) async fn serve(world: &Shared, request: &Request, version: Version) -> Delivery {
    let id = Uuid::new_v4().to_string();
    let refuse = |text: &str| Delivery::Whole(Refusal::bad_request(text).into_answer(&id, &id));
    if request.method != "POST" {
        return Delivery::Whole(Refusal::method_not_allowed().into_answer(&id, &id));
    }
    let body: Value = match serde_json::from_slice(&request.body) {
        Ok(body) => body,
        Err(_) => return refuse("Unable to read JSON request payload."),
    };
    let Some(parts) = body.get("requests").and_then(Value::as_array) else {
        return refuse("Batch request must contain a 'requests' array.");
    };
    if parts.len() > 20 {
        return refuse("Number of batch request steps exceeds the maximum value of 20.");
    }
    let mut responses = Vec::new();
    for part in parts.iter().filter_map(Value::as_object) {
        let Some(inner) = batch_part(request, version, part) else {
            return refuse(
                "Batch request step must have an 'id', a 'method' and a relative 'url'.",
            );
        };
        if let Delivery::Whole(answer) = Box::pin(serve_graph(world, &inner, version)).await {
            let headers: Map<String, Value> = answer
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect();
            let body = match answer.body {
                Body::Json(value) => value,
                Body::Raw(text) => json!(text),
                Body::Empty => Value::Null,
            };
            responses.push(json!({
                "id": part.get("id"), "status": answer.status, "headers": headers, "body": body,
            }));
        }
    }
    // The order of answers means nothing, and callers must not rely on it.
    responses.reverse();
    Delivery::Whole(Answer::json(200, json!({"responses": responses})))
}

fn batch_part(request: &Request, version: Version, part: &Map<String, Value>) -> Option<Request> {
    let url = part.get("url").and_then(Value::as_str)?;
    part.get("id").and_then(Value::as_str)?;
    if url.contains("://") {
        return None;
    }
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let mut headers: BTreeMap<String, String> = part
        .get("headers")
        .and_then(Value::as_object)
        .map(|headers| {
            headers
                .iter()
                .filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())))
                .collect()
        })
        .unwrap_or_default();
    if let Some(token) = request.header("authorization") {
        headers.insert("authorization".to_owned(), token.to_owned());
    }
    let body = part
        .get("body")
        .map(|body| Bytes::from(body.to_string()))
        .unwrap_or_default();
    Some(Request {
        method: part.get("method").and_then(Value::as_str)?.to_uppercase(),
        path: format!("/{}/{}", version.segment(), path.trim_start_matches('/')),
        query: query.to_owned(),
        headers,
        body,
        base: request.base.clone(),
    })
}
