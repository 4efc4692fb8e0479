//! Limits of rate: each kind of thing that is limited, and what is left of it.

use std::time::Duration;

macro_rules! limits {
    ($($name:ident = $word:literal, $what:literal;)+) => {
        /// A kind of thing of which only so much may be done in a time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Limit {
            $(#[doc = $what] $name,)+
        }

        impl Limit {
            /// Every one.
            pub const ALL: [Self; [$(stringify!($name)),+].len()] = [$(Self::$name),+];

            /// The name, as settings and headers have it.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }

            /// The things that it counts, in documents.
            #[must_use]
            pub const fn what(self) -> &'static str {
                match self { $(Self::$name => $what,)+ }
            }
        }
    };
}

limits! {
    Posts = "posts", "messages posted";
    Edits = "edits", "messages edited or deleted";
    Reactions = "reactions", "reactions added or taken back";
    Typing = "typing", "typing updates";
    Reads = "reads", "read cursors moved";
    Searches = "searches", "searches";
    Rooms = "rooms", "rooms made";
    Streams = "streams", "streams and sockets opened";
    Registrations = "registrations", "accounts registered without an invitation";
    Requests = "requests", "requests of the API, and frames of sockets";
}

/// The state of a limit for somebody, after what they did last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The limit.
    pub limit: Limit,
    /// The number that may be done in one instant when nothing was done for `window`.
    pub burst: u32,
    /// The time in which all of the burst comes back.
    pub window: Duration,
    /// The number that may be done now.
    pub left: u32,
    /// The time until all of the burst is there.
    pub full_in: Duration,
    /// The time until one more may be done; nothing while any is left.
    pub next_in: Duration,
}

/// The whole seconds that a time takes, rounded up.
#[must_use]
pub fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
