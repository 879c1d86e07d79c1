//! A server that answers what a test tells it to, byte for byte.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use graph::{
    BudgetLimits, CallContext, Cloud, Credential, EndpointOverrides, Gateway, GatewaySettings,
    GraphVersion, ReadRequest, ResourceFamily, SecretText, TenantConnection, TenantReader,
    TenantWriter, TransportLimits, WriteTarget,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What to do with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// A proper answer; the connection stays open.
    Whole(u16, Vec<(&'static str, String)>, String),
    /// These bytes, then the connection is closed.
    Bytes(String),
    /// The connection is closed without a byte.
    Cut,
    /// Nothing for this long, then a proper answer.
    Slow(Duration, Box<Reply>),
}

impl Reply {
    pub fn json(body: &serde_json::Value) -> Self {
        Self::Whole(200, Vec::new(), body.to_string())
    }

    pub fn status(status: u16) -> Self {
        Self::Whole(status, Vec::new(), String::new())
    }
}

type Script = Arc<dyn Fn(usize, &Seen) -> Reply + Send + Sync>;

/// A running server with the record of what it saw.
#[derive(Clone)]
pub struct Server {
    pub base: String,
    pub tenant: Uuid,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// A JWT-shaped token.
pub fn token_for(tenant: Uuid) -> String {
    let claims = serde_json::json!({"tid": tenant, "roles": ["Group.Read.All"]});
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

pub fn token_reply(tenant: Uuid) -> Reply {
    Reply::json(
        &serde_json::json!({"token_type": "Bearer", "expires_in": 3599,
        "access_token": token_for(tenant)}),
    )
}

/// Starts a server; `graph` answers Graph requests, numbered from 0; tokens are given freely.
pub async fn start(graph: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Server {
    let tenant = Uuid::new_v4();
    start_with(tenant, move |_, _| token_reply(tenant), graph).await
}

/// Starts a server with its own login service, its requests numbered from 0 too.
pub async fn start_with(
    tenant: Uuid,
    login: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
    graph: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static,
) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server {
        base: format!("http://{}", listener.local_addr().unwrap()),
        tenant,
        seen: Arc::default(),
    };
    let (login, graph): (Script, Script) = (Arc::new(login), Arc::new(graph));
    let accepting = server.clone();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(
                stream,
                accepting.clone(),
                Arc::clone(&login),
                Arc::clone(&graph),
            ));
        }
    });
    server
}

async fn serve(mut stream: TcpStream, server: Server, login: Script, graph: Script) {
    while let Some(request) = read_request(&mut stream).await {
        let to_login = request.target.ends_with("/oauth2/v2.0/token");
        let number = {
            let mut seen = server.seen.lock().unwrap();
            seen.push(request.clone());
            let same = |one: &&Seen| one.target.ends_with("/oauth2/v2.0/token") == to_login;
            seen.iter().filter(same).count() - 1
        };
        let script = if to_login { &login } else { &graph };
        let mut reply = script(number, &request);
        if let Reply::Slow(time, after) = reply {
            tokio::time::sleep(time).await;
            reply = *after;
        }
        let bytes = match reply {
            Reply::Whole(status, headers, body) => {
                let mut text = format!("HTTP/1.1 {status} X\r\n");
                for (name, value) in &headers {
                    text.extend([name, ": ", value, "\r\n"]);
                }
                let length = body.len().to_string();
                text.extend(["content-length: ", &length, "\r\n\r\n", &body]);
                stream.write_all(text.as_bytes()).await.ok();
                continue;
            }
            Reply::Bytes(bytes) => bytes,
            Reply::Cut | Reply::Slow(..) => String::new(),
        };
        stream.write_all(bytes.as_bytes()).await.ok();
        stream.shutdown().await.ok();
        return;
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Seen> {
    let mut received = Vec::new();
    let head_end = loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(length) => received.extend_from_slice(&part[..length]),
        }
    };
    let head = String::from_utf8_lossy(&received[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = received.split_off(head_end);
    while body.len() < length {
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(0) | Err(_) => return None,
            Ok(read) => body.extend_from_slice(&part[..read]),
        }
    }
    Some(Seen {
        method,
        target,
        headers,
        body: String::from_utf8(body).unwrap(),
    })
}

impl Server {
    /// Everything seen so far on the Graph side.
    pub fn graph_requests(&self) -> Vec<Seen> {
        self.requests(false)
    }

    /// Everything seen so far by the login service.
    pub fn token_requests(&self) -> Vec<Seen> {
        self.requests(true)
    }

    fn requests(&self, login: bool) -> Vec<Seen> {
        let seen = self.seen.lock().unwrap();
        seen.iter()
            .filter(|one| one.target.ends_with("/oauth2/v2.0/token") == login)
            .cloned()
            .collect()
    }

    pub fn gateway(&self) -> Gateway {
        Gateway::new(GatewaySettings {
            overrides: EndpointOverrides {
                graph: Some(self.base.clone()),
                login: Some(self.base.clone()),
                allow_insecure: false,
            },
            transport: TransportLimits {
                connect_timeout: Duration::from_secs(2),
                request_timeout: Duration::from_secs(2),
                body_cap: 100_000,
            },
            budget: BudgetLimits::default(),
            ..GatewaySettings::default()
        })
        .unwrap()
    }

    pub fn connection(&self, gateway: &Gateway) -> TenantConnection {
        TenantConnection::new(
            Cloud::Global,
            gateway.overrides(),
            self.tenant,
            "client-1",
            Credential::ClientSecret(SecretText::new("canary&secret")),
        )
        .unwrap()
    }

    pub fn reader(&self) -> TenantReader {
        let gateway = self.gateway();
        gateway.reader(self.connection(&gateway), CallContext::default())
    }

    pub fn writer(&self) -> TenantWriter {
        let gateway = self.gateway();
        let target = WriteTarget::of_run(self.tenant, &[Uuid::new_v4()]).unwrap();
        gateway
            .writer(&target, self.connection(&gateway), CallContext::default())
            .unwrap()
    }
}

/// A read of the groups.
pub fn groups() -> ReadRequest {
    ReadRequest::new(ResourceFamily::Directory, GraphVersion::V1, "/groups")
}
