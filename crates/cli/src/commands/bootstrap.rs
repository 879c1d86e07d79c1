//! `promotionctl bootstrap`: a workspace, its owner and a first token, once per name.

use serde_json::json;

use crate::arguments::BootstrapArguments;
use crate::ending::{Ending, Failure};
use crate::environment;
use crate::show;

/// Runs the command.
pub(crate) fn bootstrap(arguments: &BootstrapArguments) -> Result<Ending, Failure> {
    let url = environment::database_url()?;
    let master_key = environment::required(environment::MASTER_KEY)?;
    let (name, owner) = (arguments.workspace.trim(), arguments.owner.trim());
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(Failure::Usage(
            "--workspace needs a name without control characters".to_owned(),
        ));
    }
    if !looks_like_email(owner) {
        return Err(Failure::Usage("--owner needs an email address".to_owned()));
    }
    let made =
        store::bootstrap::bootstrap(&url, &master_key, name, owner).map_err(
            |error| match error {
                store::StoreError::AlreadyExists { .. } => {
                    Failure::Usage(format!("a workspace named {name:?} exists already"))
                }
                store::StoreError::Key(error) => Failure::Environment {
                    name: environment::MASTER_KEY,
                    why: error.to_string(),
                },
                error => Failure::Store(error),
            },
        )?;
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
    let plain = !text.chars().any(|c| c.is_control() || c.is_whitespace());
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
