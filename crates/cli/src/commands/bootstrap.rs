//! `promotionctl bootstrap`: a workspace, its owner and a first token, once per name; with `--recover`
//! a new token for an owner who lost theirs.

use domain::label;
use serde_json::json;
use store::StoreError;

use crate::arguments::BootstrapArguments;
use crate::ending::{Ending, Failure};
use crate::environment;
use crate::show;

/// Runs the command.
pub(crate) fn bootstrap(arguments: &BootstrapArguments) -> Result<Ending, Failure> {
    let url = environment::database_url()?;
    let master_key = environment::required(environment::MASTER_KEY)?;
    let name = label::normalise(&arguments.workspace);
    if name.is_empty() || label::is_deceptive(&name) {
        return Err(Failure::Usage(
            "--workspace needs a name without control, direction or zero-width characters"
                .to_owned(),
        ));
    }
    let owner = arguments.owner.as_deref().map(label::normalise);
    if owner
        .as_deref()
        .is_some_and(|owner| !looks_like_email(owner))
    {
        return Err(Failure::Usage("--owner needs an email address".to_owned()));
    }
    let made = match (arguments.recover, owner.as_deref()) {
        (true, owner) => store::bootstrap::recover(&url, &master_key, &name, owner),
        (false, Some(owner)) => store::bootstrap::bootstrap(&url, &master_key, &name, owner),
        (false, None) => return Err(Failure::Usage("--owner is needed".to_owned())),
    };
    let made = made.map_err(|error| match error {
        StoreError::AlreadyExists { .. } => {
            Failure::Usage(format!("a workspace named {name:?} exists already"))
        }
        StoreError::NotFound("workspace") => {
            Failure::Usage(format!("no workspace is named {name:?}"))
        }
        StoreError::NotFound("owner") => {
            Failure::Usage("no owner of the workspace has this address".to_owned())
        }
        StoreError::Conflict(_) if arguments.recover => {
            Failure::Usage("the workspace has several owners; name one with --owner".to_owned())
        }
        StoreError::Key(error) => Failure::Environment {
            name: environment::MASTER_KEY,
            why: error.to_string(),
        },
        error => Failure::Store(error),
    })?;
    if arguments.json {
        show::json(&json!({
            "workspace_id": made.workspace_id,
            "user_id": made.user_id,
            "token": made.token,
        }))?;
        return Ok(Ending::Done);
    }
    show::data(&format!(
        "workspace {}\nuser      {}\ntoken     {}",
        made.workspace_id, made.user_id, made.token
    ))?;
    show::note("the token is shown only now");
    Ok(Ending::Done)
}

/// Enough to catch swapped arguments; the mailbox itself is nobody's business here.
fn looks_like_email(text: &str) -> bool {
    let plain = !label::is_deceptive(text) && !text.contains(char::is_whitespace);
    let parts = text.split_once('@');
    plain && parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_an_email_address() {
        assert!(looks_like_email("owner@example.com"));
        for wrong in ["", "owner", "@example.com", "owner@", "a b@c"] {
            assert!(!looks_like_email(wrong), "{wrong}");
        }
    }
}
