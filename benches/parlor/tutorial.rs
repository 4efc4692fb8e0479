//! The server a tutorial writes: `axum::serve`, `Sse` with keep-alive, a broadcast channel, nothing stored.

#![expect(clippy::disallowed_types, reason = "a tutorial takes and gives `Json`")]

use std::{convert::Infallible, io, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    http::StatusCode,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
    routing::{get, post},
};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

/// Ten times what axum's own chat example has, so that a burst is not simply dropped.
const CAPACITY: usize = 1024;

#[derive(Clone, Deserialize, Serialize)]
struct Message {
    username: String,
    content: String,
}

type Sender = broadcast::Sender<Arc<Message>>;

#[tokio::main]
pub async fn serve() -> io::Result<()> {
    let (sender, _) = broadcast::channel::<Arc<Message>>(CAPACITY);
    let router = Router::new().route("/messages", post(post_message)).route("/stream", get(stream)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, router).await
}

async fn post_message(State(sender): State<Sender>, Json(message): Json<Message>) -> (StatusCode, Json<Message>) {
    // Nobody listening is no error.
    let _ = sender.send(Arc::new(message.clone()));
    (StatusCode::CREATED, Json(message))
}

async fn stream(State(sender): State<Sender>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // A reader that lags loses what it missed: that is what the tutorials do.
    let events = BroadcastStream::new(sender.subscribe()).filter_map(|message| async {
        Some(Ok(Event::default().json_data(&*message.ok()?).expect("a message is JSON")))
    });
    Sse::new(events).keep_alive(KeepAlive::default())
}
