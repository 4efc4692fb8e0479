//! The cost of Parlor, each figure beside a tutorial axum server measured in the same run.
//!
//! `cargo bench --bench parlor` runs everything in a few minutes; `-- posts`, `-- deliveries`,
//! `-- memory`, `-- depth`, `-- costs`, `-- keys` and `-- limits` choose parts. Servers are child processes on loopback, the load comes from this one.
//! A ratio is the median of nine interleaved pairs, printed with its quartiles. When a bar is missed it ends
//! with 1.

#![expect(unreachable_pub, reason = "a program has no outside: `pub` is what a module offers to the others")]
#![expect(clippy::cast_precision_loss, reason = "what is counted here is far below 2^52")]

mod bar;
mod costs;
mod deliveries;
mod depth;
mod journal;
mod keys;
mod limits;
mod line;
mod memory;
mod posters;
mod posts;
mod process;
mod readers;
mod report;
mod tutorial;

use std::process::ExitCode;

use bar::PAIRS;

/// The content of every message: 200 bytes, with one mark that nothing else on the wire contains, so that readers count
/// deliveries by counting a byte.
const CONTENT_BYTES: usize = 200;
const MARK: u8 = b'~';
/// The argument that makes this program the tutorial server instead of the bench.
const TUTORIAL: &str = "serve-tutorial";

const PARTS: [(&str, Part); 7] = [
    ("posts", posts::run),
    ("deliveries", deliveries::run),
    ("memory", memory::run),
    ("depth", depth::run),
    ("costs", costs::run),
    ("keys", keys::run),
    ("limits", limits::run),
];

type Part = fn(&mut report::Report) -> std::io::Result<()>;

fn main() -> ExitCode {
    // `cargo bench` adds `--bench` of its own accord.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.iter().any(|argument| argument == TUTORIAL) {
        return exit(tutorial::serve().map(|()| true));
    }
    let known = |argument: &String| PARTS.iter().any(|(name, _)| name == argument);
    if let Some(unknown) = arguments.iter().find(|argument| !known(argument)) {
        eprintln!("no part is called `{unknown}`; there are: posts deliveries memory depth costs keys limits");
        return ExitCode::from(2);
    }
    exit(run(&arguments))
}

/// Measures; whether every bar is met is the answer.
fn run(chosen: &[String]) -> std::io::Result<bool> {
    // Thousands of readers live in this process, and the children inherit the limit.
    rlimit::increase_nofile_limit(u64::MAX)?;
    let mut report = report::Report::default();
    for (name, part) in PARTS {
        if chosen.is_empty() || chosen.iter().any(|part| part == name) {
            eprintln!("measuring {name} ...");
            if let Err(error) = part(&mut report) {
                // What was measured before it is not lost.
                report.print();
                return Err(error);
            }
        }
    }
    Ok(report.print())
}

fn exit(outcome: std::io::Result<bool>) -> ExitCode {
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("a bar is missed");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("the bench stopped: {error}");
            ExitCode::FAILURE
        }
    }
}

fn content() -> String {
    let mut content = "x".repeat(CONTENT_BYTES - 1);
    content.push(char::from(MARK));
    content
}
