//! Arguments of the commands that need no API: profiles, completions, manual pages.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

use super::PrintingArguments;

/// Arguments of `login`.
#[derive(Args, Debug)]
pub(crate) struct LoginArguments {
    /// What to call the profile.
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) name: String,
    /// Base URL of the API.
    #[arg(long, value_name = "URL", default_value = crate::client::profile::LOCAL)]
    pub(crate) api_url: String,
    /// Workspace, by id or name (default: the token's own).
    #[arg(long, value_name = "WORKSPACE")]
    pub(crate) workspace: Option<String>,
    /// A file with the token (`-`, the default, reads standard input).
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) printing: PrintingArguments,
}

/// `profiles ...`
#[derive(Debug, Subcommand)]
pub(crate) enum ProfilesCommand {
    /// List them; tokens are not shown.
    List(PrintingArguments),
    /// Make one the current one.
    Use {
        /// The profile.
        profile: String,
    },
    /// Remove one with its token. The token itself goes on until it is revoked.
    Remove {
        /// The profile.
        profile: String,
    },
}

/// Arguments of `completions`.
#[derive(Args, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: Shell,
}

/// Arguments of `man`.
#[derive(Args, Debug)]
pub(crate) struct ManArguments {
    /// A folder: one page for each command. Without it the main page is printed.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
}
