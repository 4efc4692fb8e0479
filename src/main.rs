//! The program. What it does stands in [`parlor::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    parlor::cli::run(&std::env::args_os().collect::<Vec<_>>())
}
