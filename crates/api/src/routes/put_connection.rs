//! Sets how a tenant is reached. The credential is sealed at once and never comes back.

use actix_web::{HttpResponse, put};
use chrono::{DateTime, Utc};
use domain::capability::Capability;
use serde::Serialize;
use serde_json::{Value, json};
use store::StoreError;
use store::connections::{CREDENTIAL_COLUMN, ConnectionRow, NewConnection};
use utoipa::ToSchema;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::call::Call;
use crate::certificate;
use crate::problem::Problem;
use crate::rights::Need;
use crate::strict_json::{Members, ReadBody};
use crate::wire::words::{CloudWord, CredentialShape};

/// A connection to be set.
#[derive(Serialize, ToSchema)]
pub struct PutConnectionRequest {
    /// `global`, `us_gov`, `us_gov_dod` or `china`.
    #[schema(value_type = CloudWord)]
    cloud: String,
    /// The application's client id.
    client_id: Uuid,
    /// One of three kinds: `client_secret` (`client_secret`), `certificate` (`certificate` and
    /// `private_key` in PEM), `federated_token` (`token_file`: a name configured on the worker).
    #[schema(value_type = CredentialShape)]
    credential: Credential,
    /// When the credential ends, if known. For a certificate its own end counts when it is earlier.
    credential_expires_at: Option<DateTime<Utc>>,
}

/// A credential in clear, between the request and its sealing. No Debug.
#[derive(Serialize)]
pub struct Credential {
    kind: &'static str,
    sealed_form: Value,
    /// What the credential itself says about its end.
    ends_at: Option<DateTime<Utc>>,
}

impl ReadBody for PutConnectionRequest {
    fn read(members: &mut Members<'_>) -> Option<Self> {
        let cloud = members.word::<Cloud>("cloud", &CLOUDS);
        let client_id = members.uuid("client_id");
        let credential = members.object("credential", read_credential);
        let expires = members.optional_text("credential_expires_at", 40);
        let credential_expires_at = expires.and_then(|text| {
            let at = DateTime::parse_from_rfc3339(&text).ok();
            if at.is_none() {
                members.refuse(
                    "credential_expires_at",
                    "not_a_time",
                    "credential_expires_at must be an RFC 3339 time.",
                );
            }
            at.map(|at| at.with_timezone(&Utc))
        });
        Some(Self {
            cloud: cloud?.0.to_owned(),
            client_id: client_id?,
            credential: credential?,
            credential_expires_at,
        })
    }
}

const CLOUDS: [&str; 4] = ["global", "us_gov", "us_gov_dod", "china"];
const KINDS: [&str; 3] = ["client_secret", "certificate", "federated_token"];

struct Cloud(&'static str);

impl std::str::FromStr for Cloud {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let found = CLOUDS.into_iter().find(|word| *word == text);
        found.map(Self).ok_or(())
    }
}

struct Kind(&'static str);

impl std::str::FromStr for Kind {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let found = KINDS.into_iter().find(|word| *word == text);
        found.map(Self).ok_or(())
    }
}

fn read_credential(members: &mut Members<'_>) -> Option<Credential> {
    let kind = members.word::<Kind>("kind", &KINDS)?.0;
    let mut ends_at = None;
    let sealed_form = match kind {
        "client_secret" => {
            let secret = members.text("client_secret", 2_000)?;
            json!({"kind": kind, "client_secret": secret})
        }
        "certificate" => {
            let certificate = members.pem("certificate");
            let private_key = members.pem("private_key");
            ends_at = certificate.as_deref().and_then(certificate::not_after);
            json!({"kind": kind, "certificate": certificate?, "private_key": private_key?})
        }
        _ => {
            // A name, never a path: the worker's configuration says which file it stands for.
            let name = members.text("token_file", 100)?;
            if !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
            {
                members.refuse(
                    "token_file",
                    "invalid_characters",
                    "token_file takes letters, digits, - and _.",
                );
                return None;
            }
            json!({"kind": kind, "token_file": name})
        }
    };
    Some(Credential {
        kind,
        sealed_form,
        ends_at,
    })
}

/// A connection without its credential.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionView {
    /// The tenant.
    tenant_id: Uuid,
    /// The cloud.
    cloud: String,
    /// The application's client id.
    client_id: Uuid,
    /// The kind of credential; the credential itself never comes back.
    credential: CredentialView,
    /// `unknown`, `healthy` or `unhealthy`.
    health: String,
    /// Stable code of an unhealthy connection.
    health_code: Option<String>,
    /// For people.
    health_message: Option<String>,
    /// When it was last checked.
    checked_at: Option<DateTime<Utc>>,
    /// Application roles in the last token; null = never seen one.
    granted_roles: Option<Vec<String>>,
    /// When it was first set.
    created_at: DateTime<Utc>,
    /// When it was last set.
    updated_at: DateTime<Utc>,
    /// Whether workers may ask this tenant for the plain text of encrypted values; see
    /// `put_secret_reading`. Another application (`client_id`) starts without it.
    secret_reading: bool,
}

/// What may be known of a credential.
#[derive(Debug, Serialize, ToSchema)]
pub struct CredentialView {
    kind: String,
    expires_at: Option<DateTime<Utc>>,
}

impl From<ConnectionRow> for ConnectionView {
    fn from(row: ConnectionRow) -> Self {
        Self {
            tenant_id: row.tenant_id,
            cloud: row.cloud,
            client_id: row.client_id,
            credential: CredentialView {
                kind: row.credential_kind,
                expires_at: row.credential_expires_at,
            },
            health: row.health,
            health_code: row.health_code,
            health_message: row.health_message,
            checked_at: row.checked_at,
            granted_roles: row.granted_roles,
            created_at: row.created_at,
            updated_at: row.updated_at,
            secret_reading: row.secret_reading,
        }
    }
}

#[utoipa::path(
    tag = "tenants",
    operation_id = "put_connection",
    summary = "Set how a tenant is reached",
    params(
        ("workspace_id" = Uuid, Path, description = "Workspace"),
        ("tenant_id" = Uuid, Path, description = "Tenant")
    ),
    request_body = PutConnectionRequest,
    responses((status = 200, description = "The connection", body = ConnectionView))
)]
#[put("/v1/workspaces/{workspace_id}/tenants/{tenant_id}/connection")]
pub async fn put_connection(call: Call) -> Result<HttpResponse, Problem> {
    let caller = call.in_workspace().await?;
    call.no_parameters()?;
    let body: PutConnectionRequest = call.body()?;
    let access = call.tenant(&caller).await?;
    access.require(Capability::ConnectionManage)?;

    let tenant_id = access.tenant.id;
    let plain = Zeroizing::new(body.credential.sealed_form.to_string());
    let sealed = call
        .state
        .sealing_key
        .seal(tenant_id, CREDENTIAL_COLUMN, plain.as_bytes())
        .map_err(Problem::internal)?;
    let new = NewConnection {
        tenant_id,
        workspace_id: caller.workspace_id,
        cloud: body.cloud,
        client_id: body.client_id,
        credential_kind: body.credential.kind.to_owned(),
        credential: sealed,
        credential_expires_at: [body.credential_expires_at, body.credential.ends_at]
            .into_iter()
            .flatten()
            .min(),
    };
    let key = call.state.audit_key.clone();
    let needs = [Need::Tenant(tenant_id, Capability::ConnectionManage)];
    let connection: ConnectionRow = call
        .change(
            &caller,
            needs,
            move |conn, caller| -> Result<_, StoreError> {
                store::tenants::keep_tenant(conn, caller.workspace_id, tenant_id)?;
                store::tenants::keep_tenant(conn, caller.workspace_id, tenant_id)?;
                let before =
                    store::connections::find_connection(conn, caller.workspace_id, tenant_id)?;
                let connection = store::connections::put_connection(conn, &new)?;
                let detail = json!({
                    "cloud": new.cloud,
                    "client_id": new.client_id,
                    "credential_kind": new.credential_kind,
                });
                let entry = caller.audit_on(tenant_id, "connection.updated", detail);
                store::audit::append(conn, &key, &entry)?;
                if before.is_some_and(|before| before.secret_reading) && !connection.secret_reading
                {
                    let detail =
                        json!({"reason": "The connection was given to another application."});
                    let action = "connection.secret_reading.forbidden";
                    store::audit::append(conn, &key, &caller.audit_on(tenant_id, action, detail))?;
                }
                Ok(connection)
            },
        )
        .await??;
    Ok(HttpResponse::Ok().json(ConnectionView::from(connection)))
}
