//! Posts a message and follows the room from there, through every break of the line:
//! `cargo run --example follow [http://127.0.0.1:3000/api/v1/rooms/general]`

use std::{env, error::Error, pin::pin, time::Duration};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use sse_stream::SseByteStream;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let room = env::args().nth(1).unwrap_or_else(|| "http://127.0.0.1:3000/api/v1/rooms/general".into());
    // A ping comes after 15 seconds of silence: a line that is silent for longer is dead.
    let http = reqwest::Client::builder().read_timeout(Duration::from_secs(30)).build()?;
    let hello = json!({"username": "Rust", "content": "Hello from Rust"});
    let posted = http.post(format!("{room}/messages")).json(&hello).send().await?.error_for_status()?;
    let mut cursor = posted.json::<Value>().await?["id"].to_string();
    println!("posted {cursor}");
    loop {
        // Whatever broke the line, it goes on from the cursor.
        if let Ok(stream) = http.get(format!("{room}/stream")).header("Last-Event-ID", &cursor).send().await {
            let mut events = pin!(SseByteStream::new(stream.bytes_stream()));
            while let Some(Ok(event)) = events.next().await {
                if event.event.as_deref() == Some("chat_message") {
                    let message = &serde_json::from_str::<Value>(&event.data.unwrap_or_default())?["message"];
                    println!("{}: {}", message["username"], message["content"]);
                }
                cursor = event.id.unwrap_or(cursor);
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
