//! Any process of the product with the switches of the campaigns in it: places to die at, and broken
//! variants of the protocol. A binary of its own, so that nobody mistakes it for one that ships.

use std::process::ExitCode;

fn main() -> ExitCode {
    promotion_tests::processes::become_named_process()
}
