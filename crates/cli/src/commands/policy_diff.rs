//! `promotionctl policies diff`: what changed between two captured versions of one policy.

use serde_json::{Value, json};
use similar::TextDiff;

use crate::arguments::resources::PolicyDiff;
use crate::arguments::{ClientArguments, Output};
use crate::client::http::{Http, escape};
use crate::client::workspace::{POLICY, Workspace, text};
use crate::ending::{Ending, Failure};
use crate::show;

/// Runs the command.
pub(crate) async fn policy_diff(
    arguments: &PolicyDiff,
    client: &ClientArguments,
) -> Result<Ending, Failure> {
    let workspace = Workspace::open(Http::connect(client)?, client).await?;
    let tenant = workspace.tenant_id(&arguments.of.tenant).await?;
    let list = format!("/tenants/{}/policies", escape(&tenant));
    let policy = workspace
        .find(&POLICY, &list, &[], &arguments.policy)
        .await?;
    let place = format!("{list}/{}", escape(&policy));
    let to = match &arguments.to {
        Some(version) => version.clone(),
        None => text(&workspace.get(&place).await?, "current_version_id").to_owned(),
    };
    if to.is_empty() {
        return Err(Failure::Usage(
            "the policy has no current version".to_owned(),
        ));
    }
    let version = |id: &str| format!("{place}/versions/{}", escape(id));
    let before = workspace.get(&version(&arguments.from)).await?;
    let after = workspace.get(&version(&to)).await?;
    let diff = unified(&before, &after)?;
    if client.output() == Output::Table {
        show::diff::print(&show::diff::unified(&diff))?;
    } else {
        let answer = json!({"policy_id": policy, "from": arguments.from, "to": to, "diff": diff});
        show::answer(client.output(), &answer, String::new)?;
    }
    Ok(Ending::Done)
}

/// What makes a version: its content and its assignments.
fn unified(before: &Value, after: &Value) -> Result<String, Failure> {
    let lines = |version: &Value| {
        serde_json::to_string_pretty(&json!({
            "content": version.get("content"),
            "assignments": version.get("assignments"),
        }))
    };
    let (old, new) = (lines(before)?, lines(after)?);
    Ok(TextDiff::from_lines(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(text(before, "id"), text(after, "id"))
        .to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_versions_differ_in_what_they_hold_and_not_in_when() -> Result<(), Failure> {
        let version = |id: &str, value: u64| json!({"id": id, "observed_at": id, "content": {"a": value, "b": 1}, "assignments": []});
        assert_eq!(unified(&version("1", 1), &version("2", 1))?, "");
        let diff = unified(&version("1", 1), &version("2", 2))?;
        assert!(diff.starts_with("--- 1\n+++ 2\n@@ "), "{diff}");
        assert!(diff.contains("-    \"a\": 1,\n+    \"a\": 2,\n"), "{diff}");
        Ok(())
    }
}
