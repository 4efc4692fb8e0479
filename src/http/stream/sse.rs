//! Reading a room by Server-Sent Events.

use std::{
    borrow::Cow,
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use http_body::Frame as BodyFrame;
use serde::Deserialize;
use tokio_stream::Stream as _;
use utoipa::IntoParams;

use super::{
    super::{
        admission::{self, Admission},
        caller::Caller,
        extract::{RoomPath, SplitParams},
        openapi::{answers::OfRoom, params::LastEventId, samples, texts::TicketText},
        problem::Problem,
    },
    ReadParams, SinceParams,
    pieces::{Lines, Pieces},
};
use crate::{
    app::App,
    chat::reading::{Reading, Start, StateDue, Transport},
    domain::event::ResetReason,
    unsent::Hold,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The format of the events, and the id that a reader comes back with, for libraries that can't set the header: the
/// event source polyfills of the field put it into the query. Of all ways to resume the header comes first, then this,
/// then `since`.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamParams {
    /// `false` leaves the `event:` line out, so that one `onmessage` gets everything.
    #[param(default = true)]
    named: Option<bool>,
    /// The same as the header `Last-Event-ID`, which wins over it; wins over `since`.
    #[serde(rename = "lastEventId")]
    camel: Option<String>,
    /// The same as `lastEventId`.
    #[serde(rename = "last_event_id")]
    snake: Option<String>,
    /// A ticket of `POST /api/v1/tickets`, for who can't send a header.
    #[param(value_type = Option<TicketText>, inline)]
    #[expect(dead_code, reason = "it is taken before the query is read")]
    ticket: Option<String>,
}

impl StreamParams {
    /// Returns true if the `event:` line is written.
    pub(super) fn is_named(&self) -> bool {
        self.named.unwrap_or(true)
    }

    /// The id that the reader comes back with; an empty one is none. Of headers that differ none is right: together
    /// they are an id that can't be read.
    pub(super) fn id<'a>(&'a self, headers: &'a HeaderMap) -> Option<Cow<'a, str>> {
        let mut lines: Vec<_> =
            headers.get_all(LAST_EVENT_ID).into_iter().map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        lines.dedup();
        let header = if lines.len() > 1 { Some(lines.join(" and ").into()) } else { lines.pop() };
        let queries = [&self.camel, &self.snake].map(|query| query.as_deref().map(Cow::from));
        let mut ids = header.into_iter().chain(queries.into_iter().flatten());
        ids.find(|id| !id.is_empty())
    }
}

/// Follow a room by Server-Sent Events
///
/// For a browser's `EventSource`, and for every other client of Server-Sent Events. Opens with a
/// comment and a `retry:` between 1,000 and 3,000 ms. Each event is an `event:` line with its type, an
/// `id:` line if it has an id or a cursor, and a `data:` line with an `Event` as JSON.
///
/// Without a cursor it begins with `message_history`; with one, with what came after it. Then comes
/// `presence_state`, and then whatever happens, with a `ping` after 15 seconds of silence. It ends
/// only with the server, the line or the reader: come back with the last `id:`, as `EventSource` does
/// by itself.
///
/// To an HTTP/1.1 client the body is chunked, and a chunk is whole events. A stream that the server ends has its last
/// chunk; without it the line was cut, which some clients raise as an error.
///
/// An `EventSource` gives up for good on every status but `200`. So what may pass (`503`) is answered
/// to whoever accepts `text/event-stream` with `200`, a `retry:` between 5,000 and 30,000 ms, one
/// `event: error` whose data is a `Problem`, and the end.
#[utoipa::path(
    get, path = "/rooms/{room}/stream", operation_id = "stream_events", tag = "reading",
    params(
        RoomPath, LastEventId, SinceParams, ReadParams, StreamParams,
    ),
    responses(
        (status = 200, description = "events, each `data:` an `Event`", body = String, content_type = "text/event-stream", example = json!(samples::stream())),
        OfRoom,
    ),
    extensions(("x-sse-events" = json!({"$ref": "#/components/schemas/Event"})))
)]
pub async fn stream(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    SplitParams(since, params, writing): SplitParams<SinceParams, ReadParams, StreamParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let since = since.start()?;
    let start = writing.id(&headers).map_or(since, |id| from_id(&id));
    let request = params.request(Transport::Sse, StateDue::Always, &caller)?;
    let hold = admission.admit().await?;
    let reading = app.chat.read(&caller.as_named(request.user.clone()), &room, start, request).await?;
    Ok(events(room.as_str(), reading, hold, Lines { is_named: writing.is_named(), of_rooms: false }))
}

/// The answer to a reader: a comment with a word on what is read, then the events.
pub(super) fn events(what: &str, reading: Reading, hold: Hold, lines: Lines) -> Response {
    // The comment makes proxies pass the head on; the pause is drawn for every reader, so that a restart does not
    // bring all of them back in the same moment. No empty line ends them: some clients take a block without data for
    // an event without data.
    let prelude = format!(": {what}\nretry: {}\n", rand::random_range(1_000..=3_000));
    respond(Response::new(Body::new(Events { prelude: Some(prelude.into()), ready: None, lines, reading, hold })))
}

/// The start, by the id that the reader comes back with.
fn from_id(id: &str) -> Start {
    let id = id.trim().parse().ok().filter(|id| *id >= 0);
    id.map_or(Start::Reset(ResetReason::Invalid), Start::After)
}

/// The answer to a reader who is to come back: a browser gives up for good on every status but
/// `200`, so the problem comes as an event (<https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model>).
///
/// Its other headers stay: without those that let a page of another site read it, that page's browser
/// would give up all the same.
#[must_use]
pub fn refusal(refused: Response, problem: &[u8]) -> Response {
    let mut text = format!("retry: {}\nevent: error\ndata: ", rand::random_range(5_000..=30_000)).into_bytes();
    text.extend_from_slice(problem);
    text.extend_from_slice(b"\n\n");
    let (mut head, _) = refused.into_parts();
    head.status = StatusCode::OK;
    head.headers.remove(header::RETRY_AFTER);
    respond(Response::from_parts(head, Body::from(text)))
}

fn respond(mut response: Response) -> Response {
    let headers = response.headers_mut();
    // With the character set, which needs no saying (HTML, 9.2.4), since clients of other kinds guess one without.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Events as a body. hyper makes a chunk of each piece, unless the client speaks HTTP/1.0.
struct Events {
    prelude: Option<Bytes>,
    /// The events that are ready and not written yet; none while there is nothing, so that it costs no memory.
    ready: Option<Pieces>,
    lines: Lines,
    reading: Reading,
    /// The memory of what is ready.
    hold: Hold,
}

impl http_body::Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        loop {
            let piece = self.prelude.take().or_else(|| self.ready.as_mut()?.next());
            if let Some(piece) = piece {
                return Poll::Ready(Some(Ok(BodyFrame::data(piece))));
            }
            // Asked for more, hyper has sent nearly all of it.
            if self.ready.take().is_some() {
                self.hold.set(0);
            }
            match ready!(Pin::new(&mut self.reading).poll_next(cx)) {
                Some(events) => {
                    admission::hold_events(&mut self.hold, &events);
                    self.ready = Some(Pieces::new(events, self.lines));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}
