//! Identity: the credentials by which a request says whose it is, and what each of them allows.

pub mod authenticator;
pub mod jwt;
pub mod jwt_key;
mod key_file;
mod key_uses;
pub mod secret;
pub mod signing_key;
pub mod start;
