//! The authorization walk: every operation of the document x everybody.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};

use crate::security::actors::{Actor, Cast, Verdict};
use crate::security::installation::Installation;
use crate::security::operations::{Ids, OPERATIONS, Operation};

/// An answer down to its bytes.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeSet<String>,
    pub text: String,
    pub authenticate: Option<String>,
}

impl Answer {
    /// The body, or null.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// All that an actor could tell two answers apart by: the value of the request id is cut out of
    /// the text, everything else stands byte by byte.
    pub fn look(&self) -> (u16, &BTreeSet<String>, String) {
        let id = self.json()["request_id"].as_str().map(str::to_owned);
        let text = match id {
            Some(id) => self.text.replace(&id, ""),
            None => self.text.clone(),
        };
        (self.status, &self.headers, text)
    }
}

/// Sends an operation with these ids as somebody. A stream is left after its head.
pub async fn ask(
    url: &str,
    token: Option<&str>,
    operation: &Operation,
    ids: &Ids,
) -> Result<Answer> {
    let body = operation.body.map(|body| body(ids));
    let method = Method::from_bytes(operation.method.as_bytes())?;
    send(url, token, method, &ids.fill(operation.path), body.as_ref()).await
}

/// Sends anything.
pub async fn send(
    url: &str,
    token: Option<&str>,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Answer> {
    let client = reqwest::Client::new();
    let mut request = client
        .request(method, format!("{url}{path}"))
        .timeout(Duration::from_secs(20));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.context(path.to_owned())?;
    let status = answer.status().as_u16();
    let headers = answer.headers().clone();
    let is_stream = headers
        .get("content-type")
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
    let text = if is_stream {
        String::new()
    } else {
        answer.text().await?
    };
    Ok(Answer {
        status,
        headers: headers.keys().map(ToString::to_string).collect(),
        text,
        authenticate: headers
            .get("www-authenticate")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
    })
}

/// The operations of the document that is committed.
fn document() -> Result<BTreeSet<(String, String)>> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../openapi/openapi.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(path)?)?;
    let mut found = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().context("paths")? {
        for method in methods.as_object().context("methods")?.keys() {
            if ["get", "put", "post", "delete", "patch", "head", "options"]
                .contains(&method.as_str())
            {
                found.insert((method.to_uppercase(), path.clone()));
            }
        }
    }
    Ok(found)
}

#[test]
fn every_operation_of_the_document_has_one_row() -> Result<()> {
    let documented = document()?;
    let mut rows = BTreeSet::new();
    for row in OPERATIONS {
        let key = (row.method.to_owned(), row.path.to_owned());
        assert!(rows.insert(key.clone()), "two rows for {key:?}");
    }
    let missing: Vec<_> = documented.difference(&rows).collect();
    assert!(
        missing.is_empty(),
        "operations without a row in operations.rs: {missing:?}"
    );
    Ok(())
}

fn judge(actor: &Actor, operation: &Operation, answer: &Answer) -> Option<String> {
    let body = answer.json();
    let verdict = actor.verdict(operation);
    let good = match verdict {
        Verdict::Unauthenticated => {
            answer.status == 401
                && body["code"] == "unauthenticated"
                && answer.authenticate.as_deref() == Some("Bearer")
        }
        Verdict::Hidden => answer.status == 404 && body["code"] == "not_found",
        Verdict::Denied(capability) => {
            answer.status == 403
                && body["code"] == "capability_denied"
                && body["required_capability"] == capability
        }
        Verdict::Allowed => ![401, 403, 404].contains(&answer.status) && answer.status < 500,
    };
    (!good).then(|| {
        format!(
            "{}: {} {}: wanted {verdict:?}, got {} {}",
            actor.name,
            operation.method,
            operation.path,
            answer.status,
            answer.text.chars().take(300).collect::<String>()
        )
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_gets_exactly_what_is_theirs() -> Result<()> {
    let installation = Installation::start("info", |_| Ok(())).await?;
    let cast = Cast::assemble(installation).await?;
    let url = cast.installation.owner.url.clone();
    let documented = document()?;

    let mut asked = 0;
    let mut wrong = Vec::new();
    for actor in &cast.actors {
        for operation in OPERATIONS {
            let key = (operation.method.to_owned(), operation.path.to_owned());
            if !documented.contains(&key) {
                continue;
            }
            let answer = ask(&url, actor.token.as_deref(), operation, &cast.ids).await?;
            asked += 1;
            wrong.extend(judge(actor, operation, &answer));
            if answer.status < 300 {
                wrong.extend(leaks(&cast, actor, operation, &answer));
            }
        }
    }
    eprintln!(
        "authorization walk: {} operations x {} actors = {asked} requests, {} wrong",
        documented.len(),
        cast.actors.len(),
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// Ids of resources that do not exist for an actor must be in none of their answers.
fn leaks(cast: &Cast, actor: &Actor, operation: &Operation, answer: &Answer) -> Option<String> {
    let ids = &cast.ids;
    if !actor.tenant.is_empty() || operation.path.ends_with("/audit-logs") {
        return None;
    }
    let hidden = [
        &ids.source,
        &ids.target,
        &ids.policy,
        &ids.version,
        &ids.run,
        &ids.notification,
    ];
    let found = hidden
        .into_iter()
        .find(|id| answer.text.contains(id.as_str()))?;
    Some(format!(
        "{}: {} {} shows {found}",
        actor.name, operation.method, operation.path
    ))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_is_taken_from_one_place_only() -> Result<()> {
    let installation = Installation::start("info", |_| Ok(())).await?;
    let owner = &installation.owner;
    let client = reqwest::Client::new();
    let token = &owner.token;
    let me = format!("{}/v1/me", owner.url);
    let tries = [
        client.get(format!("{me}?access_token={token}")),
        client.get(&me).header("cookie", format!("token={token}")),
        client.get(&me).header("x-api-key", token),
        client.get(&me).header("authorization", token),
        client
            .get(&me)
            .header("authorization", format!("Basic {token}")),
        client
            .get(&me)
            .header("authorization", format!("Bearer {token}x")),
        client
            .get(&me)
            .header("authorization", format!("Bearer {}", token.to_uppercase())),
        client.get(&me).bearer_auth(token).bearer_auth(token),
    ];
    for (number, request) in tries.into_iter().enumerate() {
        let answer = request.send().await?;
        assert_eq!(answer.status(), 401, "try {number}");
    }
    assert_eq!(
        client.get(&me).bearer_auth(token).send().await?.status(),
        200
    );
    // A parameter of another method's body never widens a narrowed token.
    let body = json!({"name": "n", "capabilities": []});
    let made = owner.post("/api-tokens", &body).await?.expect(201)?;
    let none = owner.with_token(made["token"].as_str().unwrap_or_default());
    let me = none
        .send(Method::GET, "/v1/me", &[], None)
        .await?
        .expect(200)?;
    assert_eq!(me["workspaces"][0]["capabilities"], json!([]));
    assert_eq!(me["workspaces"][0]["tenants"], json!([]));
    Ok(())
}
