//! The product's own times. Their defaults suit real clients; a test shortens them rather than wait.

use std::time::Duration;

use clap::Args;

/// The shortest time that can be set: a shorter one would be lost in the noise of a busy machine.
const SHORTEST: Duration = Duration::from_millis(10);
/// The longest time that can be set.
const LONGEST: Duration = Duration::from_hours(1);

/// The times after which the server does something by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Times")]
pub struct Timings {
    /// Time that typing lasts after a request started it
    #[arg(long, env = "PARLOR_TYPING_LAPSE", value_name = "TIME", default_value = shown(Self::DEFAULT.typing_lapse), value_parser = time)]
    pub typing_lapse: Duration,

    /// Time that typing lasts after a socket, which can also end it, started it
    #[arg(long, env = "PARLOR_SOCKET_TYPING_LAPSE", value_name = "TIME", default_value = shown(Self::DEFAULT.socket_typing_lapse), value_parser = time)]
    pub socket_typing_lapse: Duration,

    /// Time that a user stays online after the last connection ended, so that a reload is no event
    #[arg(long, env = "PARLOR_PRESENCE_GRACE", value_name = "TIME", default_value = shown(Self::DEFAULT.presence_grace), value_parser = time)]
    pub presence_grace: Duration,

    /// Time that a poll counts as a connection after it was answered
    #[arg(long, env = "PARLOR_PRESENCE_LEASE", value_name = "TIME", default_value = shown(Self::DEFAULT.presence_lease), value_parser = time)]
    pub presence_lease: Duration,

    /// Shortest time between two counts of users, where too many are online to name them
    #[arg(long, env = "PARLOR_PRESENCE_DIGEST_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.presence_digest_interval), value_parser = time)]
    pub presence_digest_interval: Duration,

    /// Shortest time between two read receipts of one user
    #[arg(long, env = "PARLOR_READ_RECEIPT_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.read_receipt_interval), value_parser = time)]
    pub read_receipt_interval: Duration,

    /// After how much silence a stream or a socket gets a ping event
    #[arg(long, env = "PARLOR_PING_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.ping_interval), value_parser = time)]
    pub ping_interval: Duration,

    /// Time between two ping frames to a socket; after two without an answer it is closed
    #[arg(long, env = "PARLOR_SOCKET_PING_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.socket_ping_interval), value_parser = time)]
    pub socket_ping_interval: Duration,

    /// Time that a socket's client may take to end the connection once a close was sent
    #[arg(long, env = "PARLOR_SOCKET_CLOSE_TIMEOUT", value_name = "TIME", default_value = shown(Self::DEFAULT.socket_close_timeout), value_parser = time)]
    pub socket_close_timeout: Duration,

    /// Time after an ephemeral event that a poll waits for more of them
    #[arg(long, env = "PARLOR_POLL_EPHEMERAL_WAIT", value_name = "TIME", default_value = shown(Self::DEFAULT.poll_ephemeral_wait), value_parser = time)]
    pub poll_ephemeral_wait: Duration,

    /// Time that the handshake of TLS may take, and then the first frame of HTTP/2
    #[arg(long, env = "PARLOR_HANDSHAKE_TIMEOUT", value_name = "TIME", default_value = shown(Self::DEFAULT.handshake_timeout), value_parser = time)]
    pub handshake_timeout: Duration,

    /// Time that a connection of HTTP/2 may be without a request
    #[arg(long = "http2-idle-time", env = "PARLOR_HTTP2_IDLE_TIME", value_name = "TIME", default_value = shown(Self::DEFAULT.http2_idle_time), value_parser = time)]
    pub http2_idle_time: Duration,

    /// Time between two looks at whether the files of certificates have changed
    #[arg(long, env = "PARLOR_CERTIFICATE_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.certificate_interval), value_parser = time)]
    pub certificate_interval: Duration,

    /// Time that the head of a request may take, and that a connection may be idle between two requests
    #[arg(long, env = "PARLOR_HEAD_TIMEOUT", value_name = "TIME", default_value = shown(Self::DEFAULT.head_timeout), value_parser = time)]
    pub head_timeout: Duration,

    /// Time that the body of a request may take
    #[arg(long, env = "PARLOR_BODY_TIMEOUT", value_name = "TIME", default_value = shown(Self::DEFAULT.body_timeout), value_parser = time)]
    pub body_timeout: Duration,

    /// Time that a change waits for the database before it is answered 503
    #[arg(long, env = "PARLOR_WRITE_TIMEOUT", value_name = "TIME", default_value = shown(Self::DEFAULT.write_timeout), value_parser = time)]
    pub write_timeout: Duration,

    /// Time that the database may neither take nor refuse a change before it counts as out
    #[arg(long, env = "PARLOR_HANG_TIMEOUT", value_name = "TIME", default_value = shown(Self::DEFAULT.hang_timeout), value_parser = time)]
    pub hang_timeout: Duration,

    /// Time between two probes of a database that is out
    #[arg(long, env = "PARLOR_PROBE_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.probe_interval), value_parser = time)]
    pub probe_interval: Duration,

    /// Time between two looks at who has lost a right; with `--auth required`
    #[arg(long, env = "PARLOR_REVOCATION_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.revocation_interval), value_parser = time)]
    pub revocation_interval: Duration,

    /// Time without such a look after which nothing is delivered until there was one
    #[arg(long, env = "PARLOR_REVOCATION_PATIENCE", value_name = "TIME", default_value = shown(Self::DEFAULT.revocation_patience), value_parser = time)]
    pub revocation_patience: Duration,

    /// Time that a ticket for a stream or a socket is good for; with `--auth required`
    #[arg(long, env = "PARLOR_TICKET_LIFETIME", value_name = "TIME", default_value = shown(Self::DEFAULT.ticket_lifetime), value_parser = time)]
    pub ticket_lifetime: Duration,

    /// Time between two notes of when a session or an API key was last used; with `--auth required`
    #[arg(long, env = "PARLOR_LAST_USE_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.last_use_interval), value_parser = time)]
    pub last_use_interval: Duration,

    /// Time before the end of a credential at which its streams and sockets are told; with `--auth required`
    #[arg(long, env = "PARLOR_AUTH_NOTICE", value_name = "TIME", default_value = shown(Self::DEFAULT.auth_notice), value_parser = time)]
    pub auth_notice: Duration,

    /// Time that an unused room stays in memory
    #[arg(long, env = "PARLOR_ROOM_IDLE_TIME", value_name = "TIME", default_value = shown(Self::DEFAULT.room_idle_time), value_parser = time)]
    pub room_idle_time: Duration,

    /// Time between two looks for unused rooms
    #[arg(long, env = "PARLOR_ROOM_SWEEP_INTERVAL", value_name = "TIME", default_value = shown(Self::DEFAULT.room_sweep_interval), value_parser = time)]
    pub room_sweep_interval: Duration,

    /// Over how long streams are ended when the server ends, so that they don't all come back at once
    #[arg(long, env = "PARLOR_DRAIN_SPREAD", value_name = "TIME", default_value = shown(Self::DEFAULT.drain_spread), value_parser = time)]
    pub drain_spread: Duration,

    /// Longest time between closing the listener and the end; what is left then is cut
    #[arg(long, env = "PARLOR_DRAIN_TIMEOUT", value_name = "TIME", default_value = shown(Self::DEFAULT.drain_timeout), value_parser = time)]
    pub drain_timeout: Duration,

    /// Time that an answer waits for memory before it is refused to an address that holds more than its share
    #[arg(long, env = "PARLOR_UNSENT_WAIT", value_name = "TIME", default_value = shown(Self::DEFAULT.unsent_wait), value_parser = time)]
    pub unsent_wait: Duration,

    /// Time that a reader may take nothing before it is cut when memory for answers has run out
    #[arg(long, env = "PARLOR_UNSENT_STALL", value_name = "TIME", default_value = shown(Self::DEFAULT.unsent_stall), value_parser = time)]
    pub unsent_stall: Duration,
}

impl Timings {
    /// The times that hold unless others are set.
    pub const DEFAULT: Self = Self {
        typing_lapse: Duration::from_secs(6),
        socket_typing_lapse: Duration::from_mins(1),
        presence_grace: Duration::from_secs(5),
        presence_lease: Duration::from_secs(30),
        presence_digest_interval: Duration::from_secs(5),
        read_receipt_interval: Duration::from_secs(1),
        ping_interval: Duration::from_secs(15),
        socket_ping_interval: Duration::from_secs(20),
        socket_close_timeout: Duration::from_secs(5),
        poll_ephemeral_wait: Duration::from_secs(2),
        handshake_timeout: Duration::from_secs(10),
        http2_idle_time: Duration::from_mins(1),
        certificate_interval: Duration::from_mins(1),
        head_timeout: Duration::from_secs(15),
        body_timeout: Duration::from_secs(15),
        write_timeout: Duration::from_secs(10),
        hang_timeout: Duration::from_secs(7),
        probe_interval: Duration::from_secs(1),
        revocation_interval: Duration::from_secs(1),
        revocation_patience: Duration::from_secs(5),
        ticket_lifetime: Duration::from_secs(30),
        last_use_interval: Duration::from_mins(1),
        auth_notice: Duration::from_mins(1),
        room_idle_time: Duration::from_mins(1),
        room_sweep_interval: Duration::from_secs(10),
        drain_spread: Duration::from_secs(2),
        drain_timeout: Duration::from_secs(10),
        unsent_wait: Duration::from_secs(1),
        unsent_stall: Duration::from_secs(10),
    };
}

impl Default for Timings {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A time as it is written in a setting: `15s`.
fn shown(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (SHORTEST..=LONGEST).contains(&time) {
        Ok(time)
    } else {
        Err(format!("has to be from {} to {}", shown(SHORTEST), shown(LONGEST)))
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;

    fn parse(args: &[&str]) -> Result<Timings, String> {
        // The environment of whoever runs the tests has no say.
        let command =
            Timings::augment_args(clap::Command::new("test").no_binary_name(true)).mut_args(|arg| arg.env(None));
        let matches = command.try_get_matches_from(args).map_err(|error| error.to_string())?;
        Ok(Timings::from_arg_matches(&matches).unwrap())
    }

    #[test]
    fn without_a_flag_the_defaults_hold() {
        assert_eq!(parse(&[]).unwrap(), Timings::default());
    }

    #[test]
    fn each_time_has_a_flag_and_bounds() {
        let set = parse(&["--ping-interval", "10ms", "--presence-lease=1h"]).unwrap();
        assert_eq!((set.ping_interval, set.presence_lease), (SHORTEST, LONGEST));
        assert_eq!(set.presence_grace, Timings::DEFAULT.presence_grace);
        for flag in Timings::augment_args(clap::Command::new("test")).get_arguments().filter_map(clap::Arg::get_long) {
            for bad in ["0s", "9ms", "61m", "soon"] {
                let refused = parse(&[&format!("--{flag}={bad}")]).unwrap_err();
                assert!(refused.contains(&format!("--{flag}")), "{refused}");
            }
        }
    }
}
