//! No sequence of member, token and control calls gives anybody a right that no holder of
//! `members.manage` gave them, and no workspace loses its last owner. Judged from the tables.

use anyhow::{Context, Result};
use diesel::prelude::*;
use promotion_tests::client::Api;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use store::audit::Verification;
use store::keys::MasterKey;
use uuid::Uuid;

use crate::security::installation::{Installation, member, tenant_role, text};
use crate::security::rights::{Rights, head};
use crate::security::walk::{Answer, send};

const CALLS: usize = 500;
const SEEDS: [u64; 2] = [5, 0xe5ca_1a7e];
const ROLES: [&str; 4] = ["readonly", "operator", "manager", "owner"];
const CAPABILITIES: [&str; 7] = [
    "tenant.view",
    "connection.manage",
    "members.manage",
    "api_tokens.manage",
    "operational_controls.manage",
    "audit.view",
    "promotion.execute",
];

struct World {
    url: String,
    workspace: String,
    random: StdRng,
    /// Token id and text.
    tokens: Vec<(String, String)>,
    users: Vec<String>,
    tenants: Vec<String>,
}

impl World {
    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        from.choose(&mut self.random).copied().unwrap_or("owner")
    }

    fn user(&mut self) -> String {
        self.users
            .choose(&mut self.random)
            .cloned()
            .unwrap_or_default()
    }

    fn tenant(&mut self) -> String {
        self.tenants
            .choose(&mut self.random)
            .cloned()
            .unwrap_or_default()
    }

    /// A random call: method, path below the workspace, body.
    fn call(&mut self) -> (Method, String, Option<Value>) {
        let (user, tenant) = (self.user(), self.tenant());
        let role = self.pick(&ROLES);
        let id = Uuid::now_v7();
        match self.random.random_range(0..11) {
            0 => {
                let body = json!({"kind": "service", "display_name": id, "role": role});
                (Method::POST, "/members".to_owned(), Some(body))
            }
            1 | 2 => (
                Method::PATCH,
                format!("/members/{user}"),
                Some(json!({"role": role})),
            ),
            3 => (Method::DELETE, format!("/members/{user}"), None),
            4 => (
                Method::PUT,
                format!("/tenants/{tenant}/members/{user}"),
                Some(json!({"role": role})),
            ),
            5 => (
                Method::DELETE,
                format!("/tenants/{tenant}/members/{user}"),
                None,
            ),
            6 | 7 => {
                let mut body = json!({"name": id});
                if self.random.random_bool(0.7) {
                    body["user_id"] = json!(user);
                }
                if self.random.random_bool(0.6) {
                    let count = self.random.random_range(0..4);
                    let set: Vec<&str> = CAPABILITIES
                        .choose_multiple(&mut self.random, count)
                        .copied()
                        .collect();
                    body["capabilities"] = json!(set);
                }
                (Method::POST, "/api-tokens".to_owned(), Some(body))
            }
            8 => {
                let token = self
                    .tokens
                    .choose(&mut self.random)
                    .map(|token| token.0.clone());
                (
                    Method::DELETE,
                    format!("/api-tokens/{}", token.unwrap_or_default()),
                    None,
                )
            }
            9 => {
                let mut body = json!({"state": self.pick(&["paused", "enabled"]), "reason": id});
                if self.random.random_bool(0.5) {
                    body["tenant_id"] = json!(tenant);
                }
                let path = "/operational-controls/connection.check".to_owned();
                (Method::PUT, path, Some(body))
            }
            _ => {
                let body = json!({"display_name": id, "entra_tenant_id": id});
                (Method::POST, "/tenants".to_owned(), Some(body))
            }
        }
    }

    fn learn(&mut self, path: &str, answer: &Answer) {
        if answer.status != 201 {
            return;
        }
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        match path {
            "/members" => self.users.push(text("user_id")),
            "/api-tokens" => self.tokens.push((text("token_id"), text("token"))),
            _ => self.tenants.push(text("id")),
        }
    }
}

/// What is wrong with a change of rights that a call by this token made.
fn judge(before: &Rights, after: &Rights, caller: &str, path: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let narrowed = before
        .tokens
        .get(caller)
        .and_then(|token| token.capabilities.clone());
    let user = before
        .tokens
        .get(caller)
        .map(|token| token.user_id.clone())
        .unwrap_or_default();
    if !before.holds(caller, "members.manage") {
        if before.members != after.members {
            wrong.push("changed members without members.manage".to_owned());
        }
        for (subject, role) in &after.tenants {
            if before.tenants.get(subject) == Some(role) {
                continue;
            }
            // Who adds a tenant reaches it, with no more than the workspace role.
            let own = path == "/tenants" && subject.starts_with(&user);
            if !(own && before.members.get(&user) == Some(role)) {
                wrong.push(format!(
                    "granted {role} to {subject} without members.manage"
                ));
            }
        }
    }
    if !before.holds(caller, "operational_controls.manage") && before.controls != after.controls {
        wrong.push("changed a control without operational_controls.manage".to_owned());
    }
    let may_tokens = before.holds(caller, "api_tokens.manage");
    for (id, token) in &after.tokens {
        let earlier = before.tokens.get(id);
        if earlier == Some(token) {
            continue;
        }
        if !may_tokens {
            wrong.push("changed a token without api_tokens.manage".to_owned());
        }
        match (earlier, &narrowed, &token.capabilities) {
            (Some(earlier), ..) if !earlier.works && token.works => {
                wrong.push("a revoked token works again".to_owned());
            }
            (None, Some(_), None) => wrong.push("a narrowed token made a full one".to_owned()),
            (None, Some(own), Some(new)) if new.iter().any(|name| !own.contains(name)) => {
                wrong.push(format!("a token of {own:?} made one of {new:?}"));
            }
            _ => {}
        }
    }
    if !after.members.values().any(|role| role == "owner") {
        wrong.push("nobody owns the workspace".to_owned());
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_rises_by_themselves() -> Result<()> {
    let installation = Installation::start("info", |_| Ok(())).await?;
    let owner = &installation.owner;
    let mut conn = PgConnection::establish(installation.database.url())?;
    let mut changes = 0;
    for seed in SEEDS {
        let mut world = populate(&installation, seed).await?;
        for number in 0..CALLS {
            let (caller, token) = world
                .tokens
                .choose(&mut world.random)
                .cloned()
                .context("a token")?;
            let (method, path, body) = world.call();
            let before = Rights::read(&mut conn, &world.workspace)?;
            let chain = head(&mut conn, &world.workspace)?;
            let full = format!("/v1/workspaces/{}{path}", world.workspace);
            let answer = send(
                &world.url,
                Some(&token),
                method.clone(),
                &full,
                body.as_ref(),
            )
            .await?;
            let after = Rights::read(&mut conn, &world.workspace)?;
            let mut wrong = judge(&before, &after, &caller, &path);
            let grown = head(&mut conn, &world.workspace)? - chain;
            if before != after {
                changes += 1;
                if answer.status >= 300 || grown != 1 {
                    wrong.push(format!(
                        "a change with status {} and {grown} audit entries",
                        answer.status
                    ));
                }
            } else if answer.status >= 500 {
                wrong.push(format!("status {}", answer.status));
            }
            assert!(
                wrong.is_empty(),
                "seed {seed}, call {number}: {method} {path} {body:?} -> {} {}\n{wrong:#?}",
                answer.status,
                answer.text
            );
            world.learn(&path, &answer);
            // A world in which most tokens are dead teaches nothing.
            if number % 20 == 19 {
                let fresh = populate_tokens(&installation, &mut conn, seed, number)?;
                world.tokens.extend(fresh);
            }
        }
    }
    let key = MasterKey::from_base64(&installation.master_key)?.audit_key();
    let found = store::audit::verify(&mut conn, &key, owner.workspace.parse()?, None)?;
    assert!(matches!(found, Verification::Whole { .. }), "{found:?}");
    eprintln!(
        "escalation: {} calls in {} sequences, {changes} changes of rights, 0 without a grant",
        CALLS * SEEDS.len(),
        SEEDS.len()
    );
    assert!(changes > CALLS / 10, "too few calls did anything");
    Ok(())
}

async fn populate(installation: &Installation, seed: u64) -> Result<World> {
    let owner = &installation.owner;
    let mut world = World {
        url: owner.url.clone(),
        workspace: owner.workspace.clone(),
        random: StdRng::seed_from_u64(seed),
        tokens: Vec::new(),
        users: Vec::new(),
        tenants: Vec::new(),
    };
    let mut conn = PgConnection::establish(installation.database.url())?;
    // An earlier sequence may have taken the owner's rights away: the table gives them back.
    diesel::sql_query(format!(
        "INSERT INTO workspace_memberships (workspace_id, user_id, role) VALUES ('{}', '{}', 'owner') \
         ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = 'owner'",
        owner.workspace, installation.owner_id
    ))
    .execute(&mut conn)?;
    let owner = &fresh_owner(installation, &mut conn)?;
    for name in ["A", "B"] {
        let body =
            json!({"display_name": format!("{name} {seed}"), "entra_tenant_id": Uuid::now_v7()});
        world.tenants.push(text(
            &owner.post("/tenants", &body).await?.expect(201)?,
            "id",
        )?);
    }
    for role in ["readonly", "operator", "manager", "owner"] {
        let (user, _) = member(owner, &format!("{role}{seed}"), role, None).await?;
        tenant_role(owner, &world.tenants[0], &user, role).await?;
        for capabilities in [
            None,
            Some(json!(["api_tokens.manage"])),
            Some(json!(["members.manage"])),
        ] {
            let mut body = json!({"name": "start", "user_id": user});
            if let Some(capabilities) = capabilities {
                body["capabilities"] = capabilities;
            }
            let made = owner.post("/api-tokens", &body).await?.expect(201)?;
            world
                .tokens
                .push((text(&made, "token_id")?, text(&made, "token")?));
        }
        world.users.push(user);
    }
    Ok(world)
}

/// A client of a member whom the table makes an owner: a way back in that no call gave.
fn fresh_owner(installation: &Installation, conn: &mut PgConnection) -> Result<Api> {
    let new = store::tokens::NewToken {
        id: Uuid::now_v7(),
        workspace_id: installation.owner.workspace.parse()?,
        user_id: installation.owner_id.parse()?,
        name: "fresh".to_owned(),
        capabilities: None,
        expires_at: None,
    };
    let (_, token) = store::tokens::insert_token(conn, &new)?;
    Ok(installation.owner.with_token(token.reveal()))
}

fn populate_tokens(
    installation: &Installation,
    conn: &mut PgConnection,
    seed: u64,
    number: usize,
) -> Result<Vec<(String, String)>> {
    let workspace: Uuid = installation.owner.workspace.parse()?;
    let mut tokens = Vec::new();
    for role in ROLES {
        let user = store::users::find_or_insert_person(
            conn,
            Uuid::now_v7(),
            &format!("{role}-{seed}-{number}@later.test"),
        )?;
        store::memberships::insert_member(conn, workspace, user.id, role, role)?;
        let new = store::tokens::NewToken {
            id: Uuid::now_v7(),
            workspace_id: workspace,
            user_id: user.id,
            name: "later".to_owned(),
            capabilities: None,
            expires_at: None,
        };
        let (row, token) = store::tokens::insert_token(conn, &new)?;
        tokens.push((row.id.to_string(), token.reveal().to_owned()));
    }
    Ok(tokens)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_owners_cannot_remove_each_other_at_once() -> Result<()> {
    let installation = Installation::start("info", |_| Ok(())).await?;
    let mut conn = PgConnection::establish(installation.database.url())?;
    let owner = installation.owner.clone();
    let members = |user: &str| owner.path(&format!("/members/{user}"));
    let (mut alone, mut both) = (0, 0);
    for round in 0..12 {
        let (second, token) = member(&owner, &format!("second{round}"), "owner", None).await?;
        let other = owner.with_token(&token);
        let demote = json!({"role": "readonly"});
        let (left, right) = if round % 2 == 0 {
            let (left, right) = (members(&second), members(&installation.owner_id));
            tokio::join!(
                owner.send(Method::PATCH, &left, &[], Some(&demote)),
                other.send(Method::PATCH, &right, &[], Some(&demote)),
            )
        } else {
            let (left, right) = (members(&second), members(&second));
            tokio::join!(
                owner.send(Method::DELETE, &left, &[], None),
                other.send(Method::PATCH, &right, &[], Some(&demote)),
            )
        };
        for reply in [left?, right?] {
            assert!(
                reply.status < 500,
                "round {round}: {} {}",
                reply.status,
                reply.body
            );
        }
        let rights = Rights::read(&mut conn, &owner.workspace)?;
        let owners = rights
            .members
            .values()
            .filter(|role| *role == "owner")
            .count();
        assert!(owners >= 1, "round {round}: nobody owns the workspace");
        if owners == 1 {
            alone += 1;
        } else {
            both += 1;
        }
        // Back to one owner who can begin again.
        diesel::sql_query(format!(
            "UPDATE workspace_memberships SET role = CASE WHEN user_id = '{}' THEN 'owner' ELSE 'readonly' END \
             WHERE workspace_id = '{}'",
            installation.owner_id, owner.workspace
        ))
        .execute(&mut conn)?;
    }
    eprintln!("last owner: 12 races, {alone} ended with one owner, {both} with two, 0 with none");
    Ok(())
}
