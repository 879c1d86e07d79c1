//! One request as the handlers see it: path ids, query, headers, the body within its limits.
//!
//! Authenticates from the headers before it reads a body: of somebody unknown nothing is kept. It
//! must not judge: the verdict on a body is kept until the handler, in the contract's order of
//! evaluation, asks for it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::http::{Method, header};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use serde_json::Value;
use store::{PgConnection, StoreError};
use uuid::Uuid;

use crate::app::AppState;
use crate::body::{self, Body};
use crate::caller::Caller;
use crate::denials::About;
use crate::derivation::Derived;
use crate::edge::RequestId;
use crate::fair::Permit;
use crate::gone::Watch;
use crate::openapi::UNMATCHED;
use crate::pagination::Parameters;
use crate::problem::Problem;
use crate::strict_json::{self, Members, ReadBody, parse_uuid};

/// A request with its body read.
pub struct Call {
    /// The request.
    pub request: HttpRequest,
    /// What the process holds.
    pub state: Data<AppState>,
    /// Whose permits this call takes: its workspace, once that is known.
    pub owner: Cell<Uuid>,
    /// What the authentication before the body found; the handler's own takes it.
    pub recognised: RefCell<Option<Vec<Caller>>>,
    body: Body,
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
        match &self.body.bytes {
            Ok(bytes) => Ok(bytes),
            Err(fault) => Err((*fault).into()),
        }
    }

    /// One READ COMMITTED transaction; `work` may run again when it loses a race.
    pub async fn transaction<T: Send + 'static>(
        &self,
        work: impl Fn(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.statements().await?;
        let work = move |conn: &mut PgConnection| {
            let _held = &permit;
            work(conn)
        };
        self.state.db.transaction(work).await
    }

    /// Statements that each stand alone.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.statements().await?;
        let work = move |conn: &mut PgConnection| {
            let _held = permit;
            work(conn)
        };
        self.state.db.run(work).await
    }

    /// One consistent view of the database; nothing can be written.
    pub async fn view<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.statements().await?;
        let work = move |conn: &mut PgConnection| {
            let _held = permit;
            work(conn)
        };
        self.state.db.read_view(work).await
    }

    /// Waits for a turn at the database.
    async fn statements(&self) -> Result<Permit, StoreError> {
        let turn = self.state.statements.take(self.owner.get()).await;
        turn.map_err(|_| StoreError::Crowded)
    }

    /// Derives from one consistent view of the database. Bounds how many inventories are in memory at
    /// a time and shares that fairly: what the permit stands for lasts as long as the permit, which
    /// is to be kept with the result. When the caller goes away, the work ends at its next step.
    pub async fn derive<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection, &Watch) -> Derived<T> + Send + 'static,
    ) -> Result<(T, Arc<Permit>), Problem> {
        let permit = Arc::new(self.state.derivations.take(self.owner.get()).await?);
        let watch = Watch::default();
        let _waiting = watch.waiting();
        let held = Arc::clone(&permit);
        let derived = self
            .state
            .db
            .read_view(move |conn| {
                let _held = held;
                watch.check()?;
                work(conn, &watch)
            })
            .await??;
        Ok((derived, permit))
    }

    /// Whether some operation takes this method on this path.
    fn is_operation(&self) -> bool {
        let pattern = self.request.match_pattern();
        let method = self.request.method().as_str();
        pattern.is_some_and(|pattern| self.state.operations.id_of(method, &pattern) != UNMATCHED)
    }

    /// Says what the call is about, for the entry of a denial.
    pub fn about(&self, tenant_id: Uuid, detail: Value) {
        self.request
            .extensions_mut()
            .insert(About { tenant_id, detail });
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
            let mut call = Self {
                request,
                state,
                owner: Cell::new(Uuid::nil()),
                recognised: RefCell::new(None),
                body: Body::none(),
            };
            if matches!(*call.request.method(), Method::GET | Method::HEAD) {
                return Ok(call);
            }
            // Where nothing answers there is nothing to read either.
            if !call.is_operation() {
                body::discard(&mut payload).await;
                return Ok(call);
            }
            match call.recognise().await {
                Ok(callers) if callers.is_empty() => body::discard(&mut payload).await,
                Ok(callers) => {
                    let owner = call.owner.get();
                    call.recognised = RefCell::new(Some(callers));
                    call.body = Body::read(&mut payload, &call.state.bodies, owner).await;
                }
                Err(problem) => {
                    body::discard(&mut payload).await;
                    return Err(problem.closing());
                }
            }
            Ok(call)
        })
    }
}
