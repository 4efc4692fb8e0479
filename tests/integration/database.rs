//! What is asked of the database.

mod migrations;
mod statements;
