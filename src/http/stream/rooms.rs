//! Reading several rooms on one connection by Server-Sent Events.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    super::{
        admission::Admission,
        caller::Caller,
        extract::SplitParams,
        middleware::TellsOfAbsence,
        openapi::{
            answers::OfService,
            params::LastEventIds,
            samples,
            texts::{RoomsText, SinceText},
        },
        problem::Problem,
    },
    ReadParams,
    pieces::Lines,
    sse::{StreamParams, events},
};
use crate::{
    app::App,
    chat::reading::{Start, StateDue, Transport},
    domain::{
        EventId,
        cursor::{MAX_ROOMS, Positions, by_name},
        event::ResetReason,
        name::RoomName,
    },
};

/// Which rooms, and where to start in each.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RoomsParams {
    /// The rooms, separated by commas: 1 to 50, each once.
    #[param(value_type = RoomsText, inline, required)]
    rooms: Option<String>,
    /// Resume after these ids, by room; a room that is absent here: the history first. A room that is
    /// not among `rooms` is passed over, so that the list may change.
    #[param(value_type = Option<SinceText>, inline)]
    since: Option<String>,
}

impl RoomsParams {
    /// Each room, and where to start in it.
    ///
    /// # Errors
    /// A problem that names the parameter.
    fn starts(&self, resumed: Option<&str>) -> Result<Vec<(RoomName, Start)>, Problem> {
        let rooms = parse_rooms(self.rooms.as_deref().unwrap_or_default())?;
        let since = self.since.as_deref().map_or(Ok(HashMap::new()), by_name);
        let since = since.map_err(|invalid| Problem::bad_query(invalid.field, invalid.detail))?;
        let from_since = |room: &RoomName| since.get(room).map_or(Start::History, |id| Start::After(*id));
        let starts = resumed.map_or_else(|| rooms.iter().map(from_since).collect(), |id| from_positions(id, &rooms));
        Ok(rooms.into_iter().zip(starts).collect())
    }
}

fn parse_rooms(text: &str) -> Result<Vec<RoomName>, Problem> {
    let bad = |detail: String| Problem::bad_query("rooms", detail);
    if text.is_empty() {
        return Err(bad(format!("has to name 1 to {MAX_ROOMS} rooms, separated by commas")));
    }
    let mut rooms = Vec::new();
    for name in text.split(',') {
        if rooms.len() == MAX_ROOMS {
            return Err(bad(format!("names more than {MAX_ROOMS} rooms")));
        }
        rooms.push(RoomName::parse(name).map_err(|invalid| bad(format!("{name:?}: {}", invalid.detail)))?);
    }
    let mut seen = HashSet::new();
    match rooms.iter().find(|room| !seen.insert(*room)) {
        Some(twice) => Err(bad(format!("names {twice} more than once"))),
        None => Ok(rooms),
    }
}

/// The starts in each of these rooms, by the id that the reader comes back with.
fn from_positions(id: &str, rooms: &[RoomName]) -> Vec<Start> {
    let reset = |reason| vec![Start::Reset(reason); rooms.len()];
    match Positions::parse(id) {
        None => reset(ResetReason::Invalid),
        Some(positions) if !positions.fit(rooms) => reset(ResetReason::RoomsChanged),
        Some(positions) => positions.cursors().iter().map(|id: &EventId| Start::After(*id)).collect(),
    }
}

/// Follow several rooms by Server-Sent Events
///
/// As `stream_events`, of up to 50 rooms on one connection: a browser has no more than six to a host. Each
/// event names its `room`, and its data is the same as on the room's own stream.
///
/// The `id:` has the cursors of all rooms in the order of `rooms`, and after them a word for that list:
/// `12,7,0~k3fq`. Whoever comes back with it, as `EventSource` does by itself, gets of each room just what is missing.
/// To come back with other rooms, make a new request with `since`, which has the cursors by name. Each cursor also
/// resumes its room elsewhere; a client that takes an id apart cuts the word off first.
///
/// History, what came since, and who is here come room by room. A cursor that can't be honoured is a `reset`
/// of its room alone; an `id:` of another list of rooms, or one that can't be read, of all of them.
#[utoipa::path(
    get, path = "/stream", operation_id = "stream_rooms", tag = "reading",
    params(RoomsParams, LastEventIds, ReadParams, StreamParams),
    responses(
        (status = 200, description = "events, each `data:` an `Event`", body = String, content_type = "text/event-stream", example = json!(samples::stream_of_rooms())),
        OfService,
    ),
    extensions(("x-sse-events" = json!({"$ref": "#/components/schemas/Event"})))
)]
pub async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    admission: Admission,
    SplitParams(rooms, params, writing): SplitParams<RoomsParams, ReadParams, StreamParams>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let starts = rooms.starts(writing.id(&headers).as_deref())?;
    let what = format!("{} rooms", starts.len());
    let request = params.request(Transport::Sse, StateDue::Always, &caller)?;
    let hold = admission.admit().await?;
    let reading = app.chat.read_all(&caller.as_named(request.user.clone()), starts, request).await?;
    let is_of_absent = reading.is_of_absent();
    let mut response = events(&what, reading, hold, Lines { is_named: writing.is_named(), of_rooms: true });
    if is_of_absent {
        response.extensions_mut().insert(TellsOfAbsence);
    }
    Ok(response)
}
