//! Parlor: a chat server whose every event is durable, ordered and readable three ways.

pub mod app;
pub mod chat;
pub mod clock;
pub mod config;
pub mod domain;
pub mod http;
pub mod hub;
pub mod journal;
pub mod shutdown;
pub mod store;
