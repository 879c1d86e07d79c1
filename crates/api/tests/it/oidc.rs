//! Access tokens of an identity provider that listens on loopback and is as good or as bad as a test
//! wants it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::support::{Reply, Stack};

const AUDIENCE: &str = "api://promotion";

struct Signer {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
    public: Vec<u8>,
}

impl Signer {
    fn new(id: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let pkcs8 = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der>::as_der(&pair).unwrap();
        // Past the wrapping of PKCS#8: the RSA key itself, which is what is expected here.
        let inner = pkcs1_of(pkcs8.as_ref());
        Self {
            id: id.to_owned(),
            algorithm: Algorithm::RS256,
            key: EncodingKey::from_rsa_der(inner),
            public: pair.public_key().as_ref().to_vec(),
        }
    }

    fn jwk(&self) -> Value {
        let jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(self.id);
        jwk["use"] = json!("sig");
        jwk
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.key).unwrap()
    }
}

/// The content of the last OCTET STRING of a PKCS#8 structure.
fn pkcs1_of(pkcs8: &[u8]) -> &[u8] {
    // SEQUENCE(4) INTEGER(3) SEQUENCE(15) OCTET STRING(4): the same for every key of this size.
    &pkcs8[26..]
}

struct Issuer {
    url: String,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicUsize>,
    up: Arc<Mutex<bool>>,
}

impl Issuer {
    async fn start(keys: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        let issuer = Self {
            url: url.clone(),
            keys: Arc::new(Mutex::new(keys)),
            asked: Arc::default(),
            up: Arc::new(Mutex::new(true)),
        };
        let (keys, asked, up) = (
            Arc::clone(&issuer.keys),
            Arc::clone(&issuer.asked),
            Arc::clone(&issuer.up),
        );
        actix_web::rt::spawn(async move {
            loop {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                let mut byte = [0_u8];
                while !head.ends_with(b"\r\n\r\n") && socket.read_exact(&mut byte).await.is_ok() {
                    head.push(byte[0]);
                }
                if !*up.lock().unwrap() {
                    continue;
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let body = if head.starts_with("GET /realm/.well-known/openid-configuration ") {
                    json!({"issuer": url, "jwks_uri": format!("{url}/keys")})
                } else if head.starts_with("GET /realm/keys ") {
                    asked.fetch_add(1, Ordering::Relaxed);
                    json!({"keys": *keys.lock().unwrap()})
                } else {
                    panic!("{head}");
                };
                let body = body.to_string();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\
                     connection: close\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        issuer
    }

    fn claims(&self, subject: &str) -> Value {
        let now = now();
        json!({
            "iss": self.url, "aud": AUDIENCE, "sub": subject, "exp": now + 600, "nbf": now - 5,
            "email": "owner@example.test",
        })
    }

    async fn stack(&self) -> Stack {
        Stack::start_with(&[
            ("PROMOTION_OIDC_ISSUER", &self.url),
            ("PROMOTION_OIDC_AUDIENCE", AUDIENCE),
        ])
        .await
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

async fn link(stack: &Stack, user: &str, issuer: &str, subject: &str) -> Reply {
    let path = stack.path(&format!("/members/{user}/identity"));
    let body = json!({"issuer": issuer, "subject": subject});
    stack
        .call("PUT", &path, Some(&stack.owner), Some(&body))
        .await
}

async fn me(stack: &Stack, token: &str) -> Reply {
    stack.call("GET", "/v1/me", Some(token), None).await
}

#[actix_web::test]
async fn a_token_of_the_issuer_acts_as_the_member_it_is_linked_to() {
    let signer = Signer::new("one");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let stack = issuer.stack().await;
    let good = signer.sign(&issuer.claims("alice"));
    // The owner's own address in the token opens nothing.
    me(&stack, &good).await.refused(401, "unauthenticated");
    link(&stack, &stack.owner_id, &issuer.url, "alice")
        .await
        .expect(200);
    let who = me(&stack, &good).await.expect(200);
    assert_eq!(who["user"]["id"], stack.owner_id.as_str());
    assert_eq!(who["workspaces"][0]["id"], stack.workspace.as_str());
    assert_eq!(who["workspaces"][0]["role"], "owner");
    stack
        .call("GET", &stack.path("/members"), Some(&good), None)
        .await
        .expect(200);
    let nowhere = format!("/v1/workspaces/{}/members", uuid::Uuid::new_v4());
    stack
        .call("GET", &nowhere, Some(&good), None)
        .await
        .refused(404, "not_found");

    let other = Signer::new("one");
    let with = |name: &str, value: Value| {
        let mut claims = issuer.claims("alice");
        claims[name] = value;
        claims
    };
    let unsigned = |header: Value| {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.", part(&header), part(&issuer.claims("alice")))
    };
    let mut confused = Header::new(Algorithm::HS256);
    confused.kid = Some("one".to_owned());
    let secret = EncodingKey::from_secret(&signer.public);
    let (head, rest) = good.split_once('.').unwrap();
    for (what, bad) in [
        ("audience", signer.sign(&with("aud", json!("api://other")))),
        ("no audience", signer.sign(&with("aud", Value::Null))),
        (
            "issuer",
            signer.sign(&with("iss", json!(format!("{}/", issuer.url)))),
        ),
        (
            "a list of issuers",
            signer.sign(&with("iss", json!([issuer.url, "https://other.test"]))),
        ),
        (
            "lives too long",
            signer.sign(&with("exp", json!(now() + 24 * 3600 + 60))),
        ),
        ("expired", signer.sign(&with("exp", json!(now() - 60)))),
        ("no expiry", signer.sign(&with("exp", Value::Null))),
        ("too early", signer.sign(&with("nbf", json!(now() + 120)))),
        ("odd time", signer.sign(&with("nbf", json!("soon")))),
        ("unmapped", signer.sign(&issuer.claims("mallory"))),
        ("letter case", signer.sign(&issuer.claims("Alice"))),
        ("no subject", signer.sign(&with("sub", Value::Null))),
        (
            "another key of this id",
            other.sign(&issuer.claims("alice")),
        ),
        ("none", unsigned(json!({"alg": "none", "kid": "one"}))),
        ("none, no kid", unsigned(json!({"alg": "none"}))),
        (
            "the public key as a secret",
            jsonwebtoken::encode(&confused, &issuer.claims("alice"), &secret).unwrap(),
        ),
        ("another header", format!("{head}A.{rest}")),
        ("no signature", good.rsplit_once('.').unwrap().0.to_owned()),
    ] {
        let reply = me(&stack, &bad).await;
        assert_eq!(reply.status, 401, "{what}: {}", reply.text);
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
    }

    let path = stack.path(&format!("/members/{}/identity", stack.owner_id));
    stack
        .call("DELETE", &path, Some(&good), None)
        .await
        .expect(204);
    me(&stack, &good).await.refused(401, "unauthenticated");
}

#[actix_web::test]
async fn keys_turn_over_and_stay_while_the_issuer_is_away() {
    let (first, second) = (Signer::new("one"), Signer::new("two"));
    let issuer = Issuer::start(vec![first.jwk()]).await;
    let stack = issuer.stack().await;
    link(&stack, &stack.owner_id, &issuer.url, "alice")
        .await
        .expect(200);
    me(&stack, &first.sign(&issuer.claims("alice")))
        .await
        .expect(200);
    *issuer.keys.lock().unwrap() = vec![second.jwk()];
    me(&stack, &second.sign(&issuer.claims("alice")))
        .await
        .expect(200);
    me(&stack, &first.sign(&issuer.claims("alice")))
        .await
        .refused(401, "unauthenticated");
    *issuer.up.lock().unwrap() = false;
    me(&stack, &second.sign(&issuer.claims("alice")))
        .await
        .expect(200);
    *issuer.up.lock().unwrap() = true;
    // Made-up key ids do not make us ask again and again.
    let before = issuer.asked.load(Ordering::Relaxed);
    let begun = std::time::Instant::now();
    let mut stray = Signer::new("x");
    for number in 0..20 {
        stray.id = format!("stray-{number}");
        let token = stray.sign(&issuer.claims("alice"));
        me(&stack, &token).await.refused(401, "unauthenticated");
    }
    let asked = issuer.asked.load(Ordering::Relaxed) - before;
    let allowed = 4 + usize::try_from(begun.elapsed().as_secs() / 3).unwrap();
    assert!(asked <= allowed, "{asked}");
    // And however many there are, a key that is new is known soon, and stays known.
    let third = Signer::new("three");
    issuer.keys.lock().unwrap().push(third.jwk());
    let good = third.sign(&issuer.claims("alice"));
    let begun = std::time::Instant::now();
    let mut number = 100;
    while me(&stack, &good).await.status != 200 {
        assert!(begun.elapsed() < Duration::from_secs(8));
        tokio::time::sleep(Duration::from_millis(50)).await;
        number += 1;
        stray.id = format!("stray-{number}");
        let token = stray.sign(&issuer.claims("alice"));
        me(&stack, &token).await.refused(401, "unauthenticated");
    }
}

#[actix_web::test]
async fn without_its_issuer_the_api_serves_api_tokens() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", closed.local_addr().unwrap());
    drop(closed);
    let stack = Stack::start_with(&[
        ("PROMOTION_OIDC_ISSUER", &url),
        ("PROMOTION_OIDC_AUDIENCE", AUDIENCE),
    ])
    .await;
    me(&stack, &stack.owner).await.expect(200);
    link(&stack, &stack.owner_id, &url, "alice")
        .await
        .expect(200);
    let claims = json!({"iss": url, "aud": AUDIENCE, "sub": "alice", "exp": now() + 600});
    let begun = std::time::Instant::now();
    me(&stack, &Signer::new("one").sign(&claims))
        .await
        .refused(401, "unauthenticated");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[actix_web::test]
async fn a_link_holds_in_its_own_workspace_only() {
    let signer = Signer::new("one");
    let issuer = Issuer::start(vec![signer.jwk()]).await;
    let stack = issuer.stack().await;
    let stranger = stack.other_workspace().await;
    let who = me(&stack, &stranger).await.expect(200);
    let theirs = who["workspaces"][0]["id"].as_str().unwrap().to_owned();
    // The stranger adds our owner's address and lets an identity of their own in as that member.
    let body = json!({
        "email": "Owner@example.test", "role": "owner",
        "identity": {"issuer": issuer.url, "subject": "mallory"},
    });
    let path = format!("/v1/workspaces/{theirs}/members");
    stack
        .call("POST", &path, Some(&stranger), Some(&body))
        .await
        .expect(201);
    let token = signer.sign(&issuer.claims("mallory"));
    let who = me(&stack, &token).await.expect(200);
    let workspaces = who["workspaces"].as_array().unwrap();
    assert_eq!(workspaces.len(), 1, "{who}");
    assert_eq!(workspaces[0]["id"], theirs.as_str());
    stack
        .call("GET", &stack.path("/members"), Some(&token), None)
        .await
        .refused(404, "not_found");
    // One identity is one member of a workspace, and may be another one elsewhere.
    link(&stack, &stack.owner_id, &issuer.url, "mallory")
        .await
        .expect(200);
    let who = me(&stack, &token).await.expect(200);
    assert_eq!(who["workspaces"].as_array().unwrap().len(), 2);
    let (second, _) = stack.member("second", "readonly").await;
    link(&stack, &second, &issuer.url, "mallory")
        .await
        .refused(409, "already_exists");
    // A narrowed token lets nobody in: an identity would do more than the token.
    let narrowed = stack
        .token(&json!({"name": "n", "capabilities": ["members.manage"]}))
        .await;
    let path = stack.path(&format!("/members/{second}/identity"));
    let body = json!({"issuer": issuer.url, "subject": "eve"});
    stack
        .call("PUT", &path, Some(&narrowed), Some(&body))
        .await
        .refused(403, "capability_denied");
}

#[actix_web::test]
async fn who_fails_or_asks_too_often_waits() {
    let stack = Stack::start_with(&[
        ("PROMOTION_RATE_LIMIT_PER_SECOND", "2"),
        ("PROMOTION_FAILED_AUTHENTICATIONS_PER_SECOND", "1"),
    ])
    .await;
    let mut waits = 0;
    for _ in 0..40 {
        let reply = me(&stack, "nonsense").await;
        if reply.status == 429 {
            assert!(
                reply
                    .header("retry-after")
                    .is_some_and(|s| s.parse::<u64>().is_ok())
            );
            reply.refused(429, "rate_limited");
            waits += 1;
        }
    }
    assert!(waits > 0);
    // A good credential is not refused for that; until it asks too much itself.
    let mut seen = Vec::new();
    for _ in 0..60 {
        seen.push(me(&stack, &stack.owner).await.status);
    }
    assert_eq!(seen[0], 200);
    assert!(seen.contains(&429));
    for path in ["/healthz", "/readyz", "/metrics"] {
        stack.call("GET", path, None, None).await.expect_status(200);
    }
}
