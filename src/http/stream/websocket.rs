//! Reading and talking by WebSocket.

use std::{io, pin::Pin, sync::Arc, time::Duration};

use axum::{Extension, extract::State, response::Response};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until, timeout};
use tokio_stream::StreamExt;

use super::{
    super::{
        admission::{self, Admission},
        caller::Caller,
        extract::{RoomPath, SplitParams},
        openapi::answers::{OfGeneralSocket, OfSocket},
        operations::GENERAL,
        problem::Problem,
        read_cursors::parse_cursor,
        request_id::RequestId,
    },
    ReadParams, SinceParams, TicketParams,
    client_frame::{BadFrame, ClientFrame, Reference, Say, ack, error},
};
use crate::{
    app::App,
    chat::reading::{Placed, Reading, StateDue, Transport},
    domain::{
        EventId,
        limit::Limit,
        message::Edit,
        name::{RoomName, Username},
        policy::Actor,
        version::Precondition,
    },
    unsent::Hold,
};

mod decoder;
mod handshake;
mod outgoing;
mod socket;
#[cfg(test)]
mod tests;

use decoder::Message;
use handshake::{Connection, Handshake};
use outgoing::Frame;
use socket::{Lost, Socket};

/// Service restart (the registry of IANA): the server ends, and another is there soon.
const RESTART: u16 = 1012;
/// The credential has ended: come back with another.
const UNAUTHENTICATED: u16 = 4401;
/// The room may be read no longer.
const FORBIDDEN: u16 = 4403;
/// The time that a socket stays open for the outcome of its last frame when its reader may read no longer.
const LAST_ANSWER: Duration = Duration::from_millis(500);
/// The unanswered pings after which a connection counts as dead.
const MISSED_PINGS: u32 = 2;
/// The name of a user who gives none.
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
/// A close is answered with its own code. The server's codes: 1012 the server ends, come back; 4401 the credential has
/// ended, 4403 the room may be read no longer (after an `error` that says why); 1002 not WebSocket, 1007 text that is not UTF-8, 1009 a message of more than 64 KiB. Resume with `since`.
#[utoipa::path(
    get, path = "/rooms/{room}/ws", operation_id = "open_socket", tag = "reading",
    params(RoomPath, SinceParams, ReadParams, TicketParams),
    responses((status = 101, description = "frames from here on: `ServerFrame` and `ClientFrame`"), OfSocket),
    extensions(("x-frames" = json!({"server": {"$ref": "#/components/schemas/ServerFrame"}, "client": {"$ref": "#/components/schemas/ClientFrame"}})))
)]
pub async fn open(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    SplitParams(since, params, _): SplitParams<SinceParams, ReadParams, TicketParams>,
    Extension(request_id): Extension<RequestId>,
    caller: Caller,
    admission: Admission,
    handshake: Handshake,
) -> Result<Response, Problem> {
    let request = params.request(Transport::WebSocket, StateDue::Always, &caller)?;
    let user = request.user.clone();
    let hold = admission.admit().await?;
    let reading = app.chat.read(&caller.as_named(user.clone()), &room, since.start()?, request).await?;
    let tasks = app.shutdown.tasks.clone();
    let session = Session { app, caller, request_id, room, user, reading, hold, effect: None, rests_until: None };
    let (answer, session) = handshake.answer(move |socket| session.run(socket));
    tasks.spawn(session);
    Ok(answer)
}

/// Follow a room by WebSocket
///
/// The same as `open_socket`, at the path that pages of the Django Channels tutorial open.
#[utoipa::path(
    get, path = "/ws/chat/{room}/", operation_id = "open_chat_socket", tag = "reading",
    params(RoomPath, SinceParams, ReadParams, TicketParams),
    responses((status = 101, description = "frames from here on: `ServerFrame` and `ClientFrame`"), OfSocket),
    extensions(("x-frames" = json!({"server": {"$ref": "#/components/schemas/ServerFrame"}, "client": {"$ref": "#/components/schemas/ClientFrame"}})))
)]
pub async fn open_room(
    state: State<Arc<App>>,
    room: RoomPath,
    params: SplitParams<SinceParams, ReadParams, TicketParams>,
    request_id: Extension<RequestId>,
    caller: Caller,
    admission: Admission,
    handshake: Handshake,
) -> Result<Response, Problem> {
    open(state, room, params, request_id, caller, admission, handshake).await
}

/// Follow the room general by WebSocket
///
/// The same as `open_socket` of the room `general`.
#[utoipa::path(
    get, path = "/ws/chat/", operation_id = "open_general_socket", tag = "reading", params(SinceParams, ReadParams, TicketParams),
    responses((status = 101, description = "frames from here on: `ServerFrame` and `ClientFrame`"), OfGeneralSocket),
    extensions(("x-frames" = json!({"server": {"$ref": "#/components/schemas/ServerFrame"}, "client": {"$ref": "#/components/schemas/ClientFrame"}})))
)]
pub async fn open_general(
    state: State<Arc<App>>,
    params: SplitParams<SinceParams, ReadParams, TicketParams>,
    request_id: Extension<RequestId>,
    caller: Caller,
    admission: Admission,
    handshake: Handshake,
) -> Result<Response, Problem> {
    let room = RoomName::parse(GENERAL).map_err(|invalid| Problem::internal(invalid.detail))?;
    open(state, RoomPath(room), params, request_id, caller, admission, handshake).await
}

/// The result of a frame: the id it made, if any.
type Done = Result<Option<EventId>, Problem>;
/// A frame that takes effect: its `ref`, and what comes of it.
type Effect = Pin<Box<dyn Future<Output = (Option<Reference>, Done)> + Send>>;

/// The socket of a session.
type ClientSocket = Socket<Connection>;

/// One socket.
struct Session {
    app: Arc<App>,
    caller: Caller,
    /// Of the request that opened it.
    request_id: RequestId,
    room: RoomName,
    /// The user who is present: the first name that was given.
    user: Option<Username>,
    reading: Reading,
    /// The memory of the events that are being sent.
    hold: Hold,
    /// The frame that takes effect now. No other is read meanwhile, so that they do in their order.
    effect: Option<Effect>,
    /// The time until which no frame is read: too many have come.
    rests_until: Option<Instant>,
}

impl Session {
    async fn run(mut self, mut socket: ClientSocket) {
        let timings = self.app.config.timings;
        let patience = timings.socket_close_timeout;
        let mut pings = interval_at(Instant::now() + timings.socket_ping_interval, timings.socket_ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut unanswered = 0;
        // An error of the socket ends it; its client resumes by its cursor.
        loop {
            let sent = tokio::select! {
                (reference, done) = effect(&mut self.effect) => self.reply(&mut socket, reference, done).await,
                events = self.reading.next() => {
                    let Some(events) = events else { break self.end(socket).await };
                    self.send_events(&mut socket, events).await
                }
                () = sleep_until(self.rests_until.unwrap_or_else(Instant::now)), if self.rests_until.is_some() => {
                    self.count_frame();
                    Ok(())
                }
                message = socket.receive(), if self.effect.is_none() && self.rests_until.is_none() => match message {
                    Ok(Message::Text(text)) => {
                        self.count_frame();
                        self.handle_frame(&mut socket, &text).await
                    }
                    Ok(Message::Binary(bytes)) => {
                        self.count_frame();
                        send_text(&mut socket, error(&ClientFrame::binary(&bytes))).await
                    }
                    Ok(Message::Pong) => { unanswered = 0; Ok(()) }
                    Ok(Message::Ping(payload)) => {
                        self.count_frame();
                        socket.send([Frame::pong(payload)]).await
                    }
                    // Whoever has closed is here no longer, however long the goodbye takes.
                    Ok(Message::Close(code)) => {
                        drop(self);
                        return socket.close_back(code, patience).await;
                    }
                    Err(Lost::Breach(breach)) => {
                        drop(self);
                        return socket.fail(breach, patience).await;
                    }
                    Err(Lost::Ended) => break,
                },
                _ = pings.tick() => {
                    // While nothing is read, no answer is.
                    if self.rests_until.is_some() {
                        unanswered = 0;
                    }
                    if unanswered == MISSED_PINGS {
                        break;
                    }
                    unanswered += 1;
                    socket.send([Frame::ping()]).await
                }
            };
            if sent.is_err() {
                break;
            }
        }
    }

    /// Counts a frame, whatever it says, as a request is counted. If there were too many, none is read for a while: the
    /// client's own buffers hold them.
    fn count_frame(&mut self) {
        let counted = self.app.limits.take(Limit::Requests, &self.caller.as_named(self.user.clone()));
        self.rests_until = counted.err().map(|allowance| Instant::now() + allowance.next_in);
    }

    async fn send_events(&mut self, socket: &mut ClientSocket, events: Vec<Placed>) -> io::Result<()> {
        admission::hold_events(&mut self.hold, &events);
        socket.send(events.into_iter().map(|event| Frame::text(event.frame.json()))).await?;
        self.hold.set(0);
        Ok(())
    }

    /// Ends the socket with its reader, once the client is told what came of what it said before.
    async fn end(mut self, mut socket: ClientSocket) {
        let patience = self.app.config.timings.socket_close_timeout;
        let (code, why) = match self.reading.denied() {
            None => (RESTART, "the server ends"),
            Some(why) if why.is_of_credential() => (UNAUTHENTICATED, "the credential has ended"),
            Some(_) => (FORBIDDEN, "the room may be read no longer"),
        };
        if self.effect.is_some() {
            // Whoever is sent away does not wait for a database that hangs.
            let longest = if code == RESTART { Duration::MAX } else { LAST_ANSWER };
            if let Ok((reference, done)) = timeout(longest, effect(&mut self.effect)).await
                && self.reply(&mut socket, reference, done).await.is_err()
            {
                return;
            }
        }
        // Whoever is sent away is here no longer, however long the goodbye takes.
        drop(self);
        socket.close(code, why, patience).await;
    }

    /// Tells a client what came of its frame.
    async fn reply(&mut self, socket: &mut ClientSocket, reference: Option<Reference>, done: Done) -> io::Result<()> {
        self.effect = None;
        if let Err(problem) = &done {
            problem.log(&self.request_id);
        }
        answer(socket, reference, done).await
    }

    /// Takes a client's frame, and lets it begin to take effect.
    async fn handle_frame(&mut self, socket: &mut ClientSocket, text: &str) -> io::Result<()> {
        let frame = match ClientFrame::parse(text) {
            Ok(frame) => frame,
            Err(bad) => return send_text(socket, error(&bad)).await,
        };
        let speaker = match frame.username.as_deref().map(Username::parse).transpose() {
            Ok(speaker) => speaker,
            Err(invalid) => return answer(socket, frame.reference, Err(Problem::invalid(vec![invalid.into()]))).await,
        };
        let caller = self.caller.followed_by(self.reading.actor());
        if let Some(named) = &speaker {
            let actor = caller.as_named(Some(named.clone()));
            if let Err(refused) = self.app.chat.join(&actor, &mut self.reading).await {
                return answer(socket, frame.reference, Err(refused.into())).await;
            }
            // The first name is who is here; a later frame may speak under another.
            self.user.get_or_insert_with(|| named.clone());
        }
        // Where a credential says who speaks, nobody else is spoken for.
        let fallback = || if caller.is_known() { None } else { Username::parse(ANONYMOUS).ok() };
        let speaker = speaker.or_else(|| self.user.clone()).or_else(fallback);
        let actor = caller.as_named(speaker);
        match frame.say {
            Say::Join => answer(socket, frame.reference, Ok(None)).await,
            Say::Typing(is_typing) => {
                let done = self.app.chat.type_in(&actor, &mut self.reading, is_typing).await.map(|()| None);
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
async fn effect(effect: &mut Option<Effect>) -> (Option<Reference>, Done) {
    match effect {
        Some(effect) => effect.await,
        None => std::future::pending().await,
    }
}

async fn answer(socket: &mut ClientSocket, reference: Option<Reference>, done: Done) -> io::Result<()> {
    match (done, reference) {
        (Ok(id), Some(reference)) => send_text(socket, ack(&reference, id)).await,
        (Ok(_), None) => Ok(()),
        (Err(problem), reference) => {
            send_text(socket, error(&BadFrame { reference, problem: Box::new(problem) })).await
        }
    }
}

async fn send_text(socket: &mut ClientSocket, text: String) -> io::Result<()> {
    socket.send([Frame::text(text.into())]).await
}
