//! Tables for people: columns under headings, as wide as what stands in them.

use std::time::{Duration, UNIX_EPOCH};

use crate::domain::timestamp::Timestamp;

/// The text of a cell that has nothing to say.
const NOTHING: &str = "-";

/// The table, a line for each row.
pub(super) fn table<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let headings = headings.map(str::to_owned);
    let lines = || std::iter::once(&headings).chain(rows);
    let width = |column: usize| lines().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |cells: &[String; N]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A cell that may be empty.
pub(super) fn cell(text: Option<&str>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or(NOTHING).to_owned()
}

/// A time to the second.
pub(super) fn time(at: Timestamp) -> String {
    let since = Duration::from_micros(at.micros().try_into().unwrap_or(0));
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

/// A time that may not have come.
pub(super) fn time_cell(at: Option<Timestamp>) -> String {
    cell(at.map(time).as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_as_wide_as_what_stands_in_it() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let shown = table(["A", "NAME", "B"], &[row(["1", "Zoë", "x"]), row(["22", "a longer name", ""])]);
        assert_eq!(shown, "A   NAME           B\n1   Zoë            x\n22  a longer name");
        assert_eq!(table(["A", "B"], &[]), "A  B");
    }

    #[test]
    fn a_time_is_shown_to_the_second() {
        assert_eq!(time(Timestamp::from_micros(1_700_000_000_999_999)), "2023-11-14T22:13:20Z");
        assert_eq!((time_cell(None), cell(Some(""))), ("-".to_owned(), "-".to_owned()));
    }
}
