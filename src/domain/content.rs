//! The content of a message, and the limit of its length.

use std::{fmt, str::FromStr};

use utoipa::openapi::{ObjectBuilder, RefOr, Schema, schema::Type};

use super::{
    invalid::Invalid,
    visible::{UNSEEN_CLASS, says_nothing},
};

/// The most bytes there can be, whatever is set: written with escapes, in JSON or in a form, most texts
/// have up to three times as many, and all of a request has to fit into 64 KiB.
pub const MAX_CONTENT_BYTES: usize = 20_000;
/// The most bytes, unless another limit is set.
const DEFAULT_BYTES: usize = 10_000;

/// The most bytes of UTF-8 that a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContentLimit(usize);

impl ContentLimit {
    /// The content, if it keeps the rules.
    ///
    /// # Errors
    /// [`Invalid`] with what is wrong.
    pub fn check(self, content: String) -> Result<String, Invalid> {
        let invalid = |detail: &str| Err(Invalid::new("content", detail));
        if content.len() > self.0 {
            return invalid(&format!("a message has at most {self} bytes of UTF-8, and this has {}", content.len()));
        }
        if content.contains('\0') {
            return invalid("a message has no NUL character");
        }
        if says_nothing(&content) {
            return invalid("a message has at least one character that shows");
        }
        Ok(content)
    }

    /// The rules, for the document.
    #[must_use]
    pub fn schema(self) -> Schema {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some(format!(
                "What is said: 1 to {self} bytes of UTF-8, with at least one character that shows, no NUL. Stored as sent."
            )))
            .min_length(Some(1))
            .max_length(Some(self.0))
            .pattern(Some(format!(r"^[^\u0000]*[^{UNSEEN_CLASS}][^\u0000]*$")))
            .examples(["Hello"])
            .into()
    }
}

impl Default for ContentLimit {
    fn default() -> Self {
        Self(DEFAULT_BYTES)
    }
}

impl fmt::Display for ContentLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for ContentLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = text.parse().ok().filter(|bytes| (1..=MAX_CONTENT_BYTES).contains(bytes));
        bytes.map(Self).ok_or_else(|| format!("has to be from 1 to {MAX_CONTENT_BYTES} bytes"))
    }
}

/// The schema of a content, where the document has it under a name of its own.
#[derive(Debug)]
pub struct Content;

impl utoipa::PartialSchema for Content {
    fn schema() -> RefOr<Schema> {
        ContentLimit::default().schema().into()
    }
}

impl utoipa::ToSchema for Content {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_counted_in_bytes_and_kept_as_sent() {
        let limit = ContentLimit::default();
        assert_eq!(limit.check("  a\r\n\u{2028} ".into()).unwrap(), "  a\r\n\u{2028} ");
        assert!(limit.check("é".repeat(5_000)).is_ok());
        for bad in ["", " \n\t ", "\u{200b}", "\u{fe0f}\u{2800}", "a\0b", &"x".repeat(10_001)] {
            assert_eq!(limit.check(bad.into()).unwrap_err().field, "content");
        }
    }

    #[test]
    fn the_limit_is_what_is_set() {
        let limit: ContentLimit = "3".parse().unwrap();
        assert!(limit.check("abc".into()).is_ok());
        let error = limit.check("é!!".into()).unwrap_err();
        assert_eq!(error.detail, "a message has at most 3 bytes of UTF-8, and this has 4");
        for bad in ["0", "20001", "-1", "10k", ""] {
            assert!(bad.parse::<ContentLimit>().is_err(), "{bad}");
        }
        assert!("20000".parse::<ContentLimit>().is_ok());
    }
}
