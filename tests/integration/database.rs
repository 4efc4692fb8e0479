//! What is asked of the database.

mod statements;
