//! The memory of an idle socket, also after it was told much.

use std::time::{Duration, Instant};

use crate::support::{DEADLINE, Query, Server, raw::Connection, reader::kind, socket::Socket, within};

/// A socket that has read its history and says nothing.
async fn open(server: &Server) -> Socket {
    let mut socket = Socket::open(server, "idle", &Query::new()).await;
    socket.until("who is here", |frame| kind(frame) == "presence_state").await;
    socket
}

#[tokio::test]
async fn an_idle_socket_costs_little_memory() {
    const SOCKETS: i64 = 300;
    const MOST: i64 = 16 * 1024;
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

/// Fills a room with the largest history there is.
async fn fill(server: &Server, room: &str) {
    let text = "w".repeat(9_990);
    for _ in 0..200 {
        server.post(room, "Alice", &text).await;
    }
}

/// Waits until the server's memory is no more than this; what it came to if it does not within half a minute.
async fn settled(server: &Server, most: i64) -> i64 {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let bytes = server.resident_bytes();
        if bytes <= most || Instant::now() > deadline {
            return bytes;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_socket_holds_nothing_of_the_history_it_was_told() {
    const SOCKETS: i64 = 300;
    /// It was 2 MB, the whole history.
    const MOST: i64 = 16 * 1024;
    let server = Server::start().await;
    fill(&server, "idle").await;
    let history = || Query::new().history(200);
    let open = async || {
        let mut socket = Socket::open(&server, "idle", &history()).await;
        socket.until("who is here", |frame| kind(frame) == "presence_state").await;
        socket
    };
    drop(open().await);
    let before = server.resident_bytes();
    let mut sockets = Vec::new();
    for _ in 0..SOCKETS {
        sockets.push(open().await);
    }
    let each = (settled(&server, before + SOCKETS * MOST).await - before) / SOCKETS;
    println!("{each} bytes a socket");
    assert!(each <= MOST, "{each} bytes a socket");
}

/// Clients that each have sent most of a large post and not its end.
async fn burst(server: &Server, clients: usize) -> Vec<Connection> {
    const BODY: usize = 60_000;
    let host = server.addr();
    let mut connections = Vec::new();
    for _ in 0..clients {
        let mut client = Connection::open(host).await;
        let length = BODY + 1;
        client
            .send(format!(
                "POST /api/v1/rooms/burst/messages HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n"
            ))
            .await;
        client.send("x".repeat(BODY)).await;
        connections.push(client);
    }
    connections
}

#[tokio::test]
async fn memory_goes_back_to_the_system_once_a_burst_of_clients_has_left() {
    let server = Server::builder().time("body-timeout", Duration::from_mins(10)).start().await;
    drop(burst(&server, 10).await);
    let before = server.resident_bytes();
    let clients = burst(&server, 300).await;
    let costly = async {
        while server.resident_bytes() < before + 10_000_000 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    within(DEADLINE, "they cost something", costly).await;
    let most = server.resident_bytes();
    drop(clients);
    let bound = before.midpoint(most);
    let after = settled(&server, bound).await;
    println!("{before} bytes, {most} with the clients, {after} after them");
    assert!(after <= bound, "{before} bytes, {most} with the clients, {after} after them");
}
