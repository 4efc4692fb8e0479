//! The command line: `serve`, `migrate`, `seed`, `openapi`, and the exit codes.

use std::{ffi::OsString, io::Write as _, net::SocketAddr, process::ExitCode};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

mod seed;

use crate::{
    config::{DatabaseArgs, LogFormat, MigrateArgs, ServeArgs, with_file},
    http,
    server::{ServeError, serve},
    store::{OpenError, Store},
    telemetry,
};
use seed::{SeedArgs, SeedError, seed};

/// A failure to start: a port that is taken, a database that can't be reached.
const FAILED: u8 = 1;
/// Settings that can't be used. clap exits with it too.
const UNUSABLE: u8 = 2;
/// The disk refused what durability needs (`EX_SOFTWARE` of sysexits.h).
const UNTRUSTED_DISK: u8 = 70;
/// The signal for a file that would grow past the limit of the process (Linux).
const SIGXFSZ: i32 = 25;

/// A chat server: the same ordered, durable events by Server-Sent Events, long poll and WebSocket
#[derive(Debug, Parser)]
#[command(name = "parlor", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve rooms over HTTP
    Serve(Box<ServeArgs>),
    /// Bring the database's tables up to this version, and exit
    Migrate(MigrateArgs),
    /// Fill a room with messages, to see how it does with many; no server may have the database meanwhile
    Seed(SeedArgs),
    #[command(about = "Print the OpenAPI document")]
    Openapi,
}

/// Carries the command line out.
#[must_use]
pub fn run(args: &[OsString]) -> ExitCode {
    let command = match parse(args) {
        Ok(command) => command,
        Err(code) => return code,
    };
    match command {
        Command::Serve(args) => run_serve(*args),
        Command::Migrate(args) => run_migrate(&args.database),
        Command::Seed(args) => run_seed(&args),
        Command::Openapi => match http::document().to_pretty_json() {
            Ok(json) => print(&json),
            Err(error) => fail(FAILED, &error.to_string()),
        },
    }
}

fn parse(args: &[OsString]) -> Result<Command, ExitCode> {
    let mut command = Cli::command();
    let name = args.get(1).and_then(|name| name.to_str()).unwrap_or_default();
    if matches!(name, "serve" | "migrate" | "seed")
        && let Some(subcommand) = command.find_subcommand_mut(name)
    {
        *subcommand = with_file(subcommand.clone(), args).map_err(|error| fail(UNUSABLE, &error.to_string()))?;
    }
    let exit = |error: clap::Error| {
        // Help goes to standard output and is no failure; clap knows which is which.
        let _ = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(UNUSABLE))
    };
    let matches = command.try_get_matches_from(args).map_err(exit)?;
    Ok(Cli::from_arg_matches(&matches).map_err(exit)?.command)
}

fn run_serve(args: ServeArgs) -> ExitCode {
    let (log_format, log, listen) = (args.log_format, args.log.clone(), args.listen);
    // Where it can't be raised, what there is has to do.
    let open_files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
    let config = match args.check(open_files) {
        Ok(config) => config,
        Err(error) => return fail(UNUSABLE, &error.to_string()),
    };
    if let Err(error) = telemetry::start(log_format, &log) {
        return fail(UNUSABLE, &error);
    }
    block_on(async {
        let listener = match TcpListener::bind(listen).await {
            Ok(listener) => listener,
            Err(error) => {
                let advice = "give --listen another address (port 0 picks a free one), or stop what has this one";
                return fail(FAILED, &format!("can't listen on {listen}: {error}; {advice}"));
            }
        };
        let stop = match told_to_stop() {
            Ok(stop) => stop,
            Err(error) => return fail(FAILED, &format!("can't wait for signals: {error}")),
        };
        let ready = |address| announce(address, log_format);
        match serve(config, listener, stop, ready).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error @ (ServeError::Fatal(_) | ServeError::Journal(_))) => fail(UNTRUSTED_DISK, &error.to_string()),
            Err(ServeError::Open(error)) => fail(opening(&error), &error.to_string()),
            Err(error @ ServeError::Listen(_)) => fail(FAILED, &error.to_string()),
        }
    })
}

fn run_migrate(args: &DatabaseArgs) -> ExitCode {
    block_on(async {
        match Store::migrate(&args.store(true)).await {
            Ok(()) => print(&format!("{} is up to date", args.database_url)),
            Err(error) => fail(opening(&error), &error.to_string()),
        }
    })
}

fn run_seed(args: &SeedArgs) -> ExitCode {
    block_on(async {
        match seed(args).await {
            Ok(made) => print(&made),
            Err(error) => {
                let code = match &error {
                    SeedError::Room(..) => UNUSABLE,
                    SeedError::Open(error) => opening(error),
                    SeedError::Fatal(_) => UNTRUSTED_DISK,
                    SeedError::Refused(_) | SeedError::Store(_) => FAILED,
                };
                fail(code, &error.to_string())
            }
        }
    })
}

/// The exit code for a database that can't be opened: a URL that names none is a setting.
fn opening(error: &OpenError) -> u8 {
    if matches!(error, OpenError::Url(_)) { UNUSABLE } else { FAILED }
}

fn block_on(main: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(main);
            // What is left at the end has had its time.
            runtime.shutdown_background();
            code
        }
        Err(error) => fail(FAILED, &format!("can't start: {error}")),
    }
}

/// Ready on SIGTERM and on SIGINT.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // Caught so that it does not end the process: a write past the limit of a file's size then fails
    // as one to a full disk does, and the journal knows what to do.
    let file_limit = signal(SignalKind::from_raw(SIGXFSZ))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        drop(file_limit);
    })
}

/// One line for programs on standard output; for people, what to try, on standard error.
fn announce(address: SocketAddr, log_format: LogFormat) {
    // Whoever started the server may not read what it prints; it serves all the same.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}").and_then(|()| std::io::stdout().flush());
    if log_format == LogFormat::Text {
        let _ = writeln!(
            std::io::stderr(),
            "\n  open   http://{address}/\n  try    curl -d username=Alice -d content=hi http://{address}/api/v1/rooms/general/messages\n  \
             follow curl -N http://{address}/api/v1/rooms/general/stream\n"
        );
    }
}

fn print(text: &str) -> ExitCode {
    match writeln!(std::io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(FAILED),
    }
}

fn fail(code: u8, why: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {why}");
    ExitCode::from(code)
}
