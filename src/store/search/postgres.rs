//! The question for `PostgreSQL`'s index of words (GIN over `to_tsvector`).

use sea_orm::{DbBackend, Statement};

use super::room_token;
use crate::domain::{EventId, search::Term};

/// The text is taken as a query as it is: its words are what the index has, and need no parsing.
const CANDIDATES: &str = "
    SELECT message_id FROM message_search
    WHERE to_tsvector('simple', tokens) @@ $1::tsquery AND room_id = $2 AND message_id < $3
    ORDER BY message_id DESC LIMIT $4";

/// The ids of the newest messages before an id that have all terms.
pub(super) fn candidates(room_id: i64, terms: &[Term], before: EventId, limit: i64) -> Statement {
    let question = terms.iter().fold(room_token(room_id), |mut question, term| {
        question += " & ";
        question += &term.token;
        question += if term.is_prefix { ":*" } else { "" };
        question
    });
    let values = [question.into(), room_id.into(), before.into(), limit.into()];
    Statement::from_sql_and_values(DbBackend::Postgres, CANDIDATES, values)
}
