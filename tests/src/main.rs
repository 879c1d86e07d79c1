//! One binary that becomes any of the product's processes, so that tests can start, kill and pause
//! real ones: `promotion-process api|worker|graph-sim [arguments]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|name| name.to_str()) {
        Some("api") => api::run(),
        Some("worker") => worker::run(),
        Some("graph-sim") => graph_sim::run_cli(arguments),
        _ => ExitCode::from(2),
    }
}
