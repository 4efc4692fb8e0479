//! Editing and deleting messages, and what they said before.

use std::sync::Arc;

use axum::{extract::State, http::HeaderMap, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    answer,
    caller::Caller,
    conditions::{self, precondition},
    extract::{Body, MessagePath, Params, acting, cursor},
    fields::Whole,
    openapi::{
        answers::{OfDelete, OfEdit, OfThing},
        params::{IfMatch, UnlessMatch},
        samples,
        texts::UsernameText,
    },
    problem::Problem,
};
use crate::{
    app::App,
    chat::Committed,
    domain::{
        EventId,
        content::Content,
        invalid::Check,
        message::{Edit, Message, Revision},
    },
};

/// An edit of a message.
#[derive(Debug, Deserialize, ToSchema)]
pub struct MessageEdit {
    /// The user who edits: the author.
    #[schema(value_type = UsernameText, required)]
    username: Option<String>,
    /// The new content.
    #[schema(value_type = Content, required)]
    content: Option<String>,
}

/// Edit a message
///
/// Its author may, for 15 minutes unless the server is set otherwise. What it said before is kept as a
/// revision. Saying what it says already changes nothing.
#[utoipa::path(
    patch, path = "/rooms/{room}/messages/{id}", operation_id = "edit_message", tag = "messages",
    params(MessagePath, IfMatch, UnlessMatch),
    request_body(content(
        (MessageEdit = "application/json", example = json!(samples::message_edit())),
        (MessageEdit = "application/x-www-form-urlencoded", example = json!(samples::message_edit())),
    )),
    responses(
        (status = 200, description = "the message", body = Message, headers(("ETag" = String, description = "changes with the message"), ("Event-Id" = i64, description = "the event that was made; absent if nothing changed")), example = json!(samples::edited())),
        OfEdit,
    )
)]
pub async fn edit(
    State(app): State<Arc<App>>,
    MessagePath(room, id): MessagePath,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<MessageEdit>,
) -> Result<Response, Problem> {
    let mut check = Check::default();
    let actor = check.take(caller.act_as(body.username.as_deref()));
    let edit = check.take(Edit::check(id, body.content, app.config.content_limit));
    let (actor, edit) = check.finish(actor.zip(edit))?;
    let edited = app.chat.edit_message(&actor, &room, edit, precondition(&headers)).await?;
    Ok(as_changed(&edited))
}

/// The answer to a change of a message.
pub(super) fn as_changed(changed: &Committed<Arc<Message>>) -> Response {
    conditions::changed(answer(&*changed.answer), &changed.answer.version(), changed.event)
}

/// The user who acts.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ActorParams {
    /// The user who acts.
    #[param(value_type = UsernameText, required)]
    pub(super) username: Option<String>,
}

/// Delete a message
///
/// Its author may. The message stays in its place as a tombstone, without content and reactions; what it
/// said is in no later answer. Deleting it again changes nothing.
#[utoipa::path(
    delete, path = "/rooms/{room}/messages/{id}", operation_id = "delete_message", tag = "messages",
    params(MessagePath, ActorParams, IfMatch, UnlessMatch),
    responses(
        (status = 200, description = "the tombstone", body = Message, headers(("ETag" = String, description = "changes with the message"), ("Event-Id" = i64, description = "the event that was made; absent if nothing changed")), example = json!(samples::tombstone())),
        OfDelete,
    )
)]
pub async fn delete(
    State(app): State<Arc<App>>,
    MessagePath(room, id): MessagePath,
    caller: Caller,
    headers: HeaderMap,
    Body(params): Body<ActorParams>,
) -> Result<Response, Problem> {
    let actor = acting(&caller, params.username.as_deref())?;
    Ok(as_changed(&app.chat.delete_message(&actor, &room, id, precondition(&headers)).await?))
}

/// Which revisions.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RevisionParams {
    /// The revisions after those of an earlier page: its `next`.
    #[param(value_type = Option<i64>, minimum = 0)]
    after: Option<EventId>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 200)]
    limit: Option<Whole<1, 200>>,
}

/// The earlier contents of a message, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionPage {
    /// The earlier contents; the present one is not among them.
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
    caller: Caller,
    admission: Admission,
    Params(params): Params<RevisionParams>,
) -> Result<Response, Problem> {
    let after = cursor("after", params.after)?.unwrap_or(0);
    let limit = Whole::count_or(params.limit, 200);
    let hold = admission.admit().await?;
    let (revisions, next) = app.chat.revisions(&caller.as_named(None), &room, id, after, limit).await?;
    Ok(admission::answer(hold, RevisionPage { revisions, next }))
}
