//! The addresses and names of the server, and the clients it accepts.

use std::time::Duration;

use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::{
    listen::Listen,
    numbers::network,
    site::{HostName, Origin},
    switch::Switch,
};

/// The header in which a proxy writes the address of the client that it passes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientHeader {
    /// `X-Forwarded-For`.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// None: the client is whoever connects.
    None,
}

/// The settings of the server's address and of who may reach it.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// The places to listen on.
    #[arg(
        help = "Address to listen on, or unix:/path.sock, or systemd: for the sockets of the service manager; port 0 picks a free one. Several by repeating it, in the variable by spaces"
    )]
    #[arg(long, env = "PARLOR_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:3000", value_delimiter = ' ')]
    pub listen: Vec<Listen>,

    /// The address that browsers see.
    #[arg(
        help = "The address that browsers see, as in https://chat.example.org: its host is answered, and its pages may use the API"
    )]
    #[arg(long, env = "PARLOR_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<Origin>,

    /// More names that a request may ask for, besides the public URL's, IP addresses and localhost; others are refused. With neither set, any name will do on an address that is not loopback
    #[arg(long, env = "PARLOR_ALLOWED_HOSTS", value_name = "NAME", value_delimiter = ',')]
    pub allowed_hosts: Vec<HostName>,

    /// Sites whose pages may use the API (CORS) and open sockets.
    #[arg(help = "Let pages of these sites use the API (CORS) and open sockets; as in https://example.org")]
    #[arg(long, env = "PARLOR_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    pub allow_origin: Vec<Origin>,

    /// Compress long answers in JSON, with gzip or brotli: on or off; streams never are
    #[arg(
        long,
        env = "PARLOR_COMPRESS",
        value_enum,
        value_name = "on|off",
        hide_possible_values = true,
        default_value = "on"
    )]
    pub compress: Switch,

    /// Networks of proxies whose header says which client they pass on, as in 10.0.0.0/8 or 192.0.2.7
    #[arg(long, env = "PARLOR_TRUSTED_PROXIES", value_name = "NETS", value_delimiter = ',', value_parser = network)]
    pub trusted_proxies: Vec<IpNet>,

    /// The header in which trusted proxies write the client's address; no other is read
    #[arg(long, env = "PARLOR_CLIENT_HEADER", value_name = "HEADER", value_enum, default_value_t = ClientHeader::XForwardedFor)]
    pub client_header: ClientHeader,

    /// Say that open mode is meant on an address that others can reach
    #[arg(long, env = "PARLOR_ALLOW_OPEN", value_name = "BOOL", default_value_t = false, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true")]
    pub allow_open: bool,

    /// Time that /readyz answers 503 before the listener closes
    #[arg(long, env = "PARLOR_DRAIN_DELAY", value_name = "TIME", default_value = "0s", value_parser = humantime::parse_duration)]
    pub drain_delay: Duration,
}
