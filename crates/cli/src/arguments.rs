//! The command line as clap understands it. Says what can be asked for; checks nothing that only
//! the API can know.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Promotes Microsoft Intune and Conditional Access policies between tenants.
///
/// Client commands read PROMOTION_API_URL, PROMOTION_TOKEN and PROMOTION_WORKSPACE; migrate,
/// bootstrap, audit and keys work on the database (DATABASE_URL, PROMOTION_MASTER_KEY).
///
/// Exit codes: 0 done (compare and preflight: answered), 1 error, 2 differences or changes present
/// (only with --detailed-exitcode), 3 blocked or stale, 4 scope busy, 5 timed out while the run goes
/// on, 6 denied, 7 run ended other than succeeded.
#[derive(Debug, Parser)]
#[command(name = "promotionctl", version)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Arguments {
    /// Whether the command was asked for JSON, so that a refusal too is printed as JSON.
    pub(crate) fn json(&self) -> bool {
        match &self.command {
            Command::Bootstrap(arguments) => arguments.json,
            Command::Demo(arguments) => arguments.json,
            Command::Sync(arguments) => arguments.waiting.json,
            Command::Compare(arguments) => arguments.json,
            Command::Preflight(arguments) => arguments.compare.json,
            Command::Execute(arguments) => arguments.waiting.json,
            Command::Runs(command) => command.json(),
            Command::Migrate | Command::Keys(_) | Command::Audit(_) | Command::Process(_) => false,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create or update the database schema, ours and the queue's; safe to run at any time.
    Migrate,
    /// Make a workspace, its owner and a first API token.
    Bootstrap(BootstrapArguments),
    /// Keys: print what the API needs, or re-seal credentials under a new master key.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Verify or export the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Watch a whole promotion: database, simulated Microsoft Graph, API and worker in one command.
    Demo(DemoArguments),
    /// Capture a tenant's inventory.
    Sync(SyncArguments),
    /// Compare two tenants.
    Compare(CompareArguments),
    /// Say what a promotion would do, and what holds the rest back.
    Preflight(PreflightArguments),
    /// Start a promotion.
    Execute(ExecuteArguments),
    /// Look at operation runs.
    #[command(subcommand)]
    Runs(RunsCommand),
    /// One of the product's processes, for the demo.
    #[command(name = "__process", hide = true)]
    Process(ProcessArguments),
}

/// Arguments of `bootstrap`.
#[derive(Args, Debug)]
pub(crate) struct BootstrapArguments {
    /// Name of the new workspace.
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace: String,
    /// Email of its owner.
    #[arg(long, value_name = "EMAIL")]
    pub(crate) owner: String,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `keys ...`
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Print PROMOTION_SEALING_KEY and PROMOTION_AUDIT_KEY, derived from PROMOTION_MASTER_KEY.
    Api,
    /// Make a new master key.
    Generate,
    /// Re-seal every credential from PROMOTION_PREVIOUS_MASTER_KEY to PROMOTION_MASTER_KEY.
    Rotate,
}

/// `audit ...`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no audit entry was changed, removed, inserted or moved.
    Verify {
        /// Workspace, by id or name; all of them without it.
        #[arg(long, value_name = "WORKSPACE")]
        workspace: Option<String>,
        /// The chain head of an earlier export: proves that the log was not cut since.
        #[arg(long, value_name = "HEAD", requires = "workspace")]
        expected_head: Option<String>,
        /// How many entries after a change of the master key may still be of the earlier one
        /// (`PROMOTION_PREVIOUS_MASTER_KEY`): processes restarted one by one leave a few.
        #[arg(long, value_name = "N", default_value_t = 0)]
        overlap_entries: u32,
    },
    /// Print the audit log as JSON Lines, the chain head last.
    Export {
        /// Workspace, by id or name; all of them without it.
        #[arg(long, value_name = "WORKSPACE")]
        workspace: Option<String>,
    },
}

/// Arguments of `demo`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArguments {
    /// Leave everything running until ctrl-c.
    #[arg(long)]
    pub(crate) keep: bool,
    /// A folder of real exports to use as the source tenant.
    #[arg(long, value_name = "DIR")]
    pub(crate) source_export: Option<PathBuf>,
    /// A folder of real exports to use as the target tenant.
    #[arg(long, value_name = "DIR")]
    pub(crate) target_export: Option<PathBuf>,
    /// Print a report as JSON at the end; the story goes to standard error.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Arguments of `sync`.
#[derive(Args, Debug)]
pub(crate) struct SyncArguments {
    /// The tenant, by id or display name.
    #[arg(long, value_name = "TENANT")]
    pub(crate) tenant: String,
    /// Only these policy types.
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    pub(crate) types: Vec<String>,
    /// Workspace, by id or name (default: PROMOTION_WORKSPACE, or the token's own).
    #[arg(long, value_name = "WORKSPACE")]
    pub(crate) workspace: Option<String>,
    #[command(flatten)]
    pub(crate) waiting: WaitingArguments,
}

/// What to promote.
#[derive(Args, Debug)]
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
    /// Whether assignments are carried over.
    #[arg(long, value_name = "CHOICE")]
    pub(crate) assignments: Option<Landing>,
    /// Whether scope tags are carried over.
    #[arg(long, value_name = "CHOICE")]
    pub(crate) scope_tags: Option<Landing>,
    /// The state Conditional Access policies land in.
    #[arg(long, value_name = "STATE")]
    pub(crate) conditional_access_state: Option<ConditionalAccessState>,
    /// Workspace, by id or name (default: PROMOTION_WORKSPACE, or the token's own).
    #[arg(long, value_name = "WORKSPACE")]
    pub(crate) workspace: Option<String>,
}

/// `keep_target` or `map`.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Landing {
    /// The target keeps what it has.
    KeepTarget,
    /// The source's, in the target's terms.
    Map,
}

impl Landing {
    /// As on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::KeepTarget => "keep_target",
            Self::Map => "map",
        }
    }
}

/// The state Conditional Access policies land in.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum ConditionalAccessState {
    /// Evaluated and reported, never enforced.
    ReportOnly,
    /// Off.
    Disabled,
    /// As in the source.
    AsSource,
}

impl ConditionalAccessState {
    /// As on the wire.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::ReportOnly => "report_only",
            Self::Disabled => "disabled",
            Self::AsSource => "as_source",
        }
    }
}

/// Arguments of `compare` and `preflight`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct CompareArguments {
    #[command(flatten)]
    pub(crate) selection: SelectionArguments,
    /// Print the API's JSON.
    #[arg(long)]
    pub(crate) json: bool,
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
        "selection", "assignments", "scope_tags", "conditional_access_state"])]
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
}

/// Whether and how long to wait for a run.
#[derive(Args, Debug)]
pub(crate) struct WaitingArguments {
    /// Wait until the run has ended.
    #[arg(long)]
    pub(crate) wait: bool,
    /// The longest time to wait, for example 90s, 10m or 2h.
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Print the API's JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `runs ...`
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, newest first.
    List {
        /// Only runs of this operation type, for example promotion.execute.
        #[arg(long = "type", value_name = "TYPE")]
        operation_type: Option<String>,
        /// Only runs in this status: queued, running or completed.
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// Only runs on this tenant, by id or display name.
        #[arg(long, value_name = "TENANT")]
        tenant: Option<String>,
        /// How many.
        #[arg(long, value_name = "COUNT", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Show one run with its subjects.
    Show {
        /// The run's id.
        run: String,
        /// Print the subjects (as JSON: instead of the run).
        #[arg(long)]
        items: bool,
        /// Print the API's JSON.
        #[arg(long)]
        json: bool,
    },
    /// Follow one run to its end.
    Watch {
        /// The run's id.
        run: String,
        /// The longest time to wait.
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
        timeout: Duration,
        /// Print the API's JSON at the end.
        #[arg(long)]
        json: bool,
    },
    /// Stop a run: what is in flight is finished, the rest is skipped.
    Cancel {
        /// The run's id.
        run: String,
        /// Print the API's JSON.
        #[arg(long)]
        json: bool,
    },
}

impl RunsCommand {
    fn json(&self) -> bool {
        match self {
            Self::List { json, .. }
            | Self::Show { json, .. }
            | Self::Watch { json, .. }
            | Self::Cancel { json, .. } => *json,
        }
    }
}

/// Arguments of a child process.
#[derive(Args, Debug)]
pub(crate) struct ProcessArguments {
    /// Which.
    pub(crate) name: ProcessName,
    /// Its own arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

/// The processes the demo starts.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ProcessName {
    /// promotion-api.
    Api,
    /// promotion-worker.
    Worker,
    /// graph-sim.
    GraphSim,
}

impl ProcessName {
    /// As on the command line.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::GraphSim => "graph-sim",
        }
    }
}

/// Reads `90s`, `10m`, `2h`, `500ms` or bare seconds.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(digits).unwrap_or_default();
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("{text:?} is not a time such as 90s, 10m or 2h"))?;
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(format!("{unit:?} is not one of ms, s, m, h")),
    };
    number
        .checked_mul(milliseconds)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("{text} is too long"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(duration("10m"), Ok(Duration::from_mins(10)));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("45"), Ok(Duration::from_secs(45)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2h"), Ok(Duration::from_hours(2)));
        for wrong in [
            "",
            "m",
            "10d",
            "-5s",
            "1.5h",
            "99999999999999999999h",
            "18446744073709551h",
        ] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_plan_file_stands_for_the_whole_selection() {
        let parse = |line: &str| Arguments::try_parse_from(line.split(' '));
        assert!(parse("promotionctl compare --source a --target b").is_ok());
        assert!(parse("promotionctl compare --selection file.json").is_ok());
        assert!(parse("promotionctl execute --plan plan.json --yes").is_ok());
        assert!(parse("promotionctl execute --plan plan.json --source a").is_err());
        assert!(parse("promotionctl execute --plan plan.json --plan-digest d").is_err());
        assert!(parse("promotionctl execute --source a --target b --types x,y --wait --timeout 10m --yes --json").is_ok());
    }
}
