//! The question for the full-text index of `MySQL` and `MariaDB`.

use sea_orm::{DbBackend, Statement};

use super::room_token;
use crate::domain::{EventId, search::Term};

const CANDIDATES: &str = "
    SELECT message_id FROM message_search
    WHERE MATCH (tokens) AGAINST (? IN BOOLEAN MODE) AND room_id = ? AND message_id < ?
    ORDER BY message_id DESC LIMIT ?";

/// The ids of the newest messages before an id that have all terms.
pub(super) fn candidates(room_id: i64, terms: &[Term], before: EventId, limit: i64) -> Statement {
    let question = terms.iter().fold(format!("+{}", room_token(room_id)), |mut question, term| {
        question += " +";
        question += &term.token;
        question += if term.is_prefix { "*" } else { "" };
        question
    });
    let values = [question.into(), room_id.into(), before.into(), limit.into()];
    Statement::from_sql_and_values(DbBackend::MySql, CANDIDATES, values)
}
