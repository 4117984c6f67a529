//! The `projectionist` command: see [`projectionist::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    projectionist::cli::main()
}
