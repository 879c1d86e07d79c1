//! What every command that talks to the API takes: where the API is, and how the answer is printed.

use clap::{Args, Subcommand, ValueEnum};

/// Where the API is and who asks.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ClientArguments {
    /// Base URL of the API (default: PROMOTION_API_URL, or the profile's, or http://127.0.0.1:8080).
    #[arg(long, global = true, value_name = "URL", help_heading = "Connection")]
    pub(crate) api_url: Option<String>,
    /// A profile that `promotionctl login` made; goes before the environment.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Connection")]
    pub(crate) profile: Option<String>,
    /// Workspace, by id or name (default: PROMOTION_WORKSPACE, or the profile's, or the token's own).
    #[arg(
        long,
        global = true,
        value_name = "WORKSPACE",
        help_heading = "Connection"
    )]
    pub(crate) workspace: Option<String>,
    #[command(flatten)]
    pub(crate) printing: PrintingArguments,
}

impl ClientArguments {
    /// How the answer is printed.
    pub(crate) fn output(&self) -> Output {
        self.printing.output()
    }
}

/// How the answer is printed.
#[derive(Args, Clone, Copy, Debug, Default)]
pub(crate) struct PrintingArguments {
    /// How to print the answer.
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORM",
        help_heading = "Output"
    )]
    pub(crate) output: Option<Output>,
    /// The same as --output json: the API's JSON.
    #[arg(
        long,
        global = true,
        conflicts_with = "output",
        help_heading = "Output"
    )]
    pub(crate) json: bool,
}

impl PrintingArguments {
    /// `--json` is the older word for `--output json`.
    pub(crate) fn output(self) -> Output {
        match (self.output, self.json) {
            (Some(output), _) => output,
            (None, true) => Output::Json,
            (None, false) => Output::Table,
        }
    }
}

/// The forms of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// For people, as wide as the terminal.
    #[default]
    Table,
    /// The API's JSON.
    Json,
    /// The same as YAML.
    Yaml,
    /// One line of JSON for each item of a list.
    Ndjson,
}

/// A group of commands, `tenants list` and its like.
#[derive(Args, Debug)]
pub(crate) struct Group<C: Subcommand> {
    #[command(flatten)]
    pub(crate) client: ClientArguments,
    #[command(subcommand)]
    pub(crate) command: C,
}
