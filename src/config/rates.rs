//! The limits of rate: their quotas, and the networks that are exempt.

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::numbers::network;
use crate::{
    domain::limit::Limit,
    limits::{Quotas, quota::Quota},
};

/// The limits of rate, all of them or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Limiting {
    /// All limits hold.
    On,
    /// Anybody may do as much as the machine can.
    Off,
}

/// The settings of limits of rate.
#[derive(Debug, Clone, Args)]
pub struct RateArgs {
    /// Limit how much a user or an address may do in a time
    #[arg(long, env = "PARLOR_LIMITS", value_name = "WHETHER", value_enum, default_value_t = Limiting::On)]
    pub limits: Limiting,

    /// Networks whose requests are not limited, or none. This machine's own are never those that a proxy passes on
    #[arg(long, env = "PARLOR_LIMITS_EXEMPT", value_name = "NETS", value_delimiter = ',', default_values = LOOPBACK, value_parser = exempt)]
    pub limits_exempt: Vec<Exempt>,

    /// Messages posted, by each user, as in 60/min:20, where 20 may come at once
    #[arg(long, env = "PARLOR_LIMIT_POSTS", value_name = "QUOTA", default_value = "60/min:20")]
    pub limit_posts: Quota,

    /// Messages edited and deleted, by each user
    #[arg(long, env = "PARLOR_LIMIT_EDITS", value_name = "QUOTA", default_value = "60/min")]
    pub limit_edits: Quota,

    /// Reactions added and taken back, by each user
    #[arg(long, env = "PARLOR_LIMIT_REACTIONS", value_name = "QUOTA", default_value = "60/min")]
    pub limit_reactions: Quota,

    /// Typing updates, by each user
    #[arg(long, env = "PARLOR_LIMIT_TYPING", value_name = "QUOTA", default_value = "120/min")]
    pub limit_typing: Quota,

    /// Read cursors moved, by each user
    #[arg(long, env = "PARLOR_LIMIT_READS", value_name = "QUOTA", default_value = "120/min")]
    pub limit_reads: Quota,

    /// Searches, by each user
    #[arg(long, env = "PARLOR_LIMIT_SEARCHES", value_name = "QUOTA", default_value = "60/min:20")]
    pub limit_searches: Quota,

    /// Rooms made, by each user
    #[arg(long, env = "PARLOR_LIMIT_ROOMS", value_name = "QUOTA", default_value = "50/d")]
    pub limit_rooms: Quota,

    /// Streams and sockets opened, by each user
    #[arg(long, env = "PARLOR_LIMIT_STREAMS", value_name = "QUOTA", default_value = "60/min:30")]
    pub limit_streams: Quota,

    /// Accounts registered without an invitation, from each address
    #[arg(long, env = "PARLOR_LIMIT_REGISTRATIONS", value_name = "QUOTA", default_value = "5/h:20")]
    pub limit_registrations: Quota,

    /// Requests of the API and frames of sockets, by each user
    #[arg(long, env = "PARLOR_LIMIT_REQUESTS", value_name = "QUOTA", default_value = "600/min:200")]
    pub limit_requests: Quota,
}

/// A network whose requests are not limited; absent for the word `none`.
pub type Exempt = Option<IpNet>;

/// The addresses of this machine.
const LOOPBACK: [&str; 2] = ["127.0.0.0/8", "::1/128"];

fn exempt(text: &str) -> Result<Exempt, String> {
    if text == "none" { Ok(None) } else { network(text).map(Some) }
}

impl RateArgs {
    /// The quotas of all limits; absent where there are none.
    #[must_use]
    pub fn quotas(&self) -> Option<Quotas> {
        let quota = |limit| match limit {
            Limit::Posts => self.limit_posts,
            Limit::Edits => self.limit_edits,
            Limit::Reactions => self.limit_reactions,
            Limit::Typing => self.limit_typing,
            Limit::Reads => self.limit_reads,
            Limit::Searches => self.limit_searches,
            Limit::Rooms => self.limit_rooms,
            Limit::Streams => self.limit_streams,
            Limit::Registrations => self.limit_registrations,
            Limit::Requests => self.limit_requests,
        };
        (self.limits == Limiting::On).then(|| Limit::ALL.map(quota))
    }

    /// The networks whose requests are not limited.
    #[must_use]
    pub fn exempt(&self) -> Vec<IpNet> {
        self.limits_exempt.iter().copied().flatten().collect()
    }
}
