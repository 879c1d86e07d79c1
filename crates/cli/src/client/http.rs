//! One request to the API: time limit, retries after 429, 503 and broken connections, problem
//! documents as failures. What is sent from here may be repeated without harm: reads, starts that are
//! deduplicated, and `execute` under its idempotency key. The rest says so, and is sent again only
//! when it certainly did not arrive.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use crate::arguments::ClientArguments;
use crate::client::profile;
use crate::ending::Failure;
use crate::environment;
use crate::show::problem;

/// The longest pause the server can ask for between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How often a connection that cannot be made is tried.
const CONNECTION_TRIES: u32 = 3;

/// A connection to one API with one token.
pub(crate) struct Http {
    client: reqwest::Client,
    base: reqwest::Url,
    token: String,
    patience: Duration,
}

/// A request.
pub(crate) struct Request<'a> {
    /// Method.
    pub(crate) method: Method,
    /// Site-relative path with its query.
    pub(crate) path: &'a str,
    /// JSON body.
    pub(crate) body: Option<&'a Value>,
    /// One more header.
    pub(crate) header: Option<(&'static str, &'a str)>,
    /// Whether a second one would do something else: never sent again once it may have arrived.
    pub(crate) once: bool,
}

impl Http {
    /// As the arguments, a profile or the environment say.
    pub(crate) fn connect(client: &ClientArguments) -> Result<Self, Failure> {
        let place = profile::place(client)?;
        Self::new(&place.api_url, &place.token)
    }

    /// A client of the API at `url`.
    pub(crate) fn new(url: &str, token: &str) -> Result<Self, Failure> {
        let wrong = |why: &str| Failure::Environment {
            name: environment::API_URL,
            why: why.to_owned(),
        };
        let base = reqwest::Url::parse(url).map_err(|_| wrong("is not a URL"))?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(wrong("is not an http or https URL"));
        }
        if token.chars().any(|c| c.is_control() || !c.is_ascii()) {
            return Err(Failure::Environment {
                name: environment::TOKEN,
                why: "has characters no token has".to_owned(),
            });
        }
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .user_agent(concat!("promotionctl/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|source| Failure::Unreachable {
                url: base.to_string(),
                source,
            })?;
        Ok(Self {
            client,
            base,
            token: token.to_owned(),
            patience: Duration::from_mins(2),
        })
    }

    /// The same client with another limit on the time one call may take, retries included.
    pub(crate) fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// An absolute URL of a site-relative path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// GET.
    pub(crate) async fn get(&self, path: &str) -> Result<Value, Failure> {
        let request = Request {
            method: Method::GET,
            path,
            body: None,
            header: None,
            once: false,
        };
        self.send(request).await
    }

    /// Items of a list, page by page, up to `limit`.
    pub(crate) async fn list(
        &self,
        path: &str,
        query: &[(&str, String)],
        limit: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page_size = limit.saturating_sub(items.len()).clamp(1, 200);
            let mut path = format!("{path}?limit={page_size}");
            for (name, value) in query {
                let _ = write!(path, "&{name}={}", escape(value));
            }
            if let Some(cursor) = &cursor {
                let _ = write!(path, "&cursor={}", escape(cursor));
            }
            let mut page = self.get(&path).await?;
            match page.get_mut("items").map(Value::take) {
                Some(Value::Array(more)) => items.extend(more),
                _ => return Err(Failure::Incomplete("items")),
            }
            cursor = page
                .get("next_cursor")
                .and_then(Value::as_str)
                .map(str::to_owned);
            if cursor.is_none() || items.len() >= limit {
                items.truncate(limit);
                return Ok(items);
            }
        }
    }

    /// A request that may be repeated; the JSON of the successful answer.
    pub(crate) async fn send(&self, request: Request<'_>) -> Result<Value, Failure> {
        let deadline = Instant::now() + self.patience;
        let mut tries = 0_u32;
        loop {
            tries += 1;
            let pause = match self.send_once(&request, deadline).await {
                Ok(Answer::Done(body)) => return Ok(body),
                Ok(Answer::Refused(failure)) => return Err(failure),
                Ok(Answer::Later(pause, failure)) => {
                    if Instant::now() + pause >= deadline {
                        return Err(failure);
                    }
                    pause
                }
                Err(failure) => {
                    let arrived = request.once && !is_unsent(&failure);
                    if arrived || tries >= CONNECTION_TRIES || Instant::now() >= deadline {
                        return Err(failure);
                    }
                    Duration::from_millis(300 * u64::from(tries))
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn send_once(&self, request: &Request<'_>, deadline: Instant) -> Result<Answer, Failure> {
        let url = self.url(request.path);
        let unreachable = |source| Failure::Unreachable {
            url: url.clone(),
            source,
        };
        let left = deadline.saturating_duration_since(Instant::now());
        let mut builder = self
            .client
            .request(request.method.clone(), &url)
            .timeout(left.max(Duration::from_secs(1)))
            .bearer_auth(&self.token);
        if let Some((name, value)) = request.header {
            builder = builder.header(name, value);
        }
        if let Some(body) = request.body {
            builder = builder.json(body);
        }
        let answer = builder.send().await.map_err(unreachable)?;
        let status = answer.status();
        let pause = retry_after(answer.headers());
        let text = answer.text().await.map_err(unreachable)?;
        if status.is_success() {
            let body = if text.is_empty() {
                Value::Null
            } else {
                serde_json::from_str(&text)?
            };
            return Ok(Answer::Done(body));
        }
        let failure = refusal(status, &text);
        // 503 may be a proxy that lost the answer; 429 is said before anything is done.
        let repeated = match status {
            StatusCode::TOO_MANY_REQUESTS => true,
            StatusCode::SERVICE_UNAVAILABLE => !request.once,
            _ => false,
        };
        if repeated {
            return Ok(Answer::Later(pause, failure));
        }
        Ok(Answer::Refused(failure))
    }

    /// Opens a stream of server-sent events.
    pub(crate) async fn open_events(
        &self,
        path: &str,
        last_event_id: Option<&str>,
    ) -> Result<reqwest::Response, Failure> {
        let url = self.url(path);
        let mut builder = self
            .client
            .get(&url)
            .bearer_auth(&self.token)
            .header("accept", "text/event-stream");
        if let Some(id) = last_event_id {
            builder = builder.header("last-event-id", id);
        }
        let answer = builder
            .send()
            .await
            .map_err(|source| Failure::Unreachable { url, source })?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        Err(refusal(status, &text))
    }
}

/// Whether the request never left: no connection was made.
fn is_unsent(failure: &Failure) -> bool {
    matches!(failure, Failure::Unreachable { source, .. } if source.is_connect())
}

enum Answer {
    Done(Value),
    Refused(Failure),
    Later(Duration, Failure),
}

fn refusal(status: StatusCode, text: &str) -> Failure {
    match problem::read(text) {
        Some(problem) => Failure::Refused(problem),
        None => Failure::Unexpected {
            status: status.as_u16(),
            excerpt: problem::clean(text).chars().take(200).collect(),
        },
    }
}

/// The pause a server asks for, in seconds; one second when it does not say.
fn retry_after(headers: &HeaderMap) -> Duration {
    headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse::<u64>().ok())
        .map_or(Duration::from_secs(1), Duration::from_secs)
        .clamp(Duration::from_millis(200), LONGEST_PAUSE)
}

/// Escapes one value for a query string or a path segment.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            escaped.push('%');
            let _ = write!(escaped, "{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    #[test]
    fn a_pause_is_never_longer_than_the_limit_nor_shorter_than_a_moment() {
        let with = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, HeaderValue::from_static(text));
            retry_after(&headers)
        };
        assert_eq!(retry_after(&HeaderMap::new()), Duration::from_secs(1));
        assert_eq!(with("2"), Duration::from_secs(2));
        assert_eq!(with("0"), Duration::from_millis(200));
        assert_eq!(with("86400"), LONGEST_PAUSE);
        assert_eq!(with("soon"), Duration::from_secs(1));
    }

    #[test]
    fn a_value_cannot_leave_its_place_in_a_url() {
        assert_eq!(escape("a/b?c&d=e f"), "a%2Fb%3Fc%26d%3De%20f");
        assert_eq!(escape("Größe"), "Gr%C3%B6%C3%9Fe");
    }

    #[test]
    fn an_answer_without_a_problem_document_is_named_as_such() {
        assert!(matches!(
            refusal(StatusCode::BAD_GATEWAY, "<html>\u{1b}[31m"),
            Failure::Unexpected { status: 502, excerpt } if excerpt == "<html> [31m"
        ));
    }
}
