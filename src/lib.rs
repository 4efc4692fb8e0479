//! Parlor: a chat server whose every event is durable, ordered and readable three ways.

pub mod clock;
pub mod domain;
