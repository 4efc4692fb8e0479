//! The memory of an idle socket: the library's own buffers would be 128 KiB each.

use crate::support::{Query, Server, reader::kind, socket::Socket};

/// A socket that has read its history and says nothing.
async fn open(server: &Server) -> Socket {
    let mut socket = Socket::open(server, "idle", &Query::new()).await;
    socket.until("who is here", |frame| kind(frame) == "presence_state").await;
    socket
}

#[tokio::test]
async fn an_idle_socket_costs_little_memory() {
    const SOCKETS: i64 = 300;
    /// It was 8.7 KB, and 139 KB with the library's own buffer for reading.
    const MOST: i64 = 32 * 1024;
    let server = Server::start().await;
    server.post("idle", "Alice", "hi").await;
    // First what is allocated once.
    for _ in 0..30 {
        drop(open(&server).await);
    }
    let before = server.resident_bytes();
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(open(&server).await);
    }
    let each = (server.resident_bytes() - before) / SOCKETS;
    println!("{each} bytes a socket");
    assert!(each < MOST, "{each} bytes a socket");
}
