//! Parlor: a chat server whose every event is durable, ordered and readable three ways.
//!
//! A room is a log, a reader is a cursor; nothing is queued per reader. One message, walked:
//!
//! 1. [`http::messages`] reads the request,
//! 2. [`chat::messages`] checks it and submits a command,
//! 3. [`journal::writer`] takes all commands that wait, and [`journal::decide`] gives each its id,
//! 4. [`store::transaction`] writes their rows in one transaction, and commits: the message is on disk,
//! 5. [`hub::room`] encodes the event once, puts it into its ring, and wakes the readers,
//! 6. [`hub::subscription`] gives each what is past its cursor, from the ring or from the store,
//! 7. [`http::stream`] writes it: [`http::stream::sse`], [`http::stream::long_poll`],
//!    [`http::stream::websocket`].
//!
//! A module uses only what stands left of it: `domain ← store ← identity ← hub ← journal ← chat ← app ← http ←
//! server ← cli ← main`. `config`, `clock`, `telemetry` and `shutdown` are for all.

pub mod app;
pub mod chat;
pub mod cli;
pub mod clock;
pub mod config;
pub mod connections;
pub mod domain;
pub mod http;
pub mod hub;
pub mod identity;
pub mod journal;
#[cfg(test)]
mod layers;
pub mod limits;
pub mod server;
pub mod shutdown;
pub mod store;
pub mod telemetry;
pub mod unsent;
