//! Parlor as its users meet it: the real binary, spoken to over HTTP.

/// Makes a test for each transport of a function that takes one.
macro_rules! over_every_transport {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            use crate::support::Transport;

            #[tokio::test]
            async fn by_sse() {
                super::$name(Transport::Sse).await;
            }

            #[tokio::test]
            async fn by_long_poll() {
                super::$name(Transport::LongPoll).await;
            }

            #[tokio::test]
            async fn by_websocket() {
                super::$name(Transport::WebSocket).await;
            }
        })*
    };
}

mod abort;
mod bad_changes;
mod bad_frames;
mod bad_input;
mod bench_bar;
mod change_frames;
mod changes;
mod command_line;
mod content_limit;
mod contention;
mod cross_site;
mod database_server;
mod documents;
mod drain;
mod durability;
mod erased;
mod filter;
mod hostile_text;
mod idle_socket;
mod internal_fault;
mod join;
mod long_poll;
mod lost_answer;
mod many_rooms;
mod presence;
mod proxies;
mod readme;
mod reads;
mod reset;
mod rest;
mod same_bytes;
mod scenario;
mod search;
mod sequences;
mod serving;
mod slow_reader;
mod socket_frames;
mod sqlite_file;
mod state;
mod statements;
mod stored_text;
#[expect(dead_code, unreachable_pub, reason = "made for every kind of test, and public as a library would be")]
mod support;
mod typing;
