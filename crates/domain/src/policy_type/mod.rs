//! The registry: everything this product knows about a policy type, as data.
//!
//! One file per family of types holds their rows; a row names an [`Adapter`] only where the type's
//! shape needs code. Nothing outside this folder and [`crate::steps`] may ask "which type is it".
//!
//! To add a type: write its row in the file of its family with `..PLAIN`, list it in `ALL` in key
//! order, and add an object as Graph answers it to `tests/it/samples.rs`; the laws there
//! then hold it to capture, create, update and read-back. A row needs
//! - `identity`: what tells two policies of one name apart,
//! - `server_state`: what the service writes by itself, `left_behind`: what stays with the source's
//!   object and is told, `strip_*` and `immutable`: what it refuses,
//! - `references`: every place with an id of another object, exclusions marked as such,
//! - `sets`, `keyed`, `flags`, `defaults`, `empty_is_absent`: what is equal although it differs,
//! - `wave`: later than every type it points to.
//!
//! Only a shape that no row can say (children with calls of their own, a tree) takes an [`Adapter`].

use serde_json::Value;

use crate::model::{Facet, GraphVersion, ResourceFamily};

pub(crate) mod approvals;
mod apps;
mod assigning;
mod authentication;
mod by_hand;
mod compliance;
mod conditional_access;
mod configuration;
mod device_preparation;
mod enrollment;
mod first_party;
mod foundations;
mod group_policy;
pub(crate) mod known;
mod links;
mod managed_apps;
mod plain_types;
mod roles;
mod scripts;
mod settings_tree;
mod tenant_administration;
mod windows_updates;

use assigning::ASSIGN;
pub use assigning::AssignmentRule;
pub use device_preparation::TemplateRule;
pub use first_party::{is_application_word, is_first_party_application};
pub use links::{Link, LinkTarget, OWN, links_of, links_of_type};
pub(crate) use links::{is_issued, wave_of};
pub(crate) use plain_types::is_plain_type;

/// How far a type is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// Captured, compared and promoted.
    Full,
    /// The same for some kinds of object; others are never written. The text says which, in an
    /// operator's words.
    ByKind(&'static str),
    /// Captured and compared; never written. The text says why, in an operator's words.
    CaptureOnly(&'static str),
}

/// How an existing object is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateVerb {
    /// Merge: absent members stay, arrays are replaced.
    Patch,
    /// Replace: what is not sent is lost.
    Put,
}

/// Which `@odata.type`s of a shared collection belong to this row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinds {
    /// All of the collection.
    All,
    /// Just these (without `#microsoft.graph.`).
    Only(&'static [&'static str]),
    /// All but these.
    Except(&'static [&'static str]),
    /// Just those made from these templates.
    OfTemplates(&'static TemplateRule),
    /// All but those.
    NotOfTemplates(&'static TemplateRule),
}

/// A sub-collection that is read per object and embedded in the content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SubCollection {
    /// Property of the content that receives the items.
    pub property: &'static str,
    /// Path below the item, e.g. `settings`.
    pub path: &'static str,
    /// `$top` to ask for; `None` asks for none. Paged to the end either way.
    pub top: Option<u16>,
}

/// An object that every tenant has from its first day: matched by its kind whatever its name,
/// changed by PATCH alone, never created and never assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DefaultObject {
    /// Member that tells it.
    pub property: &'static str,
    /// That member's value, as JSON text.
    pub value: &'static str,
    /// What its id contains, where the member alone is not certain.
    pub id_marker: Option<&'static str>,
    /// Members that are the service's own words on it: not captured, not written.
    pub fixed: &'static [&'static str],
    /// Whether the type has no other objects that could be created.
    pub only: bool,
}

/// A place where content points to another object.
///
/// Paths are dotted; `[]` walks an array, `*` one object level, `**` any depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReferenceRule {
    /// Where, e.g. `conditions.users.includeGroups[]`.
    pub path: &'static str,
    /// Reference kind on the wire.
    pub kind: &'static str,
    /// A missing one widens the policy.
    pub exclusion: bool,
}

/// The code a type needs beyond its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adapter {
    /// POST, PATCH/PUT, assign: nothing special.
    Plain,
    /// Settings catalog tree.
    SettingsCatalog,
    /// Scheduled actions by their own action.
    Compliance,
    /// Polymorphic with OMA settings.
    DeviceConfiguration,
    /// Grant, session, conditions; state by option.
    ConditionalAccess,
    /// Localised messages as children.
    NotificationTemplate,
    /// One instance of the settings catalog tree.
    ReusableSetting,
    /// Settings catalog tree and scheduled actions by their own action.
    SettingsCompliance,
    /// Apps (and settings in the catalogue's way) by actions of their own.
    ManagedApps,
    /// Combinations by their own action, their configurations as children.
    AuthenticationStrength,
    /// The caller chooses the id of a new object.
    AuthenticationContext,
    /// Values of ADMX definitions by one keyed action.
    GroupPolicy,
    /// Settings catalog tree, and a device group by actions of its own.
    DevicePreparation,
    /// Apps: those without files, with categories as links.
    App,
    /// Templates that the service makes, with their texts as children.
    EnrollmentNotification,
}

/// One row of the registry.
#[derive(Clone, Copy, Debug)]
pub struct PolicyType {
    /// Registry key on the wire, e.g. `configurationPolicies`.
    pub key: &'static str,
    /// For people.
    pub display_name: &'static str,
    /// How far it is supported.
    pub support: Support,
    /// Version segment to use.
    pub version: GraphVersion,
    /// Version to read in, where `version` leaves out members that a policy may have: what is not
    /// read cannot be carried, and a condition that is lost makes a policy broader. A tenant that
    /// does not serve it is read in `version`.
    pub read_version: Option<GraphVersion>,
    /// Collection path below the version, e.g. `/deviceManagement/configurationPolicies`.
    pub path: &'static str,
    /// The member of the answer at `path` that is the tenant's one object of the type: no list, and
    /// neither id nor name of its own.
    pub one_object: Option<&'static str>,
    /// Which objects of the collection.
    pub kinds: Kinds,
    /// `name` or `displayName`.
    pub name_property: &'static str,
    /// Property that tells the platform, if any.
    pub platform_property: Option<&'static str>,
    /// Identity beyond the name (dotted paths; `@odata.type` allowed; the adapter may normalise).
    pub identity: &'static [&'static str],
    /// `$expand` for the list request, if needed.
    pub list_expand: Option<&'static str>,
    /// Whether every object is read on its own after the list, because the list is partial.
    pub item_get: bool,
    /// `$expand` for the item request.
    pub item_expand: Option<&'static str>,
    /// `$select` of a second item request, for members that no answer has unless they are named.
    pub item_select: Option<&'static str>,
    /// Members that the item leaves out and that are read by a request of their own.
    pub item_parts: &'static [&'static str],
    /// Read per object.
    pub sub_collections: &'static [SubCollection],
    /// Read per item of the sub-collections and embedded in it.
    pub below_each: Option<SubCollection>,
    /// Whether `$filter={name_property} eq '..'` is known to work on the list.
    pub name_filter: bool,
    /// Objects never governed (built in, internal): `(dotted path, value)` in canonical JSON text.
    pub skip_when: &'static [(&'static str, &'static str)],
    /// Server state, dropped at capture (besides the common list). Dotted paths.
    pub server_state: &'static [&'static str],
    /// What of an object is neither compared nor written, and is said: where, and in words what it
    /// means that something stands there.
    pub left_behind: &'static [(&'static str, &'static str)],
    /// Dropped from a create body only.
    pub strip_create: &'static [&'static str],
    /// Dropped from an update body only.
    pub strip_update: &'static [&'static str],
    /// Verb of an update.
    pub update: UpdateVerb,
    /// Members that cannot change in place: a difference there holds the subject.
    pub immutable: &'static [&'static str],
    /// Members of a create body where the service takes no more; a PATCH brings the rest.
    pub create_first: Option<&'static [&'static str]>,
    /// Characters that the service refuses in a name and a description.
    pub name_refuses: &'static str,
    /// Longest name that the service takes, in characters; 0 where no shorter limit than everybody's is
    /// known.
    pub name_longest: usize,
    /// Dates that the service refuses when they are in the past.
    pub future_dates: &'static [&'static str],
    /// The object that each tenant has already.
    pub default_object: Option<DefaultObject>,
    /// Member that ranks the objects; written by the action `setPriority` alone.
    pub priority: Option<&'static str>,
    /// Whether only one object of a tenant may be assigned to all devices.
    pub one_for_all_devices: bool,
    /// Writes to the type go one at a time, this many seconds apart.
    pub serial_spacing_seconds: Option<u8>,
    /// Assignments, if the type has any.
    pub assignments: Option<AssignmentRule>,
    /// Property with scope tag ids, if the type has one.
    pub scope_tags: Option<&'static str>,
    /// References inside the content (assignments and scope tags are implied).
    pub references: &'static [ReferenceRule],
    /// The reference kind under which other policies point to objects of this type.
    pub reference_kind: Option<&'static str>,
    /// Ids of children that calls name: no part of any comparison across tenants, and part of what
    /// was reviewed, so that a call never names a child that is not there any more.
    pub child_ids: &'static [&'static str],
    /// Arrays that are sets.
    pub sets: &'static [&'static str],
    /// Arrays keyed by a member (or members joined with `+`); inner arrays before outer ones.
    pub keyed: &'static [(&'static str, &'static str)],
    /// Texts that list words of a flags enum (`"a,b"`): compared as sets.
    pub flags: &'static [&'static str],
    /// Members that say nothing about what the policy does: left out of every comparison.
    pub ignored: &'static [&'static str],
    /// Documented defaults: `(path, value as JSON text)`; such a value and absence are one.
    pub defaults: &'static [(&'static str, &'static str)],
    /// Subtrees in which an empty list or object and absence are one; `""` is the whole content.
    pub empty_is_absent: &'static [&'static str],
    /// Base64 texts compared decoded.
    pub base64: &'static [&'static str],
    /// Members that hold secrets (replaced at capture by a `$secret` marker).
    pub secrets: &'static [&'static str],
    /// Dependency wave, 0 first.
    pub wave: u8,
    /// Throttling family.
    pub family: ResourceFamily,
    /// Application permissions to read.
    pub read_permissions: &'static [&'static str],
    /// Application permissions to write.
    pub write_permissions: &'static [&'static str],
    /// Code beyond the row.
    pub adapter: Adapter,
}

impl PolicyType {
    /// Whether a promotion may write it.
    pub const fn promotable(&self) -> bool {
        matches!(self.support, Support::Full | Support::ByKind(_))
    }

    /// Whether the type has the facet at all.
    pub const fn has_facet(&self, facet: Facet) -> bool {
        match facet {
            Facet::Settings | Facet::Description => true,
            Facet::Assignments => self.assignments.is_some(),
            Facet::ScopeTags => self.scope_tags.is_some(),
        }
    }

    /// The member that holds a settings catalog tree, if the type has one.
    pub(crate) const fn catalog_tree(&self) -> Option<&'static str> {
        match self.adapter {
            Adapter::SettingsCatalog
            | Adapter::DevicePreparation
            | Adapter::SettingsCompliance
            | Adapter::ManagedApps => Some("settings"),
            Adapter::ReusableSetting => Some("settingInstance"),
            _ => None,
        }
    }
}

/// Version of the registry: recorded in every run and covered by every plan digest. Raise it with
/// any change that alters what is captured, compared or written.
pub const REGISTRY_VERSION: &str = "2026-12-01.1";

/// What most rows have in common; a row names what differs.
const PLAIN: PolicyType = PolicyType {
    key: "",
    display_name: "",
    support: Support::Full,
    version: GraphVersion::Beta,
    read_version: None,
    path: "",
    one_object: None,
    kinds: Kinds::All,
    name_property: "displayName",
    platform_property: None,
    identity: &[],
    list_expand: None,
    item_get: false,
    item_expand: None,
    item_select: None,
    item_parts: &[],
    sub_collections: &[],
    below_each: None,
    name_filter: false,
    skip_when: &[],
    server_state: &[],
    left_behind: &[],
    strip_create: &[],
    strip_update: &[],
    update: UpdateVerb::Patch,
    immutable: &[],
    create_first: None,
    name_refuses: "",
    name_longest: 0,
    future_dates: &[],
    default_object: None,
    priority: None,
    one_for_all_devices: false,
    serial_spacing_seconds: None,
    assignments: None,
    scope_tags: Some("roleScopeTagIds"),
    references: &[],
    reference_kind: None,
    child_ids: &[],
    sets: &[],
    keyed: &[],
    flags: &[],
    ignored: &[],
    defaults: &[],
    empty_is_absent: &[],
    base64: &[],
    secrets: &[],
    wave: 0,
    family: ResourceFamily::DeviceConfiguration,
    read_permissions: &["DeviceManagementConfiguration.Read.All"],
    write_permissions: &["DeviceManagementConfiguration.ReadWrite.All"],
    adapter: Adapter::Plain,
};

const fn reference(path: &'static str, kind: &'static str) -> ReferenceRule {
    ReferenceRule {
        path,
        kind,
        exclusion: false,
    }
}

const fn exclusion(path: &'static str, kind: &'static str) -> ReferenceRule {
    ReferenceRule {
        path,
        kind,
        exclusion: true,
    }
}

/// Every row, in key order.
static ALL: [PolicyType; 59] = [
    managed_apps::ANDROID_PROTECTION,
    enrollment::APPLE_USER_INITIATED,
    foundations::ASSIGNMENT_FILTERS,
    authentication::CONTEXTS,
    authentication::STRENGTHS,
    enrollment::CLOUD_PC_PROVISIONING,
    enrollment::CLOUD_PC_SETTINGS,
    enrollment::CO_MANAGEMENT,
    settings_tree::COMPLIANCE,
    conditional_access::POLICIES,
    configuration::SETTINGS_CATALOG,
    enrollment::APPLE_AUTOMATED,
    enrollment::DERIVED_CREDENTIALS,
    tenant_administration::DEVICE_CATEGORIES,
    compliance::POLICIES,
    scripts::COMPLIANCE_SCRIPTS,
    configuration::DEVICE_CONFIGURATIONS,
    scripts::CUSTOM_ATTRIBUTES,
    enrollment::LIMITS,
    enrollment::PLATFORM_RESTRICTIONS,
    scripts::REMEDIATIONS,
    scripts::PLATFORM_SCRIPTS,
    tenant_administration::DEVICE_MANAGEMENT_SETTINGS,
    scripts::SHELL_SCRIPTS,
    enrollment::NOTIFICATIONS,
    enrollment::STATUS_PAGE,
    group_policy::CONFIGURATIONS,
    by_hand::ADMX_FILES,
    by_hand::HARDWARE_CONFIGURATIONS,
    by_hand::INTENTS,
    tenant_administration::BRANDING,
    by_hand::INVENTORY_POLICIES,
    managed_apps::IOS_PROTECTION,
    enrollment::CLEANUP_RULES,
    managed_apps::WINDOWS_INFORMATION_PROTECTION,
    apps::CATEGORIES,
    apps::DEVICE_APP_CONFIGURATIONS,
    apps::APPS,
    conditional_access::NAMED_LOCATIONS,
    compliance::NOTIFICATION_TEMPLATES,
    by_hand::APPROVAL_POLICIES,
    apps::POLICY_SETS,
    settings_tree::REUSABLE_SETTINGS,
    roles::ROLE_ASSIGNMENTS,
    roles::ROLE_DEFINITIONS,
    foundations::SCOPE_TAGS,
    managed_apps::APP_CONFIGURATION,
    tenant_administration::TERMS,
    conditional_access::TERMS_OF_USE,
    tenant_administration::AUTOPILOT,
    device_preparation::POLICIES,
    windows_updates::DRIVER_PROFILES,
    windows_updates::FEATURE_PROFILES,
    enrollment::HELLO,
    managed_apps::WINDOWS_PROTECTION,
    windows_updates::QUALITY_POLICIES,
    windows_updates::QUALITY_PROFILES,
    enrollment::RESTORE,
    configuration::WINDOWS_UPDATE_RINGS,
];

/// Every row, in key order.
pub fn all() -> &'static [PolicyType] {
    &ALL
}

/// The row of a key.
pub fn find(key: &str) -> Option<&'static PolicyType> {
    all().iter().find(|row| row.key == key)
}

/// The row whose objects are referred to by this reference kind.
pub fn for_reference_kind(kind: &str) -> Option<&'static PolicyType> {
    all().iter().find(|row| row.reference_kind == Some(kind))
}

/// Why an object of the row cannot be promoted, in an operator's words; `None` when it can. What
/// the object is may say more than its type does.
pub fn why_not_promoted(row: &PolicyType, content: Option<&Value>) -> Option<&'static str> {
    match row.support {
        Support::Full => None,
        Support::CaptureOnly(why) => Some(why),
        Support::ByKind(why) => content.and_then(|content| apps::why_not(content, why)),
    }
}

/// The `@odata.type` of an object without `#microsoft.graph.`; empty when it has none.
pub fn odata_type(value: &Value) -> &str {
    value
        .get("@odata.type")
        .and_then(Value::as_str)
        .map_or("", |text| {
            let text = text.strip_prefix('#').unwrap_or(text);
            text.strip_prefix("microsoft.graph.").unwrap_or(text)
        })
}

#[cfg(test)]
mod mod_test;
