//! Reading and talking by WebSocket.

use std::{borrow::Cow, pin::Pin, sync::Arc};

use axum::{
    Extension,
    extract::{
        State,
        ws::{
            CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code,
            rejection::WebSocketUpgradeRejection,
        },
    },
    response::Response,
};
use futures_util::SinkExt;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_stream::StreamExt;

use super::{
    super::{
        caller::Caller,
        extract::{RoomPath, SplitParams},
        openapi::answers::{OfGeneralSocket, OfSocket},
        problem::{Code, Problem},
        read_cursors::parse_cursor,
        request_id::RequestId,
    },
    ReadParams, SinceParams,
    client_frame::{BadFrame, ClientFrame, Say, ack, error},
};
use crate::{
    app::App,
    chat::reading::{Placed, Reading, StateDue, Transport},
    domain::{
        EventId,
        message::Edit,
        name::{RoomName, Username},
        policy::Actor,
        version::Precondition,
    },
};

#[cfg(test)]
mod tests;

/// The most bytes of a client's frame.
const MAX_FRAME: usize = 64 * 1024;
/// What a socket reads at once: most frames of clients are small, and this is held per socket.
const READ_BUFFER: usize = 4 * 1024;
/// How much is gathered before it is written.
const WRITE_BUFFER: usize = 4 * 1024;
/// After how many unanswered pings it is not.
const MISSED_PINGS: u32 = 2;
/// Who speaks without a name.
const ANONYMOUS: &str = "Anonymous";

/// Follow a room by WebSocket
///
/// The same events as on a stream, one text frame each; and the client may speak. What it sends is a
/// `ClientFrame`: `user_join`, `chat_message`, `typing`, `edit_message`, `delete_message`, `react` or
/// `read`. What it gets is a `ServerFrame`: an event,
/// or the answer to a frame of its own.
///
/// A frame with a `ref` is answered by an `ack` with the same `ref`, and with the `id` of the event
/// it made, if any, which then is on disk. One that is not taken is answered by an `error`, with its `ref`
/// if it had one; that never closes the socket. Frames take effect in their order. The first name that
/// is given, here or in a frame, is who is present.
///
/// Close codes: 1001 and 1012 the server ends or starts anew, 1002 not WebSocket, 1009 a frame of
/// more than 64 KiB. Resume with `since`.
#[utoipa::path(
    get, path = "/rooms/{room}/ws", operation_id = "open_socket", tag = "reading",
    params(RoomPath, SinceParams, ReadParams),
    responses((status = 101, description = "frames from here on: `ServerFrame` and `ClientFrame`"), OfSocket),
    extensions(("x-frames" = json!({"server": {"$ref": "#/components/schemas/ServerFrame"}, "client": {"$ref": "#/components/schemas/ClientFrame"}})))
)]
pub async fn open(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    SplitParams(since, params, ()): SplitParams<SinceParams, ReadParams>,
    Extension(request_id): Extension<RequestId>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| {
        let detail =
            "Only WebSocket is spoken here: open the path with a WebSocket client, as of `new WebSocket(url)`.";
        Problem::new(Code::UpgradeRequired, detail)
    })?;
    let request = params.request(Transport::WebSocket, StateDue::Always, caller)?;
    let user = request.user.clone();
    let reading = app.chat.read(&caller.as_named(user.clone()), &room, since.start()?, request).await?;
    // No bound on what is to be written: the next events are asked for only when all of the last
    // ones are on their way, and one history may be larger than any bound.
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME);
    let tasks = app.shutdown.tasks.clone();
    Ok(upgrade.on_upgrade(move |socket| {
        tasks.track_future(Session::new(app, caller, request_id, room, user, reading).run(socket))
    }))
}

/// Follow a room by WebSocket
///
/// The same as `open_socket`, at the path that pages of the Django Channels tutorial open.
#[utoipa::path(
    get, path = "/ws/chat/{room}/", operation_id = "open_chat_socket", tag = "reading",
    params(RoomPath, SinceParams, ReadParams),
    responses((status = 101, description = "frames from here on: `ServerFrame` and `ClientFrame`"), OfSocket),
    extensions(("x-frames" = json!({"server": {"$ref": "#/components/schemas/ServerFrame"}, "client": {"$ref": "#/components/schemas/ClientFrame"}})))
)]
pub async fn open_room(
    state: State<Arc<App>>,
    room: RoomPath,
    params: SplitParams<SinceParams, ReadParams>,
    request_id: Extension<RequestId>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    open(state, room, params, request_id, caller, upgrade).await
}

/// Follow the room general by WebSocket
///
/// The same as `open_socket` of the room `general`.
#[utoipa::path(
    get, path = "/ws/chat/", operation_id = "open_general_socket", tag = "reading", params(SinceParams, ReadParams),
    responses((status = 101, description = "frames from here on: `ServerFrame` and `ClientFrame`"), OfGeneralSocket),
    extensions(("x-frames" = json!({"server": {"$ref": "#/components/schemas/ServerFrame"}, "client": {"$ref": "#/components/schemas/ClientFrame"}})))
)]
pub async fn open_general(
    state: State<Arc<App>>,
    params: SplitParams<SinceParams, ReadParams>,
    request_id: Extension<RequestId>,
    caller: Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let room = RoomName::parse("general").map_err(|invalid| Problem::internal(invalid.detail))?;
    open(state, RoomPath(room), params, request_id, caller, upgrade).await
}

/// What a frame led to: the id it made, if any.
type Done = Result<Option<EventId>, Problem>;
/// A frame that takes effect: its `ref`, and what comes of it.
type Effect = Pin<Box<dyn Future<Output = (Option<Value>, Done)> + Send>>;

/// One socket.
struct Session {
    app: Arc<App>,
    caller: Caller,
    /// Of the request that opened it.
    request_id: RequestId,
    room: RoomName,
    /// Who is here: the first name that was given.
    user: Option<Username>,
    reading: Reading,
    /// The frame that takes effect now. No other is read meanwhile, so that they do in their order.
    effect: Option<Effect>,
}

impl Session {
    fn new(
        app: Arc<App>,
        caller: Caller,
        request_id: RequestId,
        room: RoomName,
        user: Option<Username>,
        reading: Reading,
    ) -> Self {
        Self { app, caller, request_id, room, user, reading, effect: None }
    }

    async fn run(mut self, mut socket: WebSocket) {
        let interval = self.app.config.timings.socket_ping_interval;
        let mut pings = interval_at(Instant::now() + interval, interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        // An error of the socket ends it; its client resumes by its cursor.
        loop {
            let sent = tokio::select! {
                (reference, done) = effect(&mut self.effect) => {
                    self.effect = None;
                    if let Err(problem) = &done {
                        problem.log(&self.request_id);
                    }
                    answer(&mut socket, reference, done).await
                }
                events = self.reading.next() => match events {
                    Some(events) => send_events(&mut socket, events).await,
                    None => break close(&mut socket, close_code::RESTART, "the server ends").await,
                },
                message = socket.recv(), if self.effect.is_none() => match message {
                    Some(Ok(Message::Text(text))) => self.hear(&mut socket, &text).await,
                    Some(Ok(Message::Binary(_))) => refuse_binary(&mut socket).await,
                    Some(Ok(Message::Pong(_))) => { unanswered = 0; Ok(()) }
                    Some(Ok(Message::Ping(_))) => Ok(()),
                    Some(Ok(Message::Close(_))) | None => break,
                    Some(Err(error)) => break close_for(&mut socket, &error).await,
                },
                _ = pings.tick() => {
                    if unanswered == MISSED_PINGS {
                        break;
                    }
                    unanswered += 1;
                    socket.send(Message::Ping(bytes::Bytes::new())).await
                }
            };
            if sent.is_err() {
                break;
            }
        }
    }

    /// Takes a client's frame, and lets it begin to take effect.
    async fn hear(&mut self, socket: &mut WebSocket, text: &str) -> Result<(), axum::Error> {
        let frame = match ClientFrame::parse(text) {
            Ok(frame) => frame,
            Err(bad) => return send_text(socket, error(&bad)).await,
        };
        let speaker = match frame.username.as_deref().map(Username::parse).transpose() {
            Ok(speaker) => speaker,
            Err(invalid) => return answer(socket, frame.reference, Err(Problem::invalid(vec![invalid.into()]))).await,
        };
        if let Some(named) = &speaker {
            if let Err(refused) = self.reading.join(&self.caller.as_named(Some(named.clone()))) {
                return answer(socket, frame.reference, Err(refused.into())).await;
            }
            // The first name is who is here; a later frame may speak under another.
            self.user.get_or_insert_with(|| named.clone());
        }
        let speaker = speaker.or_else(|| self.user.clone()).or_else(|| Username::parse(ANONYMOUS).ok());
        let actor = self.caller.as_named(speaker);
        match frame.say {
            Say::Join => answer(socket, frame.reference, Ok(None)).await,
            Say::Typing(is_typing) => {
                let done = self.reading.set_typing(&actor, is_typing).map(|()| None);
                answer(socket, frame.reference, done.map_err(Problem::from)).await
            }
            say => {
                let (app, room, reference) = (self.app.clone(), self.room.clone(), frame.reference);
                self.effect = Some(Box::pin(async move { (reference, take_effect(&app, &actor, &room, say).await) }));
                Ok(())
            }
        }
    }
}

/// Carries out what is asked of the journal; the answer is the id of the event it made.
async fn take_effect(app: &App, actor: &Actor, room: &RoomName, say: Say) -> Done {
    let limit = app.config.content_limit;
    // No frame sets conditions.
    let when = Precondition::default();
    let changed = match say {
        Say::Message(post) => {
            // A message's content is called `message` in a frame.
            let draft = post.check(limit).map_err(|invalid| Problem::from(invalid).calling("content", "message"))?;
            let posted = app.chat.post_message(actor, room, draft).await?;
            return Ok(Some(posted.answer.message.id));
        }
        Say::Edit(id, content) => {
            let edit = Edit::check(id, content, limit);
            let edit = edit.map_err(|invalid| Problem::from(vec![invalid]).calling("content", "new_content"))?;
            app.chat.edit_message(actor, room, edit, when).await?
        }
        Say::Delete(id) => app.chat.delete_message(actor, room, id, when).await?,
        Say::React(id, emoji, on) => app.chat.react(actor, room, id, &emoji, on, when).await?,
        Say::Read(last_read_id) => {
            let last_read_id = parse_cursor(last_read_id).map_err(|invalid| Problem::from(vec![invalid]))?;
            app.chat.mark_read(actor, room, last_read_id).await?;
            return Ok(None);
        }
        // These take effect at once.
        Say::Join | Say::Typing(_) => return Ok(None),
    };
    Ok(changed.event)
}

/// The outcome of the frame that takes effect; never comes if none does.
async fn effect(effect: &mut Option<Effect>) -> (Option<Value>, Done) {
    match effect {
        Some(effect) => effect.await,
        None => std::future::pending().await,
    }
}

async fn answer(socket: &mut WebSocket, reference: Option<Value>, done: Done) -> Result<(), axum::Error> {
    match (done, reference) {
        (Ok(id), Some(reference)) => send_text(socket, ack(&reference, id)).await,
        (Ok(_), None) => Ok(()),
        (Err(problem), reference) => {
            send_text(socket, error(&BadFrame { reference, problem: Box::new(problem) })).await
        }
    }
}

async fn refuse_binary(socket: &mut WebSocket) -> Result<(), axum::Error> {
    let problem = Problem::new(Code::InvalidJson, "Frames are text, each a JSON object.");
    send_text(socket, error(&BadFrame { reference: None, problem: Box::new(problem) })).await
}

async fn send_events(socket: &mut WebSocket, events: Vec<Placed>) -> Result<(), axum::Error> {
    for event in events {
        // Frames are made of JSON, which is UTF-8.
        let Ok(text) = Utf8Bytes::try_from(event.frame.json()) else { continue };
        socket.feed(Message::Text(text)).await?;
    }
    socket.flush().await
}

async fn send_text(socket: &mut WebSocket, text: String) -> Result<(), axum::Error> {
    socket.send(Message::Text(text.into())).await
}

/// Says why the socket ends, as well as that is still possible.
async fn close(socket: &mut WebSocket, code: u16, reason: &'static str) {
    let frame = CloseFrame { code, reason: reason.into() };
    // The client may have gone already, which is what closing is for.
    let _ = socket.send(Message::Close(Some(frame))).await;
}

/// Tells a client that broke the protocol which way it did.
async fn close_for(socket: &mut WebSocket, error: &axum::Error) {
    let text: Cow<'_, str> = error.to_string().into();
    if text.contains("too long") || text.contains("too large") || text.contains("Space limit") {
        close(socket, close_code::SIZE, "a frame has at most 64 KiB").await;
    } else {
        close(socket, close_code::PROTOCOL, "that is not WebSocket").await;
    }
}
