//! The limits of the server, in number and in time.

use std::time::Duration;

use clap::Args;

use super::numbers::whole;
use crate::domain::content::ContentLimit;

/// The default number of earlier contents of an edited message that are kept.
pub const DEFAULT_REVISIONS: u32 = 100;

/// The limits.
#[derive(Debug, Clone, Args)]
pub struct LimitArgs {
    /// The most connections at once [default: the limit of open files minus 256]
    #[arg(long, env = "PARLOR_MAX_CONNECTIONS", value_name = "N", value_parser = whole(1..=u32::MAX))]
    pub max_connections: Option<u32>,

    /// The most bytes of UTF-8 that a message may have, up to 20000
    #[arg(long, env = "PARLOR_CONTENT_LIMIT", value_name = "BYTES", default_value_t)]
    pub content_limit: ContentLimit,

    /// Time after its posting in which a message may be edited by its author; 0 is for ever
    #[arg(long, env = "PARLOR_EDIT_WINDOW", value_name = "TIME", default_value = "15m", value_parser = humantime::parse_duration)]
    pub edit_window: Duration,

    /// Number of earlier contents of an edited message that are kept, up to 10000; the oldest go first
    #[arg(long, env = "PARLOR_REVISIONS", value_name = "N", default_value_t = DEFAULT_REVISIONS, value_parser = whole(0..=10_000_u32))]
    pub revisions: u32,

    /// Cut a reader that has not taken what waits for it for so long; it resumes by its cursor
    #[arg(long, env = "PARLOR_STALL_TIMEOUT", value_name = "TIME", default_value = "60s", value_parser = stall_timeout)]
    pub stall_timeout: Duration,

    /// The most memory for answers that their readers have not taken yet, such as 64MiB; at least 1MiB
    #[arg(long, env = "PARLOR_UNSENT_LIMIT", value_name = "SIZE", default_value = "256MiB", value_parser = memory)]
    pub unsent_limit: usize,
}

/// The units of a size, and how many bytes each has.
const UNITS: [(&str, usize); 3] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

fn memory(text: &str) -> Result<usize, String> {
    let unit = UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)));
    let (number, unit) = unit.unwrap_or((text, 1));
    let bytes = number.trim().parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    let bytes = bytes.ok_or("has to be a number of bytes, or one of KiB, MiB or GiB, as 256MiB")?;
    if bytes >= 1 << 20 { Ok(bytes) } else { Err("has to be at least 1MiB".into()) }
}

fn stall_timeout(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_secs(1)..=Duration::from_hours(1)).contains(&time) {
        Ok(time)
    } else {
        Err("has to be from 1s to 1h".into())
    }
}
