//! The simulator's control endpoints, as far as the demo needs them, and what its journal proves.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::client::workspace::text;
use crate::ending::Failure;

/// What a target gets when it is to be empty but usable: everything policies refer to.
const PROVISIONED: [&str; 3] = ["groups", "assignmentFilters", "roleScopeTags"];

/// A running simulator.
#[derive(Debug)]
pub(crate) struct Graph {
    /// Base URL.
    pub(crate) url: String,
    client: reqwest::Client,
}

/// What the journal of the simulator says, which is nobody's own word but its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Requests that read the source.
    pub(crate) source_reads: u64,
    /// Requests that would change the source.
    pub(crate) source_writes: u64,
    /// Requests that read the target.
    pub(crate) target_reads: u64,
    /// Requests that would change the target.
    pub(crate) target_writes: u64,
    /// Writes the simulator refused.
    pub(crate) refused: u64,
    /// Policies created.
    pub(crate) creates: u64,
    /// Policies created more than once.
    pub(crate) duplicates: u64,
}

impl Graph {
    /// Talks to the simulator at `url`.
    pub(crate) fn new(url: String) -> Self {
        Self {
            url,
            client: reqwest::Client::new(),
        }
    }

    /// Gives the target the groups, filters and scope tags of the source, under ids of its own.
    pub(crate) async fn provision(&self, target: &str, source: &str) -> Result<(), Failure> {
        let url = format!("{}/__sim/tenants/{target}/provision", self.url);
        let body = json!({"from": source, "kinds": PROVISIONED});
        let answer = self.client.post(&url).json(&body).send();
        self.read(&url, answer).await.map(|_| ())
    }

    /// Forgets what was asked so far.
    pub(crate) async fn journal(&self, tenant: &str) -> Result<Vec<Value>, Failure> {
        let url = format!("{}/__sim/journal?tenant={tenant}", self.url);
        let mut answer = self.read(&url, self.client.get(&url).send()).await?;
        match answer.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(Failure::Demo(
                "the simulator's journal has no items".to_owned(),
            )),
        }
    }

    async fn read(
        &self,
        url: &str,
        answer: impl Future<Output = Result<reqwest::Response, reqwest::Error>>,
    ) -> Result<Value, Failure> {
        let unreachable = |source| Failure::Unreachable {
            url: url.to_owned(),
            source,
        };
        let answer = answer.await.map_err(unreachable)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unreachable)?;
        if !status.is_success() {
            return Err(Failure::Demo(format!("simulator: {url}: {status} {text}")));
        }
        Ok(serde_json::from_str(&text)?)
    }

    /// What happened to both tenants.
    pub(crate) async fn figures(&self, source: &str, target: &str) -> Result<Figures, Failure> {
        let source = self.journal(source).await?;
        let target = self.journal(target).await?;
        Ok(figures(&source, &target))
    }
}

fn is_login(entry: &Value) -> bool {
    text(entry, "path_template").ends_with("/token")
}

fn is_write(entry: &Value) -> bool {
    text(entry, "method") != "GET" && !is_login(entry)
}

fn figures(source: &[Value], target: &[Value]) -> Figures {
    let count = |entries: &[Value], wanted: fn(&Value) -> bool| {
        entries.iter().filter(|entry| wanted(entry)).count() as u64
    };
    let is_read = |entry: &Value| text(entry, "method") == "GET";
    let mut figures = Figures {
        source_reads: count(source, is_read),
        source_writes: count(source, is_write),
        target_reads: count(target, is_read),
        target_writes: count(target, is_write),
        ..Figures::default()
    };
    let mut created: BTreeMap<String, u64> = BTreeMap::new();
    for entry in target.iter().filter(|entry| is_write(entry)) {
        let status = entry.get("status").and_then(Value::as_u64);
        if status.is_some_and(|status| status >= 400) {
            figures.refused += 1;
        }
        // Parts of an object (messages of a template) are created below its id.
        if text(entry, "effect") == "created" && !text(entry, "path_template").contains('{') {
            figures.creates += 1;
            *created.entry(identity(entry)).or_default() += 1;
        }
    }
    figures.duplicates = created.values().map(|times| times - 1).sum();
    figures
}

/// What makes two created objects the same policy: collection, kind, platform and name.
fn identity(entry: &Value) -> String {
    let body = entry.get("body").unwrap_or(&Value::Null);
    let parts = [
        "displayName",
        "name",
        "@odata.type",
        "platforms",
        "platform",
    ];
    let mut identity = text(entry, "path_template").to_owned();
    for part in parts {
        identity.push('\u{1f}');
        identity.push_str(text(body, part));
    }
    identity
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_tells_creates_from_duplicates_and_parts() {
        let create = |path: &str, name: &str, status: u64| {
            json!({"method": "POST", "path_template": path, "status": status,
                "effect": if status < 300 { "created" } else { "none" },
                "body": {"displayName": name}})
        };
        let read = json!({"method": "GET", "path_template": "/beta/groups", "status": 200});
        let login = json!({"method": "POST", "path_template": "/oauth2/v2.0/token"});
        let source = [read.clone(), login];
        let target = [
            read,
            create("/beta/a", "one", 201),
            create("/beta/a", "two", 201),
            create("/beta/a", "two", 201),
            create("/beta/a", "three", 400),
            create("/beta/a/{id}/parts", "one", 201),
        ];
        let expected = Figures {
            source_reads: 1,
            source_writes: 0,
            target_reads: 1,
            target_writes: 5,
            refused: 1,
            creates: 3,
            duplicates: 1,
        };
        assert_eq!(figures(&source, &target), expected);
    }
}
