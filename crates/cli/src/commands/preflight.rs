//! `promotionctl preflight`: what a promotion would write. Exit code 0 says that it was answered. With
//! `--detailed-exitcode` 2 says that an execute would change something, 3 that something is wanted
//! but held back or gated, 0 that nothing is to be done. `--out` keeps what was reviewed for
//! `execute --plan`.

use serde_json::Value;

use crate::arguments::PreflightArguments;
use crate::client::http::Http;
use crate::client::plan_file;
use crate::client::selection;
use crate::client::workspace::{Workspace, number, text};
use crate::commands::compare::answered;
use crate::ending::{Ending, Failure};
use crate::show;

/// Runs the command.
pub(crate) async fn preflight(arguments: &PreflightArguments) -> Result<Ending, Failure> {
    let (out, arguments) = (&arguments.out, &arguments.compare);
    selection::check(&arguments.selection)?;
    let http = Http::connect(&arguments.client)?.with_patience(arguments.timeout);
    let workspace = Workspace::open(http, &arguments.client).await?;
    let selection = selection::build(&workspace, &arguments.selection).await?;
    let answer = workspace
        .post("/cross-tenant-compare/preflight", &selection)
        .await?;
    if let Some(file) = out {
        let tenants = workspace.tenant_names().await?;
        plan_file::write(file, &selection, &answer, &tenants)?;
        show::note(&format!("the plan is in {}", file.display()));
    }
    show::answer(arguments.client.output(), &answer, || {
        let plan = text(&answer, "plan_digest");
        format!("{}  plan {plan}\n", show::preflight::render(&answer))
    })?;
    Ok(answered(arguments, ending_of(&answer)))
}

/// What a preflight says about an execute.
pub(crate) fn ending_of(preflight: &Value) -> Ending {
    if preflight.get("executable") == Some(&Value::Bool(true)) {
        return Ending::Differences;
    }
    // That nothing is ready is no obstacle where nothing is wanted.
    let gated = preflight
        .get("gates")
        .and_then(Value::as_array)
        .is_some_and(|gates| {
            gates
                .iter()
                .any(|gate| text(gate, "code") != "nothing_ready")
        });
    let held = number(preflight, "/summary/blocked")
        + number(preflight, "/summary/manual_mapping_required");
    if gated || held > 0 {
        return Ending::Blocked;
    }
    Ending::Done
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_exit_code_says_whether_an_execute_would_do_something() {
        let table = [
            (
                json!({"executable": true, "summary": {"ready": 1, "blocked": 1}}),
                Ending::Differences,
            ),
            (
                json!({"executable": false, "gates": [{"code": "nothing_ready"}],
                    "summary": {"unchanged": 4}}),
                Ending::Done,
            ),
            (
                json!({"executable": false, "summary": {"blocked": 1}}),
                Ending::Blocked,
            ),
            (
                json!({"executable": false, "gates": [{"code": "x"}], "summary": {"ready": 1}}),
                Ending::Blocked,
            ),
        ];
        for (preflight, ending) in table {
            assert_eq!(ending_of(&preflight), ending, "{preflight}");
        }
    }
}
