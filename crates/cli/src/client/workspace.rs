//! The workspace a command works in, and its tenants by id or name.

use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

use crate::arguments::ClientArguments;
use crate::client::http::{Http, Request, escape};
use crate::client::profile;
use crate::ending::Failure;
use crate::environment;
use crate::show::columns::{TenantNames, names_of};

/// A client bound to one workspace.
pub(crate) struct Workspace {
    /// The connection.
    pub(crate) http: Http,
    id: String,
}

impl Workspace {
    /// The workspace named by the argument, else by profile or environment, else the token's only one.
    pub(crate) async fn open(http: Http, client: &ClientArguments) -> Result<Self, Failure> {
        let named = profile::place(client)?.workspace;
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
            Some(named) => WORKSPACE.choose(&named, workspaces)?,
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

    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.id
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
            once: false,
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
        self.http.list(&self.path(tail), query, limit).await
    }

    /// Our id of a tenant named by id, Entra tenant id or display name.
    pub(crate) async fn tenant_id(&self, named: &str) -> Result<String, Failure> {
        self.find(&TENANT, TENANT.list, &[], named).await
    }

    /// Display names of the tenants by id.
    pub(crate) async fn tenant_names(&self) -> Result<TenantNames, Failure> {
        let tenants = self.list(TENANT.list, &[], usize::MAX).await?;
        Ok(names_of(&tenants))
    }

    /// The id of what is named, looked up in the list at `list` below the workspace.
    pub(crate) async fn find(
        &self,
        what: &Named,
        list: &str,
        query: &[(&'static str, String)],
        named: &str,
    ) -> Result<String, Failure> {
        if Uuid::parse_str(named).is_ok() && !what.has_foreign_ids {
            return Ok(named.to_owned());
        }
        let mut query = query.to_vec();
        if what.searched {
            query.push(("q", named.to_owned()));
        }
        let mut items = self.list(list, &query, usize::MAX).await?;
        items.retain(|item| what.gone.is_none_or(|gone| text(item, gone).is_empty()));
        let same = |item: &&Value| {
            std::iter::once(&what.id)
                .chain(what.also)
                .any(|member| text(item, member).eq_ignore_ascii_case(named))
        };
        if let Some(item) = items.iter().find(same) {
            return Ok(text(item, what.id).to_owned());
        }
        // An id nobody listed is the API's to refuse, in its own words.
        if Uuid::parse_str(named).is_ok() {
            return Ok(named.to_owned());
        }
        what.choose(named, &items)
    }
}

/// Something that goes by a name, and how it is found.
#[derive(Debug)]
pub(crate) struct Named {
    /// What one is called, and several.
    pub(crate) what: [&'static str; 2],
    /// Where it is listed, below the workspace.
    pub(crate) list: &'static str,
    /// Where its id is.
    pub(crate) id: &'static str,
    /// Where its name is.
    pub(crate) name: &'static str,
    /// Other members that stand for exactly one.
    pub(crate) also: &'static [&'static str],
    /// Whether one of them is an id of somebody else's.
    pub(crate) has_foreign_ids: bool,
    /// Whether the list takes a text to look for.
    pub(crate) searched: bool,
    /// Set on one that is gone: its name may be another's by now.
    pub(crate) gone: Option<&'static str>,
}

impl Named {
    const fn plain(
        what: [&'static str; 2],
        list: &'static str,
        id: &'static str,
        name: &'static str,
    ) -> Self {
        Self {
            what,
            list,
            id,
            name,
            also: &[],
            has_foreign_ids: false,
            searched: false,
            gone: None,
        }
    }

    /// The id of the one item of that name; letter case decides only between several.
    pub(crate) fn choose(&self, named: &str, items: &[Value]) -> Result<String, Failure> {
        let ([what, several_of], member) = (self.what, self.name);
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
            [only] => Ok(text(only, self.id).to_owned()),
            [] => Err(Failure::Usage(format!(
                "no {what} is named {named:?}{}",
                self.known(items)
            ))),
            several => Err(Failure::Usage(format!(
                "{} {several_of} are named {named:?}; use an id: {}",
                several.len(),
                several
                    .iter()
                    .map(|item| text(item, self.id))
                    .collect::<Vec<_>>()
                    .join(", ")
            ))),
        }
    }

    /// The first names there are.
    fn known(&self, items: &[Value]) -> String {
        let names: Vec<String> = items
            .iter()
            .take(10)
            .map(|item| format!("{:?}", text(item, self.name)))
            .collect();
        if names.is_empty() {
            return String::new();
        }
        let more = if items.len() > names.len() {
            ", ..."
        } else {
            ""
        };
        format!("; there is {}{more}", names.join(", "))
    }
}

/// A workspace of the caller.
pub(crate) const WORKSPACE: Named = Named::plain(["workspace", "workspaces"], "", "id", "name");
/// A tenant.
pub(crate) const TENANT: Named = Named {
    also: &["entra_tenant_id"],
    has_foreign_ids: true,
    ..Named::plain(["tenant", "tenants"], "/tenants", "id", "display_name")
};
/// A member of the workspace.
pub(crate) const MEMBER: Named = Named {
    also: &["email"],
    ..Named::plain(["member", "members"], "/members", "user_id", "display_name")
};
/// An API token that still works.
pub(crate) const TOKEN: Named = Named {
    gone: Some("revoked_at"),
    ..Named::plain(["token", "tokens"], "/api-tokens", "token_id", "name")
};
/// A policy of a tenant.
pub(crate) const POLICY: Named = Named {
    searched: true,
    gone: Some("removed_at"),
    ..Named::plain(
        ["policy", "policies"],
        "/tenants/{tenant_id}/policies",
        "id",
        "display_name",
    )
};
/// A subject of a compare.
pub(crate) const SUBJECT: Named =
    Named::plain(["subject", "subjects"], "", "subject_key", "display_name");
/// A reference of a tenant.
pub(crate) const REFERENCE: Named = Named {
    searched: true,
    ..Named::plain(
        ["reference", "references"],
        "/tenants/{tenant_id}/references",
        "id",
        "name",
    )
};

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
        let pick = |named: &str| TENANT.choose(named, &tenants);
        assert_eq!(pick("Fabrikam").ok().as_deref(), Some("1"));
        assert_eq!(pick("contoso").ok().as_deref(), Some("3"));
        assert!(matches!(pick("FABRIKAM"), Err(Failure::Usage(text)) if text.contains("1, 2")));
        assert!(pick("Northwind").is_err());
    }
}
