//! The settings: defaults, then `parlor.toml`, then the environment, then flags.
//!
//! Each setting stands once, as a flag: clap reads the environment beside it, and a file's values
//! take the place of the defaults, so that all of them go through the same checks.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};

mod database_url;
pub mod timings;

pub use database_url::DatabaseUrl;
pub use timings::Timings;

use crate::domain::content::ContentLimit;

/// The file that is read when there is one and no other is named.
pub const DEFAULT_FILE: &str = "parlor.toml";
/// File descriptors that are not for connections: the database, the log, the listener.
const RESERVED_FILES: u64 = 256;

/// The settings of `parlor serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The file of settings.
    #[command(flatten)]
    pub file: FileArgs,

    /// Where to listen; port 0 picks a free one
    #[arg(long, env = "PARLOR_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub listen: SocketAddr,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Bring the database's tables up to this version at start; false refuses to start instead
    #[arg(long, env = "PARLOR_MIGRATE", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub migrate: bool,

    /// Who may do what: in open mode names are claimed, not proven
    #[arg(long, env = "PARLOR_AUTH", value_name = "MODE", default_value = "open")]
    pub auth: AuthMode,

    /// Say that open mode is meant on an address that others can reach
    #[arg(long, env = "PARLOR_ALLOW_OPEN", value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub allow_open: bool,

    /// Sites whose pages may use the API (CORS) and open sockets.
    #[arg(help = "Let pages of these sites use the API (CORS) and open sockets; as in https://example.org")]
    #[arg(long, env = "PARLOR_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<Origin>,

    /// The most bytes of UTF-8 that a message may have, up to 20000
    #[arg(long, env = "PARLOR_CONTENT_LIMIT", value_name = "BYTES", default_value_t)]
    pub content_limit: ContentLimit,

    /// How long after its posting a message may be edited by its author; 0 is for ever
    #[arg(long, env = "PARLOR_EDIT_WINDOW", value_name = "TIME", default_value = "15m", value_parser = humantime::parse_duration)]
    pub edit_window: Duration,

    /// How long /readyz says 503 before the listener closes
    #[arg(long, env = "PARLOR_DRAIN_DELAY", value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub drain_delay: Duration,

    /// Cut a reader that has not taken what waits for it for so long; it resumes by its cursor
    #[arg(long, env = "PARLOR_STALL_TIMEOUT", value_name = "TIME", default_value = "60s", value_parser = stall_timeout)]
    pub stall_timeout: Duration,

    /// The most connections at once [default: the limit of open files less 256]
    #[arg(long, env = "PARLOR_MAX_CONNECTIONS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: Option<u32>,

    /// How the log is written to standard error
    #[arg(long, env = "PARLOR_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged, as in info or parlor=debug
    #[arg(long, env = "PARLOR_LOG", value_name = "FILTER", default_value = "info,sea_orm_migration=warn")]
    pub log: String,

    /// What this version does not have.
    #[command(flatten)]
    pub absent: AbsentArgs,

    /// The product's own times.
    #[command(flatten)]
    pub timings: Timings,
}

/// Settings whose feature this version does not have: refused wherever they are given, rather than taken
/// and ignored.
#[derive(Debug, Clone, Args)]
pub struct AbsentArgs {
    /// What connects several nodes.
    #[arg(long, env = "PARLOR_REDIS_URL", hide = true, value_parser = absent)]
    pub redis_url: Option<Infallible>,

    /// Whether requests are limited.
    #[arg(long, env = "PARLOR_LIMITS", hide = true, value_parser = absent)]
    pub limits: Option<Infallible>,

    /// Whose requests are not limited.
    #[arg(long, env = "PARLOR_LIMITS_EXEMPT", hide = true, value_parser = absent)]
    pub limits_exempt: Option<Infallible>,
}

/// The settings of `parlor migrate`.
#[derive(Debug, Clone, Args)]
pub struct MigrateArgs {
    /// The file of settings.
    #[command(flatten)]
    pub file: FileArgs,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,
}

/// The file of settings.
#[derive(Debug, Clone, Args)]
pub struct FileArgs {
    /// Read settings from this file (TOML, a flag's name without its dashes is the key) [default: parlor.toml, if there is one]
    #[arg(long, env = "PARLOR_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The settings of the database.
#[derive(Debug, Clone, Args)]
pub struct DatabaseArgs {
    /// The database: <sqlite://FILE?mode=rwc>, <postgres://USER:PASSWORD@HOST/NAME> or <mysql://USER:PASSWORD@HOST/NAME>; other programs see a flag, so give a password by the environment or the file
    #[arg(
        long,
        env = "PARLOR_DATABASE_URL",
        hide_env_values = true,
        value_name = "URL",
        default_value = "sqlite://parlor.db?mode=rwc"
    )]
    pub database_url: DatabaseUrl,

    /// Whether `SQLite` waits for the disk before a post is answered.
    #[arg(
        help = "Whether SQLite waits for the disk before a post is answered; off is for throw-away data: a crash of the machine can lose answered posts"
    )]
    #[arg(long, env = "PARLOR_SQLITE_SYNCHRONOUS", value_name = "MODE", default_value = "full")]
    pub sqlite_synchronous: Synchronous,
}

/// Who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthMode {
    /// Names are claimed, not proven.
    Open,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs, an object a line.
    Json,
}

/// Whether a commit waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Synchronous {
    /// It does.
    Full,
    /// It does not.
    Off,
}

/// An origin as browsers write it: scheme, host, and port unless it is the scheme's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As browsers write it in the `Origin` header.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url = url::Url::parse(text).map_err(|error| error.to_string())?;
        let origin = url.origin();
        let is_bare =
            url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
        if origin.is_tuple() && matches!(url.scheme(), "http" | "https") && is_bare {
            Ok(Self(origin.ascii_serialization()))
        } else {
            Err("an origin is a scheme and a host, as in https://example.org".into())
        }
    }
}

/// How the database is opened.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Where it is.
    pub url: DatabaseUrl,
    /// Whether `SQLite` waits for the disk at a commit; `false` is for throw-away data only.
    pub fsync: bool,
    /// Whether a database behind this program's tables is brought up to them.
    pub migrate: bool,
}

/// The settings, checked as a whole.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// How the database is opened.
    pub store: StoreConfig,
    /// Sites whose pages may use the API.
    pub allow_origin: Vec<Origin>,
    /// The most bytes that a message may have.
    pub content_limit: ContentLimit,
    /// How long after its posting a message may be edited; for ever, if absent.
    pub edit_window: Option<Duration>,
    /// How long the server says that it ends before it does.
    pub drain_delay: Duration,
    /// How long a reader may not take what waits for it.
    pub stall_timeout: Duration,
    /// The most connections at once.
    pub max_connections: usize,
    /// The product's own times.
    pub timings: Timings,
}

/// Settings that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl ServeArgs {
    /// Checks the settings as a whole.
    ///
    /// # Errors
    /// [`ConfigError`] with the setting's name.
    pub fn check(self, open_files: u64) -> Result<Config, ConfigError> {
        if !self.listen.ip().is_loopback() && !self.allow_open {
            return Err(ConfigError(format!(
                "--listen {}: in open mode anybody who reaches this address can post under any name; \
                 add --allow-open if that is meant, or listen on 127.0.0.1",
                self.listen
            )));
        }
        let most = usize::try_from(open_files.saturating_sub(RESERVED_FILES).max(16)).unwrap_or(usize::MAX);
        let max_connections = match self.max_connections.map(|n| n as usize) {
            Some(n) if n > most => {
                return Err(ConfigError(format!(
                    "--max-connections {n}: the limit of open files leaves room for {most}; raise it (ulimit -n)"
                )));
            }
            chosen => chosen.unwrap_or(most),
        };
        Ok(Config {
            listen: self.listen,
            store: self.database.store(self.migrate),
            allow_origin: self.allow_origin,
            content_limit: self.content_limit,
            edit_window: Some(self.edit_window).filter(|window| !window.is_zero()),
            drain_delay: self.drain_delay,
            stall_timeout: self.stall_timeout,
            max_connections,
            timings: self.timings,
        })
    }
}

impl DatabaseArgs {
    /// How the database is opened.
    #[must_use]
    pub fn store(&self, migrate: bool) -> StoreConfig {
        StoreConfig { url: self.database_url.clone(), fsync: self.sqlite_synchronous == Synchronous::Full, migrate }
    }
}

impl Config {
    /// Whether only this machine can reach the server.
    #[must_use]
    pub fn is_loopback_only(&self) -> bool {
        self.listen.ip().is_loopback()
    }
}

fn absent(_: &str) -> Result<Infallible, &'static str> {
    Err("this version does not have this setting")
}

fn stall_timeout(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=Duration::from_hours(1)).contains(&time) {
        Ok(time)
    } else {
        Err("has to be from 1s to 1h".into())
    }
}

/// The file to read settings from: named by a flag or the environment, else the default if it is
/// there. Looked for before the flags are parsed, since it changes their defaults.
fn file_to_read(args: &[OsString]) -> Option<PathBuf> {
    let mut args = args.iter().map(|arg| arg.to_string_lossy());
    let mut named = std::env::var_os("PARLOR_CONFIG").map(PathBuf::from);
    while let Some(arg) = args.next() {
        if arg == "--config" {
            named = args.next().map(|path| PathBuf::from(path.as_ref()));
        } else if let Some(path) = arg.strip_prefix("--config=") {
            named = Some(PathBuf::from(path));
        }
    }
    named.or_else(|| Path::new(DEFAULT_FILE).exists().then(|| PathBuf::from(DEFAULT_FILE)))
}

/// Puts a file's values in the place of the defaults of `command`, which has some of the flags of
/// [`ServeArgs`]; a file may set all of them.
///
/// # Errors
/// [`ConfigError`] when the file can't be read, or sets something that is no setting.
pub fn with_file(mut command: clap::Command, args: &[OsString]) -> Result<clap::Command, ConfigError> {
    let Some(path) = file_to_read(args) else { return Ok(command) };
    let shown = path.display();
    let text = std::fs::read_to_string(&path).map_err(|error| ConfigError(format!("can't read {shown}: {error}")))?;
    let table: BTreeMap<String, toml::Value> =
        toml::from_str(&text).map_err(|error| ConfigError(format!("{shown}: {error}")))?;
    let all = ServeArgs::augment_args(clap::Command::new("serve"));
    let has = |command: &clap::Command, id: &str| command.get_arguments().any(|arg| arg.get_id() == id);
    for (key, value) in table {
        let id = key.replace('-', "_");
        if id == "config" || !has(&all, &id) {
            return Err(ConfigError(format!("{shown}: `{key}` is no setting; `parlor serve --help` lists them")));
        }
        let values: Option<Vec<String>> = match value {
            toml::Value::Array(values) => values.into_iter().map(plain).collect(),
            value => plain(value).map(|value| vec![value]),
        };
        let Some(values) = values.filter(|values| !values.is_empty()) else {
            return Err(ConfigError(format!("{shown}: `{key}` has to be a string, a number, true or false")));
        };
        if has(&command, &id) {
            // The help shows defaults, and this one may have a password.
            let secret = id == "database_url";
            command = command.mut_arg(id, |arg| arg.default_values(values).hide_default_value(secret));
        }
    }
    Ok(command)
}

fn plain(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}
