//! `promotionctl compare`: what differs between two tenants. Exit code 0 says that it was answered.
//! With `--detailed-exitcode` it says that nothing differs, 2 that something does, 3 that a tenant
//! was never captured so that nobody can say.

use serde_json::Value;

use crate::arguments::CompareArguments;
use crate::client::http::Http;
use crate::client::selection;
use crate::client::workspace::{Workspace, number};
use crate::ending::{Ending, Failure};
use crate::show;

/// Runs the command.
pub(crate) async fn compare(arguments: &CompareArguments) -> Result<Ending, Failure> {
    selection::check(&arguments.selection)?;
    let http = Http::connect(&arguments.client)?.with_patience(arguments.timeout);
    let workspace = Workspace::open(http, &arguments.client).await?;
    let selection = selection::build(&workspace, &arguments.selection).await?;
    let answer = workspace.post("/cross-tenant-compare", &selection).await?;
    show::answer(arguments.client.output(), &answer, || {
        show::compare::render(&answer)
    })?;
    show::note(&show::compare::summary(&answer));
    let ending = ending_of(&answer);
    if ending == Ending::Blocked {
        show::note("a tenant was never captured: run `promotionctl sync` for it first");
    }
    Ok(answered(arguments, ending))
}

/// The exit code of a question that was answered: what the answer says, only where that is asked for.
pub(crate) fn answered(arguments: &CompareArguments, ending: Ending) -> Ending {
    if arguments.detailed_exitcode {
        ending
    } else {
        Ending::Done
    }
}

fn ending_of(compare: &Value) -> Ending {
    let never_synced = ["source", "target"].iter().any(|side| {
        compare
            .pointer(&format!("/{side}/inventory/status"))
            .is_some_and(|status| status == "never_synced")
    });
    if never_synced {
        return Ending::Blocked;
    }
    if number(compare, "/summary/total") == number(compare, "/summary/match") {
        return Ending::Done;
    }
    Ending::Differences
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_full_match_of_captured_tenants_is_no_difference() {
        let compare = |status: &str, total: u64, matching: u64| {
            json!({"source": {"inventory": {"status": "complete"}},
                "target": {"inventory": {"status": status}},
                "summary": {"total": total, "match": matching}})
        };
        assert_eq!(ending_of(&compare("complete", 3, 3)), Ending::Done);
        assert_eq!(ending_of(&compare("complete", 3, 2)), Ending::Differences);
        assert_eq!(ending_of(&compare("never_synced", 0, 0)), Ending::Blocked);
    }
}
