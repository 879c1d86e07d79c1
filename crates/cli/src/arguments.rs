//! The command line as clap understands it. Says what can be asked for; checks nothing that only
//! the API can know.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

mod choices;
mod client;
pub(crate) mod examples;
mod local;
mod promotion;
pub(crate) mod resources;

pub(crate) use choices::{ConditionalAccessState, FeatureUpdateRollout, Landing};
pub(crate) use client::{ClientArguments, Group, Output, PrintingArguments};
pub(crate) use local::{CompletionsArguments, LoginArguments, ManArguments, ProfilesCommand};
pub(crate) use promotion::{
    CompareArguments, DiffArguments, ExecuteArguments, PreflightArguments, ReportArguments,
    ReportForm, SelectionArguments, SyncArguments, WaitingArguments,
};
use resources::{AuditList, ResourceCommand};

/// Promotes Microsoft Intune and Conditional Access policies between tenants.
///
/// Client commands read PROMOTION_API_URL, PROMOTION_TOKEN and PROMOTION_WORKSPACE, or a profile that
/// `promotionctl login` made; migrate, bootstrap, audit verify and export, and keys work on the
/// database (DATABASE_URL, PROMOTION_MASTER_KEY).
///
/// Exit codes: 0 done (compare and preflight: answered), 1 error, 2 differences or changes present
/// (only with --detailed-exitcode), 3 blocked or stale, 4 scope busy, 5 timed out while the run goes
/// on, 6 denied, 7 run ended other than succeeded.
#[derive(Debug, Parser)]
#[command(name = "promotionctl", version = VERSION.as_str())]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The version, with the commit where the build was told it (SOURCE_COMMIT).
static VERSION: LazyLock<String> = LazyLock::new(|| {
    store::settings::version(env!("CARGO_PKG_VERSION"), option_env!("SOURCE_COMMIT"))
});

/// The command line as it is read: with the examples of every command.
pub(crate) fn command_line() -> clap::Command {
    examples::with_examples(Arguments::command())
}

/// Reads the words of a command line.
pub(crate) fn parse_from(
    words: impl IntoIterator<Item = impl Into<OsString> + Clone>,
) -> Result<Arguments, clap::Error> {
    let matches = command_line().try_get_matches_from(words)?;
    Arguments::from_arg_matches(&matches)
}

impl Arguments {
    /// The form of the answer, so that a refusal too is printed in it.
    pub(crate) fn output(&self) -> Output {
        match &self.command {
            Command::Bootstrap(arguments) => json_or_table(arguments.json),
            Command::Demo(arguments) => json_or_table(arguments.json),
            Command::Sync(arguments) => arguments.client.output(),
            Command::Compare(arguments) => arguments.client.output(),
            Command::Preflight(arguments) => arguments.compare.client.output(),
            Command::Execute(arguments) => arguments.client.output(),
            Command::Diff(arguments) => arguments.client.output(),
            Command::Runs(group) => group.client.output(),
            Command::Report(arguments) => arguments.client.output(),
            Command::Resource(command) => command.client().output(),
            Command::Audit(AuditCommand::List(arguments)) => arguments.client.output(),
            Command::Login(arguments) => arguments.printing.output(),
            Command::Profiles(ProfilesCommand::List(printing)) => printing.output(),
            Command::Migrate(_)
            | Command::Keys(_)
            | Command::Audit(_)
            | Command::Profiles(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Process(_) => Output::Table,
        }
    }
}

fn json_or_table(json: bool) -> Output {
    if json { Output::Json } else { Output::Table }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create or update the database schema, ours and the queue's; safe to run at any time.
    Migrate(MigrateArguments),
    /// Make a workspace, its owner and a first API token; or replace an owner's lost token.
    Bootstrap(BootstrapArguments),
    /// Keys: print what the API needs, or re-seal credentials under a new master key.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Read, verify or export the audit log.
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
    /// Show how one policy differs between two tenants.
    Diff(DiffArguments),
    /// Look at operation runs.
    Runs(Group<RunsCommand>),
    /// Report a run or a reviewed plan for a change ticket.
    Report(ReportArguments),
    #[command(flatten)]
    Resource(ResourceCommand),
    /// Keep an API, a token and a workspace as a profile. The token is read from standard input or a
    /// file and tried before it is kept; the file of profiles is readable by you alone.
    Login(LoginArguments),
    /// The profiles that login made.
    #[command(subcommand)]
    Profiles(ProfilesCommand),
    /// Print the completions of a shell.
    Completions(CompletionsArguments),
    /// Write the manual pages.
    Man(ManArguments),
    /// One of the product's processes, for the demo.
    #[command(name = "__process", hide = true)]
    Process(ProcessArguments),
}

/// Arguments of `migrate`.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct MigrateArguments {
    /// Only look whether the schema is up to date; exit code 1 when it is not. Changes nothing.
    #[arg(long, conflicts_with_all = ["roles", "dry_run"])]
    pub(crate) check: bool,
    /// Also make or update the roles promotion_owner, promotion_api and promotion_worker with the
    /// least rights of each. Their passwords are set from PROMOTION_OWNER_DATABASE_PASSWORD,
    /// PROMOTION_API_DATABASE_PASSWORD and PROMOTION_WORKER_DATABASE_PASSWORD, where those are set.
    #[arg(long)]
    pub(crate) roles: bool,
    /// Print what would be done and do nothing: the SQL of the roles, the names of migrations.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `bootstrap`.
#[derive(Args, Debug)]
pub(crate) struct BootstrapArguments {
    /// Name of the workspace.
    #[arg(long, value_name = "NAME")]
    pub(crate) workspace: String,
    /// Email of its owner. With --recover only needed where there are several owners.
    #[arg(long, value_name = "EMAIL", required_unless_present = "recover")]
    pub(crate) owner: Option<String>,
    /// Replace the lost token of an owner of an existing workspace: those that bootstrap made for
    /// them are revoked. Audited.
    #[arg(long)]
    pub(crate) recover: bool,
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
    /// List entries, newest first, over the API.
    List(AuditList),
    /// Check that no audit entry was changed, removed, inserted or moved.
    Verify {
        /// Workspace, by id or name; all of them without it.
        #[arg(long, value_name = "WORKSPACE")]
        workspace: Option<String>,
        /// The chain head of an earlier export: proves that the log was not cut since.
        #[arg(long, value_name = "HEAD", requires = "workspace")]
        expected_head: Option<String>,
        /// A file that `audit export` wrote (its last lines suffice), or one with a head alone: every
        /// log must still contain the head that was exported. `-` reads standard input.
        #[arg(long, value_name = "FILE", conflicts_with = "expected_head")]
        head: Option<PathBuf>,
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
    },
    /// Show one run with its subjects.
    Show {
        /// The run's id.
        run: String,
        /// Print the subjects (as JSON: instead of the run).
        #[arg(long)]
        items: bool,
    },
    /// Follow one run to its end.
    Watch {
        /// The run's id.
        run: String,
        /// The longest time to wait.
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
        timeout: Duration,
    },
    /// Stop a run: what is in flight is finished, the rest is skipped.
    Cancel {
        /// The run's id.
        run: String,
    },
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
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
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
