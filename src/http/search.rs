//! Finding messages by their words.

use std::sync::Arc;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    admission::{self, Admission},
    caller::Caller,
    extract::{Params, RoomPath, cursor},
    fields::Whole,
    openapi::{answers::OfRoom, samples, texts::QueryText},
    problem::Problem,
};
use crate::{
    app::App,
    domain::{EventId, message::Message, search::Query},
};

/// The query of a search, and the page to return.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchParams {
    /// Words that have to be in the message, the last one perhaps only as the beginning of a word; in quotes
    /// (`"hel"`) it has to be the whole word. At most 256 characters, at least one of which shows. Nothing else in it
    /// is an operator.
    #[param(value_type = QueryText, inline, required = true)]
    q: Option<String>,
    /// The messages before this id.
    #[param(value_type = Option<i64>, minimum = 0)]
    before: Option<EventId>,
    /// The maximum number to return.
    #[param(value_type = Option<u64>, minimum = 1, maximum = 200, default = 50)]
    limit: Option<Whole<1, 200>>,
}

/// Messages that were found, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub struct FoundPage {
    /// The messages as they are now.
    messages: Vec<Message>,
    /// Goes into `before` to find older ones; null when there are none.
    #[schema(required, value_type = Option<i64>, minimum = 1)]
    next: Option<EventId>,
    /// True if the search ended before the page was full: it is cut after 0.2 s of work. There may be more from `next`
    /// on, even if this page is empty.
    partial: bool,
}

/// Search a room
///
/// Newest first. All words have to be there, in any order; case and accents make no difference; the last
/// word may go on (`hel` finds `hello`). Scripts without spaces are found by any part of a stretch.
/// Quotes and operators are only text, and a query without letters or digits finds nothing. A page stops at 256 KiB of
/// JSON.
#[utoipa::path(
    get, path = "/rooms/{room}/search", operation_id = "search_messages", tag = "messages",
    params(RoomPath, SearchParams),
    responses((status = 200, description = "what was found; nothing in a room that nobody has made", body = FoundPage, example = json!(samples::found())), OfRoom)
)]
pub async fn find(
    State(app): State<Arc<App>>,
    RoomPath(room): RoomPath,
    caller: Caller,
    admission: Admission,
    Params(params): Params<SearchParams>,
) -> Result<Response, Problem> {
    let q = params.q.as_deref().unwrap_or_default();
    let query = Query::parse(q).map_err(|invalid| Problem::bad_query(invalid.field, invalid.detail))?;
    let before = cursor("before", params.before)?;
    let limit = Whole::count_or(params.limit, 50);
    let hold = admission.admit().await?;
    let page = app.chat.search(&caller.as_named(None), &room, query, before, limit).await?;
    Ok(admission::answer(hold, FoundPage { messages: page.messages, next: page.next, partial: page.partial }))
}
