//! Loads folders of exports as they are found in the wild.

use std::path::Path;

use serde::Serialize;

use crate::state::World;

/// Why a folder could not be loaded at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The folder could not be read.
    #[error("folder {path} could not be read")]
    Folder {
        /// The folder.
        path: String,
        /// What went wrong.
        #[source]
        source: std::io::Error,
    },
}

/// What a load did and could not do.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct LoadReport {
    pub files: usize,
}

pub(crate) fn load(_: &mut World, _: &str, _: &Path, _: &[String]) -> Result<(), LoadError> {
    Ok(())
}
