//! `docs/limits.md` says what the settings of the limits say.

use std::{fmt::Write as _, fs};

use clap::Args as _;

use crate::{
    config::RateArgs,
    domain::limit::Limit,
    limits::{OF_ADDRESS, OF_BOT, STREAMS_AT_ONCE, quota::Quota, readers::OF_USER},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The quota of a limit, unless another is set.
fn default_of(limit: Limit) -> Quota {
    let all = RateArgs::augment_args(clap::Command::new("serve"));
    let flag = format!("limit-{}", limit.word());
    let setting =
        all.get_arguments().find(|arg| arg.get_long() == Some(&*flag)).unwrap_or_else(|| panic!("no --{flag}"));
    setting.get_default_values()[0].to_str().unwrap().parse().unwrap()
}

/// The document, made from the settings.
fn document() -> String {
    let mut text = String::from(
        "# Limits of rate\n\nMade from the settings in `src/config/rates.rs`; a test compares the two. Each is set by \
         `--limit-NAME RATE/PERIOD:BURST`, as in `--limit-posts 60/min:20`: 60 a minute, of which 20 may come at once. \
         Without `:BURST` all may. `--limits off` sets none.\n\n\
         | name | counts | a user | a bot | an address |\n| --- | --- | --- | --- | --- |\n",
    );
    for limit in Limit::ALL {
        let quota = default_of(limit);
        let shown = |quota: Quota| format!("`{quota}`");
        let (user, bot, address) = match limit {
            Limit::Registrations => (String::new(), String::new(), shown(quota)),
            _ => (shown(quota), shown(quota.times(OF_BOT)), shown(crate::limits::of_address(limit, quota))),
        };
        writeln!(text, "| `{}` | {} | {user} | {bot} | {address} |", limit.word(), limit.what()).unwrap();
    }
    write!(
        text,
        "\n- With `--auth required` a user is counted wherever they are, and who comes without a credential by the address. \
         Bots have {OF_BOT} times as much as people.\n\
         - In open mode a name is counted within its address, and the address for all names together: it has {OF_ADDRESS} \
         times as much, and may open {STREAMS_AT_ONCE} streams at once, since a restart sends a whole office back.\n\
         - An address is one of IPv4, or the first 64 bits of one of IPv6; behind a proxy it is \
         [the client's](operating.md#the-clients-address).\n\
         - Every request of the API counts as `requests`, and each frame of a socket. Pages, health checks and `304` don't.\n\
         - `--limits-exempt NETS` names networks whose requests are not limited, `none` for no network. The default is this \
         machine. It is not exempt where it is a trusted proxy, nor are requests with `Forwarded`, `X-Forwarded-*` or `Via`, \
         which a proxy has passed on.\n\
         - At once a user may have {OF_USER} streams, sockets and polls, and an address 1,000 where no credential says who \
         reads: one more is answered `429`. An address may have 1,000 connections, and a quarter of `--max-connections`: one \
         more is answered `503` and closed. Connections of trusted proxies and of exempt networks are not counted.\n\
         - Tries with a wrong password are limited by themselves: after 10 of a name from one network each next one has to wait, \
         from 1 s to 15 min, and is answered `429` `too_many_failures` before.\n\
         - Counts are kept in memory of a fixed size and begin at nothing after a restart.\n\n\
         ## What clients see\n\n\
         | | |\n| --- | --- |\n\
         | an answer that was counted | `RateLimit-Policy: \"posts\";q=20;w=20`: 20 at once, which come back in 20 s. \
         `RateLimit: \"posts\";r=12;t=8`: 12 are left, and in 8 s all are back; with `r=0` the next one is. \
         `X-RateLimit-Limit`, `-Remaining` and `-Reset` say the same |\n\
         | one too many | `429` `rate_limited` with `Retry-After`. Nothing was done; a post that was stored before is answered \
         all the same when it is repeated with its `client_id` |\n\
         | an `EventSource` | an `error` event with the problem, after which it comes back by itself |\n\
         | a poll | waits for its turn, up to 50 s, instead of being refused |\n\
         | a socket | frames are answered by `error` frames like requests. One that sends more than `requests` allows is \
         read more slowly; nothing of it is lost |\n\
         | `GET /api/v1/limits` | all that one has left |\n"
    )
    .unwrap();
    text.replace(" |  |", " | |").replace(" |  |", " | |")
}

#[test]
fn the_document_is_made_from_the_settings() {
    let made = document();
    let written = fs::read_to_string(format!("{ROOT}/docs/limits.md")).unwrap_or_default();
    assert!(written == made, "docs/limits.md has to be:\n{made}");
}
