//! One binary that becomes any of the product's processes, so that tests can start, kill and pause
//! real ones: `promotion-process api|worker|graph-sim [arguments]`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("api") => api::run(),
        Some("worker") => worker::run(),
        Some("graph-sim") => graph_sim::run_cli(arguments),
        _ => ExitCode::from(2),
    }
}
