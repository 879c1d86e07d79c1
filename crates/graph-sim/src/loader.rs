//! Loads folders of exports as they are found in the wild.
//!
//! Order matters: first every file is read and identified, then foundations (groups, tags,
//! filters, templates, locations) are stored, then policies, whose references are resolved by id
//! or by name. What a file refers to and nobody exported is created under that name. Nothing is
//! silently lost: the report says what was not served, changed, created or left out.

mod decode;
mod identify;
mod references;
mod templates;
mod tidy;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::graph::insert_behind;
use crate::rules::{self, CollectionRule};
use crate::schema::Schema;
use crate::state::{Object, World};

/// Why a folder could not be loaded at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder could not be read.
    #[error("folder {path} could not be read")]
    Folder {
        /// The folder.
        path: String,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
}

/// One remark about one file.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Remark {
    pub file: String,
    pub what: String,
}

/// What a load did and could not do.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct LoadReport {
    pub files: usize,
    /// Objects stored, by collection.
    pub loaded: std::collections::BTreeMap<String, usize>,
    /// Files of types the simulator does not serve, or of no recognisable type.
    pub not_served: Vec<Remark>,
    /// Files that are not JSON.
    pub unreadable: Vec<Remark>,
    /// Objects made because something referred to them.
    pub created_references: Vec<Remark>,
    /// Properties no real tenant could hold, left out.
    pub dropped: Vec<Remark>,
    /// Values put right: dates, booleans as text, collapsed arrays, missing required parts.
    pub repaired: Vec<Remark>,
    /// Files whose object another file held already, by its id: left out.
    pub duplicate_ids: Vec<Remark>,
}

/// One object found in a file.
struct Found {
    file: String,
    rule: &'static CollectionRule,
    body: Map<String, Value>,
}

/// Foundations before what refers to them.
const ORDER: &[&str] = &[
    "roleScopeTags",
    "groups",
    "directoryRoles",
    "users",
    "servicePrincipals",
    "termsOfUse",
    "assignmentFilters",
    "notificationMessageTemplates",
    "deviceComplianceScripts",
    "reusablePolicySettings",
    "namedLocations",
    "configurationPolicies",
    "compliancePolicies",
    "deviceCompliancePolicies",
    "deviceConfigurations",
    "conditionalAccessPolicies",
];

/// Loads every JSON file below `folder` whose name starts with one of `only` (all when empty).
pub(crate) fn load(
    world: &mut World,
    tid: &str,
    folder: &Path,
    only: &[String],
) -> Result<(), LoadError> {
    let mut report = LoadReport::default();
    let mut found = Vec::new();
    for path in list_files(folder)? {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        if !only.is_empty() && !only.iter().any(|prefix| name.starts_with(prefix.as_str())) {
            continue;
        }
        report.files += 1;
        let file = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        read_file(&world.schema, &path, &file, &mut found, &mut report);
    }
    found.sort_by_key(|item: &Found| {
        let place = ORDER
            .iter()
            .position(|key| *key == item.rule.key)
            .unwrap_or(ORDER.len());
        (place, item.file.clone())
    });
    for item in found {
        store(world, tid, item, &mut report);
    }
    tracing::info!(
        tenant.id = tid,
        files = report.files,
        loaded = report.loaded.values().sum::<usize>(),
        not_served = report.not_served.len(),
        unreadable = report.unreadable.len(),
        created_references = report.created_references.len(),
        dropped = report.dropped.len(),
        "exports loaded; the load report has the details"
    );
    if let Some(tenant) = world.tenant_mut(tid) {
        tenant.report = report;
    }
    Ok(())
}

fn list_files(folder: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let failed = |source| LoadError::Folder {
        path: folder.display().to_string(),
        source,
    };
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
            {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read_file(
    schema: &Schema,
    path: &Path,
    file: &str,
    found: &mut Vec<Found>,
    report: &mut LoadReport,
) {
    let mut remark = |list: fn(&mut LoadReport) -> &mut Vec<Remark>, what: String| {
        list(report).push(Remark {
            file: file.to_owned(),
            what,
        });
    };
    let value = match std::fs::read(path)
        .map_err(|error| error.to_string())
        .and_then(|bytes| decode::json(&bytes))
    {
        Ok(value) => value,
        Err(error) => {
            remark(|report| &mut report.unreadable, error);
            return;
        }
    };
    let objects = identify::split(templates::of_values(value, file));
    if objects.is_empty() {
        remark(
            |report| &mut report.not_served,
            "holds no object".to_owned(),
        );
    }
    for mut body in objects {
        // Exports with full metadata hide the type in annotations that tidying removes.
        match identify::rule_of(schema, file, &body) {
            Ok(rule) => {
                identify::flatten(&mut body);
                found.push(Found {
                    file: file.to_owned(),
                    rule,
                    body,
                });
            }
            Err(what) => remark(|report| &mut report.not_served, what),
        }
    }
}

fn store(world: &mut World, tid: &str, item: Found, report: &mut LoadReport) {
    let Found {
        file,
        rule,
        mut body,
    } = item;
    let mut notes = tidy::Notes::default();
    let values = templates::take(rule.key, &mut body);
    let assignments = tidy::tidy(&world.schema, rule, &mut body, &mut notes);
    for what in notes.dropped {
        report.dropped.push(Remark {
            file: file.clone(),
            what,
        });
    }
    for what in notes.repaired {
        report.repaired.push(Remark {
            file: file.clone(),
            what,
        });
    }
    let Some(tenant) = world.tenant(tid) else {
        return;
    };
    let name = body
        .get(rule.name_property)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if rule.key == "roleScopeTags" && tenant.find_by_name(rule.key, &name).is_some() {
        return;
    }
    let own = body
        .remove("id")
        .and_then(|id| id.as_str().map(str::to_owned));
    let own = give_up_default(world, tid, rule, &body).or(own);
    let Some(tenant) = world.tenant(tid) else {
        return;
    };
    let made = || {
        Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("{}/{file}/{name}", tid.to_lowercase()).as_bytes(),
        )
        .to_string()
    };
    let id = match own {
        Some(id) if id.is_empty() => made(),
        Some(id)
            if tenant
                .list(rule.key)
                .iter()
                .any(|other| other.id.eq_ignore_ascii_case(&id)) =>
        {
            // One object in two export forms: a tenant holds an id once, so the first file wins.
            report.duplicate_ids.push(Remark { file, what: id });
            return;
        }
        Some(id) => id,
        None => made(),
    };
    let id = if rule.key == "roleScopeTags" && id.parse::<u64>().is_err() {
        None
    } else {
        Some(id)
    };
    let mut created = BTreeSet::new();
    references::resolve(world, tid, rule, &mut body, &mut created);
    let assignments = references::resolve_assignments(world, tid, rule, assignments, &mut created);
    for what in created {
        report.created_references.push(Remark {
            file: file.clone(),
            what,
        });
    }
    rules::learn_templates(&mut world.templates, &body);
    if rule.key == rules::TEMPLATES {
        let values = templates::furnish(world, values);
        body.insert(rules::VALUES.to_owned(), Value::Array(values));
    }
    if insert_behind(world, tid, rule, id, body, assignments).is_some() {
        *report.loaded.entry(rule.key.to_owned()).or_default() += 1;
    }
}

/// An exported default takes the place and the id of the one that the tenant has had from its first
/// day: no tenant has two.
fn give_up_default(
    world: &mut World,
    tid: &str,
    rule: &CollectionRule,
    body: &Map<String, Value>,
) -> Option<String> {
    let kind = body.get("@odata.type")?.as_str()?.to_owned();
    if body.get("priority")?.as_i64() != Some(0) {
        return None;
    }
    let standing = world.tenant_mut(tid)?.objects.get_mut(rule.key)?;
    let same = |object: &Object| {
        rules::is_default(object)
            && object.body.get("@odata.type").and_then(Value::as_str) == Some(&kind)
    };
    let place = standing.iter().position(same)?;
    Some(standing.remove(place).id)
}

#[cfg(test)]
#[path = "loader_test.rs"]
mod loader_test;
