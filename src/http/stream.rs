//! The three ways to read a room, and one to read several. Each encodes what a reading gives.

use serde::Deserialize;
use utoipa::IntoParams;

pub mod client_frame;
pub mod long_poll;
pub(crate) mod pieces;
pub mod rooms;
pub mod sse;
pub mod websocket;

use super::{
    caller::Caller,
    extract::{cursor, username},
    fields::Whole,
    openapi::texts::{TicketText, TypesText, UsernameText},
    problem::Problem,
};
use crate::{
    chat::reading::{Request, Start, StateDue, Transport},
    domain::{
        EventId,
        event::{EventType, TypeSet},
    },
};

/// The most events a reader gets at once.
const LIMIT: usize = 200;

/// The cursor to start from in a room.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SinceParams {
    /// Resume after this id; absent: the history first.
    #[param(value_type = Option<i64>, minimum = 0)]
    since: Option<EventId>,
}

impl SinceParams {
    /// The start that these parameters ask for.
    ///
    /// # Errors
    /// A problem that names the parameter.
    fn start(&self) -> Result<Start, Problem> {
        Ok(cursor("since", self.since)?.map_or(Start::History, Start::After))
    }
}

/// The ticket of a socket, by which the middleware knew who asks.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TicketParams {
    /// A ticket of `POST /api/v1/tickets`, for who can't send a header.
    #[param(value_type = Option<TicketText>, inline)]
    #[expect(dead_code, reason = "it is taken before the query is read")]
    ticket: Option<String>,
}

/// The parameters of a reader, the same on all three transports.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ReadParams {
    /// The number of messages in the history.
    #[param(value_type = Option<u64>, minimum = 0, maximum = 200, default = 50)]
    history: Option<Whole<0, 200>>,
    /// Only these types, separated by commas. `message_history`, `reset`, `ping`, `server_shutdown`, `error` and
    /// `auth_expiring` come anyway.
    #[param(value_type = Option<TypesText>, inline)]
    types: Option<String>,
    /// The user who reads; absent: a reader nobody sees.
    #[param(value_type = Option<UsernameText>)]
    username: Option<String>,
}

impl ReadParams {
    /// The request to read that these parameters make.
    ///
    /// # Errors
    /// A problem that names the parameter.
    fn request(&self, transport: Transport, state: StateDue, caller: &Caller) -> Result<Request, Problem> {
        let history = Whole::count_or(self.history, 50);
        let types = self.types.as_deref().map_or(Ok(TypeSet::ALL), parse_types)?;
        Ok(Request {
            history,
            types,
            user: caller.present_as(username(self.username.as_deref())?),
            transport,
            state,
            limit: LIMIT,
        })
    }
}

fn parse_types(text: &str) -> Result<TypeSet, Problem> {
    let types: Result<Vec<_>, _> = text
        .split(',')
        .map(|word| {
            EventType::parse(word.trim()).ok_or_else(|| Problem::bad_query("types", format!("{word:?} is no type")))
        })
        .collect();
    Ok(TypeSet::filter(types?))
}
