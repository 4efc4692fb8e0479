//! The program. What it does stands in [`parlor::cli`].

use std::process::ExitCode;

/// Most of what an idle stream costs is a few blocks that live long among many that don't; jemalloc
/// keeps them apart (docs/benchmarks.md has the figures). Its background thread gives what is free for ten seconds back
/// to the system, also when the server is idle.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    parlor::cli::run(&std::env::args_os().collect::<Vec<_>>())
}
