//! Rooms as resources.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answer,
    extract::{Body, Params, RoomPath, within},
    openapi::{
        answers::{OfBody, OfService, OfThing},
        samples,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        name::RoomName,
        room::{RoomChange, RoomView},
    },
};

/// Which rooms.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    limit: Option<u64>,
    /// The rooms after this name.
    #[param(value_type = Option<RoomName>)]
    after: Option<String>,
}

/// A page of rooms.
#[derive(Debug, Serialize, ToSchema)]
pub struct RoomPage {
    /// The rooms, by name.
    rooms: Vec<RoomView>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(required)]
    next: Option<RoomName>,
}

/// List the rooms
///
/// By name, with what each is called and about, how many are there, and when something was last said.
#[utoipa::path(
    get, path = "/rooms", operation_id = "list_rooms", tag = "rooms", params(ListParams),
    responses((status = 200, description = "a page of rooms", body = RoomPage, example = json!(samples::rooms())), OfService)
)]
pub async fn list(State(app): State<Arc<App>>, Params(params): Params<ListParams>) -> Result<Response, Problem> {
    let limit = within("limit", params.limit, 1..=200, 50)?;
    let after = params.after.as_deref().map(RoomName::parse).transpose();
    let after = after.map_err(|invalid| Problem::bad_query("after", invalid.detail))?;
    let (rooms, has_more) = app.chat.rooms(after.as_ref(), usize::try_from(limit).unwrap_or(usize::MAX)).await?;
    let next = rooms.last().filter(|_| has_more).map(|room| room.name.clone());
    Ok(answer(RoomPage { rooms, next }))
}

/// What to set: what is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PutRoom {
    /// The title: at most 200 characters.
    #[schema(max_length = 200, pattern = r"^[^\u0000]*$", example = "Everything else")]
    title: Option<String>,
    /// What the room is about: at most 1,000 characters.
    #[schema(max_length = 1_000, pattern = r"^[^\u0000]*$", example = "What has no room of its own")]
    topic: Option<String>,
}

/// Make or change a room
///
/// Making a room takes no id; a change is a `room_updated` event; what changes nothing is none.
#[utoipa::path(
    put, path = "/rooms/{room}", operation_id = "put_room", tag = "rooms",
    params(RoomPath),
    request_body(content(
        (PutRoom = "application/json", example = json!(samples::put_room())),
        (PutRoom = "application/x-www-form-urlencoded", example = json!(samples::put_room())),
    )),
    responses(
        (status = 201, description = "made", body = RoomView, headers(("Location" = String, description = "where the room is")), example = json!(samples::room())),
        (status = 200, description = "changed, or as it was", body = RoomView, example = json!(samples::room())),
        OfBody,
    )
)]
pub async fn put(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    Body(body): Body<PutRoom>,
) -> Result<Response, Problem> {
    let (view, made) = app.chat.put_room(&room, RoomChange { title: body.title, topic: body.topic }).await?;
    Ok(if made {
        (StatusCode::CREATED, [(header::LOCATION, format!("/api/v1/rooms/{room}"))], answer(view)).into_response()
    } else {
        answer(view)
    })
}

/// Get a room
///
/// `head` is the cursor that this state is true at: follow the room from there.
#[utoipa::path(
    get, path = "/rooms/{room}", operation_id = "get_room", tag = "rooms", params(RoomPath),
    responses((status = 200, description = "the room", body = RoomView, example = json!(samples::room())), OfThing)
)]
pub async fn get(State(app): State<Arc<App>>, RoomPath(room): RoomPath) -> Result<Response, Problem> {
    Ok(answer(app.chat.room(&room).await?))
}
