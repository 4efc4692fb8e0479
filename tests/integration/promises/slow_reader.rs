//! Readers that stop reading: they lose nothing, and they cost the server no memory.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, future::join_all, stream};
use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};

use crate::support::{
    DEADLINE, Query, Reader, Server, Transport, reader::is_durable, rooms::RoomsReader, server::Builder, within,
};

const ROOM: &str = "slow";
const CONTENT_BYTES: usize = 8_000;
/// The size of the few large messages that a single reader misses, since they are posted one after the other.
const LARGE_BYTES: usize = 20_000;
/// The transports that have a connection to stop reading from; a poll is answered and over.
const STREAMS: [Transport; 2] = [Transport::Sse, Transport::WebSocket];
/// The pause of a reader: past the first ping of a socket, and well below the time it is given, which is until the
/// third, or until the buffers are full and no more are sent.
const PAUSE: Duration = Duration::from_secs(15);
const SOCKET_PING: Duration = Duration::from_secs(10);
/// 20 MB: more than what the server's and the reader's kernel buffers and the room's ring hold.
const MISSED: usize = 1_000;
/// By when the server has cut a reader that stopped: the timeout, and time to fill all buffers.
const CUT: Duration = Duration::from_secs(20);

fn content(number: usize) -> String {
    format!("{number:0>LARGE_BYTES$}")
}

fn builder() -> Builder {
    Server::builder().arg("--content-limit").arg(LARGE_BYTES.to_string())
}

/// Posts messages one after the other: the number in each is its id.
async fn post(server: &Server, ids: std::ops::RangeInclusive<usize>) {
    for id in ids {
        let message = server.post(ROOM, "Alice", &content(id)).await;
        assert_eq!(message["id"], id);
    }
}

/// Reads on to a message, checking that each comes once, in order and whole; the last id before the
/// connection ended if it did.
async fn read_through(reader: &mut Reader, from: usize, through: usize) -> usize {
    let mut last = from;
    while last < through {
        let Some(event) = reader.next_or_end().await else { break };
        if is_durable(&event) {
            assert_eq!(event["id"], last + 1, "{:?}", reader.transport());
            assert_eq!(event["message"]["content"], content(last + 1));
            last += 1;
        }
    }
    last
}

async fn stops_and_goes_on(transport: Transport) {
    // What it misses takes a while to post, too.
    let builder = builder().arg("--stall-timeout").arg("5m").time("socket-ping-interval", SOCKET_PING);
    let server = builder.start().await;
    post(&server, 1..=1).await;
    let mut reader = Reader::open(&server, transport, ROOM, Query::since(0)).await;
    assert_eq!(read_through(&mut reader, 0, 1).await, 1);
    let pause = std::pin::pin!(tokio::time::sleep(PAUSE));
    post(&server, 2..=MISSED).await;
    // The scenario: nothing is read meanwhile.
    pause.await;
    assert_eq!(read_through(&mut reader, 1, MISSED).await, MISSED, "all of it comes on the same connection");
    post(&server, MISSED + 1..=MISSED + 1).await;
    assert_eq!(read_through(&mut reader, MISSED, MISSED + 1).await, MISSED + 1, "and then it is live again");
    assert!(!server.log().iter().any(|line| line.contains("stalled")), "nobody was cut");
}

#[tokio::test]
async fn a_reader_that_stops_for_a_while_gets_everything() {
    // Each on a server of its own, at the same time: most of it is waiting.
    join_all(STREAMS.map(stops_and_goes_on)).await;
}

async fn is_cut_and_resumes(transport: Transport) {
    let server = builder().arg("--stall-timeout").arg("4s").start().await;
    let mut reader = Reader::open(&server, transport, ROOM, Query::since(0)).await;
    post(&server, 1..=MISSED).await;
    server.wait_for_log("stalled", CUT).await;
    // What the kernels had taken still comes, and then the end.
    let last = read_through(&mut reader, 0, MISSED).await;
    assert!(last < MISSED, "the connection was cut before its end");
    let cursor = last.try_into().expect("an id");
    let mut reader = Reader::open(&server, transport, ROOM, Query::since(cursor)).await;
    assert_eq!(read_through(&mut reader, last, MISSED).await, MISSED, "its cursor stands");
}

#[tokio::test]
async fn a_reader_that_stops_for_too_long_is_cut_and_resumes() {
    join_all(STREAMS.map(is_cut_and_resumes)).await;
}

/// A reader that takes a little within every timeout is slow, not gone.
#[tokio::test]
async fn a_slow_reader_is_not_cut() {
    const LITTLE: usize = 32 * 1024;
    /// 20 MB of small messages, so that what is taken is seen in small steps.
    const MANY: usize = 2_500;
    let server = Server::builder().arg("--stall-timeout").arg("3s").start().await;
    post_at_once(&server, MANY).await;
    // With a small buffer, so that what it takes is what the server sees taken.
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(LITTLE.try_into().expect("a size")).expect("a small buffer");
    let mut stream = socket.connect(server.addr()).await.expect("a connection");
    let request = format!("GET /api/v1/rooms/{ROOM}/stream?since=0 HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr());
    stream.write_all(request.as_bytes()).await.expect("a request is sent");

    let (mut taken, mut buffer) = (Vec::new(), vec![0; LITTLE]);
    // The scenario: a little, a pause, and so on for three timeouts.
    for _ in 0..9 {
        let read = within(DEADLINE, "there is more", stream.read_exact(&mut buffer)).await;
        taken.extend_from_slice(&buffer[..read.expect("it is not cut")]);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let last = format!("\nid: {MANY}\n");
    while !taken.windows(last.len()).rev().take(2 * LITTLE).any(|bytes| bytes == last.as_bytes()) {
        let read = within(DEADLINE, "there is more", stream.read(&mut buffer)).await.expect("it is not cut");
        assert!(read > 0, "it is not cut");
        taken.extend_from_slice(&buffer[..read]);
    }
    let ids = String::from_utf8_lossy(&taken);
    let ids = ids.lines().filter_map(|line| line.strip_prefix("id: ")).filter_map(|id| id.parse::<usize>().ok());
    assert!(ids.eq(1..=MANY), "each message comes once and in order");
}

/// Takes what a stream sends at a rate, in small pieces, for so long; then shows that it still comes.
async fn trickle(server: &Server, bytes_a_second: usize, receive_buffer: u32) {
    const LONG: Duration = Duration::from_secs(40);
    let piece = bytes_a_second / 8;
    let name = format!("a reader of {bytes_a_second} bytes a second with a buffer of {receive_buffer}");
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(receive_buffer).expect("a small buffer");
    // Loopback opens its window in steps of 64 KiB otherwise, as no network does. Nor does a network merge all
    // that waits in a larger buffer into one piece, of which nobody sees how much has been read.
    SockRef::from(&socket).set_tcp_mss(1_460).expect("segments as on Ethernet");
    let mut stream = socket.connect(server.addr()).await.expect("a connection");
    let request = format!("GET /api/v1/rooms/{ROOM}/stream?since=0 HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr());
    stream.write_all(request.as_bytes()).await.expect("a request is sent");

    let mut buffer = vec![0; piece];
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / 8);
    let start = Instant::now();
    while start.elapsed() < LONG {
        ticks.tick().await;
        let read = within(DEADLINE, format!("{name}: there is more"), stream.read_exact(&mut buffer)).await;
        read.unwrap_or_else(|error| panic!("{name} is cut after {:?}: {error}", start.elapsed()));
    }
    let mut buffer = vec![0; 1024 * 1024];
    let read = within(DEADLINE, format!("{name}: there is more"), stream.read_exact(&mut buffer)).await;
    read.unwrap_or_else(|error| panic!("{name} is cut when it reads on: {error}"));
}

/// The kernel has a clock too, which took such a reader for gone: with a minute to take 16 KiB in, one of
/// 1.2 KB a second. Here all is twelve times as fast, and the kernel's clock ran for 20 s.
#[tokio::test]
async fn a_reader_that_trickles_is_not_cut() {
    const FASTER: usize = 12;
    let server = Server::builder().arg("--stall-timeout").arg("5s").start().await;
    post_at_once(&server, 600).await;
    let mut readers = Vec::new();
    for rate in [1_200, 2_000] {
        for receive_buffer in [2_048, 8_192, 16_384] {
            readers.push(trickle(&server, rate * FASTER, receive_buffer));
        }
    }
    join_all(readers).await;
    assert!(!server.log().iter().any(|line| line.contains("stalled")), "nobody was cut");
}

async fn post_at_once(server: &Server, count: usize) {
    let post = |number| async move { server.post(ROOM, "Alice", &format!("{number:0>CONTENT_BYTES$}")).await };
    let posts = (0..count).map(post);
    stream::iter(posts).buffer_unordered(16).for_each(async |_| {}).await;
}

#[tokio::test]
async fn what_stopped_readers_miss_is_not_kept_in_memory() {
    const STOPPED: usize = 16;
    /// Some of them read another room on the same stream.
    const OF_ROOMS: usize = 4;
    /// 60 MB; kept once it would be twice the bound below, kept per reader thirty times.
    const POSTS: usize = 7_500;
    /// A reader owns at most the one piece it is being sent: a page of the store (100 events) or
    /// what was ready in the ring (1 MiB), and hyper's buffers. The ring itself is full before.
    const PER_READER: i64 = 1_500 * 1024;
    const SLACK: i64 = 4 * 1024 * 1024;

    let server = Server::builder().arg("--stall-timeout").arg("10m").start().await;
    // First everything that is allocated once: the ring, the caches of the database's connections.
    post_at_once(&server, 1_500).await;
    let mut warm = Reader::open(&server, Transport::Sse, ROOM, Query::since(0)).await;
    while warm.next_durable().await["id"] != 1_500 {}
    drop(warm);
    let before = server.resident_bytes();

    let mut readers = Vec::new();
    let mut of_rooms = Vec::new();
    for _ in 0..OF_ROOMS {
        of_rooms.push(RoomsReader::open(&server, &[ROOM, "other"], "since=slow:0,other:0").await.knows(ROOM, 0));
    }
    for number in 0..STOPPED - OF_ROOMS {
        readers.push(Reader::open(&server, STREAMS[number % STREAMS.len()], ROOM, Query::since(0)).await);
    }
    post_at_once(&server, POSTS).await;
    let grown = server.resident_bytes() - before;
    println!("{STOPPED} stopped readers and {} MB: {} KB more", POSTS * CONTENT_BYTES / 1_000_000, grown / 1024);
    let bound = PER_READER * i64::try_from(STOPPED).expect("a few") + SLACK;
    assert!(grown < bound, "{grown} bytes more, where {bound} are allowed");

    // They had stopped, and nothing was lost to them.
    for mut reader in readers.into_iter().take(STREAMS.len()) {
        for expected in 1..=1_500 + POSTS {
            assert_eq!(reader.next_durable().await["id"], expected);
        }
    }
    let mut reader = of_rooms.swap_remove(0);
    for expected in 1..=1_500 + POSTS {
        assert_eq!(reader.next_durable().await["id"], expected);
    }
}
