//! A WebSocket on a connection: messages come in, frames go out, and both sides say goodbye. Between two messages it
//! holds no memory for either.

use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use futures_util::future::poll_fn;
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf},
    time::timeout,
};

use super::{
    decoder::{Breach, Decoder, Message},
    outgoing::{Frame, Outgoing},
};

/// The number of bytes read at once: most frames of clients fit.
const READ: usize = 4 * 1024;

/// The reasons why no more messages come.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    /// The client broke the protocol, and can be told.
    #[error(transparent)]
    Breach(#[from] Breach),
    /// The connection has ended.
    #[error("the connection has ended")]
    Ended,
}

/// One socket.
#[derive(Debug)]
pub struct Socket<S> {
    connection: S,
    decoder: Decoder,
    /// The bytes that were read with the last message and come after it.
    unread: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// A socket on a connection that has been upgraded.
    pub fn new(connection: S) -> Self {
        Self { connection, decoder: Decoder::default(), unread: Bytes::new() }
    }

    /// The next message. Nothing is lost if this is dropped before it comes.
    ///
    /// # Errors
    /// [`Lost`]: there will be no more.
    pub async fn receive(&mut self) -> Result<Message, Lost> {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Message, Lost>> {
        loop {
            let mut unread = &self.unread[..];
            let message = self.decoder.decode(&mut unread)?;
            let taken = self.unread.len() - unread.len();
            self.unread.advance(taken);
            if self.unread.is_empty() {
                // An empty slice would hold on to all of it.
                self.unread = Bytes::new();
            }
            if let Some(message) = message {
                return Poll::Ready(Ok(message));
            }
            let mut space = [MaybeUninit::uninit(); READ];
            let mut buffer = ReadBuf::uninit(&mut space);
            let read = ready!(Pin::new(&mut self.connection).poll_read(cx, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(Err(Lost::Ended));
            }
            let mut bytes = buffer.filled();
            let message = self.decoder.decode(&mut bytes)?;
            self.unread = Bytes::copy_from_slice(bytes);
            if let Some(message) = message {
                return Poll::Ready(Ok(message));
            }
        }
    }

    /// Writes frames.
    ///
    /// # Errors
    /// The connection's.
    pub async fn send(&mut self, frames: impl IntoIterator<Item = Frame>) -> io::Result<()> {
        let mut outgoing: Outgoing = frames.into_iter().collect();
        self.connection.write_all_buf(&mut outgoing).await?;
        self.connection.flush().await
    }

    /// Answers the client's close, by its code, and ends the connection.
    pub async fn close_back(mut self, code: Option<u16>, patience: Duration) {
        let goodbye = async {
            self.send([Frame::close(code, "")]).await?;
            self.hang_up().await
        };
        // The client may have gone already, which is what closing is for.
        let _ = timeout(patience, goodbye).await;
    }

    /// Says why the socket ends, waits for the client to say goodbye too, and ends the connection.
    pub async fn close(mut self, code: u16, reason: &str, patience: Duration) {
        let goodbye = async {
            self.send([Frame::close(Some(code), reason)]).await?;
            while !matches!(self.receive().await, Ok(Message::Close(_)) | Err(_)) {}
            self.hang_up().await
        };
        let _ = timeout(patience, goodbye).await;
    }

    /// Tells the client that it broke the protocol, and which way, and ends the connection: what it says from here
    /// on can't be understood.
    pub async fn fail(mut self, breach: Breach, patience: Duration) {
        let goodbye = async {
            self.send([Frame::close(Some(breach.code()), &breach.to_string())]).await?;
            self.hang_up().await
        };
        let _ = timeout(patience, goodbye).await;
    }

    /// Ends this side of the connection, and reads until the other side has ended its own. To close with something
    /// unread would reset the connection, and the last frame might be lost (RFC 6455, 7.1.1).
    async fn hang_up(&mut self) -> io::Result<()> {
        self.connection.shutdown().await?;
        poll_fn(|cx| {
            loop {
                let mut space = [MaybeUninit::uninit(); READ];
                let mut buffer = ReadBuf::uninit(&mut space);
                ready!(Pin::new(&mut self.connection).poll_read(cx, &mut buffer))?;
                if buffer.filled().is_empty() {
                    return Poll::Ready(Ok(()));
                }
            }
        })
        .await
    }
}
