//! `promotionctl migrate`: brings the schema up to date, ours and the queue's, and makes the database
//! roles when asked to. `--check` and `--dry-run` change nothing.

use store::roles::{self, Passwords};

use crate::arguments::MigrateArguments;
use crate::ending::{Ending, Failure};
use crate::environment;
use crate::show;

/// Runs the command.
pub(crate) fn migrate(arguments: MigrateArguments) -> Result<Ending, Failure> {
    let url = environment::database_url()?;
    if arguments.check {
        return check(&url);
    }
    let passwords = passwords()?;
    if arguments.dry_run {
        return dry_run(&url, arguments.roles, &passwords);
    }
    let migrated = if arguments.roles {
        store::migrate::migrate_with_roles(&url, &passwords)?
    } else {
        store::migrate::migrate(&url)?
    };
    for version in &migrated.applied {
        show::note(&format!("applied {version}"));
    }
    show::note("the database schema is up to date");
    if arguments.roles {
        show::note("promotion_owner, promotion_api and promotion_worker have their rights");
    }
    Ok(Ending::Done)
}

fn check(url: &str) -> Result<Ending, Failure> {
    let found = store::migrate::check(url)?;
    let mut missing: Vec<String> = found.pending;
    if !found.queue_is_current {
        missing.push("the queue's tables".to_owned());
    }
    if missing.is_empty() {
        show::data("the database schema is up to date")?;
        return Ok(Ending::Done);
    }
    for version in &missing {
        show::data(&format!("missing {version}"))?;
    }
    show::note(
        "promotionctl: the database schema is behind this version; run promotionctl migrate",
    );
    Ok(Ending::Error)
}

fn dry_run(url: &str, with_roles: bool, passwords: &Passwords) -> Result<Ending, Failure> {
    for version in store::migrate::check(url)?.pending {
        show::data(&format!("-- would apply migration {version}"))?;
    }
    if with_roles {
        show::data(&roles::set_up_sql(passwords))?;
    }
    Ok(Ending::Done)
}

/// Passwords come from the environment, as arguments would be seen by everybody on the machine.
fn passwords() -> Result<Passwords, Failure> {
    let mut found = [None, None, None];
    for (place, name) in found.iter_mut().zip(environment::ROLE_PASSWORDS) {
        *place = environment::optional(name)?;
        // What PostgreSQL would do to other characters first (SASLprep) is not done here.
        let plain = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic());
        if place.as_ref().is_some_and(|text| !plain(text)) {
            return Err(Failure::Environment {
                name,
                why: "must be of visible ASCII characters".to_owned(),
            });
        }
    }
    Ok(Passwords(found))
}
