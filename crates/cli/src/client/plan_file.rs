//! The plan a preflight leaves for an execute: the selection, the digest and the reviewed revisions,
//! in one file that a person may read and a pipeline may pass on. It grants nothing: the API derives
//! the plan anew and refuses one that is no longer this one.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};

use crate::client::selection;
use crate::commands::execute::reviewed_subjects;
use crate::ending::Failure;
use crate::show::columns::TenantNames;

/// What the file says of itself.
const FORMAT: &str = "promotion-plan/1";

/// What an execute takes from a plan.
pub(crate) struct PlanFile {
    /// As it was asked for.
    pub(crate) selection: Value,
    /// `plan_digest` of the preflight.
    pub(crate) digest: String,
    /// The ready subjects' revisions.
    pub(crate) reviewed: Value,
    /// The preflight's sentence about what would be written.
    pub(crate) statement: String,
}

/// Writes the plan of a preflight, whole or not at all.
pub(crate) fn write(
    file: &Path,
    selection: &Value,
    preflight: &Value,
    tenants: &TenantNames,
) -> Result<(), Failure> {
    let name = |member: &str| {
        let id = selection.get(member).and_then(Value::as_str);
        id.and_then(|id| tenants.get(id))
    };
    let plan = json!({
        "format": FORMAT,
        "selection": selection,
        "plan_digest": preflight.get("plan_digest"),
        "reviewed": reviewed_subjects(preflight),
        "statement": preflight.pointer("/mutation_scope/statement"),
        "summary": preflight.get("summary"),
        "source": name("source_tenant_id"),
        "target": name("target_tenant_id"),
        "preflight": preflight,
    });
    let text = format!(
        "{}\n",
        crate::show::inert(&serde_json::to_string_pretty(&plan)?)
    );
    let failed = |error: std::io::Error| Failure::Usage(format!("{}: {error}", file.display()));
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut unfinished = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    unfinished.write_all(text.as_bytes()).map_err(failed)?;
    unfinished
        .persist(file)
        .map_err(|error| failed(error.error))?;
    Ok(())
}

/// Reads a plan; anything else is refused by name.
pub(crate) fn read(file: &Path) -> Result<PlanFile, Failure> {
    let mut plan = selection::read(file)?;
    let text = |name: &str| plan.get(name).and_then(Value::as_str).map(str::to_owned);
    let no_plan = || {
        Failure::Usage(format!(
            "{}: this is no plan; `promotionctl preflight --out FILE` writes one",
            file.display()
        ))
    };
    if text("format").as_deref() != Some(FORMAT) {
        return Err(no_plan());
    }
    let digest = text("plan_digest").ok_or_else(no_plan)?;
    let statement = text("statement").unwrap_or_default();
    let selection = plan.remove("selection").ok_or_else(no_plan)?;
    let reviewed = plan.remove("reviewed").ok_or_else(no_plan)?;
    Ok(PlanFile {
        selection,
        digest,
        reviewed,
        statement,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_and_nothing_else_is_a_plan() -> Result<(), Failure> {
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("plan.json");
        let selection = json!({"source_tenant_id": "s", "target_tenant_id": "t"});
        let preflight = json!({
            "plan_digest": "sha256:1",
            "mutation_scope": {"statement": "Create 1 policy in Fabrikam."},
            "subjects": [{"subject_key": "a", "readiness": "ready", "revision": "r1"}],
        });
        let tenants = TenantNames::from([("t".to_owned(), "Fabrikam".to_owned())]);
        write(&file, &selection, &preflight, &tenants)?;
        let plan = read(&file)?;
        assert_eq!(plan.selection, selection);
        assert_eq!(plan.digest, "sha256:1");
        assert_eq!(
            plan.reviewed,
            json!([{"subject_key": "a", "revision": "r1"}])
        );
        assert_eq!(plan.statement, "Create 1 policy in Fabrikam.");
        for other in [
            "[]",
            "{}",
            r#"{"plan_digest": "sha256:1"}"#,
            r#"{"format": "promotion-plan/1"}"#,
        ] {
            std::fs::write(&file, other)?;
            assert!(read(&file).is_err(), "{other}");
        }
        Ok(())
    }
}
