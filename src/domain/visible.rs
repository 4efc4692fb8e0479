//! Visible text: the one rule for names, emoji and texts that say nothing, from Unicode's tables.

use icu_properties::{
    CodePointMapData, CodePointSetData,
    props::{
        BinaryProperty, CanonicalCombiningClass, DefaultIgnorableCodePoint, Emoji, EmojiModifier, EnumeratedProperty,
        ExtendedPictographic, GeneralCategory, JoiningType, NoncharacterCodePoint, PrependedConcatenationMark, Script,
        UnifiedIdeograph, VariationSelector,
    },
};

/// Characters that Unicode draws as blank although it counts them among letters, marks and symbols.
const BLANK: [char; 5] = ['\u{2800}', '\u{13441}', '\u{13442}', '\u{16fe4}', '\u{1d159}'];
/// The flags that are written with tags after 🏴: England, Scotland and Wales (emoji-sequences.txt of UTS 51).
const TAGGED_FLAGS: [&str; 3] = ["gbeng", "gbsct", "gbwls"];
const BLACK_FLAG: char = '\u{1f3f4}';
const CANCEL_TAG: char = '\u{e007f}';
const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';

/// The effect of a character at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is no default-ignorable character.
    Itself,
    /// It shapes its neighbours: a joiner where the script needs one (`ContextJ` of UTS 46; RFC 5892, A.1 and
    /// A.2), or the tags of a flag.
    Shapes,
    /// It joins two emoji into one, if the reader's font has that one (UTS 51, ED-16).
    JoinsEmoji,
    /// It selects among the forms of the character before it.
    Varies,
    /// It changes nothing that can be seen.
    Nothing,
}

/// Returns true if the character is seen by itself. What is not assigned yet is taken to be: an emoji may be
/// newer than the tables.
#[must_use]
pub fn shows(c: char) -> bool {
    use GeneralCategory as Category;
    if c.is_ascii() {
        return c.is_ascii_graphic();
    }
    let is_unseen = match category(c) {
        Category::Control | Category::SpaceSeparator | Category::LineSeparator | Category::ParagraphSeparator => true,
        Category::Format => !has::<PrependedConcatenationMark>(c),
        Category::Unassigned => has::<NoncharacterCodePoint>(c),
        _ => false,
    };
    !is_unseen && !has::<DefaultIgnorableCodePoint>(c) && !BLANK.contains(&c)
}

/// Returns true if nothing of the text can be seen.
#[must_use]
pub fn says_nothing(text: &str) -> bool {
    !text.chars().any(shows)
}

/// The invisible characters, as the inside of a class of a pattern, as far as every dialect of patterns can say it:
/// below U+10000.
pub const UNSEEN_CLASS: &str = r"\u0000-\u0020\u007f-\u00a0\u00ad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2028-\u202f\u205f-\u206f\u2800\u3000\u3164\ufdd0-\ufdef\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff";

/// Returns true if a name may have the character, whatever stands beside it: it shows, or is a plain space.
#[must_use]
pub fn is_plain(c: char) -> bool {
    c == ' ' || (shows(c) && !matches!(category(c), GeneralCategory::PrivateUse | GeneralCategory::Unassigned))
}

/// The text's characters, each with what it does.
#[must_use]
pub fn roles(text: &str) -> Vec<(char, Role)> {
    let chars: Vec<char> = text.chars().collect();
    (0..chars.len()).map(|at| (chars[at], role(&chars, at))).collect()
}

/// The text without the characters that do one of these.
#[must_use]
pub fn without(text: &str, dropped: &[Role]) -> String {
    // Most texts have none, and names are folded for every row that is read.
    if !text.chars().any(is_ignorable) {
        return text.to_owned();
    }
    roles(text).into_iter().filter(|(_, role)| !dropped.contains(role)).map(|(c, _)| c).collect()
}

fn role(chars: &[char], at: usize) -> Role {
    let c = chars[at];
    if !is_ignorable(c) {
        return Role::Itself;
    }
    let (before, after) = (&chars[..at], &chars[at + 1..]);
    let follows_virama = before.last().is_some_and(|c| is_virama(*c));
    match c {
        ZERO_WIDTH_JOINER if joins_emoji(before, after) => Role::JoinsEmoji,
        ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER if follows_virama => Role::Shapes,
        ZERO_WIDTH_NON_JOINER if parts_joined_letters(before, after) => Role::Shapes,
        '\u{e0020}'..=CANCEL_TAG if is_in_flag(chars, at) => Role::Shapes,
        c if has::<VariationSelector>(c) && before.last().is_some_and(|c| has_forms(*c)) => Role::Varies,
        _ => Role::Nothing,
    }
}

fn is_ignorable(c: char) -> bool {
    !c.is_ascii() && has::<DefaultIgnorableCodePoint>(c)
}

fn joins_emoji(before: &[char], after: &[char]) -> bool {
    let belongs = |c: &&char| has::<VariationSelector>(**c) || has::<EmojiModifier>(**c);
    let is_emoji = |c: Option<&char>| c.is_some_and(|c| has::<ExtendedPictographic>(*c));
    is_emoji(before.iter().rev().find(|c| !belongs(c))) && is_emoji(after.first())
}

/// RFC 5892, A.1: the letters on both sides would join across what lies between.
fn parts_joined_letters(before: &[char], after: &[char]) -> bool {
    let joining = |c: &char| property::<JoiningType>(*c);
    let is_seen = |joining: &JoiningType| *joining != JoiningType::Transparent;
    let left = before.iter().rev().map(joining).find(is_seen);
    let right = after.iter().map(joining).find(is_seen);
    matches!(left, Some(JoiningType::LeftJoining | JoiningType::DualJoining))
        && matches!(right, Some(JoiningType::RightJoining | JoiningType::DualJoining))
}

fn is_virama(c: char) -> bool {
    property::<CanonicalCombiningClass>(c) == CanonicalCombiningClass::Virama
}

/// Returns true if the tag belongs to one of the flags that have tags.
fn is_in_flag(chars: &[char], at: usize) -> bool {
    let Some(flag) = chars[..at].iter().rposition(|c| *c == BLACK_FLAG) else { return false };
    TAGGED_FLAGS.iter().any(|region| {
        let tags = region.bytes().filter_map(|letter| char::from_u32(0xe0000 + u32::from(letter)));
        let tags: Vec<char> = tags.chain([CANCEL_TAG]).collect();
        chars[flag + 1..].starts_with(&tags) && at <= flag + tags.len()
    })
}

/// Returns true if the character has forms that a selector may select: an emoji, an ideograph or a Mongolian letter.
fn has_forms(c: char) -> bool {
    has::<Emoji>(c) || has::<UnifiedIdeograph>(c) || property::<Script>(c) == Script::Mongolian
}

fn has<P: BinaryProperty>(c: char) -> bool {
    CodePointSetData::new::<P>().contains(c)
}

fn property<P: EnumeratedProperty>(c: char) -> P {
    CodePointMapData::<P>::new().get(c)
}

fn category(c: char) -> GeneralCategory {
    property(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_shows_is_told_from_what_does_not() {
        for seen in ['a', 'é', '漢', '👍', '\u{301}', '\u{600}', '\u{e000}', '\u{1faff}', '\u{378}'] {
            assert!(shows(seen), "{:x}", seen as u32);
        }
        let unseen = " \0\n\u{a0}\u{ad}\u{34f}\u{61c}\u{115f}\u{17b4}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{2028}\u{202e}\u{2060}\u{2065}\
                      \u{2800}\u{3000}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff0}\u{fffb}\u{ffff}\u{1d159}\u{1d173}\u{e0001}\u{e0041}\u{e0100}";
        for c in unseen.chars() {
            assert!(!shows(c), "{:x}", c as u32);
        }
        assert!(says_nothing(unseen) && says_nothing("") && !says_nothing("\u{200b}."));
    }

    #[test]
    fn the_class_has_just_what_does_not_show() {
        let mut ends = Vec::new();
        for part in UNSEEN_CLASS.split('\\').skip(1) {
            let end = char::from_u32(u32::from_str_radix(&part[1..5], 16).unwrap()).unwrap();
            ends.push((end, part.ends_with('-')));
        }
        let mut class = Vec::new();
        let mut first = None;
        for (end, goes_on) in ends {
            class.extend(first.take().unwrap_or(end)..=end);
            first = goes_on.then_some(end);
        }
        class.dedup();
        let unseen: Vec<char> = ('\0'..='\u{ffff}').filter(|c| !shows(*c)).collect();
        assert_eq!(class, unseen);
    }

    #[test]
    fn joiners_shape_where_a_script_needs_them() {
        let role_of = |text: &str, c: char| roles(text).into_iter().find(|(one, _)| *one == c).unwrap().1;
        let (zwnj, zwj) = (ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER);
        for (text, c, role) in [
            // Persian, between letters that would join, also across a mark.
            ("می\u{200c}خواهم", zwnj, Role::Shapes),
            ("مي\u{64e}\u{200c}خ", zwnj, Role::Shapes),
            // Hindi and Malayalam, after a virama.
            ("क्\u{200d}ष", zwj, Role::Shapes),
            ("क्\u{200c}ष", zwnj, Role::Shapes),
            // An alef joins nothing after it; Latin letters join nothing.
            ("ا\u{200c}خ", zwnj, Role::Nothing),
            ("a\u{200c}b", zwnj, Role::Nothing),
            ("می\u{200c}", zwnj, Role::Nothing),
            ("a\u{200d}b", zwj, Role::Nothing),
            ("👩\u{200d}💻", zwj, Role::JoinsEmoji),
            ("👩🏽\u{200d}💻", zwj, Role::JoinsEmoji),
            ("❤\u{fe0f}\u{200d}🔥", zwj, Role::JoinsEmoji),
            ("👩\u{200d}", zwj, Role::Nothing),
            ("\u{200d}💻", zwj, Role::Nothing),
            ("❤\u{fe0f}", '\u{fe0f}', Role::Varies),
            ("1\u{fe0f}\u{20e3}", '\u{fe0f}', Role::Varies),
            ("葛\u{e0100}", '\u{e0100}', Role::Varies),
            ("a\u{fe0f}", '\u{fe0f}', Role::Nothing),
            ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", '\u{e0062}', Role::Shapes),
            ("🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}", '\u{e007f}', Role::Shapes),
            ("🏴\u{e0068}\u{e0069}\u{e007f}", '\u{e0068}', Role::Nothing),
            ("a\u{e0067}", '\u{e0067}', Role::Nothing),
        ] {
            assert_eq!(role_of(text, c), role, "{}", text.escape_unicode());
        }
    }
}
