//! The login endpoint and the tokens it gives: JWT-shaped, signed with a key of this process.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::answer::{Answer, Refusal};
use crate::clock;
use crate::query::decode_pairs;
use crate::state::{Tenant, World};

/// How long tokens live, in seconds.
const LIFETIME: i64 = 3599;

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// What a valid token says.
#[derive(Clone, Debug)]
pub(crate) struct Claims {
    pub tid: String,
    pub roles: Vec<String>,
}

/// Answers `POST /{tenant}/oauth2/v2.0/token`. `wrong_tid` replaces the claim when a fault asks so.
pub(crate) fn token(
    world: &World,
    tenant_id: &str,
    body: &[u8],
    wrong_tid: Option<&str>,
) -> Answer {
    let form = decode_pairs(&String::from_utf8_lossy(body));
    let field = |name: &str| {
        form.iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    let Some(tenant) = world.tenant(tenant_id) else {
        return refuse(
            400,
            90002,
            "invalid_request",
            &format!(
                "Tenant '{tenant_id}' not found. Check to make sure you have the correct tenant ID."
            ),
        );
    };
    let client = field("client_id");
    if let Err(refusal) = judge(tenant, client, &field) {
        return refusal;
    }
    let now = clock::now().timestamp();
    let tid = wrong_tid.unwrap_or(&tenant.id);
    let object = Uuid::new_v5(
        &Uuid::NAMESPACE_OID,
        format!("{}/{client}", tenant.id).as_bytes(),
    );
    let claims = json!({
        "aud": field("scope").trim_end_matches("/.default"),
        "iss": format!("https://sts.windows.net/{tid}/"),
        "iat": now, "nbf": now, "exp": now + LIFETIME,
        "app_displayname": "Simulated application",
        "appid": client, "idtyp": "app", "oid": object, "sub": object,
        "roles": tenant.roles, "tid": tid, "uti": Uuid::new_v4(), "ver": "1.0",
    });
    let header =
        URL_SAFE_NO_PAD.encode(json!({"typ": "JWT", "alg": "RS256", "kid": "sim"}).to_string());
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    let signature = sign(&world.token_key, &format!("{header}.{payload}"));
    Answer::json(
        200,
        json!({
            "token_type": "Bearer",
            "expires_in": LIFETIME,
            "ext_expires_in": LIFETIME,
            "access_token": format!("{header}.{payload}.{signature}"),
        }),
    )
}

fn judge<'a>(
    tenant: &Tenant,
    client: &str,
    field: &impl Fn(&str) -> &'a str,
) -> Result<(), Answer> {
    let rules = &tenant.login;
    let key = client.to_lowercase();
    match field("grant_type") {
        "client_credentials" => {}
        "" => {
            return Err(refuse(
                400,
                900_144,
                "invalid_request",
                "The request body must contain the following parameter: 'grant_type'.",
            ));
        }
        other => {
            return Err(refuse(
                400,
                70003,
                "unsupported_grant_type",
                &format!("The app requested an unsupported grant type '{other}'."),
            ));
        }
    }
    if client.is_empty() {
        return Err(refuse(
            400,
            900_144,
            "invalid_request",
            "The request body must contain the following parameter: 'client_id'.",
        ));
    }
    if Uuid::try_parse(client).is_err() || rules.unknown_clients.contains(&key) {
        return Err(refuse(
            400,
            700_016,
            "unauthorized_client",
            &format!(
                "Application with identifier '{client}' was not found in the directory '{}'.",
                tenant.name
            ),
        ));
    }
    if !field("scope").ends_with("/.default") {
        return Err(refuse(
            400,
            1_002_012,
            "invalid_scope",
            &format!(
                "The provided value for scope {} is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.",
                field("scope")
            ),
        ));
    }
    let secret = field("client_secret");
    if secret.is_empty() {
        let assertion = field("client_assertion");
        if assertion.is_empty() {
            return Err(refuse(
                401,
                7_000_216,
                "invalid_client",
                "'client_assertion', 'client_secret' or 'request' is required for the 'client_credentials' grant type.",
            ));
        }
        if field("client_assertion_type") != ASSERTION_TYPE || assertion.split('.').count() != 3 {
            return Err(refuse(
                401,
                700_027,
                "invalid_client",
                "The certificate with identifier used to sign the client assertion is not registered on application.",
            ));
        }
        return Ok(());
    }
    if rules.expired_clients.contains(&key) {
        return Err(refuse(
            401,
            7_000_222,
            "invalid_client",
            &format!("The provided client secret keys for app '{client}' are expired."),
        ));
    }
    let wrong = rules
        .expected
        .get(&key)
        .is_some_and(|expected| expected != secret);
    if wrong || rules.rejected.contains(secret) {
        return Err(refuse(
            401,
            7_000_215,
            "invalid_client",
            &format!(
                "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '{client}'."
            ),
        ));
    }
    Ok(())
}

fn refuse(status: u16, code: u32, error: &str, text: &str) -> Answer {
    let (trace, correlation) = (Uuid::new_v4(), Uuid::new_v4());
    let time = clock::now().format("%Y-%m-%d %H:%M:%SZ").to_string();
    Answer::json(
        status,
        json!({
            "error": error,
            "error_description": format!(
                "AADSTS{code}: {text} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {time}"
            ),
            "error_codes": [code],
            "timestamp": time,
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        }),
    )
}

fn sign(key: &[u8; 32], text: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update(text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.finalize())
}

/// Reads the bearer token of a request.
pub(crate) fn authenticate(world: &World, header: Option<&str>) -> Result<Claims, Refusal> {
    let invalid = |message: &str| {
        let mut refusal = Refusal::new(401, "InvalidAuthenticationToken", message);
        refusal.headers.push((
            "WWW-Authenticate".to_owned(),
            "Bearer realm=\"\", authorization_uri=\"https://login.microsoftonline.com/common/oauth2/authorize\", client_id=\"00000003-0000-0000-c000-000000000000\"".to_owned(),
        ));
        refusal
    };
    let token = header
        .and_then(|text| text.strip_prefix("Bearer "))
        .ok_or_else(|| invalid("Access token is empty."))?;
    let mut parts = token.trim().split('.');
    let (Some(head), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(invalid(
            "IDX14100: JWT is not well formed, there are no dots (.).",
        ));
    };
    if sign(&world.token_key, &format!("{head}.{payload}")) != signature {
        return Err(invalid("Signature is invalid."));
    }
    let claims: Value = URL_SAFE_NO_PAD
        .decode(payload)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| invalid("Invalid JWT access token."))?;
    if claims
        .get("exp")
        .and_then(Value::as_i64)
        .is_none_or(|end| end <= clock::now().timestamp())
    {
        return Err(invalid("Lifetime validation failed, the token is expired."));
    }
    let tid = claims
        .get("tid")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let roles = claims
        .get("roles")
        .and_then(Value::as_array)
        .map(|roles| {
            roles
                .iter()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect()
        })
        .unwrap_or_default();
    Ok(Claims { tid, roles })
}
