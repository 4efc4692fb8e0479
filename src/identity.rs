//! Identity: the credentials by which a request says whose it is, and what each of them allows.

pub mod accounts;
pub mod authenticator;
pub mod failures;
pub mod jwt;
pub mod jwt_key;
mod key_file;
mod key_uses;
mod narrowing;
pub mod network;
pub mod not_proven;
pub mod password;
pub mod secret;
pub mod signing_key;
pub mod start;
mod versions;
