//! Presence and typing in a room.

mod online;
mod typing;
