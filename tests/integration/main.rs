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

mod database;
mod database_server;
mod identity;
mod limits;
mod messages;
mod presence;
mod program;
mod promises;
mod read_cursors;
mod requests;
mod rooms;
mod search;
mod server;
mod sqlite_file;
mod stream;
#[expect(dead_code, unreachable_pub, reason = "made for every kind of test, and public as a library would be")]
mod support;
