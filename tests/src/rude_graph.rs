//! A Graph that answers what no simulator of ours would: a proxy in front of the simulator whose
//! answers can be replaced or rewritten as text, so that they may be anything at all.

use std::sync::{Arc, OnceLock};

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Changes an answer: gets the path with its query and the simulator's body, gives another body or
/// none. For paths that it owns it is asked with an empty body and the simulator is not.
pub type Rewrite = dyn Fn(&str, &str) -> Option<String> + Send + Sync;

/// The proxy. It ends with the runtime.
#[derive(Clone)]
pub struct RudeGraph {
    /// Base URL.
    pub url: String,
    simulator: Arc<OnceLock<String>>,
}

impl RudeGraph {
    /// Listens; `owned` says which paths the simulator knows nothing of.
    pub async fn start(
        owned: impl Fn(&str) -> bool + Send + Sync + 'static,
        rewrite: Box<Rewrite>,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let simulator = Arc::new(OnceLock::new());
        let shared = Arc::new((owned, rewrite, Arc::clone(&simulator)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    let (owned, rewrite, simulator) = &*shared;
                    let target = simulator.get().map_or("", String::as_str);
                    // A connection that ends early is the client's business.
                    let _ = serve(stream, target, owned, rewrite.as_ref()).await;
                });
            }
        });
        Ok(Self { url, simulator })
    }

    /// Where requests go that are not its own.
    pub fn forward_to(&self, simulator: &str) -> Result<()> {
        let set = self.simulator.set(simulator.to_owned());
        set.map_err(|_| anyhow::anyhow!("it forwards already"))
    }
}

/// One request of a connection.
struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

async fn serve(
    mut stream: TcpStream,
    simulator: &str,
    owned: &(impl Fn(&str) -> bool + Send + Sync),
    rewrite: &Rewrite,
) -> Result<()> {
    let request = read_request(&mut stream).await?;
    let is_get = request.method == "GET";
    if is_get && owned(&request.path) {
        let body = rewrite(&request.path, "");
        let status = if body.is_some() { 200 } else { 404 };
        return answer(
            &mut stream,
            status,
            &[],
            body.unwrap_or_default().as_bytes(),
        )
        .await;
    }
    let method = reqwest::Method::from_bytes(request.method.as_bytes())?;
    let mut forwarded = reqwest::Client::new()
        .request(method, format!("{simulator}{}", request.path))
        .body(request.body.clone());
    for (name, value) in &request.headers {
        if !["connection", "content-length", "accept-encoding"].contains(&name.as_str()) {
            forwarded = forwarded.header(name, value);
        }
    }
    let reply = forwarded.send().await?;
    let status = reply.status().as_u16();
    let headers: Vec<(String, String)> = reply
        .headers()
        .iter()
        .filter(|(name, _)| {
            !["content-length", "transfer-encoding", "connection"].contains(&name.as_str())
        })
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect();
    let body = reply.bytes().await?;
    let changed = match std::str::from_utf8(&body) {
        Ok(text) if is_get && status == 200 => rewrite(&request.path, text),
        _ => None,
    };
    let body = changed.map_or_else(|| body.to_vec(), String::into_bytes);
    answer(&mut stream, status, &headers, &body).await
}

async fn read_request(stream: &mut TcpStream) -> Result<Request> {
    let mut received = Vec::new();
    let end = loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut received).await? == 0 {
            anyhow::bail!("the connection ended in the middle of a request");
        }
    };
    let head = String::from_utf8(received.drain(..end + 4).collect())?;
    let mut lines = head.split("\r\n");
    let mut first = lines.next().context("a request line")?.split(' ');
    let method = first.next().context("a method")?.to_owned();
    let path = first.next().context("a path")?.to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .map_or(Ok(0), |(_, value)| value.parse::<usize>())?;
    while received.len() < length {
        if stream.read_buf(&mut received).await? == 0 {
            anyhow::bail!("the connection ended in the middle of a body");
        }
    }
    Ok(Request {
        method,
        path,
        headers,
        body: received,
    })
}

async fn answer(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(String, String)],
    body: &[u8],
) -> Result<()> {
    use std::fmt::Write as _;
    let mut head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n")?;
    }
    if headers.is_empty() {
        head.push_str("content-type: application/json\r\n");
    }
    write!(head, "content-length: {}\r\n\r\n", body.len())?;
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body).await?;
    stream.shutdown().await?;
    Ok(())
}
