//! One connection: HTTP/1.1 with deadlines and small buffers.

use std::{pin::pin, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{net::TcpStream, sync::OwnedSemaphorePermit};
use tokio_util::sync::CancellationToken;

use super::guard::Guard;

/// The most that hyper's buffers for reading and for writing grow to: a request for fifty rooms with the longest
/// names and their cursors fits, and a longer head is answered `431`. They begin with 8 KiB each, which is most of
/// what an idle stream costs, and grow only for who sends more.
pub(super) const BUFFER: usize = 16 * 1024;
/// What the kernel holds for a reader that does not take it.
const SEND_BUFFER: usize = 64 * 1024;
/// How long after the last sign of life the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_mins(1);
/// How much later than the guard the kernel gives up on a reader.
const USER_TIMEOUT_MARGIN: Duration = Duration::from_secs(15);

/// Serves the connection until it ends, or until `closing` and what it is busy with is done.
///
/// `head_timeout` bounds how long the head of a request may take, and how long the connection may be idle
/// between requests: for hyper they are one (its timer starts when it begins to read a head).
pub async fn run(
    stream: TcpStream,
    router: Router,
    permit: OwnedSemaphorePermit,
    head_timeout: Duration,
    stall_timeout: Duration,
    closing: CancellationToken,
) {
    if let Err(error) = prepare(&stream, stall_timeout) {
        tracing::debug!(%error, "a connection was gone before it was served");
        return;
    }
    let io = TokioIo::new(Guard::new(stream, stall_timeout, permit));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_timeout)
        .max_buf_size(BUFFER)
        .serve_connection(io, TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

fn prepare(stream: &TcpStream, stall_timeout: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    // For who vanished without a word; it counts a reader that stopped too, so it comes after the
    // guard, which knows better.
    socket.set_tcp_user_timeout(Some(stall_timeout + USER_TIMEOUT_MARGIN))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
        sync::Semaphore,
    };
    use tokio_util::task::TaskTracker;

    use super::*;

    #[tokio::test]
    async fn the_kernel_is_told_how_to_treat_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let accepted = listener.accept().await.unwrap().0.into_std().unwrap();
        // Another handle of the same socket, to look at it while it is served.
        let socket = socket2::Socket::from(accepted.try_clone().unwrap());
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let (stream, stall_timeout) = (TcpStream::from_std(accepted).unwrap(), Duration::from_secs(7));
        let tasks = TaskTracker::new();
        tasks.spawn(run(
            stream,
            Router::new(),
            permit,
            Duration::from_secs(15),
            stall_timeout,
            CancellationToken::new(),
        ));
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();

        assert!(socket.tcp_nodelay().unwrap());
        // Linux doubles what it is told, for its own bookkeeping (socket(7)).
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * SEND_BUFFER);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
        // After the guard, which tells a slow reader from one that is gone.
        assert_eq!(socket.tcp_user_timeout().unwrap(), Some(Duration::from_secs(7 + 15)));
    }
}
