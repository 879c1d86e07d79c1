//! What a binary of the tests does: it becomes any of the product's processes, so that tests can start,
//! kill and pause real ones: `promotion-process api|worker|graph-sim [arguments]`.
//! `promotion-process postgres` serves a whole suite of test processes: it prints
//! `TEST_POSTGRES_URL=...` and runs until its standard input ends.

use std::io::{Read, Write};
use std::process::ExitCode;

use store::dev_cluster::{DevCluster, TEST_SERVER};

/// Becomes the process that the first argument names. Exit code 2 for a name it does not know.
pub fn become_named_process() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|name| name.to_str()) {
        Some("api") => api::run(),
        Some("worker") => worker::run(),
        Some("graph-sim") => graph_sim::run_cli(arguments),
        Some("postgres") => serve_postgres(),
        _ => ExitCode::from(2),
    }
}

fn serve_postgres() -> ExitCode {
    let cluster = match DevCluster::start_for_tests() {
        Ok(cluster) => cluster,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error}");
            return ExitCode::FAILURE;
        }
    };
    let said = writeln!(std::io::stdout(), "{TEST_SERVER}={}", cluster.url());
    // Ends with its input, however the one who holds it ends.
    let waited = std::io::stdin().read_to_end(&mut Vec::new());
    match (said, waited) {
        (Ok(()), Ok(_)) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
