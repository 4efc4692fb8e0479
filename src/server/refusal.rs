//! The answer to a connection that is one too many.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::timeout,
};

/// How many connections are refused in words at once; more are only closed.
pub const AT_ONCE: usize = 64;
/// How long a refused connection has to read why.
const PATIENCE: Duration = Duration::from_secs(1);

/// Says why, and closes.
pub async fn refuse(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let body = r#"{"type":"/problems/unavailable","title":"Not now","status":503,"detail":"This server has as many connections as it takes.","code":"unavailable","request_id":"none"}"#;
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         retry-after: 5\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let said = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        // Closing with something unread would reset the connection, and the answer be lost.
        let mut buffer = [0; 1_024];
        while stream.read(&mut buffer).await? > 0 {}
        Ok::<_, std::io::Error>(())
    };
    if !matches!(timeout(PATIENCE, said).await, Ok(Ok(()))) {
        tracing::debug!("a refused connection did not wait for the answer");
    }
}
