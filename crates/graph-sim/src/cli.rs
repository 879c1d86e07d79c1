//! The command line: parses it, starts the simulator, prints the base URL and serves.

use std::ffi::OsString;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::setup::{Options, TenantSpec, start};
use crate::state::TenantOptions;

/// A stateful, strict, simulated Microsoft Graph.
#[derive(Debug, Parser)]
#[command(name = "graph-sim", version)]
struct Arguments {
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// A tenant: ID, ID=FOLDER, ID=FOLDER#PREFIX,PREFIX or ID=builtin:source|target. Repeatable.
    #[arg(long = "tenant", value_name = "ID[=SOURCE]")]
    tenants: Vec<String>,
    /// A Graph contract file to check requests against instead of the built-in table.
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,
    /// Conditional Access takes one request per second and tenant, as the real service does.
    #[arg(long)]
    conditional_access_limit: bool,
    /// Intune takes 100 writes per 20 seconds and tenant, as the real service does.
    #[arg(long)]
    write_limit: bool,
    /// Custom OMA text settings are stored encrypted and read back masked.
    #[arg(long)]
    encrypt_oma: bool,
}

/// Runs the simulator with these arguments (the first is the program's name) until it is killed.
///
/// Prints the base URL as the first line of standard output. Exit code 2: bad arguments; 1: could
/// not start.
pub fn run_cli<I>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item = OsString>,
{
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    // Another subscriber may be in place when a host binary runs the simulator.
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_env_filter(tracing_subscriber::EnvFilter::new("info,actix_server=warn"))
        .try_init();
    let mut tenants = Vec::new();
    for text in &arguments.tenants {
        let Some(spec) = TenantSpec::parse(text) else {
            tracing::error!(tenant = %text, "not a tenant: ID, ID=FOLDER or ID=builtin:source|target");
            return ExitCode::from(2);
        };
        tenants.push(spec);
    }
    let options = Options {
        listen: arguments.listen,
        tenants,
        contract: arguments.contract,
        tenant_options: TenantOptions {
            conditional_access_limit: arguments.conditional_access_limit,
            write_limit: arguments.write_limit,
            encrypt_oma: arguments.encrypt_oma,
            empty_links: false,
            no_binds: false,
            security_defaults: false,
            device_group_by_get: false,
        },
    };
    let running = match start(options) {
        Ok(running) => running,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, ?cause, "graph-sim did not start");
            return ExitCode::FAILURE;
        }
    };
    let mut out = std::io::stdout();
    let printed = writeln!(out, "{}", running.base_url()).and_then(|()| out.flush());
    if printed.is_err() {
        return ExitCode::FAILURE;
    }
    match running.wait() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "graph-sim ended");
            ExitCode::FAILURE
        }
    }
}
