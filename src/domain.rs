//! The domain: rooms, messages, events, cursors and the rules for names. Pure, no IO.

pub mod access;
pub mod account;
pub mod act;
pub mod actor;
pub mod api_key;
pub mod audit;
pub mod bounds;
pub mod content;
pub mod cursor;
pub mod denied;
pub mod emoji;
pub mod event;
pub mod invalid;
pub mod limit;
pub mod me;
pub mod membership;
pub mod message;
pub mod meter;
pub mod name;
pub mod new_name;
pub mod page;
pub mod policy;
pub mod read_cursor;
pub mod rights;
pub mod room;
pub mod room_scope;
pub mod search;
pub mod stream_id;
pub mod ticket;
pub mod timestamp;
pub mod tokens;
pub mod transport;
pub mod user;
pub mod version;
pub mod visible;

/// The id of a durable event within its room: 1, 2, 3 … without a gap. At once the message id, the
/// resume cursor and the paging key; 0 is the cursor before the first event.
///
/// Signed because every SQL database has a signed 64-bit integer and not all have an unsigned one.
pub type EventId = i64;
