//! The tables as `SeaORM` sees them, one a file.

pub(super) mod account;
pub(super) mod api_key;
pub(super) mod audit;
pub(super) mod auth_version;
pub(super) mod batch;
pub(super) mod direct;
pub(super) mod erasure;
pub(super) mod event;
pub(super) mod follower_cursor;
pub(super) mod invitation;
pub(super) mod journal;
pub(super) mod last_post;
pub(super) mod membership;
pub(super) mod message;
pub(super) mod message_search;
pub(super) mod name_skeleton;
pub(super) mod password;
pub(super) mod password_reset;
pub(super) mod reaction;
pub(super) mod read_cursor;
pub(super) mod renewal;
pub(super) mod revision;
pub(super) mod room;
pub(super) mod session;
pub(super) mod setting;
pub(super) mod ticket;
