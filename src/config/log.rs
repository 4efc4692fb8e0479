//! What is logged, and how.

use clap::{Args, ValueEnum};

/// The settings of the log.
#[derive(Debug, Clone, Args)]
pub struct LogArgs {
    /// How the log is written to standard error
    #[arg(long, env = "PARLOR_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormat,

    /// What is logged, as in info or parlor=debug
    #[arg(long, env = "PARLOR_LOG", value_name = "FILTER", default_value = "info,sea_orm_migration=warn")]
    pub log: String,
}

/// How the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For programs, an object a line.
    Json,
}
