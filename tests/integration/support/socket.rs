//! A WebSocket to a room.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{self, Message, client::IntoClientRequest},
};

use super::{DEADLINE, Server, reader::Query, secrets, tls::Line, within};

/// One open socket.
pub struct Socket {
    socket: WebSocketStream<Box<dyn Line>>,
    /// The code the server closed with, once it has.
    pub close_code: Option<u16>,
}

impl Socket {
    /// Opens a room's socket.
    pub async fn open(server: &Server, room: &str, query: &Query) -> Self {
        Self::open_at(server, &format!("/api/v1/rooms/{room}/ws?{}", query.encoded())).await
    }

    /// Opens the socket at any path of the server.
    pub async fn open_at(server: &Server, path: &str) -> Self {
        let (line, url) = server.connect(path).await;
        Self::by(line, url).await.expect("a socket opens")
    }

    /// Opens a socket by any request, which may be refused.
    pub async fn connect(request: impl IntoClientRequest + Unpin) -> Result<Self, tungstenite::Error> {
        let request = request.into_client_request()?;
        let authority = request.uri().authority().expect("a host").as_str();
        let line = TcpStream::connect(authority).await.map_err(tungstenite::Error::Io)?;
        Self::by(Box::new(line), request).await
    }

    async fn by(line: Box<dyn Line>, request: impl IntoClientRequest + Unpin) -> Result<Self, tungstenite::Error> {
        let opened = within(DEADLINE, "an upgrade is answered", client_async(request, line)).await;
        opened.map(|(socket, _)| Self { socket, close_code: None })
    }

    /// Sends a frame of JSON.
    pub async fn send(&mut self, frame: &Value) {
        self.send_message(Message::text(frame.to_string())).await;
    }

    /// The same to a socket that the server may have closed already.
    pub async fn send_unless_closed(&mut self, frame: &Value) {
        // Whether it was sent is told by what comes back.
        let _ = within(DEADLINE, "a frame is sent", self.socket.send(Message::text(frame.to_string()))).await;
    }

    /// Sends any frame.
    pub async fn send_message(&mut self, message: Message) {
        within(DEADLINE, "a frame is sent", self.socket.send(message)).await.expect("a frame is sent");
    }

    /// The next text frame; none when the socket has closed or was cut.
    pub async fn next(&mut self) -> Option<String> {
        loop {
            match self.socket.next().await? {
                Ok(Message::Text(text)) => {
                    secrets::expect_unsaid(&text);
                    return Some(text.to_string());
                }
                Ok(Message::Close(frame)) => self.close_code = frame.map(|frame| frame.code.into()),
                Ok(Message::Binary(_)) => panic!("the server sends text frames only"),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// The next frame that a condition picks, as JSON; fails at the deadline or the socket's end.
    pub async fn until(&mut self, what: &str, picks: impl Fn(&Value) -> bool) -> Value {
        let search = async {
            while let Some(text) = self.next().await {
                let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
                if picks(&frame) {
                    return frame;
                }
            }
            panic!("the socket ended before {what}");
        };
        within(DEADLINE, what, search).await
    }

    /// The next `ack` or `error` with this `ref`.
    pub async fn reply(&mut self, reference: &str) -> Value {
        let is_reply = |frame: &Value| frame["type"] == "ack" || frame["type"] == "error";
        self.until(&format!("the reply to {reference}"), |frame| is_reply(frame) && frame["ref"] == reference).await
    }

    /// Says goodbye and waits for the server's.
    pub async fn close(mut self) {
        let goodbye = async {
            let _ = self.socket.close(None).await;
            while self.next().await.is_some() {}
        };
        within(DEADLINE, "a socket closes", goodbye).await;
    }
}
