//! Becomes one of the product's processes. The demo re-executes this very binary, so that one build
//! brings everything while API, worker and simulator stay separate processes.

use std::ffi::OsString;
use std::io::Read;
use std::process::ExitCode;

use crate::arguments::{ProcessArguments, ProcessName};

/// Runs the named process to its end.
pub(crate) fn become_process(arguments: ProcessArguments) -> ExitCode {
    end_with_the_parent();
    match arguments.name {
        ProcessName::Api => api::run(),
        ProcessName::Worker => worker::run(),
        ProcessName::GraphSim => {
            // Its own command line begins with the name of the program.
            let words = std::iter::once("graph-sim".to_owned()).chain(arguments.rest);
            graph_sim::run_cli(words.map(OsString::from))
        }
    }
}

/// The parent holds the other end of our standard input. When it closes, however the parent ended,
/// nobody is left to stop this process.
fn end_with_the_parent() {
    std::thread::spawn(|| {
        let mut buffer = [0_u8; 64];
        let mut stdin = std::io::stdin().lock();
        while matches!(stdin.read(&mut buffer), Ok(read) if read > 0) {}
        std::process::exit(0);
    });
}
