//! Editing and deleting messages, and what they said before.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    answer,
    extract::{Body, MessagePath, Params, actor, cursor, within},
    messages::etag,
    openapi::{
        answers::{OfDelete, OfEdit, OfThing},
        params::IfMatch,
        samples,
    },
    problem::Problem,
};
use crate::{
    app::App,
    domain::{
        EventId,
        content::Content,
        message::{Correction, Message, Revision},
        name::Username,
    },
};

/// What a message is to say instead.
#[derive(Debug, Deserialize, ToSchema)]
pub struct MessageEdit {
    /// Who edits: its author.
    #[schema(value_type = Username, required)]
    username: Option<String>,
    /// What it is to say.
    #[schema(value_type = Content, required)]
    content: Option<String>,
}

/// Edit a message
///
/// Its author may, for 15 minutes unless the server is set otherwise. What it said before is kept as a
/// revision. Saying what it says already changes nothing.
#[utoipa::path(
    patch, path = "/rooms/{room}/messages/{id}", operation_id = "edit_message", tag = "messages",
    params(MessagePath, IfMatch),
    request_body(content(
        (MessageEdit = "application/json", example = json!(samples::message_edit())),
        (MessageEdit = "application/x-www-form-urlencoded", example = json!(samples::message_edit())),
    )),
    responses(
        (status = 200, description = "the message", body = Message, headers(("ETag" = String, description = "changes with the message")), example = json!(samples::edited())),
        OfEdit,
    )
)]
pub async fn edit(
    State(app): State<Arc<App>>,
    MessagePath(room, id): MessagePath,
    headers: HeaderMap,
    Body(body): Body<MessageEdit>,
) -> Result<Response, Problem> {
    let correction = Correction { username: body.username, content: body.content };
    let changed = app.chat.edit_message(&room, id, correction, if_match(&headers)).await?;
    Ok(([(header::ETAG, etag(&changed.message))], answer(&*changed.message)).into_response())
}

/// The versions that `If-Match` names; absent when any will do. Weak ones match nothing (RFC 9110, 13.1.1).
fn if_match(headers: &HeaderMap) -> Option<Vec<String>> {
    let mut versions = None;
    for value in headers.get_all(header::IF_MATCH) {
        let versions: &mut Vec<String> = versions.get_or_insert_default();
        // What can't be read is no version of ours.
        for tag in value.to_str().unwrap_or_default().split(',').map(str::trim) {
            if tag == "*" {
                return None;
            }
            versions.extend(tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).map(ToOwned::to_owned));
        }
    }
    versions
}

/// Who does it.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActorParams {
    /// Who does it.
    #[param(value_type = Username, required)]
    pub(super) username: Option<String>,
}

/// Delete a message
///
/// Its author may. The message stays in its place as a tombstone, without content and reactions; what it
/// said is in no later answer. Deleting it again changes nothing.
#[utoipa::path(
    delete, path = "/rooms/{room}/messages/{id}", operation_id = "delete_message", tag = "messages",
    params(MessagePath, ActorParams),
    responses((status = 200, description = "the tombstone", body = Message, example = json!(samples::tombstone())), OfDelete)
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    MessagePath(room, id): MessagePath,
    Params(params): Params<ActorParams>,
) -> Result<Response, Problem> {
    let username = actor(params.username.as_deref())?;
    Ok(answer(&*app.chat.delete_message(&room, id, username).await?.message))
}

/// Which revisions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RevisionParams {
    /// The revisions after those of an earlier page: its `next`.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<EventId>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 200)]
    limit: Option<u64>,
}

/// What a message said before, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionPage {
    /// What it said; what it says now is not among them.
    revisions: Vec<Revision>,
    /// Goes into `after` to read on; null on the last page.
    #[schema(value_type = Option<i64>, required)]
    next: Option<EventId>,
}

/// See what a message said before
///
/// Oldest first. A message that was never edited has none, nor has one that is deleted.
#[utoipa::path(
    get, path = "/rooms/{room}/messages/{id}/revisions", operation_id = "list_revisions", tag = "messages",
    params(MessagePath, RevisionParams),
    responses((status = 200, description = "a page", body = RevisionPage, example = json!(samples::revisions())), OfThing)
)]
pub async fn revisions(
    State(app): State<Arc<App>>,
    MessagePath(room, id): MessagePath,
    Params(params): Params<RevisionParams>,
) -> Result<Response, Problem> {
    let after = cursor("after", params.after)?.unwrap_or(0);
    let limit = within("limit", params.limit, 1..=200, 200)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (revisions, next) = app.chat.revisions(&room, id, after, limit).await?;
    Ok(answer(RevisionPage { revisions, next }))
}
