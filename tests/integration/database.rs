//! The statements to the database.

mod migrations;
mod statements;
