//! Which database, and how it is opened.

use clap::{Args, ValueEnum};

use super::{DatabaseUrl, limits::DEFAULT_REVISIONS};

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

    /// The wait of `SQLite` for the disk before a post is answered.
    #[arg(
        help = "SQLite waits for the disk before a post is answered; off is for throw-away data: a crash of the machine can lose answered posts"
    )]
    #[arg(long, env = "PARLOR_SQLITE_SYNCHRONOUS", value_name = "MODE", default_value = "full")]
    pub sqlite_synchronous: Synchronous,
}

/// The modes of a commit: waiting for the disk or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Synchronous {
    /// Wait for the disk.
    Full,
    /// Don't wait.
    Off,
}

/// The options that the database is opened with.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The address of the database.
    pub url: DatabaseUrl,
    /// True if `SQLite` waits for the disk at a commit; `false` is for throw-away data only.
    pub fsync: bool,
    /// True if a database behind this program's tables is brought up to date.
    pub migrate: bool,
    /// The number of earlier contents of an edited message that are kept.
    pub revisions: u32,
}

impl DatabaseArgs {
    /// The options that the database is opened with.
    #[must_use]
    pub fn store(&self, migrate: bool) -> StoreConfig {
        StoreConfig {
            url: self.database_url.clone(),
            fsync: self.sqlite_synchronous == Synchronous::Full,
            migrate,
            revisions: DEFAULT_REVISIONS,
        }
    }
}
