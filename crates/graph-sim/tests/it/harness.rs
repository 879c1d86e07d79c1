//! A running simulator with both synthetic tenants, and a caller that holds a token for one.

use graph_sim::{Options, Running, Side, TenantSpec, start};
use serde_json::{Value, json};
use std::path::PathBuf;

pub const SOURCE: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub const TARGET: &str = "bbbbbbbb-0000-4000-8000-000000000002";
pub const EMPTY: &str = "cccccccc-0000-4000-8000-000000000003";
pub const CLIENT: &str = "99999999-0000-4000-8000-000000000009";

/// An answer, whole.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The error text, the nested one where Intune nests it.
    pub fn message(&self) -> String {
        let text = self.body["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        serde_json::from_str::<Value>(&text)
            .ok()
            .and_then(|inner| inner["Message"].as_str().map(str::to_owned))
            .unwrap_or(text)
    }

    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }
}

pub struct Sim {
    pub running: Running,
    pub client: reqwest::Client,
    pub token: String,
}

impl Sim {
    /// Serves the synthetic tenants and an empty one; the caller logs in to `tenant`.
    pub async fn start(tenant: &str) -> Self {
        Self::start_with(tenant, None).await
    }

    /// The same, checking against a contract file when one is given.
    pub async fn start_with(tenant: &str, contract: Option<PathBuf>) -> Self {
        let options = Options {
            contract,
            tenants: vec![
                TenantSpec::builtin(SOURCE, Side::Source),
                TenantSpec::builtin(TARGET, Side::Target),
                TenantSpec::empty(EMPTY),
            ],
            ..Options::default()
        };
        let running = start(options).unwrap();
        let client = reqwest::Client::new();
        let mut sim = Self {
            running,
            client,
            token: String::new(),
        };
        sim.token = sim.login(tenant).await;
        sim
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.running.base_url())
    }

    pub async fn login(&self, tenant: &str) -> String {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", CLIENT),
            ("client_secret", "any"),
            ("scope", "https://graph.microsoft.com/.default"),
        ];
        let url = self.url(&format!("/{tenant}/oauth2/v2.0/token"));
        let answer = self.client.post(url).form(&form).send().await.unwrap();
        let body: Value = answer.json().await.unwrap();
        body["access_token"].as_str().expect("a token").to_owned()
    }

    /// Sends a request; the connection must survive.
    pub async fn send(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        self.try_send(method, path, body).await.unwrap()
    }

    pub async fn try_send(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            self.url(path)
        };
        let mut request = self
            .client
            .request(method.parse().unwrap(), url)
            .bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        let text = answer.text().await?;
        Ok(Answer {
            status,
            headers,
            body: serde_json::from_str(&text).unwrap_or(Value::Null),
        })
    }

    pub async fn get(&self, path: &str) -> Value {
        let answer = self.send("GET", path, None).await;
        assert_eq!(answer.status, 200, "{path}: {:?}", answer.body);
        answer.body
    }

    /// All items of a list, following the links.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut next = Some(path.to_owned());
        while let Some(path) = next {
            let page = self.get(&path).await;
            items.extend(page["value"].as_array().unwrap().clone());
            next = page["@odata.nextLink"].as_str().map(str::to_owned);
        }
        items
    }

    pub async fn control(&self, method: &str, path: &str, body: Value) -> Value {
        let answer = self
            .client
            .request(method.parse().unwrap(), self.url(path))
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let body: Value = answer.json().await.unwrap();
        assert!(status.is_success(), "{path}: {body}");
        body
    }

    pub async fn fault(&self, spec: Value) {
        self.control("POST", "/__sim/faults", spec).await;
    }
}

pub const SETTINGS_CATALOG: &str = "/beta/deviceManagement/configurationPolicies";
pub const COMPLIANCE: &str = "/beta/deviceManagement/deviceCompliancePolicies";
pub const CONFIGURATIONS: &str = "/beta/deviceManagement/deviceConfigurations";
pub const CONDITIONAL_ACCESS: &str = "/v1.0/identity/conditionalAccess/policies";
pub const LOCATIONS: &str = "/v1.0/identity/conditionalAccess/namedLocations";
pub const FILTERS: &str = "/beta/deviceManagement/assignmentFilters";
pub const TAGS: &str = "/beta/deviceManagement/roleScopeTags";
pub const ROLES: &str = "/beta/deviceManagement/roleDefinitions";
pub const STRENGTHS: &str = "/v1.0/identity/conditionalAccess/authenticationStrength/policies";
pub const CONTEXTS: &str = "/v1.0/identity/conditionalAccess/authenticationContextClassReferences";
pub const TEMPLATES: &str = "/beta/deviceManagement/notificationMessageTemplates";

/// Removes what the service owns, as a careful caller does before it writes.
pub fn writable(path: &str, read: &Value) -> Value {
    let mut body = read.as_object().unwrap().clone();
    body.retain(|name, _| name == "@odata.type" || !name.contains('@'));
    for owned in [
        "id",
        "createdDateTime",
        "lastModifiedDateTime",
        "modifiedDateTime",
        "version",
        "isAssigned",
        "settingCount",
        "supportsScopeTags",
        "creationSource",
        "priorityMetaData",
        "payloads",
        "isBuiltIn",
        "deletedDateTime",
        "templateId",
        "assignments",
        "defaultLocale",
        "localizedNotificationMessages",
    ] {
        body.remove(owned);
    }
    if let Some(Value::Object(reference)) = body.get_mut("templateReference") {
        reference.retain(|name, _| name == "templateId");
    }
    for list in ["settings", "omaSettings"] {
        for item in body
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            let item = item.as_object_mut().unwrap();
            for owned in ["id", "isEncrypted", "secretReferenceValueId"] {
                item.remove(owned);
            }
        }
    }
    for rule in body
        .get_mut("scheduledActionsForRule")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        rule.as_object_mut().unwrap().remove("id");
        for action in rule["scheduledActionConfigurations"]
            .as_array_mut()
            .unwrap()
        {
            action.as_object_mut().unwrap().remove("id");
        }
    }
    if path == CONDITIONAL_ACCESS
        && let Some(Value::Object(grant)) = body.get_mut("grantControls")
    {
        grant.retain(|name, _| !name.contains('@'));
        let id = grant["authenticationStrength"]["id"].clone();
        grant.remove("authenticationStrength");
        if !id.is_null() {
            grant.insert("authenticationStrength".to_owned(), json!({ "id": id }));
        }
    }
    Value::Object(body)
}

/// Everything the tenant holds that can be created again: path, id and body to write.
pub async fn writable_objects(sim: &Sim) -> Vec<(&'static str, String, Value)> {
    let mut found = Vec::new();
    let expand = "?$expand=scheduledActionsForRule($expand=scheduledActionConfigurations)";
    for path in [
        FILTERS,
        TEMPLATES,
        LOCATIONS,
        SETTINGS_CATALOG,
        COMPLIANCE,
        CONFIGURATIONS,
        CONDITIONAL_ACCESS,
    ] {
        let query = if path == COMPLIANCE { expand } else { "" };
        for item in sim.all(&format!("{path}{query}")).await {
            let id = item["id"].as_str().unwrap().to_owned();
            let mut body = writable(path, &item);
            if path == SETTINGS_CATALOG {
                let settings = sim.all(&format!("{path}/{id}/settings?$top=1000")).await;
                body["settings"] = json!(settings);
                body = writable(path, &body);
            }
            found.push((path, id, body));
        }
    }
    found
}

/// The outside contract, when it lies beside the repository.
pub fn contract() -> Option<PathBuf> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/graph-contract.json");
    if path.is_file() {
        return Some(path);
    }
    eprintln!("skipped: {} is absent", path.display());
    None
}

/// App policies whose apps have an action of their own, and app configuration for managed devices.
pub const APP_POLICIES: &[&str] = &[
    "/beta/deviceAppManagement/iosManagedAppProtections",
    "/beta/deviceAppManagement/androidManagedAppProtections",
    "/beta/deviceAppManagement/windowsManagedAppProtections",
    "/beta/deviceAppManagement/targetedManagedAppConfigurations",
    APP_CONFIGURATIONS,
];
pub const APP_CONFIGURATIONS: &str = "/beta/deviceAppManagement/mobileAppConfigurations";

/// What a careful caller sends of an app policy.
pub fn app_policy(read: &Value) -> Value {
    let mut body = read.as_object().unwrap().clone();
    body.retain(|name, value| (name == "@odata.type" || !name.contains('@')) && !value.is_null());
    for owned in [
        "id",
        "createdDateTime",
        "lastModifiedDateTime",
        "version",
        "isAssigned",
        "deployedAppCount",
        "appSupportsOemConfig",
    ] {
        body.remove(owned);
    }
    Value::Object(body)
}

/// The apps an item is for, as `targetApps` takes them.
pub async fn apps_of(sim: &Sim, item: &str) -> Vec<Value> {
    let apps = sim.all(&format!("{item}/apps")).await;
    apps.iter()
        .map(|app| json!({"mobileAppIdentifier": app["mobileAppIdentifier"]}))
        .collect()
}
