//! The size of pages, by the bytes of their items.

use std::io;

use serde::Serialize;

/// The most bytes of JSON that the items of a page have together. With what stands around them, 256 KiB.
pub const PAGE_BYTES: usize = 255 * 1024;

/// Drops what is too much for a page from the end of a list; a single item stays, however large. Returns true if
/// something was dropped.
pub fn keep_first<T: Serialize>(items: &mut Vec<T>) -> bool {
    let count = fitting(items.iter());
    let is_cut = count < items.len();
    items.truncate(count);
    is_cut
}

/// The same from its beginning.
pub fn keep_last<T: Serialize>(items: &mut Vec<T>) -> bool {
    let left_out = items.len() - fitting(items.iter().rev());
    items.drain(..left_out);
    left_out > 0
}

/// The number of these items, in this order, that fit into a page: at least one.
pub fn fitting<T: Serialize>(items: impl Iterator<Item = T>) -> usize {
    let mut bytes = 0;
    let fits = |(at, item): &(usize, T)| {
        bytes += size(item) + ",".len();
        *at == 0 || bytes <= PAGE_BYTES
    };
    items.enumerate().take_while(fits).count()
}

/// The number of bytes it has as JSON.
fn size(item: &impl Serialize) -> usize {
    let mut size = Size(0);
    // Nothing that is listed fails to be written, nor does counting.
    let _ = serde_json::to_writer(&mut size, item);
    size.0
}

/// Counts what is written.
struct Size(usize);

impl io::Write for Size {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_dropped_from_the_end_that_is_asked() {
        // As JSON six times as long: four of them fit.
        let texts: Vec<_> = (0..10).map(|number| format!("{number}{}", "\u{1}".repeat(10_000))).collect();
        let mut first = texts.clone();
        assert!(keep_first(&mut first));
        assert_eq!(first, texts[..4]);
        let mut last = texts.clone();
        assert!(keep_last(&mut last));
        assert_eq!(last, texts[6..]);
        assert!(!keep_first(&mut first) && !keep_last(&mut last), "all of it fits");
    }

    #[test]
    fn one_item_stays_however_large() {
        let large = "x".repeat(2 * PAGE_BYTES);
        let mut items = vec![large.clone(), String::new()];
        assert!(keep_first(&mut items));
        assert_eq!(items[..], [large.as_str()]);
        let mut items = vec![String::new(), large.clone()];
        assert!(keep_last(&mut items));
        assert_eq!(items, [large.as_str()]);
        assert!(!keep_first(&mut Vec::<String>::new()));
    }
}
