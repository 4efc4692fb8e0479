//! Splits rows into statements that every database takes: so many rows, and so many bytes. A batch
//! bounds what its commands bring, and not what they lead to: an edit of a few bytes keeps a revision of
//! many.

use sea_orm::Condition;

/// Rows that one insert carries at most: twelve columns each, within `SQLite`'s 32,766 parameters.
const ROWS: usize = 1_024;
/// Bytes that it carries at most, except for a single row that is larger: a quarter of the packet that
/// `mysql.rs` insists on.
const BYTES: usize = 1024 * 1024;

/// Rows that one condition names at most: `SQLite` bounds the depth of an expression at 1,000
/// (<https://sqlite.org/limits.html>), and each alternative is one deeper.
pub(super) const CONDITION_ROWS: usize = 250;

/// The rows in pieces, in their order.
pub(super) fn pieces<T>(rows: Vec<T>, bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut pieces: Vec<Vec<T>> = Vec::new();
    let mut full = 0;
    for row in rows {
        let size = bytes(&row);
        match pieces.last_mut() {
            Some(piece) if piece.len() < ROWS && full + size <= BYTES => {
                piece.push(row);
                full += size;
            }
            _ => {
                pieces.push(vec![row]);
                full = size;
            }
        }
    }
    pieces
}

/// The condition that one of some items is met.
pub(super) fn any_of<T>(items: &[T], condition: impl Fn(&T) -> Condition) -> Condition {
    items.iter().fold(Condition::any(), |any, item| any.add(condition(item)))
}

#[cfg(test)]
mod tests {
    use super::{BYTES, ROWS, pieces};

    fn lengths(sizes: Vec<usize>) -> Vec<usize> {
        let all = sizes.clone();
        let pieces = pieces(sizes, |size| *size);
        assert_eq!(pieces.concat(), all, "nothing is lost, and the order stands");
        pieces.iter().map(Vec::len).collect()
    }

    #[test]
    fn a_piece_is_as_full_as_it_may_be() {
        assert_eq!(lengths(vec![]), [0; 0]);
        assert_eq!(lengths(vec![1; ROWS]), [ROWS]);
        assert_eq!(lengths(vec![1; ROWS + 1]), [ROWS, 1]);
        assert_eq!(lengths(vec![BYTES / 2, BYTES / 2, 1]), [2, 1]);
        assert_eq!(lengths(vec![1, 2 * BYTES, 1]), [1, 1, 1]);
    }
}
