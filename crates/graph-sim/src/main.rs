//! Entry point of the simulator binary: everything is in the library.

fn main() -> std::process::ExitCode {
    graph_sim::run_cli(std::env::args_os())
}
