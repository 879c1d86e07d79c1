//! What the simulator remembers: tenants, their objects, the journal, the fault scripts.
//!
//! Holds data only; the rules that guard it are in `rules` and `graph`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::faults::Faults;
use crate::journal::Journal;
use crate::loader::LoadReport;
use crate::rules::{self, CollectionRule};
use crate::schema::Schema;

/// One stored object of any collection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub id: String,
    /// Everything but the id and the assignments, free of annotations other than `@odata.type`.
    pub body: Map<String, Value>,
    pub assignments: Vec<Value>,
    /// Secret values by their reference id: never part of what is returned.
    pub secrets: BTreeMap<String, String>,
    /// Ids that navigation properties lead to, by property.
    pub links: BTreeMap<String, Vec<String>>,
    /// Until then the object is not found and not listed.
    pub visible_at: Option<Instant>,
}

impl Object {
    pub fn is_visible(&self) -> bool {
        self.visible_at.is_none_or(|at| at <= Instant::now())
    }

    pub fn text(&self, property: &str) -> Option<&str> {
        self.body.get(property).and_then(Value::as_str)
    }

    /// The short name of the derived type, when the body names one.
    pub fn kind(&self) -> Option<&str> {
        self.text("@odata.type")
            .and_then(|text| text.strip_prefix("#microsoft.graph."))
    }
}

/// Switches of one tenant.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct TenantOptions {
    /// Conditional Access and named locations take one request per second, without `Retry-After`.
    pub conditional_access_limit: bool,
    /// Intune families take 100 writes per 20 seconds.
    pub write_limit: bool,
    /// Every custom OMA text setting is stored encrypted and read back masked.
    pub encrypt_oma: bool,
    /// A link that leads nowhere is answered by 204 instead of 404.
    pub empty_links: bool,
    /// A create that binds links is refused: each has to be set by its `$ref`.
    pub no_binds: bool,
    /// Security defaults are on: no Conditional Access policy can be enabled.
    pub security_defaults: bool,
    /// The device group of a device preparation policy is answered to GET and cleared by DELETE; a POST
    /// to either has no route.
    pub device_group_by_get: bool,
}

/// What the login endpoint accepts for a tenant.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoginRules {
    /// Expected secret by lower-case client id; a client not listed is accepted with any secret.
    pub expected: BTreeMap<String, String>,
    /// Secrets that are refused whatever the client.
    pub rejected: BTreeSet<String>,
    /// Client ids unknown to this tenant.
    pub unknown_clients: BTreeSet<String>,
    /// Client ids whose secret has expired.
    pub expired_clients: BTreeSet<String>,
}

/// One simulated tenant.
#[derive(Debug, Default)]
pub(crate) struct Tenant {
    pub id: String,
    pub name: String,
    pub domains: Vec<String>,
    pub objects: BTreeMap<&'static str, Vec<Object>>,
    pub roles: BTreeSet<String>,
    pub login: LoginRules,
    pub options: TenantOptions,
    pub report: LoadReport,
    pub recent_writes: VecDeque<Instant>,
    pub last_conditional_access: Option<Instant>,
}

impl Tenant {
    /// A tenant that holds what every tenant holds from its first day.
    pub fn new(id: &str, name: &str) -> Self {
        let mut tenant = Self {
            id: id.to_owned(),
            name: name.to_owned(),
            roles: rules::all_roles().map(str::to_owned).collect(),
            ..Self::default()
        };
        let label: String = name
            .to_lowercase()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .collect();
        tenant.domains = vec![
            format!("{label}.onmicrosoft.com"),
            format!("{label}.example"),
        ];
        crate::rules::furnish(&mut tenant);
        tenant
    }

    pub fn list(&self, key: &str) -> &[Object] {
        self.objects.get(key).map_or(&[], Vec::as_slice)
    }

    pub fn list_mut(&mut self, rule: &CollectionRule) -> &mut Vec<Object> {
        self.objects.entry(rule.key).or_default()
    }

    /// Finds an object that callers may see; ids compare without letter case.
    pub fn find(&self, key: &str, id: &str) -> Option<&Object> {
        self.list(key)
            .iter()
            .find(|object| object.id.eq_ignore_ascii_case(id) && object.is_visible())
    }

    pub fn find_mut(&mut self, key: &str, id: &str) -> Option<&mut Object> {
        self.objects
            .get_mut(key)?
            .iter_mut()
            .find(|object| object.id.eq_ignore_ascii_case(id) && object.is_visible())
    }

    pub fn has(&self, key: &str, id: &str) -> bool {
        self.find(key, id).is_some()
    }

    pub fn find_by_name(&self, key: &str, name: &str) -> Option<&Object> {
        let property = rules::by_key(key).map_or("displayName", |rule| rule.name_property);
        self.list(key)
            .iter()
            .find(|object| object.text(property) == Some(name))
    }
}

/// Settings catalog templates are the same in every tenant: learnt from what is loaded.
#[derive(Debug, Default)]
pub(crate) struct TemplateCatalogue {
    /// Lower-case template id to (exact id, family).
    pub templates: BTreeMap<String, (String, String)>,
    /// Lower-case to exact spelling of setting instance and setting value template ids.
    pub references: BTreeMap<String, String>,
}

/// Everything.
pub(crate) struct World {
    pub schema: Schema,
    /// By lower-case tenant id.
    pub tenants: BTreeMap<String, Tenant>,
    pub templates: TemplateCatalogue,
    /// Definitions of administrative templates learnt from what is loaded, by lower-case id: the
    /// same in every tenant.
    pub definitions: BTreeMap<String, Object>,
    pub journal: Journal,
    pub faults: Faults,
    /// Signs the tokens of this process.
    pub token_key: [u8; 32],
}

impl World {
    pub fn new(schema: Schema) -> Self {
        Self {
            schema,
            tenants: BTreeMap::new(),
            templates: TemplateCatalogue::builtin(),
            definitions: BTreeMap::new(),
            journal: Journal::default(),
            faults: Faults::default(),
            token_key: rand::random(),
        }
    }

    pub fn tenant(&self, id: &str) -> Option<&Tenant> {
        self.tenants.get(&id.to_lowercase())
    }

    pub fn tenant_mut(&mut self, id: &str) -> Option<&mut Tenant> {
        self.tenants.get_mut(&id.to_lowercase())
    }

    /// Stores a new object, and what the service makes beside it: at once, or (`delayed`) a moment
    /// later.
    pub fn keep(
        &mut self,
        tenant: &str,
        rule: &'static CollectionRule,
        object: Object,
        delayed: bool,
    ) {
        let Some(tenant) = self.tenant_mut(tenant) else {
            return;
        };
        for (key, companion) in rules::companions(tenant, &object, delayed) {
            tenant.objects.entry(key).or_default().push(companion);
        }
        tenant.list_mut(rule).push(object);
    }

    /// Puts a changed object where it stood; answers its id.
    pub fn replace(&mut self, tenant: &str, key: &str, changed: Object) -> String {
        let id = changed.id.clone();
        let slot = self
            .tenant_mut(tenant)
            .and_then(|tenant| tenant.find_mut(key, &id));
        if let Some(slot) = slot {
            *slot = changed;
        }
        id
    }
}
