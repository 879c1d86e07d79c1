//! `promotionctl login` and `profiles`: keeps where to go and as whom, so that it need not be said
//! each time. A token is tried before it is kept and shown never.

use serde_json::{Map, Value, json};

use crate::arguments::{LoginArguments, Output, ProfilesCommand};
use crate::client::http::Http;
use crate::client::profile::Profiles;
use crate::client::workspace::{WORKSPACE, text};
use crate::ending::{Ending, Failure};
use crate::show;
use crate::show::ask::secret;
use crate::show::table::Table;

/// Runs `login`.
pub(crate) async fn login(arguments: &LoginArguments) -> Result<Ending, Failure> {
    let mut profiles = Profiles::read()?;
    let token = secret("token", arguments.token_file.as_deref())?;
    let token = token.trim();
    let me = Http::new(&arguments.api_url, token)?.get("/v1/me").await?;
    let workspace = workspace_of(&me, arguments.workspace.as_deref())?;
    let profile = json!({
        "api_url": arguments.api_url.trim_end_matches('/'),
        "token": token,
        "workspace": workspace,
    });
    profiles.all.insert(arguments.name.clone(), profile);
    profiles.current = Some(arguments.name.clone());
    let file = profiles.write()?;
    let name = me.pointer("/user/display_name").and_then(Value::as_str);
    let answer = json!({
        "profile": arguments.name,
        "api_url": arguments.api_url,
        "user": name,
        "workspace": workspace,
        "file": file.display().to_string(),
    });
    show::answer(arguments.printing.output(), &answer, || {
        format!(
            "signed in as {}; profile {:?} is kept in {}",
            show::clean(name.unwrap_or_default()),
            arguments.name,
            file.display()
        )
    })?;
    Ok(Ending::Done)
}

/// The id of the workspace that was named, or of the only one; none where there are several.
fn workspace_of(me: &Value, named: Option<&str>) -> Result<Option<String>, Failure> {
    let workspaces = me.get("workspaces").and_then(Value::as_array);
    let workspaces = workspaces.ok_or(Failure::Incomplete("workspaces"))?;
    match (named, workspaces.as_slice()) {
        (Some(named), all) => {
            let known = all.iter().any(|workspace| text(workspace, "id") == named);
            if known {
                return Ok(Some(named.to_owned()));
            }
            WORKSPACE.choose(named, all).map(Some)
        }
        (None, [only]) => Ok(Some(text(only, "id").to_owned())),
        (None, _) => Ok(None),
    }
}

/// Runs `profiles`.
pub(crate) fn profiles(command: &ProfilesCommand) -> Result<Ending, Failure> {
    let mut profiles = Profiles::read()?;
    match command {
        ProfilesCommand::List(printing) => list(&profiles, printing.output())?,
        ProfilesCommand::Use { profile } => {
            profiles.get(profile)?;
            profiles.current = Some(profile.clone());
            profiles.write()?;
        }
        ProfilesCommand::Remove { profile } => {
            profiles.get(profile)?;
            profiles.all.remove(profile);
            profiles.current = profiles.current.filter(|current| current != profile);
            profiles.write()?;
        }
    }
    Ok(Ending::Done)
}

fn list(profiles: &Profiles, output: Output) -> Result<(), Failure> {
    let items: Vec<Value> = profiles
        .all
        .iter()
        .map(|(name, profile)| shown(name, profile, profiles.current.as_deref()))
        .collect();
    let answer = json!({"items": items});
    show::answer(output, &answer, || {
        let mut table = Table::new(&["current", "profile", "api", "workspace"]);
        for item in &items {
            let current = item.get("current") == Some(&Value::Bool(true));
            table.row([
                if current { "*" } else { "" }.to_owned(),
                text(item, "profile").to_owned(),
                text(item, "api_url").to_owned(),
                text(item, "workspace").to_owned(),
            ]);
        }
        if table.is_empty() {
            return "  none\n".to_owned();
        }
        table.render()
    })
}

/// A profile without its token.
fn shown(name: &str, profile: &Value, current: Option<&str>) -> Value {
    let mut shown = Map::new();
    shown.insert("profile".to_owned(), json!(name));
    shown.insert("current".to_owned(), json!(current == Some(name)));
    for member in ["api_url", "workspace"] {
        let value = profile.get(member).cloned().unwrap_or_default();
        shown.insert(member.to_owned(), value);
    }
    Value::Object(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_shown_without_its_token() {
        let profile =
            json!({"api_url": "https://a.example", "token": "pat_secret", "workspace": null});
        let shown = shown("a", &profile, Some("a"));
        assert!(!shown.to_string().contains("pat_secret"), "{shown}");
        assert_eq!(shown.get("current"), Some(&json!(true)));
    }

    #[test]
    fn the_only_workspace_needs_no_name() {
        let one = json!({"workspaces": [{"id": "1", "name": "A"}]});
        let two = json!({"workspaces": [{"id": "1", "name": "A"}, {"id": "2", "name": "B"}]});
        let of = |me: &Value, named| workspace_of(me, named).ok().flatten();
        assert_eq!(of(&one, None).as_deref(), Some("1"));
        assert_eq!(of(&two, None), None);
        assert_eq!(of(&two, Some("b")).as_deref(), Some("2"));
        assert_eq!(of(&two, Some("2")).as_deref(), Some("2"));
        assert!(workspace_of(&two, Some("C")).is_err());
    }
}
