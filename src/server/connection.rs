//! One connection: TLS where it is asked for, and HTTP with deadlines and small buffers.

use std::{net::IpAddr, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Request,
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, server::TlsStream};
use tokio_util::either::Either;

use super::{
    guard::{Guard, PROGRESS},
    http2,
    serving::{BUFFER, Serving, Socket},
};
use crate::{connections::Place, http::over_tls::OverTls, unsent::Client};

/// The number of bytes that the kernel holds for a reader that does not take them.
const SEND_BUFFER: usize = 64 * 1024;
/// The time after the last sign of life at which the kernel asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_mins(1);

/// Serves the connection until it ends, or until it is to close and what it is busy with is done.
pub async fn run(socket: Socket, serving: Arc<Serving>, place: Place) {
    let address = match prepare(&socket) {
        Ok(address) => address,
        Err(error) => {
            tracing::debug!(%error, "a connection was gone before it was served");
            return;
        }
    };
    let client = Client::new(address);
    let guard = Guard::new(socket, serving.stall_timeout, client.clone(), place);
    match &serving.tls {
        None => http1(guard, client, false, &serving).await,
        // In a box, so that a connection without TLS has no memory for it.
        Some(tls) => Box::pin(encrypted(guard, client, tls.clone(), serving.clone())).await,
    }
}

/// Shakes hands, and serves what that has agreed on.
async fn encrypted(guard: Guard<Socket>, client: Arc<Client>, tls: Arc<ServerConfig>, serving: Arc<Serving>) {
    let shaken = tokio::select! {
        shaken = timeout(serving.timings.handshake_timeout, shake_hands(guard, tls)) => shaken,
        () = serving.closing.cancelled() => return,
    };
    let stream = match shaken {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => return tracing::debug!("a TLS handshake took too long"),
    };
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2::serve(stream, client.address(), serving).await;
    } else {
        http1(stream, client, true, &serving).await;
    }
}

/// Begins TLS on a connection. What waits to be encrypted is bounded as what waits to be sent is.
///
/// # Errors
/// The socket's, and `InvalidData` for a client that breaks the protocol or offers none that is taken.
pub(super) async fn shake_hands<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    tls: Arc<ServerConfig>,
) -> std::io::Result<TlsStream<S>> {
    TlsAcceptor::from(tls).accept_with(stream, |session| session.set_buffer_limit(Some(BUFFER))).await
}

/// Serves HTTP/1.1.
///
/// The timeout of heads bounds how long the head of a request may take, and how long the connection may be idle
/// between requests: for hyper they are one (its timer starts when it begins to read a head).
async fn http1(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    client: Arc<Client>,
    is_encrypted: bool,
    serving: &Serving,
) {
    let router = TowerToHyperService::new(serving.router.clone());
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(client.clone());
        if is_encrypted {
            request.extensions_mut().insert(OverTls);
        }
        router.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(serving.timings.head_timeout)
        .max_buf_size(BUFFER)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = serving.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// The address of the other side, if the connection has come from one.
pub(super) fn peer(socket: &Socket) -> Option<IpAddr> {
    let Either::Left(stream) = socket else { return None };
    stream.peer_addr().ok().map(|address| address.ip().to_canonical())
}

/// Tells the kernel how to treat the connection, and returns the address of the other side, which only a TCP socket has.
fn prepare(socket: &Socket) -> std::io::Result<Option<IpAddr>> {
    let Either::Left(stream) = socket else { return Ok(None) };
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    // So that the guard sees what a slow reader takes in steps that are no more than it counts: otherwise
    // the kernel takes as much again only once a third of its buffer is free.
    socket.set_tcp_notsent_lowat(PROGRESS.try_into().unwrap_or(u32::MAX))?;
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
    Ok(Some(stream.peer_addr()?.ip().to_canonical()))
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };
    use tokio_util::{sync::CancellationToken, task::TaskTracker};

    use super::*;
    use crate::{config::Timings, connections::Connections};

    const STALL_TIMEOUT: Duration = Duration::from_secs(7);
    /// After the guard, which tells a slow reader from one that is gone.
    const USER_TIMEOUT: Option<Duration> = Some(Duration::from_secs(7 + 15));

    /// A client of a router, and another handle of the socket that serves it.
    async fn connected(router: Router) -> (TcpStream, socket2::Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let accepted = listener.accept().await.unwrap().0.into_std().unwrap();
        let socket = socket2::Socket::from(accepted.try_clone().unwrap());
        let place = Connections::new(1, false, Vec::new()).take(None).unwrap();
        let stream = Either::Left(TcpStream::from_std(accepted).unwrap());
        let serving = Serving {
            router,
            full: [Router::new(), Router::new()],
            tls: None,
            connections: Arc::new(Connections::new(1, false, Vec::new())),
            tasks: TaskTracker::new(),
            closing: CancellationToken::new(),
            stall_timeout: STALL_TIMEOUT,
            timings: Timings::DEFAULT,
        };
        TaskTracker::new().spawn(run(stream, Arc::new(serving), place));
        (client, socket)
    }

    #[tokio::test]
    async fn the_kernel_is_told_how_to_treat_a_connection() {
        let (mut client, socket) = connected(Router::new()).await;
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        client.read_to_end(&mut Vec::new()).await.unwrap();

        assert!(socket.tcp_nodelay().unwrap());
        // Linux doubles what it is told, for its own bookkeeping (socket(7)).
        assert_eq!(socket.send_buffer_size().unwrap(), 2 * SEND_BUFFER);
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), 16 * 1024);
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), KEEPALIVE);
        assert_eq!(socket.tcp_user_timeout().unwrap(), USER_TIMEOUT);
    }

    #[tokio::test]
    async fn the_clock_of_the_kernel_stands_while_that_of_the_guard_runs() {
        const LARGE: usize = 8 * 1024 * 1024;
        let (mut client, socket) = connected(Router::new().fallback(async || vec![b'x'; LARGE])).await;
        client.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
        let stands = async {
            while socket.tcp_user_timeout().unwrap().is_some() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(STALL_TIMEOUT, stands).await.expect("the guard waits for who takes nothing");
        let mut taken = Vec::new();
        client.read_to_end(&mut taken).await.unwrap();
        assert!(taken.len() > LARGE);
        assert_eq!(socket.tcp_user_timeout().unwrap(), USER_TIMEOUT);
    }
}
