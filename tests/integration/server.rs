//! Connections, and what stands in front of them.

mod accepting;
mod client_addresses;
mod http2;
mod listening;
mod proxies;
mod refusing;
mod serving;
mod tls;
mod unread_answers;

use serde_json::json;

use crate::support::Server;

fn get(server: &Server, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", server.addr())
}

fn post(server: &Server) -> String {
    let body = json!({"username": "Alice", "content": "hi"}).to_string();
    format!(
        "POST /api/v1/rooms/general/messages HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        server.addr(),
        body.len(),
    )
}
