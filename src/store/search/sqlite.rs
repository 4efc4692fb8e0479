//! The question for `SQLite`'s full-text index (FTS5: <https://sqlite.org/fts5.html>).

use sea_orm::{DbBackend, Statement};

use super::room_token;
use crate::domain::{EventId, search::Term};

/// Reads the index backwards from the row of the newest message before an id: a row's key grows with
/// its message's id, so the newest come first and no more are read than asked for. The join is
/// `CROSS`, which has the index read first and each row looked up by its key.
const CANDIDATES: &str = "
    SELECT message_search.message_id AS message_id
    FROM message_search_index CROSS JOIN message_search ON message_search.id = message_search_index.rowid
    WHERE message_search_index MATCH ?
    AND message_search_index.rowid <= (
        SELECT newest.id FROM message_search AS newest
        WHERE newest.room_id = ? AND newest.message_id < ? ORDER BY newest.message_id DESC LIMIT 1)
    ORDER BY message_search_index.rowid DESC LIMIT ?";

/// Merges some pages of the index, so that it stays in few pieces: about as many as a transaction of the
/// index comes to rewrite on the long run.
pub(super) const MERGE: &str = "INSERT INTO message_search_index (message_search_index, rank) VALUES ('merge', 32)";

/// The ids of the newest messages before an id that have all terms.
pub(super) fn candidates(room_id: i64, terms: &[Term], before: EventId, limit: i64) -> Statement {
    let question = terms.iter().fold(room_token(room_id), |mut question, term| {
        question += " AND ";
        question += &term.token;
        question += if term.is_prefix { "*" } else { "" };
        question
    });
    let values = [question.into(), room_id.into(), before.into(), limit.into()];
    Statement::from_sql_and_values(DbBackend::Sqlite, CANDIDATES, values)
}
