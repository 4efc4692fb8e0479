//! Reading by one request after the other, each of which waits for something to happen.

use std::{sync::Arc, time::Duration};

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        admission::{self, Admission},
        caller::Caller,
        extract::{RoomPath, SplitParams},
        fields::Whole,
        messages::MAX_WAIT,
        openapi::{answers::OfRoom, samples},
        problem::Problem,
    },
    LIMIT, ReadParams, SinceParams,
};
use crate::{
    app::App,
    chat::reading::{Placed, Reading, STATE_FRAMES, Start, StateDue, Transport},
    domain::{EventId, event::EventBody},
};

/// The parameters of a poll.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PollParams {
    /// The number of seconds to wait at most.
    #[param(value_type = Option<u64>, minimum = 0, maximum = 50, default = 25)]
    wait: Option<Whole<0, MAX_WAIT>>,
    /// The `state` of the last answer: if who is here or who types has changed since, a
    /// `presence_state` comes.
    state: Option<String>,
}

/// The events of a poll, and the cursor to go on with.
#[derive(Debug, Serialize, ToSchema)]
pub struct PollAnswer {
    /// The events, at most 200.
    #[schema(value_type = Vec<EventBody>, max_items = 200)]
    events: Vec<Box<RawValue>>,
    /// Goes into `since` of the next poll.
    #[schema(value_type = i64, minimum = 0)]
    next: EventId,
    /// True if more is there already.
    has_more: bool,
    /// Goes into `state` of the next poll.
    state: String,
}

/// Follow a room by long poll
///
/// Answers at once if anything durable is past `since`, else at the first event or after `wait`
/// seconds; an ephemeral event ends the wait 2 seconds later, with what came meanwhile. Without
/// `since` it answers the history, and who is here, at once.
///
/// A client's own timeout has to be longer than `wait`.
#[utoipa::path(
    get, path = "/rooms/{room}/poll", operation_id = "poll_events", tag = "reading",
    params(RoomPath, SinceParams, ReadParams, PollParams),
    responses((status = 200, description = "what happened", body = PollAnswer, example = json!(samples::poll())), OfRoom)
)]
pub async fn poll(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    SplitParams(since, params, PollParams { wait, state }): SplitParams<SinceParams, ReadParams, PollParams>,
) -> Result<Response, Problem> {
    let timings = &app.config.timings;
    let wait = Duration::from_secs(Whole::or(wait, 25));
    let state = state.map_or(StateDue::Never, StateDue::Unless);
    let start = since.start()?;
    let mut request = params.request(Transport::LongPoll, state, &caller)?;
    // Who begins is told who is here, as on the other transports.
    if start == Start::History && request.state == StateDue::Never {
        request.state = StateDue::Always;
    }
    // What is there already is read and rendered at once; what is waited for holds nothing meanwhile.
    let mut hold = admission.admit().await?;
    let is_history = start == Start::History;
    let mut reading = app.chat.read(&caller.as_named(request.user.clone()), &room, start, request).await?;
    if !is_history && !reading.has_more() {
        hold.set(0);
    }
    let events = gather(&mut reading, Instant::now() + wait, timings.poll_ephemeral_wait).await;
    let text = |event: &Placed| String::from_utf8(event.frame.json().into()).ok();
    let events = events.iter().filter_map(|event| RawValue::from_string(text(event)?).ok());
    let body = PollAnswer {
        events: events.collect(),
        next: reading.cursor(),
        has_more: reading.has_more(),
        state: reading.state_word(),
    };
    reading.end_with_lease(timings.presence_lease);
    Ok(admission::answer(hold, body))
}

/// Waits for the first events; a durable one ends the wait at once, an ephemeral one after
/// `ephemeral_wait`.
async fn gather(reading: &mut Reading, mut deadline: Instant, ephemeral_wait: Duration) -> Vec<Placed> {
    let mut events: Vec<Placed> = Vec::new();
    while let Some(more) = reading.next_until(deadline).await {
        let is_durable = more.iter().any(|event| event.frame.id().is_some());
        events.extend(more);
        let left = LIMIT.saturating_sub(events.len());
        // What is left out comes with the next poll: what is durable by its cursor, the rest by its state.
        if is_durable || left < STATE_FRAMES {
            break;
        }
        reading.take_at_most(left);
        deadline = deadline.min(Instant::now() + ephemeral_wait);
    }
    events
}
