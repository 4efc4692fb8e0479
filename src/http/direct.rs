//! Direct messages: the room of two people as a resource.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};

use super::{
    answer,
    caller::Caller,
    conditions,
    extract::UserPath,
    openapi::{answers::OfMember, samples},
    problem::Problem,
};
use crate::{app::App, domain::room::RoomView};

/// Open the room of oneself and somebody else
///
/// There is one for each two people, always the same. Nobody else is ever in it, and admins don't see it. With
/// `--directory off` it is for those who share a room.
#[utoipa::path(
    put, path = "/dms/{username}", operation_id = "open_direct", tag = "members", params(UserPath),
    responses(
        (status = 201, description = "made", body = RoomView, headers(("Location" = String, description = "where the room is"), ("ETag" = String, description = "changes with the room")), example = json!(samples::room())),
        (status = 200, description = "it was there", body = RoomView, headers(("ETag" = String, description = "changes with the room")), example = json!(samples::room())),
        OfMember,
    )
)]
pub async fn open(State(app): State<Arc<App>>, UserPath(user): UserPath, caller: Caller) -> Result<Response, Problem> {
    caller.require_known()?;
    let has_directory = app.config.identity.has_directory;
    let (view, made) = app.chat.direct_room(&caller.as_named(None), has_directory, &user).await?;
    let response = if made {
        let place = [(header::LOCATION, format!("/api/v1/rooms/{}", view.name))];
        (StatusCode::CREATED, place, answer(&view)).into_response()
    } else {
        answer(&view)
    };
    Ok(conditions::changed(response, &view.version(), None))
}
