//! Any process of the product, as it ships: `promotion-process api|worker|graph-sim|postgres`.

use std::process::ExitCode;

fn main() -> ExitCode {
    promotion_tests::processes::become_named_process()
}
