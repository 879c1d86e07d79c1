//! The simulator's control endpoints.

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// A running simulator.
#[derive(Clone, Debug)]
pub struct Sim {
    /// Base URL.
    pub url: String,
    http: reqwest::Client,
}

impl Sim {
    /// Talks to the simulator at `url`.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.trim_end_matches('/').to_owned(),
            http: reqwest::Client::new(),
        }
    }

    async fn call(
        &self,
        method: reqwest::Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value> {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.context(path.to_owned())?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{path}: {status} {text}");
        }
        if text.is_empty() {
            return Ok(Value::Null);
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// Adds a tenant: `{"id", "folder"?, "builtin"?}`.
    pub async fn add_tenant(&self, body: Value) -> Result<Value> {
        self.call(reqwest::Method::POST, "/__sim/tenants", Some(body))
            .await
    }

    /// Copies objects of the same names with new ids.
    pub async fn provision(&self, tenant: &str, from: &str, kinds: &[&str]) -> Result<Value> {
        let body = json!({"from": from, "kinds": kinds});
        self.call(
            reqwest::Method::POST,
            &format!("/__sim/tenants/{tenant}/provision"),
            Some(body),
        )
        .await
    }

    /// Copies policies; see the simulator's documentation.
    pub async fn copy_objects(&self, tenant: &str, body: Value) -> Result<Value> {
        self.call(
            reqwest::Method::POST,
            &format!("/__sim/tenants/{tenant}/copy-objects"),
            Some(body),
        )
        .await
    }

    /// The objects of a collection, e.g. `configurationPolicies`.
    pub async fn objects(&self, tenant: &str, collection: &str) -> Result<Vec<Value>> {
        let answer = self
            .call(
                reqwest::Method::GET,
                &format!("/__sim/tenants/{tenant}/objects?collection={collection}"),
                None,
            )
            .await?;
        let items = answer.get("items").cloned().unwrap_or(answer);
        Ok(items.as_array().cloned().unwrap_or_default())
    }

    /// Changes an object behind everybody's back.
    pub async fn patch_object(
        &self,
        tenant: &str,
        collection: &str,
        id: &str,
        patch: Value,
    ) -> Result<Value> {
        self.call(
            reqwest::Method::PATCH,
            &format!("/__sim/tenants/{tenant}/objects/{collection}/{id}"),
            Some(patch),
        )
        .await
    }

    /// Adds an object behind everybody's back.
    pub async fn put_object(&self, tenant: &str, collection: &str, object: Value) -> Result<Value> {
        self.call(
            reqwest::Method::POST,
            &format!("/__sim/tenants/{tenant}/objects/{collection}"),
            Some(object),
        )
        .await
    }

    /// Removes an object behind everybody's back.
    pub async fn delete_object(&self, tenant: &str, collection: &str, id: &str) -> Result<Value> {
        self.call(
            reqwest::Method::DELETE,
            &format!("/__sim/tenants/{tenant}/objects/{collection}/{id}"),
            None,
        )
        .await
    }

    /// Gives the application of a tenant just these permissions: `{"roles": [..]}`.
    pub async fn set_roles(&self, tenant: &str, roles: Value) -> Result<Value> {
        self.call(
            reqwest::Method::PUT,
            &format!("/__sim/tenants/{tenant}/roles"),
            Some(roles),
        )
        .await
    }

    /// Turns switches of a tenant; the others are off.
    pub async fn set_options(&self, tenant: &str, options: Value) -> Result<Value> {
        let path = format!("/__sim/tenants/{tenant}/options");
        self.call(reqwest::Method::PUT, &path, Some(options)).await
    }

    /// Puts Graph's clock so many seconds ahead of this machine's.
    pub async fn set_clock(&self, ahead_seconds: i64) -> Result<Value> {
        let body = json!({"ahead_seconds": ahead_seconds});
        self.call(reqwest::Method::PUT, "/__sim/clock", Some(body))
            .await
    }

    /// Installs a fault.
    pub async fn fault(&self, fault: Value) -> Result<Value> {
        self.call(reqwest::Method::POST, "/__sim/faults", Some(fault))
            .await
    }

    /// Installed faults with their hits.
    pub async fn faults(&self) -> Result<Value> {
        self.call(reqwest::Method::GET, "/__sim/faults", None).await
    }

    /// Removes all faults.
    pub async fn clear_faults(&self) -> Result<()> {
        self.call(reqwest::Method::DELETE, "/__sim/faults", None)
            .await
            .map(|_| ())
    }

    /// Every request to a tenant, oldest first.
    pub async fn journal(&self, tenant: &str, writes_only: bool) -> Result<Vec<Value>> {
        let answer = self
            .call(
                reqwest::Method::GET,
                &format!("/__sim/journal?tenant={tenant}&writes_only={writes_only}"),
                None,
            )
            .await?;
        let items = answer.get("items").cloned().unwrap_or(answer);
        Ok(items.as_array().cloned().unwrap_or_default())
    }

    /// Forgets every request.
    pub async fn clear_journal(&self) -> Result<()> {
        self.call(reqwest::Method::DELETE, "/__sim/journal", None)
            .await
            .map(|_| ())
    }

    /// Journal entries of a tenant that created an object.
    pub async fn creates(&self, tenant: &str) -> Result<Vec<Value>> {
        let writes = self.journal(tenant, true).await?;
        Ok(writes
            .into_iter()
            .filter(|entry| entry["effect"] == "created")
            .collect())
    }
}
