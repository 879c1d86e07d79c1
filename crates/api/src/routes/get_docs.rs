//! The document for people: Swagger UI from files compiled into the binary, so that it works
//! without internet.

use std::sync::{Arc, LazyLock};

use actix_web::http::header;
use actix_web::{HttpResponse, get};
use utoipa_swagger_ui::Config;

use crate::call::Call;
use crate::problem::Problem;

static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json")));

/// Everything from this site; the interface styles itself inline and draws data images.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; \
     frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

#[utoipa::path(
    tag = "catalog",
    operation_id = "get_docs",
    summary = "The document for people",
    responses((status = 200, description = "An HTML page", body = String, content_type = "text/html"))
)]
#[get("/docs")]
pub async fn get_docs(call: Call) -> Result<HttpResponse, Problem> {
    call.no_parameters()?;
    file("index.html")
}

/// The files the page loads.
#[get("/docs/{file:.*}")]
pub async fn get_docs_file(call: Call) -> Result<HttpResponse, Problem> {
    match call.path_text("file") {
        None | Some("") => file("index.html"),
        Some(name) => file(name),
    }
}

fn file(name: &str) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG))
        .ok()
        .flatten()
        .ok_or_else(Problem::not_found)?;
    let bytes = if name == "index.html" {
        // The page names its files relative to a folder.
        String::from_utf8_lossy(&found.bytes)
            .replacen("<head>", "<head><base href=\"/docs/\">", 1)
            .into_bytes()
    } else {
        found.bytes.into_owned()
    };
    Ok(HttpResponse::Ok()
        .content_type(found.content_type)
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .body(bytes))
}
