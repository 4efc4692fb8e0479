//! The command line: `serve`, `config`, `migrate`, `seed`, `user`, `key`, `token`, `keygen`, `openapi`, and the exit
//! codes.

use std::{
    ffi::OsString,
    fmt::Display,
    io::{IsTerminal as _, Write as _, stderr, stdout},
    process::ExitCode,
    sync::{Arc, mpsc::sync_channel},
    time::Duration,
};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use listenfd::ListenFd;
use tokio::signal::unix::{SignalKind, signal};

mod hint;
mod identity;
mod key;
mod keygen;
mod password;
mod seed;
mod table;
mod token;
mod user;
mod values;

use crate::{
    clock::Clock,
    config::{Config, DatabaseArgs, FileSettings, LogFormat, ServeArgs, StorageArgs, shown::shown},
    http,
    identity::jwt_key::JwtKeys,
    server::{
        ServeError,
        certificates::Certificates,
        listen::{Listener, listen},
        serve,
        signals::Signals,
    },
    store::{OpenError, Store},
    telemetry::Log,
};
use hint::Hint;
use identity::{NotDone, Outcome};
use key::KeyCommand;
use keygen::{KeygenArgs, keygen};
use seed::{SeedArgs, SeedError, seed};
use token::{TokenArgs, has_username, token};
use user::UserCommand;

/// A failure to start: a port that is taken, a database that can't be reached.
const FAILED: u8 = 1;
/// Settings that can't be used. clap exits with it too.
const UNUSABLE: u8 = 2;
/// The disk refused what durability needs (`EX_SOFTWARE` of sysexits.h).
const UNTRUSTED_DISK: u8 = 70;
/// The signal for a file that would grow past the limit of the process (Linux).
const SIGXFSZ: i32 = 25;
/// The number of tasks after which a busy thread looks for news of sockets. A task that answers a client's pipelined
/// requests takes a millisecond, and by tokio's default of 61 others waited for 200 (`docs/benchmarks.md`).
const EVENT_INTERVAL: u32 = 7;
/// The longest wait for a line of standard output to be taken.
const PATIENCE: Duration = Duration::from_millis(250);

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
    /// Print the settings that `serve` would use, and where each came from; passwords are hidden
    Config(Box<ServeArgs>),
    /// Bring the database's tables up to this version, and exit
    Migrate(StorageArgs),
    /// Fill a room with messages, to see how it does with many; no server may have the database meanwhile
    Seed(SeedArgs),
    /// Make and list users, or change what they may do; beside a server that runs, too
    #[command(subcommand)]
    User(UserCommand),
    /// Make, list and delete the API keys of users; beside a server that runs, too
    #[command(subcommand)]
    Key(KeyCommand),
    /// Sign a token for a user of another system, as that system would, and print it
    Token(TokenArgs),
    /// Make a pair of keys for tokens (Ed25519)
    Keygen(KeygenArgs),
    #[command(about = "Print the OpenAPI document")]
    Openapi,
}

/// An end otherwise than with success.
#[derive(Debug)]
struct Failure {
    code: u8,
    /// For people, on standard error.
    text: String,
}

impl Failure {
    fn new(code: u8, why: impl Display) -> Self {
        Self { code, text: format!("error: {why}") }
    }
}

/// Carries the command line out.
#[must_use]
pub fn run(args: &[OsString]) -> ExitCode {
    let log = match Log::open() {
        Ok(log) => log,
        Err(error) => {
            let _ = writeln!(stderr(), "error: can't log: {error}");
            return ExitCode::from(FAILED);
        }
    };
    let done = parse(args).and_then(|parsed| match parsed {
        Some((Command::Serve(args), _)) => run_serve(*args, &log),
        Some((Command::Config(args), settings)) => check(*args).and_then(|_| print(settings.trim_end())),
        Some((Command::Migrate(args), _)) => run_migrate(&args.database),
        Some((Command::Seed(args), _)) => run_seed(&args),
        Some((Command::User(command), _)) => run_identity(command.run(&Clock::system()), &log),
        Some((Command::Key(command), _)) => run_identity(command.run(&Clock::system()), &log),
        Some((Command::Token(args), _)) => print_token(args),
        Some((Command::Keygen(args), _)) => run_keygen(&args, &log),
        Some((Command::Openapi, _)) => print_openapi(),
        None => Ok(()),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            log.say(&failure.text);
            ExitCode::from(failure.code)
        }
    }
}

/// The command, and for `config` the settings in force in words; none where help was asked for, and given.
fn parse(args: &[OsString]) -> Result<Option<(Command, String)>, Failure> {
    let mut command = Cli::command();
    let name = args.get(1).and_then(|name| name.to_str()).unwrap_or_default();
    let mut file = FileSettings::default();
    if matches!(name, "serve" | "config" | "migrate" | "seed" | "user" | "key")
        && let Some(subcommand) = command.find_subcommand_mut(name)
    {
        file = FileSettings::read(args).map_err(|error| Failure::new(UNUSABLE, error))?;
        *subcommand = file.defaults_of(subcommand.clone());
    }
    let matches = command.try_get_matches_from_mut(args);
    let parsed = matches.and_then(|matches| {
        let settings = match (matches.subcommand(), command.find_subcommand("config")) {
            (Some(("config", matches)), Some(command)) => shown(matches, command, &file),
            _ => String::new(),
        };
        Ok((Cli::from_arg_matches(&matches)?.command, settings))
    });
    match parsed {
        Ok(parsed) => Ok(Some(parsed)),
        Err(error) if error.use_stderr() => {
            let text = error.render();
            let text = if stderr().is_terminal() { text.ansi().to_string() } else { text.to_string() };
            let code = u8::try_from(error.exit_code()).unwrap_or(UNUSABLE);
            Err(Failure { code, text: text.trim_end().to_owned() })
        }
        // Help goes to standard output and is no failure.
        Err(help) => {
            let _ = help.print();
            Ok(None)
        }
    }
}

/// The settings, checked as a whole, on this machine, with the certificates they name.
fn check(args: ServeArgs) -> Result<(Config, Option<Arc<Certificates>>), Failure> {
    // Where it can't be raised, what there is has to do.
    let open_files = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(1_024);
    let config = args.check(open_files).map_err(|error| Failure::new(UNUSABLE, error))?;
    JwtKeys::load(&config.identity.jwt).map_err(|error| Failure::new(UNUSABLE, error))?;
    let certificates = Certificates::load(&config.tls, &Clock::system());
    Ok((config, certificates.map_err(|error| Failure::new(UNUSABLE, error))?))
}

fn run_serve(args: ServeArgs, log: &Log) -> Result<(), Failure> {
    let (log_format, filter) = (args.log.log_format, args.log.log.clone());
    let (config, certificates) = check(args)?;
    log.start(log_format, &filter).map_err(|error| Failure::new(UNUSABLE, error))?;
    if !config.is_loopback_only() && !config.has_names() {
        tracing::warn!(
            "any Host is answered, so a page of another site can reach this server under a name of its own (DNS \
             rebinding); name the server's own with --public-url or --allowed-hosts"
        );
    }
    // It changes the environment, so it comes before other threads.
    let mut given = ListenFd::from_env();
    block_on(async {
        let mut listeners = Vec::new();
        for asked in &config.listen {
            listeners.extend(listen(asked, &mut given, certificates.is_some()).map_err(|error| {
                let place = &asked.place;
                let advice = "give --listen another address (port 0 picks a free one), or stop what has this one";
                Failure::new(FAILED, format!("can't listen on {place}: {error}; {advice}"))
            })?);
        }
        let signals = Signals::listen().map_err(no_signals)?;
        let hint = Hint::of(&config);
        let ready = move |listeners: &[Listener]| announce(listeners, log_format, &hint, log);
        serve(config, listeners, certificates, signals, ready).await.map_err(|error| {
            let code = match &error {
                ServeError::Fatal(_) | ServeError::Journal(_) => UNTRUSTED_DISK,
                ServeError::Open(error) => opening(error),
                ServeError::Tls(_) => FAILED,
            };
            Failure::new(code, error)
        })
    })
}

fn run_migrate(args: &DatabaseArgs) -> Result<(), Failure> {
    block_on(async {
        let migrated = Store::migrate(&args.store(true)).await;
        migrated.map_err(|error| Failure::new(opening(&error), error))?;
        tell(format!("{} is up to date", args.database_url));
        Ok(())
    })
}

fn run_seed(args: &SeedArgs) -> Result<(), Failure> {
    block_on(async {
        let made = seed(args).await.map_err(|error| {
            let code = match &error {
                SeedError::Room(..) => UNUSABLE,
                SeedError::Open(error) => opening(error),
                SeedError::Fatal(_) => UNTRUSTED_DISK,
                SeedError::Refused(_) | SeedError::Store(_) => FAILED,
            };
            Failure::new(code, error)
        })?;
        tell(made);
        Ok(())
    })
}

/// Standard output is for what was asked for: a list, or the key alone.
fn run_identity(command: impl Future<Output = Result<Outcome, NotDone>>, log: &Log) -> Result<(), Failure> {
    block_on(async {
        let done = command.await.map_err(|error| {
            let code = if let NotDone::Open(error) = &error { opening(error) } else { FAILED };
            Failure::new(code, error)
        })?;
        if let Some(text) = done.asked_for {
            print(&text)?;
        }
        if let Some(message) = done.message {
            log.say(&message);
        }
        Ok(())
    })
}

fn print_token(args: TokenArgs) -> Result<(), Failure> {
    if !has_username(&args) {
        return Err(Failure::new(UNUSABLE, "--sub is no username; name one with --username"));
    }
    print(&token(args, &Clock::system()).map_err(|error| Failure::new(FAILED, error))?)
}

/// Standard output is for what was asked for, which here are the files.
fn run_keygen(args: &KeygenArgs, log: &Log) -> Result<(), Failure> {
    log.say(&keygen(args).map_err(|error| Failure::new(FAILED, error))?);
    Ok(())
}

fn print_openapi() -> Result<(), Failure> {
    print(&http::document().to_pretty_json().map_err(|error| Failure::new(FAILED, error))?)
}

/// Prints the result of a command on standard output.
fn print(text: &str) -> Result<(), Failure> {
    writeln!(stdout(), "{text}").map_err(|error| Failure::new(FAILED, format!("can't print it: {error}")))
}

/// The exit code for a database that can't be opened: a URL that names none is a setting.
fn opening(error: &OpenError) -> u8 {
    if matches!(error, OpenError::Url(_) | OpenError::Identity(_)) { UNUSABLE } else { FAILED }
}

fn block_on(main: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().event_interval(EVENT_INTERVAL).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(FAILED, format!("can't start: {error}")))?;
    let done = runtime.block_on(async {
        // Caught so that it does not end the process: a write past the limit of a file's size then fails
        // as one to a full disk does, and the journal and the log know what to do.
        let _file_limit = signal(SignalKind::from_raw(SIGXFSZ)).map_err(no_signals)?;
        main.await
    });
    // What is left at the end has had its time.
    runtime.shutdown_background();
    done
}

#[expect(clippy::needless_pass_by_value, reason = "as errors are mapped")]
fn no_signals(error: std::io::Error) -> Failure {
    Failure::new(FAILED, format!("can't wait for signals: {error}"))
}

/// A line a listener for programs on standard output; for people, what to try, on standard error.
fn announce(listeners: &[Listener], log_format: LogFormat, hint: &Hint, log: &Log) {
    let lines: Vec<_> = listeners.iter().map(|listener| format!("listening on {listener}")).collect();
    tell(lines.join("\n"));
    if log_format == LogFormat::Text {
        log.say(&hint.text(listeners));
    }
}

/// Prints lines on standard output. Whoever started the process may not read what it prints, or have gone;
/// what it does is done all the same.
fn tell(lines: String) {
    let (done, is_done) = sync_channel(1);
    let telling = std::thread::Builder::new().name("stdout".to_owned()).spawn(move || {
        let _ = writeln!(stdout(), "{lines}");
        let _ = done.send(());
    });
    if telling.is_ok() {
        let _ = is_done.recv_timeout(PATIENCE);
    }
}
