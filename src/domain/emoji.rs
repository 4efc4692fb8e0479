//! Reactions: one visible character, or a name.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use super::{
    invalid::Invalid,
    visible::{Role, says_nothing, without},
};

/// The most bytes of UTF-8 an emoji may have.
pub const MAX_EMOJI_BYTES: usize = 64;
/// The most different emoji on one message.
pub const MAX_EMOJI: usize = 50;

/// The emoji, if the text is one grapheme cluster that shows, or `:shortcode:`; in NFC.
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
    Err(Invalid::new("emoji", "is one character that shows, of at most 64 bytes, or a :shortcode:"))
}

/// The key by which emoji that look the same are one: the emoji without selectors, such as the one that asks for
/// colours, and without what changes nothing.
fn key(emoji: &str) -> String {
    without(emoji, &[Role::Varies, Role::Nothing])
}

/// The one of these that looks like the emoji: the same in writing if there is one, as messages of earlier
/// versions may have both.
#[must_use]
pub fn among<'a>(shown: impl IntoIterator<Item = &'a str>, emoji: &str) -> Option<&'a str> {
    let (key_of_emoji, mut alike) = (key(emoji), None);
    for one in shown {
        if one == emoji {
            return Some(one);
        }
        if alike.is_none() && key(one) == key_of_emoji {
            alike = Some(one);
        }
    }
    alike
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
    let mut graphemes = text.graphemes(true);
    let is_one = graphemes.next().is_some() && graphemes.next().is_none();
    is_one && !says_nothing(text) && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::{among, parse};

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
            "\u{ad}",
            "\u{3164}",
            "\u{2800}",
            "\u{fe0f}",
            "\u{e0100}",
            "👍\u{200b}",
            &long,
            &":a:".repeat(200),
        ] {
            assert_eq!(parse(bad).unwrap_err().field, "emoji", "{bad:?}");
        }
        assert_eq!(parse("e\u{301}").unwrap(), "\u{e9}");
    }

    #[test]
    fn emoji_that_look_the_same_are_one() {
        let flag = |tags: &str| "🏴".to_owned() + tags;
        for (shown, same) in [
            ("👍", "👍\u{fe0f}"),
            ("❤\u{fe0f}", "❤"),
            ("❤\u{fe0e}", "❤\u{fe0f}"),
            ("1\u{fe0f}\u{20e3}", "1\u{20e3}"),
            ("👍", "👍\u{200d}"),
            ("👍", "👍\u{34f}"),
            ("é", "e\u{301}"),
            ("🏴", &flag("\u{e0068}\u{e007f}")),
            ("🏳\u{fe0f}\u{200d}🌈", "🏳\u{200d}🌈"),
        ] {
            let (shown, same) = (parse(shown).unwrap(), parse(same).unwrap());
            assert_eq!(among([":a:", shown.as_str()], &same), Some(shown.as_str()), "{same}");
        }
        for (one, other) in [
            ("👍", "👍🏽"),
            ("👍", "👎"),
            ("🏴", &flag("\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}")),
            ("🏳", "🏳\u{200d}🌈"),
            (":a:", ":A:"),
        ] {
            assert_eq!(among([one], other), None, "{one} {other}");
        }
        let both = ["👍", "👍\u{fe0f}"];
        assert_eq!(both.map(|emoji| among(both, emoji)), both.map(Some));
    }
}
