//! What a reaction is: one thing to be seen, or its name.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::invalid::Invalid;

/// The most bytes of UTF-8 an emoji may have.
pub const MAX_EMOJI_BYTES: usize = 64;
/// The most different emoji on one message.
pub const MAX_EMOJI: usize = 50;

/// The emoji, if the text is one grapheme cluster that can be seen, or `:shortcode:`; in NFC, so that
/// what looks the same is the same.
///
/// # Errors
/// [`Invalid`] with the rule, for the field `emoji`.
pub fn parse(text: &str) -> Result<String, Invalid> {
    let fits = |emoji: &str| emoji.len() <= MAX_EMOJI_BYTES && (is_shortcode(emoji) || is_grapheme(emoji));
    // Composing never makes a text of this length fit: refused before it is done.
    if text.len() <= 4 * MAX_EMOJI_BYTES {
        let emoji: String = text.nfc().collect();
        if fits(&emoji) {
            return Ok(emoji);
        }
    }
    Err(Invalid::new("emoji", "is one character to be seen, of at most 64 bytes, or a :shortcode:"))
}

/// The answer to one emoji too many.
#[must_use]
pub fn too_many() -> Invalid {
    Invalid::new("emoji", "a message has at most 50 different ones")
}

fn is_shortcode(text: &str) -> bool {
    let name = text.strip_prefix(':').and_then(|text| text.strip_suffix(':'));
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+');
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(allowed))
}

fn is_grapheme(text: &str) -> bool {
    let blank = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut graphemes = text.graphemes(true);
    // A joiner holds an emoji together, but is none by itself.
    graphemes.next().is_some_and(|first| !first.starts_with(blank) && !first.contains(char::is_control))
        && graphemes.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn one_thing_to_be_seen_is_an_emoji() {
        for good in [
            "👍",
            "❤️",
            "👩‍👩‍👧‍👦",
            "🇩🇪",
            "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
            "é",
            "1️⃣",
            ":+1:",
            ":thumbs_up-2:",
        ] {
            assert!(parse(good).is_ok(), "{good}");
        }
        let long = "e".to_owned() + &"\u{301}".repeat(40);
        for bad in [
            "",
            " ",
            "\0",
            "\r\n",
            "👍👍",
            "hello",
            "::",
            ":a b:",
            ":\u{e9}:",
            "\u{200d}",
            "\u{202e}",
            &long,
            &":a:".repeat(200),
        ] {
            assert_eq!(parse(bad).unwrap_err().field, "emoji", "{bad:?}");
        }
        assert_eq!(parse("e\u{301}").unwrap(), "\u{e9}");
    }
}
