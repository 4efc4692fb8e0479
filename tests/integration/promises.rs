//! The promises to every reader and writer, whatever happens meanwhile.

mod abort;
mod contention;
mod drain;
mod durability;
mod erasure;
mod hostile_text;
mod join;
mod lost_answer;
mod membership;
mod scenario;
mod sequences;
mod slow_reader;
mod state;
mod stored_text;
