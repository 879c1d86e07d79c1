//! What an actor may not know of and what does not exist: the same bytes, the same header names,
//! the same statements in the database.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::security::actors::{Cast, Standing, Verdict};
use crate::security::installation::Installation;
use crate::security::operations::{Ids, OPERATIONS};
use crate::security::statements::Statements;
use crate::security::walk::{Answer, ask, send};

struct Pair {
    what: String,
    invisible: (Answer, Vec<String>),
    unknown: (Answer, Vec<String>),
}

impl Pair {
    fn difference(&self) -> Option<String> {
        let (left, right) = (&self.invisible, &self.unknown);
        if left.0.look() != right.0.look() {
            return Some(format!("{}:\n {:?}\n {:?}", self.what, left.0, right.0));
        }
        if left.1 != right.1 {
            return Some(format!(
                "{}: statements\n {:#?}\n {:#?}",
                self.what, left.1, right.1
            ));
        }
        None
    }
}

struct Watch<'a> {
    statements: &'a Statements,
    url: String,
}

impl Watch<'_> {
    async fn operation(&self, token: &str, row: usize, ids: &Ids) -> Result<(Answer, Vec<String>)> {
        let from = self.statements.position()?;
        let answer = ask(&self.url, Some(token), &OPERATIONS[row], ids).await?;
        Ok((answer, self.statements.since(from)?))
    }

    async fn request(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(Answer, Vec<String>)> {
        let from = self.statements.position()?;
        let method = Method::from_bytes(method.as_bytes())?;
        let answer = send(&self.url, Some(token), method, path, body).await?;
        Ok((answer, self.statements.since(from)?))
    }
}

async fn watched() -> Result<(Cast, Statements)> {
    let mut statements = None;
    let installation = Installation::start("info", |database| {
        statements = Some(Statements::record(database)?);
        Ok(())
    })
    .await?;
    let mut cast = Cast::assemble(installation).await?;
    // The worker and its polling would be in the log too.
    if let Some(mut worker) = cast.installation.processes.pop() {
        worker.kill();
    }
    Ok((cast, statements.expect("recorded")))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_invisible_and_the_unknown_are_told_apart_by_nothing() -> Result<()> {
    let (cast, statements) = watched().await?;
    let watch = Watch {
        statements: &statements,
        url: cast.installation.owner.url.clone(),
    };
    let home = &cast.installation.owner.workspace;
    let other = &cast.installation.stranger.workspace;
    // First, since every refused change below leaves an entry in the log of the workspace that was
    // named in it, with the id that was named: an actor may read there what it asked itself.
    let mut pairs = mixed(&cast, &watch).await?;
    for actor in &cast.actors {
        let Some(token) = &actor.token else { continue };
        if actor.standing == Standing::Nobody {
            continue;
        }
        watch.request(token, "GET", "/v1/me", None).await?;
        for (number, row) in OPERATIONS.iter().enumerate() {
            let what = |how: &str| format!("{}: {} {} ({how})", actor.name, row.method, row.path);
            if actor.verdict(row) == Verdict::Hidden {
                // Outsiders name another workspace, insiders their own.
                let nowhere = if actor.standing == Standing::Elsewhere {
                    Uuid::now_v7().to_string()
                } else {
                    home.clone()
                };
                pairs.push(Pair {
                    what: what("as it is"),
                    invisible: watch.operation(token, number, &cast.ids).await?,
                    unknown: watch
                        .operation(token, number, &Ids::unknown(&nowhere))
                        .await?,
                });
            }
            if actor.name == "another workspace's owner" && row.names_ids {
                // Ids of somebody else's workspace below one's own.
                let foreign = Ids {
                    workspace: other.clone(),
                    ..cast.ids.clone()
                };
                let pair = Pair {
                    what: what("foreign ids at home"),
                    invisible: watch.operation(token, number, &foreign).await?,
                    unknown: watch.operation(token, number, &Ids::unknown(other)).await?,
                };
                assert_eq!(
                    pair.invisible.0.status, 404,
                    "{}: {}",
                    pair.what, pair.invisible.0.text
                );
                pairs.push(pair);
            }
        }
    }
    report("hidden and unknown", &pairs);
    Ok(())
}

/// One id is the actor's own, the other is hidden; and ids in bodies and queries.
async fn mixed(cast: &Cast, watch: &Watch<'_>) -> Result<Vec<Pair>> {
    let home = &cast.installation.owner.workspace;
    let other = &cast
        .actor("another tenant's operator")
        .token
        .clone()
        .unwrap_or_default();
    let reader = &cast
        .actor("a readonly member")
        .token
        .clone()
        .unwrap_or_default();
    let owner = &cast.installation.owner.token;
    let stranger = &cast.installation.stranger;
    let (ids, none) = (&cast.ids, Ids::unknown(home));
    let ws = format!("/v1/workspaces/{home}");
    let away = format!("/v1/workspaces/{}", stranger.workspace);
    let elsewhere = &cast.elsewhere;
    let pair = |source: &str, target: &str| json!({"source_tenant_id": source, "target_tenant_id": target});
    let with = |name: &str, value: Value| {
        let mut body = pair(&ids.source, &ids.target);
        body[name] = value;
        body
    };
    let group = |source: &str, target: &str| {
        with(
            "mappings",
            json!([{"kind": "group", "source_id": source, "target_id": target}]),
        )
    };
    let policies = |source: &str, target: &str| {
        with(
            "pairings",
            json!([{"source_policy_id": source, "target_policy_id": target}]),
        )
    };
    let compare = format!("{ws}/cross-tenant-compare");
    let preflight = format!("{compare}/preflight");
    let controls = format!("{ws}/operational-controls/promotion.execute");
    let control = |tenant: &str| json!({"state": "paused", "reason": "x", "tenant_id": tenant});
    let tokens = |user: &str| json!({"name": "x", "user_id": user});
    let mut cases: Vec<(&str, &str, String, String, Value, Value)> = Vec::new();
    let get = |a: String, b: String| (a, b, Value::Null, Value::Null);
    let mut add = |token, method, (a, b, left, right): (String, String, Value, Value)| {
        cases.push((token, method, a, b, left, right));
    };
    // A policy of a hidden tenant below a visible one, a version below another policy.
    let policy = |id: &str| format!("{ws}/tenants/{elsewhere}/policies/{id}");
    add(other, "GET", get(policy(&ids.policy), policy(&none.policy)));
    let versions = |id: &str| format!("{}/versions", policy(id));
    add(
        other,
        "GET",
        get(versions(&ids.policy), versions(&none.policy)),
    );
    let version = |a: &str, b: &str| format!("{}/{b}", versions(a));
    add(
        other,
        "GET",
        get(
            version(&ids.policy, &ids.version),
            version(&none.policy, &none.version),
        ),
    );
    // Filters.
    for list in [
        "operation-runs?tenant_id=",
        "audit-logs?tenant_id=",
        "audit-logs?operation_run_id=",
    ] {
        let id = |ids: &Ids| {
            if list.contains("run_id") {
                ids.run.clone()
            } else {
                ids.target.clone()
            }
        };
        let (token, base) = if list.starts_with("audit") {
            (&stranger.token, &away)
        } else {
            (other, &ws)
        };
        add(
            token,
            "GET",
            get(
                format!("{base}/{list}{}", id(ids)),
                format!("{base}/{list}{}", id(&none)),
            ),
        );
    }
    // Either tenant of a selection, seen by the operator of a third one.
    for path in [
        &compare,
        &preflight,
        &format!("{compare}/diff"),
        &format!("{compare}/execute"),
    ] {
        let mut bodies = [
            pair(&ids.source, elsewhere),
            pair(&none.source, elsewhere),
            pair(elsewhere, &ids.target),
            pair(elsewhere, &none.target),
        ];
        if path.ends_with("diff") {
            for body in &mut bodies {
                body["subject_key"] = json!("x");
            }
        }
        let [a, b, c, d] = bodies;
        add(other, "POST", (path.clone(), path.clone(), a, b));
        add(other, "POST", (path.clone(), path.clone(), c, d));
    }
    // Mappings and pairings that name another tenant's objects.
    let (theirs, ours) = &cast.references;
    for path in [&compare, &preflight] {
        add(
            reader,
            "POST",
            (
                path.clone(),
                path.clone(),
                group(ours, ours),
                group(&none.source, ours),
            ),
        );
        add(
            reader,
            "POST",
            (
                path.clone(),
                path.clone(),
                group(theirs, theirs),
                group(theirs, &none.target),
            ),
        );
        add(
            reader,
            "POST",
            (
                path.clone(),
                path.clone(),
                policies(&ids.policy, &ids.policy),
                policies(&none.policy, &ids.policy),
            ),
        );
    }
    // Controls and tokens that name what is another workspace's.
    let foreign = format!("{away}/operational-controls/promotion.execute");
    add(
        &stranger.token,
        "PUT",
        (
            foreign.clone(),
            foreign,
            control(&ids.target),
            control(&none.target),
        ),
    );
    add(
        owner,
        "PUT",
        (
            controls.clone(),
            controls.clone(),
            control(&Uuid::now_v7().to_string()),
            control(&none.target),
        ),
    );
    let path = format!("{away}/api-tokens");
    add(
        &stranger.token,
        "POST",
        (path.clone(), path, tokens(&ids.user), tokens(&none.user)),
    );

    let mut pairs = Vec::new();
    for (token, method, left, right, a, b) in cases {
        let body = |value: &Value| (!value.is_null()).then(|| value.clone());
        pairs.push(Pair {
            what: format!("{method} {left} {a}"),
            invisible: watch
                .request(token, method, &left, body(&a).as_ref())
                .await?,
            unknown: watch
                .request(token, method, &right, body(&b).as_ref())
                .await?,
        });
    }
    Ok(pairs)
}

fn report(name: &str, pairs: &[Pair]) {
    let statements: usize = pairs.iter().map(|pair| pair.invisible.1.len()).sum();
    let different: Vec<String> = pairs.iter().filter_map(Pair::difference).collect();
    eprintln!(
        "{name}: {} pairs, {statements} statements, {} told apart",
        pairs.len(),
        different.len()
    );
    assert!(statements > pairs.len(), "the server's log was not read");
    assert!(different.is_empty(), "{}", different.join("\n"));
}
