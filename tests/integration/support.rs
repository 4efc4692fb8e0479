//! The support of every test: a server process, a reader for each transport, and waiting with a deadline.

pub mod browser;
pub mod cluster;
pub mod command;
pub mod database;
pub mod index;
pub mod lossy_line;
pub mod poll;
pub mod problem;
pub mod proxy;
pub mod ranks;
pub mod raw;
pub mod reader;
pub mod rooms;
pub mod secrets;
pub mod server;
pub mod socket;
pub mod sse;
pub mod state;
pub mod statements;
pub mod tls;
pub mod users;
pub mod wire;

use std::{fmt::Display, time::Duration};

use rand::{SeedableRng as _, rngs::StdRng};

pub use reader::{Query, Reader, Transport};
pub use server::Server;

/// The time a test waits for an event; far more than a healthy server needs.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// The work's result; the test fails, saying what it waited for, when the deadline passes first.
pub async fn within<F: Future>(deadline: Duration, what: impl Display, work: F) -> F::Output {
    let output = tokio::time::timeout(deadline, work).await;
    output.unwrap_or_else(|_| panic!("waited {deadline:?} in vain: {what}"))
}

/// Random numbers that can be drawn again: the seed is printed, and taken from `TEST_SEED` if set.
pub fn seeded() -> StdRng {
    let given = std::env::var("TEST_SEED").ok().map(|seed| seed.parse().expect("TEST_SEED is a number"));
    let seed: u64 = given.unwrap_or_else(rand::random);
    println!("to draw the same again: TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}
