//! Profiles: an API, a token and a workspace under a name, in a file that only its owner can read.
//! Decides which of arguments, profile and environment counts. A token goes only where it belongs:
//! that of a profile never to an address that somebody else chose, that of the environment never to
//! a profile's.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::arguments::ClientArguments;
use crate::client::workspace::text;
use crate::ending::Failure;
use crate::environment;

/// The API of a development machine.
pub(crate) const LOCAL: &str = "http://127.0.0.1:8080";

/// Where a command goes, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Base URL of the API.
    pub(crate) api_url: String,
    /// Bearer token.
    pub(crate) token: String,
    /// Workspace, by id or name.
    pub(crate) workspace: Option<String>,
}

/// What the environment says.
#[derive(Clone, Debug, Default)]
struct Surroundings {
    api_url: Option<String>,
    token: Option<String>,
    workspace: Option<String>,
}

/// Where this command goes.
pub(crate) fn place(client: &ClientArguments) -> Result<Place, Failure> {
    let surroundings = Surroundings {
        api_url: environment::optional(environment::API_URL)?,
        token: environment::optional(environment::TOKEN)?,
        workspace: environment::optional(environment::WORKSPACE)?,
    };
    // What the environment settles needs no file.
    let profiles = if client.profile.is_none() && surroundings.token.is_some() {
        Profiles::default()
    } else {
        Profiles::read()?
    };
    choose(client, &surroundings, &profiles)
}

fn choose(
    client: &ClientArguments,
    surroundings: &Surroundings,
    profiles: &Profiles,
) -> Result<Place, Failure> {
    let profile = match &client.profile {
        Some(name) => Some((name, profiles.get(name)?)),
        None if surroundings.token.is_some() => None,
        None => match &profiles.current {
            Some(name) => Some((name, profiles.get(name)?)),
            None => None,
        },
    };
    let Some((name, profile)) = profile else {
        let token = surroundings.token.clone().ok_or(Failure::Environment {
            name: environment::TOKEN,
            why: "is not set, and there is no profile; `promotionctl login` makes one".to_owned(),
        })?;
        let url = client.api_url.as_ref().or(surroundings.api_url.as_ref());
        return Ok(Place {
            api_url: url.map_or_else(|| LOCAL.to_owned(), Clone::clone),
            token,
            workspace: client
                .workspace
                .clone()
                .or_else(|| surroundings.workspace.clone()),
        });
    };
    // A profile that was named counts before the environment, one that merely is current after it.
    let named = client.profile.is_some();
    let around = |value: &Option<String>| if named { None } else { value.clone() };
    let own = text(profile, "api_url");
    let other = client
        .api_url
        .clone()
        .or_else(|| around(&surroundings.api_url));
    if other.is_some_and(|other| other.trim_end_matches('/') != own.trim_end_matches('/')) {
        return Err(Failure::Usage(format!(
            "the token of profile {name:?} belongs to {own} and is sent nowhere else; \
             set {} for another API",
            environment::TOKEN
        )));
    }
    let saved = Some(text(profile, "workspace")).filter(|workspace| !workspace.is_empty());
    Ok(Place {
        api_url: own.to_owned(),
        token: text(profile, "token").to_owned(),
        workspace: client
            .workspace
            .clone()
            .or_else(|| around(&surroundings.workspace))
            .or_else(|| saved.map(str::to_owned)),
    })
}

/// The profiles of a person.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profiles {
    /// The one that counts where none is named.
    pub(crate) current: Option<String>,
    /// By name.
    pub(crate) all: Map<String, Value>,
}

impl Profiles {
    /// Those in the file; none where there is no file.
    pub(crate) fn read() -> Result<Self, Failure> {
        match environment::config_file()? {
            Some(file) => Self::read_from(&file),
            None => Ok(Self::default()),
        }
    }

    fn read_from(file: &Path) -> Result<Self, Failure> {
        let written = match std::fs::read_to_string(file) {
            Ok(written) => written,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(wrong(file, &error.to_string())),
        };
        refuse_open_doors(file)?;
        let value: Value = serde_yaml_ng::from_str(&written)
            .map_err(|_| wrong(file, "this is not a file of `promotionctl login`"))?;
        let all = value.get("profiles").and_then(Value::as_object).cloned();
        Ok(Self {
            current: value
                .get("current")
                .and_then(Value::as_str)
                .map(str::to_owned),
            all: all.unwrap_or_default(),
        })
    }

    /// Writes them, whole or not at all; the file's path.
    pub(crate) fn write(&self) -> Result<PathBuf, Failure> {
        let file = environment::config_file()?.ok_or(Failure::Environment {
            name: environment::CONFIG_FILE,
            why: "is not set, and there is no home folder".to_owned(),
        })?;
        self.write_to(&file)?;
        Ok(file)
    }

    fn write_to(&self, file: &Path) -> Result<(), Failure> {
        let failed = |error: std::io::Error| wrong(file, &error.to_string());
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        std::fs::create_dir_all(folder).map_err(failed)?;
        let value = json!({"current": self.current, "profiles": self.all});
        // Made readable by its owner alone from the first byte.
        let mut unfinished = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        unfinished
            .write_all(serde_yaml_ng::to_string(&value)?.as_bytes())
            .map_err(failed)?;
        unfinished
            .persist(file)
            .map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Result<&Value, Failure> {
        self.all.get(name).ok_or_else(|| {
            Failure::Usage(format!(
                "there is no profile {name:?}; `promotionctl profiles list` shows those there are"
            ))
        })
    }
}

fn wrong(file: &Path, why: &str) -> Failure {
    Failure::Usage(format!("{}: {why}", file.display()))
}

/// A file of tokens that others can read is refused, as ssh does with its keys.
#[cfg(unix)]
fn refuse_open_doors(file: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(file)?.permissions().mode();
    let of_others = 0o077;
    if mode & of_others == 0 {
        return Ok(());
    }
    Err(wrong(
        file,
        "others can read this file of tokens; make it yours alone with chmod 600",
    ))
}

#[cfg(not(unix))]
fn refuse_open_doors(_file: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profiles() -> Profiles {
        let profile = |url: &str| json!({"api_url": url, "token": "pat_p", "workspace": "W"});
        let mut all = Map::new();
        all.insert("one".to_owned(), profile("https://one.example"));
        all.insert("two".to_owned(), profile("https://two.example/"));
        Profiles {
            current: Some("one".to_owned()),
            all,
        }
    }

    fn chosen(
        url: Option<&str>,
        profile: Option<&str>,
        around: [Option<&str>; 3],
    ) -> Option<[String; 3]> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let client = ClientArguments {
            api_url: owned(url),
            profile: owned(profile),
            ..ClientArguments::default()
        };
        let [api_url, token, workspace] = around.map(owned);
        let surroundings = Surroundings {
            api_url,
            token,
            workspace,
        };
        let place = choose(&client, &surroundings, &profiles()).ok()?;
        Some([
            place.api_url,
            place.token,
            place.workspace.unwrap_or_default(),
        ])
    }

    #[test]
    fn a_token_goes_only_where_it_belongs() {
        let is = |place: [&str; 3]| Some(place.map(str::to_owned));
        let (one, two) = (Some("https://one.example"), Some("https://two.example"));
        let none = [None; 3];
        // The current profile, where nothing else is said.
        assert_eq!(
            chosen(None, None, none),
            is(["https://one.example", "pat_p", "W"])
        );
        assert_eq!(
            chosen(one, None, none),
            is(["https://one.example", "pat_p", "W"])
        );
        assert_eq!(
            chosen(None, None, [None, None, Some("V")]),
            is(["https://one.example", "pat_p", "V"])
        );
        // Its token goes to no other address.
        assert_eq!(chosen(two, None, none), None);
        assert_eq!(chosen(None, None, [two, None, None]), None);
        assert_eq!(chosen(two, Some("one"), none), None);
        // The environment's token never goes to a profile's address.
        assert_eq!(
            chosen(None, None, [None, Some("pat_e"), None]),
            is([LOCAL, "pat_e", ""])
        );
        assert_eq!(
            chosen(two, None, [one, Some("pat_e"), None]),
            is(["https://two.example", "pat_e", ""])
        );
        // A profile that is named counts before the environment.
        let all = [one, Some("pat_e"), Some("V")];
        assert_eq!(
            chosen(None, Some("two"), all),
            is(["https://two.example/", "pat_p", "W"])
        );
        assert_eq!(
            chosen(two, Some("two"), all),
            is(["https://two.example/", "pat_p", "W"])
        );
        assert_eq!(chosen(None, Some("three"), all), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_its_owners_alone() -> Result<(), Failure> {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir()?;
        let file = folder.path().join("new/config.yaml");
        profiles().write_to(&file)?;
        assert_eq!(
            std::fs::metadata(&file)?.permissions().mode() & 0o777,
            0o600
        );
        let read = Profiles::read_from(&file)?;
        assert_eq!(
            (read.current, read.all),
            (profiles().current, profiles().all)
        );
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644))?;
        assert!(Profiles::read_from(&file).is_err());
        assert!(
            Profiles::read_from(&folder.path().join("none"))?
                .all
                .is_empty()
        );
        Ok(())
    }
}
