//! The program, its command line and its documents.

mod bench_bar;
mod command_line;
mod documents;
mod folding;
mod hangup;
mod identity_recipes;
mod log;
mod parts;
mod passwords;
mod readme;
mod refused_values;
mod tokens;
mod users_and_keys;
