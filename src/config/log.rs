//! The settings of the log.

use clap::{Args, ValueEnum};

/// The settings of the log.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// Format of the log on standard error
    #[arg(long, env = "PARLOR_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// Events that are logged, as in info or parlor=debug
    #[arg(long, env = "PARLOR_LOG", value_name = "FILTER", default_value = "info,sea_orm_migration=warn")]
    pub log: String,
}

/// The formats of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs, an object a line.
    Json,
}
