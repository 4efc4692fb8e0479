//! The settings: defaults, then `parlor.toml`, then the environment, then flags.
//!
//! Each setting stands once, as a flag, in the file of its section: clap reads the environment beside it, and a
//! file's values take the place of the defaults, so that all of them go through the same checks.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use ipnet::IpNet;

mod absent;
pub mod database;
mod database_url;
pub mod file;
pub mod identity;
pub mod limits;
pub mod listen;
pub mod log;
pub mod numbers;
pub mod rates;
pub mod server;
pub mod shown;
pub mod site;
pub mod switch;
pub mod timings;
pub mod tls;

pub use self::log::{LogArgs, LogFormat};
pub use database::{DatabaseArgs, StoreConfig, Synchronous};
pub use database_url::DatabaseUrl;
pub use file::FileSettings;
pub use identity::{Accounts, AuthMode, IdentityArgs, IdentityConfig, JwtSettings, RoomCreation};
pub use limits::LimitArgs;
pub use listen::Listen;
pub use rates::RateArgs;
pub use server::{ClientHeader, ServerArgs};
pub use site::{HostName, Origin};
pub use timings::Timings;
pub use tls::{TlsArgs, TlsPair};

use crate::{domain::content::ContentLimit, limits::Quotas};

/// File descriptors that are not for connections: the database, the log, the listener.
const RESERVED_FILES: u64 = 256;

/// The settings of `parlor serve`.
#[derive(Debug, Clone, Args)]
pub struct ServeArgs {
    /// The file of settings.
    #[command(flatten)]
    pub file: FileArgs,

    /// The addresses and names of the server, and the clients it accepts.
    #[command(flatten)]
    pub server: ServerArgs,

    /// The certificates of TLS.
    #[command(flatten)]
    pub tls: TlsArgs,

    /// The mode of authorization, and the sources of identity.
    #[command(flatten)]
    pub identity: IdentityArgs,

    /// The database.
    #[command(flatten)]
    pub database: DatabaseArgs,

    /// Bring the database's tables up to this version at start; false refuses to start instead
    #[arg(long, env = "PARLOR_MIGRATE", value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub migrate: bool,

    /// The limits of the server.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// The limits of rate.
    #[command(flatten)]
    pub rates: RateArgs,

    /// The log.
    #[command(flatten)]
    pub log: LogArgs,

    /// The settings that this version does not have yet.
    #[command(flatten)]
    pub absent: absent::AbsentArgs,

    /// The product's own times.
    #[command(flatten)]
    pub timings: Timings,
}

/// The settings of commands that need the database alone.
#[derive(Debug, Clone, Args)]
pub struct StorageArgs {
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
    /// Read settings from this file (TOML, as `parlor config` prints them) [default: parlor.toml, if there is one]
    #[arg(long, env = "PARLOR_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The settings, checked as a whole.
#[derive(Debug, Clone)]
pub struct Config {
    /// The places to listen on.
    pub listen: Vec<Listen>,
    /// The certificates of TLS, and their keys.
    pub tls: Vec<TlsPair>,
    /// The options that the database is opened with.
    pub store: StoreConfig,
    /// The address that browsers see.
    pub public_url: Option<Origin>,
    /// More names that the server answers to.
    pub allowed_hosts: Vec<HostName>,
    /// Sites whose pages may use the API.
    pub allow_origin: Vec<Origin>,
    /// True if what is read in JSON is compressed.
    pub compresses: bool,
    /// The networks of proxies whose header is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// The header in which they write the client's address.
    pub client_header: ClientHeader,
    /// The mode of authorization, and the sources of identity.
    pub identity: IdentityConfig,
    /// The most bytes that a message may have.
    pub content_limit: ContentLimit,
    /// The time after its posting in which a message may be edited; without a limit, if absent.
    pub edit_window: Option<Duration>,
    /// The time between announcing the end and ending.
    pub drain_delay: Duration,
    /// The time a reader may leave unread what waits for it.
    pub stall_timeout: Duration,
    /// The most connections at once.
    pub max_connections: usize,
    /// The most bytes that are rendered and not sent.
    pub unsent_limit: usize,
    /// The quotas of the limits of rate; absent if there are none.
    pub quotas: Option<Quotas>,
    /// The networks whose requests are not limited.
    pub limits_exempt: Vec<IpNet>,
    /// The product's own times.
    pub timings: Timings,
}

/// Settings that can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(pub(crate) String);

impl ServeArgs {
    /// Checks the settings as a whole.
    ///
    /// # Errors
    /// [`ConfigError`] with the setting's name.
    pub fn check(self, open_files: u64) -> Result<Config, ConfigError> {
        let server = self.server;
        let open = server.listen.iter().find(|listen| !listen.is_local());
        let identity = self.identity.check(server.public_url.as_ref(), open.is_none())?;
        if let Some(open) = open.filter(|_| identity.auth == AuthMode::Open && !server.allow_open) {
            return Err(ConfigError(format!(
                "--listen {}: in open mode anybody who reaches this address can post under any name; \
                 add --allow-open if that is meant, or listen on 127.0.0.1",
                open.place
            )));
        }
        let tls = self.tls.check()?;
        if tls.is_empty() && server.listen.iter().any(|listen| listen.tls == Some(true)) {
            return Err(ConfigError(
                "--listen with tls=on needs a certificate: add --tls-cert and --tls-key".to_owned(),
            ));
        }
        let most = usize::try_from(open_files.saturating_sub(RESERVED_FILES).max(16)).unwrap_or(usize::MAX);
        let max_connections = match self.limits.max_connections.map(|n| n as usize) {
            Some(n) if n > most => {
                return Err(ConfigError(format!(
                    "--max-connections {n}: the limit of open files leaves room for {most}; raise it (ulimit -n)"
                )));
            }
            chosen => chosen.unwrap_or(most),
        };
        Ok(Config {
            listen: server.listen,
            tls,
            identity: IdentityConfig { is_open_meant: server.allow_open, ..identity },
            public_url: server.public_url,
            allowed_hosts: server.allowed_hosts,
            allow_origin: server.allow_origin,
            compresses: server.compress.is_on(),
            trusted_proxies: server.trusted_proxies,
            client_header: server.client_header,
            drain_delay: server.drain_delay,
            store: StoreConfig { revisions: self.limits.revisions, ..self.database.store(self.migrate) },
            content_limit: self.limits.content_limit,
            edit_window: Some(self.limits.edit_window).filter(|window| !window.is_zero()),
            stall_timeout: self.limits.stall_timeout,
            max_connections,
            unsent_limit: self.limits.unsent_limit,
            quotas: self.rates.quotas(),
            limits_exempt: self.rates.exempt(),
            timings: self.timings,
        })
    }
}

impl Config {
    /// Returns true if only this machine can reach the server.
    #[must_use]
    pub fn is_loopback_only(&self) -> bool {
        self.listen.iter().all(Listen::is_local)
    }

    /// Returns true if the server knows the names it is reached by, besides addresses and this machine's own names.
    #[must_use]
    pub fn has_names(&self) -> bool {
        self.public_url.is_some() || !self.allowed_hosts.is_empty()
    }
}
