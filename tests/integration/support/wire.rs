//! A WebSocket frame by frame: for what a proper client would never send, and for seeing how a connection ends.

use std::net::SocketAddr;

use super::raw::Connection;

/// The headers that ask for a WebSocket, with the key of RFC 6455, 1.3.
pub const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                           Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
/// The first byte of a frame that is a message of its own.
pub const TEXT: u8 = 0x81;
/// The first byte of a frame of bytes.
pub const BINARY: u8 = 0x82;
/// The first byte of a close.
pub const CLOSE: u8 = 0x88;
/// The first byte of a ping.
pub const PING: u8 = 0x89;
/// The first byte of a pong.
pub const PONG: u8 = 0x8a;

/// A client's frame as it is sent, masked.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];
    let length = payload.len() as u64;
    let [.., high, low] = length.to_be_bytes();
    let mut bytes = match length {
        0..=125 => vec![first, 0x80 | low],
        126..=0xffff => vec![first, 0xfe, high, low],
        _ => [&[first, 0xff], &length.to_be_bytes()[..]].concat(),
    };
    bytes.extend(MASK);
    bytes.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

/// An open socket.
pub struct Wire(pub Connection);

impl Wire {
    /// Opens the socket of the room `general`, without its history.
    pub async fn open(addr: SocketAddr) -> Self {
        let mut connection = Connection::open(addr).await;
        let path = "/api/v1/rooms/general/ws?history=0";
        connection.send(format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\n{UPGRADE}\r\n")).await;
        assert_eq!(connection.head().await.expect("an answer").status, 101);
        Self(connection)
    }

    /// Sends a frame.
    pub async fn send(&mut self, first: u8, payload: impl AsRef<[u8]>) {
        self.0.send(frame(first, payload.as_ref())).await;
    }

    /// The first byte and the payload of the server's next frame; none at the end of the connection.
    pub async fn next(&mut self) -> Option<(u8, Vec<u8>)> {
        let head = self.0.read_exactly(2).await;
        let [first, length] = head[..] else { return None };
        assert_eq!(length & 0x80, 0, "a server masks nothing");
        let size = match length {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let longer = self.0.read_exactly(size).await;
        let longer = longer.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
        let length = if size == 0 { usize::from(length) } else { longer };
        Some((first, self.0.read_exactly(length).await))
    }

    /// The next frame of a kind.
    pub async fn until(&mut self, first: u8) -> Vec<u8> {
        loop {
            let (kind, payload) = self.next().await.expect("a frame before the end");
            if kind == first {
                return payload;
            }
        }
    }

    /// Reads on to the server's close, behind which it has to end the connection, and not by a reset; the payload
    /// of that close.
    pub async fn close(&mut self) -> Vec<u8> {
        let payload = self.until(CLOSE).await;
        assert!(self.0.ends().await, "nothing comes after a close, and the connection ends");
        payload
    }

    /// The code that the server closes with; none if it gives none.
    pub async fn code(&mut self) -> Option<u16> {
        let payload = self.close().await;
        payload.first_chunk().map(|code| u16::from_be_bytes(*code))
    }
}
