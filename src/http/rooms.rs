//! Rooms as resources.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    answer,
    caller::Caller,
    conditions::{self, precondition, shown},
    extract::{Body, Params, RoomPath, name},
    fields::Whole,
    openapi::{
        answers::{OfBody, OfRoomPut, OfService, OfTagged},
        params::{IfMatch, IfNoneMatch, UnlessMatch},
        samples,
        texts::{TitleText, TopicText, UsernameText},
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        access::{MAX_SLOW_MODE, Posting, Visibility},
        invalid::{Check, Invalid},
        name::RoomName,
        room::{RoomChange, RoomView},
    },
};

/// Which rooms.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
    /// Those only that one is a member of; in open mode it is not heeded.
    #[param(value_type = Option<bool>)]
    mine: Option<bool>,
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
pub async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    admission: Admission,
    Params(params): Params<ListParams>,
) -> Result<Response, Problem> {
    let is_mine = params.mine.unwrap_or(false);
    let limit = Whole::count_or(params.limit, 50);
    let after = name("after", params.after.as_deref(), RoomName::parse)?;
    let hold = admission.admit().await?;
    let (rooms, has_more) = app.chat.rooms(&caller.as_named(None), is_mine, after.as_ref(), limit).await?;
    let next = rooms.last().filter(|_| has_more).map(|room| room.name.clone());
    Ok(admission::answer(hold, RoomPage { rooms, next }))
}

/// The fields to set: absent ones stay as they are.
#[derive(Debug, Deserialize, ToSchema)]
pub struct PutRoom {
    /// The title: at most 200 characters.
    #[schema(value_type = Option<TitleText>, inline)]
    title: Option<String>,
    /// The topic of the room: at most 1,000 characters.
    #[schema(value_type = Option<TopicText>, inline)]
    topic: Option<String>,
    /// Those who find the room and read it; owners change it. Only where credentials are required.
    #[schema(value_type = Option<Visibility>)]
    visibility: Option<String>,
    /// Those who post. Only where credentials are required.
    #[schema(value_type = Option<Posting>)]
    posting: Option<String>,
    /// The pause between two posts of a user who is no moderator, in seconds; 0 for none. Only where credentials are
    /// required.
    #[schema(value_type = Option<u32>, minimum = 0, maximum = 3_600)]
    slow_mode: Option<Whole<0, { MAX_SLOW_MODE as u64 }>>,
    /// The user who acts.
    #[schema(value_type = Option<UsernameText>, inline)]
    username: Option<String>,
}

impl PutRoom {
    /// The change that is asked for.
    ///
    /// # Errors
    /// A problem that names the fields.
    fn change(self, caller: &Caller) -> Result<RoomChange, Problem> {
        let given = [
            ("visibility", self.visibility.is_some()),
            ("posting", self.posting.is_some()),
            ("slow_mode", self.slow_mode.is_some()),
        ];
        if let Some((field, _)) = given.into_iter().find(|(_, is_given)| *is_given && !caller.is_known()) {
            let detail = "is there only where credentials are required: this server is in open mode";
            return Err(vec![Invalid::new(field, detail)].into());
        }
        let mut check = Check::default();
        let visibility = check.take(self.visibility.as_deref().map(Visibility::parse).transpose());
        let posting = check.take(self.posting.as_deref().map(Posting::parse).transpose());
        let (visibility, posting) = check.finish(visibility.zip(posting))?;
        let slow_mode = self.slow_mode.map(|seconds| u32::try_from(seconds.number()).unwrap_or(MAX_SLOW_MODE));
        Ok(RoomChange { title: self.title, topic: self.topic, visibility, posting, slow_mode })
    }
}

/// Make or change a room
///
/// Making a room takes no id; a change is a `room_updated` event; what changes nothing is none.
#[utoipa::path(
    put, path = "/rooms/{room}", operation_id = "put_room", tag = "rooms",
    params(RoomPath, IfMatch, UnlessMatch),
    request_body(content(
        (PutRoom = "application/json", example = json!(samples::put_room())),
        (PutRoom = "application/x-www-form-urlencoded", example = json!(samples::put_room())),
    )),
    responses(
        (status = 201, description = "made", body = RoomView, headers(("Location" = String, description = "where the room is"), ("ETag" = String, description = "changes with the room")), example = json!(samples::room())),
        (status = 200, description = "changed, or as it was", body = RoomView, headers(("ETag" = String, description = "changes with the room"), ("Event-Id" = i64, description = "the event that was made; absent if nothing changed")), example = json!(samples::room())),
        OfRoomPut,
    )
)]
pub async fn put(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<PutRoom>,
) -> Result<Response, Problem> {
    let named = body.username.as_deref().map(|name| caller.act_as(Some(name))).transpose();
    let actor = named.map_err(|invalid| Problem::from(vec![invalid]))?.unwrap_or_else(|| caller.as_named(None));
    let change = body.change(&caller)?;
    let put = app.chat.put_room(&actor, &room, change, precondition(&headers)).await?;
    let (view, made) = put.answer;
    let response = if made {
        (StatusCode::CREATED, [(header::LOCATION, format!("/api/v1/rooms/{room}"))], answer(&view)).into_response()
    } else {
        answer(&view)
    };
    Ok(conditions::changed(response, &view.version(), put.event))
}

/// Make a room whose name the server draws
///
/// A name says what a room is about, and that it is there; a drawn one says nothing. Only where credentials are
/// required.
#[utoipa::path(
    post, path = "/rooms", operation_id = "make_room", tag = "rooms",
    request_body(content(
        (PutRoom = "application/json", example = json!({"title": "Plans", "visibility": "private"})),
        (PutRoom = "application/x-www-form-urlencoded", example = json!({"title": "Plans", "visibility": "private"})),
    )),
    responses(
        (status = 201, description = "made", body = RoomView, headers(("Location" = String, description = "where the room is"), ("ETag" = String, description = "changes with the room")), example = json!(samples::room())),
        OfBody,
    )
)]
pub async fn make(State(app): State<Arc<App>>, caller: Caller, Body(body): Body<PutRoom>) -> Result<Response, Problem> {
    caller.require_known()?;
    let actor = caller.act_as(body.username.as_deref()).map_err(|invalid| Problem::from(vec![invalid]))?;
    let view = app.chat.make_room(&actor, body.change(&caller)?).await?;
    let place = [(header::LOCATION, format!("/api/v1/rooms/{}", view.name))];
    let made = (StatusCode::CREATED, place, answer(&view)).into_response();
    Ok(conditions::changed(made, &view.version(), None))
}

/// Get a room
///
/// `head` is the cursor that this state is true at: follow the room from there.
#[utoipa::path(
    get, path = "/rooms/{room}", operation_id = "get_room", tag = "rooms", params(RoomPath, IfMatch, IfNoneMatch),
    responses(
        (status = 200, description = "the room", body = RoomView, headers(("ETag" = String, description = "changes with the room")), example = json!(samples::room())),
        (status = 304, description = "it is as `If-None-Match` says"),
        OfTagged,
    )
)]
pub async fn get(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let view = app.chat.room(&caller.as_named(None), &room).await?;
    shown(&headers, caller.is_known(), &view.version(), || answer(&view))
}
