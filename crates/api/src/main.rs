//! `promotion-api`: serves HTTP; `promotion-api openapi` prints the OpenAPI document instead. `--help`
//! and `--version` answer without any environment.

use std::io::Write;
use std::process::ExitCode;

const HELP: &str = "\
promotion-api: serves HTTP until SIGTERM or SIGINT

Usage: promotion-api [openapi | --help | --version]

Commands:
  openapi  Print the OpenAPI document

Without a command it serves: DATABASE_URL and the keys of `promotionctl keys api` are needed,
docs/operations.md lists the other settings. Exit code 2: a setting is missing or malformed.
";

fn main() -> ExitCode {
    let version = store::settings::version(env!("CARGO_PKG_VERSION"), option_env!("SOURCE_COMMIT"));
    let answer = match std::env::args().nth(1).as_deref() {
        None => return api::run(),
        Some("openapi") => api::openapi_json(),
        Some("--help" | "-h") => HELP.to_owned(),
        Some("--version" | "-V") => format!("promotion-api {version}\n"),
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
