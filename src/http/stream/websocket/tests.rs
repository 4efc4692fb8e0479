//! A socket over an in-memory connection, with the time of waiting in the test's hand.

use std::time::Duration;

use futures_util::StreamExt;
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex, join, sink, split},
    time::{Instant, pause, resume, timeout},
};
use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};

use crate::{app::tests::TestApp, http};

const UPGRADE: &str = "GET /api/v1/rooms/general/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\n\
                       Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// The client's end of a connection that has become a socket.
async fn open(app: &TestApp) -> DuplexStream {
    let (near, mut far) = duplex(64 * 1024);
    let service = TowerToHyperService::new(http::router(app.app()));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(near), service).with_upgrades();
    app.shutdown.tasks.spawn(connection);
    far.write_all(UPGRADE.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(far.read_u8().await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    far
}

async fn client<S: AsyncRead + AsyncWrite + Unpin>(connection: S) -> WebSocketStream<S> {
    WebSocketStream::from_raw_socket(connection, Role::Client, None).await
}

/// Returns the number of seconds until the next ping comes, or until the socket is cut.
async fn ping<S: AsyncRead + AsyncWrite + Unpin>(client: &mut WebSocketStream<S>) -> (u64, bool) {
    let start = Instant::now();
    let came = loop {
        match timeout(Duration::from_mins(10), client.next()).await.expect("a ping or the end") {
            Some(Ok(frame)) if frame.is_ping() => break true,
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break false,
        }
    };
    // Rounded: the timer may be a millisecond late.
    ((start.elapsed() + Duration::from_millis(500)).as_secs(), came)
}

#[tokio::test]
async fn who_answers_no_ping_is_cut_after_two() {
    let app = TestApp::new().await;
    let (reading, _writing) = split(open(&app).await);
    // A client answers a ping by itself, and here nobody hears it.
    let mut client = client(join(reading, sink())).await;
    pause();
    // Until the first one a little less passes: the socket was opened before time was paused.
    assert!(ping(&mut client).await <= (20, true));
    assert_eq!(ping(&mut client).await, (20, true));
    assert_eq!(ping(&mut client).await, (20, false));
    assert_eq!(app.hub.registry().count(), 0);
    resume();
    app.end().await;
}

#[tokio::test]
async fn who_answers_pings_is_not_cut() {
    let app = TestApp::new().await;
    let mut client = client(open(&app).await).await;
    pause();
    ping(&mut client).await;
    for _ in 1..20 {
        assert_eq!(ping(&mut client).await, (20, true));
    }
    resume();
    drop(client);
    app.end().await;
}
