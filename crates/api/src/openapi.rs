//! The OpenAPI document, made from the routes themselves, and the table of operations read from it.
//!
//! Adds what every operation has in common (problems, authentication). It must not describe a
//! route that is not registered: both come from [`crate::routes::configure`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use actix_web::dev::ResourceDef;
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::{OpenApi, ToSchema};
use utoipa_actix_web::AppExt;

use crate::problem::Code;

/// RFC 9457 problem details. Some codes add members: `required_capability`, `reasons`,
/// `current_plan_digest`, `drift`, `operation_run_id`, `links`, `result`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemDocument {
    /// Stable URN of the code.
    r#type: String,
    /// For people.
    title: String,
    /// The HTTP status again.
    status: u16,
    /// What a program acts on.
    code: String,
    /// For people: what to do.
    detail: String,
    /// Names this request in the server's log.
    request_id: String,
    /// What is wrong where.
    errors: Option<Vec<FieldErrorDocument>>,
    /// How many more are wrong, when there are more than are listed.
    errors_omitted: Option<usize>,
}

/// One thing wrong with a body or a parameter.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = FieldError)]
pub struct FieldErrorDocument {
    /// JSON Pointer into the body.
    pointer: Option<String>,
    /// Name of a parameter.
    parameter: Option<String>,
    /// Stable.
    code: String,
    /// For people.
    detail: String,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Cross-Tenant Promotion",
        description = "Promotes reviewed Intune and Conditional Access policies from one Microsoft 365 tenant to another: capture, compare, preflight, confirm, one queued run, verified result.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")
    ),
    components(schemas(ProblemDocument, FieldErrorDocument)),
    tags(
        (name = "identity", description = "Who is asking"),
        (name = "workspaces", description = "Workspaces, members, tokens, controls"),
        (name = "tenants", description = "Managed tenants and their connections"),
        (name = "inventory", description = "What a tenant holds"),
        (name = "promotion", description = "Compare, preflight, execute"),
        (name = "runs", description = "Operation runs: the one progress surface"),
        (name = "catalog", description = "What this build knows"),
        (name = "operations", description = "Health and metrics")
    )
)]
struct Base;

static DOCUMENT: LazyLock<Value> = LazyLock::new(build);
static OPERATIONS: LazyLock<Operations> = LazyLock::new(|| Operations::of(&DOCUMENT));

/// The document as served and as checked in: pretty JSON with a final line break.
pub fn openapi_json() -> String {
    let mut text = serde_json::to_string_pretty(&*DOCUMENT).unwrap_or_default();
    text.push('\n');
    text
}

/// The table of operations.
pub fn operations() -> &'static Operations {
    &OPERATIONS
}

fn build() -> Value {
    let (_, document) = actix_web::App::new()
        .into_utoipa_app()
        .openapi(Base::openapi())
        .configure(crate::routes::configure)
        .split_for_parts();
    let mut document = serde_json::to_value(document).unwrap_or_default();
    if let Some(components) = document.get_mut("components") {
        components["securitySchemes"] = json!({
            "api_token": {"type": "http", "scheme": "bearer", "description": "An API token (`pat_` and 43 characters), or an access token of the configured identity provider."}
        });
    }
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
    if let Some(code) = document.pointer_mut("/components/schemas/Problem/properties/code") {
        code["enum"] = json!(codes);
    }
    close_requests(&mut document);
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(path, method, operation);
        }
    }
    document
}

/// Unknown members of request bodies are refused: the document says so too. What a body takes over
/// from another schema is written out, so that each schema can be closed by itself.
fn close_requests(document: &mut Value) {
    let mut open: Vec<String> = Vec::new();
    let paths = document.get("paths").and_then(Value::as_object);
    for operation in paths
        .into_iter()
        .flatten()
        .filter_map(|(_, item)| item.as_object())
        .flatten()
    {
        if let Some(body) = operation.1.get("requestBody") {
            collect_names(body, &mut open);
        }
    }
    let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    let mut closed: BTreeSet<String> = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(schema) = schemas.get(&name) else {
            continue;
        };
        if !closed.insert(name.clone()) {
            continue;
        }
        let mut schema = written_out(schemas, schema);
        collect_names(&schema, &mut open);
        close(&mut schema);
        schemas.insert(name, schema);
    }
}

/// The names of the schemas that a value refers to.
fn collect_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(name) = map.get("$ref").and_then(Value::as_str) {
                names.extend(name.rsplit('/').next().map(str::to_owned));
            }
            map.values().for_each(|inner| collect_names(inner, names));
        }
        Value::Array(items) => items.iter().for_each(|inner| collect_names(inner, names)),
        _ => {}
    }
}

/// A schema that is made of others (`allOf`), as one object.
fn written_out(schemas: &Map<String, Value>, schema: &Value) -> Value {
    let Some(parts) = schema.get("allOf").and_then(Value::as_array) else {
        return schema.clone();
    };
    let mut whole = schema.clone();
    let mut properties = Map::new();
    let mut required = BTreeSet::new();
    for part in parts {
        let name = part.get("$ref").and_then(Value::as_str);
        let named = name.and_then(|name| name.rsplit('/').next());
        let named = named.and_then(|name| schemas.get(name));
        let part = written_out(schemas, named.unwrap_or(part));
        let members = part.get("properties").and_then(Value::as_object);
        properties.extend(
            members
                .into_iter()
                .flatten()
                .map(|(k, v)| (k.clone(), v.clone())),
        );
        let needed = part.get("required").and_then(Value::as_array);
        required.extend(
            needed
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned),
        );
    }
    if let Some(map) = whole.as_object_mut() {
        map.remove("allOf");
        map.insert("type".to_owned(), json!("object"));
        map.insert("properties".to_owned(), Value::Object(properties));
        map.insert("required".to_owned(), json!(required));
    }
    whole
}

fn close(schema: &mut Value) {
    if schema.get("properties").is_some() {
        schema["additionalProperties"] = json!(false);
    }
    for variant in schema
        .get_mut("oneOf")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        close(variant);
    }
}

/// Adds the problems an operation can answer with, and its authentication.
fn complete(path: &str, method: &str, operation: &mut Value) {
    let secured = path.starts_with("/v1/");
    let mut codes = vec![
        Code::MalformedRequest,
        Code::InternalError,
        Code::ValidationFailed,
    ];
    if secured {
        operation["security"] = json!([{"api_token": []}]);
        codes.extend([
            Code::Unauthenticated,
            Code::CapabilityDenied,
            Code::NotFound,
            Code::RateLimited,
            Code::Unavailable,
        ]);
    }
    if matches!(method, "post" | "put" | "patch") {
        codes.extend([Code::PayloadTooLarge, Code::UnsupportedMediaType]);
    }
    let Some(responses) = operation
        .get_mut("responses")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for code in codes {
        responses
            .entry(code.status().as_str())
            .or_insert_with(|| json!({"description": code.title()}));
    }
    for (status, response) in responses.iter_mut() {
        let refused = status.starts_with('4') || status.starts_with('5');
        if refused && response.get("content").is_none() {
            response["content"] = json!({
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            });
        }
    }
}

/// What stands for an operation where there is none.
pub const UNMATCHED: &str = "unmatched";

/// Which methods a path takes and how each operation is called.
#[derive(Debug)]
pub struct Operations {
    paths: Vec<(ResourceDef, BTreeMap<String, String>, String)>,
}

impl Operations {
    fn of(document: &Value) -> Self {
        let mut paths = Vec::new();
        let items = document.get("paths").and_then(Value::as_object);
        for (pattern, item) in items.into_iter().flatten() {
            let mut methods = BTreeMap::new();
            for (method, operation) in item.as_object().into_iter().flatten() {
                let id = operation.get("operationId").and_then(Value::as_str);
                methods.insert(
                    method.to_ascii_uppercase(),
                    id.unwrap_or_default().to_owned(),
                );
            }
            paths.push((ResourceDef::new(pattern.as_str()), methods, pattern.clone()));
        }
        Self { paths }
    }

    /// The operation id of a method on a route pattern.
    pub fn id_of(&'static self, method: &str, pattern: &str) -> &'static str {
        self.paths
            .iter()
            .find(|(_, _, known)| known == pattern)
            .and_then(|(_, methods, _)| methods.get(method))
            .map_or(UNMATCHED, String::as_str)
    }

    /// The methods a path takes, comma separated; `None` when there is no such path.
    pub fn allowed(&self, path: &str) -> Option<String> {
        let methods: Vec<&str> = self
            .paths
            .iter()
            .filter(|(definition, _, _)| definition.is_match(path))
            .flat_map(|(_, methods, _)| methods.keys().map(String::as_str))
            .collect();
        (!methods.is_empty()).then(|| methods.join(", "))
    }
}
