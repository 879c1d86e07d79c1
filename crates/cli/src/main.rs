//! promotionctl: the operator's and the automation's way in. Decides which command runs and turns
//! its ending into the exit code of the contract; decides nothing about promotions.

use std::process::ExitCode;

use clap::error::ErrorKind;

use crate::arguments::Command;
use crate::ending::{Ending, Failure};

mod arguments;
mod client;
mod commands;
mod demo;
mod ending;
mod environment;
mod process;
mod show;

fn main() -> ExitCode {
    let arguments = match arguments::parse_from(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(error) => return refused_arguments(&error),
    };
    let output = arguments.output();
    // A child process brings its own runtime and its own exit codes.
    if let Command::Process(process) = arguments.command {
        return process::become_process(process);
    }
    for name in environment::unknown() {
        show::note(&format!(
            "promotionctl: nothing reads the environment variable {name}; is it misspelt?"
        ));
    }
    match run(arguments.command) {
        Ok(ending) => ending.into(),
        Err(failure) => {
            show::failure(&failure, output);
            failure.ending().into()
        }
    }
}

/// Help and version are answers; everything else about the arguments is an error of code 1.
fn refused_arguments(error: &clap::Error) -> ExitCode {
    // Nothing is left to do when standard output or error is closed.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ending::Done.into(),
        _ => Ending::Error.into(),
    }
}

fn run(command: Command) -> Result<Ending, Failure> {
    match command {
        Command::Migrate(arguments) => commands::migrate::migrate(arguments),
        Command::Bootstrap(arguments) => commands::bootstrap::bootstrap(&arguments),
        Command::Keys(command) => commands::keys::keys(&command),
        Command::Audit(command) => block_on(commands::audit::audit(&command)),
        Command::Demo(arguments) => demo::demo(&arguments),
        Command::Sync(arguments) => block_on(commands::sync::sync(&arguments)),
        Command::Compare(arguments) => block_on(commands::compare::compare(&arguments)),
        Command::Preflight(arguments) => block_on(commands::preflight::preflight(&arguments)),
        Command::Execute(arguments) => block_on(commands::execute::execute(&arguments)),
        Command::Diff(arguments) => block_on(commands::diff::diff(&arguments)),
        Command::Report(arguments) => block_on(commands::report::report(&arguments)),
        Command::Resource(command) => block_on(commands::resources::resources(&command)),
        Command::Runs(command) => block_on(commands::runs::runs(&command)),
        Command::Login(arguments) => block_on(commands::login::login(&arguments)),
        Command::Profiles(command) => commands::login::profiles(&command),
        Command::Completions(arguments) => commands::manual::completions(&arguments),
        Command::Man(arguments) => commands::manual::man(&arguments),
        // Handled before any command; see `main`.
        Command::Process(_) => Ok(Ending::Error),
    }
}

fn block_on(command: impl Future<Output = Result<Ending, Failure>>) -> Result<Ending, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(command)
}
