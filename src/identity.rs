//! Identity: the credentials by which a request says whose it is. Pure, without the database.

pub mod jwt;
pub mod jwt_key;
mod key_file;
pub mod secret;
pub mod signing_key;
