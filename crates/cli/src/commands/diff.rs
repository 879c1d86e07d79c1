//! `promotionctl diff`: how one policy differs between two tenants, scripts line by line.

use serde_json::{Value, json};

use crate::arguments::DiffArguments;
use crate::client::http::Http;
use crate::client::selection;
use crate::client::workspace::{SUBJECT, Workspace};
use crate::ending::{Ending, Failure};
use crate::show;

/// Runs the command.
pub(crate) async fn diff(arguments: &DiffArguments) -> Result<Ending, Failure> {
    selection::check(&arguments.selection)?;
    let http = Http::connect(&arguments.client)?;
    let workspace = Workspace::open(http, &arguments.client).await?;
    let mut selection = selection::build(&workspace, &arguments.selection).await?;
    let key = subject_key(&workspace, &selection, &arguments.subject).await?;
    if let Value::Object(members) = &mut selection {
        members.insert("subject_key".to_owned(), json!(key));
    }
    let tail = "/cross-tenant-compare/diff";
    let answer = workspace.post(tail, &selection).await?;
    if arguments.client.output() == crate::arguments::Output::Table {
        show::diff::print(&show::diff::changes(&answer))?;
    } else {
        show::answer(arguments.client.output(), &answer, String::new)?;
    }
    Ok(Ending::Done)
}

/// The key of the one subject that has it, or whose policy has this name.
async fn subject_key(
    workspace: &Workspace,
    selection: &Value,
    named: &str,
) -> Result<String, Failure> {
    let compare = workspace.post("/cross-tenant-compare", selection).await?;
    let subjects = compare.get("subjects").and_then(Value::as_array);
    let subjects = subjects.ok_or(Failure::Incomplete("subjects"))?;
    let of_key = |subject: &&Value| subject.get(SUBJECT.id).is_some_and(|key| key == named);
    if subjects.iter().any(|subject| of_key(&subject)) {
        return Ok(named.to_owned());
    }
    SUBJECT.choose(named, subjects)
}
