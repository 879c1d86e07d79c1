//! A client of the API that speaks the contract and nothing else.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use reqwest::Method;
use serde_json::{Value, json};

/// A client bound to one API process, one token and one workspace.
#[derive(Clone, Debug)]
pub struct Api {
    /// Base URL.
    pub url: String,
    /// Bearer token.
    pub token: String,
    /// Workspace id.
    pub workspace: String,
    http: reqwest::Client,
}

/// An answer with its status and headers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: reqwest::header::HeaderMap,
    /// JSON body, or null.
    pub body: Value,
}

impl Reply {
    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body when the status is the expected one.
    pub fn expect(self, status: u16) -> Result<Value> {
        if self.status != status {
            bail!("expected {status}, got {}: {}", self.status, self.body);
        }
        Ok(self.body)
    }
}

impl Api {
    /// A client.
    pub fn new(url: &str, token: &str, workspace: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            token: token.to_owned(),
            workspace: workspace.to_owned(),
            http: reqwest::Client::new(),
        }
    }

    /// The same client with another token.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: token.to_owned(),
            ..self.clone()
        }
    }

    /// The same client against another process.
    #[must_use]
    pub fn at(&self, url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            ..self.clone()
        }
    }

    /// Any request below the site root; headers as given.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Reply> {
        let mut request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Self::read(request).await
    }

    /// A request with a raw body and content type.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Reply> {
        let request = self
            .http
            .request(method, format!("{}{path}", self.url))
            .bearer_auth(&self.token)
            .header("content-type", content_type)
            .body(body);
        Self::read(request).await
    }

    async fn read(request: reqwest::RequestBuilder) -> Result<Reply> {
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let headers = answer.headers().clone();
        let text = answer.text().await?;
        Ok(Reply {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        })
    }

    /// `/v1/workspaces/{ws}` and a tail.
    pub fn path(&self, tail: &str) -> String {
        format!("/v1/workspaces/{}{tail}", self.workspace)
    }

    /// GET below the workspace.
    pub async fn get(&self, tail: &str) -> Result<Reply> {
        self.send(Method::GET, &self.path(tail), &[], None).await
    }

    /// POST below the workspace.
    pub async fn post(&self, tail: &str, body: &Value) -> Result<Reply> {
        self.send(Method::POST, &self.path(tail), &[], Some(body))
            .await
    }

    /// PUT below the workspace.
    pub async fn put(&self, tail: &str, body: &Value) -> Result<Reply> {
        self.send(Method::PUT, &self.path(tail), &[], Some(body))
            .await
    }

    /// Adds a tenant and its connection; our tenant id.
    pub async fn add_tenant(&self, name: &str, entra: &str) -> Result<String> {
        let tenant = self
            .post(
                "/tenants",
                &json!({"display_name": name, "entra_tenant_id": entra}),
            )
            .await?
            .expect(201)?;
        let id = tenant["id"].as_str().context("id")?.to_owned();
        let connection = json!({
            "cloud": "global",
            "client_id": "11111111-2222-4333-8444-555555555555",
            "credential": {"kind": "client_secret", "client_secret": "not-a-real-secret"},
        });
        self.put(&format!("/tenants/{id}/connection"), &connection)
            .await?
            .expect(200)?;
        Ok(id)
    }

    /// Starts a sync; the run's id.
    pub async fn start_sync(&self, tenant: &str) -> Result<String> {
        let path = format!("/tenants/{tenant}/inventory-syncs");
        let started = self.post(&path, &json!({})).await?.expect(202)?;
        Ok(started["operation_run"]["id"]
            .as_str()
            .context("run id")?
            .to_owned())
    }

    /// Syncs a tenant and waits for the end; the run.
    pub async fn sync(&self, tenant: &str) -> Result<Value> {
        let id = self.start_sync(tenant).await?;
        self.wait_for_run(&id, Duration::from_mins(3)).await
    }

    /// A run.
    pub async fn run(&self, id: &str) -> Result<Value> {
        self.get(&format!("/operation-runs/{id}"))
            .await?
            .expect(200)
    }

    /// Waits for a run to end; on time-out the error shows its items.
    pub async fn wait_for_run(&self, id: &str, limit: Duration) -> Result<Value> {
        let deadline = Instant::now() + limit;
        loop {
            let run = self.run(id).await?;
            if run["status"] == "completed" {
                return Ok(run);
            }
            if Instant::now() > deadline {
                let items = self.items(id).await.unwrap_or_default();
                bail!("run {id} goes on: {run}\nitems: {}", json!(items));
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// All items of a run.
    pub async fn items(&self, id: &str) -> Result<Vec<Value>> {
        self.all(&format!("/operation-runs/{id}/items?limit=200"))
            .await
    }

    /// Every item of a list endpoint, page by page.
    pub async fn all(&self, tail: &str) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut tail = tail.to_owned();
            if let Some(cursor) = &cursor {
                tail.push(if tail.contains('?') { '&' } else { '?' });
                tail.push_str("cursor=");
                tail.push_str(cursor);
            }
            let page = self.get(&tail).await?.expect(200)?;
            items.extend(page["items"].as_array().cloned().unwrap_or_default());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return Ok(items),
            }
        }
    }

    /// Compare.
    pub async fn compare(&self, selection: &Value) -> Result<Value> {
        self.post("/cross-tenant-compare", selection)
            .await?
            .expect(200)
    }

    /// Preflight.
    pub async fn preflight(&self, selection: &Value) -> Result<Value> {
        self.post("/cross-tenant-compare/preflight", selection)
            .await?
            .expect(200)
    }

    /// Execute, as it answers.
    pub async fn execute(&self, selection: &Value, plan_digest: &str) -> Result<Reply> {
        let mut body = selection.clone();
        body["plan_digest"] = json!(plan_digest);
        body["confirm"] = json!(true);
        self.post("/cross-tenant-compare/execute", &body).await
    }

    /// Preflight, execute, wait: the preflight and the completed run.
    pub async fn promote(&self, selection: &Value, limit: Duration) -> Result<(Value, Value)> {
        let preflight = self.preflight(selection).await?;
        let digest = preflight["plan_digest"].as_str().context("plan_digest")?;
        let started = self.execute(selection, digest).await?.expect(202)?;
        let id = started["operation_run"]["id"].as_str().context("run id")?;
        let run = self.wait_for_run(id, limit).await?;
        Ok((preflight, run))
    }
}
