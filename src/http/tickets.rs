//! Tickets as a resource: made with a credential, to open a stream or a socket without one.

use std::sync::Arc;

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    answer,
    caller::Caller,
    extract::Body,
    openapi::{answers::OfTicket, samples, texts::TicketTransportText},
    problem::Problem,
};
use crate::{
    app::App,
    domain::{name::RoomName, ticket::Opening},
};

/// The ticket to be made.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewTicket {
    /// The rooms that it opens, all or some of them: 1 to 50.
    #[schema(value_type = Vec<RoomName>, min_items = 1, max_items = 50, required)]
    rooms: Option<Vec<String>>,
    /// The transport that it opens.
    #[schema(value_type = TicketTransportText, required)]
    transport: Option<String>,
}

/// A ticket.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ticket {
    /// The ticket: it goes into `ticket` of the URL, once.
    #[schema(example = "plt_…")]
    pub ticket: String,
    /// The number of seconds that it is good for.
    #[schema(example = 30)]
    pub expires_in: u64,
}

/// Make a ticket for a stream or a socket
///
/// A browser's `EventSource` and `WebSocket` can't send the header `Authorization`. A page asks for a ticket with its
/// credential, and opens the stream or the socket with `?ticket=…`: once, within 30 seconds. It then reads as the user
/// of the credential, and ends with it. No room is looked at before that.
#[utoipa::path(
    post, path = "/tickets", operation_id = "make_ticket", tag = "identity",
    request_body(content(
        (NewTicket = "application/json", example = json!({"rooms": ["general"], "transport": "sse"})),
        (NewTicket = "application/x-www-form-urlencoded", example = json!({"rooms": "general", "transport": "sse"})),
    )),
    responses((status = 201, description = "the ticket, this once", body = Ticket, example = json!(samples::ticket())), OfTicket)
)]
pub async fn make(
    State(app): State<Arc<App>>,
    caller: Caller,
    Body(body): Body<NewTicket>,
) -> Result<Response, Problem> {
    caller.require_known()?;
    let opening = Opening::check(body.rooms.as_deref(), body.transport.as_deref())?;
    let (ticket, lifetime) = app.chat.ticket(&caller.as_named(None), &opening).await?;
    // Of less than a second it is told as one: nobody is to take it for over.
    let expires_in = lifetime.as_secs().max(1);
    Ok((StatusCode::CREATED, answer(Ticket { ticket, expires_in })).into_response())
}
