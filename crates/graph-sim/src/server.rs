//! The HTTP side: one catch-all handler, and connections that can be cut on purpose.

use std::any::Any;
use std::collections::BTreeMap;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd as _;
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::dev::{Extensions, ServerHandle};
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use bytes::Bytes;
use futures::stream;

use crate::answer::{Answer, Body};
use crate::clock;
use crate::control;
use crate::pipeline::{Delivery, Request, Shared, serve};

/// Bodies beyond this are refused.
const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// The socket below a connection, to end it without an answer.
struct Socket(Arc<TcpStream>);

fn remember_socket(connection: &dyn Any, extensions: &mut Extensions) {
    if let Some(stream) = connection.downcast_ref::<actix_web::rt::net::TcpStream>()
        && let Ok(descriptor) = stream.as_fd().try_clone_to_owned()
    {
        extensions.insert(Socket(Arc::new(TcpStream::from(descriptor))));
    }
}

async fn handle(http: HttpRequest, body: Bytes, world: web::Data<Shared>) -> HttpResponse {
    let headers: BTreeMap<String, String> = http
        .headers()
        .iter()
        .filter_map(|(name, value)| {
            Some((
                name.as_str().to_lowercase(),
                value.to_str().ok()?.to_owned(),
            ))
        })
        .collect();
    let host = headers
        .get("host")
        .cloned()
        .unwrap_or_else(|| http.app_config().local_addr().to_string());
    let request = Request {
        method: http.method().as_str().to_owned(),
        path: http.uri().path().to_owned(),
        query: http.uri().query().unwrap_or_default().to_owned(),
        headers,
        body,
        base: format!("http://{host}"),
    };
    if request.path.starts_with("/__sim") {
        return write(control::handle(&world, &request));
    }
    match serve(&world, request).await {
        Delivery::Whole(answer) => write(answer),
        Delivery::Cut => {
            cut(&http);
            HttpResponse::ServiceUnavailable().finish()
        }
        Delivery::Truncated(answer) => truncate(answer),
    }
}

fn cut(http: &HttpRequest) {
    if let Some(socket) = http.conn_data::<Socket>() {
        // The peer may be gone already: then there is nothing left to cut.
        let _ = socket.0.shutdown(Shutdown::Both);
    }
}

fn text_of(body: Body) -> Option<String> {
    match body {
        Body::Empty => None,
        Body::Json(value) => Some(value.to_string()),
        Body::Raw(text) => Some(text),
    }
}

fn head(answer: &Answer) -> actix_web::HttpResponseBuilder {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut builder = HttpResponse::build(status);
    builder.insert_header(("Date", clock::http_date()));
    for (name, value) in &answer.headers {
        builder.insert_header((name.as_str(), value.as_str()));
    }
    builder
}

fn write(answer: Answer) -> HttpResponse {
    let mut builder = head(&answer);
    match text_of(answer.body) {
        Some(text) => builder
            .content_type("application/json;odata.metadata=minimal")
            .body(text),
        None => builder.finish(),
    }
}

/// Announces the whole length, sends the first half and breaks off.
fn truncate(answer: Answer) -> HttpResponse {
    let mut builder = head(&answer);
    let text = text_of(answer.body).unwrap_or_else(|| "{\"truncated\": true}".to_owned());
    let bytes = Bytes::from(text);
    let half = bytes.slice(..bytes.len() / 2);
    let parts = stream::iter([
        Ok(half),
        Err(std::io::Error::new(
            std::io::ErrorKind::ConnectionAborted,
            "cut on purpose",
        )),
    ]);
    builder
        .content_type("application/json;odata.metadata=minimal")
        .body(SizedStream::new(bytes.len() as u64, parts))
}

/// Binds and starts serving on a thread of its own; answers the address and how to stop.
pub(crate) fn spawn(
    world: Shared,
    listen: &str,
) -> std::io::Result<(
    std::net::SocketAddr,
    ServerHandle,
    std::thread::JoinHandle<std::io::Result<()>>,
)> {
    let listener = std::net::TcpListener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let (sender, receiver) = std::sync::mpsc::channel();
    let thread = std::thread::Builder::new()
        .name("graph-sim".to_owned())
        .spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let data = web::Data::new(world);
                let server = HttpServer::new(move || {
                    App::new()
                        .app_data(data.clone())
                        .app_data(web::PayloadConfig::new(BODY_LIMIT))
                        .default_service(web::to(handle))
                })
                .on_connect(remember_socket)
                .workers(2)
                .shutdown_timeout(1)
                .disable_signals()
                .listen(listener)?
                .run();
                // Nobody waits any more when the starter has given up.
                let _ = sender.send(server.handle());
                server.await
            })
        })?;
    let handle = receiver
        .recv()
        .map_err(|_| std::io::Error::other("the server ended before it was ready"))?;
    Ok((address, handle, thread))
}
