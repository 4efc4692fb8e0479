//! Reading rooms as they happen, on every transport.

mod bad_frames;
mod change_frames;
mod chunks;
mod closing;
mod filter;
mod handshake;
mod idle_socket;
mod long_poll;
mod many_rooms;
mod reset;
mod same_bytes;
mod socket_frames;
