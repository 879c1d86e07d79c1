//! `promotion-worker`: see the library. `--help` and `--version` answer without any environment.

use std::io::Write;
use std::process::ExitCode;

const HELP: &str = "\
promotion-worker: consumes jobs until SIGTERM or SIGINT

Usage: promotion-worker [--help | --version]

It has no arguments: DATABASE_URL and PROMOTION_MASTER_KEY are needed, docs/operations.md lists the
other settings. Exit code 2: a setting is missing or malformed.
";

fn main() -> ExitCode {
    let version = store::settings::version(env!("CARGO_PKG_VERSION"), option_env!("SOURCE_COMMIT"));
    let answer = match std::env::args().nth(1).as_deref() {
        None => return worker::run(),
        Some("--help" | "-h") => HELP.to_owned(),
        Some("--version" | "-V") => format!("promotion-worker {version}\n"),
        Some(_) => {
            // Nothing is left to do when standard error is closed.
            let _ = std::io::stderr().write_all(HELP.as_bytes());
            return ExitCode::from(2);
        }
    };
    match std::io::stdout().write_all(answer.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
