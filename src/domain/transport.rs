//! Transports: the ways by which rooms are read.

/// A transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Server-Sent Events.
    Sse,
    /// One request that waits.
    LongPoll,
    /// A WebSocket.
    WebSocket,
}

impl Transport {
    /// The word for it, in requests and in the database.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Sse => "sse",
            Self::LongPoll => "long_poll",
            Self::WebSocket => "websocket",
        }
    }
}
