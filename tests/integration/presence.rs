//! Who is in a room, and who types.

mod online;
mod typing;
