//! One request as the handlers see it: path ids, query, headers, the body within its limits.
//!
//! Reads the whole body before anything is decided, so that an early refusal never leaves a client
//! writing into a closed connection. It must not judge: the verdict on a body is kept until the
//! handler, in the contract's order of evaluation, asks for it.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures::StreamExt;
use store::{PgConnection, StoreError};
use tokio::sync::SemaphorePermit;
use uuid::Uuid;

use crate::app::AppState;
use crate::edge::RequestId;
use crate::pagination::Parameters;
use crate::problem::Problem;
use crate::strict_json::{self, Members, ReadBody, parse_uuid};

/// The largest body that is accepted.
pub const MAX_BODY: usize = 1024 * 1024;
/// What is read and thrown away of a larger one before the answer.
const MAX_DISCARDED: usize = 16 * MAX_BODY;
/// How long a client may take to send its body.
const BODY_TIME: Duration = Duration::from_secs(30);

/// A request with its body read.
pub struct Call {
    /// The request.
    pub request: HttpRequest,
    /// What the process holds.
    pub state: Data<AppState>,
    body: Result<Bytes, BodyFault>,
}

/// Why there is no body to read.
#[derive(Clone, Copy, Debug)]
enum BodyFault {
    TooLarge,
    Broken,
    TooSlow,
}

impl Call {
    /// The id of this request.
    pub fn request_id(&self) -> String {
        self.request
            .extensions()
            .get::<RequestId>()
            .map(|id| id.0.clone())
            .unwrap_or_default()
    }

    /// An id of the path; anything that is no UUID does not exist.
    pub fn path_id(&self, name: &str) -> Result<Uuid, Problem> {
        self.path_text(name)
            .and_then(parse_uuid)
            .ok_or_else(Problem::not_found)
    }

    /// A segment of the path.
    pub fn path_text(&self, name: &str) -> Option<&str> {
        self.request.match_info().get(name)
    }

    /// The query parameters.
    pub fn parameters(&self) -> Parameters {
        Parameters::of(&self.request)
    }

    /// Insists that there are no query parameters.
    pub fn no_parameters(&self) -> Result<(), Problem> {
        self.parameters().finish()
    }

    /// The JSON body, read strictly.
    pub fn body<T: ReadBody>(&self) -> Result<T, Problem> {
        strict_json::read(self.json_bytes()?)
    }

    /// The JSON body where it may be left out: an empty one reads as `{}`.
    pub fn optional_body<T: ReadBody>(&self) -> Result<T, Problem> {
        match self.body_bytes()? {
            [] => strict_json::read(b"{}"),
            _ => self.body(),
        }
    }

    /// Insists on no body, or an empty object.
    pub fn no_body(&self) -> Result<(), Problem> {
        struct Nothing;
        impl ReadBody for Nothing {
            fn read(_: &mut Members<'_>) -> Option<Self> {
                Some(Self)
            }
        }
        self.optional_body::<Nothing>().map(|_| ())
    }

    fn json_bytes(&self) -> Result<&[u8], Problem> {
        let bytes = self.body_bytes()?;
        if bytes.is_empty() {
            return Err(Problem::malformed("A JSON body is required."));
        }
        if !is_json(&self.request) {
            return Err(Problem::unsupported_media_type());
        }
        Ok(bytes)
    }

    fn body_bytes(&self) -> Result<&[u8], Problem> {
        match &self.body {
            Ok(bytes) => Ok(bytes),
            Err(BodyFault::TooLarge) => Err(Problem::payload_too_large()),
            Err(BodyFault::Broken) => Err(Problem::malformed("The body ended early.")),
            Err(BodyFault::TooSlow) => Err(Problem::malformed("The body took too long.")),
        }
    }

    /// One READ COMMITTED transaction; `work` may run again when it loses a race.
    pub async fn transaction<T: Send + 'static>(
        &self,
        work: impl Fn(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.state.db.transaction(work).await
    }

    /// One consistent view of the database; nothing can be written.
    pub async fn view<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.state.db.read_view(work).await
    }

    /// Statements that each stand alone.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.state.db.run(work).await
    }

    /// Waits for room to derive: bounds how many inventories are in memory at a time.
    pub async fn derivation_permit(&self) -> Result<SemaphorePermit<'_>, Problem> {
        self.state
            .derivations
            .acquire()
            .await
            .map_err(Problem::internal)
    }

    /// A header as text, if it was sent once and can be read.
    pub fn header(&self, name: &str) -> Result<Option<&str>, Problem> {
        let mut values = self.request.headers().get_all(name);
        let Some(first) = values.next() else {
            return Ok(None);
        };
        if values.next().is_some() {
            return Err(Problem::malformed(format!("{name} stands twice.")));
        }
        first
            .to_str()
            .map(Some)
            .map_err(|_| Problem::malformed(format!("{name} holds characters it must not hold.")))
    }

    /// `Idempotency-Key`: 1 to 255 visible characters.
    pub fn idempotency_key(&self) -> Result<Option<String>, Problem> {
        let Some(key) = self.header("Idempotency-Key")? else {
            return Ok(None);
        };
        if !(1..=255).contains(&key.len()) || key.trim().is_empty() {
            return Err(Problem::malformed(
                "Idempotency-Key must have 1 to 255 characters.",
            ));
        }
        Ok(Some(key.to_owned()))
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let mut values = request.headers().get_all(header::CONTENT_TYPE);
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(text) = value.to_str() else {
        return false;
    };
    let mut parts = text.split(';').map(str::trim);
    if !parts
        .next()
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"))
    {
        return false;
    }
    parts.filter(|part| !part.is_empty()).all(|part| {
        let Some((name, value)) = part.split_once('=') else {
            return false;
        };
        !name.trim().eq_ignore_ascii_case("charset")
            || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
    })
}

async fn read_body(request: &HttpRequest, payload: &mut Payload) -> Result<Bytes, BodyFault> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(Bytes::new());
    }
    let reading = async {
        let mut body = BytesMut::new();
        let mut seen = 0_usize;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_| BodyFault::Broken)?;
            seen = seen.saturating_add(chunk.len());
            if seen > MAX_DISCARDED {
                return Err(BodyFault::TooLarge);
            }
            if seen <= MAX_BODY {
                body.extend_from_slice(&chunk);
            } else {
                body.clear();
            }
        }
        if seen > MAX_BODY {
            return Err(BodyFault::TooLarge);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(BODY_TIME, reading)
        .await
        .unwrap_or(Err(BodyFault::TooSlow))
}

impl FromRequest for Call {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let state = request
                .app_data::<Data<AppState>>()
                .cloned()
                .ok_or_else(|| Problem::internal("the application has no state"))?;
            let body = read_body(&request, &mut payload).await;
            Ok(Self {
                request,
                state,
                body,
            })
        })
    }
}
