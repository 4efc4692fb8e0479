//! Identity: the credentials by which a request says whose it is. Pure, without the database.

pub mod secret;
