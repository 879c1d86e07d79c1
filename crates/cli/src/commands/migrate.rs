//! `promotionctl migrate`: brings the schema up to date, ours and the queue's.

use crate::ending::{Ending, Failure};
use crate::environment;
use crate::show;

/// Runs the command.
pub(crate) fn migrate() -> Result<Ending, Failure> {
    let url = environment::database_url()?;
    let migrated = store::migrate::migrate(&url)?;
    for version in &migrated.applied {
        show::note(&format!("applied {version}"));
    }
    show::note("the database schema is up to date");
    Ok(Ending::Done)
}
