//! `promotion-api`: serves HTTP; `promotion-api openapi` prints the OpenAPI document instead.

use std::io::Write;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        None => api::run(),
        Some("openapi") => match std::io::stdout().write_all(api::openapi_json().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        },
        Some(_) => {
            let _ = writeln!(std::io::stderr(), "usage: promotion-api [openapi]");
            ExitCode::from(2)
        }
    }
}
