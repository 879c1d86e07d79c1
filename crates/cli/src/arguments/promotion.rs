//! Arguments of the commands that compare and promote: what to promote, and how to wait for it.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::client::ClientArguments;
use super::{ConditionalAccessState, FeatureUpdateRollout, Landing, duration};

/// Arguments of `sync`.
#[derive(Args, Debug)]
pub(crate) struct SyncArguments {
    /// The tenant, by id or display name.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: String,
    /// Only these policy types.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    #[command(flatten)]
    pub(crate) waiting: WaitingArguments,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
}

/// What to promote.
#[derive(Args, Debug, Default)]
pub(crate) struct SelectionArguments {
    /// Source tenant, by id or display name.
    #[arg(long, value_name = "TENANT")]
    pub(crate) source: Option<String>,
    /// Target tenant, by id or display name.
    #[arg(long, value_name = "TENANT")]
    pub(crate) target: Option<String>,
    /// Only these policy types.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// A file with the whole selection as JSON (`-` reads standard input); arguments win over it.
    #[arg(long, value_name = "FILE")]
    pub(crate) selection: Option<PathBuf>,
    /// Use this object of the target for that of the source, by name or reference id; again for
    /// each. The kind is one that `references list` shows, or `literal` for a text. A name with an
    /// equals sign stands in double quotes.
    #[arg(long, value_name = "KIND:SOURCE=TARGET")]
    pub(crate) map: Vec<String>,
    /// Promote this policy onto that one, whatever their names are, by name or policy id; again for
    /// each.
    #[arg(long, value_name = "SOURCE=TARGET")]
    pub(crate) pair: Vec<String>,
    /// Any option of the selection, for example assignments=map; again for each.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(crate) option: Vec<String>,
    /// Whether assignments are carried over.
    #[arg(long, value_name = "CHOICE")]
    pub(crate) assignments: Option<Landing>,
    /// Whether scope tags are carried over.
    #[arg(long, value_name = "CHOICE")]
    pub(crate) scope_tags: Option<Landing>,
    /// The state Conditional Access policies land in.
    #[arg(long, value_name = "STATE")]
    pub(crate) conditional_access_state: Option<ConditionalAccessState>,
    /// What becomes of the rollout dates of a feature update that Graph would not take.
    #[arg(long, value_name = "CHOICE")]
    pub(crate) feature_update_rollout: Option<FeatureUpdateRollout>,
}

/// Arguments of `compare` and `preflight`.
#[derive(Args, Debug)]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// Let the exit code tell what was found: 0 nothing to do, 2 differences or changes, 3 blocked.
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Accepted for the sake of scripts that pass it everywhere; there is no run to wait for.
    #[arg(long, hide = true)]
    pub(crate) wait: bool,
    /// The longest time to wait for an answer.
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Accepted for the sake of scripts that pass it everywhere; there is nothing to confirm.
    #[arg(long, hide = true)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
}

/// Arguments of `diff`.
#[derive(Args, Debug)]
pub(crate) struct DiffArguments {
    /// The subject, by its key or by the policy's name.
    #[arg(value_name = "SUBJECT")]
    pub(crate) subject: String,
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
}

/// Arguments of `preflight`.
#[derive(Args, Debug)]
pub(crate) struct PreflightArguments {
    #[command(flatten)]
    pub(crate) compare: CompareArguments,
    /// Write the reviewed plan to a file, for `execute --plan`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Arguments of `execute`.
#[derive(Args, Debug)]
pub(crate) struct ExecuteArguments {
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// The file that `preflight --out` wrote: selection, digest and what was reviewed.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["plan_digest", "source", "target", "types",
        "selection", "map", "pair", "option", "assignments", "scope_tags", "conditional_access_state",
        "feature_update_rollout"])]
    pub(crate) plan: Option<PathBuf>,
    /// The plan that was reviewed; without it a preflight is shown first.
    #[arg(long, value_name = "DIGEST")]
    pub(crate) plan_digest: Option<String>,
    /// Do not ask.
    #[arg(long)]
    pub(crate) yes: bool,
    /// Names this start, so that repeating the command never starts a second run.
    #[arg(long, value_name = "KEY")]
    pub(crate) idempotency_key: Option<String>,
    #[command(flatten)]
    pub(crate) waiting: WaitingArguments,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
}

/// Arguments of `report`.
#[derive(Args, Debug)]
pub(crate) struct ReportArguments {
    /// The run to report, with the result and the Graph request ids of every subject.
    #[arg(long, value_name = "RUN", required_unless_present = "preflight")]
    pub(crate) run: Option<String>,
    /// The file that `preflight --out` wrote: what was reviewed. Needs no API.
    #[arg(long, value_name = "PLANFILE", conflicts_with = "run")]
    pub(crate) preflight: Option<PathBuf>,
    /// Markdown, or one HTML file that loads nothing.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "markdown")]
    pub(crate) format: ReportForm,
    /// Write to a file in place of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) client: ClientArguments,
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportForm {
    /// Markdown.
    Markdown,
    /// HTML.
    Html,
}

/// Whether and how long to wait for a run.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct WaitingArguments {
    /// Wait until the run has ended.
    #[arg(long)]
    pub(crate) wait: bool,
    /// The longest time to wait, for example 90s, 10m or 2h.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) timeout: Duration,
}
