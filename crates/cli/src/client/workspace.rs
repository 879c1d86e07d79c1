//! The workspace a command works in, and its tenants by id or name.

use std::fmt::Write as _;

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::client::http::{Http, Request, escape};
use crate::ending::Failure;
use crate::environment;

/// A client bound to one workspace.
pub(crate) struct Workspace {
    /// The connection.
    pub(crate) http: Http,
    id: String,
}

impl Workspace {
    /// The workspace named by the argument, else by the environment, else the token's only one.
    pub(crate) async fn open(http: Http, named: Option<&str>) -> Result<Self, Failure> {
        let named = match named {
            Some(named) => Some(named.to_owned()),
            None => environment::optional(environment::WORKSPACE)?,
        };
        if let Some(named) = &named
            && Uuid::parse_str(named).is_ok()
        {
            return Ok(Self {
                http,
                id: named.clone(),
            });
        }
        let me = http.get("/v1/me").await?;
        let workspaces = me
            .get("workspaces")
            .and_then(Value::as_array)
            .ok_or(Failure::Incomplete("workspaces"))?;
        let id = match named {
            Some(named) => choose("workspace", "name", &named, workspaces)?,
            None => match workspaces.as_slice() {
                [only] => text(only, "id").to_owned(),
                _ => {
                    return Err(Failure::Environment {
                        name: environment::WORKSPACE,
                        why: "is not set, and the token does not stand for exactly one workspace"
                            .to_owned(),
                    });
                }
            },
        };
        Ok(Self { http, id })
    }

    /// A workspace whose id is known.
    pub(crate) fn with_id(http: Http, id: &str) -> Self {
        Self {
            http,
            id: id.to_owned(),
        }
    }

    /// `/v1/workspaces/{id}` and a tail.
    pub(crate) fn path(&self, tail: &str) -> String {
        format!("/v1/workspaces/{}{tail}", escape(&self.id))
    }

    /// GET below the workspace.
    pub(crate) async fn get(&self, tail: &str) -> Result<Value, Failure> {
        self.http.get(&self.path(tail)).await
    }

    /// POST below the workspace.
    pub(crate) async fn post(&self, tail: &str, body: &Value) -> Result<Value, Failure> {
        self.send(Method::POST, tail, Some(body), None).await
    }

    /// Any request below the workspace.
    pub(crate) async fn send(
        &self,
        method: Method,
        tail: &str,
        body: Option<&Value>,
        header: Option<(&'static str, &str)>,
    ) -> Result<Value, Failure> {
        let path = self.path(tail);
        let request = Request {
            method,
            path: &path,
            body,
            header,
        };
        self.http.send(request).await
    }

    /// Items of a list, page by page, up to `limit`.
    pub(crate) async fn list(
        &self,
        tail: &str,
        query: &[(&str, String)],
        limit: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page_size = limit.saturating_sub(items.len()).clamp(1, 200);
            let mut path = format!("{tail}?limit={page_size}");
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

    /// Our id of a tenant named by id, Entra tenant id or display name.
    pub(crate) async fn tenant_id(&self, named: &str) -> Result<String, Failure> {
        let tenants = self.list("/tenants", &[], usize::MAX).await?;
        let same = |tenant: &&Value| {
            ["id", "entra_tenant_id"]
                .iter()
                .any(|member| text(tenant, member).eq_ignore_ascii_case(named))
        };
        if let Some(tenant) = tenants.iter().find(same) {
            return Ok(text(tenant, "id").to_owned());
        }
        // An id nobody listed is the API's to refuse, in its own words.
        if Uuid::parse_str(named).is_ok() {
            return Ok(named.to_owned());
        }
        choose("tenant", "display_name", named, &tenants)
    }
}

/// The id of the one item of that name; letter case decides only between several.
fn choose(what: &str, member: &str, named: &str, items: &[Value]) -> Result<String, Failure> {
    let exact: Vec<&Value> = items
        .iter()
        .filter(|item| text(item, member) == named)
        .collect();
    let similar = || {
        items
            .iter()
            .filter(|item| text(item, member).to_lowercase() == named.to_lowercase())
            .collect()
    };
    let found: Vec<&Value> = if exact.is_empty() { similar() } else { exact };
    match found.as_slice() {
        [only] => Ok(text(only, "id").to_owned()),
        [] => Err(Failure::Usage(format!("no {what} is named {named:?}"))),
        several => Err(Failure::Usage(format!(
            "{} {what}s are named {named:?}; use an id: {}",
            several.len(),
            several
                .iter()
                .map(|item| text(item, "id"))
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}

/// A text member, empty when absent.
pub(crate) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// A number member, zero when absent.
pub(crate) fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_must_stand_for_one_tenant() {
        let tenants = [
            json!({"id": "1", "display_name": "Fabrikam"}),
            json!({"id": "2", "display_name": "fabrikam"}),
            json!({"id": "3", "display_name": "Contoso"}),
        ];
        let pick = |named: &str| choose("tenant", "display_name", named, &tenants);
        assert_eq!(pick("Fabrikam").ok().as_deref(), Some("1"));
        assert_eq!(pick("contoso").ok().as_deref(), Some("3"));
        assert!(matches!(pick("FABRIKAM"), Err(Failure::Usage(text)) if text.contains("1, 2")));
        assert!(pick("Northwind").is_err());
    }
}
