//! Memory for an answer that may be large: it is asked for before the answer is rendered.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    extract::FromRequestParts,
    http::{header, request::Parts},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;

use super::{
    problem::{Code, Problem},
    stream::pieces::JOINED,
};
use crate::{
    app::App,
    chat::reading::Placed,
    unsent::{Client, Hold, Unsent},
};

/// The most bytes of a page, and of the first events to a client.
const MOST: usize = 256 * 1024;

/// The connection of a request, which holds what is rendered for it.
#[derive(Debug)]
pub struct Admission {
    unsent: Unsent,
    client: Arc<Client>,
}

impl Admission {
    /// Waits until there is room for a page.
    ///
    /// # Errors
    /// A problem that tells the client to ask again.
    pub async fn admit(&self) -> Result<Hold, Problem> {
        let full = |_| {
            let detail =
                "Too much waits for clients that don't take it. Read the answers that are open, then ask again.";
            Problem::new(Code::Unavailable, detail)
        };
        self.unsent.admit(&self.client, MOST).await.map_err(full)
    }
}

impl FromRequestParts<Arc<App>> for Admission {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Infallible> {
        let client = parts.extensions.get::<Arc<Client>>().cloned();
        // Only a request without a connection has none.
        let client = client.unwrap_or_else(|| Client::new(None));
        Ok(Self { unsent: app.unsent.clone(), client })
    }
}

/// Holds the memory of events that are ready together, until they are sent. Of a few small ones it holds nothing: the
/// buffers of a connection have as much for everybody.
pub fn hold_events(hold: &mut Hold, events: &[Placed]) {
    let bytes = events.iter().map(|event| event.frame.len()).sum();
    hold.set(if bytes > JOINED { bytes } else { 0 });
}

/// Bytes of an answer, which give their memory back once they are sent.
struct Held {
    bytes: Vec<u8>,
    _hold: Hold,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// An answer in JSON that holds its memory until it is sent.
pub fn answer<T: Serialize>(mut hold: Hold, value: T) -> Response {
    match serde_json::to_vec(&value) {
        Ok(bytes) => {
            hold.set(bytes.capacity());
            let body = Body::from(Bytes::from_owner(Held { bytes, _hold: hold }));
            ([(header::CONTENT_TYPE, "application/json")], body).into_response()
        }
        Err(error) => Problem::internal(format!("an answer can't be written as JSON: {error}")).into_response(),
    }
}
