//! A running API with its own database, and a client that shows answers byte for byte.

use std::fmt::Write;

use api::{Config, serve};
use base64::Engine;
use serde_json::{Value, json};
use store::dev_cluster::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An API, its database, and the owner of its workspace.
pub struct Stack {
    pub url: std::net::SocketAddr,
    pub workspace: String,
    pub owner: String,
    pub owner_id: String,
    pub config: Config,
    pub database: TestDatabase,
    master_key: String,
    count: Box<dyn Fn() -> u64>,
}

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub text: String,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// Insists on a status.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        if self.text.is_empty() {
            Value::Null
        } else {
            self.json()
        }
    }

    /// Insists on a status, whatever the body is.
    pub fn expect_status(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text);
    }

    /// Insists on problem details of this status and code.
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        let body = self.json();
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["status"], status);
        for member in ["type", "title", "detail", "request_id"] {
            assert!(body[member].is_string(), "{member} in {body}");
        }
        assert_eq!(self.header("x-request-id"), body["request_id"].as_str());
        body
    }
}

impl Stack {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// With more environment.
    pub async fn start_with(more: &[(&str, &str)]) -> Self {
        let more: Vec<(String, String)> = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let (database, master_key, made) = actix_web::web::block(|| {
            let database = TestDatabase::create().unwrap();
            let master_key =
                base64::engine::general_purpose::STANDARD.encode(rand::random::<[u8; 32]>());
            let made = store::bootstrap::bootstrap(
                database.url(),
                &master_key,
                "Test workspace",
                "owner@example.test",
            )
            .unwrap();
            (database, master_key, made)
        })
        .await
        .unwrap();
        // As in production: never as the superuser.
        let url = database.api_url();
        let key = master_key.clone();
        let config = Config::from_lookup(move |name| match name {
            "DATABASE_URL" => Some(url.clone()),
            "PROMOTION_MASTER_KEY" => Some(key.clone()),
            "PROMOTION_BIND" => Some("127.0.0.1:0".to_owned()),
            _ => more
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| value.clone()),
        })
        .unwrap();
        let (url, count) = start_process(&config);
        Self {
            count,
            url,
            workspace: made.workspace_id.to_string(),
            owner: made.token,
            owner_id: made.user_id.to_string(),
            config,
            database,
            master_key,
        }
    }

    /// One more API on the same database.
    pub fn start_another(&self) -> std::net::SocketAddr {
        start_process(&self.config).0
    }

    /// Statements the first process has sent so far.
    pub fn statements(&self) -> u64 {
        (self.count)()
    }

    /// A token of the owner of another workspace.
    pub async fn other_workspace(&self) -> String {
        let url = self.database.url().to_owned();
        let key = self.master_key.clone();
        let make = move || {
            store::bootstrap::bootstrap(&url, &key, "Elsewhere", "other@example.test")
                .map(|made| made.token)
        };
        actix_web::web::block(make).await.unwrap().unwrap()
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/v1/workspaces/{}{rest}", self.workspace)
    }

    pub async fn get(&self, rest: &str) -> Reply {
        self.call("GET", &self.path(rest), Some(&self.owner), None)
            .await
    }

    pub async fn post(&self, rest: &str, body: &Value) -> Reply {
        self.call("POST", &self.path(rest), Some(&self.owner), Some(body))
            .await
    }

    pub async fn call(
        &self,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Reply {
        let mut headers = Vec::new();
        if let Some(token) = token {
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
        let text = body.map(Value::to_string);
        if text.is_some() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        let bytes = text.unwrap_or_default().into_bytes();
        send(self.url, method, path, &headers, &bytes).await
    }

    /// Raw bytes with the owner's token.
    pub async fn raw(&self, method: &str, path: &str, more: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut headers = vec![("Authorization".to_owned(), format!("Bearer {}", self.owner))];
        headers.extend(more.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        send(self.url, method, path, &headers, body).await
    }

    /// Adds a tenant; its id.
    pub async fn tenant(&self, name: &str) -> String {
        let entra = uuid::Uuid::new_v4();
        let body = json!({"display_name": name, "entra_tenant_id": entra});
        let made = self.post("/tenants", &body).await.expect(201);
        made["id"].as_str().unwrap().to_owned()
    }

    /// Adds a member with a role and gives them a token.
    pub async fn member(&self, name: &str, role: &str) -> (String, String) {
        let body = json!({"email": format!("{name}@example.test"), "role": role});
        let made = self.post("/members", &body).await.expect(201);
        let user_id = made["user_id"].as_str().unwrap().to_owned();
        let token = self.token(&json!({"name": name, "user_id": user_id})).await;
        (user_id, token)
    }

    pub async fn token(&self, body: &Value) -> String {
        let made = self.post("/api-tokens", body).await.expect(201);
        made["token"].as_str().unwrap().to_owned()
    }
}

fn start_process(config: &Config) -> (std::net::SocketAddr, Box<dyn Fn() -> u64>) {
    let running = serve(config).unwrap();
    let url = running.addresses[0];
    let database = running.database.clone();
    actix_web::rt::spawn(running.server);
    (url, Box::new(move || database.statement_count()))
}

/// One request on a connection of its own.
pub async fn send(
    url: std::net::SocketAddr,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
) -> Reply {
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    let chunked = headers.iter().any(|(name, _)| name == "Transfer-Encoding");
    if !chunked && (!body.is_empty() || method != "GET") {
        let _ = write!(head, "Content-Length: {}\r\n", body.len());
    }
    head.push_str("\r\n");
    let mut socket = TcpStream::connect(url).await.unwrap();
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(body).await.unwrap();
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).await.unwrap();
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Reply {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("{text}"));
    let mut lines = head.lines();
    let status = lines
        .next()
        .unwrap()
        .split(' ')
        .nth(1)
        .unwrap()
        .parse()
        .unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_lowercase(), value.to_owned())
        })
        .collect();
    let chunked = headers
        .iter()
        .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let text = if chunked {
        unchunk(body)
    } else {
        body.to_owned()
    };
    Reply {
        status,
        headers,
        text,
    }
}

fn unchunk(mut body: &str) -> String {
    let mut text = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        if size == 0 {
            break;
        }
        text.push_str(&rest[..size]);
        body = rest[size..].trim_start_matches("\r\n");
    }
    text
}
